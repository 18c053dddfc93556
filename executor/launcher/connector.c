/* SPDX-License-Identifier: MIT */
/* connector: address, inode, verdict, and a child that connects.  Guard. */
#include "executor/launcher/connector.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/decimal.h"
#include "executor/launcher/confine_enter.h"
#include "executor/launcher/loginuid_set.h"
#include "executor/launcher/sockowner.h"

/* What is to be done, as far as it is known. */
struct task {
	int socket; /* the run's, a copy */
	int domain, type;
	union {
		struct sockaddr_storage any;
		struct sockaddr_un un;
		struct sockaddr plain;
	} address;
	socklen_t len;
	int target; /* O_PATH of the listener's inode, -1: not by path */
};

bool
connector_wants(const struct unotify_call *n)
{
	return n->nr == SYS_connect;
}

/* --- what it asks for ------------------------------------------------- */

static int
take_socket(const struct unotify_call *n, struct task *t)
{
	int pidfd = (int)syscall(SYS_pidfd_open, unotify_process(n->pid), 0);
	socklen_t len = sizeof(t->domain);

	if (pidfd == -1)
		return EBADF;
	t->socket = (int)syscall(SYS_pidfd_getfd, pidfd, (int)n->args[0], 0);
	(void)close(pidfd);
	if (t->socket == -1)
		return EBADF;
	if (getsockopt(t->socket, SOL_SOCKET, SO_DOMAIN, &t->domain, &len) ==
		-1 ||
	    getsockopt(t->socket, SOL_SOCKET, SO_TYPE, &t->type, &len) == -1)
		return errno;
	return 0;
}

/* Once: what is decided about is what is used. */
static int
take_address(const struct unotify_call *n, struct task *t)
{
	int len = (int)n->args[2];

	if (len < 0 || (size_t)len > sizeof(t->address))
		return EINVAL;
	t->len = (socklen_t)len;
	return unotify_read_memory(n->pid, n->args[1], &t->address, t->len) ==
		       t->len
		   ? 0
		   : EFAULT;
}

/* --- where a path leads, with the run's rights ------------------------ */

static void
set_effective(uint64_t wanted, bool all)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	size_t i;

	if (syscall(SYS_capget, &head, data) == -1)
		return;
	for (i = 0; i < 2; i++)
		data[i].effective = data[i].permitted &
				    (all ? ~0U : (uint32_t)(wanted >> 32 * i));
	(void)syscall(SYS_capset, &head, data);
}

/* For files only: it stays who may look after processes. */
static void
become_run(struct connector *c)
{
	if (!c->ready)
		(void)syscall(
		    SYS_setgroups, c->rights->group_count, c->rights->groups);
	c->ready = true;
	(void)syscall(SYS_setfsgid, c->rights->gid);
	(void)syscall(SYS_setfsuid, c->rights->uid);
	set_effective(c->rights->capabilities, false);
}

static void
become_guard(void)
{
	set_effective(0, true);
	(void)syscall(SYS_setfsuid, geteuid());
	(void)syscall(SYS_setfsgid, getegid());
	set_effective(0, true);
}

/*
 * The guard has the root that the run has.  What /proc says of "self" and of
 * its descriptors is the guard's, so no such link is followed.
 */
static int
find_target(struct connector *c, const struct unotify_call *n, struct task *t)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_NO_MAGICLINKS };
	char path[sizeof(t->address.un.sun_path) + 1] = "", at[UNOTIFY_PATH];
	size_t len = t->len - offsetof(struct sockaddr_un, sun_path);
	int dir = -1, proc, error;

	memcpy(path, t->address.un.sun_path,
	    len < sizeof(path) ? len : sizeof(path) - 1);
	if (path[0] != '/') {
		proc = unotify_proc_path(unotify_process(n->pid), "cwd", at);
		dir = openat(proc, at, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir == -1)
			return EACCES;
	}
	become_run(c);
	t->target = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	error = t->target == -1 ? errno : 0;
	become_guard();
	if (dir != -1)
		(void)close(dir);
	return error;
}

/* --- the verdict ------------------------------------------------------ */

static bool
is_same(const struct stat *st, const char *path, bool whole)
{
	struct stat other;

	return path != NULL && stat(path, &other) == 0 &&
	       other.st_dev == st->st_dev &&
	       (!whole || other.st_ino == st->st_ino);
}

static bool
is_named(const struct connector *c, const struct stat *st)
{
	size_t i;

	for (i = 0; c->named[i] != NULL; i++)
		if (is_same(st, c->named[i], true))
			return true;
	return false;
}

/* What hides a file: to the run it is as if its user might not open it. */
static bool
is_mask(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && is_same(st, "/dev/null", true);
}

/* An address that leads to nobody's listener fails by itself. */
static bool
is_for_it(struct connector *c, const struct task *t)
{
	struct stat st;

	if (t->target == -1)
		return c->own_net;
	if (fstat(t->target, &st) != 0)
		return false;
	if (!S_ISSOCK(st.st_mode))
		return !is_mask(&st);
	return is_same(&st, c->tmp, false) || is_named(c, &st) ||
	       sockowner_is_own(&st, c->own_pids);
}

/* Behind what hides a directory, or what the run's user may not search. */
static bool
is_kept_away(const struct connector *c, const struct task *t)
{
	size_t i;

	for (i = 0; c->named[i] != NULL; i++)
		if (strncmp(c->named[i], t->address.un.sun_path,
			sizeof(t->address.un.sun_path)) == 0)
			return false;
	return true;
}

