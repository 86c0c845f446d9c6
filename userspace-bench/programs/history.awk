# SPDX-License-Identifier: GPL-2.0
# A history of N commits for git fast-import: awk -v n=N -f history.awk
function content(i, f, text, k) {
	text = ""
	for (k = 0; k < 40 + f % 30; k++)
		text = text sprintf("line %d of file %d, %d\n", k, f, int(i / (k % 17 + 1)) * 31)
	return text
}

BEGIN {
	for (i = 1; i <= n; i++) {
		printf "commit refs/heads/%s\n", (i % 40 == 0) ? "side" i : "main"
		printf "mark :%d\n", i
		printf "committer A U Thor <author@example.com> %d +0000\n", 1600000000 + i
		message = "change " i "\n\nwith a body of " i " words"
		printf "data %d\n%s\n", length(message), message
		if (i > 1)
			printf "from :%d\n", (i % 40 == 1 && i > 2) ? i - 2 : i - 1
		for (k = 0; k < 4; k++) {
			f = (i * 7 + k * 13) % 160
			text = content(i, f)
			printf "M 100644 inline dir%d/file%d.txt\n", f % 12, f
			printf "data %d\n%s\n", length(text), text
		}
	}
}
