// SPDX-License-Identifier: GPL-2.0
/* The machine of the byte code: what its operations and the shadow share. */
#include "torture/torture_code_impl.h"

struct code_machine code;

u8 code_byte(void)
{
	return code.at < code.end ? *code.at++ : 0;
}

struct code_object *code_pick(void)
{
	return &code.object[code_byte() % CODE_OBJECTS];
}

bool code_must(bool holds, const char *where, const char *what)
{
	if (unlikely(!holds) && !code.fault.what) {
		code.fault.what = what;
		code.fault.where = where;
		code.fault.offset = code.op - code.begin;
	}
	return holds;
}
