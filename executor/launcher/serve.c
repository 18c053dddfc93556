/* SPDX-License-Identifier: MIT */
/* serve: one message after the other, and wait statuses.  Launcher. */
#include "executor/launcher/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fdpass.h"
#include "common/log.h"
#include "executor/launcher/holdstore.h"
#include "executor/launcher/planstore.h"
#include "executor/launcher/proctree.h"
#include "executor/launcher/template.h"

enum {
	RUNS_MAX = 16384, /* guards at a time */
	/* Of guards that have one run after another: */
	SERVERS_MAX = 128, /* at a time */
	IDLE_MAX = 128, /* of them that wait, */
	IDLE_OF_PLAN = 64, /* for a run of one plan, */
	IDLE_MS = 5000, /* so long */
	STRAYS_MS = 50, /* between looks for what a guard left behind */
	CANNOT_ANSWER = 125 /* exit status, for lack of memory */
};

enum state {
	RUN_ONCE, /* its guard has no other one */
	RUN_BUSY,
	RUN_OVER, /* told; its guard is about to be idle, or to end */
	RUN_IDLE /* none: its guard waits */
};

/* Of each guard. */
struct run {
	pid_t pid;
	enum state state;
	bool last; /* its guard is not to have another one */
	int orders, pidfd; /* of a guard that may; -1 */
	uint64_t name; /* of it, in its words */
	uint64_t root; /* the preparation that it knows */
	uint64_t since_ms; /* RUN_IDLE: monotonic */
	uint64_t turn; /* RUN_IDLE: the last one to be idle has the greatest */
	int net; /* its network namespace, if that can be kept, or -1 */
	uint64_t number; /* the executor's */
	struct planstore_plan *plan;
	uint64_t serial; /* of it: it may be another by then */
	uint8_t
	    caller[DIGEST_BYTES]; /* of its guard's runs, one after another */
};

static struct {
	int pair; /* -1: the executor is gone */
	int plans; /* from the loader; -1: there are none, or no more */
	bool by_loader; /* else plans come from the executor's pair */
	int sigfd;
	pid_t parent; /* the executor */
	bool strays; /* something may have been left behind */
	int words[2]; /* of guards that have more than one run; -1 */
	uint64_t names, turns;
	uint64_t
	    outdated; /* of templates, as known when guards were last looked at */
	size_t servers;
	size_t used;
	struct run run[RUNS_MAX];
} self;

/* A message as it came. */
struct message {
	struct launchmsg_order head;
	size_t size; /* of bytes */
	size_t fds;
	int fd[LAUNCHMSG_FDS];
	uint8_t bytes[LAUNCHMSG_INLINE];
};

/* --- answers ---------------------------------------------------------- */

/* With a descriptor, or -1. */
static void
send_answer(const struct launchmsg_answer *a, int fd)
{
	const struct iovec part = { (void *)(uintptr_t)a, sizeof(*a) };

	if (self.pair == -1 ||
	    fdpass_tell(self.pair, &part, 1, &fd, fd != -1) == 0 ||
	    errno == EPIPE)
		return;
	log_err("the executor cannot be answered: %m");
	_exit(CANNOT_ANSWER); /* it knows what to make of that */
}

static void
answer_run(enum launchmsg_kind kind, uint64_t run, pid_t pid, int value, int fd)
{
	struct launchmsg_answer a = {
		.kind = kind, .run = run, .pid = pid, .value = value
	};

	send_answer(&a, fd);
}

/* --- the start of a run ----------------------------------------------- */

/*
 * In the run's control group from its first moment, which only clone3(2) can;
 * where a filter hides that, the command alone enters it.
 */
static pid_t
fork_into(uint64_t namespaces, int group, bool *grouped, int *pidfd)
{
	pid_t pid;

	*grouped = group != -1;
	if (group != -1) {
		pid = confine_clone_into(namespaces, group, pidfd);
		if (pid != -1 || errno != ENOSYS)
			return pid;
		*grouped = false;
	}
	return confine_clone(namespaces, pidfd);
}

