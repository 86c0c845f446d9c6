# SPDX-License-Identifier: GPL-2.0
# The machine sleeps (S3) CYCLES times in the middle of a torture run of SECONDS_: CPU 1 goes and comes,
# and memory stays.  The clock of the machine wakes it.  The scenario that takes CPUs away itself is not
# run: the kernel refuses it a CPU while the machine goes to sleep.
. /lib.sh
PARAMS=${PARAMS:-hardened=1} TORTURE=${TORTURE:-scenarios=all,-hotplug stuck_s=120}
slept() { dmesg | grep -c 'PM: suspend exit'; }

sleep_once()
{
	put 0 /sys/class/rtc/rtc0/wakealarm && put +15 /sys/class/rtc/rtc0/wakealarm && put mem /sys/power/state
}

check "the machine can sleep deeply" put deep /sys/power/mem_sleep
check "hakmem loads ($PARAMS)" load hakmem $PARAMS
check "torture loads ($TORTURE)" load hakmem_torture seconds="${SECONDS_:-40}" $TORTURE
n=0
while [ $n -lt "${CYCLES:-3}" ]; do
	n=$((n + 1))
	sleep 3
	check "the machine sleeps and wakes, time $n" sleep_once
done
check "and really did" test "$(slept)" = "${CYCLES:-3}"
check "both CPUs are back" grep -qx 0-1 /sys/devices/system/cpu/online
cat $D/torture/result >/tmp/result
sed -n 's/^\(not \)\{0,1\}ok - /&torture: /p' /tmp/result
check "torture says how it ended, and that nothing failed" grep -q '^[1-9][0-9]* passed, 0 failed$' /tmp/result
check "torture unloads" rmmod hakmem_torture
check "audit afterwards" audit_zero
check "hakmem unloads" rmmod hakmem
check "no page is held" sh -c "dmesg | grep 'hakmem: unloaded' | tail -n 1 | grep -q 'pages_held 0$'"
