/* SPDX-License-Identifier: MIT */
/* keeper_serve: one order after the other; nothing of the network, no allocation. */
#include "executor/launcher/keeper_serve.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fdpass.h"
#include "common/log.h"
#include "common/sigreset.h"
#include "executor/launcher/keepmsg.h"
#include "executor/launcher/proctree.h"
#include "executor/launcher/stallwatch.h"

enum {
	HIGH_FD = 64, /* above all places */
	ADDED = 2, /* descriptors at most, by enum keepmsg_adds */
	MOST_FD = 1024, /* above all that this process has */
	CANNOT_ANSWER = 125, /* exit status, for lack of memory */
	CANNOT_GIVE = 126, /* exit status before execve */
	CANNOT_EXECUTE = 127
};

static struct {
	const struct keepmsg_plan *plan;
	pid_t executor;
	int started[KEEPMSG_PROGRAMS]; /* pidfd of the last one, or -1 */
	int adopted[KEEPMSG_ADOPTED]; /* pidfds of the plan's, or -1 */
	struct keepmsg_order order; /* in hand */
	int fd[KEEPMSG_FDS + ADDED]; /* that came with it, and those added */
	size_t fds;
	int loaders_end; /* of the pair with the last launcher; -1: none */
} self;

/* --- the plan ---------------------------------------------------------- */

static bool
is_text(const char *p, size_t size)
{
	return p[0] != '\0' && memchr(p, '\0', size) != NULL;
}

/* Descriptors that we add. */
static size_t
count_added(const struct keepmsg_row *r)
{
	return r->adds == KEEPMSG_LOADERS_END     ? 2
	       : r->adds == KEEPMSG_LAUNCHERS_END ? 1
						  : 0;
}

static bool
is_row(const struct keepmsg_row *r)
{
	size_t i;

	if (r->adds > KEEPMSG_LOADERS_END || r->words > KEEPMSG_WORDS ||
	    r->words == 0 || r->fds > KEEPMSG_FDS ||
	    r->places > KEEPMSG_PLACES || !is_text(r->path, sizeof(r->path)) ||
	    r->path[0] != '/')
		return false;
	for (i = 0; i < r->words; i++)
		if (!is_text(r->word[i], sizeof(r->word[i])))
			return false;
	if (memchr(r->last, '\0', sizeof(r->last)) == NULL)
		return false;
	for (i = 0; i < r->places; i++)
		if (r->place[i].from >= r->fds + count_added(r) ||
		    r->place[i].to >= HIGH_FD)
			return false;
	return true;
}

/* Nobody changes it any more; it stays mapped until the end. */
static bool
read_plan(void)
{
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	int has = fcntl(KEEPMSG_PLAN_FD, F_GET_SEALS);
	const struct keepmsg_plan *p;
	struct stat st;
	size_t i;

	if (has == -1 || (has & seals) != seals ||
	    fstat(KEEPMSG_PLAN_FD, &st) == -1 ||
	    st.st_size != (off_t)sizeof(*p))
		return false;
	p = mmap(NULL, sizeof(*p), PROT_READ, MAP_PRIVATE, KEEPMSG_PLAN_FD, 0);
	(void)close(KEEPMSG_PLAN_FD);
	if (p == MAP_FAILED || p->format != KEEPMSG_FORMAT ||
	    p->size != sizeof(struct keepmsg_order) ||
	    strncmp(p->version, MCP_EXECD_VERSION, sizeof(p->version)) != 0)
		return false;
	for (i = 0; i < KEEPMSG_PROGRAMS; i++)
		if (!is_row(&p->row[i]))
			return false;
	if (!is_text(p->config, sizeof(p->config)))
		return false;
	self.plan = p;
	return true;
}

/* --- answers ------------------------------------------------------------ */

/* With a descriptor, or -1. */
static void
send_answer(const struct keepmsg_answer *a, int fd)
{
	const struct iovec part = { (void *)(uintptr_t)a, sizeof(*a) };

	if (fdpass_tell(KEEPMSG_FD, &part, 1, &fd, fd != -1) == 0 ||
	    errno == EPIPE)
		return;
	log_err("the executor cannot be answered: %m");
	_exit(CANNOT_ANSWER);
}

