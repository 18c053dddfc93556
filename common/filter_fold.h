/* SPDX-License-Identifier: MIT */
/*
 * filter_fold: two programs to a smaller one that decides the same.
 *
 * The kernel converts and compiles a filter for every process that puts it on:
 * each run pays for each instruction.  libseccomp compares with every number
 * that has a rule; here numbers in a row that end alike are one range.
 */
#ifndef COMMON_FILTER_FOLD_H
#define COMMON_FILTER_FOLD_H

#include <linux/filter.h>

#include "common/bytes.h"

/*
 * What seccomp(2) makes of both together; refine may be empty.  false: they
 * are not of the form that libseccomp writes, or one of them does not say
 * "allow" of a call whose arguments the other looks at; out is as it was.
 */
bool filter_fold(const struct sock_fprog *prog, const struct sock_fprog *refine,
    struct buf *out);

#endif
