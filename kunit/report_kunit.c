// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_report: the line of a bad free names the client's function.  It also has the cache
 * and its module, the object and the offset in it.  It comes once for each caller and cache.
 *
 * Here the module of the suites is the client.  Each way to free is a function of its own, whose
 * last call is the one that frees.
 */
#include "kunit/hak_kunit.h"
#include "kunit/hak_kunit_log.h"

#define REPORT "hakmem: bad free of"

struct item {
	unsigned long value;
	struct rcu_head rcu;
};

static noinline void by_cache(struct hak_cache *c, void *p)
{
	hak_cache_free(c, p);
}

static noinline void by_any(struct hak_cache *c, void *p)
{
	hak_free(p);
}

static noinline void by_cache_bulk(struct hak_cache *c, void *p)
{
	hak_cache_free_bulk(c, 1, &p);
}

static noinline void by_any_bulk(struct hak_cache *c, void *p)
{
	hak_free_bulk(1, &p);
}

static noinline void by_cache_called(struct hak_cache *c, void *p)
{
	__hak_cache_free(c, p);
	hak_keep_frame();
}

static noinline void by_any_called(struct hak_cache *c, void *p)
{
	__hak_free(p);
	hak_keep_frame();
}

static noinline void by_rcu(struct hak_cache *c, void *p)
{
	hak_free_rcu((struct item *)p, rcu);
}

struct way {
	const char *name;
	void (*free)(struct hak_cache *c, void *p);
	bool direct;	/* no function of hakmem stands between: the stack is not walked */
	bool early;	/* found at the call, whatever hardened is */
};

#define WAY(fn, ...) { #fn, fn, __VA_ARGS__ }

static const struct way ways[] = {
	WAY(by_cache, HAK_INLINE_FAST), WAY(by_any, HAK_INLINE_FAST), WAY(by_cache_bulk, false),
	WAY(by_any_bulk, false), WAY(by_cache_called, false), WAY(by_any_called, false),
	WAY(by_rcu, false, true),
};

