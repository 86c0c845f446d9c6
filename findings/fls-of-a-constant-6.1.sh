#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# On x86-64 the kernel's __fls() of a constant is code on 6.1, and a constant on 6.12.
#
# Seen on Debian's headers 6.1.192-3 and 6.12.117-1~deb12u1, with gcc 12.2.
#
# One would expect __fls(64) to be the number 6 wherever gcc can see the 64.  The header of 6.1 is inline assembly and
# nothing else, so the compiler cannot look inside.  A size class that is worked out by __fls() is worked out again at
# each call.  Newer headers ask __builtin_constant_p() first.
#
# The script fetches both headers into a temporary folder and compiles one function with each.  Then it looks for the
# instruction.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
compiler=$(command -v gcc-12 || command -v gcc)
apt-get update -qq >/dev/null 2>&1 || true
older=linux-headers-6.1.0-57-common newer=linux-headers-6.12.117+deb12-common
apt-get download -qq "$older=6.1.192-3" "$newer=6.12.117-1~deb12u1" >/dev/null 2>&1
for package in "$older" "$newer"; do
	mkdir "$package"
	dpkg-deb -x "$package"_*.deb "$package"
done

# The function as it stands in the header, without the rest of the kernel.
code_of()	# code_of PACKAGE: the instructions of six(), which returns __fls(64)
{
	local header
	header=$(find "$1" -path '*/arch/x86/include/asm/bitops.h')
	{
		printf '%s\n' '#define __always_inline inline __attribute__((always_inline))' \
			'#define BITS_PER_LONG 64' '#define __bitop_rm "rm"' '#define ASM_INPUT_RM "rm"' \
			'#define __attribute_const__ __attribute__((const))'
		awk '/^(#define __fls|static __always_inline .*__fls\()/ { on = 1 }
			on { print }
			on && (/^}/ || (/^#define __fls/ && !/\\$/)) { on = 0; print "" }' "$header"
		printf '%s\n' 'unsigned long six(void) { return __fls(64); }'
	} >"$1.c"
	"$compiler" -O2 -fcf-protection=none -S -o - "$1.c" | sed -n '/^six:/,/ret/p'
}

old=$(code_of "$older")
new=$(code_of "$newer")
printf '6.1:\n%s\n%s:\n%s\n' "$old" "$newer" "$new"
if grep -q bsr <<<"$old" && ! grep -q bsr <<<"$new"; then
	echo "as seen: 6.1 computes __fls(64) at run time, the newer kernel does not"
else
	echo "not as seen: 6.1 or the newer kernel treats __fls(64) otherwise now" >&2
	exit 1
fi
