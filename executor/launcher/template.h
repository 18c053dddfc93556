/* SPDX-License-Identifier: MIT */
/*
 * template: roots that are prepared for the runs of plans, mounts_ready.
 *
 * One is made in a process of its own after a plan's first run, and is good
 * until the plan goes, a guard finds that the host has changed, or anything is
 * mounted or unmounted on the host: what proc_pid_mountinfo(5) says by poll(2).
 * Then its namespace is let go at once, so that a file system which was
 * unmounted is not held, and the next run has a new one.  Launcher.
 */
#ifndef EXECUTOR_TEMPLATE_H
#define EXECUTOR_TEMPLATE_H

#include "executor/launcher/launchplan.h"
#include "executor/launcher/mounts_ready.h"

enum { TEMPLATE_MAX = 64 }; /* plans that have one at a time */

/* Once, before the first plan. */
void template_init(void);
/*
 * To be polled without events, or -1.  Each poll of it says a change of the
 * host's table of mounts once, and anyone may ask: template_outdate then.
 */
int template_fd(void);
/* The machine's mount namespace, or -1. */
int template_host(void);
/* How often all of them were: what knows one of before keeps mounts alive. */
uint64_t template_outdated(void);
/* No template is good any more. */
void template_outdate(void);
/*
 * For a run of the plan of this serial; false: it builds its own, and it
 * perhaps is time for template_make, when no descriptor of a run is open.
 */
bool template_take(uint64_t serial, struct mounts_ready *out);
void template_make(uint64_t serial, const struct launchplan *plan);
/* The plan is gone. */
void template_drop(uint64_t serial);
/* Was it a process that makes one? */
bool template_reaped(pid_t pid, int status);
/* Those that are at it; at most max. */
size_t template_makers(pid_t *out, size_t max);

#endif
