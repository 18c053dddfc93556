/* SPDX-License-Identifier: MIT */
/* explain: refused system calls, and what memory.events and pids.events say. */
#include "executor/run/explain.h"

#include <inttypes.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <asm/ioctls.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "common/log.h"
#include "common/told.h"
#include "executor/run/pathwords.h"
#include "executor/confine/syscall_group.h"
#include "executor/policy/capability.h"

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

/* What follows has a line of its own. */
static void
begin_line(struct buf *out)
{
	if (out->len > 0)
		buf_put_u8(out, '\n');
}

/* The same of what is not a refusal. */
static void
begin_note(struct buf *out)
{
	begin_line(out);
	buf_put_str(out, TOLD_NOTE);
}

void
explain_call_name(const struct denial *d, char name[32])
{
	filter_call_name(d->nr, name);
}

const char *
explain_rule_name(enum denial_rule r)
{
	static const char *const names[DENIAL_RULES] = {
		[DENIAL_FILTER] = "filter",
		[DENIAL_CAPABILITY] = "capability",
		[DENIAL_SET_ID] = "no_new_privs",
		[DENIAL_SOCKET] = "socket",
		[DENIAL_LOADER] = "loader",
		[DENIAL_TRACED] = "traced",
	};

	return names[r];
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

/* What netlink sockets of that protocol are for. */
static const char *
netlink_purpose(uint64_t protocol)
{
	switch ((uint32_t)protocol) {
	case NETLINK_SOCK_DIAG:
		return "details of sockets";
	case NETLINK_XFRM:
		return "IPsec";
	case NETLINK_AUDIT:
		return "the kernel's audit log (programs that merely report to it carry on without it)";
	case NETLINK_NETFILTER:
		return "the firewall's rules and connections";
	case NETLINK_KOBJECT_UEVENT:
		return "events of devices";
	case NETLINK_GENERIC:
		return "generic netlink";
	default:
		return "another protocol than routing";
	}
}

bool
explain_is_network(const struct denial *d, const struct policy *p)
{
	int family = (int)(uint32_t)d->args[0];

	return d->rule == DENIAL_FILTER && d->nr == SYS_socket &&
	       (family == AF_INET || family == AF_INET6 ||
		   (family == AF_NETLINK &&
		       p->confine.network == CONFINE_NONE));
}

static void
explain_socket(const struct denial *d, const struct policy *p, struct buf *out)
{
	int family = (int)(uint32_t)d->args[0];
	const char *name;
	char text[32];

	name = family_name(d, text);
	if (family == AF_UNIX && p->confine.own_sockets)
		buf_printf(out,
		    "local sockets for datagrams are off for this token, as each message may name another receiver: those for streams and for packets (SOCK_SEQPACKET) work between the command's own processes (policy %s, key unix_sockets)",
		    p->name);
	else if (family == AF_UNIX)
		buf_printf(out,
		    "local sockets are off for this token (%s refused; policy %s, key unix_sockets)",
		    name, p->name);
	else if (p->confine.network == CONFINE_LOOK &&
		 (family == AF_INET || family == AF_INET6))
		buf_printf(out,
		    "the network can be listed and not be used by this token (%s refused; policy %s, key network)",
		    name, p->name);
	else if (explain_is_network(d, p))
		buf_printf(out,
		    "network is off for this token (%s refused; policy %s, key network)",
		    name, p->name);
	else if (family == AF_NETLINK)
		buf_printf(out,
		    "sockets of AF_NETLINK for %s are refused (policy %s, key syscalls, profile %s)",
		    netlink_purpose(d->args[2]), p->name, p->profile);
	else
		buf_printf(out,
		    "sockets of %s are refused (policy %s, key syscalls, profile %s)",
		    name, p->name, p->profile);
}

/* What a policy that has other pairs keeps out. */
static bool
is_pair_of_datagrams(const struct denial *d, const struct policy *p)
{
	int kind = (int)d->args[1] & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);

	return d->nr == SYS_socketpair && (uint32_t)d->args[0] == AF_UNIX &&
	       (kind == SOCK_DGRAM || kind == SOCK_RAW) && !p->no_pairs;
}

static void
explain_pair(const struct policy *p, struct buf *out)
{
	buf_printf(out,
	    "socketpair for datagrams is off for this token, as each message may name another receiver: pairs for streams and for packets (SOCK_SEQPACKET) work (policy %s, key unix_sockets)",
	    p->name);
}

