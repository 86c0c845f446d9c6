/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Observation: /sys/kernel/debug/hakmem and /proc/hakmem. It reads the layers below and changes
 * none of them.
 */
#ifndef _HAK_DEBUGFS_H
#define _HAK_DEBUGFS_H

#include "tiny/tiny_core.h"

struct seq_file;

/* hak_allocs.c, hak_flow.c */
extern const struct file_operations hak_allocs_fops;
extern const struct file_operations hak_flow_fops;
int hak_allocs_show(struct seq_file *m, void *unused);
int hak_flow_show(struct seq_file *m, void *unused);

void hak_debugfs_init(void);
void hak_debugfs_exit(void);

#endif /* _HAK_DEBUGFS_H */
