/* SPDX-License-Identifier: MIT */
/*
 * guard: subreaper of one run.  A fork of the launcher with its privileges,
 * needed to end processes of the policy's user; reads nothing but one-byte
 * orders from the executor and wait statuses from the kernel.
 */
#include "executor/launcher/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/decimal.h"
#include "common/fdpass.h"
#include "executor/launcher/asborn.h"
#include "executor/launcher/connector.h"
#include "executor/launcher/dynloader.h"
#include "executor/launcher/keptroot.h"
#include "executor/launcher/loginuid_set.h"
#include "executor/launcher/modules.h"
#include "executor/launcher/remask.h"
#include "executor/launcher/ownid.h"
#include "executor/launcher/proctree.h"
#include "executor/launcher/rights.h"

enum {
	KILL_AGAIN_MS = 5, /* between rounds of SIGKILL */
	KILL_ROUNDS = 1000, /* after which what is left is reported */
	ORDER_FEW = 4096, /* bytes, of one that is cleared by hand */
	KEPT_MOST = 7 + KEPTROOT_FDS /* descriptors, all others are closed */
};

struct guard {
	int ctl;
	int sigfd;
	bool own_pids; /* it is process 1 of a namespace */
	int oom; /* its own oom_score_adj, -1: it stays as it is */
	int failure; /* a step's failure, CHILD_READY, or EOF at exec */
	bool ready; /* the command waits for its last step */
	bool go; /* and may take it */
	bool released; /* and was told so */
	bool waits; /* for that, as it was not known when it was made */
	bool pipe; /* `failure` is one: nothing is said back */
	pid_t command;
	bool started; /* GUARD_STARTED or GUARD_FAILED was sent */
	bool exited; /* the command itself is gone */
	bool ordered; /* its end was, by the executor */
	uint64_t linger_until_ms; /* monotonic; 0: not behind the command yet */
	bool killing;
	bool over; /* nothing of the run is left */
	bool serves; /* others may have been before it */
	bool again; /* and another one may come after it */
	bool listened; /* others may have got descriptors of the run's */
	bool shared; /* its children have a copy of this too: share_memory */
	int proc; /* what begins with a login uid has it by this; -1 */
	struct keptroot *kept; /* of the run before, or of this one; or NULL */
	size_t order_bytes; /* that came with it, in memory's `bytes` */
	struct rusage before; /* of its children before the run */
	long max_rss; /* of those of the run */
	unsigned rounds;
	unsigned told; /* refusals that were told */
	unsigned execs_told, failures_told;
	const struct launchplan *plan;
	const struct mounts *mounts; /* that are looked after */
	struct mounts_ready root;
	struct remask masks;
	struct rights rights;
	const char *tmp; /* a private directory, or NULL */
	int slave; /* of its terminal: no hang-up before our end, or -1 */
	struct confine_failure changed; /* a place, since the load */
	struct guard_report report;
	struct connector connector;
	/* Last, as it is large: each page that is written to costs a run. */
	struct execlog execs; /* has the listener for refused calls too */
};

/* Whole pages of any size: the kernel rounds up, and `order` is the command's. */
enum {
	PAGE_MOST = 64 << 10,
	OWN_PAGES = (sizeof(struct modules) + sizeof(struct guard)) / PAGE_MOST,
	OWN_BYTES = (OWN_PAGES + 1) * PAGE_MOST
};

/* All that a guard knows of a run; the command has a copy from `order` on. */
struct memory {
	union {
		struct {
			struct modules modules;
			struct guard guard;
		};
		char own[OWN_BYTES];
	};
	struct launchplan_order order;
	uint8_t bytes[GUARD_INLINE]; /* of it */
};

_Static_assert(offsetof(struct memory, order) == OWN_BYTES,
    "what comes before it ends with a page");

static struct memory *
memory_of(struct guard *g)
{
	return (struct memory *)(void *)((char *)g -
					 offsetof(struct memory, guard));
}

static void
name_step(struct guard *g, const char *step)
{
	size_t n = strnlen(step, GUARD_STEP - 1);

	memcpy(g->report.step, step, n);
	g->report.step[n] = '\0';
}

/* The path of a row of the plan; "/" of its beginning and end. */
static void
name_place(struct guard *g, const char *path)
{
	const struct mounts *m = &g->plan->confine.mounts;
	size_t i, n;

	for (i = 0; i < m->count && m->op[i].path != path; i++)
		;
	path = path == NULL ? "" : i < m->count ? path : "/";
	n = strnlen(path, sizeof(g->report.place) - 1);
	memcpy(g->report.place, path, n);
	g->report.place[n] = '\0';
}

/*
 * To every process of the tree.  As the first process of its own process ids
 * the guard reaches all others with one call, kill(2).
 */
static unsigned
signal_tree(const struct guard *g, int sig)
{
	if (g->own_pids)
		return kill(-1, sig) == 0 ? 1 : 0;
	return proctree_kill(sig, NULL, 0);
}

/* Stop the tree first, so that it cannot fork faster than it dies. */
static void
kill_tree(struct guard *g)
{
	unsigned before = 0, now, i;

	g->killing = true;
	for (i = 0; i < 4 && !g->own_pids; i++) {
		now = signal_tree(g, SIGSTOP);
		if (now == before)
			break;
		before = now;
	}
	(void)signal_tree(g, SIGKILL);
}

/* What was to be on record must not get lost: then nothing of the run goes on. */
static void
tell_executor(struct guard *g, enum guard_event event, int fd)
{
	struct iovec part = { .iov_base = &g->report };

	g->report.event = event;
	part.iov_len = guard_report_size(&g->report);
	if (fdpass_tell(g->ctl, &part, 1, &fd, fd != -1) == 0 || errno == EPIPE)
		return;
	kill_tree(g);
	_exit(GUARD_UNDONE);
}

