#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A kprobe anywhere in a function that copies to user space is never made a jump, also far from the copy.
#
# Seen on Debian's linux-image-6.12.117+deb12-cloud-amd64 6.12.117-1~deb12u1, in QEMU 7.2.
#
# The kernel replaces the breakpoint of a kprobe by a jump where it can, which makes a hit several times cheaper.  One
# would expect that this depends on the instruction that is probed, and on its neighbours.  In fact one instruction
# with an entry in the exception table excludes the whole function.  Newer kernels inline such accesses, so the
# functions that fill directory entries or poll results have none that is OPTIMIZED in the kernel's own list.
# Functions beside them without an access of their own have many.
#
# The script fetches kernel and busybox into a temporary folder and boots them.  There it puts probes on up to sixteen
# instructions of four functions and counts those that the list calls OPTIMIZED.  It needs qemu-system-x86 and cpio.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get update -qq >/dev/null 2>&1 || true
apt-get download -qq linux-image-6.12.117+deb12-cloud-amd64=6.12.117-1~deb12u1 \
	busybox-static=1:1.35.0-4+deb12u1+b1 >/dev/null 2>&1
for package in *.deb; do dpkg-deb -x "$package" root; done
mkdir -p guest/bin guest/proc guest/sys
cp root/bin/busybox guest/bin/

cat >guest/init <<'END'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tracefs tracefs /sys/kernel/tracing
mount -t debugfs debugfs /sys/kernel/debug
cd /sys/kernel/tracing

# An offset that is no instruction is refused.
for f in filldir64 do_sys_poll vfs_readv vfs_write; do
	placed=0 at=16
	while [ $at -lt 400 ]; do
		if echo "p:probe/${f}_$at $f+$at" 2>/dev/null >>kprobe_events; then
			placed=$((placed + 1)) at=$((at + 24))
		else
			at=$((at + 1))
		fi
	done
	for event in events/probe/${f}_*; do echo 1 >$event/enable; done
	# It is done in the background: wait until a second has brought no more.
	jumps=-1 now=0
	while [ $jumps != $now ]; do
		jumps=$now
		sleep 1
		now=$(grep " $f+" /sys/kernel/debug/kprobes/list | grep -c OPTIMIZED)
	done
	echo "RESULT $f $placed $now"
done >/dev/console
poweroff -f
END
chmod +x guest/init
(cd guest && find . | cpio -o -H newc 2>/dev/null) >initrd
timeout 300 qemu-system-x86_64 -accel tcg -cpu max,-cx16 -m 512 -nographic -no-reboot -kernel root/boot/vmlinuz-* \
	-initrd initrd -append 'console=ttyS0 quiet' </dev/null >console 2>&1
tr -d '\r' <console | sed -n 's/.*RESULT //p' |
	tee /dev/stderr | awk '
	{ placed[$1] = $2; jumps[$1] = $3 }
	END {
		access = placed["filldir64"] >= 8 && placed["do_sys_poll"] >= 8 &&
			jumps["filldir64"] + jumps["do_sys_poll"] == 0
		beside = jumps["vfs_readv"] >= 3 && jumps["vfs_write"] >= 3
		if (access && beside)
			print "as seen: none beside an access to user space, several in functions without one"
		else
			print "not as seen"
		exit !(access && beside)
	}'
