/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All headers of the kernel that name struct kmem_cache, before the driver's own lines.  They are
 * for a driver whose Kbuild does not find first/.  Macros that a file defines before its
 * includes come too late for them.  For pr_fmt and dev_fmt, say so:
 * CFLAGS_file.o += -DHAK_DROPIN_OWN_PR_FMT (-DHAK_DROPIN_OWN_DEV_FMT).
 */
#ifndef _HAK_ALL_FIRST_H
#define _HAK_ALL_FIRST_H

#include <linux/kernel.h>
#include <linux/bio.h>
#include <linux/delayacct.h>
#include <linux/fault-inject.h>
#include <linux/fdtable.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/iocontext.h>
#include <linux/lru_cache.h>
#include <linux/memcontrol.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/perf_event.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/taskstats_kern.h>
#if IS_ENABLED(CONFIG_NET)
#include <net/dst_ops.h>
#include <net/inet_frag.h>
#include <net/inet_hashtables.h>
#include <net/request_sock.h>
#include <net/sock.h>
#include <net/timewait_sock.h>
#if __has_include(<net/hotdata.h>)
#include <net/hotdata.h>
#endif
#endif

#include "hak_calls.h"

#endif /* _HAK_ALL_FIRST_H */