static void way_desc(const struct way *w, char *desc)
{
	strscpy(desc, w->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(way, ways, way_desc);

struct twice {
	const struct way *way;
	struct hak_cache *c;
	void *p;
};

static void free_twice(void *arg)
{
	struct twice *t = arg;

	/* Both before a grace period can end. */
	rcu_read_lock();
	t->way->free(t->c, t->p);
	t->way->free(t->c, t->p);
	rcu_read_unlock();
	if (!t->way->early)
		hak_kunit_settle();
}

static void expect_in(struct kunit *test, const char *line, const char *what)
{
	KUNIT_EXPECT_TRUE_MSG(test, strstr(line, what), "no \"%s\" in: %s", what, line);
}

static void expect_about(struct kunit *test, const char *line, const char *cache, unsigned int off)
{
	char what[64];

	snprintf(what, sizeof(what), "(cache %s of %s, object ", cache, THIS_MODULE->name);
	expect_in(test, line, what);
	snprintf(what, sizeof(what), "+%u, ", off);
	expect_in(test, line, what);
	KUNIT_EXPECT_FALSE_MSG(test, strstr(line, "[hakmem]"), "%s", line);
}

/* User-Mode Linux cannot walk its stack: there it need not be known, unless it is @direct. */
static void expect_caller(struct kunit *test, const char *line, bool late, const char *fn,
			  bool direct)
{
	char what[64];

	if (IS_ENABLED(CONFIG_UML) && !direct &&
	    strstr(line, late ? ", freed before" : ", caller unknown)"))
		return;
	snprintf(what, sizeof(what), ", %s %s", late ? "freed before, flushed by" : "caller", fn);
	expect_in(test, line, what);
	snprintf(what, sizeof(what), "[%s]); not put back", THIS_MODULE->name);
	expect_in(test, line, what);
}

static void double_free_names_who_freed(struct kunit *test)
{
	struct twice t = { .way = test->param_value };
	char line[HAK_KUNIT_LINE];

	t.c = hak_kunit_cache(test, "kunit-report", sizeof(struct item), NULL, 0);
	t.p = hak_cache_alloc(t.c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t.p);
	KUNIT_EXPECT_EQ(test, hak_kunit_line(REPORT, line, free_twice, &t), 1);
	expect_in(test, line, "free already");
	expect_about(test, line, "kunit-report", 0);
	if (hak_kunit_hardened() || t.way->early)
		expect_caller(test, line, false, t.way->name, t.way->direct);
	else
		expect_in(test, line, ", freed before");
	hak_rcu_barrier();
}

struct two_caches {
	struct hak_cache *c[2];
	void *p[2];
};

static noinline void free_again_thrice(void *arg)
{
	struct two_caches *t = arg;
	int i;

	for (i = 0; i < 3; i++)
		by_any(NULL, t->p[i / 2]);
	hak_kunit_settle();
}

/* Two bad frees of the first cache's are one line, and that of the second is another. */
static void each_caller_and_cache_is_told_of_once(struct kunit *test)
{
	struct two_caches t;
	int i;

	for (i = 0; i < 2; i++) {
		t.c[i] = hak_kunit_cache(test, i ? "kunit-b" : "kunit-a", 64, NULL, 0);
		t.p[i] = hak_cache_alloc(t.c[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, t.p[i]);
		hak_cache_free(t.c[i], t.p[i]);
	}
	KUNIT_EXPECT_EQ(test, hak_kunit_said(REPORT, free_again_thrice, &t), 2);
}

#define MANY 6000	/* objects of 192 bytes: more than magazines and depot hold */

struct many {
	struct hak_cache *c;
	void **p;
	void *keep;
};

/* An interior pointer, and enough behind it that its magazine is emptied. */
static noinline void free_so_many(void *arg)
{
	struct many *m = arg;
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		if (i == MANY - 300)
			hak_cache_free(m->c, m->keep + 64);
		hak_cache_free(m->c, m->p[i]);
	}
}

static noinline void free_one_and_shrink(void *arg)
{
	struct many *m = arg;

	hak_cache_free(m->c, m->keep + 64);
	hak_cache_shrink(m->c);
}

static void many_init(struct kunit *test, struct many *m, const char *name, unsigned int n)
{
	m->c = hak_kunit_cache(test, name, 192, NULL, 0);
	m->p = kunit_kcalloc(test, MANY, sizeof(void *), GFP_KERNEL);
	m->keep = hak_cache_alloc(m->c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m->p);
	KUNIT_ASSERT_NOT_NULL(test, m->keep);
	/* No mark of an earlier case is left in it. */
	memset(m->keep, 0, 192);
	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(m->c, GFP_KERNEL, n, m->p), n);
}

/* Objects of small blocks are always looked up. */
static bool found_at_the_call(const struct many *m)
{
	return cache_core(m->c)->mode.exact || !hak_config_get()->superslab;
}

static void flush_names_who_made_room(struct kunit *test)
{
	char line[HAK_KUNIT_LINE];
	struct many m;

	many_init(test, &m, "kunit-flush", MANY);
	migrate_disable();
	KUNIT_EXPECT_EQ(test, hak_kunit_line(REPORT, line, free_so_many, &m), 1);
	migrate_enable();
	expect_in(test, line, "not the start of an object");
	expect_about(test, line, "kunit-flush", 64);
	expect_caller(test, line, !found_at_the_call(&m), "free_so_many",
		      HAK_INLINE_FAST && found_at_the_call(&m));
	hak_cache_free(m.c, m.keep);
}

/* Found when the set is emptied: the module whose cache it is, and at most who asked for that. */
static void drain_names_the_module(struct kunit *test)
{
	char line[HAK_KUNIT_LINE];
	struct many m;

	many_init(test, &m, "kunit-late", 1);
	KUNIT_EXPECT_EQ(test, hak_kunit_line(REPORT, line, free_one_and_shrink, &m), 1);
	expect_about(test, line, "kunit-late", 64);
	if (found_at_the_call(&m))
		expect_caller(test, line, false, "free_one_and_shrink", HAK_INLINE_FAST);
	else
		expect_in(test, line, "+64, freed before");
	hak_cache_free(m.c, m.keep);
	hak_cache_free(m.c, m.p[0]);
}

static struct kunit_case report_cases[] = {
	KUNIT_CASE_PARAM(double_free_names_who_freed, way_gen_params),
	KUNIT_CASE(each_caller_and_cache_is_told_of_once),
	KUNIT_CASE(flush_names_who_made_room),
	KUNIT_CASE(drain_names_the_module),
	{}
};

struct kunit_suite hak_report_suite = {
	.name = "hakmem_report",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = report_cases,
};
