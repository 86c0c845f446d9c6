# SPDX-License-Identifier: GPL-2.0
# A node gets its first memory after hakmem was loaded: its CPUs are served from there, and objects go
# home.  The machine plugs it in when this says so (scripts/guest).
. /lib.sh
N=/sys/devices/system/node

second_has_memory()
{
	local i=0
	until grep -q 1 $N/has_memory; do
		i=$((i + 1))
		[ $i -lt 300 ] || return 1
		sleep 0.2
	done
}

multi_node() { awk '$1 == "multi_node" { print $2 }' $D/config; }

# The kernel tells us a moment after it shows the memory.
knows_both()
{
	local i=0
	until [ "$(multi_node)" = 1 ]; do
		i=$((i + 1))
		[ $i -lt 50 ] || return 1
		sleep 0.2
	done
}

check "one node has all the memory" test "$(cat $N/has_memory)" = 0
check "hakmem loads" load hakmem
check "it knows one node" test "$(multi_node)" = 0
echo "# plug: node 1 has none"
check "the second node gets memory" second_has_memory
check "hakmem knows both" knows_both
run_selftest "afterwards" test=nodes loops=500
strayed=$(sed -n 's/.*hakmem_selftest: \([0-9]*\) objects of other nodes were handed out.*/\1/p' /tmp/log | tr '\n' ' ')
sed -n '/ok - /d;s/^\[[^]]*\] hakmem_selftest: /# /p' /tmp/log
# In three contexts, of a cache made before and of two made since.
check "no object strays" test "$strayed" = "0 0 0 "
check "the audit finds nothing" audit_zero
check "hakmem unloads" rmmod hakmem
