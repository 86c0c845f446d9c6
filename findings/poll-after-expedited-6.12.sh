#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# After synchronize_rcu_expedited() poll_state_synchronize_rcu() may still say that no grace period has passed.
#
# Seen on Debian's linux-image-6.12.117+deb12-cloud-amd64 6.12.117-1~deb12u1, in QEMU 7.2.
#
# get_state_synchronize_rcu() notes a moment, and poll_state_synchronize_rcu() says whether a grace period has passed
# since.  synchronize_rcu_expedited() waits for one.  So one would expect the answer to be yes after it, always.  The
# word that both share counts ordinary and expedited grace periods as one sequence.  Say an ordinary one is on its way
# at the moment that is noted.  Then the expedited one ends only that step, and the note waits for the next.  The
# functions with _full in their names keep the two apart and say yes.
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

mkdir -p module guest/bin
echo 'obj-m := probe.o' >module/Kbuild
cat >module/probe.c <<'END'
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/rcupdate.h>

#define TRIES 100

static int __init probe_init(void)
{
	unsigned int i, no = 0, no_full = 0;
	struct rcu_gp_oldstate full;
	unsigned long note;

	for (i = 0; i < TRIES; i++) {
		/* An ordinary grace period gets on its way. */
		start_poll_synchronize_rcu();
		usleep_range(1000, 2000);
		note = get_state_synchronize_rcu();
		get_state_synchronize_rcu_full(&full);
		synchronize_rcu_expedited();
		no += !poll_state_synchronize_rcu(note);
		no_full += !poll_state_synchronize_rcu_full(&full);
	}
	pr_info("RESULT %d %u %u\n", TRIES, no, no_full);
	return 0;
}
module_init(probe_init);
MODULE_DESCRIPTION("has a grace period passed?");
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
timeout 300 qemu-system-x86_64 -accel tcg -cpu max,-cx16 -smp 2 -m 512 -nographic -no-reboot \
	-kernel root/boot/vmlinuz-* -initrd initrd -append 'console=ttyS0' </dev/null >console 2>&1
read -r tries no full < <(tr -d '\r' <console | sed -n 's/.*RESULT //p')
echo "of $tries times: poll said no $no times, poll_full $full times"
if [ "$no" -gt 0 ] && [ "$full" -eq 0 ]; then
	echo "as seen: a grace period was waited for, and the poll does not know of it"
else
	echo "not as seen" >&2
	exit 1
fi
