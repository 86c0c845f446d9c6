# SPDX-License-Identifier: GPL-2.0
# Runs every KUnit suite; the cases report in the kernel's log.  PARAMS: hakmem's parameters,
# SUITES: those of the suites.
. /lib.sh

load kunit enable=1 autorun=1 || not_ok "kunit.ko does not load"
# shellcheck disable=SC2086
check "hakmem loads ($PARAMS)" load hakmem $PARAMS
# For the suite hakmem_fail: no allocation is let off, and what fails on purpose is not reported.
for f in failslab fail_page_alloc; do
	[ -e /sys/kernel/debug/$f ] || continue
	echo 0 >/sys/kernel/debug/$f/verbose
	echo N >/sys/kernel/debug/$f/ignore-gfp-wait
	[ ! -e /sys/kernel/debug/$f/min-order ] || echo 0 >/sys/kernel/debug/$f/min-order
done
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
	local file=/sys/kernel/debug/kmemleak leaks
	[ -e $file ] || return 0
	check "hakmem loads for a planted leak" load hakmem
	check "a client forgets 100 objects" load hakmem_selftest leak=100
	sleep 6
	# What it finds now is not for the console, where it would be a complaint.
	dmesg -n 1
	put scan $file
	sleep 1
	put scan $file
	sleep 1
	dmesg -n 8
	# It takes any word anywhere for a reference, so it may miss one or the other.
	leaks=$(grep -c 'unreferenced object' $file)
	echo "# kmemleak names $leaks of 100"
	check "kmemleak names nearly all of them" test "$leaks" -ge 95
	check "and nothing else" test "$(grep -c 'comm "insmod"' $file)" = "$leaks"
	check "and no more than there are" test "$leaks" -le 100
	# User-Mode Linux keeps no stacks.
	case $MACHINE in
	uml*) ;;
	*) check "with the call" test "$(grep -c st_leak $file)" = "$leaks" ;;
	esac
	cat $file >/tmp/leaks
	sed 's/^/# /' /tmp/leaks | head -n 20
}
finds_planted_leak
