/* SPDX-License-Identifier: MIT */
/*
 * allowed: the frontend's allow-list, frontend process.
 *
 * An attacker who has taken this process over chooses the arguments of these
 * calls.  So each row says what may be gained by it: memory of this process, its
 * connections, time.  What outlives the process is out of reach: the
 * listeners are shared with the executor and the next frontend, so they can be
 * waited for and accepted from, and nothing else.  No call makes a socket
 * speak to somebody who did not connect, gives a descriptor away or takes one.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/filter_rows.h"
#include "common/log.h"
#include "frontend/process/allowed.h"
#include "proto/proto.h"

/* What no flag of a sent message may be: above all MSG_FASTOPEN, a connect. */
#define OTHER_FLAGS                                                            \
	(LOW32 & ~(uint32_t)(MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE))

static const struct filter_rule fixed[] = {
	/* descriptors that are there; no address, no control data */
	ALLOW("read"),
	ALLOW_IF("recvfrom", 4, UINT64_MAX, 0),
	ALLOW("write"),
	ALLOW("writev"),
	ALLOW_IF2("sendto", 4, UINT64_MAX, 0, 3, OTHER_FLAGS, 0),
	ALLOW("close"),
	ALLOW_IF2("getsockopt", 1, LOW32, SOL_SOCKET, 2, LOW32, SO_DOMAIN),
	ALLOW_IF2("getsockopt", 1, LOW32, SOL_SOCKET, 2, LOW32, SO_TYPE),
	ALLOW_IF2("getsockopt", 1, LOW32, SOL_SOCKET, 2, LOW32, SO_ERROR),
	ALLOW_IF2("getsockopt", 1, LOW32, SOL_SOCKET, 2, LOW32, SO_PEERCRED),
	ALLOW("getsockname"),
	ALLOW("getpeername"),
	/* to close the channel; a frontend that closes it is replaced */
	ALLOW_IF("shutdown", 0, LOW32, PROTO_FD),
	ALLOW_IF("fcntl", 1, LOW32, F_GETFD),
	ALLOW_IF("fcntl", 1, LOW32, F_GETFL),
	/* GnuTLS asks, by libmicrohttpd 1.0, whether its file has changed */
	{ .syscall = "newfstatat", .verdict = FILTER_ERRNO, .error = ENOENT },
	/* waiting */
	ALLOW("epoll_create1"),
	ALLOW("epoll_ctl"),
	ALLOW("epoll_wait"),
	ALLOW("epoll_pwait"),
	ALLOW("eventfd2"),
	ALLOW("restart_syscall"),
	/* memory of its own, never executable and never a file's */
	ALLOW("brk"),
	ALLOW("munmap"),
	ALLOW_IF("mremap", 3, LOW32 & ~(uint32_t)MREMAP_MAYMOVE, 0),
	ALLOW_IF("madvise", 2, LOW32, MADV_DONTNEED),
	ALLOW_IF2("mmap", 2, PROT_EXEC, 0, 3, MAP_ANONYMOUS, MAP_ANONYMOUS),
	ALLOW_IF("mprotect", 2, PROT_EXEC, 0),
	/* the C library's locks; not those that hand on priorities */
	ALLOW_IF("futex", 1, LOW32, FUTEX_WAIT_PRIVATE),
	ALLOW_IF("futex", 1, LOW32, FUTEX_WAKE_PRIVATE),
	ALLOW_IF("futex", 1, LOW32 & ~(uint32_t)FUTEX_CLOCK_REALTIME,
	    FUTEX_WAIT_BITSET_PRIVATE),
	/* time, random numbers, itself */
	ALLOW("clock_gettime"),
	ALLOW("gettimeofday"),
	ALLOW("time"),
	ALLOW("getrandom"),
	ALLOW("getpid"),
	ALLOW("gettid"),
	ALLOW("rt_sigprocmask"),
	ALLOW("exit"),
	ALLOW("exit_group"),
};

struct list {
	struct filter_rule *out;
	size_t count;
};

static void
add_rule(struct list *l, const struct filter_rule *r)
{
	if (l->count == ALLOWED_MAX_RULES)
		fatal("allowed: more than %d rules", ALLOWED_MAX_RULES);
	l->out[l->count++] = *r;
}

/*
 * The rule, for the descriptors of connections only: from `first` on.  A
 * filter compares 64 bits, the kernel takes 32 of them for a descriptor, so
 * "not below" is said in blocks of a power of two each, by masks of 32 bits.
 */
static void
add_from(struct list *l, uint32_t first, struct filter_rule r)
{
	r.compare = FILTER_MASKED;
	r.arg = 0;
	for (uint64_t at = first; at < INT32_MAX;) {
		uint64_t size = at & -at;

		r.mask = LOW32 & ~(size - 1);
		r.value = at;
		add_rule(l, &r);
		at += size;
	}
}

/* Permitted on a connection but not on a listener. */
static void
add_connections(struct list *l, uint32_t first)
{
	static const int options[] = { TCP_NODELAY, TCP_CORK, TCP_QUICKACK };

	add_from(l, first,
	    (struct filter_rule){
		.syscall = "shutdown", .verdict = FILTER_ALLOW });
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		add_from(l, first,
		    (struct filter_rule){ .syscall = "setsockopt",
			.verdict = FILTER_ALLOW,
			.arg_b = 1,
			.mask_b = LOW32,
			.value_b = IPPROTO_TCP,
			.arg_c = 2,
			.mask_c = LOW32,
			.value_c = (uint64_t)options[i] });
}

size_t
allowed_rules(
    const struct options *o, struct filter_rule out[ALLOWED_MAX_RULES])
{
	struct list l = { out, 0 };

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		add_rule(&l, &fixed[i]);
	for (uint32_t i = 0; i < o->listeners; i++)
		add_rule(&l, &(const struct filter_rule)ALLOW_IF(
				 "accept4", 0, LOW32, PROTO_FD_LISTEN + i));
	add_connections(&l, PROTO_FD_LISTEN + o->listeners);
	/* abort(3): ends this process, and no other */
	add_rule(&l, &(const struct filter_rule)ALLOW_IF2("tgkill", 0, LOW32,
			 (uint64_t)getpid(), 2, LOW32, SIGABRT));
	return l.count;
}
