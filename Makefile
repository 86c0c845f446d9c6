# SPDX-License-Identifier: GPL-2.0
# For people; the kernel's build reads Kbuild.  `make help` lists what there is.

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

# Every target that `make help` lists.
.PHONY: $(shell sed -nE 's/^([a-z-]+):[^\#]*\#\# .*/\1/p' $(firstword $(MAKEFILE_LIST)))

modules: ## build the modules for the running kernel (KVER=, KDIR= for another)
	@test -e $(KDIR)/Makefile || { \
		echo "no kernel headers in $(KDIR): install linux-headers-$(KVER), or give KDIR=" >&2; exit 1; }
	@scripts/supported --or-newer "$$(cat $(KDIR)/include/config/kernel.release 2>/dev/null || echo $(KVER))"
	$(KBUILD) modules

install: ## module, headers and symbol versions (KVER=, PREFIX=, DESTDIR=, INSTALL_MOD_PATH=)
	@$(INSTALL) install

install-headers: ## the public headers only
	@$(INSTALL) headers

uninstall: ## take away what install brought, given the same variables
	@$(INSTALL) uninstall

deb: ## Debian packages hakmem-dkms and hakmem-dev, in build/deb
	@scripts/deps deb
	@scripts/deb

check-install: ## install, dkms and packages in a clean Debian 12, for two kernels; nothing left behind
	@scripts/check-install

check-static: ## W=1, sparse, checkpatch, kernel-doc, clang, shellcheck: nothing to report
	@scripts/deps static
	@scripts/check-static

demo: ## everything in one go: build, boot a stock kernel in QEMU, load, bench, look, unload
	@scripts/demo

check: ## layers, harness, stock kernel, self-test, example, instruction budget, KUnit, failing loads, torture
	@scripts/check

check-layers: ## who includes whom, kernel versions only in port/, licence lines, 100 columns
	@scripts/deps check
	@scripts/check-layers

check-guards: ## which lock guards what, read by clang
	@scripts/check-guards

check-docs: ## documents and comments: nothing they name is missing, no count is wrong
	@scripts/deps check
	@scripts/check-docs

check-harness: ## the tests of the tests: each kind of trouble must turn the verdict red
	@scripts/check-harness

check-smoke: ## stock 6.12 in QEMU: load, bench, bad input, unload, nothing left
	@scripts/deps demo
	@scripts/check-smoke

check-selftest: ## the self-test module on stock 6.12: bad frees, NMIs, probes, storms, leaks
	@scripts/deps demo
	@scripts/check-selftest

check-suites: ## the suites of kunit/ on stock 6.12, which has no KUnit (SEED=, OPS=)
	@scripts/deps demo
	@SEED="$(SEED)" OPS="$(OPS)" scripts/check-suites

check-example: ## examples/ built out of the tree and run on stock 6.12
	@scripts/deps demo
	@scripts/check-example

check-dropin: ## kmem_cache on hakmem: every call, the backend parameter, misuse that must not compile
	@scripts/deps demo
	@scripts/check-dropin

dropin: ## unmodified ext4 and nf_conntrack on hakmem and on slub, in QEMU; ten minutes (FILES=, FLOWS=)
	@scripts/deps dropin
	@FILES="$(FILES)" FLOWS="$(FLOWS)" scripts/dropin

check-budget: ## exact instruction counts on stock 6.12 against tests/budget-6.12.txt
	@scripts/deps demo
	@scripts/check-budget

check-kunit: ## KUnit on User-Mode Linux at native speed
	@scripts/deps check
	@scripts/check-kunit fast

check-kunit-debug: ## KUnit on User-Mode Linux with lockdep and other debugging
	@scripts/deps check
	@scripts/check-kunit debug

check-kunit-kasan: ## KUnit on User-Mode Linux with KASAN, UBSAN and kmemleak
	@scripts/deps check
	@scripts/check-kunit kasan

check-failinit: ## each allocation of loading hakmem fails in turn, nothing stays behind
	@scripts/deps check
	@scripts/check-failinit

torture: ## every use at once, each object watched, on UML and stock 6.12; 10 minutes (HOURS=, SEED=)
	@scripts/deps check
	@HOURS="$(HOURS)" SEED="$(SEED)" scripts/torture

check-torture: ## the same for half a minute
	@scripts/deps check
	@SEED="$(SEED)" scripts/torture quick

torture-sanitizers: ## the same under KASAN, lockdep and KCSAN, on UML and x86; half an hour (SANITIZER_SECONDS=120 MACHINES=x86-kcsan)
	@scripts/deps check
	@SEED="$(SEED)" SANITIZER_SECONDS="$(SANITIZER_SECONDS)" MACHINES="$(MACHINES)" scripts/torture sanitizers

