# SPDX-License-Identifier: GPL-2.0
# Each allocation of loading hakmem fails in turn; what was set up before it is undone.
. /lib.sh

faults_spare_nobody
percpu_kb() { awk '$1 == "Percpu:" { print $2 }' /proc/meminfo; }
# Once for what the kernel keeps after its first module.
load hakmem && rmmod hakmem
before=$(free_kb)
percpu=$(percpu_kb)
# The module loader's own failures are reported by vmalloc with a trace each.  So what comes now
# stays off the console, and is searched here for what is never right.
dmesg -n 1
check "each allocation of loading can fail" /bin/failinit /modules/hakmem.ko
echo "# $(cat /tmp/out)"
check "the whole log is there" sh -c 'dmesg | grep -q "hakmem-guest: start"'
refuse "no warning but vmalloc's" sh -c 'dmesg | grep -E "WARNING:|BUG|Oops|INFO: |ODEBUG|suspicious"'
dmesg -n 8
check "no module of hakmem's is left" sh -c '! grep ^hakmem /proc/modules'
sleep 1
after=$(free_kb)
echo "# free memory before and after: $before kB, $after kB"
# Each lost SuperSlab would be 2048 kB.
check "memory is back" test $((before - after)) -lt 1024
# The sets of one load are 91 kB on two CPUs.
after=$(percpu_kb)
echo "# per-CPU memory before and after: $percpu kB, $after kB"
check "per-CPU memory is back" test $((after - percpu)) -lt 64
check "hakmem loads and serves afterwards" load hakmem
check "audit after all that" audit_zero
check "hakmem unloads" rmmod hakmem
