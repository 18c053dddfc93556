/* SPDX-License-Identifier: MIT */
/* supervise: start, watch and replace the frontend.  Executor. */
#include "executor/service/supervise.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/filter.h"
#include "common/log.h"
#include "executor/power/keeper.h"
#include "executor/power/ownchild.h"
#include "executor/service/relay.h"
#include "proto/note.h"

enum {
	/* of one that served: the others shall not wait */
	RESTART_FIRST_MS = 20,
	RESTART_MOST_MS = 500,
	/* of one that did not: what is wrong will not go away by itself */
	BACKOFF_FIRST_MS = 100,
	BACKOFF_MOST_MS = 10000,
	RUNS_WELL_MS = 10000, /* after READY, the delay is the first again */
	START_PATIENCE_MS = 60000, /* until READY; valgrind is slow */
	STOP_PATIENCE_MS = 5000, /* until it has flushed its answers */
	CANNOT_GIVE = 126 /* exit statuses before its execve, from here on */
};

struct supervise {
	struct supervise_deps d;
	struct monitor *monitor;
	struct jobs *jobs;
	pid_t pid; /* 0: none */
	struct loop_watch exit; /* fd is its pidfd */
	struct loop_timer timer; /* restart, or patience */
	uint32_t backoff_ms;
	uint64_t restarts;
	struct note *note; /* shared with the frontend */
	int note_fd;
	struct relay relay; /* of its stderr */
	bool served; /* one of them was ready */
	bool unfit; /* this one said that it cannot lock itself down */
	char last[ERR_MAX_WHAT]; /* why the one before did not start, or "" */
	bool failed; /* no further one is tried */
	char violation[ERR_MAX_WHAT]; /* why we killed it, or empty */
	void (*stopped)(void *arg); /* set while stopping */
	void *stopped_arg;
};

static void start_again(void *arg);

/* --- its start --------------------------------------------------------- */

/* In the order of executor/service/programs. */
static pid_t
run_frontend(
    const struct supervise *s, int pair, int err, int *pidfd, struct err *e)
{
	int fds[CONF_MAX_LISTENERS + 3], n = 0;
	size_t i;

	fds[n++] = err;
	fds[n++] = pair;
	for (i = 0; i < s->d.listener_count; i++)
		fds[n++] = s->d.listeners[i];
	fds[n++] = s->note_fd;
	return keeper_run(KEEPMSG_FRONTEND, fds, (size_t)n, pidfd, e);
}

/* --- its life --------------------------------------------------------- */

/* Which call the filter refused, if it was that. */
static void
describe_trap(const struct note *n, char *text, size_t size)
{
	char name[32], place[NOTE_PLACE];

	filter_call_name(n->nr, name);
	note_place(n, place);
	if (name[0] != '\0')
		(void)snprintf(text, size, ": system call %s at %s", name,
		    log_text(bytes_of(place)).s);
	else
		(void)snprintf(text, size, ": system call %d at %s", n->nr,
		    log_text(bytes_of(place)).s);
}

static void
describe_exit(int status, const struct note *n, char *text, size_t size)
{
	char trap[LOG_MAX_TEXT + 64] = "";

	if (!WIFSIGNALED(status)) {
		(void)snprintf(
		    text, size, "exit status %d", WEXITSTATUS(status));
		return;
	}
	if (WTERMSIG(status) == SIGSYS && n->trapped)
		describe_trap(n, trap, sizeof(trap));
	(void)snprintf(text, size, "killed by signal %d (%s)%s",
	    WTERMSIG(status), sigabbrev_np(WTERMSIG(status)), trap);
}

static void
record_exit(struct supervise *s, int status, const struct note *n)
{
	char text[256];
	struct buf *b;

	describe_exit(status, n, text, sizeof(text));
	b = audit_begin(s->d.audit, s->violation[0] != '\0' && !s->unfit
					? "frontend-violation"
					: "frontend-exit");
	audit_put_i64(b, "process.pid", s->pid);
	audit_put_str(b, "frontend.status", text);
	if (s->violation[0] != '\0')
		audit_put_reason(b, s->violation);
	audit_put_i64(b, "run.count", (int64_t)jobs_count(s->jobs));
	if (s->stopped == NULL)
		monitor_blame(s->monitor, n, b);
	audit_end(s->d.audit, true);
	if (s->stopped == NULL)
		log_err("supervise: frontend ended: %s%s%s; starting another",
		    text, s->violation[0] != '\0' ? ", " : "", s->violation);
}

