#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# dkms reads AUTOINSTALL of a dkms.conf without saying which kernel it is for, and fails where one is excluded.
#
# Seen on Debian's dkms 3.0.10-8+deb12u1.
#
# A dkms.conf is shell code, and it is told the kernel in $kernelver.  So one would expect that AUTOINSTALL can depend
# on it, to leave out a kernel that a module does not know.  `dkms autoinstall -k KERNEL` reads the file first with an
# empty $kernelver, and that reading decides.  Then it reads the file with the kernel named, finds it excluded by
# BUILD_EXCLUSIVE_KERNEL, and ends with status 11.  The packages of a kernel's headers call it so, and their
# installation fails.
#
# The script fetches the package into a temporary folder and asks for a kernel that a made-up module excludes.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get update -qq >/dev/null 2>&1 || true
apt-get download -qq dkms=3.0.10-8+deb12u1 >/dev/null 2>&1
dpkg-deb -x dkms_*.deb root
mkdir -p sources/probe-1.0 tree installed/2.0-x/build
cat >sources/probe-1.0/dkms.conf <<END
PACKAGE_NAME=probe
PACKAGE_VERSION=1.0
BUILT_MODULE_NAME[0]=probe
DEST_MODULE_LOCATION[0]=/updates
MAKE[0]=true
BUILD_EXCLUSIVE_KERNEL='^1[.]0'
AUTOINSTALL=yes
echo "asked for '\${kernelver:-}'" >>$work/asked
END
run() { root/usr/sbin/dkms --dkmstree "$work/tree" --sourcetree "$work/sources" --installtree "$work/installed" "$@"; }
run add -m probe -v 1.0 >/dev/null 2>&1
: >asked
status=0
run autoinstall -k 2.0-x >said 2>&1 || status=$?
cat asked
echo "status $status"
printf '%s\n' "asked for ''" "asked for '2.0-x'" | cmp - asked
[ $status = 11 ]
grep -q 'BUILD_EXCLUSIVE directive which does not match this kernel' said
