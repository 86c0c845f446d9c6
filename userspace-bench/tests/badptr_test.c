// SPDX-License-Identifier: GPL-2.0
/*
 * realloc() and malloc_usable_size() of what is no live object: freed, interior, of the library's
 * own books, or a small number.  Each is reported with the place of the call, and refused.  What
 * is live stays as it is.
 */
#define _GNU_SOURCE
#include "check.h"
#include "kunit/lib/hak_pattern.h"
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPORT	"hakmem: bad free of"
#define BLOCK	(2UL << 20)

static const size_t sizes[] = { 16, 32, 48, 64, 100, 128, 200, 320, 400, 500, 640, 800, 1000,
	1024 };

/* One call of each kind for @p, which must be found: @counter rises by as many. */
static void expect_refused(void *p, size_t size, const char *what)
{
	static const size_t to[] = { 1, 16, 90, 1024, 5000 };
	uint64_t before = stat_bad_frees();
	size_t i, usable;
	void *q;

	usable = malloc_usable_size(hide(p));
	expect(!usable, "%s, size %zu: %zu bytes are usable", what, size, usable);
	for (i = 0; i < COUNT(to); i++) {
		errno = 0;
		q = realloc(hide(p), to[i]);
		expect(!q && errno == EINVAL, "%s, size %zu: realloc() to %zu is %p, errno %d",
		       what, size, to[i], q, errno);
	}
	expect(!realloc(hide(p), hide_size(0)), "%s, size %zu: realloc() to 0", what, size);
	expect(stat_bad_frees() == before + COUNT(to) + 2, "%s, size %zu: %llu of %zu are found",
	       what, size, (unsigned long long)(stat_bad_frees() - before), COUNT(to) + 2);
}

static void freed_is_found(void)
{
	size_t i;
	void *p;

	for (i = 0; i < COUNT(sizes); i++) {
		p = malloc(sizes[i]);
		free(p);
		expect_refused(p, sizes[i], "freed");
		expect(malloc(sizes[i]) == p, "it is not free any more");
		free(p);
		malloc_trim(0);
	}
	expect_audit_clean();
}

static void interior_is_found(void)
{
	uint64_t before = stat_bad_frees();
	size_t i, off, calls = 0;
	char *p;

	for (i = 0; i < COUNT(sizes); i++) {
		p = malloc(sizes[i]);
		hak_pattern_fill(p, sizes[i], i);
		for (off = 1; off < sizes[i]; off += off < 33 ? 1 : 29, calls += 7)
			expect_refused(p + off, sizes[i], "interior");
		expect(hak_pattern_holds(p, sizes[i], i), "size %zu: it has changed", sizes[i]);
		expect(malloc_usable_size(p) >= sizes[i], "size %zu: it is gone", sizes[i]);
		free(p);
	}
	expect(stat_bad_frees() == before + calls, "a good free is counted");
	expect_audit_clean();
}

/* Where no object ever was, of the library's own. */
static void never_an_object_is_found(void)
{
	char *p = malloc(64), *block = (char *)((uintptr_t)p & ~(BLOCK - 1));

	expect_refused(block, 64, "header");
	expect_refused(block + 4096, 64, "header");
	expect_refused(block + BLOCK - 8, 64, "end");
	expect_refused(block + (1UL << 30) + 4096, 64, "far");
	free(p);
	expect_audit_clean();
}

static void near_null_is_found(void)
{
	uintptr_t p;

	for (p = 1; p <= 16; p++)
		expect_refused((void *)p, 0, "a small number");
	expect(!malloc_usable_size(NULL), "NULL has room");
}

static __attribute__((noinline)) void fault_of_a_test(void *p)
{
	if (realloc(hide(p), 100))
		_Exit(3);
}

static void child_of_fault(void *arg)
{
	char *p = malloc(64);

	(void)arg;
	fault_of_a_test(p + 16);
}

/* Cache, object and offset; program and process; what was called, and where from. */
static void report_leads_to_the_call(void)
{
	char file[256], command[400], found[256] = "";
	unsigned long offset;
	struct outcome o;
	const char *at;
	FILE *tool;

	run_child(child_of_fault, NULL, &o);
	require(ended_well(&o) && !strncmp(o.err, REPORT, strlen(REPORT)), "it says %.300s", o.err);
	expect(strstr(o.err, "not the start of an object (cache hak-64, object 0x") &&
	       strstr(o.err, "+16, caller 0x"), "it says %.300s", o.err);
	expect(strstr(o.err, ", found by realloc()\n"), "it says %.300s", o.err);
	at = strstr(o.err, ", process ");
	require(at && sscanf(at, ", process %*d, %255[^+]+0x%lx", file, &offset) == 2,
		"it says %.300s", o.err);
	snprintf(command, sizeof(command), "addr2line -f -e '%s' %#lx", file, offset);
	tool = popen(command, "r");
	require(tool, "popen");
	if (!fgets(found, sizeof(found), tool))
		found[0] = 0;
	if (pclose(tool))
		check_leave_out("there is no addr2line");
	else
		expect(!strcmp(found, "fault_of_a_test\n"), "%s finds %s", command, found);
}

/* The C library's are its own to judge, which it does by an abort. */
static void good_ones_are_not_reported(void)
{
	size_t size, usable;
	void *p;

	for (size = 0; size < 5000; size += 3) {
		p = malloc(size);
		usable = malloc_usable_size(p);
		expect(usable >= size, "%zu of %zu bytes are usable", usable, size);
		p = realloc(p, size / 3 + 1);
		p = realloc(p, size * 2 + 1);
		free(p);
	}
	expect(!stat_bad_frees() || !under_hakmem(), "good calls are counted as bad");
	expect_audit_clean();
}

static const struct check_case cases[] = {
	{ "freed_is_found", freed_is_found, NEEDS_HAKMEM },
	{ "interior_is_found", interior_is_found, NEEDS_HAKMEM },
	{ "never_an_object_is_found", never_an_object_is_found, NEEDS_HAKMEM },
	{ "near_null_is_found", near_null_is_found, NEEDS_HAKMEM },
	{ "report_leads_to_the_call", report_leads_to_the_call, NEEDS_HAKMEM },
	{ "good_ones_are_not_reported", good_ones_are_not_reported, 0 },
	{ NULL, NULL, 0 },
};

int main(int argc, char **argv)
{
	return check_main(argc, argv, cases, 1, 0);
}
