# SPDX-License-Identifier: GPL-2.0
# One kernel of the matrix: load, look, serve, measure, self-test, unload, leave nothing.
# RUNS: sets of parameters, separated by ';'.  GROUPS_: groups of the self-test; LOOPS: rounds of
# its storm.  CPUS: how many there must be.  CYCLES: times load and unload at the end.
. /lib.sh
RUNS=${RUNS:-hardened=1;hardened=0;hardened=2;superslab=0}
GROUPS_=${GROUPS_:-context,storm,nodes,nmi,reentry,offset}
CYCLES=${CYCLES:-5}
now() { cut -d ' ' -f 1 /proc/uptime; }

cpus=$(grep -c ^processor /proc/cpuinfo)
[ -z "${CPUS:-}" ] || check "$CPUS CPUs are up" test "$cpus" = "$CPUS"
echo "# $(uname -rv), $cpus CPUs, up after $(now) s"

# --- it serves in each context, and the benchmark believes its own figures
use()
{
	local line excuse='^$'
	# There a row may need one at any time, which makes its figure invalid and is no fault.
	case $1 in *superslab=0*) excuse='needed a small block' ;; esac
	check "$1: hakmem_bench loads" load hakmem_bench
	refuse "$1: hakmem does not unload under a client" rmmod hakmem
	for line in "pattern=lifo size=64 alloc=hakmem cpus=1 ctx=task" \
		"pattern=lifo size=64 alloc=hakmem cpus=1 ctx=softirq" \
		"pattern=lifo size=64 alloc=hakmem cpus=1 ctx=hardirq" \
		"pattern=producer_consumer size=64 alloc=hakmem cpus=2 ctx=task" \
		"pattern=random size=256 alloc=hakmem cpus=$cpus ctx=task"; do
		check "$1: bench: $line" bench "$line"
		check "$1: bench: $line: provenance holds" sh -c "! grep INVALID $D/bench/result | grep -v '$excuse'"
	done
	check "$1: audit after the bench: nothing live, nothing wrong" audit_zero
	check "$1: hakmem_bench unloads" rmmod hakmem_bench
}

IFS=';'
for params in $RUNS; do
	unset IFS
	begun=$(now)
	# shellcheck disable=SC2086
	check "$params: hakmem loads" load hakmem $params
	check_btf "$params"
	for f in stats classes caches magazines superslabs config; do
		check "$params: $f can be read" cat $D/$f
	done
	check "$params: audit passes when idle" audit_zero
	idle=$(stat pages_held)
	use "$params"
	groups=$GROUPS_
	# What kprobes makes of the inlined paths does not depend on parameters.
	[ "$params" = hardened=1 ] || groups=${groups%,offset}
	run_selftest "$params" test="$groups" ${LOOPS:+loops=$LOOPS}
	check "$params: audit afterwards" audit_zero
	put 1 $D/shrink
	check "$params: pages held are the idle ones again ($idle)" test "$(stat pages_held)" = "$idle"
	check "$params: hakmem unloads" rmmod hakmem
	refuse "$params: its debugfs directory is gone" test -e $D
	echo "# $params: $begun to $(now) s"
	IFS=';'
done
unset IFS

# --- bad parameters are refused, which is the kernel's own parser at work
for p in hardened=3 mag_size=0 mag_size=65 cache_bytes_max=x reap_ms=-1; do
	refuse "parameter $p is refused" load hakmem "$p"
	loaded hakmem && rmmod hakmem
done

# --- what loading and unloading costs for good: nothing that grows
cycle() { load hakmem && load hakmem_bench && bench "pattern=longlived size=128 alloc=hakmem cpus=2 ctx=task" >/dev/null && rmmod hakmem_bench && rmmod hakmem; }
cycle
sleep 0.2
before=$(free_kb)
i=0
while [ $i -lt "$CYCLES" ]; do
	i=$((i + 1))
	cycle || not_ok "load and unload, round $i"
done
sleep 0.2
after=$(free_kb)
echo "# free memory before and after $CYCLES rounds: $before kB, $after kB"
# Less than the one SuperSlab that each round might lose.
check "load, bench and unload, $CYCLES times, lose less than 2 MB" test $((before - after)) -lt 2048
