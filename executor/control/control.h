/* SPDX-License-Identifier: MIT */
/*
 * control: the administrator's socket: mcp-execctl status, runs, kill, ...
 *
 * Executor.  Served is root and our own user, but nothing that a run started
 * (executor/peer).  Each request is a record of the audit log.  Nothing here
 * blocks: a client that hangs costs one of a few places for some seconds.
 */
#ifndef EXECUTOR_CONTROL_H
#define EXECUTOR_CONTROL_H

#include "executor/control/control_status.h"

struct control;

/* Listen at the configuration's path. */
struct control *control_new(
    const struct control_deps *d, struct err *e) MUST_CHECK;
void control_free(struct control *c); /* NULL is fine */
/* After each flush of the audit log: are its records on disk? */
void control_flushed(struct control *c, bool on_disk);
/*
 * A reload has ended, with its findings and why it failed (NULL: it did not);
 * all that was asked for up to this ticket is in it.
 */
void control_loaded(struct control *c, uint64_t ticket,
    const struct conf_report *r, const struct err *why);
/* monitor_ops.settled and .alive happened. */
void control_settled(struct control *c);
void control_alive(struct control *c);

#endif
