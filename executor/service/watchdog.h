/* SPDX-License-Identifier: MIT */
/*
 * pulse: asks the frontend whether it is alive, and tells the service manager.
 *
 * Executor.  WATCHDOG=1 is sent with each answer and at no other time, so
 * that it stands for both processes.  A frontend that answers no more is
 * replaced long before the service manager would lose its patience; so is one
 * that does not accept what connects (hearing).
 */
#ifndef EXECUTOR_PULSE_H
#define EXECUTOR_PULSE_H

#include "executor/channel/monitor.h"
#include "executor/service/hearing.h"

struct pulse {
	struct loop *loop;
	struct monitor *monitor;
	struct loop_timer timer;
	unsigned every_ms, patience_ms;
	unsigned silent_ms; /* that it owes an answer */
	const struct conf *conf;
	struct hearing hearing;
	bool deaf; /* a listener is lost for good */
	bool unheard; /* on one, nobody was accepted for long */
	bool watched; /* the service manager waits for WATCHDOG=1 */
};

/* Begin; all borrowed, *p stays where it is until pulse_stop(). */
void pulse_start(struct pulse *p, struct loop *l, struct monitor *m,
    const struct conf *c, const int *listeners, size_t count);
void pulse_stop(struct pulse *p);
/* monitor_ops.alive happened. */
void pulse_answered(struct pulse *p);
/*
 * Before a new frontend: the listeners as they were, whatever the last one
 * did.  false: one of them is deaf for good.  arg is the pulse.
 */
bool pulse_prepare(void *arg);

#endif
