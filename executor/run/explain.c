/* SPDX-License-Identifier: MIT */
/* explain: refused system calls, and what memory.events and pids.events say. */
#include "executor/run/explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "executor/confine/syscall_group.h"

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

void
explain_call_name(const struct denial *d, char name[32])
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
explain_denial(const struct denial *d, const struct policy *p, struct buf *out)
{
	const struct syscall_group *g;
	char name[32];

	if (d->nr == SYS_socket) {
		explain_socket(d, p, out);
		return;
	}
	explain_call_name(d, name);
	g = group_of(name);
	buf_printf(out,
	    "system call %s is refused%s%s%s (policy %s, key syscalls, profile %s)",
	    name[0] != '\0' ? name : "of this number", g != NULL ? ": " : "",
	    g != NULL ? g->purpose : "",
	    strcmp(name, "clone") == 0 ? ", with a new namespace" : "", p->name,
	    p->profile);
}

/* oom_kills counts what was ended for a limit further up as well. */
static void
explain_memory(
    const struct policy *p, const struct cgroup_usage *u, struct buf *out)
{
	if (u->memory_full > 0 && p->cgroup.memory_bytes > 0)
		buf_printf(out,
		    "the memory limit of %" PRIu64
		    " bytes was reached, and the kernel ended the run (policy %s, key limits.memory_bytes)",
		    p->cgroup.memory_bytes, p->name);
	else if (u->oom_kills > 0)
		buf_put_str(out,
		    "memory was short on this server, and the kernel ended processes of the run; its administrator can say why");
}

static void
explain_processes(
    const struct policy *p, const struct cgroup_usage *u, struct buf *out)
{
	if (u->pids_denied == 0)
		return;
	if (out->len > 0)
		buf_put_u8(out, '\n');
	buf_printf(out,
	    "the limit of %" PRIu64
	    " processes and threads was reached (policy %s, key limits.processes)",
	    p->cgroup.processes, p->name);
}

void
explain_limits(
    const struct policy *p, const struct cgroup_usage *u, struct buf *out)
{
	explain_memory(p, u, out);
	explain_processes(p, u, out);
}
