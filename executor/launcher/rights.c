/* SPDX-License-Identifier: MIT */
/* rights: which of its arguments need a capability.  Guard. */
#include "executor/launcher/rights.h"

#include <linux/capability.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "common/decimal.h"
#include "executor/launcher/execlog.h"

enum { SAME = -1, OPEN_PORTS = 1024, SOCKET_KIND = 0xf };

static bool
is_own_group(const struct rights *r, uint32_t id)
{
	size_t i;

	for (i = 0; i < r->group_count; i++)
		if (r->groups[i] == id)
			return true;
	return id == r->gid || id == (uint32_t)SAME;
}

static bool
is_own_user(const struct rights *r, uint32_t id)
{
	return id == r->uid || id == (uint32_t)SAME;
}

/* All of the first `count` arguments are this id, or left as they are. */
static bool
are_same(const struct unotify_call *n, unsigned count, uint32_t id)
{
	unsigned i;

	for (i = 0; i < count; i++)
		if ((uint32_t)n->args[i] != id &&
		    (uint32_t)n->args[i] != (uint32_t)SAME)
			return false;
	return true;
}

static int
chown_missing(
    const struct unotify_call *n, unsigned owner, const struct rights *r)
{
	return is_own_user(r, (uint32_t)n->args[owner]) &&
		       is_own_group(r, (uint32_t)n->args[owner + 1])
		   ? -1
		   : CAP_CHOWN;
}

/* The start of those for everybody; a network of its own has the default. */
static unsigned
first_open_port(void)
{
	char text[16];
	const char *p = text;

	if (unotify_read_file("/proc/sys/net/ipv4/ip_unprivileged_port_start",
		text, sizeof(text)) == 0)
		return OPEN_PORTS;
	return (unsigned)decimal_take(&p);
}

static int
bind_missing(const struct unotify_call *n)
{
	struct sockaddr_in a = { 0 }; /* IPv6 has its port there too */

	if (unotify_read_memory(n->pid, n->args[1], &a, 4) != 4 ||
	    (a.sin_family != AF_INET && a.sin_family != AF_INET6))
		return -1;
	return a.sin_port != 0 && ntohs(a.sin_port) < first_open_port()
		   ? CAP_NET_BIND_SERVICE
		   : -1;
}

static int
socket_missing(const struct unotify_call *n)
{
	return ((uint32_t)n->args[0] == AF_INET ||
		   (uint32_t)n->args[0] == AF_INET6) &&
		       (n->args[1] & SOCKET_KIND) == SOCK_RAW
		   ? CAP_NET_RAW
		   : -1;
}

/* Copies keep an owner where they can, by descriptor or link: no word of it. */
static int
find_missing(const struct unotify_call *n, const struct rights *r)
{
	switch (n->nr) {
	case SYS_setgroups:
		return CAP_SETGID;
	case SYS_setuid:
		return are_same(n, 1, r->uid) ? -1 : CAP_SETUID;
	case SYS_setreuid:
		return are_same(n, 2, r->uid) ? -1 : CAP_SETUID;
	case SYS_setresuid:
		return are_same(n, 3, r->uid) ? -1 : CAP_SETUID;
	case SYS_setgid:
		return are_same(n, 1, r->gid) ? -1 : CAP_SETGID;
	case SYS_setregid:
		return are_same(n, 2, r->gid) ? -1 : CAP_SETGID;
	case SYS_setresgid:
		return are_same(n, 3, r->gid) ? -1 : CAP_SETGID;
#ifdef SYS_chown
	case SYS_chown:
		return chown_missing(n, 1, r);
#endif
	case SYS_fchownat:
		return n->args[4] == 0 ? chown_missing(n, 2, r) : -1;
	case SYS_bind:
		return bind_missing(n);
	case SYS_socket:
		return socket_missing(n);
	default:
		return -1;
	}
}

/* RIGHTS_CALLS: none of them. */
static enum rights_call
call_of(const struct unotify_call *n)
{
	switch (n->nr) {
	case SYS_setgroups:
		return RIGHTS_SETGROUPS;
	case SYS_setuid:
		return RIGHTS_SETUID;
	case SYS_setreuid:
		return RIGHTS_SETREUID;
	case SYS_setresuid:
		return RIGHTS_SETRESUID;
	case SYS_setgid:
		return RIGHTS_SETGID;
	case SYS_setregid:
		return RIGHTS_SETREGID;
	case SYS_setresgid:
		return RIGHTS_SETRESGID;
#ifdef SYS_chown
	case SYS_chown:
		return RIGHTS_CHOWN;
#endif
	case SYS_fchownat:
		return RIGHTS_FCHOWNAT;
	case SYS_bind:
		return RIGHTS_BIND;
	case SYS_socket: /* any other kind is refused */
		return socket_missing(n) != -1 ? RIGHTS_SOCKET : RIGHTS_CALLS;
	case SYS_execve:
		return RIGHTS_EXECVE;
	case SYS_execveat:
		return RIGHTS_EXECVEAT;
	case EXECLOG_CONFIRM_NR:
		return execlog_wants(n) ? RIGHTS_CONFIRM : RIGHTS_CALLS;
	case SYS_getpid:
		return RIGHTS_GETPID;
	case SYS_connect:
		return RIGHTS_CONNECT;
	case SYS_listen:
		return RIGHTS_LISTEN;
	default:
		return RIGHTS_CALLS;
	}
}

bool
rights_goes_on(const struct unotify_call *n, const struct rights *r)
{
	enum rights_call c = call_of(n);

	return c != RIGHTS_CALLS && (r->watched >> c & 1) != 0;
}

int
rights_missing(const struct unotify_call *n, const struct rights *r)
{
	int needed = find_missing(n, r);

	return needed != -1 && (r->capabilities >> needed & 1) == 0 ? needed
								    : -1;
}

bool
rights_would_gain(const struct filehash_owner *o, const struct rights *r)
{
	return ((o->mode & S_ISUID) != 0 && o->uid != r->uid) ||
	       ((o->mode & S_ISGID) != 0 && (o->mode & S_IXGRP) != 0 &&
		   !is_own_group(r, o->gid));
}
