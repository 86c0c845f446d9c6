# SPDX-License-Identifier: GPL-2.0
# What is held when most objects of a cache have been freed, beside SLUB in the same boot, and who
# gets memory then.  Cases: "SIZE RANDOM KEEP ...", separated by ';'; RUNS: sets of parameters.
. /lib.sh
MB=${MB:-200} RUNS=${RUNS:-hardened=1}
CASES=${CASES:-256 N 100 1000 8192;256 Y 100 1000 8192 0;64 N 100 1000 8192;64 Y 100 1000 8192;1024 N 100 1000 8192;1024 Y 100 1000 8192}
P=/sys/module/held/parameters/keep
slab_kb() { awk '$1 == "SUnreclaim:" { print $2 }' /proc/meminfo; }
killed() { dmesg | grep -c 'Out of memory: Killed process'; }
gone() { dmesg | grep 'held: .* objects were wrong' | tail -n 1 | grep -q ' 0 objects'; }

# held SIDE SIZE RANDOM KEEP: kB held after all was asked back
held()
{
	local before
	before=$(slab_kb)
	load held hakmem="$1" size="$2" random="$3" mb="$MB" || return 1
	echo "$4" >$P || return 1
	sleep 1
	put 3 /proc/sys/vm/drop_caches
	[ "$1" = N ] || put 1 $D/shrink
	sleep 1
	echo $(($(slab_kb) - before))
	rmmod held
	gone
}

# asked SIZE RANDOM KEEP KB: nothing was asked back, and a process wants what is there if KB are held.
# 100 MB less: of this machine the kernel keeps up to 90 free when unmovable memory has spread.
asked()
{
	local before want status=0
	before=$(killed)
	want=$(($(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo) - $4 - MB * 8192 / $1 - 102400))
	load held hakmem=Y size="$1" random="$2" mb="$MB" && echo "$3" >$P && /bin/held $((want / 1024)) || status=1
	rmmod held
	[ "$(killed)" = "$before" ] && [ $status = 0 ] && gone
}

one_case()	# one_case PARAMS SIZE RANDOM KEEP...
{
	local params=$1 size=$2 random=$3 keep slub hak limit
	shift 3
	for keep in "$@"; do
		slub=$(held N "$size" "$random" "$keep") || not_ok "kmem_cache, $size bytes: objects come and go"
		hak=$(held Y "$size" "$random" "$keep") || not_ok "hakmem, $size bytes: objects come and go"
		echo "# held $params size $size random $random keep $keep slub $slub hakmem $hak kB"
		limit=$((slub * 5 / 4 + 8192))
		check "$params: $size bytes, random $random, 1 of $keep: at most 1.25 of SLUB's and 8 MB" \
			test "$hak" -le "$limit"
		check "$params: $size bytes, random $random, 1 of $keep: who wants memory gets it" \
			asked "$size" "$random" "$keep" "$limit"
	done
}

IFS=';'
for params in $RUNS; do
	unset IFS
	# shellcheck disable=SC2086
	check "$params: hakmem loads" load hakmem $params
	IFS=';'
	for c in $CASES; do
		unset IFS
		# shellcheck disable=SC2086
		one_case "$params" $c
		IFS=';'
	done
	check "$params: the audit finds nothing" audit_zero
	check "$params: hakmem unloads" rmmod hakmem
	IFS=';'
done
