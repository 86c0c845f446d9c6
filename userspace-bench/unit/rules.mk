# SPDX-License-Identifier: GPL-2.0
# The suites of kunit/ and unit/ over the core in user space; included by ../Makefile.
#
# One program a flavour, $(OUT)/unit/<flavour>/unit, from the same sources:
#
#   plain         as libhakmem.a is built
#   unhardened    without a check on each free
#   asan          address and undefined-behaviour sanitizer
#   tsan          thread sanitizer
#   preempt       threads change CPUs while preemption is on (migrate.c)
#   preempt-tsan  both: a use of a CPU after it was left is a race

UNIT_FLAVOURS := plain unhardened asan tsan preempt preempt-tsan
UNIT_FLAGS_plain :=
UNIT_FLAGS_unhardened := -DSHIM_HARDENED=0
UNIT_FLAGS_asan := -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer -Wno-format-overflow
UNIT_FLAGS_tsan := -O1 -fsanitize=thread -Wno-tsan
UNIT_FLAGS_preempt := -DSHIM_PREEMPT=1
UNIT_FLAGS_preempt-tsan := -DSHIM_PREEMPT=1 $(UNIT_FLAGS_tsan)

# What may change CPUs at each end of a function: the core, and who inlines its calls in threads.
UNIT_MOVING := $(CORE) $(addprefix $(TOP)/kunit/,model_kunit.c smp_kunit.c flow_kunit.c) \
	unit/threads_unit.c
UNIT_MOVES_preempt := -finstrument-functions
UNIT_MOVES_preempt-tsan := -finstrument-functions

UNIT_KERNEL_ONLY := $(addprefix $(TOP)/kunit/,hak_kunit_module.c context_kunit.c rcu_kunit.c \
	node_kunit.c short_kunit.c backend_kunit.c client_kunit.c scale_kunit.c atomic_kunit.c locks_kunit.c \
	kasan_kunit.c hak_kunit_log.c wait_kunit.c lockdep_kunit.c report_kunit.c sample_kunit.c)
UNIT_KUNIT := $(filter-out $(UNIT_KERNEL_ONLY),$(wildcard $(TOP)/kunit/*.c))
UNIT_SOURCES := $(LIB) $(UNIT_KUNIT) $(TOP)/kunit/host/host_run.c $(wildcard unit/*.c)
UNIT_HEADERS := $(HEADERS) $(wildcard $(TOP)/kunit/*.h $(TOP)/kunit/*/*.h unit/*.h unit/kunit/*.h)
UNIT_LINK := -Wl,--wrap=alloc_pages_node -Wl,--wrap=shim_alloc_percpu -ldl -lpthread

# What a suite includes of the kernel by name is in unit/hak_kernel.h, which <kunit/test.h> brings.
UNIT_INCLUDE := $(OUT)/unit/include
UNIT_EMPTY := $(addprefix $(UNIT_INCLUDE)/linux/,completion.h delay.h jiffies.h kthread.h random.h \
	sched/mm.h)
UNIT_CFLAGS := -I$(UNIT_INCLUDE) -Iunit $(HAK_CFLAGS) $(OPT) -DSHIM_KERNEL_OWNS=unit_kernel_owns \
	-Wno-missing-field-initializers -Wno-array-bounds \
	-Wno-maybe-uninitialized

$(UNIT_EMPTY):
	@mkdir -p $(@D) && touch $@

# unit_flavour NAME: its objects and its program
define unit_flavour
$(foreach src,$(UNIT_SOURCES),$(eval $(call unit_rule,$(1),$(src))))
$(OUT)/unit/$(1)/unit: $(foreach src,$(UNIT_SOURCES),$(OUT)/unit/$(1)/$(notdir $(src:.c=.o)))
	@echo "  LD [$(1)] unit"
	$$(Q)$$(CC) $$(OPT) $$(UNIT_FLAGS_$(1)) $$^ -o $$@ $$(UNIT_LINK)
$(OUT)/unit/$(1):
	@mkdir -p $$@
endef

define unit_rule
$(OUT)/unit/$(1)/$(notdir $(2:.c=.o)): $(2) $(UNIT_HEADERS) $(UNIT_EMPTY) Makefile unit/rules.mk | $(OUT)/unit/$(1)
	@echo "  CC [$(1)] $$(notdir $$<)"
	$$(Q)$$(CC) $$(UNIT_CFLAGS) $$(UNIT_FLAGS_$(1)) $(if $(filter $(2),$(UNIT_MOVING)),$(UNIT_MOVES_$(1))) -c $$< -o $$@
endef

$(foreach flavour,$(UNIT_FLAVOURS),$(eval $(call unit_flavour,$(flavour))))

.PHONY: unit
unit: $(foreach flavour,$(UNIT_FLAVOURS),$(OUT)/unit/$(flavour)/unit)
