/* SPDX-License-Identifier: MIT */
/* loginuid_set: this process's audit login uid.  All programs but the frontend. */
#include "executor/launcher/loginuid_set.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

#include "common/decimal.h"

/*
 * Of a process that is not dumpable, as we are not, these files belong to
 * root: without privileges it has to be that for a moment.
 */
static int
open_own(int proc, const char *name)
{
	int fd = openat(proc, name, O_WRONLY | O_CLOEXEC), error;

	if (fd != -1 || errno != EACCES)
		return fd;
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	fd = openat(proc, name, O_WRONLY | O_CLOEXEC);
	error = errno;
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	errno = error;
	return fd;
}

static int
set_own(int proc, const char *name, uint32_t uid)
{
	char text[DECIMAL_MAX];
	size_t len = (size_t)(decimal_put(text, uid) - text);
	int fd = open_own(proc, name), r = 0;

	if (fd == -1)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len)
		r = -errno;
	(void)close(fd);
	return r;
}

int
loginuid_set(uint32_t uid)
{
	return set_own(AT_FDCWD, "/proc/self/loginuid", uid);
}

int
loginuid_set_by(int proc, uint32_t uid)
{
	return set_own(proc, "self/loginuid", uid);
}

/* A number as a file of /proc has it. */
static uint32_t
read_number(int proc, const char *path)
{
	int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	uint32_t n = 0;
	char text[10];
	ssize_t len, i;

	if (fd == -1)
		return LOGINUID_UNSET;
	len = read(fd, text, sizeof(text));
	(void)close(fd);
	for (i = 0; i < len && text[i] >= '0' && text[i] <= '9'; i++)
		n = 10 * n + (uint32_t)(text[i] - '0');
	return i > 0 ? n : LOGINUID_UNSET;
}

uint32_t
loginuid_get(void)
{
	return read_number(AT_FDCWD, "/proc/self/loginuid");
}

uint32_t
loginuid_get_by(int proc)
{
	return read_number(proc, "self/loginuid");
}

uint32_t
loginuid_session(void)
{
	return read_number(AT_FDCWD, "/proc/self/sessionid");
}

uint32_t
loginuid_session_by(int proc)
{
	return read_number(proc, "self/sessionid");
}
