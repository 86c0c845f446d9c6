# SPDX-License-Identifier: GPL-2.0
# Memory that is plugged in after hakmem was loaded is used like any other, and stays as long as
# something lives in it.  The machine plugs it in when this says so (scripts/guest).
. /lib.sh
. /lib-plug.sh
N=1500000

old=$(total_kb)
blocks >/tmp/blocks
check "hakmem loads" load hakmem
echo "# plug: there are $old kB"
check "memory is plugged in" more_memory "$old"
check "a client takes more than there was" load hakmem_selftest leak=$N
held=$(($(stat pages_held) * 4))
echo "# of $(total_kb) kB hakmem holds $held kB"
check "some of it is what came" test $held -gt "$old"
check "the audit finds each object" sh -c "echo $N >$D/audit && ! grep FAIL $D/audit"
answers=0 refusals=0 asked=0
for block in $(blocks | grep -vxFf /tmp/blocks); do
	asked=$((asked + 1))
	goes "$block" && status=0 || status=$?
	[ $status -ge 124 ] || answers=$((answers + 1))
	[ $status = 0 ] || refusals=$((refusals + 1))
done
echo "# of $asked blocks that came $refusals stay"
check "each block that is to go is answered for" test $asked -gt 0 -a $answers = $asked
check "those that hold objects stay" test $refusals -gt 0
check "the audit finds each object afterwards" sh -c "echo $N >$D/audit && ! grep FAIL $D/audit"
check "client and hakmem unload" rmmod hakmem_selftest hakmem
