/* SPDX-License-Identifier: MIT */
/*
 * toolcall: the values of one call of a defined tool.  Executor; they come
 * from a frontend that may be hijacked, and are checked here whatever it says.
 */
#ifndef EXECUTOR_TOOLCALL_H
#define EXECUTOR_TOOLCALL_H

#include "executor/policy/tooldef.h"

struct toolcall {
	const struct tooldef *def; /* borrowed */
	struct bytes value[TOOLDEF_MAX_PARAMS]; /* p is NULL: not given */
};

void toolcall_init(struct toolcall *c, const struct tooldef *def);
/* Take an argument, which is borrowed; ERR_BAD with words for the caller. */
int toolcall_take(struct toolcall *c, const char *name, uint8_t kind,
    struct bytes value, struct err *e) MUST_CHECK;
/* That was all of them: is a required one missing?  Puts in the defaults. */
int toolcall_complete(struct toolcall *c, struct err *e) MUST_CHECK;
/* Append argv's n-th word; false: it is not there in this call. */
bool toolcall_put_word(const struct toolcall *c, size_t word, struct buf *out);
/* Standard input of the program; false: empty. */
bool toolcall_input(const struct toolcall *c, struct bytes *out);

#endif
