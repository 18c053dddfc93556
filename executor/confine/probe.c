/* SPDX-License-Identifier: MIT */
/* probe: try the layers in children.  Executor and mcp-execctl, at load. */
#include "executor/confine/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/caps.h"
#include "common/filter.h"
#include "common/landlock.h"
#include "executor/confine/confine.h"
#include "executor/confine/withheld.h"
#include "executor/launcher/execlog.h"
#include "executor/audit/loginuid.h"

static struct {
	struct probe_found found;
	bool done;
	pid_t trying; /* probe_begin's child; 0: there is none */
	int pipe; /* and what it tells by */
} self;

static unsigned
row_of(unsigned layer)
{
	unsigned i = 0;

	while (i < CONFINE_LAYERS - 1 && layer >> i != 1)
		i++;
	return i;
}

static void PRINTF_LIKE(2, 3) lacks(unsigned layer, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(self.found.why[row_of(layer)], PROBE_MAX_WHY, fmt, ap);
	va_end(ap);
}

/* In a child of its own: 0, or what it says went wrong. */
static int
in_child(int (*try)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(-try());
	if (pid == -1 || waitpid(pid, &status, 0) != pid)
		return -EAGAIN;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EPERM;
}

/* --- namespaces ------------------------------------------------------- */

/* Enter a plan's layers in a child; 0, or the step that failed in *f. */
static int
try_layers(const struct confine *c, struct confine_failure *f)
{
	int report[2], status, ruleset;
	uid_t uid = getuid(); /* a new user namespace knows no ids yet */
	gid_t gid = getgid();
	pid_t pid;

	*f = (struct confine_failure){ "clone", NULL, 0 };
	if (pipe(report) == -1)
		return -errno;
	pid = confine_clone(confine_clone_flags(c, -1), NULL);
	if (pid == 0) {
		if (confine_enter(c, -1, NULL, uid, gid, &ruleset, f) != 0)
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
plan_root(struct mounts *m)
{
	struct err e = { 0 };

	if (mounts_add(m, MOUNTS_READ, "/usr", false, &e) != 0 ||
	    mounts_add(m, MOUNTS_TMPFS, "/tmp", false, &e) != 0 ||
	    mounts_add(m, MOUNTS_PROC, "/proc", false, &e) != 0)
		return -1;
	return mounts_done(m, &e);
}

/* Together, or false and why the layer `added` is what fails. */
static bool
try_namespaces(unsigned layers, unsigned added)
{
	static struct confine c;
	struct confine_failure f = { "its plan", NULL, EINVAL };
	int r = -EINVAL;

	confine_init(&c);
	c.layers = layers;
	c.network = CONFINE_LOOPBACK;
	if ((layers & CONFINE_MOUNTS) == 0 || plan_root(&c.mounts) == 0)
		r = try_layers(&c, &f);
	confine_fini(&c);
	if (r != 0 && added == CONFINE_USER && f.sysno == ENOSPC)
		lacks(added,
		    "this machine allows none, or no more: sysctl user.max_user_namespaces");
	else if (r != 0 && added != 0)
		lacks(added, "%s: %s", f.step, strerror(f.sysno));
	return r == 0;
}

static const unsigned spaces[] = { CONFINE_PIDS, CONFINE_IPC, CONFINE_NET,
	CONFINE_MOUNTS };

enum { SPACES = sizeof(spaces) / sizeof(spaces[0]) };

/* One after the other, as one that is missing must not cost the others. */
static unsigned
add_namespaces(unsigned have)
{
	unsigned user = have;
	size_t i;

	for (i = 0; i < SPACES; i++)
		if (spaces[i] == CONFINE_MOUNTS && (have & CONFINE_PIDS) == 0)
			lacks(CONFINE_MOUNTS,
			    "it needs the layer pids, which is missing (%s)",
			    self.found.why[row_of(CONFINE_PIDS)]);
		else if (try_namespaces(have | spaces[i], spaces[i]))
			have |= spaces[i];
	return have == user ? 0 : have;
}

static unsigned
find_namespaces(bool privileged)
{
	unsigned user = privileged ? 0 : CONFINE_USER, all = user;
	size_t i;

	for (i = 0; i < SPACES; i++)
		all |= spaces[i];
	if (try_namespaces(all, 0))
		return all;
	if (user == 0 || try_namespaces(user, user))
		return add_namespaces(user);
	for (i = 0; i < SPACES; i++)
		lacks(spaces[i],
		    "it needs the layer user, which is missing (%s)",
		    self.found.why[row_of(CONFINE_USER)]);
	return 0;
}

/* --- Landlock and seccomp --------------------------------------------- */

/* Made and put on, as a run does: a filter may refuse either. */
static int
try_landlock(void)
{
	struct landlock_set set;
	int r;

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	r = landlock_open(&self.found.probe.landlock,
	    LANDLOCK_BIND_TCP | LANDLOCK_CONNECT_TCP,
	    LANDLOCK_SCOPE_ABSTRACT | LANDLOCK_SCOPE_SIGNAL, &set);
	return r != 0 ? r : landlock_restrict(set.fd);
}

/* Not built, switched off, forbidden: each is put right in another place. */
static void
lacks_landlock(int error)
{
	if (error == ENOSYS)
		lacks(CONFINE_LANDLOCK,
		    "this kernel has none, or a container's filter hides it");
	else if (error == EOPNOTSUPP)
		lacks(CONFINE_LANDLOCK,
		    "it is switched off at boot: add landlock to the list of the kernel's boot option lsm=");
	else if (error != 0)
		lacks(CONFINE_LANDLOCK,
		    "this kernel cannot be asked for it: %s", strerror(error));
	else
		lacks(CONFINE_LANDLOCK,
		    "this kernel has none that is of use: it refuses rights of the first ABI");
}

static void
find_landlock(void)
{
	int r;

	landlock_probe(&self.found.probe.landlock);
	if (self.found.probe.landlock.abi == 0) {
		lacks_landlock(self.found.probe.landlock.error);
		return;
	}
	r = in_child(try_landlock);
	if (r == 0)
		self.found.probe.layers |= CONFINE_LANDLOCK;
	else
		lacks(
		    CONFINE_LANDLOCK, "it cannot be put on: %s", strerror(-r));
	if (r != 0)
		self.found.probe.landlock = (struct landlock_support){ 0 };
}

static struct filter
allow_all(void)
{
	static struct sock_filter allow[] = {
		{ .code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW },
	};

	return (struct filter){ .prog = { 1, allow } };
}

static int
try_seccomp(void)
{
	struct filter f = allow_all();

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return filter_load(&f);
}

static void
find_seccomp(void)
{
	int r = in_child(try_seccomp);

	if (r == 0)
		self.found.probe.layers |= CONFINE_SECCOMP;
	else
		lacks(CONFINE_SECCOMP, "a filter cannot be loaded: %s",
		    strerror(-r));
}

/* seccomp_unotify(2): an outer filter may have the one listener. */
static int
try_listener(void)
{
	struct filter f = allow_all();
	int fd;

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	fd = filter_load_listener(&f);
	return fd < 0 ? fd : 0;
}

/* --- what a guard does to its command --------------------------------- */

/*
 * As a command before its first program: of another user, if that is what
 * commands are.  It says that it is there, and waits until nobody holds the
 * other end: a parent that is killed meanwhile leaves nothing behind.
 */
static _Noreturn void
wait_as_command(int pair)
{
	char byte = 0;

	if (self.found.probe.privileged)
		(void)!syscall(SYS_setresuid, 1, 1, 1);
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (write(pair, &byte, 1) == 1)
		(void)!read(pair, &byte, 1);
	_exit(0);
}

/* With a child that waits, and then is ended. */
static bool
try_on_child(bool (*try)(pid_t child))
{
	int ends[2];
	char byte;
	pid_t pid;
	bool r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == -1)
		return false;
	pid = fork();
	if (pid == 0) {
		(void)close(ends[0]);
		wait_as_command(ends[1]);
	}
	(void)close(ends[1]);
	r = pid != -1 && read(ends[0], &byte, 1) == 1 && try(pid);
	(void)close(ends[0]);
	if (pid != -1) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, __WALL);
	}
	return r;
}

