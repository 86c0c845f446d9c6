#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# All modules together have 8 KiB of static per-CPU variables, so whether one loads depends on those before it.
#
# Seen on Debian's linux-image-6.12.117+deb12-cloud-amd64 6.12.117-1~deb12u1, in QEMU 7.2.
#
# One would expect DEFINE_PER_CPU() in a module to cost memory, and insmod to fail for it when memory is short.  On
# x86-64 such variables come out of a reserve that is made at boot.  A module with 5000 bytes loads.  A second one
# like it is refused with ENOMEM where hundreds of MB are free, and a third with 2000 bytes loads.  Unloading the
# first lets the second in.  alloc_percpu() has no such limit.
#
# The script fetches kernel, headers and busybox into a temporary folder, builds three modules and loads them in QEMU.
# It needs qemu-system-x86, gcc-12, make, xz-utils and cpio.
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
echo 'obj-m := first.o second.o third.o' >module/Kbuild
for name in first:5000 second:5000 third:2000; do
	cat >"module/${name%:*}.c" <<END
#include <linux/module.h>
#include <linux/percpu.h>

static DEFINE_PER_CPU(char[${name#*:}], room);

static int __init probe_init(void)
{
	this_cpu_write(room[0], 1);
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);
MODULE_DESCRIPTION("has per-CPU variables");
MODULE_LICENSE("GPL");
END
done
make -C "$headers" M="$work/module" CC=gcc-12 modules >build.log 2>&1 || { tail -n 20 build.log >&2; exit 1; }
cp root/bin/busybox guest/bin/
cp module/*.ko guest/
cat >guest/init <<'END'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
load() { if insmod /$1.ko 2>/error; then echo "RESULT $1 loads"; else echo "RESULT $1: $(cat /error)"; fi; }
awk '/^MemFree/ { print "RESULT", ($2 > 300000 ? "more than 300 MB" : "little"), "free" }' /proc/meminfo
load first
load second
load third
rmmod first
load second
poweroff -f
END
chmod +x guest/init
(cd guest && find . | cpio -o -H newc 2>/dev/null) >initrd
timeout 300 qemu-system-x86_64 -accel tcg -cpu max,-cx16 -m 512 -nographic -no-reboot -kernel root/boot/vmlinuz-* \
	-initrd initrd -append 'console=ttyS0 quiet' </dev/null >console 2>&1
tr -d '\r' <console | sed -n 's/.*RESULT //p' >result
cat result
if cmp -s result - <<'END'
more than 300 MB free
first loads
second: insmod: can't insert '/second.ko': Cannot allocate memory
third loads
second loads
END
then
	echo "as seen: the second module loads only once the first has gone"
else
	echo "not as seen" >&2
	exit 1
fi