/* --- a program ---------------------------------------------------------- */

static _Noreturn void
cannot_give(const char *what)
{
	log_err("a program cannot be given %s: %m", what);
	_exit(CANNOT_GIVE);
}

static void
place_fds(const struct keepmsg_row *r)
{
	int moved[KEEPMSG_FDS + ADDED], null, last = STDERR_FILENO;
	size_t i;

	for (i = 0; i < r->fds + count_added(r); i++) {
		moved[i] = fcntl(self.fd[i], F_DUPFD, HIGH_FD);
		if (moved[i] == -1)
			cannot_give("descriptors");
	}
	null = open("/dev/null", O_RDONLY);
	if (null == -1 || dup2(null, STDIN_FILENO) == -1)
		cannot_give("/dev/null");
	if (dup2(STDERR_FILENO, STDOUT_FILENO) == -1)
		cannot_give("its log");
	for (i = 0; i < r->places; i++) {
		if (dup2(moved[r->place[i].from], r->place[i].to) == -1)
			cannot_give("descriptors");
		if (r->place[i].to > last)
			last = r->place[i].to;
	}
	/* Where there is no such call: the program says what it cannot do. */
	if (syscall(SYS_close_range, last + 1, ~0U, 0) == -1)
		while (++last < MOST_FD)
			(void)close(last);
}

static _Noreturn void
run_program(const struct keepmsg_row *r)
{
	char *argv[KEEPMSG_WORDS + 2] = { NULL }, *envp[] = { NULL };
	size_t i;

	for (i = 0; i < r->words; i++)
		argv[i] = (char *)(uintptr_t)r->word[i];
	if (r->adds == KEEPMSG_LOADERS_END)
		argv[i] = (char *)(uintptr_t)self.plan->config;
	else if (r->last[0] != '\0')
		argv[i] = (char *)(uintptr_t)r->last;
	(void)sigreset_all();
	place_fds(r);
	(void)execve(r->path, argv, envp);
	log_err("cannot execute %s: %m; check frontend.path and launcher.path",
	    r->path);
	_exit(CANNOT_EXECUTE);
}

/*
 * A child of our parent's: the executor waits for it, and it sees the
 * executor end.  By clone(2) where clone3(2) is hidden, as in containers.
 */
static pid_t
fork_sibling(int *pidfd)
{
	const uint64_t flags = CLONE_PARENT | CLONE_PIDFD;
	struct clone_args args = { .flags = flags,
		.pidfd = (uint64_t)(uintptr_t)pidfd };
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (pid != -1 || errno != ENOSYS)
		return pid;
	return (pid_t)syscall(
	    SYS_clone, flags | SIGCHLD, NULL, pidfd, NULL, NULL);
}

/* It has not ended. */
static bool
is_running(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return pidfd != -1 && poll(&p, 1, 0) == 0;
}

/* The other end of the pair is ours until the next launcher. */
static int
add_launchers_end(void)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == -1)
		return errno;
	if (self.loaders_end != -1)
		(void)close(self.loaders_end);
	self.loaders_end = ends[0];
	self.fd[self.fds++] = ends[1];
	return 0;
}

/* Two at a time would say one thing after half of another. */
static int
add_loaders_end(void)
{
	if (is_running(self.started[KEEPMSG_LOADER]))
		return EBUSY;
	if (self.loaders_end == -1)
		return ENOTCONN;
	for (size_t i = 0; i < 2; i++) {
		int fd = fcntl(i == 0 ? self.loaders_end : KEEPMSG_FACTS_FD,
		    F_DUPFD_CLOEXEC, HIGH_FD);

		if (fd == -1)
			return errno;
		self.fd[self.fds++] = fd;
	}
	return 0;
}

/* 0, or an errno. */
static int
add_fds(const struct keepmsg_row *r)
{
	switch ((enum keepmsg_adds)r->adds) {
	case KEEPMSG_LAUNCHERS_END:
		return add_launchers_end();
	case KEEPMSG_LOADERS_END:
		return add_loaders_end();
	case KEEPMSG_NOTHING:
		break;
	}
	return 0;
}

