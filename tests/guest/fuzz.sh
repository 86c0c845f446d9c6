# SPDX-License-Identifier: GPL-2.0
# The byte code of torture/ in the kernel: every program of the corpus (/files), and NUMBER random
# ones from SEED, for each of RUNS, sets of hakmem's parameters separated by semicolons.
. /lib.sh

T=$D/torture

# One write(2) a program; the kernel's log says what is wrong, and where.
run() { dd if="$1" of=$T/code bs=8192 count=1 2>/dev/null; }

explain() { dmesg | grep 'hakmem_torture: code:' | tail -n 4 | sed 's/^/# /'; }

corpus()
{
	local file n=0 bad=0
	for file in /files/*; do
		if run "$file"; then
			n=$((n + 1))
		else
			bad=$((bad + 1))
			not_ok "corpus, $params: ${file##*/}"
			explain
		fi
	done
	echo "# corpus, $params: $n programs ran, $bad did not"
	if [ $n -gt 0 ] && [ $bad -eq 0 ]; then ok "corpus of $n programs, $params"; fi
}

random()
{
	echo "# random, $params: seed $SEED"
	if put "$SEED $NUMBER" $T/code_random; then
		ok "$NUMBER random programs from seed $SEED, $params"
	else
		not_ok "random programs from seed $SEED, $params (to repeat: make check STAGE=fuzz-kernel SEED=$SEED)"
		explain
	fi
}

faults_spare_nobody
# A grace period is waited for many times in a program: at once, and not for ticks.
for f in first next; do
	! [ -e /sys/module/rcutree/parameters/jiffies_till_${f}_fqs ] ||
		echo 0 >/sys/module/rcutree/parameters/jiffies_till_${f}_fqs
done
IFS=';'
for params in $RUNS; do
	unset IFS
	# shellcheck disable=SC2086
	check "hakmem loads ($params)" load hakmem $params
	check "torture module loads" load hakmem_torture seconds=0
	corpus
	random
	refuse "a program longer than the machine looks at ($params)" \
		dd if=/dev/zero of=$T/code bs=4097 count=1
	refuse "text where a seed is wanted ($params)" put "one two" $T/code_random
	check "audit after the programs ($params)" audit_zero
	check "torture module unloads" rmmod hakmem_torture
	check "hakmem unloads" rmmod hakmem
done
refuse "nothing was left live" sh -c "dmesg | grep -q 'never freed'"