static void
send_report(struct guard *g, enum guard_event event)
{
	g->report.pid = g->own_pids ? GUARD_PID_UNKNOWN : g->command;
	tell_executor(g, event, -1);
}

/* By an id that the executor knows it by: the command is not reaped yet. */
static void
tell_started(struct guard *g)
{
	struct iovec part = { .iov_base = &g->report };

	g->started = true;
	g->report.event = GUARD_STARTED;
	part.iov_len = guard_report_size(&g->report);
	g->report.pid = GUARD_PID_SENT;
	if (!g->own_pids ||
	    fdpass_tell_process(g->ctl, &part, 1, g->command) == -1)
		send_report(g, GUARD_STARTED);
}

/* Records that are not sent are counted. */
static bool
tells_exec(struct guard *g)
{
	const struct exec_event *e = &g->report.exec;
	bool fresh;

	switch (e->outcome) {
	case EXEC_FAILED:
		g->report.execs_failed++;
		return e->error != ENOENT && e->error != ENOTDIR &&
		       g->failures_told++ < EXECLOG_MAX_FAILED;
	case EXEC_UNKNOWN:
		g->report.execs_unknown++;
		break;
	case EXEC_STARTED:
		g->report.execs++;
		fresh = execlog_is_new(&g->execs, e);
		if (fresh)
			return true;
		break;
	}
	if (g->execs_told++ < EXECLOG_MAX_TOLD)
		return true;
	if (e->outcome == EXEC_STARTED)
		g->report.execs_untold++;
	return false;
}

static void
tell_exec(void *arg)
{
	struct guard *g = arg;

	if (!g->plan->records_execs)
		return;
	if (g->report.execs > 0) /* nothing was written before the first */
		findings_look(&g->report.findings, g->tmp);
	if (tells_exec(g))
		send_report(g, GUARD_EXEC);
}

/* As often as a run may tell. */
static void
tell_denial(struct guard *g)
{
	g->report.denials++;
	if (g->told++ < DENIAL_MAX_TOLD)
		send_report(g, GUARD_DENIED);
}

/* Of a program that started without the rights of its owner. */
static bool
keeps_process(void *arg, pid_t process)
{
	struct guard *g = arg;
	const struct image *i = &g->report.exec.image;

	return i->process == process &&
	       rights_would_gain(&i->owner, &g->rights);
}

static void
tell_start(struct guard *g, const struct unotify_call *n, enum denial_rule rule,
    const char *path)
{
	size_t most = sizeof(g->report.denial.path) - 1;

	denial_fill(n, &g->report.denial);
	g->report.denial.rule = rule;
	memcpy(g->report.denial.path, path, strnlen(path, most) + 1);
	g->report.denial.path[most] = '\0';
	tell_denial(g);
}

static void
tell_failed(void *arg, pid_t process, const char *path)
{
	struct unotify_call n = { .nr = SYS_execve, .pid = process };

	tell_start(arg, &n, DENIAL_SET_ID, path);
}

/* Where programs are listed: what would run any other is ended. */
static bool
may_start(void *arg)
{
	struct guard *g = arg;
	const struct image *i = &g->report.exec.image;
	struct unotify_call n = { .nr = SYS_execve, .pid = g->report.exec.pid };

	if (!dynloader_is_unlisted(&g->plan->confine, i))
		return true;
	tell_start(g, &n, DENIAL_LOADER, i->executable);
	return false;
}

/* Where programs are listed: what it would start cannot be looked at. */
static void
tell_refused(void *arg, const struct unotify_call *n, const char *path)
{
	tell_start(arg, n, DENIAL_TRACED, path);
}

/* What the kernel adds up for all runs; the largest is not a sum. */
static void
take_usage(struct guard *g)
{
	struct rusage *u = &g->report.usage;
	const struct rusage *b = &g->before;

	(void)getrusage(RUSAGE_CHILDREN, u);
	if (!g->serves)
		return;
	timersub(&u->ru_utime, &b->ru_utime, &u->ru_utime);
	timersub(&u->ru_stime, &b->ru_stime, &u->ru_stime);
	u->ru_maxrss = g->max_rss;
	u->ru_minflt -= b->ru_minflt;
	u->ru_majflt -= b->ru_majflt;
	u->ru_inblock -= b->ru_inblock;
	u->ru_oublock -= b->ru_oublock;
	u->ru_nvcsw -= b->ru_nvcsw;
	u->ru_nivcsw -= b->ru_nivcsw;
}

static void
tell_end(struct guard *g, unsigned left)
{
	findings_look(&g->report.findings, g->tmp);
	mounts_leave();
	execlog_rest(&g->execs);
	g->report.left = left;
	take_usage(g);
	send_report(g, g->started ? GUARD_EXITED : GUARD_FAILED);
}

static _Noreturn void
finish_guard(struct guard *g, unsigned left)
{
	tell_end(g, left);
	_exit(!g->started || left != 0 ? GUARD_UNDONE
	      : g->listened            ? GUARD_LISTENED
				       : GUARD_DONE);
}

/* As waitpid(2). */
static pid_t
reap_one(struct guard *g, pid_t which, int *status)
{
	struct rusage u;
	pid_t pid = wait4(which, status, WNOHANG | __WALL, &u);

	if (pid > 0 && !WIFSTOPPED(*status) && u.ru_maxrss > g->max_rss)
		g->max_rss = u.ru_maxrss;
	return pid;
}

/*
 * The next child that has ended or stopped, as waitpid(2).  What is ended for
 * the command's end alone is told, and its name is there until it is reaped.
 */
