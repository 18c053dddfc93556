/* SPDX-License-Identifier: MIT */
/* denial: seccomp_unotify(2), answering errors only.  Guard and executor. */
#include "executor/denial.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "executor/sysgroup.h"

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

static const struct {
	int family;
	const char *name;
} families[] = {
	{ AF_UNIX, "AF_UNIX" },
	{ AF_INET, "AF_INET" },
	{ AF_INET6, "AF_INET6" },
	{ AF_NETLINK, "AF_NETLINK" },
	{ AF_PACKET, "AF_PACKET" },
	{ AF_VSOCK, "AF_VSOCK" },
	{ AF_ALG, "AF_ALG" },
	{ AF_XDP, "AF_XDP" },
	{ AF_BLUETOOTH, "AF_BLUETOOTH" },
	{ AF_CAN, "AF_CAN" },
	{ AF_KEY, "AF_KEY" },
};

/* --- in the guard ----------------------------------------------------- */

/* Whatever cannot be read leaves the text empty. */
static void
read_path(struct denial *d)
{
	struct iovec mine = { d->path, sizeof(d->path) - 1 }, theirs;
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (paths[i].nr != d->nr)
			continue;
		theirs.iov_base = (void *)(uintptr_t)d->args[paths[i].arg];
		theirs.iov_len = mine.iov_len;
		if (process_vm_readv(d->pid, &mine, 1, &theirs, 1, 0) <= 0)
			d->path[0] = '\0';
	}
	d->path[sizeof(d->path) - 1] = '\0';
}

static void
read_comm(struct denial *d)
{
	char path[40], digits[12], *p = path;
	pid_t pid = d->pid;
	size_t n = 0;
	ssize_t got;
	int fd;

	memcpy(p, "/proc/", 6);
	p += 6;
	for (; pid > 0 && n < sizeof(digits); pid /= 10)
		digits[n++] = (char)('0' + pid % 10);
	while (n > 0)
		*p++ = digits[--n];
	memcpy(p, "/comm", 6);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return;
	got = read(fd, d->comm, sizeof(d->comm) - 1);
	if (got > 0 && d->comm[got - 1] == '\n')
		d->comm[got - 1] = '\0';
	(void)close(fd);
}

int
denial_answer(int listener, struct denial *out)
{
	union {
		struct seccomp_notif n;
		char room[512]; /* newer kernels may write more */
	} in;
	union {
		struct seccomp_notif_resp r;
		char room[512];
	} answer;

	memset(&in, 0, sizeof(in));
	memset(&answer, 0, sizeof(answer));
	memset(out, 0, sizeof(*out));
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &in.n) == -1)
		return errno == ENOENT || errno == EINTR ? -EAGAIN : -errno;
	out->nr = in.n.data.nr;
	out->pid = (pid_t)in.n.pid;
	memcpy(out->args, in.n.data.args, sizeof(out->args));
	read_path(out);
	read_comm(out);
	answer.r.id = in.n.id;
	answer.r.error = out->nr == SYS_socket ? -EACCES : -EPERM;
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer.r) == -1)
		return errno == ENOENT ? -EAGAIN : -errno;
	return 0;
}

/* --- in the executor -------------------------------------------------- */

void
denial_name(const struct denial *d, char name[32])
{
	filter_call_name(d->nr, name);
}

static const char *
family_name(const struct denial *d, char text[32])
{
	size_t i;

	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (families[i].family == (int)(uint32_t)d->args[0])
			return families[i].name;
	(void)snprintf(text, 32, "family %u", (unsigned)d->args[0]);
	return text;
}

static void
explain_socket(const struct denial *d, const struct policy *p, struct buf *out)
{
	int family = (int)(uint32_t)d->args[0];
	const char *name;
	char text[32];

	name = family_name(d, text);
	if (family == AF_UNIX)
		buf_printf(out,
		    "local sockets are off for this token "
		    "(%s refused; policy %s, key unix_sockets)",
		    name, p->name);
	else if (family == AF_INET || family == AF_INET6 ||
		 (family == AF_NETLINK && p->confine.network == CONFINE_NONE))
		buf_printf(out,
		    "network is off for this token (%s refused; "
		    "policy %s, key network)",
		    name, p->name);
	else
		buf_printf(
		    out, "sockets of %s are not available to commands", name);
}

static const struct sysgroup *
group_of(const char *call)
{
	const struct sysgroup *g;
	size_t i, j;

	for (i = 0; (g = sysgroup_at(i)) != NULL; i++)
		for (j = 0; g->calls[j] != NULL; j++)
			if (strcmp(g->calls[j], call) == 0)
				return g;
	return NULL;
}

void
denial_explain(const struct denial *d, const struct policy *p, struct buf *out)
{
	const struct sysgroup *g;
	char name[32];

	if (d->nr == SYS_socket) {
		explain_socket(d, p, out);
		return;
	}
	denial_name(d, name);
	g = group_of(name);
	buf_printf(out,
	    "system call %s is refused%s%s%s (policy %s, key "
	    "syscalls, profile %s)",
	    name[0] != '\0' ? name : "of this number", g != NULL ? ": " : "",
	    g != NULL ? g->purpose : "",
	    strcmp(name, "clone") == 0 ? ", with a new namespace" : "", p->name,
	    p->profile);
}
