# SPDX-License-Identifier: GPL-2.0
# Memory is in splinters, and 2 MiB are hardly to be had.  What kcompactd and kswapd do about it for hakmem
# is held against SLUB under the same load.  RUNS: sets of parameters; ROUNDS: how often each takes its turn.
. /lib.sh
MB=${MB:-160} ROUNDS=${ROUNDS:-6} RUNS=${RUNS:-hardened=1}
SLACK=3		# ticks of 10 ms that a thread may take for anything else

# Ticks of the kernel's threads for reclaim and compaction, and how long they ran, in us.
threads() { for c in kswapd0 kcompactd0; do pidof $c; done; }
ticks() { for p in $(threads); do cat "/proc/$p/stat"; done | awk '{ n += $14 + $15 } END { print n }'; }
ran() { for p in $(threads); do cat "/proc/$p/schedstat"; done | awk '{ n += $1 } END { printf "%d\n", n / 1000 }'; }
vm() { awk -v n="$1" '$1 == n { print $2 }' /proc/vmstat; }

# turn SIDE: objects come, nine in ten go in a random order, and the others
turn()
{
	load held hakmem="$1" size=256 random=Y mb="$MB" && put 10 /sys/module/held/parameters/keep
	sleep 1
	rmmod held
}

# counted SIDE: adds what one turn cost to /tmp/SIDE
counted()
{
	local t r w s
	t=$(ticks) r=$(ran) w=$(vm compact_daemon_wake) s=$(vm compact_daemon_free_scanned)
	turn "$1" || return 1
	echo "$(($(ticks) - t)) $(($(ran) - r)) $(($(vm compact_daemon_wake) - w)) $(($(vm compact_daemon_free_scanned) - s))" >>"/tmp/$1"
}
sum() { awk -v f="$2" '{ n += $f } END { print n + 0 }' "/tmp/$1"; }
told() { echo "# $1: $(sum "$2" 1) ticks, $(sum "$2" 2) us, kcompactd woken $(sum "$2" 3) times, $(sum "$2" 4) pages looked at"; }

one_run()
{
	local i
	rm -f /tmp/Y /tmp/N
	for i in $(seq "$ROUNDS"); do
		check "$1: SLUB, turn $i" counted N
		check "$1: hakmem, turn $i" counted Y
	done
	told "$1: SLUB" N
	told "$1: hakmem" Y
	echo "# $1: $(stat alloc_superslab) SuperSlabs made, $(stat alloc_small_block) small blocks"
	check "$1: kcompactd and kswapd ran $(sum Y 1) ticks, at most 1.5 of SLUB's $(sum N 1) and $SLACK" \
		test "$(sum Y 1)" -le $(($(sum N 1) * 3 / 2 + SLACK))
}

# What the kernel does by itself every half second is not looked at.
check "no compaction ahead of need" put 0 /proc/sys/vm/compaction_proactiveness
check "memory is in splinters" load splinter
fragmented 64 &
movable=$!
sleep 1
sed 's/^/# /' /proc/buddyinfo
IFS=';'
for params in $RUNS; do
	unset IFS
	# shellcheck disable=SC2086
	check "$params: hakmem loads" load hakmem $params
	one_run "$params"
	check "$params: the audit finds nothing" audit_zero
	check "$params: hakmem unloads" rmmod hakmem
	IFS=';'
done
unset IFS
kill $movable
check "memory is whole again" rmmod splinter
