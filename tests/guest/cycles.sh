# SPDX-License-Identifier: GPL-2.0
# hakmem is loaded, used and unloaded CYCLES times: nothing may grow.
. /lib.sh

cycle()
{
	load hakmem && load hakmem_bench || return 1
	bench "pattern=random size=192 alloc=hakmem cpus=2 ops=500" >/dev/null || return 1
	bench "pattern=producer_consumer size=64 alloc=hakmem cpus=2 ops=500" >/dev/null || return 1
	rmmod hakmem_bench && rmmod hakmem || return 1
	dmesg | tail -n 20 | grep 'hakmem: unloaded' | tail -n 1 | grep -q 'pages_held 0$'
}

percpu_kb() { awk '$1 == "Percpu:" { print $2 }' /proc/meminfo; }

# What the kernel keeps after a first module, and after a first bench.
check "the first cycle ends with no page held" cycle
sleep 1
before=$(free_kb) percpu=$(percpu_kb)
# In the first cycles the kernel's own caches settle.  After them the bound is less than a page a cycle.
settled=$((CYCLES >= 60 ? 20 : 0)) most=2048
[ $settled = 0 ] || most=$((96 + (CYCLES - settled) * 2))
i=0
bad=0
while [ $i -lt "$CYCLES" ]; do
	cycle || bad=$((bad + 1))
	i=$((i + 1))
	[ $((i % 10)) != 0 ] || echo "# $i cycles: free memory $(free_kb) kB, of CPUs $(percpu_kb) kB"
	[ $i != $settled ] || before=$(free_kb) percpu=$(percpu_kb)
done
check "$CYCLES cycles end with no page held, all but $bad" test $bad = 0
sleep 1
after=$(free_kb)
echo "# free memory after $settled cycles and at the end: $before kB, $after kB"
# KASAN keeps up to a 32nd of memory in quarantine; there kmemleak has the say.
[ ! -e /sys/kernel/debug/kmemleak ] || most=$(awk '/^MemTotal/ { print int($2 / 32) }' /proc/meminfo)
check "less than $most kB is gone" test $((before - after)) -lt "$most"
check "memory of CPUs does not grow" test $(($(percpu_kb) - percpu)) -lt 64
check_leaks "after $CYCLES cycles"
