/* SPDX-License-Identifier: MIT */
/* keeper: start it, ask it.  Executor. */
#include "executor/power/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/caps.h"
#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/fdpass.h"
#include "common/log.h"
#include "common/sigreset.h"
#include "executor/launcher/proctree.h"
#include "executor/launcher/stallpage.h"
#include "executor/power/ownchild.h"

enum {
	PATIENCE_MS = 60000, /* for an answer; valgrind is slow */
	ENDING_MS = 10000, /* of what was killed: a disk may hold it up */
	CANNOT_EXECUTE = 127,
	HIGH_FD = 64
};

static struct {
	int pair; /* -1: there is none */
	pid_t pid;
	struct stallpage *stall; /* NULL: nobody watches */
} self = { .pair = -1 };

bool
keeper_is_open(void)
{
	return self.pair != -1;
}

int
keeper_fd(void)
{
	return self.pair;
}

pid_t
keeper_pid(void)
{
	return self.pid;
}

/* --- its plan ----------------------------------------------------------- */

void
keeper_add(struct keepmsg_plan *p, enum keepmsg_program program,
    const char *path, const char *const *words, size_t count)
{
	struct keepmsg_row *r = &p->row[program];

	if (count > KEEPMSG_WORDS)
		fatal("keeper: %zu words", count);
	(void)snprintf(r->path, sizeof(r->path), "%s", path);
	r->words = (uint32_t)count;
	for (size_t i = 0; i < count; i++)
		(void)snprintf(r->word[i], sizeof(r->word[i]), "%s", words[i]);
}

void
keeper_place(struct keepmsg_plan *p, enum keepmsg_program program,
    unsigned from, unsigned to)
{
	struct keepmsg_row *r = &p->row[program];

	if (r->places == KEEPMSG_PLACES || from >= KEEPMSG_FDS)
		fatal("keeper: descriptor %u to %u", from, to);
	r->place[r->places++] =
	    (struct keepmsg_place){ (uint8_t)from, (uint8_t)to };
	if (from >= r->fds && r->adds == KEEPMSG_NOTHING)
		r->fds = from + 1;
}

void
keeper_adds(struct keepmsg_plan *p, enum keepmsg_program program,
    enum keepmsg_adds adds)
{
	p->row[program].adds = (uint32_t)adds;
}

