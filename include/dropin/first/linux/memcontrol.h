/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's header, with the names it knows: dropin/kmem_cache_on_hakmem.h. */
#ifndef _HAK_FIRST_LINUX_MEMCONTROL_H
#define _HAK_FIRST_LINUX_MEMCONTROL_H

#include "../../hak_kernel_begin.h"
#include_next <linux/memcontrol.h>
#include "../../hak_kernel_end.h"

#endif /* _HAK_FIRST_LINUX_MEMCONTROL_H */
