# SPDX-License-Identifier: GPL-2.0
# Runs bench lines under one or more sets of parameters, and prints every result.
# RUNS: sets of parameters, separated by ';'.  LINES: lines for bench/run, separated by ';'.
# SAMPLES: what is written to `allocs` before; calls go out of line then.
. /lib.sh

echo "# $(uname -srm), $(grep -c ^processor /proc/cpuinfo) CPU, $(cat /proc/cmdline)"
IFS=';'
for params in $RUNS; do
	unset IFS
	echo "# run $params"
	# shellcheck disable=SC2086
	check "hakmem loads with $params" load hakmem $params
	check "hakmem_bench loads with $params" load hakmem_bench
	[ -z "${SAMPLES:-}" ] || check "sampled: $SAMPLES" put "$SAMPLES" $D/allocs
	IFS=';'
	for line in $LINES; do
		unset IFS
		check "bench $line with $params" put "$line" $D/bench/run
		cat $D/bench/result
	done
	check "hakmem_bench unloads ($params)" rmmod hakmem_bench
	check "audit after the bench ($params)" audit_zero
	check "hakmem unloads ($params)" rmmod hakmem
	IFS=';'
done
