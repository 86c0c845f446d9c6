/* SPDX-License-Identifier: GPL-2.0 */
/* Tells dropin/kmem_cache_on_hakmem.h that this folder is found. */
#ifndef HAK_FIRST
#define HAK_FIRST 1
#endif
