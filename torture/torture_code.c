// SPDX-License-Identifier: GPL-2.0
/* Where a byte code of operations will be read from. */
#include "torture/torture.h"

int tt_code_init(struct dentry *dir)
{
	return 0;
}

void tt_code_exit(void)
{
}
