/* SPDX-License-Identifier: MIT */
/* asborn: note and compare.  Guard. */
#include "executor/launcher/asborn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executor/launcher/loginuid_set.h"
#include "executor/launcher/mounts_enter.h"

/* What else is in that file is about memory, and changes. */
static const char *const fields[] = { "Umask:", "TracerPid:", "Uid:", "Gid:",
	"Groups:", "NSpid:", "Threads:", "SigPnd:", "ShdPnd:", "SigBlk:",
	"SigIgn:", "SigCgt:", "CapInh:", "CapPrm:", "CapEff:", "CapBnd:",
	"CapAmb:", "NoNewPrivs:", "Seccomp:", "Seccomp_filters:",
	"Cpus_allowed:", "Mems_allowed:" };

enum {
	FIELDS = sizeof(fields) / sizeof(fields[0]),
	LEAST = 16, /* of them, which every kernel has */
	FILE_BYTES = 8192
};

static bool
is_kept(const char *line)
{
	size_t i;

	for (i = 0; i < FIELDS; i++)
		if (strncmp(line, fields[i], strlen(fields[i])) == 0)
			return true;
	return false;
}

/* All of it at once: a file of /proc is what it is at each read(2). */
static bool
read_status(int proc, char out[ASBORN_STATUS])
{
	char text[FILE_BYTES], *line, *end;
	int fd = openat(proc, "self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : read(fd, text, sizeof(text) - 1);
	size_t len = 0, lines = 0;

	if (fd != -1)
		(void)close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	memset(out, 0, ASBORN_STATUS);
	for (line = text; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		size_t size = (size_t)(end + 1 - line);

		if (!is_kept(line))
			continue;
		if (len + size >= ASBORN_STATUS)
			return false;
		memcpy(out + len, line, size);
		len += size;
		lines++;
	}
	return lines >= LEAST;
}

static bool
read_limits(struct rlimit out[RLIM_NLIMITS])
{
	int i;

	memset(out, 0, RLIM_NLIMITS * sizeof(*out));
	for (i = 0; i < RLIM_NLIMITS; i++)
		if (syscall(SYS_prlimit64, 0, i, NULL, &out[i]) == -1)
			return false;
	return true;
}

/* What no file says. */
static void
read_rest(struct asborn *b)
{
	b->login = loginuid_get_by(b->proc);
	b->keyring = syscall(
	    SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
	b->securebits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
	b->dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	b->death_signal = 0;
	(void)prctl(PR_GET_PDEATHSIG, &b->death_signal, 0, 0, 0);
	b->niceness = syscall(SYS_getpriority, PRIO_PROCESS, 0);
	b->slack_ns = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
}

static bool
is_rest_alike(const struct asborn *b)
{
	struct asborn now;

	now.proc = b->proc;
	read_rest(&now);
	return now.login == b->login && now.keyring == b->keyring &&
	       now.securebits == b->securebits && now.dumpable == b->dumpable &&
	       now.death_signal == b->death_signal &&
	       now.niceness == b->niceness && now.slack_ns == b->slack_ns;
}

bool
asborn_note(struct asborn *b)
{
	/* not the machine's, which leads to what is not the guard's */
	b->proc = mounts_detached("proc");
	b->last_pid =
	    openat(b->proc, "sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
	read_rest(b);
	return b->last_pid != -1 && b->securebits != -1 &&
	       read_limits(b->limit) && read_status(b->proc, b->status);
}

static bool
is_all_alike(const struct asborn *b)
{
	struct rlimit limit[RLIM_NLIMITS];
	char status[ASBORN_STATUS];

	return kill(-1, 0) == -1 && errno == ESRCH &&
	       read_status(b->proc, status) &&
	       memcmp(status, b->status, sizeof(status)) == 0 &&
	       read_limits(limit) &&
	       memcmp(limit, b->limit, sizeof(limit)) == 0 && is_rest_alike(b);
}

/* Process 1 has no company but what it started, or what was left to it. */
bool
asborn_is(const struct asborn *b, bool all)
{
	return waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD &&
	       (!all || is_all_alike(b)) && pwrite(b->last_pid, "1", 1, 0) == 1;
}