/*
 * An outer filter or Yama (ptrace_scope 3) may allow neither, and root needs
 * CAP_SYS_PTRACE, which many containers do not have.
 */
static bool
try_trace(pid_t child)
{
	return ptrace(PTRACE_SEIZE, child, NULL, PTRACE_O_TRACEEXEC) == 0;
}

/* To take the listener over: here any descriptor, of which each has this. */
static bool
try_getfd(pid_t child)
{
	int pidfd = (int)syscall(SYS_pidfd_open, child, 0), fd;

	if (pidfd == -1)
		return false;
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, STDERR_FILENO, 0);
	if (fd != -1)
		(void)close(fd);
	(void)close(pidfd);
	return fd != -1;
}

/* A filter around the service may lack openat2(2), as systemd's groups do. */
static bool
try_openat2(void)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_NO_MAGICLINKS };
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));

	if (fd != -1)
		(void)close(fd);
	return fd != -1;
}

/* --- login uids -------------------------------------------------------- */

static int
set_loginuid(void)
{
	return loginuid_set(LOGINUID_FIRST);
}

static enum probe_loginuid
try_loginuid(void)
{
	if (access("/proc/self/loginuid", F_OK) == -1) {
		lacks(CONFINE_LOGINUID, "this kernel has no audit login uids");
		return PROBE_NO_LOGINUIDS;
	}
	if (in_child(set_loginuid) == 0)
		return PROBE_LOGINUID;
	lacks(CONFINE_LOGINUID,
	    "this process has one already and cannot set another: start mcp-execd as a service");
	return PROBE_LOGINUID_FIXED;
}

