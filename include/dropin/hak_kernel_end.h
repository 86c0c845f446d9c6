/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Behind a header of the kernel's: the names are taken as they were before hak_kernel_begin.h.
 * No include guard: read around each of them.
 */
#pragma pop_macro("HAK_NAMES")
#ifdef HAK_NAMES
#include "hak_names_take.h"
#endif
