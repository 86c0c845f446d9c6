/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of unit/ share: the suite of their own, and threads that change CPUs. */
#ifndef _UNIT_H
#define _UNIT_H

#include <kunit/test.h>
#include <stdatomic.h>

extern struct kunit_suite hak_threads_suite;

/* watched.c: SuperSlabs asked for, while whoever asks lets other threads run. */
extern atomic_uint unit_superslabs_asked;
extern atomic_uint unit_superslabs_woke;	/* those that would wake kswapd */
extern atomic_bool unit_superslabs_refused;

/* migrate.c; without SHIM_PREEMPT nobody moves. */
void unit_migrate_start(unsigned long seed);
void unit_migrate_tell(void);		/* how often threads changed CPUs */

#endif /* _UNIT_H */
