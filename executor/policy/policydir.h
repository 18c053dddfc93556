/* SPDX-License-Identifier: MIT */
/* policydir: every policy of policies.d, in steps.  Executor and mcp-execctl. */
#ifndef EXECUTOR_POLICYDIR_H
#define EXECUTOR_POLICYDIR_H

#include "executor/policy/policy.h"

struct policydir;

/*
 * Begin to load dir; a directory that cannot be read is a finding.  What the
 * policies offer in addition to the built-in tools is in `tools` (NULL: there are
 * none), which must stay until the end.  All findings go into *r.
 */
struct policydir *policydir_begin(const char *dir,
    const struct tooldef_table *tools, struct conf_report *r,
    struct err *e) MUST_CHECK;
/* Work for about so long; true: there is nothing left to do. */
bool policydir_step(struct policydir *d, uint32_t microseconds);
/* After the last step: ERR_BAD if there was a finding, and then *out is empty. */
int policydir_end(
    struct policydir *d, struct policy_table *out, struct err *e) MUST_CHECK;
/* The same of those without a finding, whatever the others have. */
void policydir_end_with(struct policydir *d, struct policy_table *out);
/* Give up; NULL is fine. */
void policydir_free(struct policydir *d);
/*
 * Load every *.json of dir into *out (empty before); what they offer in
 * addition to the built-in tools is in `tools` (NULL: none).  Findings go into
 * *r; ERR_BAD if there was any, and then *out is empty.  Refused, never
 * ignored: a user or group that this process cannot become, a directory that
 * is not there, a shell that is not executable.
 */
int policydir_load(const char *dir, const struct tooldef_table *tools,
    struct policy_table *out, struct conf_report *r, struct err *e) MUST_CHECK;

#endif
