/* SPDX-License-Identifier: MIT */
/*
 * profiles: which groups a profile allows, and the rules that look at
 * arguments.  Executor; compiled once when a policy is loaded.
 */
#include "executor/confine/profiles.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "common/log.h"
#include "executor/launcher/execlog.h"
#include "executor/launcher/rights.h"
#include "executor/confine/filtercache.h"
#include "executor/confine/syscall_group.h"

/* Kernel interfaces that take an int look at the low 32 bits only. */
#define LOW32 0xffffffffULL

/* clang-format off */
#define ALLOW_IF(name, n, bits, want) \
	{ .syscall = name, .verdict = FILTER_ALLOW, \
	.compare = FILTER_MASKED, .arg = n, .mask = bits, .value = want }
#define REFUSE_IF(name, n, bits, want, why) \
	{ .syscall = name, .verdict = FILTER_REFUSE, .error = why, \
	.compare = FILTER_MASKED, .arg = n, .mask = bits, .value = want }
#define NO_CLONE(flag)	REFUSE_IF("clone", 0, flag, flag, EPERM)
#define FAMILY(f)	ALLOW_IF("socket", 0, LOW32, f)
#define NO_FAMILY(f)	REFUSE_IF("socket", 0, LOW32, f, EACCES)

/* As linux/btrfs.h and bcachefs have them; the owner of a tree may. */
#define BTRFS_SNAP_CREATE	_IOC(_IOC_WRITE, 0x94, 1, 4096)
#define BTRFS_SNAP_CREATE_V2	_IOC(_IOC_WRITE, 0x94, 23, 4096)
#define BCACHEFS_SUBVOLUME_CREATE _IOC(_IOC_WRITE, 0xbc, 16, 32)

/* Of the second argument: the rest are SOCK_CLOEXEC and SOCK_NONBLOCK. */
#define SOCK_KIND	0xf

/* Namespaces that clone(2) could make. */
#define NAMESPACES \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | \
	CLONE_NEWUSER | CLONE_NEWPID | (unsigned)CLONE_NEWNET)

static const char *const strict_groups[] = {
	"@memory", "@process", "@signal", "@timer", "@identity",
	"@descriptor", "@io", "@file", "@system-info", "@sandbox", NULL
};

static const char *const default_groups[] = {
	"@memory", "@process", "@scheduler", "@signal", "@timer",
	"@identity", "@descriptor", "@io", "@aio", "@file", "@chown",
	"@socket", "@ipc", "@system-info", "@sandbox", NULL
};

static const char *const build_groups[] = {
	"@memory", "@process", "@scheduler", "@signal", "@timer",
	"@identity", "@descriptor", "@io", "@aio", "@file", "@chown",
	"@socket", "@ipc", "@system-info", "@sandbox", "@debug", NULL
};

static const struct profile profiles[] = {
	{ "strict", "computing and files: no sockets, no shared memory, no changes of owner or priority", strict_groups },
	{ "default", "what ordinary programs use; no namespaces, mounts, tracing, keyrings, io_uring or kernel administration",
	    default_groups },
	{ "network", "as default; sockets of diagnosis (sock_diag) too, where the network is not none", default_groups },
	{ "build", "as default, and debuggers and tracers of one's own processes", build_groups },
};

