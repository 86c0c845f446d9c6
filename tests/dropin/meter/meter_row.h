/* SPDX-License-Identifier: GPL-2.0 */
/* What meter.h, in a driver, and dropin_meter.c say to each other. */
#ifndef _DROPIN_METER_ROW_H
#define _DROPIN_METER_ROW_H

#include <linux/types.h>

enum dropin_meter_op { DROPIN_METER_ALLOC, DROPIN_METER_ZALLOC, DROPIN_METER_FREE };

/* The row of an operation on a cache of @size bytes that the driver calls @name. Any context. */
int dropin_meter_row(const char *name, enum dropin_meter_op op, size_t size);

/* How often this CPU and this task were interrupted so far. Any context. */
u64 dropin_meter_breaks(void);

/*
 * Count one call that took @ticks, two readings included, and was about @p; it is not timed if
 * dropin_meter_breaks() said something else than @breaks before. Any context.
 */
void dropin_meter_add(int row, u64 ticks, u64 breaks, const void *p);

#endif /* _DROPIN_METER_ROW_H */
