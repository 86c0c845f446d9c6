// SPDX-License-Identifier: GPL-2.0
/* See hak_kunit_log.h. */
#include "kunit/hak_kunit_log.h"
#include <linux/kmsg_dump.h>
#include <linux/printk.h>
#include <linux/string.h>

static unsigned int count_lines(struct kmsg_dump_iter *log, const char *what)
{
	char line[160];
	unsigned int n = 0;
	size_t len;

	while (kmsg_dump_get_line(log, false, line, sizeof(line) - 1, &len)) {
		line[len] = 0;
		n += !!strstr(line, what);
	}
	return n;
}

unsigned int hak_kunit_said(const char *what, void (*fn)(void *arg), void *arg)
{
	struct kmsg_dump_iter log = { };

	kmsg_dump_rewind(&log);
	count_lines(&log, what);
	pr_notice("hakmem_kunit: begin of what is said on purpose\n");
	fn(arg);
	pr_notice("hakmem_kunit: end of what is said on purpose\n");
	return count_lines(&log, what);
}
