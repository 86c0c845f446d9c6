# SPDX-License-Identifier: GPL-2.0
# What CPUs and memory nodes a machine has, and that the module serves and goes there.
# EXPECT: one word per node, CPUS:memory or CPUS:none, as in "0:memory 1:none".
# RUNS: for each set of parameters, separated by ';', the self-test's GROUPS_ run.
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

# selftest PARAMETERS: prints the module's own lines as checks of this test.
selftest()
{
	local strayed
	check "$1: hakmem loads" load hakmem $1
	run_selftest "$1" test="$GROUPS_" loops=500
	sed -n '/ok - /d;s/^\[[^]]*\] hakmem_selftest: /# /p' /tmp/log
	# Objects that strayed: none, and many when nothing sends them home.
	strayed=$(sed -n 's/.*hakmem_selftest: \([0-9]*\) objects of other nodes were handed out.*/\1/p' /tmp/log | tr '\n' ' ')
	case "$GROUPS_ $EXPECT $1" in
	*nodes*" 1:"*multi_node=0*) check "$1: without multi_node objects stray ($strayed)" sh -c "set -- $strayed; [ \$# = 3 ] && [ \$1 -gt 0 ] && [ \$2 -gt 0 ] && [ \$3 -gt 0 ]" ;;
	*nodes*" 1:"*) check "$1: no object strays ($strayed)" test "$strayed" = "0 0 0 " ;;
	esac
	check "$1: audit afterwards" audit_zero
	check "$1: hakmem unloads" rmmod hakmem
}

GROUPS_=${GROUPS_:-nodes,context,storm}
IFS=';'
for params in ${RUNS:-hardened=1}; do
	unset IFS
	begun=$(cut -d ' ' -f 1 /proc/uptime)
	selftest "$params"
	echo "# $params: $begun to $(cut -d ' ' -f 1 /proc/uptime) s"
	IFS=';'
done