static void
try_all(void)
{
	struct probe *p = &self.found.probe;

	p->privileged = caps_can_change_ids();
	p->layers = find_namespaces(p->privileged);
	find_landlock();
	find_seccomp();
	p->listener = in_child(try_listener) == 0 && try_on_child(try_getfd);
	p->killable = execlog_waits_killable();
	p->beneath = try_openat2();
	p->tracer = try_on_child(try_trace);
	p->loginuid = try_loginuid();
	if (p->loginuid == PROBE_LOGINUID)
		p->layers |= CONFINE_LOGINUID;
}

/* --- who tries --------------------------------------------------------- */

/* At once, as it fits into the pipe. */
static _Noreturn void
try_and_tell(int out)
{
	try_all();
	_exit(write(out, &self.found, sizeof(self.found)) ==
		      (ssize_t)sizeof(self.found)
		  ? 0
		  : 1);
}

void
probe_begin(void)
{
	int ends[2];

	if (self.done || self.trying != 0 || pipe2(ends, O_CLOEXEC) == -1)
		return;
	self.trying = fork();
	if (self.trying == 0)
		try_and_tell(ends[1]);
	(void)close(ends[1]);
	self.pipe = ends[0];
	if (self.trying != -1)
		return;
	(void)close(ends[0]);
	self.trying = 0;
}

/* false: it did not come to it. */
static bool
hear_of_it(void)
{
	struct probe_found f;
	ssize_t n;

	if (self.trying == 0)
		return false;
	do
		n = read(self.pipe, &f, sizeof(f));
	while (n == -1 && errno == EINTR);
	(void)close(self.pipe);
	while (waitpid(self.trying, NULL, 0) == -1 && errno == EINTR)
		;
	self.trying = 0;
	if (n != (ssize_t)sizeof(f))
		return false;
	self.found = f;
	return true;
}

const struct probe *
probe_get(void)
{
	if (self.done)
		return &self.found.probe;
	self.done = true;
	(void)withheld_find(WITHHELD_CLOCK); /* before anything runs */
	if (!hear_of_it())
		try_all();
	return &self.found.probe;
}

void
probe_tell(struct probe_found *out)
{
	(void)probe_get();
	*out = self.found;
}

void
probe_assume(const struct probe_found *f)
{
	self.found = *f;
	self.done = true;
}

const char *
probe_why(unsigned layer)
{
	const char *why = self.found.why[row_of(layer)];

	return (probe_get()->layers & layer) == 0 && why[0] != '\0' ? why
								    : NULL;
}
