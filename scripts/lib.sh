# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by every script: where things are, how to say things, how to count checks.
#
# A script that prints a value prints it on stdout and everything else on stderr, so that $(script) is safe.
# A script that checks things calls pass or fail once per check, and verdict at its end.  That adds the counts
# to the file $HAKMEM_TALLY, with the command that repeats them, for the summary of `make check`.
# shellcheck disable=SC2034 # used by who sources it
set -euo pipefail

HAK_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
HAK_BUILD=$HAK_ROOT/build
# Kernels outlive a clone, so they are kept outside it.
HAK_CACHE=${HAKMEM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/hakmem}
HAK_JOBS=$(nproc)
HAK_STOCK_SERIES=6.12

hak_passed=0
hak_failed=0

say() { printf '%s\n' "--> $*" >&2; }
die() { printf '%s\n' "hakmem: $*" >&2; exit 1; }
verbose() { [ "${V:-0}" != 0 ]; }
have() { command -v "$1" >/dev/null 2>&1; }

pass()
{
	hak_passed=$((hak_passed + 1))
	if verbose; then printf 'ok - %s\n' "$1"; fi
}

fail()
{
	hak_failed=$((hak_failed + 1))
	printf 'not ok - %s\n' "$*"
}

# verdict NAME REPEAT: the last thing a check script does.
verdict()
{
	printf '%s: %d passed, %d failed\n' "$1" "$hak_passed" "$hak_failed"
	if [ -n "${HAKMEM_TALLY:-}" ]; then
		printf '%d %d %s\n' "$hak_passed" "$hak_failed" "$2" >>"$HAKMEM_TALLY"
	fi
	if [ "$hak_passed" -eq 0 ] || [ "$hak_failed" -ne 0 ]; then
		printf 'to repeat: %s\n' "$2"
		exit 1
	fi
	exit 0
}

# hak_kernel NAME [KIND]: the words after its name in kernels.txt; fails if it is not there.
hak_kernel()
{
	awk -v name="$1" -v kind="${2:-}" '(kind ? $1 == kind : $1 == "kernel" || $1 == "dropin") && $2 == name { print $3, $4, $5, $6, $7; found = 1 }
		END { exit !found }' "$HAK_ROOT/kernels.txt"
}

# What this machine is, as Debian names it.
HAK_ARCH=amd64
# hak_arch NAME: the architecture of a kernel in kernels.txt.
hak_arch() { case $1 in *-arm64*) echo arm64 ;; *) echo $HAK_ARCH ;; esac; }

# The files git knows or would add; without git all but what a build leaves.  To be called in the root.
list_files()
{
	git ls-files --cached --others --exclude-standard 2>/dev/null ||
		find . -type f -not -path './build/*' -not -path './.git/*' | sed 's,^\./,,'
}

# The suites of kunit/ that every kernel runs, as words: five want a kernel that looks for what they provoke.
hak_suites()
{
	find "$HAK_ROOT/kunit" -name '*_kunit.c' -exec sed -n 's/.*\.name = "\(hakmem_[a-z]*\)".*/\1/p' {} + | LC_ALL=C sort |
		grep -vxE 'hakmem_(atomic|fail|kasan|lockdep|locks)' | paste -sd ' '
}
# Of them those that ask what a client is promised, for machines that are slow or have several nodes.
HAK_SUITES_CLIENT='hakmem_badfree hakmem_cache hakmem_class hakmem_client hakmem_lifecycle hakmem_misuse'
# They say much, and a test reads it in the end.
HAK_SUITES_APPEND=log_buf_len=2M

# Does a kernel's log on standard input show flags with one of the bits 22 to 31, which are 0 in any CPU?
impossible_flags()
{
	awk 'match($0, /EFLAGS: [0-9a-f]+/) && substr($0, RSTART + 8, 3) !~ /^00[0-3]/ { bad = 1 }
		END { exit !bad }'
}

# Adds the "ok - x" and "not ok - x" lines of a judge to this script's counts.
count_lines()
{
	local line
	while IFS= read -r line; do
		case $line in
		"ok - "*) pass "${line#ok - }" ;;
		"not ok - "*) fail "${line#not ok - }" ;;
		*) printf '%s\n' "$line" ;;
		esac
	done
}

# judged RUN [PREFIX]: judges what scripts/guest left there, and counts it, each name behind the prefix.
judged()
{
	"$HAK_ROOT/scripts/judge" "$1" | sed "s/^\(\(not \)\{0,1\}ok - \)/\1${2:-}/" >"$1/judgement"
	count_lines <"$1/judgement"
}

# remarks RUN: what the guest's test said besides.
remarks() { tr -d '\r' <"$1/result" | grep '^# ' || true; }

# quietly LOG COMMAND...: runs it with its output in LOG, and shows the end of that on failure.
quietly()
{
	local log=$1
	shift
	mkdir -p "$(dirname "$log")"
	if verbose; then
		printf '+ %s\n' "$*" >&2
		"$@" 2>&1 </dev/null | tee "$log" >&2
		return
	fi
	if ! "$@" >"$log" 2>&1 </dev/null; then
		{
			printf 'failed: %s\n' "$*"
			grep -E 'error|Error|undefined' "$log" | head -20 || true
			printf '%s\n' "--- end of $log:"
			tail -20 "$log"
		} >&2
		return 1
	fi
}
