// SPDX-License-Identifier: GPL-2.0
/* Suite hakmem_backend: which backend a cache's name gets, and which parameters are malformed. */
#include "kunit/hak_kunit.h"
#include "dropin/dropin.h"

static const struct choice {
	const char *backend, *name;
	enum hak_backend want;
} choices[] = {
	{ "", "any", HAK_BACKEND_HAKMEM },
	{ "*:slub", "any", HAK_BACKEND_SLUB },
	{ "*:force", "any", HAK_BACKEND_FORCE },
	{ "ext4_*:hakmem,*:slub", "ext4_io_end", HAK_BACKEND_HAKMEM },
	{ "ext4_*:hakmem,*:slub", "ext4_", HAK_BACKEND_HAKMEM },
	{ "ext4_*:hakmem,*:slub", "ext4", HAK_BACKEND_SLUB },
	{ "ext4_*:hakmem,*:slub", "jbd2_inode", HAK_BACKEND_SLUB },
	{ "ext4_*:slub", "jbd2_inode", HAK_BACKEND_HAKMEM },
	{ "a:slub,a:force", "a", HAK_BACKEND_SLUB },
	{ "a:slub,b:force", "b", HAK_BACKEND_FORCE },
	{ "a:slub", "ab", HAK_BACKEND_HAKMEM },
	{ "ab:slub", "a", HAK_BACKEND_HAKMEM },
	{ "?:slub", "a", HAK_BACKEND_SLUB },
	{ "?:slub", "ab", HAK_BACKEND_HAKMEM },
	{ "a?c:slub", "abc", HAK_BACKEND_SLUB },
	{ "*_4k:slub", "ext4_groupinfo_4k", HAK_BACKEND_SLUB },
	{ "*_4k:slub", "ext4_groupinfo_4k2", HAK_BACKEND_HAKMEM },
	{ "*o*o*:slub", "groupinfo", HAK_BACKEND_SLUB },
	{ "*o*o*o*:slub", "groupinfo", HAK_BACKEND_HAKMEM },
	{ "*ab:slub", "aab", HAK_BACKEND_SLUB },
	{ "*a*b*c:slub", "aabbbc", HAK_BACKEND_SLUB },
	{ "**:slub", "any", HAK_BACKEND_SLUB },
	{ "a:b:slub", "a:b", HAK_BACKEND_SLUB },
	{ "a:b:slub", "a", HAK_BACKEND_HAKMEM },
};

/* All of caches "inode" of the module "xfs". */
static const struct choice module_choices[] = {
	{ "xfs/*:slub", "inode", HAK_BACKEND_SLUB },
	{ "xfs/inode:slub", "inode", HAK_BACKEND_SLUB },
	{ "x?s/i*:slub", "inode", HAK_BACKEND_SLUB },
	{ "*/*:slub", "inode", HAK_BACKEND_SLUB },
	{ "xf/*:slub", "inode", HAK_BACKEND_HAKMEM },
	{ "xfss/*:slub", "inode", HAK_BACKEND_HAKMEM },
	{ "/*:slub", "inode", HAK_BACKEND_HAKMEM },
	{ "xfs/:slub", "inode", HAK_BACKEND_HAKMEM },
	{ "xfs:slub", "inode", HAK_BACKEND_HAKMEM },
	{ "ext4/*:slub,xfs/*:force,*:slub", "inode", HAK_BACKEND_FORCE },
	{ "*:slub,xfs/*:force", "inode", HAK_BACKEND_SLUB },
	{ "xfs/*:slub", "xfs/log", HAK_BACKEND_SLUB },
	{ "xfs/log:slub", "xfs/log", HAK_BACKEND_SLUB },
	{ "*/xfs/log:slub", "xfs/log", HAK_BACKEND_SLUB },
	{ "log/*:slub", "xfs/log", HAK_BACKEND_HAKMEM },
};

static void expect_choices(struct kunit *test, const char *module, const struct choice *c, int n)
{
	for (; n--; c++) {
		KUNIT_EXPECT_NULL_MSG(test, hak_backend_wrong(c->backend), "%s", c->backend);
		KUNIT_EXPECT_EQ_MSG(test, hak_backend_of(c->backend, module, c->name), c->want,
				    "backend=%s, cache %s of %s", c->backend, c->name, module);
	}
}

static void hak_backend_of_first_pattern_that_fits(struct kunit *test)
{
	expect_choices(test, "driver", choices, ARRAY_SIZE(choices));
}

static void hak_backend_of_a_module(struct kunit *test)
{
	expect_choices(test, "xfs", module_choices, ARRAY_SIZE(module_choices));
}

static void hak_backend_malformed_is_wrong(struct kunit *test)
{
	static const char *const wrong[] = {
		"slub", "*", "*:", ":slub", "*:SLUB", "*:slu", "*:slubs", "*:slub,", ",*:slub",
		"a:slub,,b:slub", "a:slub,b", "a:slub b", " ", ",", ":", "a=slub",
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		KUNIT_EXPECT_NOT_NULL_MSG(test, hak_backend_wrong(wrong[i]), "\"%s\"", wrong[i]);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(hak_backend_of_first_pattern_that_fits),
	KUNIT_CASE(hak_backend_of_a_module),
	KUNIT_CASE(hak_backend_malformed_is_wrong),
	{}
};

struct kunit_suite hak_backend_suite = { .name = "hakmem_backend", .test_cases = cases };
