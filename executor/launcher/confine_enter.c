/* SPDX-License-Identifier: MIT */
/*
 * confine_enter: put on a run's layers as its policy plans them.  In the
 * guard, after fork: all of this file is async-signal-safe.
 */
#include "executor/launcher/confine_enter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/decimal.h"
#include "common/beneath.h"
#include "common/landlock.h"
#include "common/path.h"
#include "executor/launcher/unotify.h"

static int
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r = 0;

	if (fd == -1)
		return -errno;
	if (write(fd, text, strlen(text)) == -1)
		r = -errno;
	(void)close(fd);
	return r;
}

/* "ID ID 1": ourselves and nobody else, under our own name. */
static int
write_map(const char *path, unsigned id)
{
	char text[40], *p = decimal_put(text, id);

	*p++ = ' ';
	p = decimal_put(p, id);
	memcpy(p, " 1", 3);
	return write_file(path, text);
}

/*
 * user_namespaces(7): setgroups must be denied before gid_map.  A process
 * that is not dumpable does not own its own /proc files, proc(5).
 */
static int
enter_user(uid_t uid, gid_t gid)
{
	int r;

	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	r = write_file("/proc/self/setgroups", "deny");

	if (r == 0 || r == -ENOENT)
		r = write_map("/proc/self/uid_map", uid);
	if (r == 0)
		r = write_map("/proc/self/gid_map", gid);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return r;
}

static int
enter_network(int net)
{
	if (net == -1)
		return 0;
	if (setns(net, CLONE_NEWNET) == -1)
		return -errno;
	(void)close(net);
	return 0;
}

static int
loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = 0;

	if (fd == -1)
		return -errno;
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) == -1)
		r = -errno;
	(void)close(fd);
	return r;
}

/* Landlock's rights for what an operation of the mount plan offers. */
static uint64_t
rights_of(const struct confine *c, const struct mounts_op *op)
{
	uint64_t run = c->listed_programs ? 0 : LANDLOCK_EXECUTE;
	bool private = (c->layers & CONFINE_MOUNTS) != 0;

	if (op->pin) /* as what it lies in */
		return 0;
	switch (op->kind) {
	case MOUNTS_READ:
		return LANDLOCK_READ | run;
	case MOUNTS_PROGRAM:
		return LANDLOCK_READ | LANDLOCK_EXECUTE;
	case MOUNTS_WRITE:
		return LANDLOCK_READ | LANDLOCK_WRITE | run;
	case MOUNTS_WRITE_NOEXEC:
		return LANDLOCK_READ | LANDLOCK_WRITE;
	case MOUNTS_DEVICE:
		return LANDLOCK_READ | LANDLOCK_WRITE_FILE | LANDLOCK_IOCTL_DEV;
	case MOUNTS_TMPFS: /* the host's is not for us */
		return private ? LANDLOCK_READ | LANDLOCK_WRITE | run : 0;
	case MOUNTS_TMPFS_NOEXEC:
		return private ? LANDLOCK_READ | LANDLOCK_WRITE : 0;
	case MOUNTS_DEV: /* with those of the devices that the plan puts there */
		return private
			   ? LANDLOCK_READ | LANDLOCK_WRITE | LANDLOCK_IOCTL_DEV
			   : 0;
	case MOUNTS_PTS:
		return private ? LANDLOCK_READ | LANDLOCK_WRITE_FILE |
				     LANDLOCK_IOCTL_DEV
			       : 0;
	case MOUNTS_PROC:
	case MOUNTS_PROC_ALL:
		return LANDLOCK_READ;
	case MOUNTS_PLACE:
		return private ? LANDLOCK_READ_DIR : 0;
	case MOUNTS_EMPTY:
		return LANDLOCK_READ_DIR;
	case MOUNTS_LINK:
	case MOUNTS_PROTECT: /* as what it lies in; the mount is read-only */
	case MOUNTS_HIDE:
		break;
	}
	return 0;
}

/*
 * There is no link in the plan's paths; one that a command has put there
 * since must not lead its next run to more.
 */
static int
allow_one(const struct landlock_set *set, const char *path, uint64_t fs)
{
	int fd, r;

	if (fs == 0)
		return 0;
	fd = beneath_open_plain(path, 0);
	if (fd == -1)
		return errno == ENOENT ? 0 : -errno;
	r = landlock_allow(set, fd, fs);
	(void)close(fd);
	return r;
}

/*
 * What lies in a place has its rights too: a rule that offers no more of them
 * would cost a run four system calls for nothing.  Not without a root of its
 * own: there the rule is also the look at what the host has by that name.
 */
static bool
is_covered(const struct confine *c, size_t i, uint64_t rights)
{
	const struct mounts *m = &c->mounts;
	size_t j;

	if ((c->layers & CONFINE_MOUNTS) == 0)
		return false;
	for (j = 0; j < m->count; j++)
		if (j != i && path_is_within(m->op[i].path, m->op[j].path) &&
		    (rights_of(c, &m->op[j]) & rights) == rights &&
		    strcmp(m->op[i].path, m->op[j].path) != 0)
			return true;
	return false;
}

