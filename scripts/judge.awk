# SPDX-License-Identifier: GPL-2.0
# Judges a kernel log: prints one "ok - " or "not ok - " line per KUnit case and per
# complaint of the kernel.  -v skips=FILE names the skips that are allowed, one
# "suite.case" a line, or "MACHINE:suite.case" for one machine; -v run=NAME begins with the
# machine's name.  Written for any POSIX awk.

BEGIN {
	while (skips != "" && (getline line < skips) > 0) {
		sub(/[ \t]*#.*/, "", line)
		if (split(line, part, ":") == 2)
			line = index(run, part[1] "-") == 1 ? part[2] : ""
		if (line != "")
			allowed[line] = 1
	}
	# What no healthy run says.  hakmem's own reports are exempt: tests plant bad frees.
	bad = "WARNING:|BUG|Oops|general protection|[Uu]nable to handle|Kernel panic|panic - not syncing" \
	      "|possible recursive locking|INFO: possible|INFO: task|INFO: trying|inconsistent lock state" \
	      "|suspicious RCU|sleeping function|scheduling while atomic|Call Trace|cut here" \
	      "|KASAN|UBSAN|kmemleak|unreferenced object|ODEBUG|list_add corruption|list_del corruption" \
	      "|lockup|detected stall|rcu_.*stall|blocked for more than|Bad page|bad page|refcount_t" \
	      "|segfault|Segfault|divide error|invalid opcode|page allocation failure|lockdep" \
	      "|Invalid wait context|nested lock was not taken|bad unlock balance|still held" \
	      "|Kernel mode (fault|signal)|Memory corruption"
	# What the module loader says in hakmem's name.
	loader = "Unknown symbol|disagrees about version|unknown relocation|Exec format"
}

function depth_of(line) {
	match(line, /^ */)
	return int(RLENGTH / 4)
}

# A plan that was not met means that the kernel stopped, or forgot, a test.
function close_plan(d, name) {
	if ((d in plan) && seen[d] != plan[d])
		print "not ok - " name ": " plan[d] " tests planned, " seen[d] + 0 " run"
	delete plan[d]
	delete seen[d]
}

function result(line, d,    failed, name, skipped, key) {
	failed = line ~ /^ *not ok/
	skipped = line ~ /# SKIP/
	name = line
	sub(/^ *(not )?ok [0-9]+ /, "", name)
	sub(/^- /, "", name)
	sub(/ *#.*/, "", name)
	seen[d]++
	if (d == 0) {
		close_plan(1, name)
		key = name
		# A suite fails with its cases, which have been counted.
		if (failed && failed_in[name])
			return
	} else if (d == 1) {
		key = suite "." name
	} else {
		# The parameters of one case: the case itself has the verdict.
		return
	}
	if (failed) {
		failed_in[suite]++
		print "not ok - " key
	}
	else if (skipped && !(key in allowed))
		print "not ok - " key ": skipped, and not listed in tests/skips.txt"
	else if (d == 1 && !skipped)
		print "ok - " key
}

{
	sub(/\r$/, "")
	sub(/^\[ *[0-9]+\.[0-9]+\]/, "")
	sub(/^\[ *[CT][0-9]+\]/, "")
	sub(/^ /, "")
}

/^hakmem-guest: start/ { started = 1; next }

# A data race is one of ours if either side is code of hakmem's, or what that called: the first
# two lines of a stack.  The kernel has some of its own, which are counted.  Three of them it has
# under any caller: the timer of a sleep, the flags of work that is queued a second time, the
# clock.
function kernels_own(text) {
	sub(/^BUG: KCSAN: data-race in /, "", text)
	return text ~ /^hrtimer_wakeup \/ usleep_range_state$/ ||
	       text ~ /^usleep_range_state\+0x[0-9a-f]+\/0x[0-9a-f]+$/ ||
	       text ~ /^clear_pending_if_disabled \/ queue_rcu_work$/ ||
	       text ~ /^ktime_get \/ timekeeping_update_from_shadow/
}

function end_of_race() {
	if (kernels_own(race))
		ours = 0
	if (race != "" && ours && ++complaints <= 5)
		print "not ok - kernel log: " race
	else if (race != "" && !ours)
		foreign++
	race = ""
}
/^BUG: KCSAN: / { end_of_race(); race = $0; ours = 0; frame = 9; next }
race != "" && /^==========/ { end_of_race(); next }
race != "" && /^[a-z].* to 0x[0-9a-f]+ of [0-9]+ bytes by / { frame = 0; next }
race != "" && /^ [^ ]+\+0x[0-9a-f]+\/0x[0-9a-f]+/ {
	if (++frame <= 2 && /\[hakmem/)
		ours = 1
	next
}
# Everything else is judged as ever: another CPU may speak in between.

/^hakmem-guest: end/ { ended = 1; next }

/^ *KTAP version/ { if (depth_of($0) == 0) { close_plan(0, "suites"); } next }
/^ *1\.\.[0-9]+$/ {
	d = depth_of($0)
	n = $0
	sub(/.*\.\./, "", n)
	plan[d] = n + 0
	seen[d] = 0
	next
}
/^    # Subtest: / { if (depth_of($0) == 1) { suite = $0; sub(/^    # Subtest: /, "", suite) } next }
/^ *(not )?ok [0-9]+ / { result($0, depth_of($0)); next }

# What a suite provokes and looks for stands between these.
/^hakmem_kunit: begin of what is said on purpose$/ { purpose++; next }
/^hakmem_kunit: end of what is said on purpose$/ { purpose--; next }

# A complaint is judged from the start marker on; a dead kernel at any time.
function complaint(line) {
	if (purpose == 1)
		return line ~ /Kernel panic|Oops|kernel BUG/
	if (line ~ /^ *hakmem(_bench|_kunit|_selftest|_suites|_torture)?: /)
		return line ~ loader
	return line ~ bad
}
(started || /Kernel panic|Oops|kernel BUG/) && complaint($0) && ++complaints <= 5 {
	print "not ok - kernel log: " $0
}

END {
	# One that ends with the log is not the kernel's until it says so.
	ours = 1
	end_of_race()
	if (purpose)
		print "not ok - kernel log: what is said on purpose has no end, or no beginning"
	close_plan(1, suite)
	close_plan(0, "suites")
	if (foreign)
		print "# " foreign " data races of the kernel's own, without hakmem in them"
	if (!started)
		print "not ok - the guest never came up"
	else if (!ended)
		print "not ok - the guest never reached its end"
	if (complaints > 5)
		print "not ok - kernel log: " complaints - 5 " more lines like these"
	if (started && ended && !complaints)
		print "ok - kernel log is clean"
}
