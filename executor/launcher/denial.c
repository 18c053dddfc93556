/* SPDX-License-Identifier: MIT */
/*
 * denial: seccomp_unotify(2), answering errors only.  In the guard, after
 * fork: all of this file is async-signal-safe; explain has the words.
 */
#include "executor/launcher/denial.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* Which argument is a path worth telling. */
static const struct {
	long nr;
	unsigned arg;
} paths[] = {
	{ SYS_mount, 1 },
	{ SYS_umount2, 0 },
	{ SYS_chroot, 0 },
	{ SYS_pivot_root, 0 },
	{ SYS_acct, 0 },
	{ SYS_swapon, 0 },
	{ SYS_swapoff, 0 },
	{ SYS_name_to_handle_at, 1 },
	{ SYS_open_tree, 1 },
	{ SYS_memfd_create, 0 },
};

/* Whatever cannot be read leaves the text empty. */
static void
read_path(const struct unotify_call *n, struct denial *d)
{
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (paths[i].nr == d->nr)
			unotify_read_text(n->pid, d->args[paths[i].arg],
			    d->path, sizeof(d->path));
}

/* What every look-up of a name tries, and does without (glibc, nss(5)). */
static const char *const routine[] = {
	"/var/run/nscd/socket",
	"/run/nscd/socket",
	"/run/systemd/userdb/",
	"/run/systemd/resolve/",
};

static bool
is_look_up(const struct unotify_call *n)
{
	return n->nr == SYS_socket && (uint32_t)n->args[0] == AF_UNIX &&
	       (uint32_t)n->args[1] ==
		   (SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static bool
is_routine_path(const char *path)
{
	size_t i;

	for (i = 0; i < sizeof(routine) / sizeof(routine[0]); i++)
		if (strncmp(path, routine[i], strlen(routine[i])) == 0)
			return true;
	return false;
}

void
denial_fill(const struct unotify_call *n, struct denial *out)
{
	size_t len;

	memset(out, 0, sizeof(*out));
	out->nr = n->nr;
	out->pid = n->pid;
	memcpy(out->args, n->args, sizeof(out->args));
	out->routine = is_look_up(n);
	read_path(n, out);
	len = unotify_read_proc(n->pid, "comm", out->comm, sizeof(out->comm));
	if (len > 0 && out->comm[len - 1] == '\n')
		out->comm[len - 1] = '\0';
}

/* "@name" of an abstract one. */
static void
put_address(const struct sockaddr_un *a, socklen_t len, char *out, size_t size)
{
	size_t n = len - offsetof(struct sockaddr_un, sun_path), i;
	bool abstract = a->sun_path[0] == '\0';

	for (i = 0; i < n && i < size - 1; i++) {
		if (a->sun_path[i] == '\0' && !abstract)
			break;
		out[i] = a->sun_path[i];
		if (out[i] == '\0')
			out[i] = '@';
	}
	out[i] = '\0';
}

void
denial_of_socket(const struct unotify_call *n, const struct sockaddr_un *a,
    socklen_t len, struct denial *out)
{
	denial_fill(n, out);
	out->rule = DENIAL_SOCKET;
	put_address(a, len, out->path, sizeof(out->path));
	out->routine = is_routine_path(out->path);
}

/*
 * As the filter without a listener has it: of netlink's protocols but routing
 * it is the error of a kernel without them, at which libaudit and others go on.
 */
int
denial_error(const struct unotify_call *n)
{
	if (n->nr != SYS_socket)
		return EPERM;
	return (uint32_t)n->args[0] == AF_NETLINK &&
		       (uint32_t)n->args[2] != NETLINK_ROUTE
		   ? EPROTONOSUPPORT
		   : EACCES;
}

void
denial_forget(struct denial *d)
{
	memset(d->path, 0, sizeof(d->path));
	memset(d->comm, 0, sizeof(d->comm));
}
