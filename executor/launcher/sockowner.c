/* SPDX-License-Identifier: MIT */
/* sockowner: unix_diag, and a look at the descriptors of processes.  Guard. */
#include "executor/launcher/sockowner.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/decimal.h"
#include "executor/launcher/procdir.h"
#include "executor/launcher/proctree.h"
#include "executor/launcher/unotify.h"

enum {
	LISTENING = 1 << 10, /* TCP_LISTEN, as unix_diag has it */
	UNCONNECTED = 1 << 7, /* TCP_CLOSE: datagram sockets */
	MAX_SOCKETS = 32, /* with that inode number, on all file systems */
	MAX_PROCESSES = 4096,
	DEVICE_BITS = 20, /* of the minor number, in the kernel's dev_t */
	FILE_OF_SOCKET = SIOCPROTOPRIVATE /* SIOCUNIXFILE of <linux/un.h> */
};

/* What may be bound to a file: the list has 32 bits of the inode's number. */
struct sockets {
	const struct stat *file;
	struct {
		unsigned ino;
		bool same_device; /* as stat(2) has it: never so on btrfs */
	} one[MAX_SOCKETS];
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
take_socket(struct sockets *s, struct nlmsghdr *h)
{
	struct unix_diag_msg *m = (void *)(h + 1);
	dev_t dev = s->file->st_dev;
	unsigned device = major(dev) << DEVICE_BITS | minor(dev);
	struct rtattr *a = (void *)(m + 1);
	size_t left = h->nlmsg_len - sizeof(*h) - sizeof(*m);
	struct unix_diag_vfs v;

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type != UNIX_DIAG_VFS ||
		    RTA_PAYLOAD(a) < sizeof(v) || s->count == MAX_SOCKETS)
			continue;
		memcpy(&v, RTA_DATA(a), sizeof(v));
		if (v.udiag_vfs_ino != (uint32_t)s->file->st_ino)
			continue;
		s->one[s->count].ino = m->udiag_ino;
		s->one[s->count++].same_device = v.udiag_vfs_dev == device;
	}
}

static void
find_sockets(struct sockets *s)
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
				take_socket(s, h);
		}
	}
	if (fd != -1)
		(void)close(fd);
}

/* "socket:[INO]": which of them; s->count: none. */
static size_t
find_one(const struct sockets *s, const char *link)
{
	uint64_t ino;
	size_t i;

	if (strncmp(link, "socket:[", 8) != 0)
		return s->count;
	link += 8;
	ino = decimal_take(&link);
	for (i = 0; i < s->count && s->one[i].ino != ino; i++)
		;
	return i;
}

static int
copy_descriptor(pid_t pid, const char *number)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), fd;

	if (pidfd == -1)
		return -1;
	fd =
	    (int)syscall(SYS_pidfd_getfd, pidfd, (int)decimal_take(&number), 0);
	(void)close(pidfd);
	return fd;
}

/*
 * The file that a socket is bound to, by the kernel's own word; false: it may
 * not be asked for, which takes CAP_NET_ADMIN in the socket's network.
 */
static bool
file_of_socket(pid_t pid, const char *number, struct stat *out)
{
	int fd = copy_descriptor(pid, number);
	int file = fd == -1 ? -1 : ioctl(fd, FILE_OF_SOCKET);
	bool told = file != -1 && fstat(file, out) == 0;

	if (file != -1)
		(void)close(file);
	if (fd != -1)
		(void)close(fd);
	return told;
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
	struct stat file;
	size_t i;

	if (strlen(fd) > 10)
		return false;
	memcpy(name + 3, fd, strlen(fd) + 1);
	unotify_read_link(t->pid, name, link, sizeof(link));
	i = find_one(t->s, link);
	if (i == t->s->count)
		return false;
	if (file_of_socket(t->pid, fd, &file))
		return file.st_dev == t->s->file->st_dev &&
		       file.st_ino == t->s->file->st_ino;
	return t->s->one[i].same_device;
}

static bool
process_has(pid_t pid, const struct sockets *s)
{
	struct table t = { s, pid };
	char path[UNOTIFY_PATH];
	bool found;
	int at = unotify_proc_path(pid, "fd", path);
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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
	struct sockets s = { .file = socket };

	find_sockets(&s);
	return s.count > 0 && (own_pids ? namespace_has(&s) : tree_has(&s));
}
