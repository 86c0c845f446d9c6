// SPDX-License-Identifier: GPL-2.0
/* See hak_kunit_log.h. */
#include "kunit/hak_kunit_log.h"
#include <linux/kmsg_dump.h>
#include <linux/printk.h>
#include <linux/string.h>

/* Lines from @log on that contain @what; the newest goes to @last, if that is not NULL. */
static unsigned int count_lines(struct kmsg_dump_iter *log, const char *what, char *last)
{
	static char line[HAK_KUNIT_LINE];
	unsigned int n = 0;
	size_t len;

	while (kmsg_dump_get_line(log, false, line, sizeof(line) - 1, &len)) {
		line[len] = 0;
		if (!strstr(line, what))
			continue;
		n++;
		if (last)
			strscpy(last, line, HAK_KUNIT_LINE);
	}
	return n;
}

unsigned int hak_kunit_line(const char *what, char *last, void (*fn)(void *arg), void *arg)
{
	struct kmsg_dump_iter log = { };

	kmsg_dump_rewind(&log);
	count_lines(&log, what, NULL);
	pr_notice("hakmem_kunit: begin of what is said on purpose\n");
	fn(arg);
	pr_notice("hakmem_kunit: end of what is said on purpose\n");
	return count_lines(&log, what, last);
}

unsigned int hak_kunit_said(const char *what, void (*fn)(void *arg), void *arg)
{
	return hak_kunit_line(what, NULL, fn, arg);
}
