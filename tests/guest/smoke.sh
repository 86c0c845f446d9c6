# SPDX-License-Identifier: GPL-2.0
# A stock kernel, as a user has it: load, serve, show, take bad input, unload, leave nothing.
. /lib.sh

# What module_init allocates and keeps, as the kernel accounts for it.  That is each object, page
# and per-CPU piece traced below do_one_initcall() and not freed again.  Pages behind slabs and
# per-CPU chunks are shared with everybody, so the pieces count, not those.
T=/sys/kernel/tracing
trace_begin()
{
	mount -t tracefs tracefs $T && put 4096 $T/buffer_size_kb && put 1 $T/options/stacktrace &&
		put 1 $T/options/event-fork && put $$ $T/set_event_pid || return 1
	for e in $TRACED; do put 1 "$T/events/$e/enable" || return 1; done
}
trace_end()
{
	put 0 $T/tracing_on
	for e in $TRACED; do put 0 "$T/events/$e/enable"; done
	cat $T/trace >/tmp/trace
	awk '/overrun|dropped/ { n += $NF } END { exit n > 0 }' $T/per_cpu/cpu*/stats
}
TRACED="kmem/kmalloc kmem/kmem_cache_alloc kmem/kfree kmem/kmem_cache_free
	kmem/mm_page_alloc kmem/mm_page_free percpu/percpu_alloc_percpu percpu/percpu_free_percpu"
init_bytes()	# init_bytes FILE: "total per-CPU objects pages", in bytes
{
	awk '
	function field(name,    i) {
		for (i = 1; i <= NF; i++)
			if (index($i, name "=") == 1)
				return substr($i, length(name) + 2)
	}
	function account() {
		if (event ~ /free/)
			delete size[key]
		else if (init && !backing)
			size[key] = bytes
		event = ""
	}
	/^ => do_one_initcall/ { init = 1 }
	/^ => (new_slab|allocate_slab|___kmalloc_large)/ && event ~ /page/ { backing = 1 }
	/^ => pcpu_/ && event !~ /percpu/ { backing = 1 }
	/: (kmalloc|kfree|kmem_cache_|mm_page_|percpu_)[a-z_]*: / {
		account()
		sub(/^.*[0-9]: /, "")
		event = $1
		init = backing = 0
		kind = event ~ /percpu/ ? "c" : event ~ /page/ ? "p" : "o"
		key = kind field(kind == "p" ? "pfn" : "ptr")
		bytes = kind == "p" ? 4096 : field("bytes_alloc")
		for (order = field("order"); order > 0; order--)
			bytes *= 2
	}
	END {
		account()
		for (key in size) {
			sum[substr(key, 1, 1)] += size[key]
			total += size[key]
		}
		print total + 0, sum["c"] + 0, sum["o"] + 0, sum["p"] + 0
	}' "$1"
}

# --- it loads once, and what it promises to show is there
check "allocations can be traced" trace_begin
mem0=$(free_kb)
check "hakmem loads" load hakmem
mem1=$(free_kb)
check "no event of the load was lost" trace_end
refuse "a second load is refused" load hakmem
check_btf "hakmem"
for f in stats classes caches magazines superslabs audit config allocs flow; do
	check "debugfs: $f can be read" cat $D/$f
done
for f in stats classes caches magazines superslabs config flow; do
	refuse "debugfs: $f cannot be written" put 1 $D/$f
done
for f in reset shrink; do
	refuse "debugfs: $f cannot be read" cat $D/$f
done
check "stats are lines of name and value" awk 'NF != 2 { bad = 1 } END { exit bad || !NR }' $D/stats
check "audit passes when idle" audit_zero
idle=$(stat pages_held)
echo "# loaded and idle: $idle pages held; free memory went down by $((mem0 - mem1)) kB, the module with its sections included"
# shellcheck disable=SC2046
set -- $(init_bytes /tmp/trace)
rm /tmp/trace
echo "# its init allocated and kept $1 bytes: per-CPU $2, objects $3, pages $4"
check "the trace saw the per-CPU sets" test "$2" -gt 0
# The promise for a machine with two CPUs: 256 KiB besides the module itself.
check "idle memory is at most 256 KiB" test $(($1 + idle * 4096)) -le $((256 << 10))

