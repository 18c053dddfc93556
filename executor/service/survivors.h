/* SPDX-License-Identifier: MIT */
/*
 * survivors: jobs that outlived the executor before, from its start on: found,
 * taken over, or ended.  Executor.
 */
#ifndef EXECUTOR_SURVIVORS_H
#define EXECUTOR_SURVIVORS_H

#include "executor/audit/runset.h"
#include "executor/policy/store.h"
#include "executor/run/job.h"
#include "executor/service/programs.h"

/* Ask who is there; before the keeper starts, and before anything is ended. */
void survivors_find(const struct conf *c);
/* What the keeper is to know. */
const struct programs_held *survivors_keep(void);
/* Is this run one of them?  Also once it was taken over. */
bool survivors_has(const char *id);
/*
 * Take over those whose result is not in the log, as `open` of the log's end
 * has it; the rest is let go.  What may not go on is ended by the jobs.
 */
void survivors_adopt(
    struct jobs *j, const struct store *s, const struct runset *open);
/* Why one that was there is lost; NULL: it was not there. */
const char *survivors_lost(const char *id);
/* SIGTERM within this time is a restart: jobs stay with their launcher. */
int survivors_hand_over(struct err *e) MUST_CHECK;
bool survivors_are_handed_over(void);
/*
 * ended: in order, so that launchers of executors before hold nothing any more;
 * else another executor may have them still.
 */
void survivors_stop(bool ended);

#endif
