# SPDX-License-Identifier: GPL-2.0
# What can be read where debugfs is not, or is locked: /proc/hakmem.  HOW=off on a kernel with debugfs=off,
# HOW=lockdown on one that is locked down once the modules are there, as those are not signed.
. /lib.sh
P=/proc/hakmem
LOCK=/sys/kernel/security/lockdown
value() { awk -v n="$1" '$1 == n { print $2 }' $P/stats; }

lock()
{
	mount -t securityfs securityfs /sys/kernel/security && put confidentiality $LOCK &&
		grep -qF '[confidentiality]' $LOCK
}

check "hakmem loads" load hakmem
if [ "$HOW" = lockdown ]; then
	check "debugfs is there" test -e $D/stats
	check "a client runs" load hakmem_selftest test=context
	check "the kernel is locked down" lock
	for f in stats classes caches magazines superslabs config flow; do
		check "debugfs: $f can be read" cat $D/$f
	done
	refuse "debugfs: audit is refused" cat $D/audit
else
	refuse "debugfs is not there" test -e $D
	# Of what it tests, the files are no part.
	check "a client runs" load hakmem_selftest test=context
fi
for f in stats classes caches magazines superslabs config conf audit allocs flow; do
	check "proc: $f says something" grep -q . $P/$f
	refuse "proc: $f cannot be written" put 1 $P/$f
	check "proc: $f is root's" test "$(ls -l $P/$f | cut -c1-10)" = -r--------
done
check "proc: no file but these" test "$(ls $P | wc -l)" = 10
check "stats are lines of name and value" awk 'NF != 2 { bad = 1 } END { exit bad || !NR }' $P/stats
check "stats have counted the client's objects" test "$(value alloc_slab)" -gt 0
check "caches name the size classes" grep -q '^hak-64 ' $P/caches
check "the audit passes" grep -q '^PASS 0 ' $P/audit
check "the client unloads" rmmod hakmem_selftest
check "proc: a reader does not keep hakmem" sh -c "exec 3<$P/stats && rmmod hakmem"
refuse "proc: and nothing is left" test -e $P
check "no page is held" sh -c "dmesg | grep 'hakmem: unloaded' | grep -q 'pages_held 0$'"
