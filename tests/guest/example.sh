# SPDX-License-Identifier: GPL-2.0
# The example of a client, looked at from outside: what hakmem's own files say it did.
. /lib.sh

# The two first figures of a cache: live objects, and objects in its slabs.
live() { awk -v n="$1" '$1 == n { print $2; f = 1 } END { if (!f) print "none" }' $D/caches; }
live_becomes()	# live_becomes N: within 5 s
{
	local i=0
	while [ "$(live example-entry)" != "$1" ]; do
		i=$((i + 1))
		[ $i -lt 50 ] || return 1
		sleep 0.1
	done
}
freed() { echo $(($(stat free_rcu) - before)); }

refuse "a client does not load without hakmem" load hak_example
check "hakmem loads" load hakmem
before=$(stat free_rcu)
check "the client loads" load hak_example
check "its readers see the second table" sh -c "dmesg | grep -q 'hak_example: slot 0 holds 2$'"
refuse "hakmem cannot be unloaded under it" rmmod hakmem
# Two tables of 64 entries: the first waits for a grace period.
check "its cache comes to 64 live entries" live_becomes 64
check "64 entries were freed after a grace period, and $(freed) were" test "$(freed)" = 64
check "the audit counts 64 live objects" put 64 $D/audit
check "and the client's cache is the only typed one" test "$(grep -vcE '^(slabinfo|#|hak-)' $D/caches)" = 1

check "the client unloads" rmmod hak_example
check "its last 64 entries were freed after a grace period" test "$(freed)" = 128
check "its cache is gone" test "$(live example-entry)" = none
check "nothing is live" audit_zero
for n in bad_free_foreign bad_free_double bad_free_cache bad_free_interior leaked_objects; do
	check "no $n" test "$(stat $n)" = 0
done
check "hakmem unloads" rmmod hakmem
check "no page is held" sh -c "dmesg | grep 'hakmem: unloaded' | grep -q 'pages_held 0$'"
