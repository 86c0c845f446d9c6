/* SPDX-License-Identifier: GPL-2.0 */
/* Programs of calls, for fuzzers: what torture_code*.c offer to the rest of the module. */
#ifndef _TORTURE_CODE_H
#define _TORTURE_CODE_H

struct dentry;

/*
 * Put the files code and code_random into @dir; while they are there, nothing else of the
 * module may run.  0 or an error number.
 */
int tt_code_init(struct dentry *dir);
void tt_code_exit(void);

#endif /* _TORTURE_CODE_H */
