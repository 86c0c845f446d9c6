# SPDX-License-Identifier: GPL-2.0
# hakmem-top and hakmem-doctor on a stock kernel, with busybox's shell and awk.  What do they say of a
# machine at rest, of memory in use, of memory that nobody uses, and of bad frees?
. /lib.sh
TOP=/files/hakmem-top
DOCTOR=/files/hakmem-doctor

says() { "$DOCTOR" "$@" >/tmp/said; }	# its status is the doctor's
top_row() { "$TOP" -o -s "$1" | awk 'NR == 4 { print $NF }'; }

refuse "top: without hakmem there is nothing to read" "$TOP" -o
refuse "doctor: nor for the doctor" "$DOCTOR"
check "hakmem loads" load hakmem reap_ms=0
check "doctor: nothing is odd at rest" says
check "doctor: and it says so" grep -q '^nothing odd' /tmp/said
check "top: it shows the size classes" sh -c "$TOP -o | grep -q ' hakmem/hak-64$'"
check "top: it looks once and ends" test "$("$TOP" -o -n 5 | wc -l)" = 8
check "top: the kernel's caches are there" sh -c "$TOP -o -k | grep -q ' kernel  kmalloc-64$'"

check "memory is in use" load hakmem_selftest hold=32
check "top: who holds most comes first" test "$(top_row h)" = "$("$TOP" -o | awk 'NR > 3 && $1 > m { m = $1; c = $NF } END { print c }')"
check "top: 32 MiB are live" sh -c "$TOP -o | awk 'NR == 1 { exit !(\$5 >= 32000) }'"
check "doctor: memory in use is not odd" says
check "it is freed" rmmod hakmem_selftest
# The selftest frees in a random order, and 32 MiB are in the caches' slabs or on their way.
"$DOCTOR" >/tmp/said
check "doctor: memory that nobody uses is named, or has gone" \
	sh -c "grep -q ' for 0 KiB in use' /tmp/said || awk '\$1 == \"pages_held\" { exit \$2 > 2048 }' $D/stats"

check "bad frees are made" load hakmem_selftest test=nmi
check "and the module goes" rmmod hakmem_selftest
refuse "doctor: bad frees are odd" says
check "doctor: they are counted" grep -qE '^[0-9]+\. [0-9]+ bad frees were dropped: .*free already' /tmp/said
check "doctor: with the next command" grep -q 'next: dmesg' /tmp/said
check "doctor: which finds them" sh -c 'dmesg | grep -q "hakmem: bad free"'
check "doctor: the audit, when asked for" sh -c "$DOCTOR -a | grep -qE 'the audit passes|The audit: FAIL'"
refuse "doctor: no other argument" "$DOCTOR" -x
check "slabtop's file: caches in the place of slabinfo" \
	sh -c "mount --bind $D/caches /proc/slabinfo && grep -q '^hak-64 ' /proc/slabinfo && umount /proc/slabinfo"
sed 's/^/# /' /tmp/said
"$TOP" -o -n 6 | sed 's/^/# /'
