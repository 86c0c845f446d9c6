// SPDX-License-Identifier: GPL-2.0
/*
 * The table of modes.
 *
 *   mode       an allocation is  a free is             what proves that a free is right
 *   plain      inlined           inlined               tag and mark, inlined
 *   node       inlined           out of line           tag and mark, inlined before the call
 *   gated      out of line       out of line           tag and mark, inlined before the call
 *   exact      out of line       out of line           a look-up
 *   reckoned   out of line       out of line           arithmetic and mark; in doubt a look-up
 *   quick      out of line, calling nothing            the mark of a live object; in doubt a
 *                                                      look-up, which is called
 *   watched    out of line       out of line           a look-up; KASAN and kmemleak are told
 *   sampled    as gated, while somebody wants to know of its objects
 *   looked-up  as exact, likewise
 *
 * Gated is also a property: of all modes but plain and node.  The mode of that name is only that.
 *
 * Tag and mark are compared only in a module with hardened=1 or 2.
 */
#include "tiny/tiny_core.h"

enum mode {
	PLAIN, NODE, GATED, EXACT, RECKONED, QUICK, WATCHED, SAMPLED, LOOKED_UP, NR_MODES
};

static const struct hak_mode mode_table[] = {
	[PLAIN]    = { .name = "plain" },
	[NODE]     = { "node",     .frees_out = true },
	[GATED]    = { "gated",    .frees_out = true, .gated = true },
	[EXACT]    = { "exact",    .frees_out = true, .gated = true, .exact = true },
	[RECKONED] = { "reckoned", .frees_out = true, .gated = true, .exact = true,
		       .arithmetic = true },
	[QUICK]    = { "quick",    .frees_out = true, .gated = true, .exact = true, .quick = true },
	[WATCHED]  = { "watched",  .frees_out = true, .gated = true, .exact = true },
	[SAMPLED]  = { "sampled",  .frees_out = true, .gated = true, .sampled = true },
	[LOOKED_UP] = { "looked-up", .frees_out = true, .gated = true, .exact = true,
			.sampled = true },
};

static_assert(ARRAY_SIZE(mode_table) == NR_MODES);

/*
 * A cache is gated when the inlined paths may not serve it, for one of two reasons.  Its objects
 * may not be written to (ctor, SLAB_TYPESAFE_BY_RCU), and the inlined paths would (hardened,
 * init_on_alloc).  Or somebody wants to see every operation (stats, init_on_free, hardened=2, a
 * hardened cache in an unhardened module).
 */
static bool wants_gate(const struct hak_core *core, const struct hak_config *conf)
{
	bool inline_writes = conf->hardened || conf->init_on_alloc;

	return (core->pristine && inline_writes) || conf->stats || conf->init_on_free ||
	       (core->hardened && conf->hardened != 1);
}

/* The inlined check reads the first word, where a pristine object has no mark. */
static bool wants_exact(const struct hak_core *core, const struct hak_config *conf)
{
	return core->hardened && (core->pristine || conf->hardened != 1);
}

/* Slabs of one slab page whose map lies outside: from its start on, object follows object. */
static bool can_reckon(const struct hak_core *core, const struct hak_config *conf)
{
	return conf->hardened && core->pool.slab_spages == 1 &&
	       core->pool.stride * HAK_INLINE_BITS >= HAK_SPAGE_SIZE;
}

/* The mark of a live object proves it, whatever its size, and nothing else is asked. */
static bool is_quick(const struct hak_core *core, const struct hak_config *conf)
{
	return core->pristine && conf->hardened == 1 && !conf->multi_node && !conf->stats;
}

const struct hak_mode *hak_mode_of(const struct hak_core *core, const struct hak_config *conf)
{
	enum mode mode;

	if (core->sampled)
		mode = HAK_WATCHED || wants_exact(core, conf) ? LOOKED_UP : SAMPLED;
	else if (HAK_WATCHED)
		mode = WATCHED;
	else if (!wants_gate(core, conf))
		mode = conf->multi_node ? NODE : PLAIN;
	else if (!wants_exact(core, conf))
		mode = GATED;
	else if (is_quick(core, conf))
		mode = QUICK;
	else
		mode = can_reckon(core, conf) ? RECKONED : EXACT;
	return &mode_table[mode];
}
HAK_EXPORT_TEST(hak_mode_of);
