/* SPDX-License-Identifier: MIT */
/*
 * taskcalls: what a frontend asks about tasks for its client: tasks/get,
 * tasks/result, tasks/cancel, tasks/list.
 *
 * Executor, this room only; called by jobcalls, calls rejoin and jobcall.
 */
#ifndef EXECUTOR_TASKCALLS_H
#define EXECUTOR_TASKCALLS_H

#include "executor/jobs/jobcall.h"

/* NULL: it does not ask about tasks. */
const struct jobtool *taskcalls_find(struct bytes name);

#endif
