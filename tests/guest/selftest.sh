# SPDX-License-Identifier: GPL-2.0
# The self-test of the stock kernel: every test under each set of parameters.  Then comes what
# hakmem makes of objects that were forgotten, and of a cache nobody destroys. GROUPS_: the
# groups to run; RUNS: sets of parameters, separated by ';'.
. /lib.sh
RUNS=${RUNS:-hardened=1;hardened=0;hardened=2;superslab=0}
now() { cut -d ' ' -f 1 /proc/uptime; }
log_lines() { dmesg | sed 's/^\[[^]]*\] //' | grep "$@"; }

GROUPS_=${GROUPS_:-}
IFS=';'
for params in $RUNS; do
	unset IFS
	begun=$(now)
	check "$params: hakmem loads" load hakmem $params
	# Or the tests that memory is 0 by itself would have nothing to look at.
	check "$params: this kernel boots with init_on_alloc=1" grep -q '^key_init_on_alloc 1$' $D/config
	groups=${GROUPS_:-context,storm,nodes,nmi,reentry,offset}
	# What kprobes makes of the inlined paths does not depend on parameters.
	[ "$params" = hardened=1 ] || groups=${groups%,offset}
	run_selftest "$params" test="$groups"
	check "$params: audit afterwards" audit_zero
	check "$params: hakmem unloads" rmmod hakmem
	echo "# $params: $begun to $(now) s"
	IFS=';'
done
unset IFS
[ -z "$GROUPS_" ] || exit 0

# --- objects nobody frees: named once, their blocks stay, the rest is given back
load hakmem && rmmod hakmem
sleep 0.2
before=$(free_kb)
check "leak: hakmem loads" load hakmem
check "leak: hakmem_selftest forgets 100 objects" load hakmem_selftest leak=100
check "leak: its module unloads" rmmod hakmem_selftest
refuse "leak: the audit finds them" put 0 $D/audit
check "leak: and finds 100" put 100 $D/audit
dmesg -c >/dev/null
check "leak: hakmem unloads" rmmod hakmem
lines=$(log_lines -c 'hakmem: .*never freed')
echo "# what the unload says:"
log_lines 'hakmem: ' | sed 's/^/#   /'
check "leak: one line reports them, and not $lines" test "$lines" = 1
check "leak: which says 100 objects" sh -c "dmesg | grep 'hakmem: .*never freed' | grep -q '\<100\>'"
held=$(log_lines 'hakmem: unloaded' | sed -n 's/.*pages_held \([0-9]*\).*/\1/p')
# 7 sizes, one slab each, all in one SuperSlab of 512 pages.
check "leak: pages stay (${held:-none})" test "${held:-0}" -gt 0
check "leak: and not more than one SuperSlab" test "${held:-9999}" -le 512
sleep 0.2
lost=$((before - $(free_kb)))
echo "# leak: $lost kB are gone"
check "leak: the rest is given back ($lost kB gone)" test $lost -lt 4096
check "leak: hakmem loads again" load hakmem
check "leak: and serves" insmod /modules/hakmem_selftest.ko test=context
loaded hakmem_selftest && rmmod hakmem_selftest
check "leak: and its audit passes" audit_zero
check "leak: and unloads" rmmod hakmem

# --- a cache nobody destroys: hakmem stays, and works; another module may go on using it
check "kept cache: hakmem loads" load hakmem
dmesg -c >/dev/null
check "kept cache: created, with constructor and destructor" load hakmem_selftest keep_cache=1
handle=$(log_lines 'keeps a cache at' | sed 's/.* at //')
check "kept cache: its module unloads" rmmod hakmem_selftest
lines=$(log_lines -c 'hakmem: ')
check "kept cache: one line says so, and not $lines" test "$lines" = 1
check "kept cache: which names module and cache" sh -c "dmesg | grep -q 'hakmem: module hakmem_selftest left cache selftest-kept behind'"
refuse "kept cache: hakmem does not unload" rmmod hakmem
for f in stats caches magazines superslabs config; do
	check "kept cache: $f can be read" cat $D/$f
done
check "kept cache: it is still listed" grep -q '^selftest-kept ' $D/caches
check "kept cache: hakmem serves" insmod /modules/hakmem_selftest.ko test=context
loaded hakmem_selftest && rmmod hakmem_selftest
# This shrinks it, too: its destructor is not there any more.
check "kept cache: the audit passes" audit_zero
check "kept cache: another module uses, shrinks and destroys it" load hakmem_selftest kept="$handle"
refuse "kept cache: nobody called what went" sh -c "dmesg | grep -qE 'called after its module went|a stranger'"
check "kept cache: that module unloads" rmmod hakmem_selftest
refuse "kept cache: it is gone" grep -q '^selftest-kept ' $D/caches
check "kept cache: hakmem unloads" rmmod hakmem
check "kept cache: no page is held" sh -c "dmesg | grep 'hakmem: unloaded' | grep -q 'pages_held 0$'"

# --- objects that wait for a grace period when hakmem is told to go; so many that it takes longer
# than the unloading of their owner
dmesg -c >/dev/null
check "late frees: hakmem loads" load hakmem
check "late frees: the client loads" load hakmem_selftest rcu_late=150000
check "late frees: client and hakmem unload" rmmod hakmem_selftest hakmem
refuse "late frees: none was forgotten" sh -c "dmesg | grep -q 'never freed'"
check "late frees: no page is held" sh -c "dmesg | grep 'hakmem: unloaded' | grep -q 'pages_held 0$'"
