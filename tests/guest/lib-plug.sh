# SPDX-License-Identifier: GPL-2.0
# Sourced by tests to which memory is plugged in (machine plug of scripts/guest).

total_kb() { awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo; }

# more_memory OLD: until there are 300 MB more than OLD kB.
more_memory()
{
	local i=0
	until [ "$(total_kb)" -gt $(($1 + 300000)) ]; do
		i=$((i + 1))
		[ $i -lt 300 ] || return 1
		sleep 0.2
	done
}

blocks() { ls -d /sys/devices/system/memory/memory* | sort; }

# A block of memory asked to go says yes or no: the kernel waits without end for pages that nobody answers for.
goes() { timeout 20 sh -c "echo offline >$1/state" 2>/dev/null; }
