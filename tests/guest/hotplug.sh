# SPDX-License-Identifier: GPL-2.0
# CPU 1 goes and comes CYCLES times under a load; what it held must come back each time.
. /lib.sh
ONLINE=/sys/devices/system/cpu/cpu1/online

# On both CPUs while both are there: cpus=2 is refused when one is not, and that is no failure.
run_load()
{
	while [ ! -e /tmp/stop ]; do
		for load in "pattern=random size=64 cpus=2" "pattern=producer_consumer size=256 cpus=2" "pattern=random size=64 cpus=1"; do
			put "$load alloc=hakmem ctx=task ops=2000" $D/bench/run 2>/dev/null && echo "$load" >>/tmp/runs
		done
	done
}

runs() { grep -c "cpus=$1" /tmp/runs; }
cached() { awk '$2 == 1 && !/^#|^depot/ { n += $4 + ($7 == "spare") } END { print n + 0 }' $D/magazines; }

# Until a run on both CPUs has ended since the CPU came, and it holds something.
wait_for_load()
{
	local want=$(($(runs 2) + 1)) i=0
	while [ "$(runs 2)" -lt $want ] || [ "$(cached)" = 0 ]; do
		i=$((i + 1))
		[ $i -lt 1200 ] || return 1
		sleep 0.05
	done
}

cycle()
{
	wait_for_load || { not_ok "cycle $1: no run on both CPUs in 60 s that leaves objects with CPU 1"; return 1; }
	put 0 $ONLINE || { not_ok "cycle $1: CPU 1 does not go"; return 1; }
	left=$(cached)
	[ "$left" = 0 ] || { not_ok "cycle $1: CPU 1 is dead, and $left objects are with it"; cat $D/magazines; }
	put 1 $ONLINE || { not_ok "cycle $1: CPU 1 does not come"; return 1; }
}

# Memory is compared with what it was after the fifth.
check "enough cycles are asked for ($CYCLES)" test "$CYCLES" -gt 5
check "hakmem loads" load hakmem
idle=$(stat pages_held)
check "hakmem_bench loads" load hakmem_bench
: >/tmp/runs
run_load &
loader=$!
n=0
while [ $n -lt "$CYCLES" ]; do
	n=$((n + 1))
	cycle $n || break
	# What the first cycles take for good is not what is looked for.
	[ $n != 5 ] || before=$(free_kb)
done
check "$CYCLES cycles were done" test $n = "$CYCLES"
after=$(free_kb)
: >/tmp/stop
wait $loader
echo "# $(runs 2) runs on both CPUs, $(runs 1) on CPU 0 alone"
echo "# free memory after cycle 5 and at the end: $before kB, $after kB"
# A lost SuperSlab would be 2 MB; the load holds up to this much itself.
check "memory is steady" test $((before - after)) -lt 8192
check "CPU 1 goes when nothing runs" put 0 $ONLINE
check "audit with CPU 1 off" audit_zero
check "pages held are the idle ones with CPU 1 off ($idle)" test "$(stat pages_held)" = "$idle"
check "CPU 1 comes back" put 1 $ONLINE
check "hakmem_bench unloads" rmmod hakmem_bench
check "audit with CPU 1 on" audit_zero
check "hakmem unloads" rmmod hakmem
