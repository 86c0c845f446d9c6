# SPDX-License-Identifier: GPL-2.0
# What a user would do by hand: load, bench, look, unload.
. /lib.sh

show() { echo; echo "\$ $*"; "$@"; }
section() { echo; echo "=== $*"; }

echo "kernel: $(uname -srvm)"
echo "command line: $(cat /proc/cmdline)"
for h in 0 1; do
	section "insmod hakmem.ko hardened=$h; insmod hakmem_bench.ko; echo set=budget > bench/run"
	echo "# run hardened=$h"
	check "hakmem loads, hardened=$h" load hakmem hardened=$h
	idle=$(stat pages_held)
	check "hakmem_bench loads" load hakmem_bench
	check "the bench runs" put "set=budget" $D/bench/run
	# The whole report once; the summary has the figures of both.
	if [ $h = 1 ]; then cat $D/bench/result; else grep '^budget' $D/bench/result; fi
	[ $h = 1 ] && break
	check "hakmem_bench unloads" rmmod hakmem_bench
	check "hakmem unloads" rmmod hakmem
	# From here on, so that what the kernel itself keeps after its first module does not count.
	sleep 0.2
	before=$(free_kb)
done

section "what $D shows (hardened=1, after the bench)"
show cat $D/config
echo; echo "\$ cat $D/stats (what is not 0)"
awk '$2 != "0"' $D/stats
for f in classes caches magazines superslabs; do
	echo; echo "\$ head -n 12 $D/$f"
	head -n 12 $D/$f
done

section "rmmod hakmem_bench; echo 1 > shrink; echo 0 > audit; rmmod hakmem"
check "hakmem_bench unloads" rmmod hakmem_bench
check "audit: nothing live, nothing wrong" audit_zero
tail -n 3 $D/audit
held=$(stat pages_held)
echo "pages_held: $idle after loading, $held after shrink"
check "every page above the fixed cost came back" test "$held" = "$idle"
check "hakmem unloads" rmmod hakmem
check "no module of hakmem's is left" sh -c '! grep ^hakmem /proc/modules'
sleep 0.2
after=$(free_kb)
echo "free memory: $before kB before the second insmod, $after kB after its rmmod"
# A SuperSlab that stayed would be 2048 kB.
check "memory is back" test $((before - after)) -lt 1024
echo; echo "\$ dmesg | grep hakmem"
dmesg | grep hakmem | tail -n 12