/* Of every profile: calls that depend on an argument. */
static const struct filter_rule argument_rules[] = {
	ALLOW_IF("clone", 0, NAMESPACES, 0),
	NO_CLONE(CLONE_NEWNS), NO_CLONE(CLONE_NEWCGROUP),
	NO_CLONE(CLONE_NEWUTS), NO_CLONE(CLONE_NEWIPC),
	NO_CLONE(CLONE_NEWUSER), NO_CLONE(CLONE_NEWPID),
	NO_CLONE((unsigned)CLONE_NEWNET),
	/* its flags are in memory, out of a filter's sight: libc falls back */
	{ .syscall = "clone3", .verdict = FILTER_ERRNO, .error = ENOSYS },
	/*
	 * every ioctl but typing into a terminal, giving it another line
	 * discipline, for which the kernel loads modules (dev.tty.ldisc_autoload),
	 * and having the file system copy a tree, with what is hidden in it; the
	 * command is an int
	 */
	{ .syscall = "ioctl", .verdict = FILTER_ALLOW },
	REFUSE_IF("ioctl", 1, LOW32, BTRFS_SNAP_CREATE, EPERM),
	REFUSE_IF("ioctl", 1, LOW32, BTRFS_SNAP_CREATE_V2, EPERM),
	REFUSE_IF("ioctl", 1, LOW32, BCACHEFS_SUBVOLUME_CREATE, EPERM),
	REFUSE_IF("ioctl", 1, LOW32, TIOCSTI, EPERM),
	REFUSE_IF("ioctl", 1, LOW32, TIOCLINUX, EPERM),
	REFUSE_IF("ioctl", 1, LOW32, TIOCSETD, EPERM),
	/* where its memory is said to be: by that one program is told from
	 * the next, see executor/launcher/execlog */
	REFUSE_IF("prctl", 0, LOW32, PR_SET_MM, EPERM),
	/* asking for the personality, and the ordinary one */
	ALLOW_IF("personality", 0, LOW32, 0),
	ALLOW_IF("personality", 0, LOW32, LOW32),
	/* what setarch(8) and gdb(1) ask for, so that it is told */
	REFUSE_IF("personality", 0, LOW32, ADDR_NO_RANDOMIZE, EPERM),
	REFUSE_IF("personality", 0, LOW32, PER_LINUX32, EPERM),
	REFUSE_IF("personality", 0, LOW32, PER_LINUX32 | ADDR_NO_RANDOMIZE,
	    EPERM),
	/* its own limits; those of its guard are none of its business */
	{ .syscall = "prlimit64", .verdict = FILTER_ALLOW },
	{ .syscall = "prlimit64", .verdict = FILTER_REFUSE, .error = EPERM,
	    .compare = FILTER_NE, .arg = 0, .value = 0 },
	/*
	 * The limit of core files stays: the kernel starts a core handler
	 * ("|" in core_pattern), as root and outside of all layers, for
	 * every limit but 1, core(5).  Programs that set it to 0, for their
	 * secrets, are told that it is so.
	 */
	{ .syscall = "prlimit64", .verdict = FILTER_ERRNO, .error = 0,
	    .compare = FILTER_NE, .arg = 2, .value = 0,
	    .arg_b = 1, .mask_b = LOW32, .value_b = RLIMIT_CORE },
	{ .syscall = "setrlimit", .verdict = FILTER_ERRNO, .error = 0,
	    .compare = FILTER_MASKED, .arg = 0, .mask = LOW32,
	    .value = RLIMIT_CORE },
	ALLOW_IF("socketpair", 0, LOW32, AF_UNIX),
};

/*
 * Of netlink(7) only routing, protocol 0, which getaddrinfo(3) asks, and what
 * diagnosis_rules have.  The others are named, so that they are told; the
 * error is that of a kernel without them, at which libaudit goes on.
 */
#define NETLINK(protocol, what, why) \
	{ .syscall = "socket", .verdict = what, .error = why, \
	.compare = FILTER_MASKED, .arg = 0, .mask = LOW32, \
	.value = AF_NETLINK, .arg_b = 2, .mask_b = LOW32, .value_b = protocol }
#define NO_NETLINK(protocol) NETLINK(protocol, FILTER_REFUSE, EPROTONOSUPPORT)
#define NETLINKS \
	NETLINK(NETLINK_ROUTE, FILTER_ALLOW, 0), NO_NETLINK(NETLINK_USERSOCK), \
	NO_NETLINK(NETLINK_XFRM), NO_NETLINK(NETLINK_AUDIT), \
	NO_NETLINK(NETLINK_CONNECTOR), NO_NETLINK(NETLINK_NETFILTER), \
	NO_NETLINK(NETLINK_KOBJECT_UEVENT), NO_NETLINK(NETLINK_GENERIC)

/* With "network" other than none. */
static const struct filter_rule internet_rules[] = {
	FAMILY(AF_INET), FAMILY(AF_INET6),
	NETLINKS,
};

