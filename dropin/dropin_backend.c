// SPDX-License-Identifier: GPL-2.0
/*
 * The backend parameter: "PATTERN:BACKEND,PATTERN:BACKEND,...", the first that fits counts.
 *
 * It is read anew for each cache, which is created once, rather than kept in a second form.
 * In a pattern '*' stands for any characters and '?' for one.  A colon may be part of it, as
 * it may of a cache's name: the last one is the separator.  What stands before a slash may be
 * the name, or a pattern, of the module that makes the cache.
 */
#include "dropin/dropin.h"

struct rule {
	const char *pattern;
	unsigned int len;
	int backend;		/* enum hak_backend, or below 0 */
};

static const char *const backend_name[] = {
	[HAK_BACKEND_SLUB] = "slub",
	[HAK_BACKEND_HAKMEM] = "hakmem",
	[HAK_BACKEND_FORCE] = "force",
};

static_assert(ARRAY_SIZE(backend_name) == HAK_NR_BACKENDS);

/* The rule at @s, and the place behind it; NULL at the end. */
static const char *next_rule(const char *s, struct rule *r)
{
	const char *end = strchrnul(s, ','), *colon = end;
	int i;

	while (colon > s && *colon != ':')
		colon--;
	*r = (struct rule){ .pattern = s, .len = colon - s, .backend = -1 };
	for (i = 0; i < ARRAY_SIZE(backend_name); i++)
		if (end - colon == strlen(backend_name[i]) + 1 &&
		    !strncmp(colon + 1, backend_name[i], end - colon - 1))
			r->backend = i;
	return *end ? end + 1 : NULL;
}

/* After a '*' that did not fit with what it stood for, it is tried with a character more. */
static bool pattern_fits(const char *pattern, unsigned int len, const char *name)
{
	const char *star_name = NULL;
	unsigned int i = 0, star = 0;

	while (*name) {
		if (i < len && pattern[i] == '*') {
			star = ++i;
			star_name = name;
		} else if (i < len && (pattern[i] == '?' || pattern[i] == *name)) {
			i++;
			name++;
		} else if (star_name) {
			i = star;
			name = ++star_name;
		} else {
			return false;
		}
	}
	while (i < len && pattern[i] == '*')
		i++;
	return i == len;
}

/* A cache's name may have a slash in it, too. */
static bool rule_fits(const struct rule *r, const char *module, const char *name)
{
	const char *slash = memchr(r->pattern, '/', r->len);
	unsigned int len;

	if (pattern_fits(r->pattern, r->len, name))
		return true;
	if (!slash)
		return false;
	len = slash - r->pattern;
	return pattern_fits(r->pattern, len, module) &&
	       pattern_fits(slash + 1, r->len - len - 1, name);
}

const char *hak_backend_wrong(const char *backend)
{
	struct rule r;

	while (backend && *backend) {
		backend = next_rule(backend, &r);
		if (!r.len)
			return "a pattern is missing, as in \"ext4_*:hakmem,*:slub\"";
		if (r.backend < 0)
			return "a backend is none of slub, hakmem, force";
		if (backend && !*backend)
			return "it ends with a comma";
	}
	return NULL;
}
HAK_EXPORT_TEST(hak_backend_wrong);

enum hak_backend hak_backend_of(const char *backend, const char *module, const char *name)
{
	struct rule r;

	while (backend && *backend) {
		backend = next_rule(backend, &r);
		if (rule_fits(&r, module, name))
			return r.backend;
	}
	return HAK_BACKEND_HAKMEM;
}
HAK_EXPORT_TEST(hak_backend_of);
