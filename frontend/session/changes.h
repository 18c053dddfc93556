/* SPDX-License-Identifier: MIT */
/*
 * changes: when a resource changes, those who watch it are told.
 *
 * Frontend.  exec://runs changes when a run begins or ends, exec://policy
 * when a reload changes what a token may do, and a run's output is told of
 * once, when it is whole.
 */
#ifndef FRONTEND_CHANGES_H
#define FRONTEND_CHANGES_H

#include "frontend/session/events.h"

/* What calls_observe() tells; arg: a const struct events. */
void changes_run(void *arg, const struct calls_change *c);
/* A configuration was committed. */
void changes_policies(const struct events *ev, const struct settings_set *now);

#endif
