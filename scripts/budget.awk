# SPDX-License-Identifier: GPL-2.0
# Holds the "budget" lines of a bench result (first file) against the ceilings of a budget file
# (second).  -v of=NAME: the kernel's name, before each.  Prints one "ok - " or "not ok - " line per row and hardening.

function report(row, h, limit,    f, k, state) {
	f = (row, h) in figure ? figure[row, h] : ""
	k = kernel[row, h]
	if (f == "") {
		printf "not ok - %s%s hardened=%d: no figure\n", what, row, h
		return
	}
	if (f !~ /^[0-9]+\.?[0-9]*$/) {
		printf "not ok - %s%s hardened=%d: %s\n", what, row, h, f
		return
	}
	state = f + 0 <= limit + 0 ? "" : "   OVER"
	printf "  %s%-17s hardened=%d %8.2f  budget %8.2f   kernel %8s%s\n", what, row, h, f, limit, k, state
	if (state == "")
		printf "ok - %s%s hardened=%d\n", what, row, h
	else
		printf "not ok - %s%s hardened=%d: %s instructions, the budget is %s\n", what, row, h, f, limit
}
BEGIN { what = of ? of ": " : "" }
{ sub(/\r$/, "") }
FILENAME == ARGV[1] {
	if ($1 == "#" && $2 == "run") { h = $3; sub(/.*=/, "", h) }
	if ($1 == "budget") {
		figure[$2, h] = $3
		if ($3 ~ /INVALID/) { sub(/^budget [^ ]+ /, ""); figure[$2, h] = $0 }
		for (i = 4; i <= NF; i++)
			if ($i ~ /^kernel=/) { kernel[$2, h] = $i; sub(/kernel=/, "", kernel[$2, h]) }
	}
	next
}
!/^#/ && NF == 3 { report($1, 0, $2); report($1, 1, $3) }
