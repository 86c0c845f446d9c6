/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel says of what a test does on purpose. */
#ifndef _HAK_KUNIT_LOG_H
#define _HAK_KUNIT_LOG_H

/*
 * Runs @fn and returns how many lines of the kernel's log contain @what meanwhile.  They
 * are kept off the console, where they would be taken for a finding.
 * Context: process context. May sleep.
 */
unsigned int hak_kunit_said(const char *what, void (*fn)(void *arg), void *arg);

#endif /* _HAK_KUNIT_LOG_H */
