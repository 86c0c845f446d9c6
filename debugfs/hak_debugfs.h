/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Observation: /sys/kernel/debug/hakmem and /proc/hakmem. It reads the layers below and changes
 * none of them.
 */
#ifndef _HAK_DEBUGFS_H
#define _HAK_DEBUGFS_H

#include "tiny/tiny_core.h"

void hak_debugfs_init(void);
void hak_debugfs_exit(void);

#endif /* _HAK_DEBUGFS_H */
