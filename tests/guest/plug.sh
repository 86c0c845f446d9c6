# SPDX-License-Identifier: GPL-2.0
# Memory that is plugged in after hakmem was loaded is used like any other.  The machine plugs it in
# when this says so (scripts/guest).
. /lib.sh
N=1500000

total_kb() { awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo; }

more_memory()
{
	local i=0
	until [ "$(total_kb)" -gt $((old + 300000)) ]; do
		i=$((i + 1))
		[ $i -lt 300 ] || return 1
		sleep 0.2
	done
}

old=$(total_kb)
check "hakmem loads" load hakmem
echo "# plug: there are $old kB"
check "memory is plugged in" more_memory
check "a client takes more than there was" load hakmem_selftest leak=$N
held=$(($(stat pages_held) * 4))
echo "# of $(total_kb) kB hakmem holds $held kB"
check "some of it is what came" test $held -gt "$old"
check "the audit finds each object" sh -c "echo $N >$D/audit && ! grep FAIL $D/audit"
check "client and hakmem unload" rmmod hakmem_selftest hakmem