static void
kill_frontend(struct supervise *s)
{
	if (s->pid != 0)
		keeper_signal(s->exit.fd, SIGKILL);
}

/* The keeper took it for a stranger's, or a disk holds it up. */
static void
on_stuck(void *arg)
{
	struct supervise *s = arg;

	log_err(
	    "supervise: the frontend, process %d, does not end: it is left alone",
	    (int)s->pid);
	s->stopped(s->stopped_arg);
}

static void
on_impatient(void *arg)
{
	struct supervise *s = arg;

	if (monitor_is_ready(s->monitor) && s->stopped == NULL)
		return;
	if (s->violation[0] == '\0' && s->stopped == NULL)
		(void)snprintf(s->violation, sizeof(s->violation),
		    "not ready within %d ms", START_PATIENCE_MS);
	kill_frontend(s);
	if (s->stopped == NULL)
		return;
	s->timer.handler = on_stuck;
	loop_timer_set(s->d.loop, &s->timer, STOP_PATIENCE_MS);
}

/* How long until the next one, after it served for so long; 0: it did not. */
static uint32_t
next_delay(struct supervise *s, uint64_t served_ms)
{
	uint32_t first = served_ms > 0 ? RESTART_FIRST_MS : BACKOFF_FIRST_MS;
	uint32_t most = served_ms > 0 ? RESTART_MOST_MS : BACKOFF_MOST_MS;
	uint32_t delay = s->backoff_ms;

	if (served_ms >= RUNS_WELL_MS || delay < first)
		delay = first;
	if (delay > most)
		delay = most;
	s->backoff_ms = 2 * delay;
	return delay;
}

/*
 * Why this one did not start, if that will be so for the next: its lockdown
 * failed, or it could not be executed.  What crashes may do better next time.
 */
static bool
explain_start(const struct supervise *s, int status, char why[ERR_MAX_WHAT])
{
	if (s->unfit)
		(void)snprintf(why, ERR_MAX_WHAT, "%s", s->violation);
	else if (WIFEXITED(status) && WEXITSTATUS(status) >= CANNOT_GIVE)
		(void)snprintf(why, ERR_MAX_WHAT,
		    "the frontend %.200s cannot be executed: exit status %d, see the line before",
		    s->d.conf->frontend_path, WEXITSTATUS(status));
	else
		return false;
	return true;
}

/* Twice for one reason, and none has served yet: another would not either. */
static bool
is_hopeless(struct supervise *s, int status)
{
	char why[ERR_MAX_WHAT];

	if (s->served || s->stopped != NULL || !explain_start(s, status, why))
		return false;
	s->failed = strcmp(why, s->last) == 0;
	(void)snprintf(s->last, sizeof(s->last), "%s", why);
	return s->failed;
}

static void
on_exit_of_frontend(void *arg, uint32_t events)
{
	struct supervise *s = arg;
	int pidfd = s->exit.fd, status = 0;
	struct note n;
	(void)events;

	(void)waitpid(s->pid, &status, 0);
	ownchild_remove(s->pid);
	s->served |= monitor_is_ready(s->monitor);
	loop_del(s->d.loop, &s->exit);
	(void)close(pidfd);
	relay_close(&s->relay); /* its last words come first */
	note_take(s->note, &n);
	record_exit(s, status, &n);
	explicit_bzero(&n, sizeof(n));
	s->pid = 0;
	if (is_hopeless(s, status))
		loop_stop(s->d.loop);
	s->violation[0] = '\0';
	s->unfit = false;
	monitor_detach(s->monitor);
	jobs_cancel_all(s->jobs, "the frontend ended", true);
	loop_timer_cancel(s->d.loop, &s->timer);
	if (s->stopped != NULL) {
		s->stopped(s->stopped_arg);
		return;
	}
	s->timer.handler = start_again;
	loop_timer_set(
	    s->d.loop, &s->timer, next_delay(s, monitor_served_ms(s->monitor)));
}