/* As it was read for the run before, or once more. */
static const struct launchplan *
read_plan(const struct planstore_plan *p)
{
	static struct launchplan plan;
	static uint64_t serial;

	if (serial == p->serial)
		return &plan;
	serial = 0;
	if (!launchplan_read(p->bytes, p->size, p->fd_count, &plan))
		return NULL;
	launchplan_hold(&plan, p->fds);
	serial = p->serial;
	return &plan;
}

/* The bytes of an order that is too large for a message; NULL and errno. */
static void *
map_order(int fd, size_t size)
{
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK;
	int has = fcntl(fd, F_GET_SEALS);
	void *p;

	if (size == 0 || size > LAUNCHPLAN_MAX_BYTES || has == -1 ||
	    (has & seals) != seals || lseek(fd, 0, SEEK_END) < (off_t)size) {
		errno = EBADMSG;
		return NULL;
	}
	p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	/* cppcheck-suppress memleak ; the caller's to unmap */
	return p == MAP_FAILED ? NULL : p;
}

/* Which descriptor is which; false: they are not those that flags say. */
static bool
sort_fds(const struct message *m, struct guard_start *s, int *file)
{
	size_t at = RUN_MORE;
	unsigned has = m->head.flags;
	size_t want = at + ((has & LAUNCHMSG_INPUT) != 0) +
		      ((has & LAUNCHMSG_GROUP) != 0) +
		      ((has & LAUNCHMSG_FILE) != 0);

	if (m->fds != want)
		return false;
	s->ctl = m->fd[RUN_CTL];
	s->out = m->fd[RUN_OUT];
	s->err = m->fd[RUN_ERR];
	s->in = (has & LAUNCHMSG_INPUT) != 0 ? m->fd[at++] : -1;
	s->cgroup = (has & LAUNCHMSG_GROUP) != 0 ? m->fd[at++] : -1;
	*file = (has & LAUNCHMSG_FILE) != 0 ? m->fd[at++] : -1;
	return true;
}

static int
find_network(const struct planstore_plan *p, pid_t guard)
{
	char path[40];

	if (!p->keeps_network)
		return -1;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)guard);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* --- guards that have one run after another --------------------------- */

/* At once, or, if it has a run, after that. */
static void
dismiss_guard(struct run *r)
{
	r->last = true;
	if (r->orders == -1 || r->state == RUN_BUSY)
		return;
	(void)close(r->orders);
	r->orders = -1;
	r->state = RUN_OVER;
}

static void
dismiss_guards(void)
{
	for (size_t i = 0; i < self.used; i++)
		dismiss_guard(&self.run[i]);
}

/*
 * The host's mounts have changed: what it unmounts goes on in the root that a
 * guard waits in.
 */
static void
dismiss_outdated(void)
{
	if (self.outdated != template_outdated())
		dismiss_guards();
	self.outdated = template_outdated();
}

/* One that knows another root is of no use any more. */
static struct run *
find_idle(const struct planstore_plan *p, uint64_t root,
    const uint8_t caller[DIGEST_BYTES])
{
	struct run *found = NULL;

	for (size_t i = 0; i < self.used; i++) {
		struct run *r = &self.run[i];

		if (r->state != RUN_IDLE || r->serial != p->serial ||
		    memcmp(r->caller, caller, DIGEST_BYTES) != 0)
			continue;
		if (r->root != root)
			dismiss_guard(r);
		else if (found == NULL || r->turn > found->turn)
			found = r;
	}
	return found;
}

/*
 * The group of such guards, next to that of the runs (confine/cgroup.h): what a
 * run gives its guard to do is not taken from the daemons.  -1: there is none.
 */
