/* SPDX-License-Identifier: MIT */
/*
 * pulse: asks the frontend whether it is alive, and tells the service manager.
 *
 * Executor.  WATCHDOG=1 is sent with each answer and at no other time, so
 * that it stands for both processes.  A frontend that answers no more is
 * replaced long before the service manager would lose its patience.
 */
#ifndef EXECUTOR_PULSE_H
#define EXECUTOR_PULSE_H

#include "executor/channel/monitor.h"

struct pulse {
	struct loop *loop;
	struct monitor *monitor;
	struct loop_timer timer;
	unsigned every_ms, patience_ms;
	unsigned silent_ms; /* that it owes an answer */
	bool watched; /* the service manager waits for WATCHDOG=1 */
};

/* Begin; all borrowed, *p stays where it is until pulse_stop(). */
void pulse_start(struct pulse *p, struct loop *l, struct monitor *m);
void pulse_stop(struct pulse *p);
/* monitor_ops.alive happened. */
void pulse_answered(const struct pulse *p);

#endif
