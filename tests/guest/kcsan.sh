# SPDX-License-Identifier: GPL-2.0
# Work for the data race detector, under each of RUNS, sets of parameters separated by ';'.  While
# the benchmark runs on both CPUs, every file of debugfs is read LOOKS times, caches are shrunk
# and counters reset.  Then comes the self-test: its groups are GROUPS_ (none: "-"), its storm of
# LOOPS rounds.
. /lib.sh
RUNS=${RUNS:-hardened=1;hardened=0 reap_ms=100;stats=1;superslab=0}
GROUPS_=${GROUPS_:-context,storm}

run_load()
{
	until [ -e /tmp/stop ]; do
		for line in "pattern=random size=64 alloc=hakmem cpus=2 ctx=task" \
			"pattern=producer_consumer size=256 alloc=hakmem cpus=2 ctx=task" \
			"pattern=random size=64 alloc=hakmem_var cpus=2 ctx=task" \
			"pattern=lifo size=1024 alloc=hakmem cpus=1 ctx=softirq" \
			"pattern=lifo size=64 alloc=hakmem cpus=1 ctx=hardirq"; do
			put "$line" $D/bench/run && echo "$line" >>/tmp/runs
		done
	done
}

look()
{
	for f in stats classes caches magazines superslabs config; do cat $D/$f || return 1; done
	# Its findings are racy as long as the benchmark runs.
	cat $D/audit
	put 1 $D/reset && put 1 $D/shrink
}

check "there is KCSAN" test -e $KCSAN
races() { awk '$1 == "data_races:" { print $2 }' $KCSAN; }

# What KCSAN cannot see here at all, it does not miss in hakmem only.
before=$(races)
check "hakmem loads for a planted race" load hakmem
check "two CPUs race" load hakmem_selftest race=3000
check "KCSAN sees a planted race" test "$(races)" -gt "$before"
check "and says whose it is" sh -c "dmesg | grep -q 'KCSAN: data-race in race_thread'"
echo "# a planted race was seen $(($(races) - before)) times in 3 s"
rmmod hakmem_selftest
rmmod hakmem

IFS=';'
for params in $RUNS; do
	unset IFS
	# shellcheck disable=SC2086
	check "$params: hakmem loads" load hakmem $params
	check "$params: hakmem_bench loads" load hakmem_bench
	rm -f /tmp/stop
	: >/tmp/runs
	run_load 2>/dev/null &
	loader=$!
	i=0
	while [ $i -lt "$LOOKS" ]; do
		i=$((i + 1))
		look >/dev/null || not_ok "$params: look $i"
	done
	: >/tmp/stop
	wait $loader
	check "$params: the benchmark ran meanwhile" test -s /tmp/runs
	echo "# $params: $(wc -l </tmp/runs) rows of the benchmark, $LOOKS looks"
	check "$params: hakmem_bench unloads" rmmod hakmem_bench
	[ "$GROUPS_" = - ] || run_selftest "$params" test="$GROUPS_" loops="$LOOPS"
	check "$params: audit afterwards" audit_zero
	check "$params: hakmem unloads" rmmod hakmem
	IFS=';'
done
unset IFS
kcsan_told
