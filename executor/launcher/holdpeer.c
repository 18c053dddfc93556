/* SPDX-License-Identifier: MIT */
/*
 * holdpeer: the ancestry of who connected.  A guard is known by its name, which
 * a command may take as well: that makes it be refused, and no other.
 */
#include "executor/launcher/holdpeer.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/decimal.h"
#include "executor/launcher/proctree.h"

enum { STEPS_MAX = 4096 };

static const char guard[] = "(mcp-execd-guard)";

/* Its parent; 0: there is none here; -1: it cannot be read. */
static pid_t
look_up(pid_t pid, bool *is_guard)
{
	char path[40], text[512];
	const char *open_at, *p;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	open_at = strchr(text, '(');
	p = strrchr(text, ')');
	if (open_at == NULL || p == NULL || strlen(p) < 5)
		return -1;
	*is_guard = (size_t)(p - open_at) + 1 == sizeof(guard) - 1 &&
		    memcmp(open_at, guard, sizeof(guard) - 1) == 0;
	p += 4;
	return (pid_t)decimal_take(&p);
}

/* What cannot be read counts as below one. */
static bool
is_below_guard(pid_t pid)
{
	bool is_guard;
	pid_t up;

	for (int steps = 0; steps < STEPS_MAX; steps++) {
		if (pid <= 1)
			return false;
		up = look_up(pid, &is_guard);
		if (up == -1)
			return true;
		if (is_guard && !proctree_descends(getpid(), pid))
			return true;
		pid = up;
	}
	return true;
}

pid_t
holdpeer_check(int fd)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == -1 ||
	    who.pid <= 0 || (who.uid != 0 && who.uid != geteuid()))
		return 0;
	return is_below_guard(who.pid) ? 0 : who.pid;
}
