# SPDX-License-Identifier: GPL-2.0
# The suites of kunit/ on a kernel without KUnit, under each set of parameters; after each, nothing
# may be live or held.  RUNS: sets of parameters, separated by ';'.  SUITES: parameters of the suites.
# WANTED: the suites to run, each of which must have said that a case passed.
. /lib.sh
RUNS=${RUNS:-hardened=1}
now() { cut -d ' ' -f 1 /proc/uptime; }

# Who skips itself has not passed; one case is about what superslab=0 takes away.
none_skipped()
{
	grep 'hakmem_suites: # skipped' /tmp/log >/tmp/skipped
	case $1 in
	*superslab=0*) ! grep -qv 'hakmem_directory.hak_slab_of_header_and_tail_is_null: ' /tmp/skipped ;;
	*) [ ! -s /tmp/skipped ] ;;
	esac
}

# The suites of $WANTED but those whose bounds on memory are those of SuperSlabs.
of_small_blocks() { echo "$WANTED" | tr ' ' '\n' | grep -v '^hakmem_\(leave\|thin\|reap\|flow\)$' | tr '\n' ' '; }

suites()	# suites PARAMS SUITE...
{
	local params=$1 suite
	shift
	# shellcheck disable=SC2086
	check "$params: hakmem loads" load hakmem $params
	# Or the cases about it would have nothing to look at.
	check "$params: this kernel boots with init_on_alloc=1" grep -q '^key_init_on_alloc 1$' $D/config
	# shellcheck disable=SC2086
	run_tests hakmem_suites "$params" $SUITES "test=$(echo "$*" | tr ' ' ',')"
	sed -n 's/.*hakmem_suites: # /# /p' /tmp/log
	check "$params: no case skips itself" none_skipped "$params"
	for suite in "$@"; do
		check "$params: the suite $suite ran" grep -q "hakmem_suites: ok - $suite\\." /tmp/log
	done
	check "$params: audit afterwards" audit_zero
	check "$params: hakmem unloads" rmmod hakmem
	check "$params: no page is held" sh -c "dmesg | grep 'hakmem: unloaded' | grep -q 'pages_held 0$'"
}

[ -n "${WANTED:-}" ] || not_ok "no suite is wanted"
echo "# $(uname -rv)"
IFS=';'
for params in $RUNS; do
	unset IFS
	begun=$(now)
	# shellcheck disable=SC2046,SC2086
	case $params in
	*superslab=0*) suites "$params" $(of_small_blocks) ;;
	*) suites "$params" $WANTED ;;
	esac
	echo "# $params: $begun to $(now) s"
	IFS=';'
done
