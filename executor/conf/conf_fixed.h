/* SPDX-License-Identifier: MIT */
/* conf_fixed: the keys that a reload leaves as they were at the start. */
#ifndef EXECUTOR_CONF_FIXED_H
#define EXECUTOR_CONF_FIXED_H

#include "common/bytes.h"
#include "executor/conf/conf.h"

/* The i-th key, and its value in c as text after what *out has; NULL: the end. */
const char *conf_fixed_key(const struct conf *c, size_t i, struct buf *out);
/*
 * Append those that differ, with ", " between two; false, for lack of memory:
 * not all of them could be compared.
 */
bool conf_fixed_differ(
    const struct conf *a, const struct conf *b, struct buf *names) MUST_CHECK;

#endif