static int
watch_frontend(struct supervise *s, pid_t pid, int pidfd, struct err *e)
{
	s->exit = (struct loop_watch){
		.fd = pidfd,
		.handler = on_exit_of_frontend,
		.arg = s,
	};
	if (loop_add(s->d.loop, &s->exit, EPOLLIN, e) != 0)
		return e->code;
	s->pid = pid;
	s->timer.handler = on_impatient;
	loop_timer_set(s->d.loop, &s->timer, START_PATIENCE_MS);
	return 0;
}

int
supervise_start(struct supervise *s, struct err *e)
{
	int pair[2], its_stderr, pidfd, status;
	pid_t pid;

	if (chan_pair(pair, e) != 0)
		return e->code;
	if (relay_open(&s->relay, &its_stderr, e) != 0) {
		(void)close(pair[0]);
		(void)close(pair[1]);
		return e->code;
	}
	pid = run_frontend(s, pair[1], its_stderr, &pidfd, e);
	(void)close(pair[1]);
	(void)close(its_stderr);
	if (pid < 0) {
		(void)close(pair[0]);
		return err_wrap(e, "cannot make the frontend's process");
	}
	if (watch_frontend(s, pid, pidfd, e) != 0) {
		(void)keeper_end(pid, pidfd, "the frontend", &status);
		(void)close(pidfd);
		(void)close(pair[0]);
		return e->code;
	}
	return monitor_attach(s->monitor, pair[0], e);
}

static void
start_again(void *arg)
{
	struct supervise *s = arg;
	struct err e = { 0 };

	s->restarts++;
	if (s->d.prepare != NULL && !s->d.prepare(s->d.prepare_arg)) {
		loop_timer_set(s->d.loop, &s->timer, BACKOFF_MOST_MS);
		return;
	}
	if (supervise_start(s, &e) == 0)
		return;
	log_err("supervise: %s", e.what);
	if (s->pid == 0) /* else its exit leads here again */
		loop_timer_set(s->d.loop, &s->timer, BACKOFF_MOST_MS);
}

void
supervise_lost(void *arg, const struct err *why)
{
	struct supervise *s = arg;

	if (why->code != ERR_EOF && s->stopped == NULL && !s->unfit)
		(void)snprintf(
		    s->violation, sizeof(s->violation), "%s", why->what);
	kill_frontend(s); /* on_exit_of_frontend does the rest */
}

void
supervise_unfit(void *arg, const char *why)
{
	struct supervise *s = arg;

	s->unfit = true;
	(void)snprintf(s->violation, sizeof(s->violation),
	    "the frontend cannot lock itself down: %s", why);
}

void
supervise_stop(struct supervise *s, void (*done)(void *arg), void *arg)
{
	s->stopped = done;
	s->stopped_arg = arg;
	if (s->pid == 0) {
		loop_timer_cancel(s->d.loop, &s->timer);
		done(arg);
		return;
	}
	monitor_detach(s->monitor);
	s->timer.handler = on_impatient;
	loop_timer_set(s->d.loop, &s->timer, STOP_PATIENCE_MS);
}

pid_t
supervise_pid(const struct supervise *s)
{
	return s->pid;
}

const char *
supervise_failure(const struct supervise *s)
{
	return s->failed ? s->last : NULL;
}

uint64_t
supervise_restarts(const struct supervise *s)
{
	return s->restarts;
}

struct supervise *
supervise_new(const struct supervise_deps *d, struct err *e)
{
	struct supervise *s = err_alloc(1, sizeof(*s), e);

	if (s == NULL)
		return NULL;
	s->d = *d;
	s->exit.fd = s->note_fd = -1;
	s->timer.arg = s;
	relay_init(&s->relay, d->loop);
	s->note = note_new(&s->note_fd, e);
	if (s->note == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

void
supervise_connect(struct supervise *s, struct monitor *m, struct jobs *j)
{
	s->monitor = m;
	s->jobs = j;
}

void
supervise_free(struct supervise *s)
{
	int pidfd;

	if (s == NULL)
		return;
	kill_frontend(s);
	pidfd = s->exit.fd;
	loop_timer_cancel(s->d.loop, &s->timer);
	loop_del(s->d.loop, &s->exit);
	cleanup_fd(&pidfd);
	relay_close(&s->relay);
	note_free(s->note);
	cleanup_fd(&s->note_fd);
	free(s);
}
