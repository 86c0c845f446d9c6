# SPDX-License-Identifier: GPL-2.0
# The libFuzzer target over the core in user space; included by ../Makefile.
#
#   fuzz/hak_fuzz       with the address and undefined-behaviour sanitizers
#   fuzz-cov/hak_fuzz   with clang's source coverage instead, for the corpus alone

FUZZ_CC := clang-14
FUZZ_CFLAGS := -I$(UNIT_INCLUDE) -Iunit $(HAK_CFLAGS) -O2 -g -DSHIM_KERNEL_OWNS=unit_kernel_owns \
	-fno-omit-frame-pointer -Wno-unknown-pragmas -Wno-missing-field-initializers
FUZZ_FLAGS_fuzz := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
FUZZ_LINK_fuzz := -fsanitize=fuzzer,address,undefined
FUZZ_FLAGS_fuzz-cov := -fprofile-instr-generate -fcoverage-mapping
FUZZ_LINK_fuzz-cov := -fsanitize=fuzzer -fprofile-instr-generate

# The byte code is torture/'s; what is the kernel's stays there.
FUZZ_CODE := $(filter-out %_kernel.c %_files.c,$(wildcard $(TOP)/torture/torture_code*.c))
FUZZ_HEADERS := $(UNIT_HEADERS) $(wildcard $(TOP)/torture/torture_code*.h)
FUZZ_SOURCES := $(LIB) unit/watched.c unit/hak_kernel.c unit/migrate.c $(FUZZ_CODE) \
	$(wildcard fuzz/*.c)

# fuzz_flavour NAME: its objects and its program
define fuzz_flavour
$(foreach src,$(FUZZ_SOURCES),$(eval $(call fuzz_rule,$(1),$(src))))
$(OUT)/$(1)/hak_fuzz: $(foreach src,$(FUZZ_SOURCES),$(OUT)/$(1)/$(notdir $(src:.c=.o)))
	@echo "  LD [$(1)] hak_fuzz"
	$$(Q)$$(FUZZ_CC) -g $$(FUZZ_LINK_$(1)) $$^ -o $$@ $$(UNIT_LINK)
$(OUT)/$(1):
	@mkdir -p $$@
endef

define fuzz_rule
$(OUT)/$(1)/$(notdir $(2:.c=.o)): $(2) $(FUZZ_HEADERS) $(UNIT_EMPTY) Makefile fuzz/rules.mk | $(OUT)/$(1)
	@echo "  CC [$(1)] $$(notdir $$<)"
	$$(Q)$$(FUZZ_CC) $$(FUZZ_CFLAGS) $$(FUZZ_FLAGS_$(1)) -c $$< -o $$@
endef

$(foreach flavour,fuzz fuzz-cov,$(eval $(call fuzz_flavour,$(flavour))))

.PHONY: fuzz
fuzz: $(OUT)/fuzz/hak_fuzz $(OUT)/fuzz-cov/hak_fuzz
