# SPDX-License-Identifier: GPL-2.0
# f2fs of the kernel's source, unmodified, on the backend BACKEND names.  Many files are made and
# read.  A few of them stay open when the kernel drops its caches.
# INODES: how many files; OPEN: how many stay open; HARDENED: hakmem's parameter.
. /lib.sh
. /lib-dropin.sh
BACKEND=${BACKEND:-*:force}
INODES=${INODES:-4000}
OPEN=${OPEN:-100}
M=/tmp/m

run()	# run PHASE [WORD...]: on the mounted file system
{
	check "$*" dropin_f2fs "$1" $M "$INODES" ${2:+"$2"}
	awk '$1 == "ops" { n += $2 } END { print n + 0 }' /tmp/out >>/tmp/ops
	sync
	sample "$1"
}

for m in crc32_generic crc32c_generic lz4_compress lz4hc_compress; do check "$m loads" load $m; done
check "a RAM disk" load brd rd_nr=1 rd_size=$((65536 + INODES * 10))
dropin_start f2fs
check "mkfs.f2fs" /sbin/mkfs.f2fs -q -f /dev/ram0
mkdir -p $M
check "mount" mount -t f2fs /dev/ram0 $M
run make
run read
run hold "$OPEN"
for _ in 1 2 3; do
	put 3 /proc/sys/vm/drop_caches
	sleep 1
done
sample "drop_caches"
check "all is there" dropin_f2fs read $M "$INODES"
killall dropin_f2fs
check "umount" umount $M
check "fsck.f2fs has nothing to say" /sbin/fsck.f2fs --dry-run /dev/ram0
check "mount again" mount -t f2fs /dev/ram0 $M
run drop
check "umount at the end" umount $M
echo "# ops $(awk '{ n += $1 } END { print n }' /tmp/ops)"
dropin_end f2fs