static pid_t
reap_next(struct guard *g, int *status)
{
	siginfo_t si = { 0 };

	if (!g->killing || g->ordered)
		return reap_one(g, -1, status);
	if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 &&
	    si.si_pid != 0 && si.si_pid != g->command &&
	    !connector_has(&g->connector, si.si_pid) &&
	    si.si_code == CLD_KILLED && si.si_status == SIGKILL)
		findings_add_ended(&g->report.findings, si.si_pid);
	return reap_one(g, si.si_pid != 0 ? si.si_pid : -1, status);
}

/*
 * The end of the command is the end of the run: what is about to end by
 * itself may, the rest is ended.
 */
static void
end_behind_command(struct guard *g)
{
	uint64_t now = clock_mono_ms();

	if (g->linger_until_ms == 0)
		g->linger_until_ms = now + FINDINGS_LINGER_MS;
	if (g->killing || now >= g->linger_until_ms)
		kill_tree(g);
}

/* A signal that is pending is so once, for the thread and for the process. */
static void
drain_signals(int fd)
{
	struct signalfd_siginfo si[2];

	(void)!read(fd, si, sizeof(si));
}

static void
reap_children(struct guard *g)
{
	int status;
	pid_t pid;

	drain_signals(g->sigfd);
	while ((pid = reap_next(g, &status)) > 0) {
		if (!WIFSTOPPED(status) &&
		    connector_reaped(&g->connector, g->execs.fd, pid))
			continue;
		execlog_status(&g->execs, pid, status);
		if (pid == g->command && !WIFSTOPPED(status)) {
			g->report.status = status;
			g->exited = true;
		}
	}
	g->over = pid == -1 && errno == ECHILD && g->failure == -1;
	if (g->exited && !g->over)
		end_behind_command(g);
}

/* The command's last step comes when both have been said, in either order. */
static void
release_command(struct guard *g)
{
	if (!g->ready || !g->go || g->killing)
		return;
	g->ready = false;
	g->released = true;
	if (g->waits)
		(void)!write(g->failure, "", 1);
}

static bool
has_listener(const struct launchplan *p)
{
	return p->explained && p->filter.prog.len != 0;
}

/* The command's filter stops execve until we answer, which GUARD_GO lets us. */
static bool
stops_execve(const struct launchplan *p)
{
	return has_listener(p) &&
	       (p->confine.watched >> RIGHTS_EXECVE & 1) != 0;
}

/*
 * Was it said already?  Then the command need not ask, unless it has to wait
 * for our copy of its listener.  Any other order is for take_order.
 */
static bool
has_go(struct guard *g)
{
	char order = 0;

	if (has_listener(g->plan) && !stops_execve(g->plan))
		return false;
	if (recv(g->ctl, &order, 1, MSG_PEEK | MSG_DONTWAIT) == 1 &&
	    order == GUARD_GO)
		g->go = recv(g->ctl, &order, 1, MSG_DONTWAIT) == 1;
	return g->go;
}

static void
take_order(struct guard *g)
{
	char order = GUARD_KILL;
	ssize_t n = recv(g->ctl, &order, 1, 0);

	if (n == -1 && (errno == EINTR || errno == ECONNRESET))
		return; /* of one that is gone, before what it said last */
	if (n == 1 && order == GUARD_GO) {
		g->go = true;
		release_command(g);
		return;
	}
	if (n <= 0) { /* the executor is gone */
		(void)close(g->ctl);
		g->ctl = -1;
	}
	g->ordered = true;
	g->again = false;
	if (n == 1 && order == GUARD_TERM)
		(void)signal_tree(g, SIGTERM);
	else
		kill_tree(g);
}

/*
 * The command's filter tells its refusals to a listener; take a copy of it
 * before exec closes the command's.  pidfd_getfd(2), Linux 5.6.
 */
static void
take_listener(struct guard *g, int number)
{
	int pidfd;

	g->ready = true;
	if (number == -1)
		return;
	pidfd = (int)syscall(SYS_pidfd_open, g->command, 0);
	g->execs.fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
	(void)close(pidfd);
	if (g->execs.fd != -1)
		return;
	/* Without a copy the child gets no answer and reports the step, */
	g->ready = false;
	(void)shutdown(g->failure, SHUT_WR);
	/* or is in execve, and stays there. */
	if (!g->waits)
		(void)kill(g->command, SIGKILL);
}

/* The command does without what make_memory keeps from it; who connects not. */
static void
share_memory(struct guard *g)
{
	if (!g->serves || g->shared)
		return;
	g->shared = true;
	(void)madvise(memory_of(g), OWN_BYTES, MADV_DOFORK);
}

static int
take_connect(struct guard *g, const struct unotify_call *n)
{
	bool refused;
	int r;

	share_memory(g);
	r = connector_take(
	    &g->connector, g->execs.fd, n, &g->report.denial, &refused);

	if (refused)
		tell_denial(g);
	return r;
}

static int
refuse_call(struct guard *g, const struct unotify_call *n)
{
	int error = denial_error(n);

	denial_fill(n, &g->report.denial);
	if (!unotify_valid(g->execs.fd, n)) /* it read another's */
		denial_forget(&g->report.denial);
	tell_denial(g);
	return unotify_answer(g->execs.fd, n, error);
}

/* The kernel will refuse it, or not. */
static int
watch_rights(struct guard *g, const struct unotify_call *n)
{
	int missing = rights_missing(n, &g->rights);

	if (missing != -1) {
		denial_fill(n, &g->report.denial);
		g->report.denial.rule = DENIAL_CAPABILITY;
		g->report.denial.capability = missing;
		if (unotify_valid(g->execs.fd, n))
			tell_denial(g);
	}
	return unotify_answer(g->execs.fd, n, 0);
}

/*
 * A process that connects can be handed what leads into the run's namespaces:
 * no other run gets those.
 */
