# SPDX-License-Identifier: GPL-2.0
# A prompt on the console with hakmem and its benchmark loaded, for scripts/shell.  TERM: the terminal.
. /lib.sh
CONSOLE=/dev/ttyS0

# busybox's asks the first process, which here is a script.
echo 'poweroff() { /bin/busybox poweroff -f; }' >/shellrc

{
	load hakmem && load hakmem_bench
	cat <<-END

	$(uname -srm), hakmem and its benchmark are loaded, the other modules are in /modules.
	  cat $D/stats                    counters; see also caches, magazines, superslabs
	  echo "pattern=lifo size=64 alloc=hakmem ctx=task" >$D/bench/run; cat $D/bench/result
	  poweroff                                               leaves
	END
} >$CONSOLE 2>&1
cd /sys/kernel/debug/hakmem || cd /
export TERM HOME=/ ENV=/shellrc PS1='hakmem# '
setsid -c sh <$CONSOLE >$CONSOLE 2>&1
