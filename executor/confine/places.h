/* SPDX-License-Identifier: MIT */
/*
 * places: what a plan of files can keep, and what it cannot.
 *
 * Executor and mcp-execctl, when a policy is loaded.  A rule that the layers
 * in force cannot keep, and one under which nothing could ever run, is a
 * finding that says what to write instead.
 */
#ifndef EXECUTOR_PLACES_H
#define EXECUTOR_PLACES_H

#include "executor/confine/confine_input.h"

/*
 * Keep mcp-execd's own places from every run that would reach them: before
 * mounts_done().  What a run could change anyway is a finding.
 */
void places_own(
    const struct keys *k, const struct confine_input *in, struct confine *c);
/*
 * Of the policy's directory only `directory`, inside it: before
 * mounts_done().  `whole` is the plan as the policy has it, which decides
 * what that directory is: a narrower one grants nothing more.
 */
int places_clip(struct mounts *m, const struct mounts *whole,
    const char *directory, struct err *e) MUST_CHECK;
/* Findings about the plan as it stands, after mounts_done(). */
void places_check(const struct keys *k, const struct confine_keys *v,
    const struct confine_input *in, const struct confine *c);

#endif