static void
take_listen(struct guard *g, const struct unotify_call *n)
{
	if (n->nr != SYS_listen)
		return;
	g->listened = true;
	g->again = false;
}

/* One of them answers it; what the filter refuses is refused before that. */
static int
take_call(struct guard *g, const struct unotify_call *n)
{
	if (!rights_goes_on(n, &g->rights))
		return refuse_call(g, n);
	take_listen(g, n);
	return execlog_wants(n)     ? execlog_take(&g->execs, n)
	       : ownid_wants(n)     ? ownid_answer(g->execs.fd, n)
	       : connector_wants(n) ? take_connect(g, n)
				    : watch_rights(g, n);
}

/*
 * A call was refused, or a program starts: tell, as far as a run may tell,
 * and answer.  A hang-up means that nobody has the filter any more, and would
 * be told for ever.
 */
static void
take_notice(struct guard *g, short events)
{
	struct unotify_call n;
	int r =
	    (events & POLLIN) != 0 ? unotify_receive(g->execs.fd, &n) : -EPIPE;

	if (r == 0)
		r = take_call(g, &n);
	if (r != 0 && r != -EAGAIN) {
		(void)close(g->execs.fd);
		g->execs.fd = -1;
	}
}

/*
 * The command's own word on how its start went; EOF is execve's success.  true:
 * what became of the children was looked at too.
 */
