#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# On x86-64 with HZ=250 udelay() and mdelay() end 0.8 % too early, always.
#
# Seen on Debian's linux-image-6.12.117+deb12-cloud-amd64 6.12.117-1~deb12u1, in QEMU 7.2.
#
# A driver calls udelay() because a device wants at least that long.  One would expect some more, never less.  The
# kernel turns microseconds into ticks of the time stamp counter by a product with HZ / 4, in whole numbers.  250 / 4
# is 62.5 and becomes 62, so each delay is 62 / 62.5 of what was asked: mdelay(5) ends after 4.96 ms.  Where HZ is 100
# or 1000 nothing is lost.  The overhead of the call hides it up to some 10 us.
#
# The script fetches kernel, headers and busybox into a temporary folder, builds a module and loads it in QEMU.  QEMU
# counts instructions there (-icount), so time is exact and the same on each machine.  It needs qemu-system-x86,
# gcc-12, make, xz-utils and cpio.
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

mkdir -p module guest/bin
echo 'obj-m := probe.o' >module/Kbuild
cat >module/probe.c <<'END'
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/module.h>

/* The longest of some, in ns, with interrupts off: nothing but the delay is in it. */
static u64 longest(void (*wait)(void))
{
	u64 most = 0, begin;
	unsigned long flags;
	int i;

	for (i = 0; i < 5; i++) {
		local_irq_save(flags);
		begin = ktime_get_ns();
		wait();
		most = max(most, ktime_get_ns() - begin);
		local_irq_restore(flags);
	}
	return most;
}

static void wait_1000(void)
{
	udelay(1000);
}

static void wait_5000(void)
{
	mdelay(5);
}

static int __init probe_init(void)
{
	pr_info("RESULT %d %llu %llu\n", HZ, longest(wait_1000), longest(wait_5000));
	return 0;
}
module_init(probe_init);
MODULE_DESCRIPTION("how long is a delay?");
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
timeout 300 qemu-system-x86_64 -accel tcg -icount shift=0,sleep=on -cpu max,-cx16 -m 512 -nographic -no-reboot \
	-kernel root/boot/vmlinuz-* -initrd initrd -append 'console=ttyS0' </dev/null >console 2>&1
read -r hz one five < <(tr -d '\r' <console | sed -n 's/.*RESULT //p')
echo "HZ=$hz: udelay(1000) at most $one ns, mdelay(5) at most $five ns"
if [ "$hz" = 250 ] && [ "$one" -gt 990000 ] && [ "$one" -lt 995000 ] &&
	[ "$five" -gt 4950000 ] && [ "$five" -lt 4970000 ]; then
	echo "as seen: both are 0.8 % short"
else
	echo "not as seen" >&2
	exit 1
fi
