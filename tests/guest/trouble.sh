# SPDX-License-Identifier: GPL-2.0
# A guest in trouble, for scripts/check-harness.  TROUBLE: panic or hang.
. /lib.sh

ok "a check that passed before the trouble"
case $TROUBLE in
panic) echo c >/proc/sysrq-trigger ;;
hang) sleep 1000 ;;
esac