static void
start_program(void)
{
	struct keepmsg_answer a = { .kind = KEEPMSG_STARTED };
	const struct keepmsg_row *r;
	int pidfd = -1;

	r = self.order.program < KEEPMSG_PROGRAMS
		? &self.plan->row[self.order.program]
		: NULL;
	a.error = r == NULL || r->fds != self.fds ? EBADMSG : add_fds(r);
	if (a.error != 0) {
		send_answer(&a, -1);
		return;
	}
	a.pid = fork_sibling(&pidfd);
	if (a.pid == 0)
		run_program(r);
	if (a.pid == -1)
		a.error = errno;
	send_answer(&a, pidfd);
	if (pidfd == -1)
		return;
	if (self.started[self.order.program] != -1)
		(void)close(self.started[self.order.program]);
	self.started[self.order.program] = pidfd;
}

/*
 * PR_SET_PDEATHSIG is sent as by the executor, which has no power to send it
 * to another user's process.  The launcher looks whether it has to end.
 */
static void
end_started(void)
{
	for (size_t i = 0; i < KEEPMSG_PROGRAMS; i++)
		if (self.started[i] != -1)
			(void)syscall(SYS_pidfd_send_signal, self.started[i],
			    i == KEEPMSG_LAUNCHER ? SIGTERM : SIGKILL, NULL, 0);
}

/* --- signals ------------------------------------------------------------ */

/* Whose descriptor it is, by proc(5); 0: of nobody who is there. */
static pid_t
pid_of(int pidfd)
{
	char path[64], text[1024], *at;
	ssize_t n = -1;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd != -1) {
		n = read(fd, text, sizeof(text) - 1);
		(void)close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, "\nPid:\t");
	if (at == NULL)
		return 0;
	n = strtol(at + 6, NULL, 10);
	return n > 0 ? (pid_t)n : 0;
}

/* Once it has ended its number may be that of another process. */
static bool
is_there(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return pidfd != -1 && poll(&p, 1, 0) == 0;
}

/* Launchers of the executors before, whose runs are this one's now. */
static void
take_adopted(void)
{
	for (size_t i = 0; i < KEEPMSG_ADOPTED; i++) {
		pid_t pid = self.plan->adopted[i];

		self.adopted[i] =
		    pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	}
}

static bool
is_adopted(pid_t pid)
{
	for (size_t i = 0; i < KEEPMSG_ADOPTED; i++)
		if (is_there(self.adopted[i]) &&
		    proctree_descends(pid, self.plan->adopted[i]))
			return true;
	return false;
}

/* What descends from the executor: never the executor, another service, us. */
static bool
is_ours(pid_t pid)
{
	return pid != getpid() && pid != self.executor &&
	       (proctree_descends(pid, self.executor) || is_adopted(pid));
}

/* By a descriptor, which no other process can come behind. */
static void
send_signal(void)
{
	int sig = self.order.sig;

	if (self.fds != 1 || (sig != SIGKILL && sig != SIGCONT) ||
	    !is_ours(pid_of(self.fd[0])))
		return;
	(void)syscall(SYS_pidfd_send_signal, self.fd[0], sig, NULL, 0);
}

/* A guard that waits in the kernel, for its run, cannot end that. */
static void
end_run(void)
{
	pid_t guard = self.fds == 1 ? pid_of(self.fd[0]) : 0;

	if (guard == 0 || !is_ours(guard))
		return;
	(void)proctree_kill_below(guard, SIGKILL, NULL, 0);
	(void)syscall(SYS_pidfd_send_signal, self.fd[0], SIGKILL, NULL, 0);
}

static void
end_strays(void)
{
	static pid_t spared[KEEPMSG_SPARED + 1];
	size_t n = self.order.count;

	if (n <= KEEPMSG_SPARED) {
		memcpy(spared, self.order.spared, n * sizeof(spared[0]));
		spared[n++] = getpid();
		(void)proctree_kill_below(self.executor, SIGKILL, spared, n);
	}
	send_answer(&(struct keepmsg_answer){ .kind = KEEPMSG_ENDED }, -1);
}

/* --- who is that? -------------------------------------------------------- */

