/* SPDX-License-Identifier: GPL-2.0 */
/* Found by a path that the driver's makefile makes of M. */
#define PLAIN_SIZE 96
