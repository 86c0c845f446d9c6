# SPDX-License-Identifier: GPL-2.0
# Memory that fails, or is said to: a page of a SuperSlab, one with a live object and one without.
. /lib.sh
M=/sys/devices/system/memory

# The object lies in the SuperSlab's first slab pages; the last but one is free.
object() { dmesg | sed -n 's/.*hak_place: object at //p' | tail -n 1; }
free_page() { printf '0x%x\n' $((($1 & ~0x1fffff) + 0x1f0000)); }

# One object lives, and the books are in order.
audit_live() { put 1 $D/audit; }

check "hakmem loads" load hakmem
check "hak_place loads" load hak_place
at=$(object)
dmesg -c >/dev/null
# Nobody holds a reference to a page of hakmem's, and so the kernel finds it in no list it knows.
for page in "$at" "$(free_page "$at")"; do
	refuse "$page goes offline softly" put "$page" $M/soft_offline_page
	check "audit after soft offline of $page" audit_live
	refuse "$page goes offline hard" put "$page" $M/hard_offline_page
	check "audit after hard offline of $page" audit_live
done
for how in soft hard; do
	check "and the kernel can do that: ${how}_offline_page" test -w $M/${how}_offline_page
done
dmesg | grep -i 'memory fail\|offline\|poison' | sed 's/^/# /'
check "hakmem_bench loads" load hakmem_bench
check "hakmem serves on" bench "pattern=random size=64 alloc=hakmem_var cpus=2 ctx=task"
check "hakmem_bench unloads" rmmod hakmem_bench
check "hak_place unloads" rmmod hak_place
check "its object was whole" sh -c "dmesg | grep -q 'hak_place: object is whole'"
check "audit afterwards" audit_zero
check "hakmem unloads" rmmod hakmem
check "no page is held" sh -c "dmesg | grep 'hakmem: unloaded' | tail -n 1 | grep -q 'pages_held 0$'"
dmesg | grep -i 'bad page\|BUG' | sed 's/^/# /'
