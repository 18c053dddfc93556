/* SPDX-License-Identifier: MIT */
/*
 * policy_try: run a command under a policy, from the terminal.
 *
 * The same code as for a call: request_plan, spawn_run, a launcher.  Only
 * what stands before and behind differs: there is no token, no audit record
 * and no cap on output.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/digest.h"
#include "common/fdio.h"
#include "executor/ctl/policy/dry_run.h"
#include "executor/ctl/policy/posture.h"
#include "executor/run/notes.h"
#include "executor/run/spawn.h"

#define VERB "policy test"

/* Our own statuses, as timeout(1) and env(1) have them. */
enum {
	STATUS_TIMED_OUT = 124,
	STATUS_FAILED = 125, /* of mcp-execctl */
	STATUS_NOT_EXECUTED = 126,
	STATUS_NOT_FOUND = 127,
	STATUS_SIGNAL = 128 /* plus its number */
};

enum {
	PIECE = 65536, /* bytes of one read */
	GUARD_PATIENCE_MS = 10000 /* from KILL until the guard is killed */
};

static const struct ctl_verb verb = {
	.name = VERB,
	.about =
	    "Runs COMMAND under the policy as a client's call would, by the same code, with this terminal's output and, if that is not a terminal, input. Says on standard error what was enforced. Nothing is recorded in the audit log.",
	.more =
	    "Exit status: the command's; 128 + N when signal N ended it; 124 when its time was over; 125 when it was refused or mcp-execctl failed; 126 when it could not be confined or executed; 127 when it was not found.",
};

enum slot { CTL, GUARD, SIGNALS, IN, OUT, ERR, SLOTS };

/* One run, from here. */
struct test {
	const struct plan *plan;
	char id[33]; /* of its control group */
	struct spawned sp;
	int sigfd;
	struct bytes input; /* read, and not yet written */
	uint8_t piece[PIECE]; /* holds it */
	bool input_open; /* our standard input has more */
	bool stopping, killing, timed_out;
	uint64_t next_ms; /* monotonic: when to go a step further */
	bool ended; /* the guard has gone */
	bool reported; /* its last word is there */
	bool started; /* execve succeeded */
	struct guard_report report;
	struct notes notes; /* as a caller gets them */
	size_t told; /* bytes of their lines that were said */
};

