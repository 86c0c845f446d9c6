/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by the files of the drop-in test: checks, and what is expected to serve. */
#ifndef _DROPIN_TEST_H
#define _DROPIN_TEST_H

#include <linux/types.h>

/* Does hakmem serve ordinary caches here, and those that only "force" gives it? */
extern bool on_hakmem;
extern bool forced;

void check(bool good, const char *what);

void test_forms(void);		/* dropin_forms.c */
void test_kmalloc(void);	/* dropin_kmalloc.c */

#endif /* _DROPIN_TEST_H */
