/* SPDX-License-Identifier: MIT */
/*
 * programnames: what a policy with "programs" lets a command start, by the
 * names that the command calls them by.  Executor.
 */
#ifndef EXECUTOR_PROGRAMNAMES_H
#define EXECUTOR_PROGRAMNAMES_H

#include "common/json.h"
#include "executor/confine/confine_input.h"

enum { PROGRAMNAMES_MAX = 192 /* bytes, with the NUL */ };

/*
 * "awk, sh and 3 more" into out: of the list of paths, as they are written, the
 * last component, or of a directory the whole path; then the shell and the
 * programs of tools.  "none" if there is nothing.
 */
void programnames_write(const struct json_value *list,
    const struct confine_input *in, char out[PROGRAMNAMES_MAX]);

#endif