torture-busted: ## bugs planted in the core, each of which torture must find (NAMES=05 for some)
	@scripts/deps check
	@SEED="$(SEED)" scripts/torture-busted $(NAMES)

kunit: check-kunit check-kunit-debug check-kunit-kasan ## the three KUnit runs at native speed

check-debug: ## KUnit on x86 in QEMU with KASAN, kmemleak and lockdep; slow, not part of check
	@scripts/deps check
	@scripts/check-kunit x86

check-kcsan: ## KUnit, self-test and benchmark on x86 in QEMU with KCSAN; slow, not part of check
	@scripts/deps check
	@scripts/check-kcsan

coverage: ## lines and branches of the core that the tests run, on User-Mode Linux; not part of check
	@scripts/deps check
	@scripts/coverage

mutation: ## small faults in tiny/ and superslab/: which do the tests see? (SEED=1 MUTANTS=100 ONLY=numbers)
	@SEED="$(SEED)" MUTANTS="$(MUTANTS)" STAGES="$(STAGES)" scripts/mutation $(ONLY)

kunit-stage: ## put module and suites into a kernel tree (TREE=), for its own kunit.py
	@scripts/kunit-stage "$(TREE)"

check-user: ## black-box tests of libhakmem.so: the malloc family, bad frees, threads, fork
	@scripts/check-user-tests

check-programs: ## python3, git, gcc, sqlite3, perl, redis under libhakmem.so (PROGRAMS=perl for some)
	@scripts/check-programs $(PROGRAMS)

check-kunit-stage: ## the same in a copy of the kernel source, built and run; not part of check
	@scripts/deps check
	@scripts/check-kunit-stage

check-nodes: ## stock 6.12 with 2 and 4 memory nodes, one without memory, and with 192 MiB
	@scripts/deps demo
	@scripts/check-nodes

matrix: ## each stock kernel of kernels.txt, and one with 64 CPUs (NAMES=7.3 for some); not part of check
	@scripts/deps matrix
	@scripts/matrix $(NAMES)

check-cycles: ## 100 times load, use and unload (CYCLES=, MACHINE=x86-debug for kmemleak)
	@scripts/deps demo
	@CYCLES="$(CYCLES)" MACHINE="$(MACHINE)" scripts/check-cycles

check-hotplug: ## stock 6.12: a CPU goes and comes under a load (CYCLES=20), memory is plugged in
	@scripts/deps demo
	@CYCLES="$(CYCLES)" scripts/check-hotplug

bench: ## instruction counts of every pattern on stock 6.12, hardened=0 and 1
	@scripts/deps demo
	@scripts/bench icount

bench-init: ## the budget's rows with init_on_alloc=1, as Debian boots
	@scripts/deps demo
	@scripts/bench init

bench-memory: ## pages held, in a guest of 2 GiB
	@scripts/deps demo
	@scripts/bench memory

latency: ## each call alone, p50 to max, and the longest stretch nobody can interrupt
	@scripts/deps check
	@scripts/bench latency

bench-uml: ## times at native speed on User-Mode Linux, hardened=0 and 1
	@scripts/deps check
	@scripts/bench uml

bench-user: ## user space: hakmem against glibc, jemalloc, tcmalloc, mimalloc (QUICK=1, ROUNDS=, ONLY=)
	@scripts/bench-user

check-unit: ## the suites in user space: sanitizers, threads that change CPUs, valgrind (SEED=, OPS=)
	@SEED="$(SEED)" OPS="$(OPS)" scripts/check-unit

check-fuzz: ## libFuzzer over operations in user space, against a shadow (FUZZ_SECONDS=60)
	@FUZZ_SECONDS="$(FUZZ_SECONDS)" scripts/check-fuzz

check-fuzz-kernel: ## the same programs in the kernel, on User-Mode Linux (SEED=, NUMBER=500)
	@scripts/deps check
	@SEED="$(SEED)" NUMBER="$(NUMBER)" RUNS="$(RUNS)" scripts/check-fuzz-kernel

check-bench-user: ## bench-user itself: rows served by another are INVALID, counts are calibrated
	@scripts/check-bench-user

report: ## one HTML page of bench-user's figures, the kernel's beside them
	@scripts/report

ablation: ## what each switch is worth, in instructions
	@scripts/deps demo
	@scripts/bench ablation

userspace: ## the same core in user space: build/user/libhakmem.so for LD_PRELOAD
	@scripts/deps build
	@$(MAKE) --no-print-directory -C userspace-bench

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
