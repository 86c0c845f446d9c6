/* SPDX-License-Identifier: GPL-2.0 */
/* <kunit/test.h> of user space: the kernel's calls first, then the host that kunit/ brings. */
#include "unit/hak_kernel.h"
#include "kunit/host/test.h"
