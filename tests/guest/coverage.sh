# SPDX-License-Identifier: GPL-2.0
# Runs what tests the core on User-Mode Linux, under several sets of parameters, and then hands over
# which lines of the modules ran.
# The cases of KUnit report in the kernel's log.  A module loaded again goes on counting.
. /lib.sh
faults_spare_nobody
check "the kernel counts" test -d /sys/kernel/debug/gcov
check "kunit loads" load kunit enable=1 autorun=1
for params in hardened=1 hardened=0 hardened=2; do
	check "$params: hakmem loads" load hakmem $params
	check "$params: the suites load" load hakmem_kunit ops=200000
	check "$params: audit after the suites" audit_zero
	check "$params: the suites and hakmem unload" rmmod hakmem_kunit hakmem
done

# The self-test, and the benchmark in each context, while debugfs is read and written.
for params in hardened=1 hardened=0 hardened=2 superslab=0 stats=1 multi_node=1 reap_ms=100; do
	check "$params: hakmem loads" load hakmem $params
	case $params in hardened=? | superslab=0) run_selftest "$params" test=context,storm,nodes ;; esac
	check "$params: hakmem_bench loads" load hakmem_bench
	for line in "pattern=random size=64 alloc=hakmem_var cpus=2 ctx=task" \
		"pattern=producer_consumer size=256 alloc=hakmem cpus=2 ctx=task" \
		"pattern=lifo size=64 alloc=hakmem cpus=1 ctx=softirq" \
		"pattern=lifo size=64 alloc=hakmem cpus=1 ctx=hardirq"; do
		check "$params: bench: $line" bench "$line"
		for f in stats classes caches magazines superslabs config audit; do
			check "$params: $f can be read" cat $D/$f
		done
	done
	check "$params: shrink" put 1 $D/shrink
	check "$params: reset" put 1 $D/reset
	for bad in 0 2 x -1 999999999999999999999; do
		refuse "$params: shrink refuses $bad" put "$bad" $D/shrink
	done
	refuse "$params: audit refuses -1" put -1 $D/audit
	refuse "$params: audit refuses x" put x $D/audit
	refuse "$params: audit finds that 7 objects are not live" put 7 $D/audit
	check "$params: hakmem_bench unloads" rmmod hakmem_bench
	check "$params: audit afterwards" audit_zero
	check "$params: hakmem unloads" rmmod hakmem
done

# Objects nobody frees, a cache nobody destroys, and parameters out of range.
check "leak: hakmem loads" load hakmem
check "leak: a client forgets 100 objects" load hakmem_selftest leak=100
check "leak: client and hakmem unload" rmmod hakmem_selftest hakmem
check "kept cache: hakmem loads" load hakmem
check "kept cache: a client leaves one" load hakmem_selftest keep_cache=1
handle=$(dmesg | sed -n 's/.*keeps a cache at //p' | tail -n 1)
check "kept cache: the client unloads" rmmod hakmem_selftest
check "kept cache: the caches can be read" cat $D/caches
check "kept cache: another client destroys it" load hakmem_selftest kept="$handle"
check "kept cache: all unloads" rmmod hakmem_selftest hakmem
for p in hardened=3 mag_size=0 mag_size=65 multi_node=2 multi_node=-2 reap_ms=3600001 cache_bytes_max=1 \
	cache_bytes_max=9999999999 "backend=ext4_*:nobody" backend=x; do
	refuse "parameter $p is refused" load hakmem "$p"
done

# Loading that fails; vmalloc's own complaints about that stay off the console.
dmesg -n 1
check "each allocation of loading can fail" /bin/failinit /modules/hakmem.ko
dmesg -n 8

hand_over_coverage
