/* SPDX-License-Identifier: MIT */
/*
 * child: the steps between fork and execve.  The guard's child, privileged
 * until the identity step; trusts the plan, which was checked before fork.
 */
#include "executor/launcher/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/beneath.h"
#include "common/landlock.h"
#include "common/sigreset.h"
#include "executor/launcher/loginuid_set.h"

enum {
	REPORT_FD = 3, /* after stdio; both are closed by exec */
	DIR_FD = 4,
	RULESET_FD = 5,
	FIRST_CLOSED = 6
};

/*
 * By a guard that has other runs after this one, and could not change its own
 * again: that needs CAP_AUDIT_CONTROL.
 */
static int
step_loginuid(const struct child *c)
{
	int r;

	if (c->proc == -1)
		return 0;
	r = loginuid_set_by(c->proc, c->order->login_uid);
	*c->session = loginuid_session_by(c->proc);
	(void)close(c->proc);
	return r;
}

/* As CLONE_INTO_CGROUP would have done. */
static int
step_cgroup(const struct child *c)
{
	int fd, r = 0;

	if (!c->enter_cgroup)
		return 0;
	fd = openat(c->cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (fd == -1 || write(fd, "0", 1) != 1)
		r = -errno;
	if (fd != -1)
		(void)close(fd);
	return r;
}

static int
step_session(const struct child *c)
{
	if (setsid() == -1)
		return -errno;
	if (c->order->columns == 0)
		return 0;
	return ioctl(c->in, TIOCSCTTY, 0) == -1 ? -errno : 0;
}

/*
 * The mask alone: the launcher's main() has reset all dispositions, and
 * neither it nor a guard changes one, as both read signals from a descriptor.
 */
static int
step_signals(const struct child *c)
{
	(void)c;
	return sigreset_mask();
}

static int
step_rlimits(const struct child *c)
{
	const struct launchplan *p = c->plan;
	size_t i;

	for (i = 0; i < p->rlimit_count; i++) {
		struct rlimit r = { p->rlimits[i].value, p->rlimits[i].value };

		if (syscall(SYS_prlimit64, 0, p->rlimits[i].resource, &r,
			NULL) == -1)
			return -errno;
	}
	return 0;
}

static uint64_t bounding = ~(uint64_t)0; /* what may be in the launcher's set */

void
child_prepare(void)
{
	uint64_t bits = 0;
	int cap, has = 0;

	errno = 0;
	for (cap = 0; cap < 64 && has != -1; cap++) {
		has = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);
		bits |= has == 1 ? (uint64_t)1 << cap : 0;
	}
	/* The first unknown one ends it; any other end tells nothing. */
	if (errno == EINVAL && cap > 1)
		bounding = bits;
}

static int
drop_bounding(uint64_t caps)
{
	int cap;

	for (cap = 0; cap < 64; cap++)
		if ((caps >> cap & 1) != 0 &&
		    prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == -1)
			/* CAP_CHOWN, 0, is in every kernel; the first unknown
			 * ends. */
			return errno == EINVAL && cap > 0 ? 0 : -errno;
	return 0;
}

void
child_drop_bounding(const struct launchplan *p)
{
	if (geteuid() == 0 && (p->confine.layers & CONFINE_USER) == 0 &&
	    drop_bounding(bounding & ~p->capabilities) == 0)
		bounding &= p->capabilities;
}

/*
 * While still privileged: nothing can be regained through exec.  A set only
 * shrinks, except in a new user namespace, where it is full.
 */
static int
step_bounding(const struct child *c)
{
	const int ambient =
	    SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
	bool own = (c->plan->confine.layers & CONFINE_USER) != 0;
	uint64_t kept = c->plan->capabilities;
	uint64_t has = own ? ~(uint64_t)0 : bounding;

	if (geteuid() != 0 && !own)
		return 0;
	/*
	 * SECBIT_KEEP_CAPS is not locked: ping(8) sets it before it looks
	 * whether there is anything to be kept, and ends where it cannot.
	 */
	if (prctl(PR_SET_SECUREBITS,
		SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
		    SECBIT_NO_SETUID_FIXUP_LOCKED |
		    (kept != 0 ? SECBIT_KEEP_CAPS : ambient)) == -1)
		return -errno;
	return drop_bounding(has & ~kept);
}

/* Raw calls: libc's wrappers would try to reach other threads. */
static int
step_identity(const struct child *c)
{
	const struct launchplan *p = c->plan;

	if (geteuid() != 0 && geteuid() == p->uid && getegid() == p->gid)
		return 0; /* an ordinary user's only choice */
	if (syscall(SYS_setgroups, p->group_count, p->groups) == -1 ||
	    syscall(SYS_setresgid, p->gid, p->gid, p->gid) == -1 ||
	    syscall(SYS_setresuid, p->uid, p->uid, p->uid) == -1)
		return -errno;
	return 0;
}

