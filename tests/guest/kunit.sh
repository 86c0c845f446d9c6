# SPDX-License-Identifier: GPL-2.0
# Runs every KUnit suite; the cases report in the kernel's log.  PARAMS: hakmem's parameters.
. /lib.sh

load kunit enable=1 autorun=1 || not_ok "kunit.ko does not load"
# shellcheck disable=SC2086
check "hakmem loads ($PARAMS)" load hakmem $PARAMS
check "KUnit suites load" load hakmem_kunit
check "audit after the suites: nothing live, nothing wrong" audit_zero
check "hakmem_kunit unloads" rmmod hakmem_kunit
check "hakmem unloads" rmmod hakmem
