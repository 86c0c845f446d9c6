# SPDX-License-Identifier: GPL-2.0
# Nobody is killed for memory that is free: a process wants more than is left while hakmem's magazines pin
# the rest.  And when the memory is in use, the log says whose it is.
# RUNS: sets of parameters, separated by ';'.  TIMES: how often each.
. /lib.sh

available_mb() { awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo; }
held_mb() { echo $(($(stat pages_held) / 256)); }
kills() { dmesg | grep -c 'Out of memory: Killed process'; }

# A client of hakmem's with PARAMETERS, and a process that wants what is left and most of what hakmem holds.
squeeze()	# squeeze NAME PARAMETER...
{
	local name=$1 want i=0
	shift
	check "$name: the client loads" load hakmem_selftest "$@"
	# The kernel may still be busy with what the last process wanted, and take it at once.
	while [ "$(held_mb)" -le 48 ] && [ $i -lt 20 ]; do
		i=$((i + 1))
		rmmod hakmem_selftest
		sleep 0.5
		load hakmem_selftest "$@"
	done
	want=$(($(available_mb) + $(held_mb) - 16))
	echo "# $name: $(held_mb) MB held, $(available_mb) MB available, and a process wants $want"
	check "$name: it cannot have them otherwise" test $((want - $(available_mb))) -gt 32
	check "$name: the process gets them" hog $want
	check "$name: nobody was killed" test "$(kills)" = 0
	echo "# $name: $(held_mb) MB held afterwards"
	check "$name: the client unloads" rmmod hakmem_selftest
}

# What somebody frees by hand comes back by itself, and soon, though no reaper looks.
soon()
{
	local i=0
	while [ "$(held_mb)" -gt 2 ]; do
		i=$((i + 1))
		[ $i -lt 50 ] || return 1
		sleep 0.1
	done
}
# User-Mode Linux has no such file; the stage wants these checks of the other machine.
if [ -e /proc/sys/vm/drop_caches ]; then
	check "drop_caches: hakmem loads" load hakmem reap_ms=0
	check "drop_caches: the client loads" load hakmem_selftest hold=64 hold_freed=1
	check "drop_caches: much is held ($(held_mb) MB)" test "$(held_mb)" -gt 32
	check "drop_caches: it can be written to" put 2 /proc/sys/vm/drop_caches
	check "drop_caches: nothing is held soon after" soon
	check "drop_caches: client and hakmem unload" rmmod hakmem_selftest hakmem
fi

IFS=';'
for params in ${RUNS:-hardened=1}; do
	unset IFS
	for i in $(seq "${TIMES:-1}"); do
		# shellcheck disable=SC2086
		check "$params: hakmem loads" load hakmem $params
		squeeze "$params: freed in a random order ($i)" hold=192 hold_freed=1
		squeeze "$params: an object in each of many magazines ($i)" pin=4000
		check "$params: audit afterwards" audit_zero
		check "$params: hakmem unloads" rmmod hakmem
	done
	IFS=';'
done
unset IFS

dmesg -c >/dev/null
# What the kernel says when it kills is no fault.
echo "hakmem_kunit: begin of what is said on purpose" >/dev/kmsg
check "in use: hakmem loads" load hakmem
check "in use: the client loads" load hakmem_selftest hold=192
refuse "in use: a process that wants as much as there was does not get it" hog $(($(available_mb) + 150))
check "in use: it was killed" test "$(kills)" -gt 0
dmesg | grep 'hakmem:' | sed 's/^/# /'
check "in use: the log names the largest cache first" sh -c "dmesg | grep -A 1 'hakmem: out of memory: [0-9]* kB held' |
	grep -q 'hakmem:   selftest-hold: 19[0-9]* kB, 1572864 of [0-9]* objects of 128 bytes in use'"
check "in use: client and hakmem unload" rmmod hakmem_selftest hakmem
echo "hakmem_kunit: end of what is said on purpose" >/dev/kmsg
