# SPDX-License-Identifier: GPL-2.0
# Builds the user-space benchmark; userspace-bench/Makefile includes it.
#
#   $(OUT)/bench-user      malloc and free through the PLT: LD_PRELOAD decides who serves
#   $(OUT)/bench-inlined   hakmem in the loop: needs $(OUT)/libhakmem.a and HAK_CFLAGS,
#                          the flags that bring <linux/hakmem.h> in user space
#
#   $(OUT)/hot-slot        what a slot in front of the magazine would gain; hot_slot.c says how
#
# The flags are fixed, so that instruction counts compare between machines.

BENCH_SRC := $(dir $(lastword $(MAKEFILE_LIST)))
BENCH_CC ?= gcc-12
BENCH_CFLAGS := -O2 -g -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wundef -Werror -fcf-protection=none -fPIE \
	-fno-builtin-malloc -fno-builtin-free -I$(BENCH_SRC)../..
BENCH_NAMES := main proof team seed larson pipe
# Of these only the loops see hakmem's headers.
BENCH_LOOPS := seed larson pipe
BENCH_HEADERS := $(wildcard $(BENCH_SRC)*.h) $(BENCH_SRC)../../kunit/lib/hak_random.h

BENCH_OBJECTS := $(BENCH_NAMES:%=$(OUT)/bench/%.o)
BENCH_INLINED_OBJECTS := $(BENCH_NAMES:%=$(OUT)/bench-inlined.o/%.o)

$(OUT)/bench-user: $(BENCH_OBJECTS)
	@echo "  LD $(notdir $@)"
	$(Q)$(BENCH_CC) -pie -pthread -o $@ $^ -ldl

$(OUT)/bench/%.o: $(BENCH_SRC)bench_%.c $(BENCH_HEADERS)
	@mkdir -p $(@D)
	@echo "  CC [bench] $(notdir $<)"
	$(Q)$(BENCH_CC) $(BENCH_CFLAGS) -pthread -c -o $@ $<

$(OUT)/bench-inlined: $(BENCH_INLINED_OBJECTS) $(OUT)/libhakmem.a
	@echo "  LD $(notdir $@)"
	$(Q)$(BENCH_CC) -pie -pthread -rdynamic -o $@ $^ -ldl

$(OUT)/bench-inlined.o/%.o: BENCH_HAK = $(if $(filter $*,$(BENCH_LOOPS)),$(HAK_CFLAGS))
$(OUT)/bench-inlined.o/%.o: $(BENCH_SRC)bench_%.c $(BENCH_HEADERS)
	@mkdir -p $(@D)
	@echo "  CC [inlined] $(notdir $<)"
	$(Q)$(BENCH_CC) $(BENCH_CFLAGS) -pthread $(BENCH_HAK) -DBENCH_INLINED -c -o $@ $<

# No position independence: the variables of a CPU are reached as a module reaches them.
$(OUT)/hot-slot: $(BENCH_SRC)hot_slot.c $(BENCH_SRC)hot_slot_loops.h
	@mkdir -p $(@D)
	@echo "  CC [bench] $(notdir $<)"
	$(Q)$(BENCH_CC) $(BENCH_CFLAGS) -Wno-unused-parameter -fno-PIE -no-pie -o $@ $<

.PHONY: hot-slot
hot-slot: $(OUT)/hot-slot
	@$<
