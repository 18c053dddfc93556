/* SPDX-License-Identifier: MIT */
/* sockowner: unix_diag, and a look at the descriptors of processes.  Guard. */
#include "executor/launcher/sockowner.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/decimal.h"
#include "executor/launcher/procdir.h"
#include "executor/launcher/proctree.h"
#include "executor/launcher/unotify.h"

enum {
	LISTENING = 1 << 10, /* TCP_LISTEN, as unix_diag has it */
	UNCONNECTED = 1 << 7, /* TCP_CLOSE: datagram sockets */
	MAX_SOCKETS = 8, /* bound to one inode: one, and the dead */
	MAX_PROCESSES = 4096,
	DEVICE_BITS = 20 /* of the minor number, in the kernel's dev_t */
};

struct sockets {
	unsigned ino[MAX_SOCKETS];
	size_t count;
};

static int
open_diag(void)
{
	struct {
		struct nlmsghdr head;
		struct unix_diag_req req;
	} ask = {
		.head = { .nlmsg_len = sizeof(ask),
		    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.req = { .sdiag_family = AF_UNIX,
		    .udiag_states = LISTENING | UNCONNECTED,
		    .udiag_show = UDIAG_SHOW_VFS },
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (fd == -1)
		return -1;
	if (send(fd, &ask, sizeof(ask), 0) == (ssize_t)sizeof(ask))
		return fd;
	(void)close(fd);
	return -1;
}

static void
take_socket(struct sockets *s, struct nlmsghdr *h, const struct stat *st)
{
	struct unix_diag_msg *m = (void *)(h + 1);
	unsigned device = major(st->st_dev) << DEVICE_BITS | minor(st->st_dev);
	struct rtattr *a = (void *)(m + 1);
	size_t left = h->nlmsg_len - sizeof(*h) - sizeof(*m);
	struct unix_diag_vfs v;

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type != UNIX_DIAG_VFS ||
		    RTA_PAYLOAD(a) < sizeof(v) || s->count == MAX_SOCKETS)
			continue;
		memcpy(&v, RTA_DATA(a), sizeof(v));
		if (v.udiag_vfs_ino == (uint32_t)st->st_ino &&
		    v.udiag_vfs_dev == device)
			s->ino[s->count++] = m->udiag_ino;
	}
}

static void
find_sockets(struct sockets *s, const struct stat *st)
{
	union {
		char raw[16384];
		struct nlmsghdr align;
	} in;
	struct nlmsghdr *h;
	int fd = open_diag();
	bool done = fd == -1;
	unsigned left;
	ssize_t n;

	while (!done) {
		n = recv(fd, in.raw, sizeof(in.raw), 0);
		left = n > 0 ? (unsigned)n : 0;
		done = n <= 0;
		for (h = &in.align; NLMSG_OK(h, left);
		     h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_type == NLMSG_DONE ||
			    h->nlmsg_type == NLMSG_ERROR)
				done = true;
			else if (h->nlmsg_len >=
				 NLMSG_LENGTH(sizeof(struct unix_diag_msg)))
				take_socket(s, h, st);
		}
	}
	if (fd != -1)
		(void)close(fd);
}

/* "socket:[INO]" */
static bool
is_one(const struct sockets *s, const char *link)
{
	uint64_t ino;
	size_t i;

	if (strncmp(link, "socket:[", 8) != 0)
		return false;
	link += 8;
	ino = decimal_take(&link);
	for (i = 0; i < s->count; i++)
		if (s->ino[i] == ino)
			return true;
	return false;
}

struct table {
	const struct sockets *s;
	pid_t pid;
};

static bool
descriptor_is_one(void *arg, const char *fd)
{
	const struct table *t = arg;
	char name[16] = "fd/", link[32];

	if (strlen(fd) > 10)
		return false;
	memcpy(name + 3, fd, strlen(fd) + 1);
	unotify_read_link(t->pid, name, link, sizeof(link));
	return is_one(t->s, link);
}

static bool
process_has(pid_t pid, const struct sockets *s)
{
	struct table t = { s, pid };
	char path[UNOTIFY_PATH];
	bool found;
	int fd;

	unotify_proc_path(pid, "fd", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return false;
	found = procdir_find(fd, descriptor_is_one, &t);
	(void)close(fd);
	return found;
}

static bool
named_process_has(void *s, const char *name)
{
	pid_t pid = decimal_pid(name);

	return pid > 1 && process_has(pid, s);
}

/* All processes of its own ids are the run's, but the guard. */
static bool
namespace_has(struct sockets *s)
{
	int fd = unotify_open_proc();
	bool found;

	if (fd == -1)
		return false;
	found = procdir_find(fd, named_process_has, s);
	(void)close(fd);
	return found;
}

static bool
tree_has(const struct sockets *s)
{
	static pid_t pid[MAX_PROCESSES];
	size_t i, n = proctree_all(pid, MAX_PROCESSES);

	for (i = 0; i < n; i++)
		if (process_has(pid[i], s))
			return true;
	return false;
}

bool
sockowner_is_own(const struct stat *socket, bool own_pids)
{
	struct sockets s = { .count = 0 };

	find_sockets(&s, socket);
	return s.count > 0 && (own_pids ? namespace_has(&s) : tree_has(&s));
}
