/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Before a header of the kernel's: names that were taken for the driver mean again what they mean
 * in the kernel.  Whether they were is kept for hak_kernel_end.h.  Such headers include each other.
 * No include guard: read around each of them.
 */
#pragma push_macro("HAK_NAMES")
#ifdef HAK_NAMES
#include "hak_names_back.h"
#endif
#undef HAK_NAMES
