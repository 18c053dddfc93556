/* SPDX-License-Identifier: MIT */
/* launch: start the launcher, tell it plans and runs, hear what came of it. */
#include "executor/run/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/caps.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/digest.h"
#include "common/fdio.h"
#include "common/fdpass.h"
#include "common/log.h"
#include "common/sigreset.h"
#include "executor/launcher/launchmsg.h"
#include "executor/power/keeper.h"
#include "executor/run/lateword.h"
#include "executor/run/launchblob.h"
#include "executor/run/plansend.h"

enum {
	HELLO_PATIENCE_MS = 60000, /* valgrind is slow */
	PAIR_BYTES = 1 << 20, /* asked for; the kernel has its maximum */
	ASKED_MAX = 128, /* runs without an answer */
	ASKED_HEAD = 2048, /* bytes of a message that its socket counts too */
	CANNOT_EXECUTE = 127,
	HIGH_FD = 64
};

static struct {
	int pair; /* -1: no launcher */
	pid_t pid;
	int pidfd;
	uint64_t count; /* of launchers so far; the number of this one */
	size_t most; /* bytes that may wait in the pair */
	size_t waiting; /* that do */
	/* of each run without an answer, in the order of the answers */
	size_t cost[ASKED_MAX];
	size_t first, asked;
	unsigned kept;
	bool loading; /* plans are on their way */
	bool missed; /* one was not there */
	pid_t failed; /* the last one that did not start; 0: none */
	int failed_status;
} self = { .pair = -1, .pidfd = -1 };

bool
launch_is_open(void)
{
	return self.pair != -1;
}

int
launch_fd(void)
{
	return self.pair;
}

pid_t
launch_pid(void)
{
	return self.pid;
}

void
launch_keep_for_runs(unsigned kept)
{
	self.kept = kept;
}

/* --- its start -------------------------------------------------------- */

static _Noreturn void
exec_launcher(const char *path, int pair)
{
	char *argv[] = { (char *)(uintptr_t) "mcp-execd-launcher",
		(char *)(uintptr_t) "--plans", NULL };
	char *envp[] = { NULL };
	int null = open("/dev/null", O_RDONLY);

	(void)sigreset_all();
	caps_keep_over_exec();
	pair = fcntl(pair, F_DUPFD, HIGH_FD);
	if (null == -1) {
		log_err("launch: the launcher cannot be given /dev/null: %m");
		_exit(CANNOT_EXECUTE);
	}
	if (pair == -1 || dup2(null, STDIN_FILENO) == -1 ||
	    dup2(STDERR_FILENO, STDOUT_FILENO) == -1 ||
	    dup2(pair, LAUNCHMSG_FD) == -1) {
		log_err("launch: descriptors: %m");
		_exit(CANNOT_EXECUTE);
	}
	(void)syscall(SYS_close_range, LAUNCHMSG_FD + 1, ~0U, 0);
	(void)execve(path, argv, envp);
	log_err("launch: cannot execute %s: %m", path);
	_exit(CANNOT_EXECUTE);
}

/* The first thing that it says: is it of this build? */
static int
hear_hello(const char *path, struct err *e)
{
	struct launchmsg_answer a = { 0 }, want;

	if (!fdio_await(self.pair, HELLO_PATIENCE_MS))
		return err_set(
		    e, ERR_BUSY, "the launcher %s does not answer", path);
	if (recv(self.pair, &a, sizeof(a), MSG_DONTWAIT) != (ssize_t)sizeof(a))
		return err_set(e, ERR_BAD,
		    "the launcher %s does not start; run it with -V to see why",
		    path);
	launchmsg_hello(&want);
	if (memcmp(&a, &want, sizeof(a)) != 0)
		return err_set(e, ERR_BAD,
		    "the launcher %s is of another build than this mcp-execd: install both from one package, and restart mcp-execd",
		    path);
	return 0;
}

static void
use_pair(int pair)
{
	int bytes = PAIR_BYTES;
	socklen_t len = sizeof(bytes);

	(void)setsockopt(pair, SOL_SOCKET, SO_SNDBUF, &bytes, len);
	if (getsockopt(pair, SOL_SOCKET, SO_SNDBUF, &bytes, &len) == -1)
		bytes = 4 * LAUNCHMSG_INLINE;
	self.pair = pair;
	self.most = (size_t)bytes / 4 * 3;
	self.waiting = self.first = self.asked = 0;
	self.count++;
}

/* By the keeper, or, in mcp-execctl, as a child. */
static pid_t
run_launcher(const char *path, int pair, struct err *e)
{
	pid_t pid;

	if (keeper_is_open())
		return keeper_run(KEEPMSG_LAUNCHER, &pair, 1, &self.pidfd, e);
	pid = fork();
	if (pid == 0)
		exec_launcher(path, pair);
	if (pid == -1)
		return err_sys(e, "fork");
	self.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	return pid;
}