# --- it serves
check "hakmem_bench loads" load hakmem_bench
refuse "hakmem cannot be unloaded under a client" rmmod hakmem
for line in "pattern=lifo size=64 alloc=hakmem cpus=1 ctx=task" \
	"pattern=producer_consumer size=64 alloc=hakmem cpus=2 ctx=task" \
	"pattern=random size=256 alloc=hakmem cpus=2 ctx=task" \
	"pattern=lifo size=64 alloc=hakmem cpus=1 ctx=softirq" \
	"pattern=larson profile=quick cpus=2" "pattern=larson profile=churn caches=3 alloc=hakmem_var,kmalloc_var"; do
	check "bench: $line" bench "$line"
	check "bench: $line: provenance holds" sh -c "! grep INVALID $D/bench/result"
done
check "bench: the JSON result is there" grep -q '^[{[]' $D/bench/result.json
check "audit after the bench: nothing live, nothing wrong" audit_zero

# --- bad input to every file that takes input
dd if=/dev/urandom of=/tmp/garbage bs=1k count=1 2>/dev/null
dd if=/dev/urandom of=/tmp/garbage64 bs=64k count=1 2>/dev/null
tr '\0' 'a' </dev/zero | dd of=/tmp/letters64 bs=64k count=1 iflag=fullblock 2>/dev/null
for f in audit reset shrink bench/run; do
	for text in "" " " x -1 0x 99999999999999999999999 "set=" "pattern=nothing" \
		"pattern=lifo size=0" "pattern=lifo size=99999999" "pattern=lifo cpus=0" \
		"pattern=lifo cpus=100000" "pattern=lifo alloc=malloc" "size size size" "%s%s%n"; do
		put "$text" "$D/$f" 2>/dev/null
	done
	for junk in garbage garbage64 letters64; do
		dd if=/tmp/$junk of="$D/$f" bs=64k count=1 2>/dev/null
	done
done
ok "garbage and 64 KiB writes were survived"
for line in "pattern=nothing" "pattern=lifo size=0" "pattern=lifo cpus=0" "pattern=lifo alloc=malloc" \
	"pattern=larson batch=1000" "pattern=larson batch=32 profile=churn" "pattern=larson size=64" \
	"pattern=larson alloc=kmalloc" "pattern=larson ctx=softirq" "pattern=lifo profile=quick" \
	"pattern=lifo caches=2" "pattern=lifo batch=8192"; do
	refuse "bench refuses $line" put "$line" $D/bench/run
done
refuse "audit refuses a word" put x $D/audit
check "audit after the garbage" audit_zero
refuse "audit notices a wrong count" put 1 $D/audit
check "audit is right again" audit_zero
for n in bad_free_foreign bad_free_double bad_free_cache bad_free_interior bad_free_by_kernel; do
	check "no $n" test "$(stat $n)" = 0
done

# --- it goes, and gives everything back
check "hakmem_bench unloads" rmmod hakmem_bench
check "audit after the client has gone" audit_zero
put 1 $D/shrink
check "pages held are the idle ones again ($idle)" test "$(stat pages_held)" = "$idle"
check "hakmem unloads" rmmod hakmem
refuse "its debugfs directory is gone" test -e $D

# --- silly parameters: refused with a line in the log, or not at all
for p in hardened=-1 hardened=3 hardened=99999999999 hardened=x stats=2 stats=-1 mag_size=0 \
	mag_size=-1 mag_size=65 mag_size=4294967297 mag_size= superslab=2 cache_bytes_max=0 cache_bytes_max=-1 \
	multi_node=2 multi_node=-2 multi_node=x reap_ms=-1 reap_ms=3600001 reap_ms=99999999999 \
	cache_bytes_max=x cache_bytes_max=99999999999999999999999; do
	dmesg -c >/dev/null
	refuse "parameter $p is refused" load hakmem "$p"
	check "parameter $p: one line says so" sh -c "dmesg | grep -q '^.*hakmem: '"
	loaded hakmem && rmmod hakmem
done
for p in hardened=0 hardened=2 stats=1 mag_size=1 mag_size=64 superslab=0 cache_bytes_max=1048576 \
	multi_node=1 reap_ms=0 reap_ms=10; do
	check "loads with $p" load hakmem "$p"
	check "works with $p" sh -c ". /lib.sh; load hakmem_bench && bench 'pattern=random size=64 alloc=hakmem cpus=2 ctx=task' && rmmod hakmem_bench && audit_zero"
	loaded hakmem_bench && rmmod hakmem_bench
	check "unloads with $p" rmmod hakmem
done

