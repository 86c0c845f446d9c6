# SPDX-License-Identifier: GPL-2.0
# A C file of N functions for a compiler to work on: awk -v n=N -f functions.awk
function body(i, k) {
	printf "int f%d(struct s%d *s, int n)\n{\n", i, i % 50
	printf "\tint a = n, b = %d, i;\n\n", i * 37 % 101
	printf "\tfor (i = 0; i < n %% %d + 3; i++) {\n", i % 13 + 2
	for (k = 0; k < i % 6 + 3; k++)
		printf "\t\ta = (a ^ s->m%d) * %d + (b >> %d);\n", k, i * 7 + k, k + 1
	printf "\t\tswitch (a & 7) {\n"
	for (k = 0; k < 6; k++)
		printf "\t\tcase %d: b += s->m%d - a; break;\n", k, (i + k) % 9
	printf "\t\tdefault: s->m%d = b; }\n\t}\n", i % 9
	k = int(i / 2)
	if (i > 0)
		printf "\tif (a > b)\n\t\treturn f%d((struct s%d *)s, a - b);\n", k, k % 50
	printf "\treturn a + b;\n}\n\n"
}

BEGIN {
	for (i = 0; i < 50; i++) {
		printf "struct s%d {\n", i
		for (k = 0; k < 9; k++)
			printf "\tint m%d;\n", k
		printf "};\n"
	}
	for (i = 0; i < n; i++)
		body(i)
}
