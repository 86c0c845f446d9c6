/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Modes: which path the calls of a cache take.
 *
 * A cache gets its mode when it is made and keeps it.  tiny_mode.c has the table of them and
 * the rules that choose; `caches` prints the name.
 */
#ifndef _TINY_MODE_H
#define _TINY_MODE_H

#include "hak_compat.h"

struct hak_config;
struct hak_core;

struct hak_mode {
	const char *name;
	/* The sets of the handle have neither objects nor room: no call is inlined (five modes). */
	bool gated;
	bool frees_out;		/* those sets have no room: no free is inlined */
	bool exact;		/* each free is looked up, where arithmetic does not do */
	bool arithmetic;	/* the start of a live object follows from its address */
	bool quick;		/* a free that arithmetic and mark prove calls nothing */
	bool sampled;		/* each call is seen: tiny_sample.h */
};

/**
 * hak_mode_of() - choose the mode of a cache
 * @core: its size, flags, hardening and pool are settled
 * @conf: the parameters in force
 *
 * Context: Any.
 * Return: A row of the table.
 */
const struct hak_mode *hak_mode_of(const struct hak_core *core,
				   const struct hak_config *conf);

#endif /* _TINY_MODE_H */
