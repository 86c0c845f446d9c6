# SPDX-License-Identifier: GPL-2.0
# What typed caches cost on each CPU, and with one object each; the kernel's beside them.
# RUNS: sets of parameters, separated by ';'.  CPUS: how many there must be.  CACHES: how many have one object each.
. /lib.sh
RUNS=${RUNS:-hardened=1}
CACHES=${CACHES:-0}
MOST_KB=4096
IDLE_S=20	# ten looks of the reaper
SLACK_KB=512	# per-CPU chunks come and go by pages of all CPUs, and the kernel keeps one that is empty

percpu_kb() { awk '$1 == "Percpu:" { print $2 }' /proc/meminfo; }
counted_kb() { echo $(($(stat percpu_bytes) / 1024)); }
used_kb()
{
	sleep 1
	echo $(($(awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo) - $(free_kb)))
}

cpus=$(grep -c ^processor /proc/cpuinfo)
[ -z "${CPUS:-}" ] || check "$CPUS CPUs are up" test "$cpus" = "$CPUS"

# 200 typed caches: what they take when they come first, and what is left after they came and went.
percpu()
{
	local name=$1 idle before took counted slub
	idle=$(counted_kb)
	before=$(percpu_kb)
	check "$name: 200 caches of the kernel are made" load hak_caches caches=200 slub=1
	slub=$(($(percpu_kb) - before))
	rmmod hak_caches
	before=$(percpu_kb)
	check "$name: 200 caches are made" load hak_caches caches=200
	took=$(($(percpu_kb) - before))
	counted=$(($(counted_kb) - idle))
	check "$name: and destroyed" rmmod hak_caches
	echo "# $name: 200 typed caches on $cpus CPUs cost $counted kB of per-CPU memory by stats, $took kB by the kernel; the kernel's $slub kB"
	check "$name: 200 typed caches cost $counted kB, at most $MOST_KB" test $counted -le $MOST_KB
	check "$name: that is $took kB to the kernel" test $took -le $((MOST_KB + SLACK_KB))
	check "$name: none is counted any more" test "$(counted_kb)" = "$idle"
	before=$(percpu_kb)
	for _ in 1 2 3 4 5; do load hak_caches caches=200 && rmmod hak_caches; done
	took=$(($(percpu_kb) - before))
	check "$name: they come and go five times, and $took kB stay" test $took -le $SLACK_KB
}

one_object()
{
	local name=$1 before hak idle shrunk slub
	before=$(used_kb)
	check "$name: $CACHES caches with one object each are made" load hak_caches caches="$CACHES" objects=1
	hak=$(($(used_kb) - before))
	echo "# $name: held $(($(stat pages_held) * 4)) kB, per-CPU $(counted_kb) kB"
	# The reaper has seen them idle some times by then.
	sleep $IDLE_S
	idle=$(($(used_kb) - before))
	put 1 $D/shrink
	shrunk=$(($(used_kb) - before))
	check "$name: and destroyed" rmmod hak_caches
	before=$(used_kb)
	check "$name: as many of the kernel's" load hak_caches caches="$CACHES" objects=1 slub=1
	slub=$(($(used_kb) - before))
	rmmod hak_caches
	echo "# $name: $CACHES caches with one object each cost $hak kB, after $IDLE_S s $idle, after shrink $shrunk kB; the kernel's $slub kB"
	check "$name: at once they cost $hak kB, at most 1.1 of the kernel's $slub" \
		test $((hak * 10)) -le $((slub * 11))
	check "$name: left alone for $IDLE_S s they cost $idle kB, at most 1.1 of the kernel's $slub" \
		test $((idle * 10)) -le $((slub * 11))
}

IFS=';'
for params in $RUNS; do
	unset IFS
	# shellcheck disable=SC2086
	check "$params: hakmem loads" load hakmem $params
	percpu "$params"
	[ "$CACHES" = 0 ] || one_object "$params"
	check "$params: the audit finds nothing" audit_zero
	check "$params: hakmem unloads" rmmod hakmem
	IFS=';'
done
