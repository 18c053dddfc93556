/* SPDX-License-Identifier: MIT */
/* launcher: one at a time, and the next one.  Executor. */
#include "executor/service/launcher.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "common/log.h"
#include "executor/run/lateword.h"
#include "executor/run/launch.h"
#include "executor/service/loader.h"

enum {
	AGAIN_FIRST_MS = 100,
	AGAIN_MOST_MS = 10000,
	RUNS_WELL_MS = 10000 /* one that lasted so long is replaced at once */
};

static struct {
	struct launcher_deps d;
	struct loop_watch pair;
	struct loop_timer timer; /* until the next one */
	uint64_t began_ms; /* monotonic, of this one */
	uint32_t backoff_ms;
} self = { .pair.fd = -1 };

static void on_pair(void *arg, uint32_t events);

/* The one that is open. */
static int
watch_one(struct err *e)
{
	self.began_ms = clock_mono_ms();
	self.pair =
	    (struct loop_watch){ .fd = launch_fd(), .handler = on_pair };
	return loop_add(self.d.loop, &self.pair, EPOLLIN, e);
}

/* why: of one that did not start; NULL: it did. */
static void
record_exit(pid_t pid, int status, const struct err *why)
{
	char text[96];
	struct buf *b = audit_begin(self.d.audit, "launcher-exit");

	if (WIFSIGNALED(status))
		(void)snprintf(text, sizeof(text), "killed by signal %d (%s)",
		    WTERMSIG(status), sigabbrev_np(WTERMSIG(status)));
	else
		(void)snprintf(
		    text, sizeof(text), "exit status %d", WEXITSTATUS(status));
	audit_put_i64(b, "process.pid", pid);
	audit_put_str(b, "launcher.status", text);
	if (why != NULL)
		audit_put_reason(b, why->what);
	audit_put_i64(b, "run.count", (int64_t)jobs_count(self.d.jobs));
	audit_end(self.d.audit, true);
	if (why == NULL)
		log_err("launcher: it ended: %s; runs go on, starting another",
		    text);
}

static int
open_one(struct err *e)
{
	int status;
	pid_t pid;

	if (launch_open(self.d.path, e) == 0)
		return 0;
	pid = launch_failed(&status);
	if (pid > 0)
		record_exit(pid, status, e);
	return e->code;
}

static int
start_one(struct err *e)
{
	if (open_one(e) != 0 || watch_one(e) != 0)
		return e->code;
	loader_ask_all(); /* it has no plan yet */
	return 0;
}

static void
start_again(void *arg)
{
	struct err e = { 0 };
	(void)arg;

	if (start_one(&e) == 0)
		return;
	log_err("launcher: %s", e.what);
	self.backoff_ms = self.backoff_ms == 0 ? AGAIN_FIRST_MS
			  : self.backoff_ms < AGAIN_MOST_MS
			      ? 2 * self.backoff_ms
			      : AGAIN_MOST_MS;
	loop_timer_set(self.d.loop, &self.timer, self.backoff_ms);
}

static void
on_gone(void)
{
	pid_t pid = launch_pid();

	loop_del(self.d.loop, &self.pair);
	record_exit(pid, launch_close(), NULL);
	jobs_launcher_gone(self.d.jobs);
	if (clock_mono_ms() - self.began_ms >= RUNS_WELL_MS)
		self.backoff_ms = 0;
	if (self.backoff_ms == 0)
		start_again(NULL);
	else
		loop_timer_set(self.d.loop, &self.timer, self.backoff_ms);
	if (self.backoff_ms == 0)
		self.backoff_ms = AGAIN_FIRST_MS;
}

static void
on_pair(void *arg, uint32_t events)
{
	(void)arg;
	(void)events;
	if (!jobs_launched(self.d.jobs))
		on_gone();
	else if (launch_missed_plan())
		loader_missed();
}

int
launcher_start(const struct launcher_deps *d, struct err *e)
{
	self.d = *d;
	lateword_use(d->loop);
	self.timer.handler = start_again;
	return launch_is_open() ? watch_one(e) : start_one(e);
}

static void
unwatch_launcher(void)
{
	if (self.d.loop == NULL)
		return;
	loop_timer_cancel(self.d.loop, &self.timer);
	loop_del(self.d.loop, &self.pair);
}

void
launcher_stop(void)
{
	unwatch_launcher();
	if (self.d.loop != NULL)
		(void)launch_close();
}

void
launcher_leave(void)
{
	unwatch_launcher();
	launch_leave();
}