/*
 * A keyring of its own: keys of the service are not for commands.  It is the
 * service's, so that it counts for no user: a command, which possesses it, may
 * read, search and write it, keyrings(7), but not change its permissions or
 * hand it to its parent, KEYCTL_SETPERM and KEYCTL_SESSION_TO_PARENT.
 */
static int
step_keyring(const struct child *c)
{
	(void)c;
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) == -1 &&
	    errno != ENOSYS && errno != EPERM) /* no keyrings here */
		return -errno;
	return 0;
}

static int
step_capabilities(const struct child *c)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	uint64_t kept = c->plan->capabilities;
	unsigned long cap;
	size_t i;

	for (i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)(kept >> 32 * i);
		data[i].permitted = data[i].inheritable = data[i].effective;
	}
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &head, data) == -1)
		return -errno;
	for (cap = 0; cap < 64; cap++) /* so that it outlives execve */
		if ((kept >> cap & 1) != 0 &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) ==
			-1)
			return -errno;
	return 0;
}

static int
step_no_new_privs(const struct child *c)
{
	(void)c;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ? -errno : 0;
}

/* As strcmp(3) == 0, whose page only this would need: each costs a run. */
static bool
is_text(const char *a, const char *b)
{
	while (*a == *b && *a != '\0') {
		a++;
		b++;
	}
	return *a == *b;
}

static bool
is_pwd(const char *setting)
{
	return setting[0] == 'P' && setting[1] == 'W' && setting[2] == 'D' &&
	       setting[3] == '=';
}

/* What it was set to is where it is: nothing is written, that no page is copied. */
static bool
is_there(const struct launchplan_order *o)
{
	char now[256]; /* most are shorter */

	return syscall(SYS_getcwd, now, sizeof(now)) > 0 &&
	       is_text(now, o->cwd);
}

/* Where links led to counts, as of the shells that look at it. */
static void
set_pwd(struct launchplan_order *o)
{
	static char text[4 + PATH_MAX] = "PWD=";
	size_t i;

	if (is_there(o) || syscall(SYS_getcwd, text + 4, PATH_MAX) <= 0 ||
	    text[4] != '/')
		return;
	for (i = 0; o->envp[i] != NULL; i++)
		if (is_pwd(o->envp[i]) && is_text(o->envp[i] + 4, o->cwd))
			o->envp[i] = text;
}

/*
 * With the rights of the run and in what it sees, beneath the policy's
 * directory: what it may not look at is not told apart from what is not
 * there.  In a root of its own the descriptor from before would lead out.
 */
