# SPDX-License-Identifier: GPL-2.0
# ext4, jbd2 and mbcache of the kernel's source, unmodified, on the backend BACKEND names.
# FILES: how many files; HARDENED: hakmem's parameter; METER=1: the drivers are built with the meter.
. /lib.sh
. /lib-dropin.sh
BACKEND=${BACKEND:-*:force}
FILES=${FILES:-2000}
M=/tmp/m

run()	# run PHASE...: on the mounted file system
{
	check "$*" dropin_ext4 $M "$FILES" 1 "$@"
	awk '$1 == "ops" { n += $2 } END { print n + 0 }' /tmp/out >>/tmp/ops
	sync
	sample "$*"
}

# e2fsck may set the time stamps of a clean file system right with -p; -n changes nothing at all.
fsck() { check "$1: e2fsck has nothing to say" /sbin/e2fsck -f -n /dev/ram0; }

for m in crc16 crc32c_generic libcrc32c; do check "$m loads" load $m; done
check "a RAM disk" load brd rd_nr=1 rd_size=262144
dropin_start mbcache jbd2 ext4
check "mke2fs" /sbin/mke2fs -q -t ext4 -I 256 -N $((FILES * 2 + 1000)) /dev/ram0
mkdir -p $M
check "mount" mount -t ext4 /dev/ram0 $M
run populate
run churn
run temps
run verify
put 3 /proc/sys/vm/drop_caches
sleep 1
put 3 /proc/sys/vm/drop_caches
# What a grace period or another CPU's work gives back comes a moment later, on both backends.
sleep 1
sample "drop_caches"
run verify
check "remount" mount -o remount,ro $M
check "and back" mount -o remount,rw $M
check "umount" umount $M
fsck "after the operations"
check "mount again" mount -t ext4 /dev/ram0 $M
run verify
run delete
check "umount at the end" umount $M
fsck "after the deletions"
echo "# ops $(awk '{ n += $1 } END { print n }' /tmp/ops)"
dropin_end ext4 jbd2 mbcache
