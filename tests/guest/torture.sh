# SPDX-License-Identifier: GPL-2.0
# The torture module, under hakmem's parameters PARAMS and its own in TORTURE; seconds= is SECONDS_.
# READERS=1: every file in debugfs is read all the time.  CYCLES: times the module is loaded and
# unloaded again in the middle of its work, first of all.
# SAMPLES=1: caches begin and cease to be sampled all the time.
# FAULTS=1: where the kernel has fault injection, allocations of the torture threads fail at random.
# Its reserves take memory of the kernel's at each step, so some of these have to be refused.
# UNPLUG=1: memory is plugged in first, and its blocks go offline and come back all the time.
. /lib.sh
. /lib-plug.sh
PARAMS=${PARAMS:-hardened=1} TORTURE=${TORTURE:-scenarios=all}
log_lines() { dmesg | sed 's/^\[[^]]*\] //' | grep "$@"; }

# Only for threads that are marked, which the module does: the guest's own programs are to live.
faults()
{
	local f
	faults_spare_nobody
	for f in failslab fail_page_alloc; do
		put Y /sys/kernel/debug/$f/task-filter &&
			put 3 /sys/kernel/debug/$f/probability &&
			put 1 /sys/kernel/debug/$f/interval &&
			put -1 /sys/kernel/debug/$f/times || return 1
	done
}
refused() { awk -v n="$1" '$0 ~ "ok - " n ":" { for (i = 2; i <= NF; i++) if ($i ~ /^refused/) print $(i - 1) }' /tmp/result; }

# All caches, each object, or one cache no more; what goes wrong with it is told at the end.
samples()
{
	while [ ! -e /tmp/stop ]; do
		for text in "on every=512" "off cache=hak-64" all off; do
			put "$text" $D/allocs 2>>/tmp/unsampled && echo "$text" >>/tmp/sampled
			sleep 0.1
			case $text in off*) ;; *) sed -n 's/.*freed unseen \([0-9]*\)$/\1/p' $D/allocs >>/tmp/stale ;; esac
		done
	done
}

# A file is made up as a whole at the first read, so the shell's own will do, which starts no program.
readers()
{
	local f line
	while [ ! -e /tmp/stop ]; do
		for f in stats classes caches magazines superslabs config audit allocs flow; do
			# superslabs has a line a block, and there may be none.
			line=
			read -r line <$D/$f
			[ -n "$line" ] || [ $f = superslabs ] || echo $f >>/tmp/unread
		done
		echo round >>/tmp/reads
	done
}

# Blocks that go and come; what was said each time: "went", "stays", or "silent" when nobody answered.
unplug()
{
	local block status
	while [ ! -e /tmp/stop ]; do
		for block in $(blocks | grep -vxFf /tmp/blocks); do
			[ ! -e /tmp/stop ] || break
			goes "$block" && status=0 || status=$?
			case $status in
			0) echo went; echo online >"$block/state" ;;
			124 | 137 | 143) echo silent ;;
			*) echo stays ;;
			esac
		done
	done >/tmp/blocks.said
}
said() { grep -c "^$1$" /tmp/blocks.said; }

# Cut short, it looks at the whole once more, and says only in the log what it finds.
cycle()
{
	load hakmem_torture seconds=100 "$@" && sleep 0."$n" && rmmod hakmem_torture &&
		! dmesg | grep 'hakmem_torture: not ok'
}

check "hakmem loads ($PARAMS)" load hakmem $PARAMS
n=0
while [ $n -lt "${CYCLES:-0}" ]; do
	n=$((n + 1))
	check "torture is unloaded at work, time $n" cycle $TORTURE
	check "audit after that, time $n" audit_zero
done
: >/tmp/reads
: >/tmp/unread
: >/tmp/sampled
: >/tmp/unsampled
: >/tmp/stale
if [ "${READERS:-0}" = 1 ]; then readers & fi
if [ "${SAMPLES:-0}" = 1 ]; then samples & fi
if [ "${FAULTS:-0}" = 1 ]; then
	check "allocations can be made to fail" faults
	TORTURE="$TORTURE faults=1"
fi
if [ "${UNPLUG:-0}" = 1 ]; then
	old=$(total_kb)
	blocks >/tmp/blocks
	echo "# plug: there are $old kB"
	check "memory is plugged in" more_memory "$old"
	unplug &
fi
check "torture loads ($TORTURE)" load hakmem_torture seconds="${SECONDS_:-10}" $TORTURE
cat $D/torture/result >/tmp/result
: >/tmp/stop
wait
sed -n 's/^\(not \)\{0,1\}ok - /&torture: /p' /tmp/result
grep -v 'ok - ' /tmp/result | sed 's/^/# /'
log_lines 'hakmem_torture: seed' | tail -n 1 | sed 's/^/# /'
log_lines -A 3 'hakmem_torture: not ok' | sed 's/^/# /'
check "torture says how it ended, and that nothing failed" grep -q '^[1-9][0-9]* passed, 0 failed$' /tmp/result
if [ "${FAULTS:-0}" = 1 ]; then check "allocations failed ($(refused reserve) reserves)" test "$(refused reserve)" -gt 0; fi
if [ "${READERS:-0}" = 1 ]; then
	check "debugfs was read ($(wc -l </tmp/reads) times)" test -s /tmp/reads
	check "each file could be, and said what it has to say ($(sort /tmp/unread | uniq -c | tr '\n' ' '))" test ! -s /tmp/unread
fi
if [ "${UNPLUG:-0}" = 1 ]; then
	echo "# blocks that were to go: $(said went) went, $(said stays) stayed, $(said silent) times nobody answered"
	check "blocks of memory went in between" test "$(said went)" -gt 0
	check "and stayed where something lived" test "$(said stays)" -gt 0
	check "each was answered for" test "$(said silent)" = 0
fi
if [ "${SAMPLES:-0}" = 1 ]; then
	check "sampling began and ended ($(wc -l </tmp/sampled) times)" test "$(wc -l </tmp/sampled)" -gt 3
	check "each time it was asked to ($(head -n 1 /tmp/unsampled))" test ! -s /tmp/unsampled
	check "no free was unseen meanwhile ($(sort -u /tmp/stale | tr '\n' ' '))" test "$(sort -u /tmp/stale)" = 0
fi
check "torture unloads" rmmod hakmem_torture
check "audit afterwards" audit_zero
for n in bad_free_foreign bad_free_double bad_free_cache bad_free_interior bad_free_by_kernel leaked_objects; do
	check "no $n" test "$(stat $n)" = 0
done
check "hakmem unloads" rmmod hakmem
check "no page is held" sh -c "dmesg | grep 'hakmem: unloaded' | tail -n 1 | grep -q 'pages_held 0$'"
check_leaks "after torture"
kcsan_told
hand_over_coverage
