# SPDX-License-Identifier: GPL-2.0
# Sourced by the tests of real drivers on the drop-in (busybox sh), after lib.sh.
METER_FILE=/sys/kernel/debug/dropin_meter

# The kernel's caches of the drivers: their names, as hakmem lists them.
kernel_caches()
{
	awk -v drivers=" $drivers " '{
		for (i = 1; i < NF && $1 != "#"; i++)
			if ($i == "owner" && index(drivers, " " $(i + 1) " ") && $(i + 2) == "slub")
				print $1
	}' $D/caches
}

# kB of the kernel's slabs for those; the kernel must not have merged them with others.
slub_kb()
{
	kernel_caches >/tmp/names
	[ -s /tmp/names ] || { echo 0; return; }
	awk 'NR == FNR { mine[$1] = 1; next } $1 in mine { n += $6 * $15; seen[$1] = 1 }
		END { for (m in mine) if (!(m in seen)) missing = missing " " m
			if (missing) print "missing:" missing; else print n * 4 + 0 }' /tmp/names /proc/slabinfo
}

# sample WHERE: memory, in kB: hakmem's pages, the kernel's slabs of these drivers, per-CPU memory
sample()
{
	echo "# memory $(echo "$1" | tr ' ' '_') $(($(stat pages_held) * 4)) $(slub_kb)" \
		"$(awk '$1 == "Percpu:" { print $2 }' /proc/meminfo)"
}

# dropin_start DRIVER...: hakmem with BACKEND, the meter, and the drivers in this order
dropin_start()
{
	drivers="$*"
	check "hakmem loads" load hakmem "backend=$BACKEND" hardened="${HARDENED:-1}"
	put 1 $D/shrink
	idle=$(stat pages_held)
	[ "${METER:-0}" = 0 ] || check "the meter loads" load dropin_meter
	sample before
	for m in "$@"; do check "$m loads, on hakmem's drop-in" load "$m"; done
	sample loaded
	sed -n 's/^\([^ #]*\) .* : owner \(.*\)/# cache \1 \2/p' $D/caches | grep -v ' hakmem hakmem [a-z]*$'
}

# dropin_end DRIVER...: the drivers go in this order, and nothing is left
dropin_end()
{
	[ "${METER:-0}" = 0 ] || sed 's/^/# meter /' $METER_FILE
	sed 's/^/# stats /' $D/stats | grep -E 'alloc_|free_|held'
	for m in "$@"; do check "$m unloads" rmmod "$m"; done
	[ "${METER:-0}" = 0 ] || check "the meter unloads" rmmod dropin_meter
	check "no cache of theirs is left" sh -c "! grep -E ': owner ($(echo "$*" | tr ' ' '|')) ' $D/caches"
	check "audit: nothing live, nothing wrong" audit_zero
	for n in bad_free_foreign bad_free_double bad_free_cache bad_free_interior bad_free_by_kernel leaked_objects; do
		check "no $n" test "$(stat $n)" = 0
	done
	sample unloaded
	check "pages held after unloading and shrink: $(stat pages_held), as before ($idle)" test "$(stat pages_held)" = "$idle"
	check "hakmem unloads" rmmod hakmem
	check "no page is held" sh -c "dmesg | grep 'hakmem: unloaded' | grep -q 'pages_held 0$'"
}
