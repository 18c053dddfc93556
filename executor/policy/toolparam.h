/* SPDX-License-Identifier: MIT */
/* toolparam: the "parameters" of a tool's definition, read.  Executor. */
#ifndef EXECUTOR_TOOLPARAM_H
#define EXECUTOR_TOOLPARAM_H

#include "common/param.h"
#include "executor/conf/keys.h"

/*
 * Read an object of at most `most` parameters into list (memory that is not
 * initialised yet); findings go to k.  The first *count of the list are then
 * the caller's to param_fini().  input: the one that is the stdin, may be
 * empty.
 */
void toolparam_read(const struct keys *k, const struct json_value *object,
    struct bytes input, struct param *list, size_t most, size_t *count);
/*
 * What can be said only once the template is known: a parameter that begins a
 * word has no value that is an option.  at: the parameter's own object.
 */
void toolparam_check_dash(const struct keys *k, const struct json_value *at,
    struct param *p, bool begins_word);
/* All keys of a parameter, for tests/lint/tables.c. */
const struct key *toolparam_key_table(void);

#endif