/* A call that is refused with some arguments: what it would do; NULL: any. */
static const char *
purpose_of_argument(const struct denial *d)
{
	uint32_t command = (uint32_t)d->args[1];

	if (d->nr == SYS_prlimit64 && d->args[0] != 0)
		return "use of the limits of other processes (prlimit)";
	if (d->nr == SYS_personality)
		return "fixed addresses of memory, or another kind of machine (personality)";
	if (d->nr == SYS_prctl && (uint32_t)d->args[0] == PR_SET_MM)
		return "changing where a process says its memory is (prctl, PR_SET_MM)";
	if (d->nr != SYS_ioctl)
		return NULL;
	if (command == TIOCSTI || command == TIOCLINUX)
		return "typing into a terminal as if a person did (ioctl, TIOCSTI)";
	if (command == TIOCSETD)
		return "another line discipline of a terminal (ioctl, TIOCSETD)";
	/* btrfs's and bcachefs's, as profiles.c has them */
	return _IOC_TYPE(command) == 0x94 || _IOC_TYPE(command) == 0xbc
		   ? "a snapshot of a tree of files (ioctl)"
		   : NULL;
}

static void
explain_memory_file(const struct policy *p, struct buf *out)
{
	buf_printf(out,
	    "files in memory (memfd_create) are off for this token, as what is written there could be executed; an ordinary temporary file works (policy %s, key %s)",
	    p->name, p->confine.listed_programs ? "programs" : "files.noexec");
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

static void
explain_capability(
    const struct denial *d, const struct policy *p, struct buf *out)
{
	const char *capability = capability_name((unsigned)d->capability);
	char name[32];

	explain_call_name(d, name);
	if (d->nr == SYS_bind)
		(void)snprintf(name, sizeof(name), "bind to a low port");
	else if (d->nr == SYS_socket)
		(void)snprintf(name, sizeof(name), "raw socket");
	if (capability == NULL) { /* a record does not have it */
		buf_printf(out,
		    "%s failed: it needs a capability that this policy does not keep (policy %s, key capabilities)",
		    name, p->name);
		return;
	}
	buf_printf(out,
	    "%s failed: it needs the capability %s, and this policy keeps %s (policy %s, key capabilities)",
	    name, capability, p->capabilities != 0 ? "others" : "no capability",
	    p->name);
}

/* A command chose it: it must not become another line. */
static void
put_chosen(struct buf *out, const char *text, size_t size)
{
	for (size_t i = 0; i < size && text[i] != '\0'; i++)
		buf_put_u8(out, (uint8_t)text[i] < ' ' || text[i] == 0x7f
				    ? '?'
				    : (uint8_t)text[i]);
}

static void
explain_set_id(const struct denial *d, const struct policy *p, struct buf *out)
{
	buf_put_str(out, "the program ");
	if (d->path[0] != '\0')
		put_chosen(out, d->path, sizeof(d->path));
	else
		put_chosen(out, d->comm, sizeof(d->comm));
	buf_printf(out,
	    " cannot change the user or group here: it failed without the rights of its owner, which a command never gets (no_new_privs; ask for a policy with another user or capabilities, or for a tool with a policy of its own; policy %s)",
	    p->name);
}

static void
explain_connect(const struct denial *d, const struct policy *p, struct buf *out)
{
	buf_put_str(out, "the local socket ");
	put_chosen(out, d->path, sizeof(d->path));
	buf_printf(out,
	    " is of others, and this policy does not name it: only the run's own can be connected to (policy %s, key unix_sockets)",
	    p->name);
}

static void
explain_loader(const struct denial *d, const struct policy *p, struct buf *out)
{
	buf_put_str(out, "the dynamic loader ");
	put_chosen(out, d->path, sizeof(d->path));
	buf_printf(out,
	    " was ended, as what is given to it may be a program that is not listed: start the program itself (policy %s, key programs)",
	    p->name);
}

static void
explain_traced(const struct denial *d, const struct policy *p, struct buf *out)
{
	buf_put_str(out, "the start of ");
	put_chosen(out, d->path, sizeof(d->path));
	buf_printf(out,
	    " is refused, as what starts there cannot be looked at: a tracer (gdb, strace) has hold of it, or the program that starts it hides its memory (ssh-agent); start it without a tracer and attach to it then, or start it by itself (policy %s, key programs)",
	    p->name);
}

void
explain_denial(const struct denial *d, const struct policy *p, struct buf *out)
{
	const struct syscall_group *g;
	const char *what;
	char name[32];

	if (d->rule == DENIAL_CAPABILITY) {
		explain_capability(d, p, out);
		return;
	}
	if (d->rule == DENIAL_SET_ID) {
		explain_set_id(d, p, out);
		return;
	}
	if (d->rule == DENIAL_SOCKET) {
		explain_connect(d, p, out);
		return;
	}
	if (d->rule == DENIAL_LOADER) {
		explain_loader(d, p, out);
		return;
	}
	if (d->rule == DENIAL_TRACED) {
		explain_traced(d, p, out);
		return;
	}
	if (d->nr == SYS_socket) {
		explain_socket(d, p, out);
		return;
	}
	if (is_pair_of_datagrams(d, p)) {
		explain_pair(p, out);
		return;
	}
	if (d->nr == SYS_memfd_create && p->confine.noexec) {
		explain_memory_file(p, out);
		return;
	}
	what = purpose_of_argument(d);
	if (what != NULL) {
		buf_printf(out,
		    "%s is refused (policy %s, key syscalls, profile %s)", what,
		    p->name, p->profile);
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
	begin_line(out);
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

static const struct policy_rlimit *
find_rlimit(const struct policy *p, int resource)
{
	size_t i;

	for (i = 0; i < p->rlimit_count; i++)
		if (p->rlimits[i].resource == resource)
			return &p->rlimits[i];
	return NULL;
}

static void
explain_rlimit(
    const struct policy *p, int resource, const char *what, struct buf *out)
{
	const struct policy_rlimit *r = find_rlimit(p, resource);

	if (r == NULL)
		return;
	begin_line(out);
	buf_printf(out,
	    "%s: the limit is %" PRIu64 " (policy %s, key limits.%s)", what,
	    (uint64_t)r->value, p->name, r->key);
}

/* Of itself, or as a shell says it of its child. */
static bool
ended_by(const struct explain_end *e, int sig)
{
	return e->signal == sig || e->exit_code == 128 + sig;
}

static void
explain_private(const struct policy *p, struct buf *out)
{
	begin_line(out);
	buf_printf(out,
	    "/tmp and the other private directories of this run were full: they hold %" PRIu64
	    " bytes together, and are empty again for the next run (policy %s, key files.tmp_bytes)",
	    p->confine.mounts.tmp_bytes, p->name);
}

static void
explain_ended(const struct findings *f, const struct policy *p, struct buf *out)
{
	size_t i, named = f->ended < FINDINGS_NAMES ? f->ended : FINDINGS_NAMES;

	begin_note(out);
	buf_printf(out,
	    "%u background process%s ended with the command:", f->ended,
	    f->ended == 1 ? " was" : "es were");
	for (i = 0; i < named; i++)
		buf_printf(out, "%s %.*s", i > 0 ? "," : "",
		    (int)sizeof(f->name[i]), f->name[i]);
	buf_printf(out, "%s (nothing outlives the command that started it%s)",
	    f->ended > named ? ", ..." : "",
	    p->jobs.offered ? ": give job_start what has to go on" : "");
}

static void
explain_time(
    const struct explain_end *e, const struct policy *p, struct buf *out)
{
	begin_note(out);
	if (e->waits)
		buf_printf(out, "the time limit of %" PRIu32 " ms was reached",
		    e->timeout_ms);
	else if (e->timeout_ms < p->timeout_max_ms)
		buf_printf(out,
		    "the time limit of %" PRIu32
		    " ms was reached: a call may ask for up to %" PRIu32
		    " ms with timeout_ms (policy %s, key limits.timeout_max_ms)",
		    e->timeout_ms, p->timeout_max_ms, p->name);
	else /* a job may take longer than a call can ask for */
		buf_printf(out,
		    "the time limit of %" PRIu32
		    " ms was reached, the longest that policy %s allows (key %s)",
		    e->timeout_ms, p->name,
		    e->timeout_ms > p->timeout_max_ms
			? "jobs.max_seconds"
			: "limits.timeout_max_ms");
}

void
explain_end(
    const struct explain_end *e, const struct policy *p, struct buf *out)
{
	if (e->findings->tmp_full)
		explain_private(p, out);
	if (ended_by(e, SIGXFSZ))
		explain_rlimit(p, RLIMIT_FSIZE,
		    "a file that the command wrote was as large as it may be, in bytes",
		    out);
	if (ended_by(e, SIGXCPU))
		explain_rlimit(p, RLIMIT_CPU,
		    "a process used as many seconds of CPU time as it may",
		    out);
	if (e->timed_out)
		explain_time(e, p, out);
	if (e->findings->ended > 0)
		explain_ended(e->findings, p, out);
}

static void
explain_net_admin(const struct policy *p, struct buf *out)
{
	if ((p->capabilities >> CAP_NET_ADMIN & 1) != 0)
		return;
	begin_line(out);
	buf_printf(out,
	    "changing the network's configuration needs the capability cap_net_admin, and this policy keeps %s (policy %s, key capabilities)",
	    p->capabilities != 0 ? "others" : "no capability", p->name);
}

/* ESRCH, EPERM: by ids that a run sees, or by those of a file or of an earlier run. */
static void
explain_no_process(const struct policy *p, struct buf *out)
{
	if ((p->confine.layers & CONFINE_PIDS) == 0)
		return;
	begin_line(out);
	buf_printf(out,
	    TOLD_NOTE
	    "signals reach only this command's own processes, %s (policy %s, key processes)",
	    p->confine.processes
		? "which have ids of their own: those in /proc are the machine's"
		: "and it sees no others",
	    p->name);
}

/* ulimit(1p) of what the policy set, or the service it runs in. */
static void
explain_raised(const struct policy *p, struct buf *out)
{
	if ((p->capabilities >> CAP_SYS_RESOURCE & 1) != 0)
		return;
	begin_note(out);
	buf_printf(out,
	    "a command can lower its limits but not raise them: they are those of policy %s (key limits), or, where it sets none, of the service's unit",
	    p->name);
}

/* Limits that the output speaks of. */
static void
explain_limit(const struct hint *h, const struct policy *p, struct buf *out)
{
	static const struct {
		int resource;
		const char *what;
	} words[HINT_KINDS] = {
		[HINT_FILE_SIZE] = { RLIMIT_FSIZE,
		    "a file that a command writes cannot get larger" },
		[HINT_PROCESSES] = { RLIMIT_NPROC,
		    "this user cannot have more processes and threads" },
		[HINT_FILES] = { RLIMIT_NOFILE,
		    "a process cannot have more files open" },
		[HINT_MEMORY] = { RLIMIT_AS,
		    "a process cannot have more memory, in bytes" },
	};

	if (h->kind == HINT_NET_ADMIN)
		explain_net_admin(p, out);
	else if (h->kind == HINT_LIMIT)
		explain_raised(p, out);
	else if (h->kind == HINT_NO_PROCESS || h->kind == HINT_NO_SIGNAL)
		explain_no_process(p, out);
	if (words[h->kind].what != NULL)
		explain_rlimit(
		    p, words[h->kind].resource, words[h->kind].what, out);
}

void
explain_hints(const struct hints *h, const struct policy *p,
    const char *directory, struct buf *out)
{
	pathwords_put(h, p, directory, out);
	for (size_t i = 0; i < h->count; i++)
		if (h->found[i].path[0] == '\0')
			explain_limit(&h->found[i], p, out);
}

void
explain_rights(const struct policy *p, struct buf *out)
{
	begin_note(out);
	buf_printf(out,
	    "commands run as the user %s with %s, and what that user may not do is refused by the machine: another policy, or a tool with a policy of its own, can have more rights (policy %s, keys user, groups and capabilities)",
	    p->user,
	    p->capabilities != 0 ? "some capabilities" : "no capability",
	    p->name);
}

void
explain_priority(const struct policy *p, struct buf *out)
{
	if ((p->capabilities >> CAP_SYS_NICE & 1) != 0)
		return;
	begin_note(out);
	buf_printf(out,
	    "a command can lower its priority, and neither raise it nor ask for a real-time one, which needs the capability cap_sys_nice; this policy keeps %s (policy %s, key capabilities)",
	    p->capabilities != 0 ? "others" : "no capability", p->name);
}

void
explain_editor(const struct policy *p, struct buf *out)
{
	begin_note(out);
	buf_printf(out,
	    "the editor failed without a word: what the user %s may not write by a file's owner and mode, another policy, or a tool with a policy of its own, may (policy %s, keys user, groups and capabilities)",
	    p->user, p->name);
}

void
explain_operator(struct bytes word, const struct policy *p, struct buf *out)
{
	begin_note(out);
	buf_printf(out,
	    "there is no shell here, so that %s was an argument like any other%s",
	    log_text(word).s,
	    policy_offers(p, BYTES_LIT("exec_cmd"))
		? ": exec_cmd has pipes, redirections and &&"
		: "");
}

void
explain_noexec(const struct policy *p, struct buf *out)
{
	begin_note(out);
	buf_printf(out,
	    "a file in a place that can be written does not execute (policy %s, key files.noexec)",
	    p->name);
}

void
explain_no_socket(const struct policy *p, struct buf *out)
{
	struct denial d = { .nr = SYS_socket, .args = { AF_UNIX } };

	begin_line(out);
	explain_denial(&d, p, out);
}
