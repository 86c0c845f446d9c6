# SPDX-License-Identifier: GPL-2.0
# A cache that cannot be, asked for with SLAB_PANIC: the end of the kernel.
. /lib.sh

check "hakmem loads" load hakmem
check "hakmem_selftest passes" insmod /modules/hakmem_selftest.ko test=context
check "hakmem_selftest unloads" rmmod hakmem_selftest
load hakmem_selftest panic_cache=1
not_ok "SLAB_PANIC: the kernel lives"
