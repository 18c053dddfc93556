/* SPDX-License-Identifier: MIT */
/*
 * keytable: the rows of a table of keys (executor/keys), for the one file that
 * reads a format.  Executor.
 *
 * What is read goes into that file's own `struct draft`: values into it, plain
 * numbers and strings into its member KEYTABLE_MEMBER, which the file defines
 * before it includes this one.  tests/lint/keys reads these rows.
 */
#ifndef EXECUTOR_KEYTABLE_H
#define EXECUTOR_KEYTABLE_H

#include <stddef.h>

#include "executor/conf/keys.h"

#define KEYTABLE_AT(field) offsetof(struct draft, KEYTABLE_MEMBER.field)
#define KEYTABLE_SIZE(field)                                                   \
	sizeof(((struct draft *)NULL)->KEYTABLE_MEMBER.field)

/* It would spread each row over three lines. */
/* clang-format off */
#define U32(key, field, lo, hi)                                                \
	{ key, KEYS_U32, KEYTABLE_AT(field), lo, hi, NULL, NULL }
#define U64(key, field, lo, hi)                                                \
	{ key, KEYS_U64, KEYTABLE_AT(field), lo, hi, NULL, NULL }
#define STRING(key, field, lo)                                                 \
	{ key, KEYS_STRING, KEYTABLE_AT(field), lo, KEYTABLE_SIZE(field),      \
		NULL, NULL }
#define VALUE(key, field)                                                      \
	{ key, KEYS_VALUE, offsetof(struct draft, field), 0, 0, NULL, NULL }
/* It must be there; else this advice. */
#define NEEDED(key, field, advice)                                             \
	{ key, KEYS_VALUE, offsetof(struct draft, field), 0, 0, NULL, advice }
#define OBJECT(key, table)                                                     \
	{ key, KEYS_OBJECT, 0, 0, 0, table, NULL }
#define LAST                                                                   \
	{ NULL, KEYS_VALUE, 0, 0, 0, NULL, NULL }

/* clang-format on */

#endif
