/* SPDX-License-Identifier: MIT */
/*
 * watchdog: asks the frontend whether it is alive, and tells the service manager.
 *
 * Executor.  WATCHDOG=1 is sent with each answer and at no other time, so
 * that it stands for both processes.  A frontend that answers no more is
 * replaced long before the service manager would lose its patience; so is one
 * that does not accept what connects (listen_health).
 */
#ifndef EXECUTOR_WATCHDOG_H
#define EXECUTOR_WATCHDOG_H

#include "executor/channel/monitor.h"
#include "executor/service/listen_health.h"

struct watchdog {
	struct loop *loop;
	struct monitor *monitor;
	struct loop_timer timer;
	unsigned every_ms, patience_ms;
	unsigned silent_ms; /* that it owes an answer */
	const struct conf *conf;
	struct listen_health health;
	bool deaf; /* a listener is lost for good */
	bool unheard; /* on one, nobody was accepted for long */
	bool watched; /* the service manager waits for WATCHDOG=1 */
};

/* Begin; all borrowed, *p stays where it is until watchdog_stop(). */
void watchdog_start(struct watchdog *p, struct loop *l, struct monitor *m,
    const struct conf *c, const int *listeners, size_t count);
void watchdog_stop(struct watchdog *p);
/* monitor_ops.alive happened. */
void watchdog_answered(struct watchdog *p);
/*
 * Before a new frontend: the listeners as they were, whatever the last one
 * did.  false: one of them is deaf for good.  arg is the watchdog.
 */
bool watchdog_prepare(void *arg);

#endif
