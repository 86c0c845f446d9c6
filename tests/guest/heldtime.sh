# SPDX-License-Identifier: GPL-2.0
# Held memory over time when most objects of a cache go: kmem_cache, then hakmem, in one boot.  A line for
# each sample, "# sample SIDE SECONDS KB", of what is free or some process's; and "# phase SIDE SECONDS NAME".
# "# table SIDE KB" is what the kernel calls slab memory after all was asked back, as held.sh has it.
. /lib.sh
MB=${MB:-200} SIZE=${SIZE:-256} KEEP=${KEEP:-1000} PARAMS=${PARAMS:-hardened=1}
slab_kb() { awk '$1 == "SUnreclaim:" { print $2 }' /proc/meminfo; }
gone() { dmesg | grep 'held: .* objects were wrong' | tail -n 1 | grep -q ' 0 objects'; }
phase() { echo "# phase $side $(cut -d' ' -f1 /proc/uptime) $1"; }

# Nearly all that is there: whoever is asked back has to give.
pressure()
{
	/bin/held $((($(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo) - 81920) / 1024))
}

# Only after the last phase is what comes back another's: so the samples end with it.
one_side()	# one_side SIDE
{
	local before sampler
	side=$1
	put 3 /proc/sys/vm/drop_caches
	sleep 1
	before=$(slab_kb)
	/bin/heldtime 100 >/tmp/samples &
	sampler=$!
	sleep 1
	phase filling
	check "$side: the client fills" load held hakmem="$([ "$side" = hakmem ] && echo Y || echo N)" size="$SIZE" random=Y mb="$MB"
	sleep 1
	phase thinning
	check "$side: the client thins" put "$KEEP" /sys/module/held/parameters/keep
	phase reaping
	sleep 3
	phase shrink
	put 3 /proc/sys/vm/drop_caches
	[ "$side" != hakmem ] || put 1 $D/shrink
	sleep 2
	echo "# table $side $(($(slab_kb) - before))"
	phase pressure
	check "$side: a process gets memory" pressure
	sleep 1
	phase end
	kill $sampler
	wait $sampler
	sed "s/^/sample $side /" /tmp/samples
	check "$side: the client ends" rmmod held
	check "$side: no object was wrong" gone
}

# shellcheck disable=SC2086
check "hakmem loads ($PARAMS)" load hakmem $PARAMS
echo "# held mb $MB size $SIZE keep $KEEP array $((MB * 1024 / SIZE * 8)) params $PARAMS"
one_side kernel
one_side hakmem
check "the audit finds nothing" audit_zero
check "hakmem unloads" rmmod hakmem