/* The same, and raw ones are told: the kernel asks for CAP_NET_RAW. */
#define KIND(f, kind, what) \
	{ .syscall = "socket", .verdict = what, .compare = FILTER_MASKED, \
	.arg = 0, .mask = LOW32, .value = f, \
	.arg_b = 1, .mask_b = SOCK_KIND, .value_b = kind }
#define KINDS(f) \
	KIND(f, 0, FILTER_ALLOW), KIND(f, SOCK_STREAM, FILTER_ALLOW), KIND(f, SOCK_DGRAM, FILTER_ALLOW), \
	KIND(f, SOCK_RDM, FILTER_ALLOW), KIND(f, SOCK_SEQPACKET, FILTER_ALLOW), \
	KIND(f, SOCK_DCCP, FILTER_ALLOW), KIND(f, SOCK_RAW, FILTER_WATCH)

static const struct filter_rule watched_internet_rules[] = {
	KINDS(AF_INET), KINDS(AF_INET6),
	NETLINKS,
};

static const struct filter_rule no_internet_rules[] = {
	NO_FAMILY(AF_INET), NO_FAMILY(AF_INET6), NO_FAMILY(AF_NETLINK),
};

/*
 * Neither lets an unprivileged process change or reach anything: routing is
 * changed, and sockets are closed, with CAP_NET_ADMIN alone.
 */
static const struct filter_rule look_rules[] = {
	NO_FAMILY(AF_INET), NO_FAMILY(AF_INET6),
	NETLINKS,
};

/* What ss(8) asks. */
static const struct filter_rule diagnosis_rules[] = {
	NETLINK(NETLINK_SOCK_DIAG, FILTER_ALLOW, 0),
};
/* It falls back to /proc/net, which knows less: lengths of queues. */
static const struct filter_rule no_diagnosis_rules[] = {
	NO_NETLINK(NETLINK_SOCK_DIAG),
};

/*
 * Those that must connect before they send, as connect(2) is where others'
 * sockets are kept out of reach (executor/launcher/connector).  A datagram
 * names its receiver in memory, sendmsg(2), where no filter sees it, and to
 * carry out each sendmsg would slow down all of a run's traffic.
 */
static const struct filter_rule own_unix_rules[] = {
	KIND(AF_UNIX, SOCK_STREAM, FILTER_ALLOW),
	KIND(AF_UNIX, SOCK_SEQPACKET, FILTER_ALLOW),
};

#define NO_KIND(kind) \
	{ .syscall = "socket", .verdict = FILTER_REFUSE, .error = EACCES, \
	.compare = FILTER_MASKED, .arg = 0, .mask = LOW32, .value = AF_UNIX, \
	.arg_b = 1, .mask_b = SOCK_KIND, .value_b = kind }

static const struct filter_rule no_datagram_rules[] = {
	NO_KIND(SOCK_DGRAM), NO_KIND(SOCK_RAW),
	REFUSE_IF("socketpair", 1, SOCK_KIND, SOCK_DGRAM, EACCES),
	REFUSE_IF("socketpair", 1, SOCK_KIND, SOCK_RAW, EACCES),
};

static const struct filter_rule datagram_rules[] = {
	KIND(AF_UNIX, SOCK_DGRAM, FILTER_ALLOW),
	KIND(AF_UNIX, SOCK_RAW, FILTER_ALLOW),
};

static const struct filter_rule unix_rules[] = { FAMILY(AF_UNIX) };
/*
 * Of pairs those that stay pairs: a datagram's sender may name another
 * receiver each time, sendto(2), or connect(2) again.
 */
static const struct filter_rule no_unix_rules[] = {
	NO_FAMILY(AF_UNIX),
	REFUSE_IF("socketpair", 1, SOCK_KIND, SOCK_DGRAM, EACCES),
	REFUSE_IF("socketpair", 1, SOCK_KIND, SOCK_RAW, EACCES),
};