int
launch_open(const char *path, struct err *e)
{
	int ends[2];
	pid_t pid;

	(void)launch_close();
	self.failed = 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == -1)
		return err_sys(e, "socketpair");
	pid = run_launcher(path, ends[1], e);
	(void)close(ends[1]);
	if (pid < 0) {
		(void)close(ends[0]);
		return err_wrap(e, "cannot make the launcher's process");
	}
	self.pid = pid;
	use_pair(ends[0]);
	if (hear_hello(path, e) == 0)
		return 0;
	self.failed_status = launch_close();
	self.failed = pid;
	return e->code;
}

pid_t
launch_failed(int *status)
{
	*status = self.failed_status;
	return self.failed;
}

/* It ends by itself, once its guards have; if it does not read, by us. */
void
launch_leave(void)
{
	if (self.pair != -1)
		lateword_last(self.pair);
	cleanup_fd(&self.pair);
	cleanup_fd(&self.pidfd);
	self.pair = self.pidfd = -1;
	self.pid = 0;
}

int
launch_close(void)
{
	int status = 0;

	if (self.pair != -1) {
		lateword_forget(self.pair);
		(void)close(self.pair);
	}
	self.pair = -1;
	if (self.pid > 0)
		(void)keeper_end(self.pid, self.pidfd, "the launcher", &status);
	cleanup_fd(&self.pidfd);
	self.pidfd = -1;
	self.pid = 0;
	return status;
}

/* --- messages --------------------------------------------------------- */

/* Nobody says it again: it waits for a launcher that does not read. */
static void
send_word(const struct launchmsg_order *o)
{
	if (self.pair != -1)
		lateword_send(self.pair, o, sizeof(*o));
}

/* Nobody has the policy any more. */
static void
forget_plan(const struct policy *p)
{
	struct launchmsg_order o = { .kind = LAUNCHMSG_DROP };

	memcpy(o.plan, p->launch_digest, sizeof(o.plan));
	if (p->launcher == self.count)
		send_word(&o);
}

/*
 * Unless this launcher has it.  Where the loader gives plans we only say which
 * one it is, named by the same files: what it did not give is not there.
 */
static int
give_plan(struct policy *p, struct err *e)
{
	if (p->launcher == self.count)
		return 0;
	if (self.loading)
		return err_set(e, ERR_EOF, "plans are being loaded");
	if (keeper_is_open()) {
		if (plansend_name(p, self.kept, e) != 0)
			return e->code;
		p->launcher = self.count;
		return 0;
	}
	if (plansend_plan(self.pair, p, self.kept, e) != 0)
		return e->code;
	p->launcher = self.count;
	p->forget = forget_plan;
	return 0;
}

void
launch_hold(bool loading)
{
	self.loading = loading;
}

void
launch_retire(void)
{
	send_word(&(struct launchmsg_order){
	    .kind = LAUNCHMSG_RETIRE, .run = clock_mono_ns() });
}

bool
launch_missed_plan(void)
{
	bool missed = self.missed;

	self.missed = false;
	return missed;
}

/* --- runs ------------------------------------------------------------- */

bool
launch_has_room(void)
{
	return self.asked < ASKED_MAX &&
	       self.waiting + ASKED_HEAD + LAUNCHMSG_INLINE <= self.most;
}

static void
note_asked(size_t bytes)
{
	self.cost[(self.first + self.asked++) % ASKED_MAX] = bytes;
	self.waiting += bytes;
}

static void
note_answered(void)
{
	if (self.asked == 0)
		return;
	self.waiting -= self.cost[self.first];
	self.first = (self.first + 1) % ASKED_MAX;
	self.asked--;
}

/* Policies that differ in name alone are one plan: each has its own guards. */
static void
name_caller(const struct plan *plan, uint8_t out[DIGEST_BYTES])
{
	const char *policy = plan->policy->name;
	struct digest d;

	digest_init(&d);
	digest_update(&d, bytes_make(plan->verifier, sizeof(plan->verifier)));
	digest_update(&d, bytes_make(policy, strlen(policy)));
	digest_final(&d, out);
}

static int
send_run(const struct plan *plan, uint64_t run, struct bytes blob, int *fds,
    size_t count, struct err *e)
{
	struct launchmsg_order o = {
		.kind = LAUNCHMSG_RUN, .run = run, .size = (uint32_t)blob.len
	};
	CLEANUP_FD int file = -1;

	if (fds[RUN_MORE] != -1)
		o.flags |= LAUNCHMSG_INPUT;
	else
		count = RUN_MORE;
	if (plan->cgroup_fd != -1) {
		o.flags |= LAUNCHMSG_GROUP;
		fds[count++] = plan->cgroup_fd;
	}
	if (blob.len > LAUNCHMSG_INLINE) {
		file = plansend_seal(blob, e);
		if (file < 0)
			return e->code;
		o.flags |= LAUNCHMSG_FILE;
		fds[count++] = file;
		blob = bytes_make(NULL, 0);
	}
	memcpy(o.plan,
	    keeper_is_open() ? plan->policy->plan_name
			     : plan->policy->launch_digest,
	    sizeof(o.plan));
	name_caller(plan, o.caller);
	if (plansend_order(self.pair, &o, blob, fds, count, e) != 0)
		return e->code;
	note_asked(ASKED_HEAD + blob.len);
	return 0;
}

