/* SPDX-License-Identifier: MIT */
/* withheld: one row a right, and a call that fails for other reasons without. */
#include "executor/confine/withheld.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/caps.h"

enum { NO_CAPABILITY = -1 };

/* Each is wrong in an argument, which the kernel finds before it acts. */
static long
try_clock(void)
{
	return syscall(SYS_clock_settime, 0, NULL);
}

static long
try_host_name(void)
{
	return syscall(SYS_sethostname, NULL, -1);
}

static long
try_swap(void)
{
	return syscall(SYS_swapoff, NULL);
}

static long
try_priority(void)
{
	return syscall(SYS_setpriority, -1, 0, 0);
}

static long
try_scheduling(void)
{
	return syscall(SYS_sched_setscheduler, -1, SCHED_FIFO, NULL);
}

static long
try_set_id(void)
{
	return syscall(SYS_fchmod, -1, S_ISUID);
}

static long
try_packets(void)
{
	return syscall(SYS_socket, AF_PACKET, -1, 0);
}

/*
 * `asks`: the call asks for the capability before it looks at arguments, so
 * that without it a refusal may be the kernel's own.
 */
static const struct right {
	int capability;
	long (*try)(void); /* NULL: none that would be harmless */
	bool asks;
	int refused; /* errno; 0: EPERM */
} rights[WITHHELD_RIGHTS] = {
	[WITHHELD_CLOCK] = { CAP_SYS_TIME, try_clock, false, 0 },
	[WITHHELD_HOST_NAME] = { CAP_SYS_ADMIN, try_host_name, true, 0 },
	[WITHHELD_MODULES] = { CAP_SYS_MODULE, NULL, false, 0 },
	[WITHHELD_REBOOT] = { CAP_SYS_BOOT, NULL, false, 0 },
	[WITHHELD_SWAP] = { CAP_SYS_ADMIN, try_swap, true, 0 },
	[WITHHELD_PRIORITY] = { NO_CAPABILITY, try_priority, false, 0 },
	[WITHHELD_SCHEDULING] = { NO_CAPABILITY, try_scheduling, false, 0 },
	[WITHHELD_SET_ID] = { NO_CAPABILITY, try_set_id, false, 0 },
	[WITHHELD_PACKETS] = { CAP_NET_RAW, try_packets, false, EAFNOSUPPORT },
};

static bool
is_bounded(int capability)
{
	return capability != NO_CAPABILITY &&
	       prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 0;
}

static bool
is_to_be_tried(const struct right *r)
{
	return r->try != NULL &&
	       (!r->asks || (caps_permitted() >> r->capability & 1) != 0);
}

static bool
is_refused(const struct right *r)
{
	return r->try() == -1 &&
	       errno == (r->refused != 0 ? r->refused : EPERM);
}

/*
 * Which of these rows are refused, a bit each in *refused; its exit status has
 * room for eight.  In a child: who set the filter up may have it end a process
 * that tries, of which false tells.
 */
static bool
try_rows(unsigned rows, unsigned *refused)
{
	unsigned i, bit = 1, bits = 0;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		for (i = 0; i < WITHHELD_RIGHTS; i++)
			if ((rows >> i & 1) != 0) {
				bits |= is_refused(&rights[i]) ? bit : 0;
				bit <<= 1;
			}
		_exit((int)bits);
	}
	*refused = 0;
	if (pid == -1 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return false;
	for (i = 0; i < WITHHELD_RIGHTS; i++)
		if ((rows >> i & 1) != 0) {
			*refused |= ((unsigned)WEXITSTATUS(status) & bit) != 0
					? 1U << i
					: 0;
			bit <<= 1;
		}
	return true;
}

/* All in one child, as a process takes longer than all calls; else in one each. */
static unsigned
find_filtered(void)
{
	unsigned i, rows = 0, found = 0, one;

	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) <= 0)
		return 0;
	for (i = 0; i < WITHHELD_RIGHTS; i++)
		if (is_to_be_tried(&rights[i]))
			rows |= 1U << i;
	if (try_rows(rows, &found))
		return found;
	for (i = 0; i < WITHHELD_RIGHTS; i++)
		if (try_rows(rows & 1U << i, &one))
			found |= one;
	return found;
}

enum withheld_how
withheld_find(enum withheld_right right)
{
	static enum withheld_how found[WITHHELD_RIGHTS];
	static bool done;
	const unsigned filtered = done ? 0 : find_filtered();
	size_t i;

	for (i = 0; !done && i < WITHHELD_RIGHTS; i++)
		if ((filtered >> i & 1) != 0)
			found[i] = WITHHELD_BY_FILTER;
		else if (is_bounded(rights[i].capability))
			found[i] = WITHHELD_BY_CAPABILITY;
	done = true;
	return found[right];
}

int
withheld_capability(enum withheld_right right)
{
	return rights[right].capability;
}