static int
step_directory(const struct child *c)
{
	int fd, jail = DIR_FD;

	if ((c->plan->confine.layers & CONFINE_MOUNTS) != 0)
		jail =
		    open(c->plan->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = jail == -1 || is_text(c->order->relative, ".")
		 ? jail
		 : beneath_open(jail, c->order->relative,
		       BENEATH_LINKS | BENEATH_DIRECTORY);
	if (fd == -1 || fchdir(fd) == -1)
		return -errno;
	if (fd != jail)
		(void)close(fd);
	if (jail != DIR_FD)
		(void)close(jail);
	set_pwd(c->order);
	return 0;
}

static int
step_umask(const struct child *c)
{
	(void)umask(c->plan->umask);
	return 0;
}

/* A number that is nobody's fixed place; -1 stays. */
static int
out_of_the_way(int fd)
{
	return fd == -1 || fd >= FIRST_CLOSED
		   ? fd
		   : fcntl(fd, F_DUPFD_CLOEXEC, FIRST_CLOSED);
}

/* To their fixed places; what is not stdio moves out of the way first. */
static int
step_stdio(const struct child *c)
{
	int report = out_of_the_way(c->report);
	int dir = out_of_the_way(c->dir);
	int set = out_of_the_way(c->ruleset);

	if (report == -1 || dir == -1 || dup2(c->in, STDIN_FILENO) == -1 ||
	    dup2(c->out, STDOUT_FILENO) == -1 ||
	    dup2(c->err, STDERR_FILENO) == -1 ||
	    dup3(report, REPORT_FD, O_CLOEXEC) == -1 ||
	    dup3(dir, DIR_FD, O_CLOEXEC) == -1 ||
	    (c->ruleset != -1 && dup3(set, RULESET_FD, O_CLOEXEC) == -1))
		return -errno;
	return 0;
}

static int
step_descriptors(const struct child *c)
{
	(void)c;
	return syscall(SYS_close_range, FIRST_CLOSED, ~0U, 0) == -1 ? -errno
								    : 0;
}

static int
step_landlock(const struct child *c)
{
	return c->ruleset == -1 ? 0 : landlock_restrict(RULESET_FD);
}

/*
 * All is done but the last step: a byte comes back when the guard has taken
 * its copy of the listener, which exec closes, and the run's intent is on
 * disk.  Nothing is waited for where the guard knew that before the fork, nor
 * where execve itself stops until the guard answers, which has its copy and the
 * word by then.  Only read and write: a filter with a listener is in force already.
 */
static int
await_go(const struct child *c, int listener)
{
	struct child_failure f = { CHILD_READY, listener, *c->session };
	char go;

	if (write(REPORT_FD, &f, sizeof(f)) != (ssize_t)sizeof(f) ||
	    (!c->go && read(REPORT_FD, &go, 1) != 1))
		return -EPIPE;
	if (listener != -1 && !c->go)
		(void)close(listener);
	return 0;
}

static int
step_seccomp(const struct child *c)
{
	const struct launchplan *p = c->plan;
	int listener, r;

	if (p->filter.prog.len == 0 || !p->explained) {
		r = await_go(c, -1); /* the filter need not allow that */
		return r != 0 || p->filter.prog.len == 0
			   ? r
			   : filter_load(&p->filter);
	}
	/* As exec will: a guard without privileges may not reach in else. */
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	listener = filter_load_listener(&p->filter);
	return listener < 0 ? listener : await_go(c, listener);
}

/*
 * As execvp(3): a place where the program is not moves on to the next, and
 * "found but not permitted" is remembered.
 */
static int
step_execve(const struct child *c)
{
	const struct launchplan_order *o = c->order;
	int denied = 0;
	size_t i;

	for (i = 0; o->path[i] != NULL; i++) {
		(void)execve(o->path[i], o->argv, o->envp);
		if (errno == EACCES)
			denied = EACCES;
		else if (errno != ENOENT && errno != ENOTDIR)
			return -errno;
	}
	return denied != 0 ? -EACCES : -ENOENT;
}

/*
 * The order, and why:
 *  loginuid: while the guard's proc is open;
 *  cgroup: limits hold from here on, as all that follows is the run's;
 *  session, signals, umask: need nothing and change nothing that follows;
 *    a terminal becomes the session's before stdio moves it;
 *  rlimits: before identity, as raising a hard limit may need privilege;
 *  stdio, descriptors: from here on nothing of ours is open;
 *  bounding: needs CAP_SETPCAP, so before identity gives it up;
 *  keyring: before identity, as the kernel counts a user's keys, of which it
 *    allows 200: who has them all would keep others' runs from beginning;
 *  identity: groups, gid, uid in this order, as each needs the next's right;
 *  capabilities: explicit, also for uid 0;
 *  directory: as the policy's user, so that its permissions count, and in
 *    the run's own root;
 *  no_new_privs: before Landlock and seccomp, which need it;
 *  landlock: after the directory was opened, which it need not allow;
 *  seccomp: last, so that it need not allow any of the above; it waits until
 *    the run's intent is on disk.
 */
static const struct {
	const char *name;
	int (*run)(const struct child *c);
} steps[] = {
	{ "loginuid", step_loginuid },
	{ "cgroup", step_cgroup },
	{ "session", step_session },
	{ "signals", step_signals },
	{ "umask", step_umask },
	{ "rlimits", step_rlimits },
	{ "stdio", step_stdio },
	{ "descriptors", step_descriptors },
	{ "bounding", step_bounding },
	{ "keyring", step_keyring },
	{ "identity", step_identity },
	{ "capabilities", step_capabilities },
	{ CHILD_STEP_DIRECTORY, step_directory },
	{ "no_new_privs", step_no_new_privs },
	{ "landlock", step_landlock },
	{ "seccomp", step_seccomp },
	{ "execve", step_execve },
};

enum { STEP_COUNT = sizeof(steps) / sizeof(steps[0]) };

void
child_exec(const struct child *c)
{
	struct child_failure f = { .session = LOGINUID_UNSET };
	struct child own = *c;
	int i, report = c->report;

	own.session = &f.session;
	for (i = 0; i < STEP_COUNT && f.sysno == 0; i++) {
		f.step = i;
		f.sysno = -steps[i].run(&own);
		if (steps[i].run == step_stdio && f.sysno == 0)
			report = REPORT_FD;
	}
	(void)!write(report, &f, sizeof(f));
	_exit(126);
}

const char *
child_step_name(int step)
{
	return step >= 0 && step < STEP_COUNT ? steps[step].name : "?";
}