static int
seal_plan(struct keepmsg_plan *p, struct err *e)
{
	CLEANUP_FD int fd =
	    memfd_create("mcp-execd-keeper", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	p->format = KEEPMSG_FORMAT;
	p->size = sizeof(struct keepmsg_order);
	(void)snprintf(p->version, sizeof(p->version), "%s", MCP_EXECD_VERSION);
	if (fd == -1)
		return err_sys(e, "memfd_create");
	if (fdio_write_all(fd, p, sizeof(*p), e) != 0)
		return e->code;
	if (fcntl(fd, F_ADD_SEALS,
		F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == -1)
		return err_sys(e, "F_ADD_SEALS");
	return steal_fd(&fd);
}

/* The keeper's end of what is shared. */
static int
share_stallpage(struct err *e)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	CLEANUP_FD int fd =
	    memfd_create("mcp-execd-stall", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *p;

	if (fd == -1)
		return err_sys(e, "memfd_create");
	if (ftruncate(fd, sizeof(*self.stall)) == -1 ||
	    fcntl(fd, F_ADD_SEALS, seals) == -1)
		return err_sys(e, "memory that is shared with the keeper");
	p = mmap(NULL, sizeof(*self.stall), PROT_READ | PROT_WRITE, MAP_SHARED,
	    fd, 0);
	if (p == MAP_FAILED)
		return err_sys(e, "mmap");
	self.stall = p;
	return steal_fd(&fd);
}

static void
forget_stallpage(void)
{
	if (self.stall != NULL)
		(void)munmap(self.stall, sizeof(*self.stall));
	self.stall = NULL;
}

struct stallpage *
keeper_stallpage(void)
{
	return self.stall;
}

/* --- its start ----------------------------------------------------------- */

static _Noreturn void
exec_keeper(const char *path, int pair, int plan, int facts, int stall)
{
	char *argv[] = { (char *)(uintptr_t) "mcp-execd-keeper",
		(char *)(uintptr_t) "--keeper", NULL };
	char *envp[] = { NULL };
	int null = open("/dev/null", O_RDONLY);

	(void)sigreset_all();
	caps_keep_over_exec();
	pair = fcntl(pair, F_DUPFD, HIGH_FD);
	plan = fcntl(plan, F_DUPFD, HIGH_FD);
	facts = fcntl(facts, F_DUPFD, HIGH_FD);
	stall = fcntl(stall, F_DUPFD, HIGH_FD);
	if (null == -1) {
		log_err("keeper: it cannot be given /dev/null: %m");
		_exit(CANNOT_EXECUTE);
	}
	if (pair == -1 || plan == -1 || facts == -1 || stall == -1 ||
	    dup2(null, STDIN_FILENO) == -1 ||
	    dup2(STDERR_FILENO, STDOUT_FILENO) == -1 ||
	    dup2(pair, KEEPMSG_FD) == -1 || dup2(plan, KEEPMSG_PLAN_FD) == -1 ||
	    dup2(facts, KEEPMSG_FACTS_FD) == -1 ||
	    dup2(stall, KEEPMSG_STALL_FD) == -1) {
		log_err("keeper: it cannot be given descriptors: %m");
		_exit(CANNOT_EXECUTE);
	}
	(void)syscall(SYS_close_range, KEEPMSG_STALL_FD + 1, ~0U, 0);
	(void)execve(path, argv, envp);
	log_err("keeper: cannot execute %s: %m; check launcher.path", path);
	_exit(CANNOT_EXECUTE);
}

/* 0: it ended, or says what it may not. */
static bool
hear_answer(enum keepmsg_kind kind, struct keepmsg_answer *a, int *fd)
{
	struct pollfd p = { .fd = self.pair, .events = POLLIN };
	ssize_t n = -1;

	*fd = -1;
	while (poll(&p, 1, PATIENCE_MS) == -1 && errno == EINTR)
		;
	if (p.revents != 0)
		n = fdpass_receive_one(
		    self.pair, a, sizeof(*a), fd, MSG_DONTWAIT);
	if (n == (ssize_t)sizeof(*a) && a->kind == (uint32_t)kind)
		return true;
	cleanup_fd(fd);
	*fd = -1;
	return false;
}

/* Each process of ours is watched by one: without, nothing can be served. */
static int
try_pidfd(struct err *e)
{
	int fd = (int)syscall(SYS_pidfd_open, self.pid, 0);

	if (fd == -1) {
		(void)err_sys(e, "pidfd_open");
		(void)keeper_close();
		return e->code;
	}
	(void)close(fd);
	return 0;
}

int
keeper_open(const char *path, struct keepmsg_plan *p, int facts, struct err *e)
{
	CLEANUP_FD int plan = seal_plan(p, e);
	CLEANUP_FD int stall = plan < 0 ? plan : share_stallpage(e);
	struct keepmsg_answer a;
	int ends[2], none;

	if (stall < 0)
		return e->code;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == -1)
		return err_sys(e, "socketpair");
	self.pid = fork();
	if (self.pid == 0)
		exec_keeper(path, ends[1], plan, facts, stall);
	(void)close(ends[1]);
	self.pair = ends[0];
	if (self.pid == -1) {
		(void)err_sys(e, "cannot make the keeper's process");
		(void)keeper_close();
		return e->code;
	}
	ownchild_add(self.pid);
	if (hear_answer(KEEPMSG_READY, &a, &none))
		return try_pidfd(e);
	(void)keeper_close();
	return err_set(e, ERR_BAD,
	    "the launcher %s does not start as the keeper; see the line before, or run it with -V to see why",
	    path);
}

/*
 * A pidfd is readable once its process has ended.  Then it can be reaped, as
 * soon as a tracer, strace(1) say, has seen that.
 */
static bool
reap_child(pid_t pid, int pidfd, const char *what, int *status)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int r = 0;

	while (
	    pidfd != -1 && (r = poll(&p, 1, ENDING_MS)) == -1 && errno == EINTR)
		;
	*status = 0;
	ownchild_remove(pid);
	if (waitpid(pid, status, r == 1 ? 0 : WNOHANG) != 0)
		return true;
	log_err("keeper: %s, process %d, does not end: it is left alone", what,
	    (int)pid);
	return false;
}