static bool
take_failure(struct guard *g)
{
	struct child_failure f;
	ssize_t n;

	if (g->failure == -1)
		return false;
	n = g->pipe ? read(g->failure, &f, sizeof(f))
		    : recv(g->failure, &f, sizeof(f), MSG_DONTWAIT);
	if (n == -1 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (n == (ssize_t)sizeof(f) && g->proc != -1)
		g->report.audit_session = f.session;
	if (n == (ssize_t)sizeof(f) && f.step == CHILD_READY) {
		take_listener(g, f.sysno);
		release_command(g);
		return false;
	}
	(void)close(g->failure);
	g->failure = -1;
	if (n == (ssize_t)sizeof(f)) {
		name_step(g, child_step_name(f.step));
		g->report.sysno = f.sysno;
	} else if (!g->released) { /* it was ended before it could begin */
		name_step(g, "start");
		g->report.sysno = ECANCELED;
	} else {
		tell_started(g);
	}
	reap_children(g); /* it may be over already */
	return true;
}

/* Once they are watched, what came in between is found by a look. */
static void
begin_masks(struct guard *g, const struct confine *c)
{
	const char *path = NULL;
	int r = 0;

	g->mounts = &c->mounts;
	g->masks = (struct remask){ .fd = -1 };
	if ((c->layers & CONFINE_MOUNTS) != 0) {
		remask_begin(g->mounts, &g->masks);
		if (g->masks.fd != -1 || g->masks.polled)
			r = remask_look(g->mounts, &g->masks, &path);
	}
	if (r == 0)
		return;
	name_step(g, "mounts");
	name_place(g, path);
	g->report.sysno = -r;
	finish_guard(g, 0);
}

/* Hide or protect again what the host replaced, or end the run. */
static void
look_after(struct guard *g)
{
	const char *path = NULL;
	int r = remask_look(g->mounts, &g->masks, &path);

	if (r == 0)
		return;
	name_place(g, path);
	g->report.sysno = -r;
	send_report(g, GUARD_EXPOSED);
	g->masks = (struct remask){ .fd = -1 };
	g->again = false;
	kill_tree(g);
}

static int
patience_ms(const struct guard *g)
{
	if (g->killing || g->exited)
		return KILL_AGAIN_MS;
	return g->masks.polled ? REMASK_POLL_MS : -1;
}

/*
 * What the command says of its start is of no use before it may begin, nor while
 * it is about to stop, which says more: each wake-up costs a run.
 */
static bool
hears_command(struct guard *g)
{
	return g->exited ||
	       ((g->go || g->ordered) && !execlog_holds_command(&g->execs));
}

/* The first is execve, whose answer is the word that the command may begin. */
static bool
hears_calls(struct guard *g)
{
	return g->released && !execlog_full(&g->execs);
}

/* p: as watch_tree() polls them. */
static void
take_events(struct guard *g, const struct pollfd *p)
{
	bool reaped = false;

	if (p[3].revents != 0)
		take_notice(g, p[3].revents);
	if (p[2].revents != 0 || p[1].revents != 0)
		reaped = take_failure(g);
	if (p[1].revents != 0 && !g->over && !reaped)
		reap_children(g);
	if (p[0].revents != 0 && !g->over)
		take_order(g);
}

/* Until nothing is left of it; what cannot be ended is the guard's end. */
static void
watch_tree(struct guard *g)
{
	while (!g->over) {
		struct pollfd p[] = {
			{ .fd = g->ctl, .events = POLLIN },
			{ .fd = g->sigfd, .events = POLLIN },
			{ .fd = hears_command(g) ? g->failure : -1,
			    .events = POLLIN },
			{ .fd = hears_calls(g) ? g->execs.fd : -1,
			    .events = POLLIN },
			{ .fd = g->masks.fd, .events = POLLIN },
		};
		int ready = poll(p, 5, patience_ms(g));

		if (g->masks.polled || p[4].revents != 0)
			look_after(g);
		if (ready == 0 && g->killing) {
			if (++g->rounds > KILL_ROUNDS)
				finish_guard(g, signal_tree(g, SIGKILL));
			kill_tree(g);
		}
		if (g->exited && !g->killing)
			end_behind_command(g);
		take_events(g, p);
	}
}

/* Nothing of the launcher's stays open but what the run needs (-1: skipped). */
static void
close_others(const int *keep, size_t count)
{
	unsigned from = 0;
	size_t i, j, least;
	int sorted[KEPT_MOST];

	memcpy(sorted, keep, count * sizeof(*keep));
	for (i = 0; i < count; i++) {
		least = i;
		for (j = i + 1; j < count; j++)
			if (sorted[j] < sorted[least])
				least = j;
		int fd = sorted[least];

		sorted[least] = sorted[i];
		if (fd == -1)
			continue;
		if ((unsigned)fd > from)
			(void)syscall(SYS_close_range, from, fd - 1, 0);
		from = (unsigned)fd + 1;
	}
	(void)syscall(SYS_close_range, from, ~0U, 0);
}

/*
 * What it takes counts as the run's.  Memory that runs out in the group should
 * not end it, as it tells the end; without CAP_SYS_RESOURCE that is not
 * possible, and the executor sees to it.  After the fork, as a child inherits it.
 */
static void
spare_guard(struct guard *g)
{
	if (g->oom == -1)
		return;
	(void)!write(g->oom, "-1000", 5);
	(void)close(g->oom);
	g->oom = -1;
}

/*
 * In the run's root, and in place of all three descriptors.  One of the slave
 * stays with us, so that a command that closes its own does not hang up.
 */
static void
give_terminal(struct guard *g, const struct guard_start *s)
{
	const struct launchplan_order *o = s->order;
	struct terminal t;
	int r;

	if (o->columns == 0)
		return;
	r = terminal_make(&t, o->columns, o->rows, s->plan->uid, s->plan->gid);
	if (r == 0 &&
	    (dup2(t.slave, s->in) == -1 || dup2(t.slave, s->out) == -1 ||
		dup2(t.slave, s->err) == -1))
		r = -errno;
	if (r != 0) {
		name_step(g, "terminal");
		g->report.sysno = -r;
		finish_guard(g, 0);
	}
	tell_executor(g, GUARD_TERMINAL, t.master);
	(void)close(t.master);
	g->slave = t.slave;
}

/* Of a guard that is not in the run's control group, it alone is made there. */
static pid_t
fork_command(const struct guard *g, struct child *c)
{
	pid_t pid;

	if (g->serves && c->cgroup != -1) {
		c->enter_cgroup = false;
		pid = confine_clone_into(0, c->cgroup, NULL);
		if (pid != -1 || errno != ENOSYS)
			return pid;
		c->enter_cgroup = true;
	}
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

/*
 * A pipe takes half the time, and leads one way.  It can be opened by
 * /proc/PID/fd, which root's is not for others: an ordinary user's would be.
 */
static int
make_ends(const struct guard *g, int ends[2])
{
	return g->pipe ? pipe2(ends, O_CLOEXEC | O_NONBLOCK)
		       : socketpair(
			     AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

static void
start_command(struct guard *g, struct child *c)
{
	int ends[2];
	pid_t pid;

	c->go = has_go(g) || stops_execve(g->plan);
	g->waits = !c->go;
	g->pipe = c->go && geteuid() == 0;
	if (make_ends(g, ends) == -1)
		_exit(GUARD_UNBEGUN);
	g->failure = ends[0];
	c->report = ends[1];
	pid = fork_command(g, c);
	if (pid == 0)
		child_exec(c); /* it has no *g: make_memory */
	g->report.sysno = pid == -1 ? errno : 0;
	g->command = g->execs.command = pid;
	spare_guard(g);
	name_step(g, "fork");
	(void)close(ends[1]);
	if (c->cgroup != -1 && g->connector.cgroup == -1)
		(void)close(c->cgroup);
	(void)close(c->in);
	(void)close(c->out);
	(void)close(c->err);
	if (c->ruleset != -1 && (g->kept == NULL || !g->kept->noted))
		(void)close(c->ruleset);
	if (g->command == -1)
		finish_guard(g, 0);
}

/* While /proc is the machine's; the whole tree inherits it. */
static int
enter_login(struct guard *g, uint32_t uid, struct confine_failure *f)
{
	g->report.audit_session = LOGINUID_UNSET;
	if ((g->plan->confine.layers & CONFINE_LOGINUID) == 0 || g->proc != -1)
		return 0; /* or the command does it */
	*f = (struct confine_failure){ "loginuid", NULL, 0 };
	f->sysno = -loginuid_set(uid);
	g->report.audit_session = loginuid_session();
	return -f->sysno;
}

/* Nothing leads to other namespaces from here on. */
static void
close_ready(struct guard *g)
{
	if (g->root.prepared == -1)
		return;
	(void)close(g->root.prepared);
	(void)close(g->root.host);
}

/* Only what is made from a template, in which no run can write. */
static void
note_root(struct guard *g, int ruleset)
{
	const enum confine_layer all =
	    CONFINE_MOUNTS | CONFINE_PIDS | CONFINE_IPC;
	const struct confine *c = &g->plan->confine;

	if (g->kept != NULL && !g->kept->noted && g->again &&
	    (c->layers & all) == all && (c->layers & CONFINE_USER) == 0 &&
	    !c->processes && !g->root.records->stale)
		keptroot_note(g->kept, &c->mounts, ruleset);
}

/* As the run before left it, if that is possible. */
static bool
has_root(struct guard *g, int *ruleset)
{
	const struct mounts *m = &g->plan->confine.mounts;

	if (g->kept == NULL || !g->kept->noted)
		return false;
	if (!mounts_ready_is_whole(m, g->root.records, true)) {
		keptroot_forget(g->kept);
		return false;
	}
	*ruleset = g->kept->ruleset;
	return true;
}

/* As confine_enter. */
static int
enter_root(struct guard *g, const struct guard_start *s, int *ruleset,
    struct confine_failure *f)
{
	const struct launchplan *p = s->plan;

	if (has_root(g, ruleset))
		return 0;
	image_moved();
	return confine_enter(
	    &p->confine, s->net, &g->root, p->uid, p->gid, ruleset, f);
}

/* The layers around the whole run; without one of them there is no run. */
static void
enter_sandbox(struct guard *g, const struct guard_start *s, int *ruleset)
{
	struct confine_failure f = g->changed;

	/* As confine_enter does, which cannot where its /proc is a run's. */
	if (g->oom != -1)
		(void)!write(g->oom, "500", 3);
	if (f.sysno == 0 && enter_login(g, s->order->login_uid, &f) == 0 &&
	    enter_root(g, s, ruleset, &f) == 0) {
		close_ready(g);
		note_root(g, *ruleset);
		return;
	}
	name_step(g, f.step);
	name_place(g, f.path);
	g->report.sysno = f.sysno;
	finish_guard(g, 0);
}

/* All of them are in one file system: mounts.h. */
static const char *
find_private(const struct confine *c)
{
	const struct mounts *m = &c->mounts;
	size_t i;

	for (i = 0; i < m->count && (c->layers & CONFINE_MOUNTS) != 0; i++)
		if (m->op[i].kind == MOUNTS_TMPFS ||
		    m->op[i].kind == MOUNTS_TMPFS_NOEXEC)
			return m->op[i].path;
	return NULL;
}

static void
begin_connector(struct guard *g, const struct confine *c)
{
	g->connector.rights = &g->rights;
	g->connector.named = c->socket;
	g->connector.tmp = g->tmp;
	g->connector.own_net =
	    (c->layers & CONFINE_NET) != 0 &&
	    (c->network == CONFINE_NONE || c->network == CONFINE_LOOPBACK);
	g->connector.own_pids = g->own_pids;
	g->connector.proc = g->connector.cgroup = -1;
}

/* What was prepared was looked at as thoroughly when it was. */
static bool
fits_ready(struct guard *g)
{
	struct mounts_records *r = g->root.records;

	if (r == NULL)
		return false;
	if (mounts_ready_fits(&g->plan->confine.mounts, r))
		return true;
	r->stale = true;
	g->root.records = NULL;
	return false;
}

/* Deaf to all signals but one; it says -1 if that cannot be. */
static int
block_signals(void)
{
	sigset_t chld, all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	(void)sigemptyset(&chld);
	(void)sigaddset(&chld, SIGCHLD);
	return signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void
become_guard(void)
{
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	/* Stopped by a process of its own user: it wakes when we are gone. */
	(void)prctl(PR_SET_PDEATHSIG, SIGCONT, 0, 0, 0);
	(void)prctl(PR_SET_NAME, "mcp-execd-guard", 0, 0, 0);
	(void)setsid(); /* a terminal's ^C is not for us */
}

static void
begin_run(struct guard *g, const struct guard_start *s)
{
	g->plan = s->plan;
	g->ctl = s->ctl;
	g->report.place[0] = '\0';
	g->failure = g->oom = g->sigfd = g->slave = g->proc = -1;
	execlog_init(&g->execs, &g->report.exec, tell_exec, g);
	g->execs.keeps = keeps_process;
	g->execs.failed = tell_failed;
	g->execs.may_start = may_start;
	g->execs.strict = s->plan->confine.listed_programs;
	g->execs.refused = tell_refused;
	g->rights = (struct rights){ s->plan->uid, s->plan->gid,
		s->plan->groups, s->plan->group_count, s->plan->capabilities,
		s->plan->confine.watched };
	g->tmp = find_private(&s->plan->confine);
	g->root = s->ready;
	g->own_pids = (s->plan->confine.layers & CONFINE_PIDS) != 0;
	begin_connector(g, &s->plan->confine);
}

/* Alone with what is its run's. */
static void
begin_guard(struct guard *g, const struct guard_start *s)
{
	int keep[] = { s->ctl, s->net, s->in, s->out, s->err, s->dir, s->cgroup,
		s->ready.prepared, s->ready.host };

	become_guard();
	begin_run(g, s);
	filehash_prepare();
	if (!fits_ready(g))
		(void)confine_changed(&s->plan->confine, &g->changed);
	close_others(keep, sizeof(keep) / sizeof(keep[0]));
	g->oom = s->grouped
		     ? open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)
		     : -1;
	g->sigfd = block_signals();
	if (g->sigfd == -1)
		_exit(GUARD_UNBEGUN);
}

/* Its sandbox, its command, and what becomes of that. */
static void
have_run(struct guard *g, const struct guard_start *s)
{
	struct child c = { .plan = s->plan,
		.order = s->order,
		.dir = s->dir,
		.cgroup = s->cgroup,
		.in = s->in,
		.out = s->out,
		.err = s->err,
		.proc = g->proc,
		.enter_cgroup = s->cgroup != -1 && !s->grouped };

	enter_sandbox(g, s, &c.ruleset);
	begin_masks(g, &s->plan->confine);
	give_terminal(g, s);
	start_command(g, &c);
	watch_tree(g);
}

/* --- one run after another ---------------------------------------------- */

/* Between its runs. */
struct server {
	const struct guard_start *start;
	int sigfd;
	bool again; /* it can have more than one */
	gid_t groups[LAUNCHPLAN_GROUPS]; /* its own */
	int group_count;
	struct asborn born;
	struct keptroot kept;
};

/* A child could not read it. */
static void
keep_memory(struct memory *m)
{
	(void)madvise(m, OWN_BYTES, MADV_DONTFORK);
}

static struct memory *
make_memory(void)
{
	struct memory *m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (m == MAP_FAILED)
		_exit(GUARD_UNDONE);
	keep_memory(m);
	return m;
}

/* Whole pages, by the kernel: zeros from then on. */
static void
give_back(struct memory *m, size_t from, size_t to)
{
	if (madvise((char *)m + from, to - from, MADV_DONTNEED) == -1)
		_exit(GUARD_UNDONE);
}

static void
clear_order(struct memory *m)
{
	size_t bytes = m->guard.order_bytes, words = 0;

	if (bytes > ORDER_FEW) {
		give_back(m, OWN_BYTES, sizeof(*m));
		return;
	}
	while (m->order.argv[words] != NULL)
		words++;
	memset(&m->order, 0,
	    offsetof(struct launchplan_order, argv) +
		words * sizeof(m->order.argv[0]));
	memset(m->bytes, 0, bytes);
}

/*
 * All zeros, so that nothing of a run can be in the next one's: where it used
 * little that is less work than what the kernel does for pages of its own.
 */
static void
clear_memory(struct memory *m)
{
	size_t used = execlog_size(&m->guard.execs);

	clear_order(m); /* of the size that is known here */
	if (used == sizeof(m->guard.execs))
		give_back(m, 0, OWN_BYTES);
	else
		memset(m, 0, offsetof(struct memory, guard.execs) + used);
}

static struct memory *
renew_memory(struct memory *m)
{
	if (m == NULL)
		m = make_memory();
	else if (m->guard.shared)
		keep_memory(m);
	clear_memory(m);
	modules_use(&m->modules);
	return m;
}

static ssize_t
receive_offer(const struct server *v, struct guard_offer *o, uint8_t *bytes,
    int fd[OFFER_FDS], size_t *count)
{
	const struct iovec part[] = { { o, sizeof(*o) },
		{ bytes, GUARD_INLINE } };

	return fdpass_receive(
	    v->start->orders, part, 2, fd, OFFER_FDS, count, 0);
}

/* The launcher is gone, or does without it: that is an end like others. */
static void
take_offer(const struct server *v, struct memory *m, struct guard_start *s)
{
	struct guard_offer o = { 0 };
	int fd[OFFER_FDS];
	size_t count;
	ssize_t n;

	do
		n = receive_offer(v, &o, m->bytes, fd, &count);
	while (n == -1 && errno == EINTR);
	if (n == 0)
		_exit(GUARD_DONE);
	if (n != (ssize_t)(sizeof(o) + o.size) || o.size == 0 ||
	    (count != OFFER_FDS && count != OFFER_GROUP) ||
	    !launchplan_read_order(m->bytes, o.size, &m->order))
		_exit(GUARD_UNBEGUN);
	m->guard.order_bytes = o.size;
	*s = *v->start;
	s->order = &m->order;
	s->net = -1;
	s->cgroup = count == OFFER_FDS ? fd[OFFER_GROUP] : -1;
	s->grouped = false;
	s->ctl = fd[OFFER_CTL];
	s->out = fd[OFFER_OUT];
	s->err = fd[OFFER_ERR];
	s->in = fd[OFFER_IN];
	s->ready.prepared = fd[OFFER_PREPARED];
	s->ready.host = fd[OFFER_HOST];
}

static void
say_word(const struct server *v, enum guard_said said)
{
	const struct guard_word w = { .name = v->start->name, .said = said };

	if (write(v->start->words, &w, sizeof(w)) != (ssize_t)sizeof(w))
		_exit(GUARD_DONE); /* nobody will ask for it */
}

/* The mounts of the machine. */
static int
take_host(const struct server *v, struct memory *m)
{
	struct guard_offer o = { 0 };
	int fd[OFFER_FDS] = { -1 };
	size_t count;
	ssize_t n = receive_offer(v, &o, m->bytes, fd, &count);

	if (n == -1 && errno == EINTR)
		return -1;
	if (n == 0)
		_exit(GUARD_DONE);
	if (n != (ssize_t)sizeof(o) || o.size != 0 || count != 1)
		_exit(GUARD_UNDONE);
	return fd[0];
}

/* false: its other end is open still. */
static bool
is_released(struct guard *g)
{
	char order;
	ssize_t n = recv(g->ctl, &order, 1, MSG_DONTWAIT);

	if (n > 0)
		_exit(GUARD_DONE); /* a signal may be on its way too */
	if (n == -1 &&
	    (errno == EAGAIN || errno == EINTR || errno == ECONNRESET))
		return false;
	(void)close(g->ctl);
	g->ctl = -1;
	return true;
}

/*
 * As long as anybody has the other end of its pair, the executor or who holds
 * the run for the next one, they may end this process, by its pidfd, for the
 * sake of that run: the next one does not begin before.  They do so by way of
 * the keeper, which may take its time, but not without an order here first: a
 * guard that was given one has no other run.
 */
static int
await_release(const struct server *v, struct memory *m)
{
	struct guard *g = &m->guard;
	int host = -1;

	while ((host == -1 && !v->kept.noted) || g->ctl != -1) {
		struct pollfd p[] = {
			{ .fd = g->ctl, .events = POLLIN },
			{ .fd = v->start->orders, .events = POLLIN },
		};

		(void)poll(p, 2, -1);
		if (p[0].revents != 0)
			(void)is_released(g);
		if (p[1].revents != 0 && host == -1 && !v->kept.noted)
			host = take_host(v, m);
		else if (p[1].revents != 0)
			_exit(GUARD_DONE);
	}
	return host;
}

/* It has looked with the run's ids: what that changes does not come back. */
static void
undo_connector(const struct server *v)
{
	(void)syscall(SYS_setgroups, v->group_count, v->groups);
	(void)prctl(PR_SET_PDEATHSIG, SIGCONT, 0, 0, 0);
	(void)prctl(PR_SET_DUMPABLE, v->born.dumpable, 0, 0, 0);
}

/* Nothing of it is changed, and nothing was put on it for that run alone. */
static void
judge_root(struct server *v, struct memory *m)
{
	const struct guard *g = &m->guard;

	if (!v->kept.noted)
		return;
	if (m->modules.held_count > 0 || m->modules.own_proc != -1 ||
	    g->masks.renewed || !keptroot_is(&v->kept))
		keptroot_forget(&v->kept);
}

/* Into the machine's mounts, and an IPC that is new. */
static void
leave_root(int host)
{
	if (setns(host, CLONE_NEWNS) == -1 || unshare(CLONE_NEWIPC) == -1)
		_exit(GUARD_UNDONE);
	(void)close(host);
}

/* Whatever it has opened, or was given. */
static void
close_run(const struct server *v, int ctl)
{
	const struct guard_start *s = v->start;
	int keep[KEPT_MOST] = { ctl, s->orders, s->words, s->dir, v->sigfd,
		v->born.proc, v->born.last_pid };
	const size_t own = KEPT_MOST - KEPTROOT_FDS;

	close_others(keep, own + keptroot_fds(&v->kept, keep + own));
}

/* Out of all that was the run's, which goes with that. */
static void
leave_run(const struct server *v, struct memory *m)
{
	struct guard *g = &m->guard;
	int host;

	close_run(v, g->ctl);
	host = await_release(v, m);
	if (host != -1)
		leave_root(host);
	drain_signals(v->sigfd);
	if (g->connector.ready)
		undo_connector(v);
}

/* Anything that is not as it was is its end: another guard is made. */
static void
expect_as_born(const struct server *v, const struct guard *g)
{
	bool changed = g->connector.ready; /* and has changed back */

	if (!asborn_is(&v->born, changed))
		_exit(GUARD_UNDONE);
}

static void
rest_between(struct server *v, struct memory *m)
{
	judge_root(v, m);
	say_word(v, v->kept.noted ? GUARD_KEPT : GUARD_OVER);
	leave_run(v, m);
	expect_as_born(v, &m->guard);
}

static void
begin_server(struct server *v)
{
	const struct guard_start *s = v->start;
	int keep[] = { s->orders, s->words, s->net, s->dir };

	become_guard();
	filehash_prepare();
	close_others(keep, sizeof(keep) / sizeof(keep[0]));
	v->sigfd = block_signals();
	if (v->sigfd == -1 ||
	    (s->net != -1 && setns(s->net, CLONE_NEWNET) == -1))
		_exit(GUARD_UNBEGUN);
	if (s->net != -1)
		(void)close(s->net);
	child_drop_bounding(s->plan);
	keptroot_init(&v->kept);
	v->group_count =
	    (int)syscall(SYS_getgroups, LAUNCHPLAN_GROUPS, v->groups);
	v->again = v->group_count >= 0 && asborn_note(&v->born);
}

/* The group's limit has a place for a guard, and this one is not in it. */
static int
give_up_place(int group)
{
	int fd = openat(group, "pids.max", O_RDWR | O_CLOEXEC), r = 0;
	char text[DECIMAL_MAX];
	unsigned long most = 0;
	ssize_t n, i;

	if (fd == -1)
		return errno == ENOENT ? 0 : -errno;
	n = read(fd, text, sizeof(text));
	for (i = 0; i < n && text[i] >= '0' && text[i] <= '9'; i++)
		most = 10 * most + (unsigned long)(text[i] - '0');
	if (n <= 0)
		r = -EIO;
	else if (most > 1 && most <= UINT32_MAX) { /* else it is "max" */
		char *end = decimal_put(text, (unsigned)most - 1);

		if (pwrite(fd, text, (size_t)(end - text), 0) == -1)
			r = -errno;
	}
	(void)close(fd);
	return r;
}

/* For what the guard starts; as one that is in it, it is spared then. */
static void
enter_group(struct guard *g, int proc, int group)
{
	if (group == -1)
		return;
	g->oom = openat(proc, "self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	g->report.sysno = -give_up_place(group);
	if (g->report.sysno == 0)
		return;
	name_step(g, "cgroup");
	finish_guard(g, 0);
}

static _Noreturn void
serve_runs(const struct guard_start *start)
{
	static struct server v;
	struct memory *m = NULL;
	struct guard_start s;

	v.start = start;
	begin_server(&v);
	for (;;) {
		m = renew_memory(m);
		take_offer(&v, m, &s);
		begin_run(&m->guard, &s);
		m->guard.sigfd = v.sigfd;
		m->guard.serves = true;
		if (v.again) /* where the command's login uid made its entry */
			unotify_use_proc(v.born.proc);
		m->guard.again = v.again;
		if (v.again && (s.plan->confine.layers & CONFINE_LOGINUID) != 0)
			m->guard.proc = v.born.proc;
		(void)getrusage(RUSAGE_CHILDREN, &m->guard.before);
		m->guard.connector.proc = m->guard.proc;
		m->guard.connector.login_uid = s.order->login_uid;
		m->guard.connector.cgroup = s.cgroup;
		m->guard.kept = v.again ? &v.kept : NULL;
		enter_group(&m->guard, v.born.proc, s.cgroup);
		have_run(&m->guard, &s);
		if (!m->guard.again || !m->guard.started)
			finish_guard(&m->guard, 0);
		tell_end(&m->guard, 0);
		rest_between(&v, m);
		say_word(&v, GUARD_IDLE);
	}
}

void
guard_main(const struct guard_start *s)
{
	static struct guard g;

	/* in another's, kill(2) of all processes would be of all of those */
	if ((s->plan->confine.layers & CONFINE_PIDS) != 0 && getpid() != 1)
		_exit(GUARD_UNBEGUN);
	if (s->orders != -1)
		serve_runs(s);
	begin_guard(&g, s);
	have_run(&g, s);
	finish_guard(&g, 0);
}
