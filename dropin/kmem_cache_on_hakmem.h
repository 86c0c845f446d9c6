/* SPDX-License-Identifier: GPL-2.0 */
/* Where the header was: Kbuild files of drivers that name this path go on working. */
#include "../include/dropin/kmem_cache_on_hakmem.h"
