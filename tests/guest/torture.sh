# SPDX-License-Identifier: GPL-2.0
# The torture module, under hakmem's parameters PARAMS and its own in TORTURE; seconds= is SECONDS_.
# READERS=1: every file in debugfs is read all the time.  CYCLES: times the module is loaded and
# unloaded again in the middle of its work, first of all.
# FAULTS=1: where the kernel has fault injection, allocations of the torture threads fail at random.
. /lib.sh
PARAMS=${PARAMS:-hardened=1} TORTURE=${TORTURE:-scenarios=all}
log_lines() { dmesg | sed 's/^\[[^]]*\] //' | grep "$@"; }

# Only for threads that are marked: the guest's own programs are to live.
faults()
{
	local f pid
	faults_spare_nobody
	for f in failslab fail_page_alloc; do
		echo Y >/sys/kernel/debug/$f/task-filter
		echo 3 >/sys/kernel/debug/$f/probability
		echo 1 >/sys/kernel/debug/$f/interval
		echo -1 >/sys/kernel/debug/$f/times
	done
	for pid in $(ps -o pid,comm | awk '$2 ~ /^torture/ && $2 !~ /conduct|watch/ { print $1 }'); do
		echo 1 >/proc/"$pid"/make-it-fail
	done
}

readers()
{
	local f
	while [ ! -e /tmp/stop ]; do
		for f in stats classes caches magazines superslabs config; do
			cat $D/$f >/dev/null
		done
		echo round >>/tmp/reads
	done
}

cycle() { load hakmem_torture seconds=100 "$@" && sleep 0."$n" && rmmod hakmem_torture; }

check "hakmem loads ($PARAMS)" load hakmem $PARAMS
n=0
while [ $n -lt "${CYCLES:-0}" ]; do
	n=$((n + 1))
	check "torture is unloaded at work, time $n" cycle $TORTURE
	check "audit after that, time $n" audit_zero
done
: >/tmp/reads
if [ "${READERS:-0}" = 1 ]; then readers & fi
check "torture loads ($TORTURE)" load hakmem_torture seconds="${SECONDS_:-10}" $TORTURE
if [ "${FAULTS:-0}" = 1 ]; then check "allocations can be made to fail" faults; fi
cat $D/torture/result >/tmp/result
: >/tmp/stop
wait
sed -n 's/^\(not \)\{0,1\}ok - /&torture: /p' /tmp/result
grep -v 'ok - ' /tmp/result | sed 's/^/# /'
log_lines 'hakmem_torture: seed' | tail -n 1 | sed 's/^/# /'
log_lines -A 3 'hakmem_torture: not ok' | sed 's/^/# /'
check "torture says how it ended, and that nothing failed" grep -q '^[1-9][0-9]* passed, 0 failed$' /tmp/result
[ "${READERS:-0}" != 1 ] || check "debugfs was read ($(wc -l </tmp/reads) times)" test -s /tmp/reads
check "torture unloads" rmmod hakmem_torture
check "audit afterwards" audit_zero
for n in bad_free_foreign bad_free_double bad_free_cache bad_free_interior bad_free_by_kernel leaked_objects; do
	check "no $n" test "$(stat $n)" = 0
done
check "hakmem unloads" rmmod hakmem
check "no page is held" sh -c "dmesg | grep 'hakmem: unloaded' | tail -n 1 | grep -q 'pages_held 0$'"
hand_over_coverage
