/* SPDX-License-Identifier: MIT */
/*
 * tokendir: every token of tokens.d, in steps.
 *
 * Files stand for themselves: one that is bad is a finding and leaves that
 * token out (or, when it is in force, keeps it as it was), the others load; a
 * token whose file is gone is gone.  Adding a file never puts another token
 * out of force: where there are too many, or two share what only one may
 * have, that one stays which was in force, or else was made first.
 *
 * Only files that changed since the table in force was read are read again.
 */
#ifndef EXECUTOR_TOKENDIR_H
#define EXECUTOR_TOKENDIR_H

#include "executor/policy/token.h"

struct tokendir;

/*
 * Begin to load dir.  `policies` and `old` (NULL: none is in force) must stay
 * until tokendir_end(); findings go into *r.  ERR_SYS if the directory cannot
 * be read.
 */
struct tokendir *tokendir_begin(const char *dir,
    const struct policy_table *policies, const struct token_table *old,
    struct conf_report *r, struct err *e) MUST_CHECK;
/* Work for about so long; true: there is nothing left to do. */
bool tokendir_step(struct tokendir *d, uint32_t microseconds);
/* After the last step: what is in force now, in *out (empty before). */
int tokendir_end(
    struct tokendir *d, struct token_table *out, struct err *e) MUST_CHECK;
/* Give up; NULL is fine. */
void tokendir_free(struct tokendir *d);
/* All at once. */
int tokendir_load(const char *dir, const struct policy_table *policies,
    const struct token_table *old, struct token_table *out,
    struct conf_report *r, struct err *e) MUST_CHECK;

#endif
