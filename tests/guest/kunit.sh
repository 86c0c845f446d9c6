# SPDX-License-Identifier: GPL-2.0
# Runs every KUnit suite; the cases report in the kernel's log.  PARAMS: hakmem's parameters,
# SUITES: those of the suites.  FILTER: a pattern of the suites to run.
. /lib.sh

# shellcheck disable=SC2086
load kunit enable=1 autorun=1 ${FILTER:+filter_glob=$FILTER} || not_ok "kunit.ko does not load"
# shellcheck disable=SC2086
check "hakmem loads ($PARAMS)" load hakmem $PARAMS
# For the suite hakmem_fail.
faults_spare_nobody
# shellcheck disable=SC2086
check "KUnit suites load" load hakmem_kunit $SUITES
check "audit after the suites: nothing live, nothing wrong" audit_zero
check_leaks "after the suites"
check "hakmem_kunit unloads" rmmod hakmem_kunit
check "hakmem unloads" rmmod hakmem
check "no page is held" sh -c "dmesg | grep 'hakmem: unloaded' | grep -q 'pages_held 0$'"
check "no module of hakmem's is left" sh -c '! grep ^hakmem /proc/modules'
refuse "its debugfs directory is gone" test -e $D
check_leaks "after unloading"

# Last, because what was leaked stays: a client forgets objects, and kmemleak names them.
finds_planted_leak()
{
	local file=/sys/kernel/debug/kmemleak found listed
	[ -e $file ] || return 0
	check "hakmem loads for a planted leak" load hakmem
	check "a client forgets 500 objects" load hakmem_selftest leak=500
	sleep 6
	# What it finds now is not for the console, where it would be a complaint.
	dmesg -n 1
	put scan $file
	sleep 1
	put scan $file
	sleep 1
	dmesg -n 8
	# Its file leaves some out.  Each read goes on behind as many objects of the kernel's as
	# the last one passed, and some of those are freed in between.  What a scan says of itself
	# is exact.
	cat $file >/tmp/leaks
	found=$(dmesg | awk '/kmemleak: .* new suspected/ { sub(/.*kmemleak: /, ""); n += $1 } END { print n + 0 }')
	listed=$(grep -c 'unreferenced object' /tmp/leaks)
	echo "# kmemleak found $found of 500 and lists $listed"
	# It takes any word anywhere for a reference, an old one too: up to 17 were missed in a run.
	check "kmemleak finds nearly all of them" test "$found" -ge 475
	check "and no more than there are" test "$found" -le 500
	check "it lists most of them" test "$listed" -ge 250
	check "and nothing else" test "$(grep -c 'comm "insmod"' /tmp/leaks)" = "$listed"
	# User-Mode Linux keeps no stacks.
	case $MACHINE in
	uml*) ;;
	*) check "with the call" test "$(grep -c st_leak /tmp/leaks)" = "$listed" ;;
	esac
	sed 's/^/# /' /tmp/leaks | head -n 20
}
finds_planted_leak
