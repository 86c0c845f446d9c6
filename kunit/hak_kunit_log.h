/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel says of what a test does on purpose. */
#ifndef _HAK_KUNIT_LOG_H
#define _HAK_KUNIT_LOG_H

/*
 * Runs @fn and returns how many lines of the kernel's log contain @what meanwhile.  They stand
 * between two lines of ours, which tell scripts/judge that they are no finding.  The level of the
 * console cannot tell, because it may print later.
 * Context: process context. May sleep.
 */
unsigned int hak_kunit_said(const char *what, void (*fn)(void *arg), void *arg);

/* The same, and the newest such line goes to @last. */
#define HAK_KUNIT_LINE 400
unsigned int hak_kunit_line(const char *what, char *last, void (*fn)(void *arg), void *arg);

#endif /* _HAK_KUNIT_LOG_H */