int
keeper_close(void)
{
	CLEANUP_FD int pidfd = -1;
	int status = 0;

	if (self.pair != -1)
		(void)close(self.pair);
	self.pair = -1;
	forget_stallpage();
	if (self.pid > 0) {
		pidfd = (int)syscall(SYS_pidfd_open, self.pid, 0);
		(void)reap_child(self.pid, pidfd, "the keeper", &status);
	}
	self.pid = 0;
	return status;
}

void
keeper_leave(void)
{
	self.pair = -1;
	self.pid = 0;
	self.stall = NULL;
}

/* --- orders ---------------------------------------------------------------- */

static int
send_order(
    const struct keepmsg_order *o, const int *fds, size_t count, struct err *e)
{
	const struct iovec part = { (void *)(uintptr_t)o,
		offsetof(struct keepmsg_order, spared) +
		    o->count * sizeof(o->spared[0]) };

	if (fdpass_tell(self.pair, &part, 1, fds, count) == 0)
		return 0;
	return err_sys(e, "the keeper does not take an order");
}

pid_t
keeper_run(enum keepmsg_program program, const int *fds, size_t count,
    int *pidfd, struct err *e)
{
	struct keepmsg_order o = { .kind = KEEPMSG_START };
	struct keepmsg_answer a;

	o.program = (uint32_t)program;
	if (send_order(&o, fds, count, e) != 0)
		return e->code;
	if (!hear_answer(KEEPMSG_STARTED, &a, pidfd))
		return err_set(e, ERR_SYS, "the keeper does not answer");
	if (a.error == 0 && a.pid > 0 && *pidfd != -1) {
		ownchild_add(a.pid);
		return a.pid;
	}
	cleanup_fd(pidfd);
	*pidfd = -1;
	errno = a.error != 0 ? a.error : EBADMSG;
	return err_sys(e, "the keeper cannot start a program");
}

static void
send_signal(enum keepmsg_kind kind, int pidfd, int sig)
{
	struct keepmsg_order o = { .kind = (uint32_t)kind, .sig = sig };
	struct err e;

	if (pidfd == -1)
		return;
	if (self.pair == -1)
		(void)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
	else if (send_order(&o, &pidfd, 1, &e) != 0)
		log_debug("keeper: %s", e.what); /* it is gone: main.c stops */
}

void
keeper_signal(int pidfd, int sig)
{
	send_signal(KEEPMSG_SIGNAL, pidfd, sig);
}

void
keeper_end_run(int guard)
{
	send_signal(KEEPMSG_END_RUN, guard, SIGKILL);
}

bool
keeper_end(pid_t pid, int pidfd, const char *what, int *status)
{
	/* its number is its own until it is reaped */
	CLEANUP_FD int own =
	    pidfd == -1 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

	if (pidfd == -1)
		pidfd = own;
	keeper_signal(pidfd, SIGKILL);
	return reap_child(pid, pidfd, what, status);
}

void
keeper_end_strays(const pid_t *spared, size_t count)
{
	static struct keepmsg_order o;
	struct keepmsg_answer a;
	struct err e;
	int none;

	if (self.pair == -1 || count > KEEPMSG_SPARED) {
		(void)proctree_kill(SIGKILL, spared, count);
		return;
	}
	o.kind = KEEPMSG_END_STRAYS;
	o.count = (uint32_t)count;
	memcpy(o.spared, spared, count * sizeof(o.spared[0]));
	/* it may be gone: main.c stops then */
	if (send_order(&o, NULL, 0, &e) != 0)
		log_debug("keeper: %s", e.what);
	else if (!hear_answer(KEEPMSG_ENDED, &a, &none))
		log_debug("keeper: it does not say that strays are ended");
}

void
keeper_watch(void)
{
	static const struct keepmsg_order o = { .kind = KEEPMSG_WATCH };
	struct err e;

	if (self.pair != -1 && send_order(&o, NULL, 0, &e) != 0)
		log_debug("keeper: %s", e.what);
}

bool
keeper_ask_peer(pid_t pid, bool *ours, char name[16], uint32_t *login)
{
	struct keepmsg_order o = { .kind = KEEPMSG_PEER };
	struct keepmsg_answer a;
	struct err e;
	int none;

	o.pid = pid;
	if (self.pair == -1 || send_order(&o, NULL, 0, &e) != 0 ||
	    !hear_answer(KEEPMSG_KNOWN, &a, &none))
		return false;
	*ours = a.ours != 0;
	*login = a.login;
	(void)snprintf(name, 16, "%.15s", a.name);
	return true;
}
