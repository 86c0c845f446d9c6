# SPDX-License-Identifier: GPL-2.0
# The drop-in: its test driver with each backend, the parameter, and what debugfs shows.
# SHORT=1: only the test driver on hakmem.
. /lib.sh

lines() { dmesg | sed -n "s/^\[[^]]*\] dropin_test: //p"; }

# drive NAME HAKMEM-PARAMETERS -- TEST-PARAMETERS
drive()
{
	local name=$1 ours=
	shift
	while [ "$1" != -- ]; do ours="$ours $1"; shift; done
	shift
	# shellcheck disable=SC2086
	check "$name: hakmem loads" load hakmem $ours
	dmesg -c >/dev/null
	loaded dropin_lower || check "$name: a module without the header loads" load dropin_lower
	check "$name: the driver loads" load dropin_test "$@"
	lines | sed -n "s/^\(\(not \)\{0,1\}ok - \)/\1$name: /p"
	check "$name: the driver says how it ended" sh -c "dmesg | grep -q 'dropin_test: [0-9]* passed, 0 failed'"
}

# done_with NAME: nothing is left of it
done_with()
{
	check "$1: the driver unloads" rmmod dropin_test
	check "$1: the audit counts nothing live" audit_zero
	for n in bad_free_foreign bad_free_double bad_free_cache bad_free_interior bad_free_by_kernel leaked_objects; do
		check "$1: no $n" test "$(stat $n)" = 0
	done
	check "$1: hakmem unloads" rmmod hakmem
	check "$1: no page is held" sh -c "dmesg | grep 'hakmem: unloaded' | tail -n 1 | grep -q 'pages_held 0$'"
}

for hardened in 1 0; do
	drive "hakmem hardened=$hardened" hardened=$hardened -- hakmem=1
	check "hakmem hardened=$hardened: nothing of it is in caches any more" sh -c "! grep 'owner dropin_test' $D/caches"
	done_with "hakmem hardened=$hardened"
done
[ "${SHORT:-0}" = 0 ] || exit 0
drive slub 'backend=*:slub' -- hakmem=0
done_with slub
drive force 'backend=dt_*:force,thing:force' -- hakmem=1 forced=1
check "force: one warning for each accounted cache" test "$(dmesg | grep -c 'hakmem: cache .* is accounted: not so')" = 1
check "force: and for each window" test "$(dmesg | grep -c 'hakmem: cache .* is usercopy: not so')" = 3
done_with force

# --- what debugfs shows, of one cache for each rule
owner_of() { sed -n "s/^$1 .* : owner //p" $D/caches; }
shows() { check "caches: $1 is $2" test "$(owner_of "$1")" = "dropin_test $2"; }
drive rules 'backend=dt_oth?r:slub,*plain:hakmem' -- hold=1
shows dt_plain "hakmem plain"
shows dt_other "slub pattern"
shows dt_two_words "hakmem plain"
shows dt_accounted "slub accounted"
shows dt_usercopy "slub usercopy"
shows dt_large "slub large"
shows dt_dma "slub dma"
check "caches: one object of dt_plain is live" test "$(awk '$1 == "dt_plain" { print $2 }' $D/caches)" = 1
check "config shows the parameter" grep -qxF 'backend dt_oth?r:slub,*plain:hakmem' $D/config
refuse "hakmem does not unload under the driver" rmmod hakmem
done_with rules

# --- malformed values
for bad in slub '*' '*:' ':slub' '*:SLUB' '*:hakmem,' ',*:slub' '*:hakmem,,*:slub' '*:slub ' 'ext4_*=slub'; do
	dmesg -c >/dev/null
	refuse "backend=\"$bad\" is refused" load hakmem "backend=\"$bad\""
	loaded hakmem && rmmod hakmem
	check "backend=\"$bad\": says why" sh -c "dmesg | grep -q 'hakmem: backend='"
done
exit 0
