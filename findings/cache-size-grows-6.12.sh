#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kmem_cache_size() of a cache changes while the cache lives: another one that is created raises it, for good.
#
# Seen on Debian's linux-image-6.12.117+deb12-cloud-amd64 6.12.117-1~deb12u1, in QEMU 7.2.
#
# One would expect kmem_cache_size() to say what kmem_cache_create() was asked for, or at least to say the same each
# time.  SLUB lets caches of nearly the same size share one, and the shared one has the largest size that anybody asked
# for.  So a cache of 297 bytes says 297, and 300 once some other module has made one of 300 bytes.  It still says 300
# when that one is gone.  Whoever works out a layout from it at two moments gets two layouts.  With SLAB_NO_MERGE it
# stays as it was.
#
# The script fetches kernel, headers and busybox into a temporary folder, builds a module and loads it in QEMU.  It
# needs qemu-system-x86, gcc-12, make, xz-utils and cpio.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get update -qq >/dev/null 2>&1 || true
release=6.12.117+deb12 version=6.12.117-1~deb12u1
apt-get download -qq "linux-image-$release-cloud-amd64=$version" "linux-headers-$release-cloud-amd64=$version" \
	"linux-headers-$release-common=$version" "linux-kbuild-$release=$version" \
	busybox-static=1:1.35.0-4+deb12u1+b1 >/dev/null 2>&1
for package in *.deb; do dpkg-deb -x "$package" root; done
headers=$work/root/usr/src/linux-headers-$release-cloud-amd64
sed -i "s,/usr/src/,$work/root/usr/src/," "$headers/Makefile"

mkdir -p module guest/bin guest/proc
echo 'obj-m := probe.o' >module/Kbuild
cat >module/probe.c <<'END'
#include <linux/module.h>
#include <linux/slab.h>

static void sizes(const char *what, slab_flags_t flags)
{
	struct kmem_cache *a = kmem_cache_create("probe-a", 297, 0, flags, NULL), *b;
	unsigned int alone = kmem_cache_size(a), beside;

	b = kmem_cache_create("probe-b", 300, 0, flags, NULL);
	beside = kmem_cache_size(a);
	kmem_cache_destroy(b);
	pr_info("RESULT %s %u %u %u\n", what, alone, beside, kmem_cache_size(a));
	kmem_cache_destroy(a);
}

static int __init probe_init(void)
{
	sizes("unmerged", SLAB_NO_MERGE);
	sizes("plain", 0);
	return 0;
}
module_init(probe_init);
MODULE_DESCRIPTION("asks a cache its size twice");
MODULE_LICENSE("GPL");
END
make -C "$headers" M="$work/module" CC=gcc-12 modules >build.log 2>&1 || { tail -n 20 build.log >&2; exit 1; }
cp root/bin/busybox guest/bin/
cp module/probe.ko guest/
cat >guest/init <<'END'
#!/bin/busybox sh
/bin/busybox insmod /probe.ko
/bin/busybox poweroff -f
END
chmod +x guest/init
(cd guest && find . | cpio -o -H newc 2>/dev/null) >initrd
timeout 300 qemu-system-x86_64 -accel tcg -cpu max,-cx16 -m 512 -nographic -no-reboot -kernel root/boot/vmlinuz-* \
	-initrd initrd -append 'console=ttyS0' </dev/null >console 2>&1
tr -d '\r' <console | sed -n 's/.*RESULT //p' >result
cat result
if printf '%s\n' 'unmerged 297 297 297' 'plain 297 300 300' | cmp -s - result; then
	echo "as seen: the plain cache says 300 once another one was there, and afterwards"
else
	echo "not as seen" >&2
	exit 1
fi
