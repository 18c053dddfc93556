/* SPDX-License-Identifier: MIT */
/* watchdog: is the frontend alive?  Executor. */
#include "executor/service/watchdog.h"

#include "common/log.h"
#include "common/notify.h"

enum {
	ASK_MS = 5000,
	PATIENCE_MS = 20000, /* without an answer, in rounds of ours */
	LEAST_PATIENCE_MS = 3000 /* however short the watchdog's time is */
};

/* Are the listeners as they were? */
static void
check_listeners(struct watchdog *p)
{
	struct err e = { 0 };

	if (listen_health_mend(&p->health, &e))
		return;
	p->deaf = e.code == ERR_SYS;
	log_err("pulse: %s%s", e.what,
	    p->deaf ? " and cannot be mended: restart mcp-execd" : "; mended");
	monitor_give_up(p->monitor, e.what);
}

static void
on_timer(void *arg)
{
	struct watchdog *p = arg;

	check_listeners(p);

	/* Not by the clock: after a pause of the machine both have slept. */
	p->silent_ms =
	    monitor_silent_ms(p->monitor) > 0 ? p->silent_ms + p->every_ms : 0;
	if (p->silent_ms >= p->patience_ms) {
		p->silent_ms = 0;
		monitor_give_up(p->monitor, "frontend does not answer");
	} else {
		monitor_ask(p->monitor);
	}
	loop_timer_set(p->loop, &p->timer, p->every_ms);
}

void
watchdog_start(struct watchdog *p, struct loop *l, struct monitor *m,
    const struct conf *c, const int *listeners, size_t count)
{
	unsigned watchdog_ms = notify_watchdog_ms();

	*p = (struct watchdog){
		.loop = l,
		.monitor = m,
		.conf = c,
		.timer = { .handler = on_timer, .arg = p },
		.every_ms = ASK_MS,
		.patience_ms = PATIENCE_MS,
		.watched = watchdog_ms > 0,
	};
	listen_health_begin(&p->health, listeners, count);
	/* Three chances within its time. */
	if (watchdog_ms > 0 && watchdog_ms / 3 < p->every_ms)
		p->every_ms = watchdog_ms / 3 + 1;
	/* Before the service manager would end us all. */
	if (watchdog_ms > 0 && watchdog_ms / 3 < PATIENCE_MS / 2)
		p->patience_ms = 2 * (watchdog_ms / 3);
	if (p->patience_ms < LEAST_PATIENCE_MS)
		p->patience_ms = LEAST_PATIENCE_MS;
	loop_timer_set(l, &p->timer, p->every_ms);
}

void
watchdog_stop(struct watchdog *p)
{
	if (p->loop != NULL)
		loop_timer_cancel(p->loop, &p->timer);
}

bool
watchdog_prepare(void *arg)
{
	struct watchdog *p = arg;
	struct err e = { 0 };

	if (p->loop == NULL || listen_health_mend(&p->health, &e))
		return true;
	p->deaf = e.code == ERR_SYS;
	log_err("pulse: %s%s", e.what,
	    p->deaf ? " and cannot be mended: restart mcp-execd" : "; mended");
	return !p->deaf;
}

void
watchdog_answered(struct watchdog *p)
{
	const struct monitor_vitals v = monitor_vitals(p->monitor);
	struct err e = { 0 };

	/* nobody is served: the service manager shall see it */
	if (p->deaf)
		return;
	if (!listen_health_look(&p->health, v.heard,
		v.draining || v.connections >= p->conf->limits.connections,
		&e)) {
		log_err("pulse: %s", e.what);
		p->unheard = true;
		monitor_give_up(p->monitor, e.what);
		return;
	}
	if (v.heard != 0)
		p->unheard = false;
	if (p->watched && !p->unheard)
		notify_send("WATCHDOG=1");
}
