/* SPDX-License-Identifier: MIT */
/* pulse: is the frontend alive?  Executor. */
#include "executor/service/pulse.h"

#include "common/notify.h"

enum {
	ASK_MS = 5000,
	PATIENCE_MS = 20000, /* without an answer, in rounds of ours */
	LEAST_PATIENCE_MS = 3000 /* however short the watchdog's time is */
};

static void
on_timer(void *arg)
{
	struct pulse *p = arg;

	/* Not by the clock: after a pause of the machine both have slept. */
	p->silent_ms =
	    monitor_silent_ms(p->monitor) > 0 ? p->silent_ms + p->every_ms : 0;
	if (p->silent_ms >= p->patience_ms) {
		p->silent_ms = 0;
		monitor_give_up(p->monitor);
	} else {
		monitor_ask(p->monitor);
	}
	loop_timer_set(p->loop, &p->timer, p->every_ms);
}

void
pulse_start(struct pulse *p, struct loop *l, struct monitor *m)
{
	unsigned watchdog_ms = notify_watchdog_ms();

	*p = (struct pulse){
		.loop = l,
		.monitor = m,
		.timer = { .handler = on_timer, .arg = p },
		.every_ms = ASK_MS,
		.patience_ms = PATIENCE_MS,
		.watched = watchdog_ms > 0,
	};
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
pulse_stop(struct pulse *p)
{
	if (p->loop != NULL)
		loop_timer_cancel(p->loop, &p->timer);
}

void
pulse_answered(const struct pulse *p)
{
	if (p->watched)
		notify_send("WATCHDOG=1");
}