/* One line of /proc/PID/NAME, "" if it cannot be read. */
static void
read_proc(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];
	ssize_t n = -1;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd != -1) {
		n = read(fd, out, size - 1);
		(void)close(fd);
	}
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

static void
tell_peer(void)
{
	struct keepmsg_answer a = { .kind = KEEPMSG_KNOWN,
		.pid = self.order.pid,
		.login = UINT32_MAX };
	char login[16];

	a.ours =
	    proctree_has_ancestor(a.pid, self.executor) || is_adopted(a.pid);
	read_proc(a.pid, "comm", a.name, sizeof(a.name));
	read_proc(a.pid, "loginuid", login, sizeof(login));
	if (login[0] != '\0')
		a.login = (uint32_t)strtoul(login, NULL, 10);
	send_answer(&a, -1);
}

/* --- orders --------------------------------------------------------------- */

static void
take_order(void)
{
	switch ((enum keepmsg_kind)self.order.kind) {
	case KEEPMSG_START:
		start_program();
		break;
	case KEEPMSG_SIGNAL:
		send_signal();
		break;
	case KEEPMSG_END_STRAYS:
		end_strays();
		break;
	case KEEPMSG_PEER:
		tell_peer();
		break;
	case KEEPMSG_END_RUN:
		end_run();
		break;
	case KEEPMSG_WATCH:
		stallwatch_begin();
		break;
	case KEEPMSG_READY:
	case KEEPMSG_STARTED:
	case KEEPMSG_KNOWN:
	case KEEPMSG_ENDED:
	default:
		log_err("an order of the executor's is of no known kind");
		break;
	}
}

/* false: the executor is gone. */
static bool
receive_order(void)
{
	const struct iovec part = { &self.order, sizeof(self.order) };
	ssize_t n;

	memset(&self.order, 0, offsetof(struct keepmsg_order, spared));
	n = fdpass_receive(
	    KEEPMSG_FD, &part, 1, self.fd, KEEPMSG_FDS, &self.fds, 0);
	if (n == -1 && errno == EINTR)
		return true;
	if (n == 0 || (n == -1 && errno != EMSGSIZE))
		return false;
	if (n != -1 &&
	    (size_t)n == offsetof(struct keepmsg_order, spared) +
			     self.order.count * sizeof(self.order.spared[0]))
		take_order();
	else
		log_err("an order of the executor's is refused: it is cut");
	while (self.fds > 0)
		(void)close(self.fd[--self.fds]);
	return true;
}

/* Its processes, and its guard says what became of it. */
static void
end_who_stalls(void)
{
	pid_t guard = stallwatch_look(self.executor);

	if (guard > 0 && is_ours(guard))
		(void)proctree_kill_below(guard, SIGKILL, NULL, 0);
}

int
keeper_serve(void)
{
	const struct keepmsg_answer ready = { .kind = KEEPMSG_READY };
	struct pollfd p[] = { { .fd = KEEPMSG_FD, .events = POLLIN },
		{ .events = POLLIN } };
	sigset_t all;
	size_t i;

	log_set_name("keeper");
	(void)prctl(PR_SET_NAME, "mcp-execd-keepr", 0, 0, 0);
	if (!read_plan()) {
		log_err(
		    "the plan of this mcp-execd is of another build: install both from one package, and restart mcp-execd");
		return 1;
	}
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	self.executor = getppid();
	self.loaders_end = -1;
	(void)fcntl(KEEPMSG_FACTS_FD, F_SETFD, FD_CLOEXEC);
	if (!stallwatch_open(KEEPMSG_STALL_FD)) {
		log_err("memory that is shared with the executor: %m");
		return 1;
	}
	for (i = 0; i < KEEPMSG_PROGRAMS; i++)
		self.started[i] = -1;
	take_adopted();
	/* Somebody else may hold the executor's end of the pair open. */
	p[1].fd = (int)syscall(SYS_pidfd_open, self.executor, 0);
	/* Then the executor, which needs it too, says so and ends. */
	if (p[1].fd == -1)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	send_answer(&ready, -1);
	do {
		(void)poll(p, 2, stallwatch_wait_ms());
		end_who_stalls();
	} while (p[1].revents == 0 && (p[0].revents == 0 || receive_order()));
	end_started();
	return 0;
}
