# SPDX-License-Identifier: GPL-2.0
# The libFuzzer target over the core in user space; included by ../Makefile.

FUZZ_CC := clang-14
FUZZ_CFLAGS := -I$(UNIT_INCLUDE) -Iunit $(HAK_CFLAGS) -O2 -g -DSHIM_KERNEL_OWNS=unit_kernel_owns \
	-fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined -Wno-unknown-pragmas -Wno-missing-field-initializers
FUZZ_SOURCES := $(LIB) unit/watched.c unit/hak_kernel.c unit/migrate.c $(wildcard fuzz/*.c)
FUZZ_OBJECTS := $(foreach src,$(FUZZ_SOURCES),$(OUT)/fuzz/$(notdir $(src:.c=.o)))

define fuzz_rule
$(OUT)/fuzz/$(notdir $(1:.c=.o)): $(1) $(UNIT_HEADERS) $(UNIT_EMPTY) fuzz/fuzz.h Makefile fuzz/rules.mk | $(OUT)/fuzz
	@echo "  CC [fuzz] $$(notdir $$<)"
	$$(Q)$$(FUZZ_CC) $$(FUZZ_CFLAGS) -c $$< -o $$@
endef
$(foreach src,$(FUZZ_SOURCES),$(eval $(call fuzz_rule,$(src))))

$(OUT)/fuzz:
	@mkdir -p $@

.PHONY: fuzz
fuzz: $(OUT)/fuzz/hak_fuzz
$(OUT)/fuzz/hak_fuzz: $(FUZZ_OBJECTS)
	@echo "  LD [fuzz] hak_fuzz"
	$(Q)$(FUZZ_CC) -g -fsanitize=fuzzer,address,undefined $^ -o $@ $(UNIT_LINK)
