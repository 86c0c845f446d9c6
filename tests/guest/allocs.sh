# SPDX-License-Identifier: GPL-2.0
# `allocs` and `flow` on a stock kernel: who allocated what is live, and who frees whose objects.  What is not
# understood is refused, and readers and writers at once do no harm.
. /lib.sh
A=$D/allocs
# The live objects of all callers that match, as estimated.
live() { awk -v who="$1" '$2 == "objects" && $17 ~ who { n += $3 } END { print n + 0 }' $A; }
near() { test "$1" -ge $(($2 * 80 / 100)) && test "$1" -le $(($2 * 120 / 100)); }
is_off() { grep -q '^# off' $A && grep -q '^# off' $D/flow; }
ages_add_up() { awk '$2 == "objects" { d = $3 - ($9 + $10 + $11 + $12 + $13); if (d > 3 || d < -3) bad = 1; n++ } END { exit bad || !n }' $A; }
flow_adds_up()
{
	awk '$2 == "freed" { all = $3; name = $1; sum = 0; seen++ }
		$2 == "cpu" && $1 == name { for (i = 4; i <= NF; i++) sum += $i; rest[name] = all - sum }
		END { for (n in rest) if (rest[n]) bad = 1; exit bad || !seen }' $D/flow
}

check "hakmem loads" load hakmem
check "it is off at first" is_off

# --- what is not understood
dd if=/dev/urandom of=/tmp/garbage bs=1k count=1 2>/dev/null
dd if=/dev/urandom of=/tmp/garbage64 bs=64k count=1 2>/dev/null
tr '\0' 'a' </dev/zero | dd of=/tmp/letters64 bs=64k count=1 iflag=fullblock 2>/dev/null
{ printf 'on'; tr '\0' ' ' </dev/zero | dd bs=64k count=1 iflag=fullblock 2>/dev/null; } >/tmp/blanks64
for junk in garbage garbage64 letters64 blanks64; do
	refuse "write: $junk" dd if=/tmp/$junk of=$A bs=66k count=1
done
while IFS= read -r text; do
	refuse "write: '$text'" put "$text" $A
done <<'END'

o
ons
on off
on every=
on every=0
on every=-1
on every=x
on every=64k
on every=1073741825
on every=99999999999999999999
on every=64 every=64
on cache=
on cache=nobody
on cache=hak-64 cache=hak-32
on  every=64
all every=4
all cache=nobody
off every=4
off cache=nobody
off on
hak-64 on
END
refuse "write: flow is to be read only" put on $D/flow
check "nothing of that has switched it on" is_off

# --- off and on
check "one cache" put "on every=256 cache=hak-64" $A
check "one cache: the file says so" grep -q '^# on every=256 some caches$' $A
check "one cache: it is sampled" grep -q '^hak-64 .* hakmem sampled$' $D/caches
refuse "one cache: no other is" grep -q '^hak-32 .* hakmem sampled$' $D/caches
check "off again" put off $A
check "off: the file says so" is_off
check "off: the cache is as before" grep -q '^hak-64 .* hakmem plain$' $D/caches

# --- who holds memory
check "all caches, one object of 4096 bytes" put "on every=4096" $A
check "a client holds 8 MiB" load hakmem_selftest hold=8
sed 's/^/# /' $A | head -n 12
held=$(live '^hold_fill')
check "its function is named, with about 65536 objects ($held)" near "$held" 65536
check "and its module" grep -q '^selftest-hold objects .* by hold_fill+.* \[hakmem_selftest\]$' $A
check "with stacks" sh -c "grep -q '^  first hold_fill' $A && grep -q '^  last hold_fill' $A"
check "ages add up" ages_add_up
check "it is freed" rmmod hakmem_selftest
check "nothing of it is left" test "$(live '^hold_fill')" = 0
check "who frees what" load hakmem_selftest test=context,nmi
check "flow has rows that add up" flow_adds_up
sed 's/^/# /' $D/flow | head -n 12
check "no record was left by a free that nobody saw" grep -q 'freed unseen 0$' $A
check "the client unloads" rmmod hakmem_selftest
check "audit" audit_zero

# --- readers, writers and a load at once
flicker() { while [ ! -e /tmp/stop ]; do put all $A; put "off cache=hak-64" $A; put "on every=512" $A; put off $A; done; }
reader() { while [ ! -e /tmp/stop ]; do cat $A $D/flow $D/caches >/dev/null || echo failed; done >>/tmp/unread; }
rm -f /tmp/stop
: >/tmp/unread
flicker 2>>/tmp/unread & flicker 2>>/tmp/unread & reader & reader &
for n in 1 2 3; do
	check "a load meanwhile, time $n" load hakmem_selftest test=context,storm
	check "it goes, time $n" rmmod hakmem_selftest
done
: >/tmp/stop
wait
# Two switch at once: "off cache=" may find what it names, always.
check "each read and write went well" test ! -s /tmp/unread
check "off in the end" put off $A
check "audit after that" audit_zero
check "each cache is as before" sh -c "! grep -q ' hakmem sampled$' $D/caches"

# --- what nobody frees
check "each object" put all $A
check "a client forgets 70 objects" load hakmem_selftest leak=70
check "it goes" rmmod hakmem_selftest
check "who made them is known all the same" test "$(live '^st_leak')" = 70
dmesg -c >/dev/null
check "hakmem unloads, with a reader and while it is on" sh -c "exec 3</proc/hakmem/allocs && rmmod hakmem"
check "the log names who made them, for each size" test "$(dmesg | grep -c 'about 10 objects allocated by st_leak+.*\[hakmem_selftest\]')" = 7
check "and no other" test "$(dmesg | grep -c 'objects allocated by')" = 7
