# SPDX-License-Identifier: GPL-2.0
# The black-box tests of libhakmem.so: $(OUT)/tests/NAME from userspace-bench/tests/NAME.c.
# Included by userspace-bench/Makefile, and complete by itself: make -f .../rules.mk user-tests

tests_dir := $(abspath $(dir $(lastword $(MAKEFILE_LIST))))
OUT ?= $(abspath $(tests_dir)/../..)/build/user

USER_TESTS := api_test align_test realloc_test settings_test badfree_test thread_test flow_test \
	fork_test crowd_test info_test badptr_test model_test memory_test limits_test realtime_test
# No builtins: gcc would drop a malloc() whose result is only freed.
TESTS_CFLAGS := -O1 -g -Wall -Wextra -Werror -pthread -fno-builtin -I$(tests_dir)/../..
TESTS_HEADERS := $(tests_dir)/check.h $(wildcard $(tests_dir)/../../kunit/lib/hak_*.h)
TESTS_LIBS := -ldl

# The flags that bring hakmem's header in user space; a client's warnings are errors there, too.
CLIENT_CFLAGS := -std=gnu11 -I$(tests_dir)/../../port/user -I$(tests_dir)/../../include

.PHONY: user-tests
user-tests: $(USER_TESTS:%=$(OUT)/tests/%) $(OUT)/tests/client_test

$(OUT)/tests/%: $(tests_dir)/%.c $(tests_dir)/check.c $(TESTS_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(TESTS_CFLAGS) -o $@ $< $(tests_dir)/check.c $(TESTS_LIBS)

# -O2, or the inlined paths are not what is tested.
$(OUT)/tests/client_test: $(tests_dir)/client_test.c $(tests_dir)/check.c $(TESTS_HEADERS) $(OUT)/libhakmem.a
	@mkdir -p $(@D)
	$(CC) $(TESTS_CFLAGS) -O2 $(CLIENT_CFLAGS) -o $@ $< $(tests_dir)/check.c \
		$(OUT)/libhakmem.a -lm $(TESTS_LIBS)
