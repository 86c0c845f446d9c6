# SPDX-License-Identifier: GPL-2.0
# What CPUs and memory nodes a machine has, and that the module serves and goes there.
# EXPECT: one word per node, CPUS:memory or CPUS:none, as in "0:memory 1:none".
. /lib.sh
N=/sys/devices/system/node

found=
for node in $N/node[0-9]*; do
	kb=$(awk '$3 == "MemTotal:" { print $4 }' "$node/meminfo")
	echo "# ${node##*/}: CPUs $(cat "$node/cpulist"), $kb kB, distances $(cat "$node/distance")"
	memory=none
	[ "$kb" = 0 ] || memory=memory
	found="$found $(cat "$node/cpulist"):$memory"
done
echo "# nodes possible $(cat $N/possible), online $(cat $N/online), with memory $(cat $N/has_memory)"
# shellcheck disable=SC2086
check "the nodes are $EXPECT" test "$(echo $found)" = "$EXPECT"
cpus=$(grep -c ^processor /proc/cpuinfo)
check "hakmem loads" load hakmem
check "hakmem_bench loads" load hakmem_bench
for line in "pattern=random size=64 alloc=hakmem cpus=$cpus" "pattern=producer_consumer size=256 alloc=hakmem cpus=2"; do
	check "bench: $line" bench "$line"
done
check "hakmem_bench unloads" rmmod hakmem_bench
check "audit after the bench" audit_zero
check "hakmem unloads" rmmod hakmem