/* Of every profile that has sockets: families that are never needed. */
static const struct filter_rule family_rules[] = {
	NO_FAMILY(AF_AX25), NO_FAMILY(AF_IPX), NO_FAMILY(AF_APPLETALK),
	NO_FAMILY(AF_X25), NO_FAMILY(AF_KEY), NO_FAMILY(AF_PACKET),
	NO_FAMILY(AF_RDS), NO_FAMILY(AF_PPPOX), NO_FAMILY(AF_LLC),
	NO_FAMILY(AF_CAN), NO_FAMILY(AF_TIPC), NO_FAMILY(AF_BLUETOOTH),
	NO_FAMILY(AF_RXRPC), NO_FAMILY(AF_ALG), NO_FAMILY(AF_NFC),
	NO_FAMILY(AF_VSOCK), NO_FAMILY(AF_KCM), NO_FAMILY(AF_QIPCRTR),
	NO_FAMILY(AF_SMC), NO_FAMILY(AF_XDP),
};
/* clang-format on */

enum { MAX_RULES = 1024, NAME_BITS = 4096 };

/* The table that is compiled, as it grows. */
struct rules {
	struct filter_rule row[MAX_RULES];
	size_t count;
	uint64_t seen[NAME_BITS / 64]; /* of a name's bit: a row may have it */
};

static size_t
bit_of(const char *name)
{
	size_t h = 5381;

	while (*name != '\0')
		h = 33 * h + (unsigned char)*name++;
	return h % NAME_BITS;
}

static void
put_rule(struct rules *r, struct filter_rule row)
{
	const size_t bit = bit_of(row.syscall);

	if (r->count == MAX_RULES)
		fatal("a profile has more than %d rules", MAX_RULES);
	r->seen[bit / 64] |= (uint64_t)1 << bit % 64;
	r->row[r->count++] = row;
}

/* Almost always false for a name that was not put: most calls are new. */
static bool
may_have(const struct rules *r, const char *name)
{
	const size_t bit = bit_of(name);

	return (r->seen[bit / 64] >> bit % 64 & 1) != 0;
}

static void
put_all(struct rules *r, const struct filter_rule *more, size_t n)
{
	while (n-- > 0)
		put_rule(r, *more++);
}

#define PUT_ALL(r, table) put_all(r, table, sizeof(table) / sizeof((table)[0]))

/* Most differ in their first letter: there are hundreds of rows. */
static bool
is_about(const struct filter_rule *row, const char *name)
{
	return row->syscall[0] == name[0] && strcmp(row->syscall, name) == 0;
}

/* Replace any earlier note about this call. */
static void
set_call(struct rules *r, const char *name, enum filter_verdict verdict)
{
	size_t i, n = 0;

	for (i = 0; may_have(r, name) && i < r->count; i++)
		if (!is_about(&r->row[i], name)) {
			if (n < i)
				r->row[n] = r->row[i];
			n++;
		}
	if (i > 0)
		r->count = n;
	put_rule(r, (struct filter_rule){
			.syscall = name, .verdict = verdict, .error = EPERM });
}

static void
set_group(struct rules *r, const struct syscall_group *g, enum filter_verdict v)
{
	const char *const *call;

	for (call = g->calls; *call != NULL; call++)
		set_call(r, *call, v);
}

static void
set_names(struct rules *r, const char *const *names, enum filter_verdict v)
{
	const struct syscall_group *g;

	for (; *names != NULL; names++)
		if ((g = syscall_group_find(*names)) != NULL)
			set_group(r, g, v);
		else
			set_call(r, *names, v);
}

