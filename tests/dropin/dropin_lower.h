/* SPDX-License-Identifier: GPL-2.0 */
/* What the module without the header tells the test driver. */
#ifndef _DROPIN_LOWER_H
#define _DROPIN_LOWER_H

#include <linux/mempool.h>

unsigned int dropin_lower_size(const mempool_t *pool);
bool dropin_lower_is_kernels(const mempool_t *pool);
int dropin_lower_bulk(void);

#endif /* _DROPIN_LOWER_H */
