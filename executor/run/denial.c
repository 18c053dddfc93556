/* SPDX-License-Identifier: MIT */
/* denial: seccomp_unotify(2), answering errors only.  Guard and executor. */
#include "executor/run/denial.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "executor/confine/syscall_group.h"

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
read_path(const struct unotify_call *n, struct denial *d)
{
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (paths[i].nr == d->nr)
			unotify_read_text(n->pid, d->args[paths[i].arg],
			    d->path, sizeof(d->path));
}

bool
denial_is_routine(const struct unotify_call *n)
{
	return n->nr == SYS_socket && (uint32_t)n->args[0] == AF_UNIX &&
	       (uint32_t)n->args[1] ==
		   (SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK);
}

int
denial_error(const struct unotify_call *n, struct denial *out)
{
	size_t len;

	memset(out, 0, sizeof(*out));
	out->nr = n->nr;
	out->pid = n->pid;
	memcpy(out->args, n->args, sizeof(out->args));
	read_path(n, out);
	len = unotify_read_proc(n->pid, "comm", out->comm, sizeof(out->comm));
	if (len > 0 && out->comm[len - 1] == '\n')
		out->comm[len - 1] = '\0';
	return n->nr == SYS_socket ? EACCES : EPERM;
}

void
denial_forget(struct denial *d)
{
	memset(d->path, 0, sizeof(d->path));
	memset(d->comm, 0, sizeof(d->comm));
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
		    "local sockets are off for this token (%s refused; policy %s, key unix_sockets)",
		    name, p->name);
	else if (p->confine.network == CONFINE_LOOK &&
		 (family == AF_INET || family == AF_INET6))
		buf_printf(out,
		    "the network can be listed and not be used by this token (%s refused; policy %s, key network)",
		    name, p->name);
	else if (family == AF_INET || family == AF_INET6 ||
		 (family == AF_NETLINK && p->confine.network == CONFINE_NONE))
		buf_printf(out,
		    "network is off for this token (%s refused; policy %s, key network)",
		    name, p->name);
	else
		buf_printf(
		    out, "sockets of %s are not available to commands", name);
}

static const struct syscall_group *
group_of(const char *call)
{
	const struct syscall_group *g;
	size_t i, j;

	for (i = 0; (g = syscall_group_at(i)) != NULL; i++)
		for (j = 0; g->calls[j] != NULL; j++)
			if (strcmp(g->calls[j], call) == 0)
				return g;
	return NULL;
}

void
denial_explain(const struct denial *d, const struct policy *p, struct buf *out)
{
	const struct syscall_group *g;
	char name[32];

	if (d->nr == SYS_socket) {
		explain_socket(d, p, out);
		return;
	}
	denial_name(d, name);
	g = group_of(name);
	buf_printf(out,
	    "system call %s is refused%s%s%s (policy %s, key syscalls, profile %s)",
	    name[0] != '\0' ? name : "of this number", g != NULL ? ": " : "",
	    g != NULL ? g->purpose : "",
	    strcmp(name, "clone") == 0 ? ", with a new namespace" : "", p->name,
	    p->profile);
}
