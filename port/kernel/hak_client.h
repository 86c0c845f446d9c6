/* SPDX-License-Identifier: GPL-2.0 */
/* What the benchmark and the self-test use and older kernels do not have. */
#ifndef _HAK_CLIENT_H
#define _HAK_CLIENT_H

#include <linux/math.h>
#include <linux/slab.h>

/* Since 6.5; before, a cache may share its slabs with others of its size. */
#ifndef SLAB_NO_MERGE
#define SLAB_NO_MERGE 0
#endif

/* Since 6.6. */
#ifndef abs_diff
#define abs_diff(a, b) ((a) > (b) ? (a) - (b) : (b) - (a))
#endif

#endif /* _HAK_CLIENT_H */
