# SPDX-License-Identifier: GPL-2.0
# Judges the "spread" lines of a bench result.  The median of a row's rounds lies within 1 % of their minimum.
# Otherwise something else than the row was measured.  Prints an "ok - " or "not ok - " line for each row and
# hardening.  A remark after it says how many rounds were left out, because another task ran in them.
#
# A lane that woke the tasks that ran is not judged: what they do is the rest of its own work.
#
# -v of=NAME: the kernel's name, before each.  A figure without its two lanes' spread is not ok, nor is none.

{ sub(/\r$/, "") }
$1 == "#" && $2 == "run" { h = $3; sub(/.*=/, "", h) }
$1 == "budget" && $3 ~ /^[0-9]+\.?[0-9]*$/ { figure[$2 " hardened=" h] }
# Arrays that go round CPUs bring another CPU other choices: those rows repeat once all have been everywhere.
$1 == "spread" && $2 ~ /^larson/ { larson = 1; next }
$1 == "spread" {
	name = $2 " hardened=" h
	if (!(name in lanes))
		order[++rows] = name
	lanes[name]++
	sub(/left_out=/, "", $6)
	left[name] += $6
	if ($7 != "woke" && $5 > $4 * 1.01 + 0.005)
		bad[name] = bad[name] "; " $3 " has median " $5 " and minimum " $4
}
END {
	what = (of ? of ": " : "")
	for (i = 1; i <= rows; i++) {
		name = order[i]
		if (name in bad)
			printf "not ok - %s%s scatters%s\n", what, name, bad[name]
		else
			printf "ok - %s%s repeats\n", what, name
		if (left[name])
			printf "  %s%s: %d rounds were left out\n", what, name, left[name]
	}
	for (name in figure)
		if (lanes[name] < 2)
			printf "not ok - %s%s: nothing says how far its rounds lie apart\n", what, name
	if (!rows && !larson)
		printf "not ok - %sno row says how far its rounds lie apart\n", what
}