int
launch_run(const struct plan *plan, uint64_t run, const struct launch_fds *f,
    struct err *e)
{
	int fds[RUN_MORE + 3] = { f->ctl, f->out, f->err, f->in };
	CLEANUP_BUF struct buf blob = { 0 };

	if (self.pair == -1)
		return err_set(e, ERR_BUSY,
		    "the launcher of commands is being replaced; try again");
	if (give_plan(plan->policy, e) != 0)
		return e->code;
	buf_init(&blob, LAUNCHPLAN_MAX_BYTES);
	if (launchblob_order(plan, &blob, e) != 0)
		return e->code;
	return send_run(plan, run, buf_bytes(&blob), fds, RUN_MORE + 1, e);
}

/* One that is lost is only looked at again. */
void
launch_remember(
    const struct filehash_version *v, const uint8_t sum[DIGEST_BYTES])
{
	struct launchmsg_order o = { .kind = LAUNCHMSG_REMEMBER,
		.version = *v };
	struct err e;

	memcpy(o.sum, sum, sizeof(o.sum));
	if (self.pair != -1 && plansend_order(self.pair, &o,
				   bytes_make(NULL, 0), NULL, 0, &e) != 0)
		log_debug("launch: %s", e.what);
}

int
launch_keep(
    uint64_t run, uint32_t has, const int *fds, size_t count, struct err *e)
{
	const struct launchmsg_order o = {
		.kind = LAUNCHMSG_HOLD, .run = run, .flags = has
	};

	if (self.pair == -1)
		return err_set(
		    e, ERR_BUSY, "the launcher of commands is being replaced");
	return lateword_give(self.pair, &o, sizeof(o), fds, count, e);
}

void
launch_hold_eof(uint64_t run)
{
	send_word(
	    &(struct launchmsg_order){ .kind = LAUNCHMSG_EOF, .run = run });
}

void
launch_release(uint64_t run)
{
	send_word(
	    &(struct launchmsg_order){ .kind = LAUNCHMSG_RELEASE, .run = run });
}

/* --- answers ---------------------------------------------------------- */

static bool
take_answer(const struct launchmsg_answer *a, struct launch_event *out)
{
	*out = (struct launch_event){
		.run = a->run, .pid = a->pid, .value = a->value, .pidfd = -1
	};
	switch ((enum launchmsg_kind)a->kind) {
	case LAUNCHMSG_STARTED:
		note_answered();
		out->what = LAUNCH_STARTED;
		return true;
	case LAUNCHMSG_NOT_STARTED:
		note_answered();
		out->what = LAUNCH_NOT_STARTED;
		self.missed |= a->value == ESTALE;
		return true;
	case LAUNCHMSG_ENDED:
		out->what = LAUNCH_ENDED;
		return true;
	case LAUNCHMSG_PLAN:
	case LAUNCHMSG_HELD:
	case LAUNCHMSG_DROP:
	case LAUNCHMSG_RUN:
	case LAUNCHMSG_REMEMBER:
	case LAUNCHMSG_RETIRE:
	case LAUNCHMSG_BEGIN:
	case LAUNCHMSG_COMMIT:
	case LAUNCHMSG_HOLD:
	case LAUNCHMSG_EOF:
	case LAUNCHMSG_RELEASE:
	case LAUNCHMSG_HELLO:
	case LAUNCHMSG_LOADED:
		break;
	}
	return false;
}

int
launch_next(struct launch_event *out)
{
	struct launchmsg_answer a;
	ssize_t n;
	int fd;

	if (self.pair == -1)
		return -1;
	n = fdpass_receive_one(self.pair, &a, sizeof(a), &fd, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n != (ssize_t)sizeof(a) || !take_answer(&a, out)) {
		cleanup_fd(&fd);
		if (n > 0 || (n == -1 && errno == EMSGSIZE))
			log_err("launch: the launcher says what it may not");
		return -1;
	}
	out->pidfd = fd;
	return 1;
}

const char *
launch_beside(void)
{
	static const char name[] = "/mcp-execd-launcher";
	static char path[PATH_MAX + sizeof(name)];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	memcpy(slash != NULL ? slash : path, name, sizeof(name));
	return path;
}
