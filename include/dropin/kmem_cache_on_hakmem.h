/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Puts a driver's kmem caches on hakmem without a change of the driver.  Its Kbuild
 * force-includes this file, and finds the folder first/ before the kernel's headers.
 * include/dropin/dropin.mk says both.
 *
 * From here on "struct kmem_cache" is another type, and the calls are hakmem's.  But headers of
 * the kernel that name these mean a cache of the kernel's.  Each of them has a namesake in first/.
 * That gives the names back, includes it, and takes them again.  So a cache of the driver's in a
 * field or an argument of the kernel's is an error of types at compile time.  The other way round
 * works: a call on a cache of the kernel's goes to the kernel, chosen by the type of its argument.
 * Examples are __getname() and a field of struct dst_ops.
 *
 * Nothing of the kernel's is included here where first/ is found.  Macros by which a driver
 * configures headers (pr_fmt, DEBUG) are seen by them as ever.  No header is seen that the driver
 * did not ask for.  But for the few that hakmem's calls need: they come behind linux/slab.h.
 *
 * CFLAGS_file.o += -DHAK_DROPIN_OFF leaves a file as it is.
 * CFLAGS_file.o += -DHAK_DROPIN_KMALLOC puts the kmalloc family of that file on hakmem as
 * well.  What it allocates may then be freed in such files only.
 */
#ifndef _KMEM_CACHE_ON_HAKMEM_H
#define _KMEM_CACHE_ON_HAKMEM_H

#if !defined(__ASSEMBLY__) && !defined(HAK_DROPIN_OFF)

/* hakmem's headers are read in the middle of the kernel's: they include what they must. */
#define HAK_DROPIN 1

#if __has_include(<hak_first.h>)
#include <hak_first.h>
#else
/* Kbuild files that know nothing of first/: the headers in it, before the names are taken. */
#include "hak_all_first.h"
#endif

#define HAK_NAMES 1
#include "hak_names_take.h"

#if defined(HAK_DROPIN_OWN_PR_FMT) && !defined(HAK_FIRST)
#undef pr_fmt
#endif
#if defined(HAK_DROPIN_OWN_DEV_FMT) && !defined(HAK_FIRST)
#undef dev_fmt
#endif

#endif /* !__ASSEMBLY__ && !HAK_DROPIN_OFF */
#endif /* _KMEM_CACHE_ON_HAKMEM_H */