static bool
has_name(const struct task *t)
{
	return t->domain == AF_UNIX && t->address.un.sun_family == AF_UNIX &&
	       t->len > offsetof(struct sockaddr_un, sun_path);
}

/* 0, or the error to answer with. */
static int
judge_address(struct connector *c, const struct unotify_call *n, struct task *t,
    bool *refused)
{
	int error;

	if (!has_name(t))
		return 0;
	if (t->len > sizeof(t->address.un))
		return EINVAL;
	error = t->address.un.sun_path[0] != '\0' ? find_target(c, n, t) : 0;
	if (error != 0) {
		*refused = error == EACCES && is_kept_away(c, t);
		return error == ENOSYS || error == ELOOP ? EACCES : error;
	}
	*refused = !is_for_it(c, t);
	return *refused ? EACCES : 0;
}

/* --- carry it out ----------------------------------------------------- */

/*
 * As the run, with no more rights, and never to be traced: what it has in
 * memory is the executor's.  Until it is not dumpable the capabilities that it
 * may have, and does not use, keep the run away, ptrace(2).
 */
static int
become_caller(const struct rights *r)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = { 0 };
	size_t i;

	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (geteuid() != r->uid || getegid() != r->gid) {
		(void)prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
		if (syscall(SYS_setgroups, r->group_count, r->groups) == -1 ||
		    syscall(SYS_setresgid, r->gid, r->gid, r->gid) == -1 ||
		    syscall(SYS_setresuid, r->uid, r->uid, r->uid) == -1)
			return -1;
		(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	}
	for (i = 0; i < 2; i++)
		data[i].effective = data[i].permitted =
		    (uint32_t)(r->capabilities >> 32 * i);
	return (int)syscall(SYS_capset, &head, data);
}

/* A path of the very inode that was found. */
static void
name_target(struct task *t)
{
	char *path = t->address.un.sun_path;

	if (t->target == -1)
		return;
	memset(path, 0, sizeof(t->address.un.sun_path));
	memcpy(path, "/proc/self/fd/", 14);
	(void)decimal_put(path + 14, (unsigned)t->target);
	t->len = sizeof(t->address.un);
}

static int
carry_out(struct task *t)
{
	name_target(t);
	return connect(t->socket, &t->address.plain, t->len) == 0 ? 0 : errno;
}

static int
answer_call(int fd, const struct unotify_call *n, int error)
{
	return error == 0 ? unotify_answer_value(fd, n, 0)
			  : unotify_answer(fd, n, error);
}

static _Noreturn void
connect_as_run(
    struct connector *c, int fd, const struct unotify_call *n, struct task *t)
{
	if ((c->proc == -1 || loginuid_set_by(c->proc, c->login_uid) == 0) &&
	    become_caller(c->rights) == 0)
		(void)answer_call(fd, n, carry_out(t));
	_exit(0);
}

static struct connector_call *
find_call(struct connector *c, pid_t pid)
{
	size_t i;

	for (i = 0; i < CONNECTOR_MAX; i++)
		if (c->call[i].pid == pid)
			return &c->call[i];
	return NULL;
}

/* Without clone3(2) it enters the group itself, while it may. */
static pid_t
fork_child(const struct connector *c)
{
	pid_t pid = -1;
	int fd;

	if (c->cgroup != -1)
		pid = confine_clone_into(0, c->cgroup, NULL);
	if (c->cgroup == -1 || (pid == -1 && errno == ENOSYS)) {
		pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
		if (pid != 0 || c->cgroup == -1)
			return pid;
		fd = openat(c->cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);
		if (fd == -1 || write(fd, "0", 1) != 1)
			_exit(0); /* and the call fails */
		(void)close(fd);
	}
	return pid;
}

/* It may wait for the other side, so it is a child that does. */
static int
begin_child(
    struct connector *c, int fd, const struct unotify_call *n, struct task *t)
{
	struct connector_call *call = find_call(c, 0);
	pid_t pid = call == NULL ? -1 : fork_child(c);

	if (pid == 0)
		connect_as_run(c, fd, n, t);
	if (pid == -1)
		return answer_call(fd, n, EAGAIN);
	*call = (struct connector_call){ pid, *n };
	return 0;
}

int
connector_take(struct connector *c, int fd, const struct unotify_call *n,
    struct denial *d, bool *refused)
{
	struct task t = { .socket = -1, .target = -1 };
	int error, r;

	*refused = false;
	error = take_address(n, &t);
	if (error == 0)
		error = take_socket(n, &t);
	if (error == 0)
		error = judge_address(c, n, &t, refused);
	if (*refused)
		denial_of_socket(n, &t.address.un, t.len, d);
	if (!unotify_valid(fd, n)) /* it was another's */
		r = -EAGAIN;
	else if (error != 0)
		r = answer_call(fd, n, error);
	else
		r = begin_child(c, fd, n, &t);
	if (t.socket != -1)
		(void)close(t.socket);
	if (t.target != -1)
		(void)close(t.target);
	return r;
}

bool
connector_has(const struct connector *c, pid_t pid)
{
	size_t i;

	for (i = 0; i < CONNECTOR_MAX; i++)
		if (c->call[i].pid == pid)
			return true;
	return false;
}

bool
connector_reaped(struct connector *c, int fd, pid_t pid)
{
	struct connector_call *call = find_call(c, pid);

	if (call == NULL)
		return false;
	if (fd != -1 && unotify_valid(fd, &call->notice))
		(void)answer_call(fd, &call->notice, EACCES);
	call->pid = 0;
	return true;
}
