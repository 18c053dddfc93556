/* SPDX-License-Identifier: MIT */
/*
 * watchdog: ask the frontend whether it is alive, and tell the service manager,
 * sd_notify(3).  Executor.
 *
 * WATCHDOG=1 is sent with each answer and at no other time, so that it stands for
 * both processes.  A frontend that stops answering is replaced long before the
 * service manager's time is up; so is one that does not accept connections
 * (listen_health).
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
	unsigned silent_ms; /* how long an answer has been due */
	const struct conf *conf;
	struct listen_health health;
	bool deaf; /* a listener cannot be repaired */
	bool unheard; /* on one, connections wait in vain */
	bool watched; /* the service manager waits for WATCHDOG=1 */
};

/* Start; all is borrowed, and *p stays in place, until watchdog_stop(). */
void watchdog_start(struct watchdog *p, struct loop *l, struct monitor *m,
    const struct conf *c, const int *listeners, size_t count);
void watchdog_stop(struct watchdog *p);
/* monitor_ops.alive happened. */
void watchdog_answered(struct watchdog *p);
/*
 * Before a new frontend: repair the listeners, whatever the last one did.  false:
 * one of them stays deaf.  arg is the watchdog.
 */
bool watchdog_prepare(void *arg);

#endif
