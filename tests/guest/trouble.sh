# SPDX-License-Identifier: GPL-2.0
# A guest in trouble, for scripts/check-harness.  TROUBLE: panic, hang or chatter, or slow, which is none.
. /lib.sh

ok "a check that passed before the trouble"
case $TROUBLE in
panic) echo c >/proc/sysrq-trigger ;;
hang) sleep 1000 ;;
chatter) while sleep 1; do echo "# no end"; done ;;
slow) for i in 1 2 3 4; do sleep 7; echo "# step $i"; done ;;
esac
