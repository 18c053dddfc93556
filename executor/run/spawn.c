/* SPDX-License-Identifier: MIT */
/* spawn: pipes and the fork of a guard.  Executor. */
#include "executor/run/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fdio.h"
#include "executor/launcher/filehash.h"

/* Both ends of one channel of the run. */
struct ends {
	int ours, theirs;
};

static void
ends_fini(struct ends *p)
{
	cleanup_fd(&p->ours);
	cleanup_fd(&p->theirs);
}

#define CLEANUP_ENDS __attribute__((cleanup(ends_fini)))

/*
 * A pipe that the run writes to (or, with `input`, reads from).  It may also
 * open it once more in its own direction, as "> /dev/stderr" does, whatever
 * its uid; only who may trace the run finds the pipe at all (/proc/PID/fd).
 */
static int
make_pipe(struct ends *p, bool input, struct err *e)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC) == -1)
		return err_sys(e, "pipe");
	p->ours = fd[input ? 1 : 0];
	p->theirs = fd[input ? 0 : 1];
	if (fchmod(p->theirs, input ? 0444 : 0222) == -1)
		return err_sys(e, "fchmod of a pipe");
	return fdio_set_nonblock(p->ours, e);
}

static int
make_input(struct ends *p, bool wanted, struct err *e)
{
	if (wanted)
		return make_pipe(p, true, e);
	p->theirs = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return p->theirs == -1 ? err_sys(e, "/dev/null") : 0;
}

/*
 * Standard error: a pipe of its own, or that of standard output (`shared`),
 * which alone keeps the order in which the two were written.
 */
static int
make_errors(struct ends *p, int shared, struct err *e)
{
	if (shared == -1)
		return make_pipe(p, false, e);
	p->theirs = fcntl(shared, F_DUPFD_CLOEXEC, 0);
	return p->theirs == -1 ? err_sys(e, "standard error") : 0;
}

static int
make_control(struct ends *p, struct err *e)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) == -1)
		return err_sys(e, "socketpair");
	p->ours = fd[0];
	p->theirs = fd[1];
	return fdio_set_nonblock(p->ours, e);
}

/*
 * With a pidfd; where that is not available (valgrind has neither call), fork
 * and pidfd_open(2): the guard is our child and not reaped in between, so its
 * id cannot be reused.
 */
static pid_t
fork_guard(uint64_t namespaces, int *pidfd)
{
	pid_t pid = confine_clone(namespaces, pidfd);

	if (pid != -1 || namespaces != 0)
		return pid;
	pid = fork();
	if (pid > 0) {
		*pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (*pidfd == -1) {
			(void)kill(pid, SIGKILL);
			(void)waitpid(pid, NULL, 0);
			return -1;
		}
	}
	return pid;
}

/*
 * In the run's control group from its first moment, which only clone3(2) can;
 * where a filter hides that, the command alone enters it.
 */
static pid_t
fork_into(uint64_t namespaces, int group, bool *grouped, int *pidfd)
{
	struct clone_args args = {
		.flags = namespaces | CLONE_PIDFD | (uint64_t)CLONE_INTO_CGROUP,
		.pidfd = (uint64_t)(uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
	};
	pid_t pid;

	*grouped = group != -1;
	if (group != -1) {
		args.cgroup = (unsigned)group;
		pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
		if (pid != -1 || errno != ENOSYS)
			return pid;
		*grouped = false;
	}
	return fork_guard(namespaces, pidfd);
}

int
spawn_run(const struct plan *plan, struct spawned *out, struct err *e)
{
	CLEANUP_ENDS struct ends in = { -1, -1 };
	CLEANUP_ENDS struct ends o = { -1, -1 };
	CLEANUP_ENDS struct ends err = { -1, -1 };
	CLEANUP_ENDS struct ends ctl = { -1, -1 };
	struct confine *confine = &plan->policy->confine;
	CLEANUP_FD int net = -1;
	int pidfd = -1;
	bool grouped;
	pid_t pid;

	if (make_input(&in, plan->has_input, e) != 0 ||
	    make_pipe(&o, false, e) != 0 ||
	    make_errors(&err, plan->one_stream ? o.theirs : -1, e) != 0 ||
	    make_control(&ctl, e) != 0)
		return e->code;
	filehash_prepare();
	net = confine_take_network(confine);
	pid = fork_into(confine_clone_flags(confine, net), plan->cgroup_fd,
	    &grouped, &pidfd);
	if (pid == -1)
		return err_sys(e, "cannot make a process");
	if (pid == 0)
		guard_main(plan, grouped, net, ctl.theirs, in.theirs, o.theirs,
		    err.theirs);
	if (net == -1)
		net = confine_find_network(confine, pid);
	*out = (struct spawned){
		.guard = pid,
		.pidfd = pidfd,
		.ctl = steal_fd(&ctl.ours),
		.in = steal_fd(&in.ours),
		.out = steal_fd(&o.ours),
		.err = steal_fd(&err.ours),
		.net = steal_fd(&net),
	};
	return 0;
}

int
spawn_why(const struct plan *plan, const struct guard_report *r, struct err *e)
{
	if (strcmp(r->step, CHILD_STEP_DIRECTORY) == 0)
		return plan_refuse_directory(plan, r->sysno, e);
	if (strcmp(r->step, CONFINE_STEP_PLACES) == 0)
		return err_set(e, ERR_DENIED,
		    "the command was not started: %s is %s than when policy %s was loaded; an administrator can put it back, or reload if it is as it should be",
		    r->path,
		    r->sysno == ESTALE ? "another one" : "not there, other",
		    plan->policy->name);
	if (strcmp(r->step, "execve") != 0)
		return err_set(e, ERR_DENIED,
		    "the command was not started: %s%s%s: %s", r->step,
		    r->path != NULL ? " " : "", r->path != NULL ? r->path : "",
		    strerror(r->sysno));
	if (r->sysno == ENOENT)
		return err_set(
		    e, ERR_BAD, "command not found: %s", plan->argv[0]);
	return err_set(e, ERR_BAD, "cannot execute %s: %s", plan->argv[0],
	    strerror(r->sysno));
}

void
spawn_over(struct spawned *sp, struct policy *p, bool clean)
{
	if (sp->net != -1 && clean)
		confine_keep_network(&p->confine, steal_fd(&sp->net));
	cleanup_fd(&sp->net);
}