static void
order_guard(const struct test *t, enum guard_order o)
{
	char c = (char)o;

	(void)send(t->sp.ctl, &c, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* TERM, then after the policy's grace KILL, then the guard itself. */
static void
stop_further(struct test *t)
{
	uint64_t now = clock_mono_ms();

	if (!t->stopping) {
		t->stopping = true;
		order_guard(t, GUARD_TERM);
		t->next_ms = now + t->plan->policy->kill_grace_ms;
	} else if (!t->killing) {
		t->killing = true;
		order_guard(t, GUARD_KILL);
		t->next_ms = now + GUARD_PATIENCE_MS;
	} else {
		(void)syscall(
		    SYS_pidfd_send_signal, t->sp.pidfd, SIGKILL, NULL, 0);
		t->next_ms = UINT64_MAX;
	}
}

static bool
in_group(const struct plan *p)
{
	return (p->policy->confine.layers & CONFINE_CGROUP) != 0;
}

/* What was not said yet, each as its heading in an answer has it. */
static void
say_notes(struct test *t)
{
	const struct buf *all = &t->notes.lines;
	const char *line = (const char *)all->p + t->told;
	const char *end = (const char *)all->p + all->len;

	while (t->told < all->len) {
		const char *nl = memchr(line, '\n', (size_t)(end - line));
		size_t len = (size_t)((nl != NULL ? nl : end) - line);
		bool note = len > 6 && memcmp(line, "NOTE: ", 6) == 0;

		if (len > 0)
			(void)ctl_error(
			    "%s%.*s", note ? "" : "refused: ", (int)len, line);
		t->told += len + (nl != NULL);
		line += len + (nl != NULL);
	}
}

/* End what is left in it; say which of its limits the run ran into. */
static void
end_group(struct test *t)
{
	struct cgroup_usage u;

	if (!in_group(t->plan))
		return;
	cgroup_end(t->id, &u);
	notes_limits(&t->notes, t->plan->policy, &u);
	say_notes(t);
	cgroup_remove(t->id);
	cgroup_sweep();
}

static void
say_enforced(const struct plan *p)
{
	CLEANUP_BUF struct buf line;

	buf_init(&line, 4096);
	posture_line(&line, p);
	(void)fprintf(stderr,
	    "mcp-execctl: %s; it is not recorded in the audit log\n",
	    buf_cstr(&line));
}

/* What only its end, or its output, tells. */
static void
say_end(struct test *t)
{
	int status = t->report.status;
	bool exited = !t->timed_out && WIFEXITED(status);
	const struct explain_end end = { .exit_code =
					     exited ? WEXITSTATUS(status) : -1,
		.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
		.timed_out = t->timed_out,
		.timeout_ms = t->plan->timeout_ms,
		.findings = &t->report.findings };

	if (!t->started || !t->reported)
		return;
	notes_end(&t->notes, t->plan, &end);
	say_notes(t);
}

static void
take_reports(struct test *t)
{
	struct guard_report r;
	ssize_t n;

	while ((n = spawn_receive(&t->sp, &r)) > 0) {
		t->report = r;
		switch (r.event) {
		case GUARD_STARTED:
			t->started = true;
			if (!t->plan->shell)
				(void)unseen_note(
				    &t->notes.unseen, t->plan->argv[0]);
			say_enforced(t->plan);
			break;
		case GUARD_DENIED:
			notes_denial(&t->notes, &r.denial, t->plan->policy);
			say_notes(t);
			break;
		case GUARD_EXEC:
			if (r.exec.outcome == EXEC_STARTED)
				notes_start(&t->notes, &r.exec.image);
			break;
		case GUARD_TERMINAL: /* nobody asked for one */
		case GUARD_EXPOSED: /* it ends */
			break;
		case GUARD_FAILED:
		case GUARD_EXITED:
			t->reported = true;
			break;
		}
	}
	if (n == 0) { /* the guard's end is closed */
		(void)close(t->sp.ctl);
		t->sp.ctl = -1;
	}
}

static void
take_signals(struct test *t)
{
	struct signalfd_siginfo si;

	while (read(t->sigfd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		stop_further(t);
}

/* One read of the command's output, passed on; the end of it closes fd. */
static void
relay_bytes(struct test *t, int *fd, int to)
{
	static uint8_t data[PIECE];
	struct err e = { 0 };
	ssize_t n = *fd == -1 ? 0 : read(*fd, data, sizeof(data));

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		hints_feed(&t->notes.hints, to == STDOUT_FILENO ? 1 : 2,
		    bytes_make(data, (size_t)n));
	if (n > 0 && fdio_write_all(to, data, (size_t)n, &e) == 0)
		return;
	if (n > 0) /* nobody reads ours */
		stop_further(t);
	cleanup_fd(fd);
	*fd = -1;
}

static void
read_input(struct test *t)
{
	ssize_t n = read(STDIN_FILENO, t->piece, sizeof(t->piece));

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	t->input_open = n > 0;
	t->input = bytes_make(t->piece, n > 0 ? (size_t)n : 0);
}

static void
write_input(struct test *t)
{
	ssize_t n = 0;

	if (t->input.len > 0)
		n = write(t->sp.in, t->input.p, t->input.len);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == -1) { /* the command does not read it */
		t->input_open = false;
		n = (ssize_t)t->input.len;
	}
	t->input = bytes_make(t->input.p + n, t->input.len - (size_t)n);
	if (t->input.len > 0 || t->input_open)
		return;
	(void)close(t->sp.in);
	t->sp.in = -1;
}

/* Descriptors to wait for; poll(2) ignores -1. */
static void
fill_slots(const struct test *t, struct pollfd p[SLOTS])
{
	bool talks = t->started && !t->ended;
	bool full = t->input.len > 0 || !t->input_open;

	p[CTL] = (struct pollfd){ .fd = t->sp.ctl, .events = POLLIN };
	p[GUARD] = (struct pollfd){ .fd = t->sp.pidfd, .events = POLLIN };
	p[SIGNALS] = (struct pollfd){ .fd = t->sigfd, .events = POLLIN };
	/* One direction at a time; none once the command has closed it. */
	p[IN] = (struct pollfd){ .fd = -1 };
	if (t->sp.in != -1)
		p[IN] =
		    full ? (struct pollfd){ .fd = t->sp.in, .events = POLLOUT }
			 : (struct pollfd){ .fd = STDIN_FILENO,
				   .events = POLLIN };
	p[OUT] =
	    (struct pollfd){ .fd = talks ? t->sp.out : -1, .events = POLLIN };
	p[ERR] =
	    (struct pollfd){ .fd = talks ? t->sp.err : -1, .events = POLLIN };
}

static int
patience_ms(const struct test *t)
{
	uint64_t now = clock_mono_ms();

	if (t->next_ms == UINT64_MAX)
		return -1;
	return t->next_ms <= now              ? 0
	       : t->next_ms - now > INT32_MAX ? INT32_MAX
					      : (int)(t->next_ms - now);
}

static void
handle_slots(struct test *t, const struct pollfd p[SLOTS])
{
	if (p[CTL].revents != 0)
		take_reports(t);
	if (p[SIGNALS].revents != 0)
		take_signals(t);
	if (p[IN].revents != 0 && p[IN].fd == STDIN_FILENO)
		read_input(t);
	else if (p[IN].revents != 0)
		write_input(t);
	if (p[OUT].revents != 0)
		relay_bytes(t, &t->sp.out, STDOUT_FILENO);
	if (p[ERR].revents != 0)
		relay_bytes(t, &t->sp.err, STDERR_FILENO);
	t->ended = p[GUARD].revents != 0;
}

/* Drain the pipe; no writer is left, or none that counts. */
static void
drain_pipe(struct test *t, int *fd, int to)
{
	struct pollfd p = { .fd = *fd, .events = POLLIN };

	while (*fd != -1 && poll(&p, 1, 0) == 1)
		relay_bytes(t, fd, to);
}

static void
watch_run(struct test *t)
{
	struct pollfd p[SLOTS];

	t->next_ms = clock_mono_ms() + t->plan->timeout_ms;
	while (!t->ended) {
		fill_slots(t, p);
		if (poll(p, SLOTS, patience_ms(t)) == -1)
			continue; /* EINTR */
		if (clock_mono_ms() >= t->next_ms) {
			t->timed_out |= !t->stopping;
			stop_further(t);
		}
		handle_slots(t, p);
	}
	if (t->sp.ctl != -1)
		take_reports(t);
	drain_pipe(t, &t->sp.out, STDOUT_FILENO);
	drain_pipe(t, &t->sp.err, STDERR_FILENO);
}

static int
not_started(const struct test *t)
{
	const struct guard_report *r = &t->report;
	struct err why;

	(void)!spawn_why(t->plan, r, &why);
	(void)ctl_error("%s", why.what);
	return strcmp(r->step, "execve") == 0 && r->sysno == ENOENT
		   ? STATUS_NOT_FOUND
		   : STATUS_NOT_EXECUTED;
}

static int
tell_verdict(const struct test *t)
{
	if (t->reported && t->report.left > 0)
		(void)ctl_error(
		    "processes that could not be ended: %u", t->report.left);
	if (t->timed_out)
		(void)ctl_error("timed out after %u ms", t->plan->timeout_ms);
	if (!t->reported) {
		(void)ctl_error("the run's guard process was killed");
		return STATUS_FAILED;
	}
	if (!t->started)
		return not_started(t);
	if (t->timed_out)
		return STATUS_TIMED_OUT;
	if (WIFSIGNALED(t->report.status))
		return STATUS_SIGNAL + WTERMSIG(t->report.status);
	return WEXITSTATUS(t->report.status);
}

static int
watch_signals(struct err *e)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd == -1 ? err_sys(e, "signalfd") : fd;
}

static void
test_fini(struct test *t)
{
	cleanup_fd(&t->sp.ctl);
	cleanup_fd(&t->sp.pidfd);
	cleanup_fd(&t->sp.in);
	cleanup_fd(&t->sp.out);
	cleanup_fd(&t->sp.err);
	cleanup_fd(&t->sigfd);
	notes_fini(&t->notes);
}

/* In a control group of its own where the policy's layers have that. */
static int
start_run(struct test *t, struct plan *p, struct err *e)
{
	CLEANUP_FD int group = -1;
	uint8_t random[sizeof(t->id) / 2];
	int rc;

	digest_random(random, sizeof(random));
	digest_hex(random, sizeof(random), t->id);
	if (in_group(p)) {
		group = cgroup_make(t->id, &p->policy->cgroup, e);
		if (group < 0)
			return e->code;
	}
	p->cgroup_fd = group;
	rc = spawn_run(p, 1, &t->sp, e);
	if (rc == 0)
		rc = spawn_await(&t->sp, 1, e);
	if (rc == 0)
		spawn_go(&t->sp); /* nothing is recorded here */
	p->cgroup_fd = -1;
	if (rc != 0)
		end_group(t);
	return rc;
}

/* As main() of the executor prepares itself, then as job.c starts a run. */
static int
test_plan(struct plan *p, const char *launcher)
{
	static struct test t;
	struct err e = { 0 };
	int status;

	t = (struct test){
		.plan = p, .input = p->input, .input_open = !p->defined
	};
	notes_init(&t.notes);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	t.sigfd = watch_signals(&e);
	if (t.sigfd < 0 || launch_open(launcher, &e) != 0 ||
	    start_run(&t, p, &e) != 0) {
		cleanup_fd(&t.sigfd);
		(void)ctl_error("the command was not started: %s", e.what);
		return STATUS_NOT_EXECUTED;
	}
	watch_run(&t);
	end_group(&t);
	say_end(&t);
	status = tell_verdict(&t);
	test_fini(&t);
	(void)launch_close();
	return status;
}

/* For real, not only for planning; a run gets what a service here would. */
static bool
prepare_groups(struct ctl *ctl)
{
	struct err e;

	cgroup_assume(false, 0);
	if (!ctl_load_conf(ctl))
		return false;
	if (cgroup_setup(ctl->conf.cgroup, &e) == 0)
		return true;
	(void)ctl_error("%s: " CGROUP_ADVICE, e.what);
	return false;
}

/* What the service has and a login shell lacks. */
static void
advise_group(struct ctl *ctl)
{
	if (!cgroup_ready() && strcmp(ctl->conf.cgroup, "off") != 0 &&
	    strstr(buf_cstr(&ctl->report.text), "cgroup") != NULL)
		(void)fprintf(stderr,
		    "A login shell has no delegated control group, as the service has: run this again after\n"
		    "    systemd-run --scope -p Delegate=yes%s%s %s policy test ...\n",
		    ctl->instance != NULL ? " -p User=" : "",
		    ctl->instance != NULL ? ctl->instance : "", ctl_self(ctl));
}

int
policy_try_run(struct ctl *ctl, int argc, char **argv)
{
	struct policy *p;
	struct plan plan;
	struct err e;
	struct dry_run c;
	int status;

	if (!dry_run_parse(&verb, argc, argv, &c, &status))
		return status == CTL_OK ? CTL_OK : STATUS_FAILED;
	if (!dry_run_given(&c)) {
		(void)ctl_usage(VERB, "the COMMAND is missing");
		return STATUS_FAILED;
	}
	p = prepare_groups(ctl) ? dry_run_policy(ctl, &c) : NULL;
	if (p == NULL) {
		advise_group(ctl);
		return STATUS_FAILED;
	}
	if (dry_run_plan(&c, p, isatty(STDIN_FILENO) == 0, &plan, &e) != 0) {
		(void)ctl_error("%s", e.what);
		return STATUS_FAILED;
	}
	status = test_plan(&plan, ctl->conf.launcher_path);
	plan_fini(&plan);
	return status;
}