static bool
has_name(const char *const *names, const char *name)
{
	for (; *names != NULL; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

static bool
has_group(const struct profile *p, const char *name)
{
	return has_name(p->groups, name);
}

static void
put_own_sockets(struct rules *r, bool datagrams)
{
	PUT_ALL(r, own_unix_rules);
	if (datagrams)
		PUT_ALL(r, datagram_rules);
	else
		PUT_ALL(r, no_datagram_rules);
}

static void
put_families(struct rules *r, const struct profile_choice *c)
{
	bool any = has_group(c->profile, "@socket");

	if (c->internet && any && c->watch_rights)
		PUT_ALL(r, watched_internet_rules);
	else if (c->internet && any)
		PUT_ALL(r, internet_rules);
	else if (c->look && any)
		PUT_ALL(r, look_rules);
	else
		PUT_ALL(r, no_internet_rules);
	if ((c->look && any) ||
	    (c->internet && strcmp(c->profile->name, "network") == 0))
		PUT_ALL(r, diagnosis_rules);
	else if (c->internet && any)
		PUT_ALL(r, no_diagnosis_rules);
	if (c->own_sockets && any)
		put_own_sockets(r, c->datagrams);
	else if (c->sockets && any)
		PUT_ALL(r, unix_rules);
	else
		PUT_ALL(r, no_unix_rules);
	PUT_ALL(r, family_rules);
}

/* Whatever its arguments are. */
static bool
rules_allow(const struct rules *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->count; i++)
		if (is_about(&r->row[i], name))
			return r->row[i].verdict == FILTER_ALLOW &&
			       r->row[i].compare == FILTER_ANY;
	return false;
}

/* What is refused is not watched: it would go on. */
static void
watch_call(struct rules *r, const char *name)
{
	if (rules_allow(r, name))
		set_call(r, name, FILTER_WATCH);
}

/* See executor/launcher/execlog: a first step of what could not be held. */
static void
put_exec_confirm(struct rules *r)
{
	struct filter_rule confirm = {
		.syscall = EXECLOG_CONFIRM,
		.verdict = FILTER_WATCH,
		.compare = FILTER_EQ,
		.value = EXECLOG_CONFIRM_ARG,
	};

	set_call(r, confirm.syscall, FILTER_WATCH);
	r->count--;
	put_rule(r, confirm);
	confirm.verdict = FILTER_ALLOW;
	confirm.compare = FILTER_NE;
	put_rule(r, confirm);
}

static void
put_exec_watch(struct rules *r, bool confirm)
{
	set_call(r, "execve", FILTER_WATCH); /* it cannot be denied */
	watch_call(r, "execveat");
	if (confirm || rules_allow(r, "ptrace"))
		put_exec_confirm(r);
}

/*
 * Calls that fail without a capability, which the guard can tell beforehand;
 * not where a run may make a user namespace, in which it has them all.
 */
static const char *const rights_calls[RIGHTS_CALLS] = {
	[RIGHTS_SETGROUPS] = "setgroups",
	[RIGHTS_SETUID] = "setuid",
	[RIGHTS_SETREUID] = "setreuid",
	[RIGHTS_SETRESUID] = "setresuid",
	[RIGHTS_SETGID] = "setgid",
	[RIGHTS_SETREGID] = "setregid",
	[RIGHTS_SETRESGID] = "setresgid",
	[RIGHTS_CHOWN] = "chown",
	[RIGHTS_FCHOWNAT] = "fchownat",
	[RIGHTS_BIND] = "bind",
	[RIGHTS_SOCKET] = "socket",
	[RIGHTS_EXECVE] = "execve",
	[RIGHTS_EXECVEAT] = "execveat",
	[RIGHTS_CONFIRM] = EXECLOG_CONFIRM,
	[RIGHTS_GETPID] = "getpid",
	[RIGHTS_CONNECT] = "connect",
	[RIGHTS_LISTEN] = "listen",
};

static void
put_rights_watch(struct rules *r)
{
	for (size_t i = 0; i < RIGHTS_SOCKET; i++)
		watch_call(r, rights_calls[i]);
}

static void
mix_names(struct digest *d, const char *const *names)
{
	for (; *names != NULL; names++)
		digest_update(d, bytes_make(*names, strlen(*names) + 1));
	digest_update(d, BYTES_LIT("."));
}

/*
 * Of all that the rules follow from: whatever lies between the profile and the
 * lists is taken as it is in memory, also what is added there one day.
 */
static void
key_of(const struct profile_choice *c, enum filter_mode mode,
    uint8_t out[DIGEST_BYTES])
{
	const size_t first = offsetof(struct profile_choice, internet);
	const size_t end = offsetof(struct profile_choice, allow);
	const char *const name[] = { c->profile->name, NULL };
	struct digest d;

	_Static_assert(
	    offsetof(struct profile_choice, internet) == sizeof(c->profile) &&
		offsetof(struct profile_choice, deny) + sizeof(c->deny) ==
		    sizeof(*c),
	    "nothing before, nothing after");
	digest_init(&d);
	digest_update(&d, bytes_make(&mode, sizeof(mode)));
	digest_update(&d, bytes_make((const uint8_t *)c + first, end - first));
	mix_names(&d, name);
	mix_names(&d, c->allow);
	mix_names(&d, c->deny);
	digest_final(&d, out);
}

static void
fill_rules(struct rules *r, const struct profile_choice *c)
{
	const struct syscall_group *g;
	size_t i;

	r->count = 0;
	memset(r->seen, 0, sizeof(r->seen));
	for (i = 0; (g = syscall_group_at(i)) != NULL; i++)
		set_group(r, g,
		    has_group(c->profile, g->name) ? FILTER_ALLOW
						   : FILTER_REFUSE);
	PUT_ALL(r, argument_rules);
	put_families(r, c);
	set_names(r, c->allow, FILTER_ALLOW);
	set_names(r, c->deny, FILTER_REFUSE);
	/* A file in memory can be written; only its name allows it again. */
	if (c->noexec && !has_name(c->allow, "memfd_create"))
		set_call(r, "memfd_create", FILTER_REFUSE);
	if (c->watch_exec)
		put_exec_watch(r, c->confirm_exec);
	if (c->own_sockets) {
		watch_call(r, "connect");
		watch_call(r, "listen");
	}
	if (c->watch_rights)
		put_rights_watch(r);
	if (c->watch_pid)
		watch_call(r, "getpid");
}

/*
 * Until the next time: they are many, and of each call alone.  A policy asks
 * a dozen times for the same ones.
 */
static const struct rules *
make_rules(const struct profile_choice *c)
{
	static struct rules made;
	static uint8_t last[DIGEST_BYTES];
	uint8_t key[DIGEST_BYTES];

	key_of(c, FILTER_ENFORCE, key); /* no rule follows from the mode */
	if (made.count == 0 || memcmp(key, last, sizeof(key)) != 0) {
		fill_rules(&made, c);
		memcpy(last, key, sizeof(key));
	}
	return &made;
}

int
profile_compile(const struct profile_choice *c, enum filter_mode mode,
    struct filter *out, struct err *e)
{
	const struct rules *r;
	uint8_t key[DIGEST_BYTES];
	int rc;

	key_of(c, mode, key);
	if (filtercache_get(key, out))
		return 0;
	r = make_rules(c);
	rc = filter_compile(
	    r->row, r->count, FILTER_ERRNO, ENOSYS, mode, out, e);
	if (rc == 0)
		filtercache_put(key, out);
	return rc;
}

static bool
rules_watch(const struct rules *r, const char *name)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->row[i].verdict == FILTER_WATCH &&
		    is_about(&r->row[i], name))
			return true;
	return false;
}

uint32_t
profile_watched(const struct profile_choice *c)
{
	const struct rules *r = make_rules(c);
	uint32_t bits = 0;
	size_t i;

	for (i = 0; i < RIGHTS_CALLS; i++)
		if (rules_watch(r, rights_calls[i]))
			bits |= (uint32_t)1 << i;
	return bits;
}

int
profile_describe(
    const struct profile_choice *c, const char *arch, int fd, struct err *e)
{
	const struct rules *r = make_rules(c);

	return filter_describe(
	    r->row, r->count, FILTER_ERRNO, ENOSYS, arch, fd, e);
}

bool
profile_allows(const struct profile_choice *c, const char *name)
{
	return rules_allow(make_rules(c), name);
}

bool
profile_knows(const char *name)
{
	return syscall_group_find(name) != NULL || filter_knows(name);
}

const struct profile *
profile_at(size_t i)
{
	return i < sizeof(profiles) / sizeof(profiles[0]) ? &profiles[i] : NULL;
}

const struct profile *
profile_find(struct bytes name)
{
	const struct profile *p;
	size_t i;

	for (i = 0; (p = profile_at(i)) != NULL; i++)
		if (bytes_eq_str(name, p->name))
			return p;
	return NULL;
}
