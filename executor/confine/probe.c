/* SPDX-License-Identifier: MIT */
/* probe: try the layers in children.  Executor and mcp-execctl, at load. */
#include "executor/confine/probe.h"

#include <errno.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/caps.h"
#include "common/filter.h"
#include "common/landlock.h"
#include "executor/confine/confine.h"
#include "executor/audit/loginuid.h"

/* Enter a plan's layers in a child; 0, or the step that failed in *f. */
static int
try_layers(const struct confine *c, struct confine_failure *f)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	int report[2], status, ruleset;
	uid_t uid = getuid(); /* a new user namespace knows no ids yet */
	gid_t gid = getgid();
	pid_t pid;

	args.flags = confine_clone_flags(c, -1);
	*f = (struct confine_failure){ "namespaces", NULL, 0 };
	if (pipe(report) == -1)
		return -errno;
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		if (confine_enter(c, -1, uid, gid, &ruleset, f) != 0)
			(void)!write(report[1], f, sizeof(*f));
		_exit(f->sysno != 0 ? 1 : 0);
	}
	f->sysno = pid == -1 ? errno : 0;
	(void)close(report[1]);
	if (pid != -1) {
		if (read(report[0], f, sizeof(*f)) != (ssize_t)sizeof(*f))
			f->sysno = 0;
		(void)waitpid(pid, &status, 0);
	}
	(void)close(report[0]);
	return -f->sysno;
}

/* A small root with what every run has: a bind, a tmpfs and its own proc. */
static int
try_namespaces(unsigned layers, struct probe *p)
{
	static struct confine c;
	struct confine_failure f;
	struct err e = { 0 };
	int r = -EINVAL;

	confine_init(&c);
	c.layers = layers;
	c.network = CONFINE_LOOPBACK;
	if (mounts_add(&c.mounts, MOUNTS_READ, "/usr", false, &e) == 0 &&
	    mounts_add(&c.mounts, MOUNTS_TMPFS, "/tmp", false, &e) == 0 &&
	    mounts_add(&c.mounts, MOUNTS_PROC, "/proc", false, &e) == 0 &&
	    mounts_done(&c.mounts, &e) == 0) {
		r = try_layers(&c, &f);
		if (r != 0)
			(void)snprintf(p->why, sizeof(p->why), "%s: %s", f.step,
			    strerror(f.sysno));
	}
	confine_fini(&c);
	if (r == 0) {
		p->namespaces = layers;
		p->why[0] = '\0';
	}
	return r;
}

/*
 * seccomp_unotify(2), and pidfd_getfd(2) to take the listener over.  An outer
 * filter may have the one listener that there can be.
 */
static bool
try_listener(void)
{
	static struct sock_filter allow[] = {
		{ .code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW },
	};
	struct filter f = { .prog = { 1, allow } };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		_exit(filter_load_listener(&f) < 0 ? 1 : 0);
	}
	if (pid == -1 || waitpid(pid, &status, 0) != pid || status != 0)
		return false;
	return syscall(SYS_pidfd_getfd, -1, 0, 0) == -1 && errno == EBADF;
}

/* An outer filter or Yama (ptrace_scope 3) may have none of it. */
static bool
try_tracer(void)
{
	pid_t pid = fork();
	bool held;

	if (pid == 0)
		for (;;)
			(void)pause();
	if (pid == -1)
		return false;
	held = ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACEEXEC) == 0;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, __WALL);
	return held;
}

static enum probe_loginuid
try_loginuid(void)
{
	int status;
	pid_t pid;

	if (access("/proc/self/loginuid", F_OK) == -1)
		return PROBE_NO_LOGINUIDS;
	pid = fork();
	if (pid == 0)
		_exit(loginuid_set(LOGINUID_FIRST) == 0 ? 0 : 1);
	if (pid == -1 || waitpid(pid, &status, 0) != pid || status != 0)
		return PROBE_LOGINUID_FIXED;
	return PROBE_LOGINUID;
}

const struct probe *
probe_get(void)
{
	const unsigned all =
	    CONFINE_MOUNTS | CONFINE_PIDS | CONFINE_IPC | CONFINE_NET;
	static struct probe p;
	static bool done;

	if (done)
		return &p;
	done = true;
	p.privileged = caps_can_change_ids();
	p.listener = try_listener();
	p.tracer = try_tracer();
	p.landlock_abi = landlock_abi();
	p.loginuid = try_loginuid();
	if (try_namespaces(p.privileged ? all : all | CONFINE_USER, &p) != 0)
		p.namespaces = 0;
	return &p;
}
