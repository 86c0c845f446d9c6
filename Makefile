# SPDX-License-Identifier: GPL-2.0
# For people; the kernel's build reads Kbuild.  `make help` lists what there is.

# The kernel's makefiles take a path for several, or stop without saying where.
ifneq ($(words $(subst :, ,$(CURDIR))),1)
$(error hakmem cannot be built in a path with blanks or colons: $(CURDIR))
endif

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
LLVM_ARG = $(if $(shell grep -s '^CONFIG_CC_IS_CLANG=y' $(KDIR)/.config),LLVM=1)
KBUILD = $(MAKE) -C $(KDIR) M=$(CURDIR) $(LLVM_ARG)

# Where `make install` puts things; scripts/install says what goes where.
DESTDIR ?=
PREFIX ?= /usr/local
INSTALL_MOD_PATH ?= $(DESTDIR)
INSTALL = KDIR="$(KDIR)" KVER="$(KVER)" DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" \
	INSTALL_MOD_PATH="$(INSTALL_MOD_PATH)" scripts/install

SHELL = /bin/bash
V ?= 0
export V

# Stages of tests/stages.txt that have targets of their own, besides check-NAME for each.
STAGES = ablation bench bench-init bench-memory bench-uml bench-user coverage dropin latency matrix mutation \
	torture torture-busted torture-sanitizers
# Every target that `make help` lists, and some that it does not.
.PHONY: $(shell sed -nE 's/^([a-z-]+):[^\#]*\#\# .*/\1/p' $(firstword $(MAKEFILE_LIST))) $(STAGES) install-headers kunit

modules: ## build the modules for the running kernel (KVER=, KDIR= for another)
	@test -e $(KDIR)/Makefile || { \
		echo "no kernel headers in $(KDIR): install linux-headers-$(KVER), or give KDIR=" >&2; exit 1; }
	@scripts/supported --or-newer "$$(cat $(KDIR)/include/config/kernel.release 2>/dev/null || echo $(KVER))"
	$(KBUILD) modules

install: ## module, headers and symbol versions (KVER=, PREFIX=, DESTDIR=, INSTALL_MOD_PATH=)
	@$(INSTALL) install

# The public headers only.
install-headers:
	@$(INSTALL) headers

uninstall: ## take away what install brought, given the same variables
	@$(INSTALL) uninstall

deb: ## Debian packages hakmem-dkms and hakmem-dev, in build/deb
	@scripts/deps deb
	@scripts/deb

userspace: ## the same core in user space: build/user/libhakmem.so for LD_PRELOAD
	@scripts/deps build
	@$(MAKE) --no-print-directory -C userspace-bench

demo: ## everything in one go: build, boot a stock kernel in QEMU, load, bench, look, unload
	@scripts/demo

shell: ## a prompt in a stock kernel in QEMU with hakmem and its bench loaded (SERIES=7.3 for another)
	@scripts/deps $(if $(SERIES),matrix,demo)
	@scripts/shell $(SERIES)

check: ## all tests; STAGE=smoke for one, STAGE="smoke budget" for some, STAGE=help for a list
	@scripts/check $(STAGE)

quick: ## what a change is asked first: about three minutes, once the kernels are there
	@scripts/check $@

check-%:
	@scripts/check $@

$(filter-out bench bench-user,$(STAGES)):
	@scripts/check $@

bench: ## instruction counts of every pattern on stock 6.12; STAGE=help lists what else is measured
bench-user: ## user space: hakmem against glibc, jemalloc, tcmalloc, mimalloc (QUICK=1, ROUNDS=, ONLY=)
bench bench-user:
	@scripts/check $@

kunit: # the three KUnit runs at native speed
	@scripts/check kunit kunit-debug kunit-kasan

census: ## which modules of the kernel that use kmem_cache_* build on the drop-in, on 6.1, 6.12 and 7.3 (NAMES=6.12, ONLY=)
	@scripts/deps matrix
	@scripts/census $(NAMES)

kunit-stage: ## put module and suites into a kernel tree (TREE=), for its own kunit.py
	@scripts/kunit-stage "$(TREE)"

report: ## one HTML page of bench-user's figures, the kernel's beside them
	@scripts/report

asm: ## the fast path disassembled, with instruction counts (FUNC=regex for others)
	@scripts/deps demo
	@scripts/asm $(FUNC)

clean: ## remove what was built here; kernels in the cache stay
	@rm -rf build
	@find . -path ./.git -prune -o \( -name '*.o' -o -name '*.o.d' -o -name '*.ko' -o -name '*.mod' \
		-o -name '*.mod.c' -o -name '.*.cmd' -o -name modules.order -o -name Module.symvers \) \
		-type f -exec rm -f {} +
	@rm -rf .tmp_versions

distclean: clean ## also remove the kernels this project cached
	@. scripts/lib.sh && rm -rf "$$HAK_CACHE/src" "$$HAK_CACHE/apt" "$$HAK_CACHE"/uml-* "$$HAK_CACHE"/x86-* \
		"$$HAK_CACHE"/kunit-stage-* "$$HAK_CACHE"/stock-* "$$HAK_CACHE"/root-*

help: ## this list
	@echo "targets (V=1 shows commands; HAKMEM_CACHE= is where kernels are kept):"
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'