static int
make_ruleset(const struct confine *c, int *ruleset, struct confine_failure *f)
{
	const struct mounts *m = &c->mounts;
	uint64_t net = c->network == CONFINE_NONE || c->network == CONFINE_LOOK
			   ? LANDLOCK_BIND_TCP | LANDLOCK_CONNECT_TCP
			   : 0;
	struct landlock_set set;
	size_t i;
	int r = landlock_open(&c->landlock, net,
	    LANDLOCK_SCOPE_SIGNAL | LANDLOCK_SCOPE_ABSTRACT, &set);

	if (r != 0)
		return r;
	/* Anything visible may be listed: the mounts decide what is visible. */
	if ((c->layers & CONFINE_MOUNTS) != 0)
		r = allow_one(&set, "/", LANDLOCK_READ_DIR);
	for (i = 0; r == 0 && i < m->count; i++) {
		uint64_t rights = rights_of(c, &m->op[i]);

		f->path = m->op[i].path;
		if (rights != 0 && !is_covered(c, i, rights))
			r = allow_one(&set, f->path, rights);
	}
	if (r != 0)
		landlock_close(&set);
	else
		*ruleset = set.fd;
	return r;
}

static int
fail_step(struct confine_failure *f, const char *step, int r)
{
	f->step = step;
	f->sysno = -r;
	return -1;
}

/* When memory runs out, commands go before daemons; raising needs nothing. */
static void
prefer_for_oom(void)
{
	static const char path[] = "/proc/self/oom_score_adj";

	if (write_file(path, "500") != -EACCES)
		return;
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* see enter_user */
	(void)write_file(path, "500");
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

bool
confine_changed(const struct confine *c, struct confine_failure *f)
{
	const struct mounts_op *op = NULL;
	int sysno = 0;

	if ((c->layers & (CONFINE_MOUNTS | CONFINE_LANDLOCK)) != 0)
		op = mounts_changed(&c->mounts, &sysno);
	if (op == NULL)
		return false;
	*f = (struct confine_failure){ CONFINE_STEP_PLACES, op->path, sysno };
	return true;
}

static int
enter_root(const struct confine *c, const struct mounts_ready *ready,
    const char **failed)
{
	return ready == NULL ? mounts_enter(&c->mounts, failed)
			     : mounts_ready_enter(&c->mounts, ready, failed);
}

/*
 * The order, and why: the user map first, as it grants what the others need;
 * the network while a socket may be made; mounts last of the namespaces, as
 * they take the host's files away; Landlock on the files that are left.
 */
int
confine_enter(const struct confine *c, int net,
    const struct mounts_ready *ready, uid_t uid, gid_t gid, int *ruleset,
    struct confine_failure *f)
{
	int r = 0;

	*ruleset = -1;
	*f = (struct confine_failure){ 0 };
	prefer_for_oom();
	if ((c->layers & CONFINE_USER) != 0 && (r = enter_user(uid, gid)) != 0)
		return fail_step(f, "user namespace", r);
	if ((r = enter_network(net)) != 0)
		return fail_step(f, "network namespace", r);
	if ((c->layers & CONFINE_NET) != 0 && c->network == CONFINE_LOOPBACK &&
	    (r = loopback_up()) != 0)
		return fail_step(f, "network namespace", r);
	if ((c->layers & CONFINE_MOUNTS) != 0 &&
	    (r = enter_root(c, ready, &f->path)) != 0)
		return fail_step(f, "mounts", r);
	if (c->processes)
		unotify_use_proc(mounts_own_proc());
	f->path = NULL;
	if ((c->layers & CONFINE_LANDLOCK) != 0 &&
	    (r = make_ruleset(c, ruleset, f)) != 0)
		return fail_step(f, "landlock", r);
	f->path = NULL;
	return 0;
}

static const struct {
	enum confine_layer layer;
	uint64_t clone;
} namespaces[] = {
	{ CONFINE_MOUNTS, CLONE_NEWNS },
	{ CONFINE_PIDS, CLONE_NEWPID },
	{ CONFINE_IPC, CLONE_NEWIPC },
	{ CONFINE_NET, CLONE_NEWNET },
	{ CONFINE_USER, CLONE_NEWUSER },
};

uint64_t
confine_clone_flags(const struct confine *c, int net)
{
	uint64_t flags = 0;
	size_t i;

	for (i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++)
		if ((c->layers & namespaces[i].layer) != 0)
			flags |= namespaces[i].clone;
	return net == -1 ? flags : flags & ~(uint64_t)CLONE_NEWNET;
}

pid_t
/* NOLINTNEXTLINE(readability-non-const-parameter): the kernel writes to it */
confine_clone_into(uint64_t flags, int group, int *pidfd)
{
	struct clone_args args = {
		.flags = flags | (uint64_t)CLONE_INTO_CGROUP |
			 (pidfd != NULL ? CLONE_PIDFD : 0),
		.pidfd = (uint64_t)(uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = (unsigned)group,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

pid_t
confine_clone(uint64_t flags, int *pidfd)
{
	struct clone_args args = {
		.flags = flags | (pidfd != NULL ? CLONE_PIDFD : 0),
		.pidfd = (uint64_t)(uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (pid != -1 || errno != ENOSYS)
		return pid;
	return (pid_t)syscall(
	    SYS_clone, args.flags | SIGCHLD, NULL, pidfd, NULL, NULL);
}