static int
open_home(int group)
{
	return group == -1 ? -1
			   : openat(group, "../../guards",
				 O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static pid_t
fork_server(uint64_t namespaces, int group, int *pidfd)
{
	int home = open_home(group);
	pid_t pid =
	    home == -1 ? -1 : confine_clone_into(namespaces, home, pidfd);

	if (pid == -1)
		pid = confine_clone(namespaces, pidfd);
	if (home != -1)
		(void)close(home);
	return pid;
}

/* NULL: there cannot be one. */
static struct run *
make_server(const struct guard_start *s, struct planstore_plan *p)
{
	struct guard_start its = { .plan = s->plan,
		.ready = s->ready,
		.dir = s->dir,
		.words = self.words[1],
		.name = ++self.names };
	const uint64_t own = CLONE_NEWNS | CLONE_NEWNET;
	int ends[2], pidfd = -1;
	pid_t pid;

	if (self.used == RUNS_MAX || self.servers == SERVERS_MAX ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == -1)
		return NULL;
	its.orders = ends[1];
	its.net = planstore_take_network(p);
	pid = fork_server(p->namespaces & ~(its.net == -1 ? CLONE_NEWNS : own),
	    s->cgroup, &pidfd);
	if (pid == 0)
		guard_main(&its);
	(void)close(ends[1]);
	if (pid == -1) {
		(void)close(ends[0]);
		if (its.net != -1)
			planstore_keep_network(p, p->serial, its.net);
		return NULL;
	}
	self.servers++;
	self.run[self.used] = (struct run){ .pid = pid,
		.state = RUN_IDLE,
		.orders = ends[0],
		.pidfd = pidfd,
		.name = its.name,
		.root = s->ready.number,
		.net = its.net != -1 ? its.net : find_network(p, pid),
		.plan = p,
		.serial = p->serial };
	return &self.run[self.used++];
}

static bool
offer_run(struct run *r, const struct guard_start *s, const struct message *m)
{
	struct guard_offer o = { .size = (uint32_t)m->size };
	const struct iovec part[] = { { &o, sizeof(o) },
		{ (void *)(uintptr_t)m->bytes, m->size } };
	const int fd[OFFER_FDS] = { [OFFER_CTL] = s->ctl,
		[OFFER_OUT] = s->out,
		[OFFER_ERR] = s->err,
		[OFFER_IN] = s->in,
		[OFFER_PREPARED] = s->ready.prepared,
		[OFFER_HOST] = s->ready.host,
		[OFFER_GROUP] = s->cgroup };

	return fdpass_send(r->orders, part, 2, fd,
		   s->cgroup == -1 ? OFFER_GROUP : OFFER_FDS,
		   MSG_DONTWAIT) == (ssize_t)(sizeof(o) + m->size);
}

/*
 * Only where a root is prepared, and the host has what it had: what is looked at
 * when a run begins is looked at for this one.
 */
static bool
may_serve(const struct guard_start *s, const struct planstore_plan *p,
    const struct message *m)
{
	return p->guards && self.words[0] != -1 &&
	       (m->head.flags & LAUNCHMSG_FILE) == 0 && m->size > 0 &&
	       s->ready.records != NULL &&
	       mounts_ready_fits(&s->plan->confine.mounts, s->ready.records);
}

/* false: it needs a guard of its own. */
static bool
serve_run(const struct guard_start *s, struct planstore_plan *p,
    const struct message *m)
{
	struct run *r;

	if (!may_serve(s, p, m))
		return false;
	r = find_idle(p, s->ready.number, m->head.caller);
	if (r == NULL)
		r = make_server(s, p);
	if (r == NULL)
		return false;
	if (!offer_run(r, s, m)) {
		dismiss_guard(r);
		return false;
	}
	r->state = RUN_BUSY;
	r->number = m->head.run;
	memcpy(r->caller, m->head.caller, DIGEST_BYTES);
	answer_run(LAUNCHMSG_STARTED, r->number, r->pid, 0, r->pidfd);
	return true;
}

/* 0, or an errno: there is no guard. */
static int
make_guard(
    struct guard_start *s, struct planstore_plan *p, const struct message *m)
{
	uint64_t number = m->head.run;
	uint64_t namespaces = p->namespaces;
	int pidfd = -1;
	pid_t pid;

	if (self.used == RUNS_MAX)
		return EAGAIN;
	if (p->templates && template_take(p->serial, &s->ready))
		namespaces &= ~(uint64_t)CLONE_NEWNS;
	if (serve_run(s, p, m))
		return 0;
	s->net = planstore_take_network(p);
	if (s->net != -1)
		namespaces &= ~(uint64_t)CLONE_NEWNET;
	pid = fork_into(namespaces, s->cgroup, &s->grouped, &pidfd);
	if (pid == 0)
		guard_main(s);
	if (pid == -1) {
		int error = errno;

		if (s->net != -1)
			planstore_keep_network(p, p->serial, s->net);
		return error;
	}
	answer_run(LAUNCHMSG_STARTED, number, pid, 0, pidfd);
	(void)close(pidfd);
	self.run[self.used++] = (struct run){
		.pid = pid,
		.orders = -1,
		.pidfd = -1,
		.net = s->net != -1 ? s->net : find_network(p, pid),
		.number = number,
		.plan = p,
		.serial = p->serial,
	};
	return 0;
}

/* The bytes of the order are there; with a description of its own for stdin. */
static int
start_read(struct message *m, struct guard_start *s, struct planstore_plan *p)
{
	bool empty = s->in == -1;
	int error;

	if (empty)
		s->in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (s->in == -1)
		return errno;
	error = make_guard(s, p, m);
	if (empty)
		(void)close(s->in);
	return error;
}

static int
start_run(struct message *m)
{
	static struct launchplan_order order;
	struct planstore_plan *p = planstore_find(m->head.plan);
	struct guard_start s = { .order = &order,
		.orders = -1,
		.ready = { .prepared = -1, .host = -1 } };
	void *bytes = m->bytes;
	size_t size = m->size;
	int file, error;

	if (p == NULL)
		return ESTALE;
	if (!sort_fds(m, &s, &file))
		return EBADMSG;
	if (file != -1) {
		size = m->head.size;
		bytes = map_order(file, size);
		if (bytes == NULL)
			return errno;
	}
	s.plan = read_plan(p);
	s.dir = p->fds[0];
	error = s.plan == NULL || !launchplan_read_order(bytes, size, &order)
		    ? EBADMSG
		    : start_read(m, &s, p);
	if (file != -1)
		(void)munmap(bytes, size);
	return error;
}

/* --- messages --------------------------------------------------------- */

static void
close_fds(struct message *m)
{
	while (m->fds > 0)
		(void)close(m->fd[--m->fds]);
}

/* The guard of a run, 0: none. */
static pid_t
guard_of(uint64_t number)
{
	for (size_t i = 0; i < self.used; i++)
		if (self.run[i].number == number)
			return self.run[i].pid;
	return 0;
}

/* Not before what came with a run is closed. */
static void
make_template(const uint8_t digest[DIGEST_BYTES])
{
	const struct planstore_plan *p = planstore_find(digest);
	const struct launchplan *plan;

	if (p != NULL && p->templates && (plan = read_plan(p)) != NULL)
		template_make(p->serial, plan);
}

/* Of whom it believes about plans. */
static const char *
take_plan(struct message *m)
{
	const char *wrong = NULL;
	size_t count = m->fds;

	m->fds = 0;
	switch ((int)m->head.kind) {
	case LAUNCHMSG_PLAN:
		wrong = planstore_add(&m->head, m->fd, count);
		break;
	case LAUNCHMSG_HELD:
		wrong = planstore_hold(m->fd, count);
		break;
	default:
		dismiss_guards();
		planstore_drop(m->head.plan);
		m->fds = count;
		break;
	}
	return wrong;
}

/* From the loader, which nothing of the network has reached. */
static void
take_of_loader(struct message *m)
{
	struct launchmsg_answer a = { .kind = LAUNCHMSG_LOADED,
		.run = m->head.run };
	const char *wrong = NULL;

	switch ((int)m->head.kind) {
	case LAUNCHMSG_BEGIN:
		planstore_begin();
		break;
	case LAUNCHMSG_PLAN:
	case LAUNCHMSG_HELD:
		wrong = take_plan(m);
		break;
	case LAUNCHMSG_COMMIT:
		dismiss_guards();
		wrong = planstore_commit(m->head.size, m->head.run);
		a.value = wrong == NULL ? 0 : EBADMSG;
		(void)send(
		    self.plans, &a, sizeof(a), MSG_NOSIGNAL | MSG_DONTWAIT);
		break;
	default:
		wrong = "it is of no known kind";
		break;
	}
	if (wrong != NULL)
		log_err("a message of the loader's is refused: %s", wrong);
	close_fds(m);
}

static void
take_message(struct message *m)
{
	const char *wrong = NULL;
	int error;

	switch ((enum launchmsg_kind)m->head.kind) {
	case LAUNCHMSG_PLAN:
	case LAUNCHMSG_HELD:
	case LAUNCHMSG_DROP:
		wrong = self.by_loader ? "plans come from the loader alone"
				       : take_plan(m);
		break;
	case LAUNCHMSG_RETIRE:
		dismiss_guards();
		planstore_retire(m->head.run);
		break;
	case LAUNCHMSG_RUN:
		error = start_run(m);
		if (error != 0)
			answer_run(
			    LAUNCHMSG_NOT_STARTED, m->head.run, 0, error, -1);
		break;
	case LAUNCHMSG_REMEMBER:
		filehash_remember(&m->head.version, m->head.sum);
		break;
	case LAUNCHMSG_HOLD:
		wrong = holdstore_hold(m->head.run, guard_of(m->head.run),
		    m->head.flags, m->fd, m->fds);
		m->fds = 0;
		break;
	case LAUNCHMSG_EOF:
		holdstore_eof(m->head.run);
		break;
	case LAUNCHMSG_RELEASE:
		holdstore_release(m->head.run);
		break;
	case LAUNCHMSG_HELLO:
	case LAUNCHMSG_STARTED:
	case LAUNCHMSG_NOT_STARTED:
	case LAUNCHMSG_ENDED:
	case LAUNCHMSG_BEGIN:
	case LAUNCHMSG_COMMIT:
	case LAUNCHMSG_LOADED:
	default:
		wrong = "it is of no known kind";
		break;
	}
	if (wrong != NULL)
		log_err("a message of the executor's is refused: %s", wrong);
	close_fds(m);
	if (m->head.kind == LAUNCHMSG_RUN)
		make_template(m->head.plan);
}

/*
 * It is gone: guards are told by their own pairs, and wake for that; not those
 * whose run is held.
 */
static void
leave_executor(void)
{
	size_t i;

	if (self.pair == -1)
		return;
	(void)close(self.pair);
	holdstore_alone();
	self.pair = -1;
	dismiss_guards();
	for (i = 0; i < self.used; i++)
		(void)kill(self.run[i].pid, SIGCONT);
}

static void
leave_peer(int pair)
{
	if (pair == self.pair) {
		leave_executor();
		return;
	}
	(void)close(self.plans); /* the keeper is gone */
	self.plans = -1;
}

/* Of the executor's pair, or the loader's.  false: there is none now. */
static bool
receive_message(int pair, struct message *m)
{
	const struct iovec part[] = { { &m->head, sizeof(m->head) },
		{ m->bytes, sizeof(m->bytes) } };
	ssize_t n;

	memset(&m->head, 0, sizeof(m->head));
	n = fdpass_receive(
	    pair, part, 2, m->fd, LAUNCHMSG_FDS, &m->fds, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n == 0 || (n == -1 && errno != EMSGSIZE)) {
		leave_peer(pair);
		return false;
	}
	if (n != -1 && (size_t)n >= sizeof(m->head)) {
		m->size = (size_t)n - sizeof(m->head);
		return true;
	}
	log_err("a message is refused: it is cut");
	close_fds(m);
	if (pair == self.pair && n == -1 && m->head.kind == LAUNCHMSG_RUN)
		answer_run(LAUNCHMSG_NOT_STARTED, m->head.run, 0, EMFILE, -1);
	m->head.kind = 0;
	return true;
}

/*
 * One, however many wait: runs that ended meanwhile are reaped before the next
 * begins, which takes over their network.
 */
static bool
take_next(void)
{
	static struct message m;

	m.head.kind = 0;
	if (self.pair == -1 || !receive_message(self.pair, &m))
		return false;
	if (m.head.kind != 0)
		take_message(&m);
	return true;
}

/* What one that is gone has said last is taken first. */
static bool
has_executor(void)
{
	if (self.pair == -1 || getppid() == self.parent)
		return self.pair != -1;
	while (take_next())
		;
	leave_executor();
	return false;
}

static void
take_next_of_loader(void)
{
	static struct message m;

	m.head.kind = 0;
	if (self.plans != -1 && receive_message(self.plans, &m) &&
	    m.head.kind != 0)
		take_of_loader(&m);
}

/* --- ends ------------------------------------------------------------- */

static struct run *
find_run(pid_t pid)
{
	size_t i;

	for (i = 0; i < self.used; i++)
		if (self.run[i].pid == pid)
			return &self.run[i];
	return NULL;
}

/* What was not told may have left something behind. */
static void
end_run(struct run *r, int status)
{
	if (r->state == RUN_ONCE || r->state == RUN_BUSY) {
		answer_run(LAUNCHMSG_ENDED, r->number, r->pid, status, -1);
		holdstore_ended(r->number);
	}
	if (r->orders != -1)
		(void)close(r->orders);
	if (r->pidfd != -1) {
		(void)close(r->pidfd);
		self.servers--;
	}
	if (r->net != -1 && status == GUARD_DONE)
		planstore_keep_network(r->plan, r->serial, r->net);
	else if (r->net != -1)
		(void)close(r->net);
	self.strays |=
	    status != GUARD_DONE &&
	    !(WIFEXITED(status) && WEXITSTATUS(status) == GUARD_LISTENED);
	*r = self.run[--self.used];
}

static struct run *
find_server(uint64_t name)
{
	for (size_t i = 0; i < self.used; i++)
		if (self.run[i].name == name && self.run[i].pidfd != -1)
			return &self.run[i];
	return NULL;
}

static bool
send_host(const struct run *r)
{
	const struct guard_offer home = { .size = 0 };
	const struct iovec part = { (void *)(uintptr_t)&home, sizeof(home) };
	int host = template_host();

	return fdpass_send(r->orders, &part, 1, &host, 1, MSG_DONTWAIT) ==
	       (ssize_t)sizeof(home);
}

/* Its run has ended, as if it had; it may go out of that, unless it stays. */
static void
take_over(struct run *r, bool stays)
{
	answer_run(LAUNCHMSG_ENDED, r->number, r->pid, GUARD_DONE, -1);
	holdstore_ended(r->number);
	r->state = RUN_OVER;
	r->number = 0;
	if (r->last || self.pair == -1 || (!stays && !send_host(r)))
		dismiss_guard(r);
}

/* One more, unless enough wait. */
static void
take_idle(struct run *r)
{
	size_t all = 0, its = 0;

	for (size_t i = 0; i < self.used; i++)
		if (self.run[i].state == RUN_IDLE) {
			all++;
			its += self.run[i].serial == r->serial;
		}
	r->state = RUN_IDLE;
	r->since_ms = clock_mono_ms();
	r->turn = ++self.turns;
	if (r->last || self.pair == -1 || all >= IDLE_MAX ||
	    its >= IDLE_OF_PLAN)
		dismiss_guard(r);
}

static void
take_words(void)
{
	struct guard_word w[64];
	ssize_t n = read(self.words[0], w, sizeof(w));
	size_t i;

	for (i = 0; n > 0 && i < (size_t)n / sizeof(w[0]); i++) {
		struct run *r = find_server(w[i].name);

		if (r == NULL || r->orders == -1)
			continue; /* it ends, or has */
		if (w[i].said <= GUARD_KEPT && r->state == RUN_BUSY)
			take_over(r, w[i].said == GUARD_KEPT);
		else if (w[i].said == GUARD_IDLE && r->state == RUN_OVER)
			take_idle(r);
	}
}

/* Who has waited for long has no use.  Until the next one has; -1: none. */
static int
tidy_idle(void)
{
	uint64_t now = clock_mono_ms();
	int wait = -1;

	for (size_t i = 0; i < self.used; i++) {
		struct run *r = &self.run[i];
		uint64_t due = r->since_ms + IDLE_MS;

		if (r->state != RUN_IDLE)
			continue;
		if (due <= now)
			dismiss_guard(r);
		else if (wait == -1 || due - now < (uint64_t)wait)
			wait = (int)(due - now);
	}
	return wait;
}

static void
end_strays(void)
{
	static pid_t spared[RUNS_MAX + TEMPLATE_MAX];
	size_t i;

	for (i = 0; i < self.used; i++)
		spared[i] = self.run[i].pid;
	i += template_makers(spared + i, TEMPLATE_MAX);
	self.strays = proctree_kill(SIGKILL, spared, i) > 0;
}

static void
reap_children(void)
{
	struct signalfd_siginfo si;
	struct run *r;
	int status;
	pid_t pid;

	while (read(self.sigfd, &si, sizeof(si)) > 0)
		if (si.ssi_signo == SIGTERM)
			(void)has_executor();
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		r = find_run(pid);
		if (r != NULL)
			end_run(r, status);
		else if (!template_reaped(pid, status))
			self.strays = true;
	}
}

static bool
open_signals(void)
{
	sigset_t all, chld;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	(void)sigemptyset(&chld);
	(void)sigaddset(&chld, SIGCHLD);
	(void)sigaddset(&chld, SIGTERM);
	self.sigfd = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	/* Somebody else may hold the executor's end of the pair open. */
	self.parent = getppid();
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	return self.sigfd != -1;
}

static void
say_hello(void)
{
	struct launchmsg_answer a;

	launchmsg_hello(&a);
	send_answer(&a, -1);
}

/* Until the first of those that have something to do then; -1: nobody has. */
static int
patience_ms(void)
{
	int plans = planstore_wait_ms(), holds = holdstore_wait_ms();

	int idle = tidy_idle();

	if (self.strays)
		return STRAYS_MS;
	if (idle != -1 && (plans == -1 || idle < plans))
		plans = idle;
	if (plans == -1 || (holds != -1 && holds < plans))
		return holds;
	return plans;
}

int
serve(int pair, int plans)
{
	self.pair = pair;
	self.plans = plans;
	self.by_loader = plans != -1;
	if (self.by_loader)
		planstore_use_loads();
	if (!open_signals()) {
		log_err("signalfd: %m");
		return 1;
	}
	template_init();
	if (pipe2(self.words, O_CLOEXEC | O_NONBLOCK) == -1)
		self.words[0] = self.words[1] = -1;
	(void)execlog_waits_killable(); /* once, for all guards */
	child_prepare();
	say_hello();
	while (self.pair != -1 || self.used > 0 || self.strays ||
	       holdstore_count() > 0) {
		struct pollfd p[5 + HOLDSTORE_POLL] = { { .fd = self.pair,
							    .events = POLLIN },
			{ .fd = self.sigfd, .events = POLLIN },
			{ .fd = template_fd() },
			{ .fd = self.plans, .events = POLLIN },
			{ .fd = self.words[0], .events = POLLIN } };

		dismiss_outdated();
		holdstore_poll(p + 5);
		(void)poll(p, 5 + HOLDSTORE_POLL, patience_ms());
		if (p[4].revents != 0)
			take_words();
		if (p[1].revents != 0)
			reap_children();
		if (p[2].revents != 0) /* which a second poll does not say */
			template_outdate();
		if (self.strays)
			end_strays();
		if (p[3].revents != 0)
			take_next_of_loader();
		if (p[0].revents != 0)
			(void)take_next();
		planstore_tidy();
		holdstore_serve(p + 5, has_executor());
	}
	holdstore_fini();
	return 0;
}
