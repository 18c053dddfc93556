/* SPDX-License-Identifier: MIT */
/* loader: one at a time, and one more for what was asked meanwhile.  Executor. */
#include "executor/service/loader.h"

#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "executor/power/keeper.h"
#include "executor/power/ownchild.h"
#include "executor/run/launch.h"

enum {
	AGAIN_FIRST_MS = 500, /* while the launcher has no plan at all */
	AGAIN_MOST_MS = 30000,
	MISSED_MS = 60000 /* between two loads for plans that were not there */
};

static struct {
	struct loader_deps d;
	struct loop_watch end; /* its pidfd */
	struct loop_timer retry;
	pid_t pid; /* 0: there is none */
	uint64_t began_us; /* wall clock, of the last one */
	uint64_t missed_ms; /* monotonic, of the last load for that; 0: none */
	uint32_t backoff_ms;
	bool more; /* another one follows */
	bool bare; /* the launcher has no plan */
	struct err why; /* of the last one; code 0: it succeeded */
} self = { .end.fd = -1 };

static void start_one(void);

bool
loader_is_busy(void)
{
	return self.pid > 0;
}

pid_t
loader_pid(void)
{
	return self.pid;
}

bool
loader_succeeded(struct err *why)
{
	*why = self.why;
	return self.why.code == 0;
}

static void
on_retry(void *arg)
{
	(void)arg;
	loader_ask();
}

static void
end_load(void)
{
	launch_hold(false);
	if (self.why.code == 0) {
		self.bare = false;
		self.backoff_ms = 0;
	} else {
		log_err("loader: %s", self.why.what);
	}
	if (self.bare) {
		self.backoff_ms = self.backoff_ms == 0 ? AGAIN_FIRST_MS
				  : self.backoff_ms < AGAIN_MOST_MS
				      ? 2 * self.backoff_ms
				      : AGAIN_MOST_MS;
		loop_timer_set(self.d.loop, &self.retry, self.backoff_ms);
	}
	self.d.ended();
}

static void
forget_it(void)
{
	int fd = self.end.fd;

	loop_del(self.d.loop, &self.end);
	cleanup_fd(&fd);
	self.pid = 0;
}

static void
on_end(void *arg, uint32_t events)
{
	int status = 0;
	(void)arg;
	(void)events;

	if (waitpid(self.pid, &status, WNOHANG) == 0)
		return;
	ownchild_remove(self.pid);
	forget_it();
	self.why = (struct err){ .code = 0 };
	if (status != 0)
		(void)err_set(&self.why, ERR_BAD,
		    "the plans of runs were not loaded: the loader %s %d; the journal has its own line about it",
		    WIFSIGNALED(status) ? "was killed by signal"
					: "ended with status",
		    WIFSIGNALED(status) ? WTERMSIG(status)
					: WEXITSTATUS(status));
	if (self.more)
		start_one();
	else
		end_load();
}

static void
end_it(void)
{
	int status;

	(void)keeper_end(self.pid, self.end.fd, "the loader", &status);
	forget_it();
}

static void
watch_end(void)
{
	if (loop_add(self.d.loop, &self.end, EPOLLIN, &self.why) == 0)
		return;
	end_it();
	end_load();
}

/* false: there is none, for self.why. */
static bool
run_loader(void)
{
	int pidfd = -1;
	pid_t pid;

	self.began_us = clock_wall_us();
	pid = keeper_run(KEEPMSG_LOADER, NULL, 0, &pidfd, &self.why);
	if (pid < 0)
		return false;
	self.pid = pid;
	self.end = (struct loop_watch){ .fd = pidfd, .handler = on_end };
	return true;
}

static void
start_one(void)
{
	self.more = false;
	if (run_loader())
		watch_end();
	else
		end_load();
}

void
loader_begin(void)
{
	self.bare = true;
	launch_hold(true);
	if (!run_loader())
		log_err("loader: %s", self.why.what);
}

void
loader_ask(void)
{
	if (self.d.loop == NULL)
		return;
	loop_timer_cancel(self.d.loop, &self.retry);
	launch_hold(true);
	if (self.pid > 0)
		self.more = true;
	else
		start_one();
}

void
loader_ask_all(void)
{
	self.bare = true;
	loader_ask();
}

/* A file that changed in that second may have been read before or after. */
static bool
is_newer(const struct token *t)
{
	uint64_t changed = (uint64_t)t->stamp.changed.tv_sec;

	return t->stamp.inode == 0 || changed + 1 >= self.began_us / 1000000;
}

void
loader_ask_for(const struct token_table *t)
{
	bool wanted = false;

	for (size_t i = 0; i < t->count; i++) {
		struct policy *p = t->t[i]->policy;

		if (p == t->t[i]->whole || p->loaded)
			continue;
		wanted |= is_newer(t->t[i]);
		p->loaded = true;
	}
	if (wanted)
		loader_ask();
}

void
loader_missed(void)
{
	uint64_t now = clock_mono_ms();

	if (self.d.loop == NULL ||
	    (self.missed_ms != 0 && now - self.missed_ms < MISSED_MS))
		return;
	self.missed_ms = now;
	log_warn(
	    "launcher: it has no plan of a policy as it is in force, as files of policies or tools have changed since: loading everything again");
	self.d.again();
}

void
loader_init(const struct loader_deps *d)
{
	self.d = *d;
	self.retry.handler = on_retry;
	if (self.pid > 0)
		watch_end();
	else if (self.bare)
		end_load();
}

void
loader_stop(void)
{
	if (self.d.loop == NULL)
		return;
	loop_timer_cancel(self.d.loop, &self.retry);
	if (self.pid > 0)
		end_it();
	self.d.loop = NULL;
}