# --- what idles comes back by itself: nobody asks, and nothing else runs
in_magazines() { awk -v c="$1" '!/^#|^depot/ && (!c || $1 == c) { n += $4 + ($7 == "spare") } END { print n + 0 }' $D/magazines; }
all_idle()	# all_idle [CACHE]
{
	i=0
	while [ "$(in_magazines "$@")" != 0 ]; do
		i=$((i + 1))
		[ $i -lt 100 ] || return 1
		sleep 0.1
	done
}
check "reaper: hakmem loads" load hakmem reap_ms=1000
check "reaper: hakmem_bench loads" load hakmem_bench
check "reaper: both CPUs are used" bench "pattern=random size=64 alloc=hakmem_var cpus=2 ctx=task"
check "reaper: their magazines hold objects" test "$(in_magazines)" -gt 0
check "reaper: and are empty within 10 s" all_idle
check "reaper: both modules unload" rmmod hakmem_bench hakmem

# --- parameters that are written while it runs
P=/sys/module/hakmem/parameters
config() { awk -v n="$1" '$1 == n { print $2 }' $D/config; }
largest() { awk '!/^#|^depot/ && $5 > n { n = $5 } END { print n + 0 }' $D/magazines; }
used() { bench "pattern=random size=64 alloc=hakmem_var cpus=2 ctx=task" && [ "$(in_magazines)" -gt 0 ]; }
check "written: hakmem loads" load hakmem reap_ms=0
check "written: hakmem_bench loads" load hakmem_bench
check "written: both CPUs are used" used
sleep 3
check "written: with reap_ms=0 nothing comes back" test "$(in_magazines)" -gt 0
check "written: magazines have more than 8 slots" test "$(largest)" -gt 8
check "written: mag_size=8" put 8 $P/mag_size
check "written: cache_bytes_max=65536" put 65536 $P/cache_bytes_max
check "written: reap_ms=200" put 200 $P/reap_ms
check "written: mag_size is in force" test "$(config mag_size)" = 8
check "written: cache_bytes_max is in force" test "$(config cache_bytes_max)" = 65536
check "written: reap_ms is in force" test "$(config reap_ms)" = 200
check "written: now what idles comes back" all_idle
check "written: both CPUs are used again" used
check "written: no magazine has more than 8 slots" test "$(largest)" -le 8
for p in mag_size=0 mag_size=65 mag_size=x mag_size= cache_bytes_max=1 cache_bytes_max=9999999999 reap_ms=-1 \
	reap_ms=3600001; do
	refuse "written: $p is refused" put "${p#*=}" $P/"${p%%=*}"
done
check "written: what is refused changes nothing" test "$(cat $P/mag_size $P/cache_bytes_max $P/reap_ms | tr '\n' ' ')" = "8 65536 200 "
refuse "written: hardened cannot be" put 0 $P/hardened

# --- settings of one cache
own() { awk -v c="$1" '$1 == c { print $2, $3, $4 }' $D/conf; }
check "own: hak-64 has none" test "$(own hak-64)" = "- - -"
for s in "mag_size 4" "cache_bytes_max 131072" "reap_ms 0"; do
	check "own: hak-64 $s" put "hak-64 $s" $D/conf
done
check "own: they are in force" test "$(own hak-64)" = "4 131072 0"
check "own: no other cache has them" test "$(own hak-96)" = "- - -"
check "own: both CPUs are used" used
sleep 3
check "own: the rest does not stay" all_idle hak-96
check "own: what is never reaped does" test "$(in_magazines hak-64)" -gt 0
for s in "hak-64 mag_size 0" "hak-64 mag_size" "hak-64 mag_size 4 4" "nobody mag_size 4" "hak-64 hardened 0" "" \
	"hak-64 reap_ms 3600001" "$(printf %200d 1)"; do
	refuse "own: '$s' is refused" put "$s" $D/conf
done
check "own: nothing is changed by that" test "$(own hak-64)" = "4 131072 0"
for s in mag_size cache_bytes_max reap_ms; do
	check "own: hak-64 $s as all" put "hak-64 $s -" $D/conf
done
check "own: hak-64 has none again" test "$(own hak-64)" = "- - -"
check "own: and is reaped" all_idle
check "written: both modules unload" rmmod hakmem_bench hakmem

# --- what loading and unloading costs for good: nothing that grows
cycle() { load hakmem && load hakmem_bench && bench "pattern=longlived size=128 alloc=hakmem cpus=2 ctx=task" >/dev/null && rmmod hakmem_bench && rmmod hakmem; }
cycle
sleep 0.2
before=$(free_kb)
for i in 1 2 3 4 5; do cycle || not_ok "load and unload, round $i"; done
sleep 0.2
after=$(free_kb)
echo "# free memory before and after 5 rounds: $before kB, $after kB"
# A lost SuperSlab in each round would be 10 MB.
check "five rounds of load, bench, unload lose less than 2 MB" test $((before - after)) -lt 2048
