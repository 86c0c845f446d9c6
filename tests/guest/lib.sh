# SPDX-License-Identifier: GPL-2.0
# Sourced by the tests that run inside a guest (busybox sh).
. /env
D=/sys/kernel/debug/hakmem

ok() { echo "ok - $*"; }
not_ok() { echo "not ok - $*"; }

# check NAME COMMAND...: passes if the command succeeds.
check()
{
	local name=$1
	shift
	if "$@" >/tmp/out 2>&1; then ok "$name"; else not_ok "$name: $* failed: $(tail -n 2 /tmp/out | tr '\n' ' ')"; fi
}

# refuse NAME COMMAND...: passes if the command fails.
refuse()
{
	local name=$1
	shift
	if "$@" >/tmp/out 2>&1; then not_ok "$name: $* succeeded"; else ok "$name"; fi
}

load() { local m=$1; shift; insmod "/modules/$m.ko" "$@"; }
loaded() { grep -q "^$1 " /proc/modules; }
put() { printf '%s\n' "$1" >"$2"; }	# put TEXT FILE; fails as write(2) does
stat() { awk -v n="$1" '$1 == n { print $2; f = 1 } END { if (!f) print "missing" }' "$D/stats"; }

# The data race detector is off while the kernel boots, whose races are not looked for.  It looks more
# often than by default, and longer: an emulated CPU does little in the 80 us that a real one is given.
KCSAN=/sys/kernel/debug/kcsan
if [ -e $KCSAN ]; then
	put 1000 /sys/module/kcsan/parameters/skip_watch
	put 5000 /sys/module/kcsan/parameters/udelay_task
	put 500 /sys/module/kcsan/parameters/udelay_interrupt
	put on $KCSAN
	check "KCSAN is on" grep -q '^enabled: 1' $KCSAN
fi
kcsan_told() { if [ -e $KCSAN ]; then awk '/^(setup_watchpoints|data_races|no_capacity)/ { print "# " $0 }' $KCSAN; fi; }

# check_btf NAME: a kernel with types of its own has those of hakmem, too.  Some refuse a module whose types do not fit
# theirs, others only say so.  Debian's headers of 6.1 bring no vmlinux, so no module built with them has types.
check_btf()
{
	[ -e /sys/kernel/btf/vmlinux ] || return 0
	case $(uname -r) in
	6.1.*)
		refuse "$1: the module has no types" grep -q '\.BTF' /modules/hakmem.ko
		return 0
		;;
	esac
	check "$1: the kernel has its types" test -s /sys/kernel/btf/hakmem
	refuse "$1: and says nothing against them" sh -c "dmesg | grep -E 'failed to validate module|BTF mismatch'"
}

# Everything back, and the books in order: no live object, nothing failed.
audit_zero()
{
	put 1 $D/shrink &&
	put 0 $D/audit &&
	cat $D/audit >/tmp/audit &&
	[ -s /tmp/audit ] &&
	! grep FAIL /tmp/audit
}

# Where the kernel has kmemleak, it must have nothing to say.  It reports what is 5 s old and the
# same in two scans.
check_leaks()
{
	local file=/sys/kernel/debug/kmemleak
	[ -e $file ] || return 0
	sleep 6
	put scan $file || not_ok "kmemleak does not scan $1"
	sleep 1
	put scan $file || not_ok "kmemleak does not scan $1"
	sleep 1
	head -n 60 $file >/tmp/leaks
	sed 's/^/# /' /tmp/leaks
	check "kmemleak is silent $1" test ! -s /tmp/leaks
}

# Free memory in kB.  MemFree is not enough: a freed SuperSlab may wait on a per-CPU list of
# the page allocator, which MemFree does not count.
free_kb() { awk '$1 == "nr_free_pages" || $1 == "count:" { n += $2 } END { print n * 4 }' /proc/zoneinfo; }

# Where the kernel can let allocations fail: none is let off, and those that fail on purpose are not reported.
faults_spare_nobody()
{
	local f
	for f in /sys/kernel/debug/failslab /sys/kernel/debug/fail_page_alloc; do
		[ -e $f ] || continue
		echo 0 >$f/verbose
		echo N >$f/ignore-gfp-wait
		[ ! -e $f/min-order ] || echo 0 >$f/min-order
	done
}

# What a kernel that counts has counted of the core, lines "gcda PATH BASE64".
hand_over_coverage()
{
	local gcov=/sys/kernel/debug/gcov f
	[ -d $gcov ] || return 0
	find $gcov -name '*.gcda' | grep '/\(tiny\|superslab\|debugfs\)/[a-z_]*\.gcda$\|/hakmem_kmod.gcda$' | while read -r f; do
		cat "$f" >/tmp/gcda
		echo "gcda ${f#"$gcov"} $(gzip -c /tmp/gcda | base64 | tr -d '\n')"
	done
}

# run_tests MODULE NAME PARAMETER...: loads a module of tests, prints its lines as checks of NAME, unloads
# it.  The kernel's log of it is in /tmp/log.
run_tests()
{
	local module=$1 name=$2 status=0
	shift 2
	dmesg -c >/dev/null
	insmod "/modules/$module.ko" "$@" || status=$?
	# insmod tries a second time when the first has failed.
	dmesg | sed "/$module: [0-9]* passed/q" >/tmp/log
	sed -n "s/^\[[^]]*\] $module: \(\(not \)\{0,1\}ok - \)\(.*\)/\1$name: \3/p" /tmp/log
	check "$name: $module says how it ended" grep -q "$module: [0-9]* passed, [0-9]* failed" /tmp/log
	if [ $status = 0 ]; then ok "$name: $module passes"; else not_ok "$name: $module fails"; fi
	loaded "$module" && rmmod "$module"
}
run_selftest() { run_tests hakmem_selftest "$@"; }

bench() { put "$1" $D/bench/run && cat $D/bench/result; }
