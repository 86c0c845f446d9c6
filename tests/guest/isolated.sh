# SPDX-License-Identifier: GPL-2.0
# CPU 1 is isolated (isolcpus=, nohz_full=): nothing of hakmem's runs there unless it is asked to.
# What hakmem counts is held against what the kernel traces.
. /lib.sh
T=/sys/kernel/tracing
IDLE=10

# Works of hakmem that CPU 1 began: its functions are marked with the module's name.
begun() { grep 'workqueue_execute_start' $T/trace | grep '\[001\]' | grep -c '\[hakmem\]'; }
undisturbed() { [ "$(stat isolated_wakeups)" = 0 ] && [ "$(begun)" = 0 ]; }
# Objects and magazines that CPU 1 has, of all caches or of one.
held() { awk -v c="$1" '$2 == 1 && !/^#|^depot/ && (!c || $1 == c) { n += $4 + ($7 == "spare") } END { print n + 0 }' $D/magazines; }

check "CPU 1 is isolated" grep -qx 1 /sys/devices/system/cpu/isolated
check "CPU 1 has no tick" grep -qx 1 /sys/devices/system/cpu/nohz_full
mount -t tracefs none $T
check "the kernel traces works" put 1 $T/events/workqueue/workqueue_execute_start/enable
check "hakmem loads" load hakmem reap_ms=500
sleep $IDLE
check "idle: no work on CPU 1" undisturbed
put 3 /proc/sys/vm/drop_caches
sleep 1
check "CPU 1 holds nothing" test "$(held)" = 0
check "drop_caches: no work on CPU 1" undisturbed
check "a client on CPU 1 forgets 500 objects" taskset 2 insmod /modules/hakmem_selftest.ko leak=500
check "CPU 1 holds something" test "$(held)" -gt 0
sleep $IDLE
check "idle: no work on CPU 1, which holds something" undisturbed
check "and still does" test "$(held)" -gt 0
put 3 /proc/sys/vm/drop_caches
sleep 1
check "drop_caches: no work on CPU 1, which holds something" undisturbed
check "and still does after it" test "$(held)" -gt 0
check "drop_caches on CPU 1" taskset 2 sh -c 'echo 3 >/proc/sys/vm/drop_caches'
sleep 1
check "drop_caches on CPU 1: no work there" undisturbed
check "CPU 1 has not come by" test "$(stat isolated_drains)" = 0
check "hakmem_bench loads" load hakmem_bench
check "CPU 1 gets to the slabs" bench "pattern=longlived size=200 alloc=hakmem_var cpus=2 ctx=task"
check "it has emptied its sets then" test "$(stat isolated_drains)" -gt 0
check "of what it held before too" test "$(held hak-8)" = 0
check "no work on CPU 1 did that" undisturbed
check "hakmem_bench unloads" rmmod hakmem_bench
check "CPU 0 is looked after meanwhile" grep -q 'reap_work \[hakmem\]' $T/trace
check "shrink asks it" put 1 $D/shrink
check "CPU 1 holds nothing then" test "$(held)" = 0
check "that is counted" test "$(stat isolated_wakeups)" -gt 0
check "and is what the kernel traces" test "$(begun)" -gt 0
echo "# wake-ups of CPU 1 by shrink: counted $(stat isolated_wakeups), traced $(begun)"
