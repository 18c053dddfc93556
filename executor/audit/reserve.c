/* SPDX-License-Identifier: MIT */
/* reserve: a file of allocated blocks.  Executor. */
#include "executor/audit/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"

enum { LOOK_MS = 5000, ZEROS = 65536 };

void
reserve_init(struct reserve *r, const char *log)
{
	const char *name = strrchr(log, '/');

	*r = (struct reserve){ .bytes = 0 };
	name = name != NULL ? name + 1 : log;
	if (snprintf(r->path, sizeof(r->path), "%.*sreserve.%s",
		(int)(name - log), log, name) >= (int)sizeof(r->path))
		r->path[0] = '\0';
}

void
reserve_adjust(struct reserve *r, uint64_t bytes)
{
	if (bytes == r->bytes)
		return;
	r->bytes = bytes;
	r->held = false; /* of the right size next time */
	r->again_ms = 0;
	if (bytes == 0 && r->path[0] != '\0')
		(void)unlink(r->path);
}

/* Where the file system cannot allocate, zeros do. */
static int
write_zeros(int fd, uint64_t bytes)
{
	static const char zeros[ZEROS];
	ssize_t n;

	while (bytes > 0) {
		n = write(
		    fd, zeros, bytes < sizeof(zeros) ? bytes : sizeof(zeros));
		if (n <= 0)
			return -1;
		bytes -= (uint64_t)n;
	}
	return 0;
}

static int
allocate_file(const struct reserve *r)
{
	CLEANUP_FD int fd = open(r->path,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd == -1)
		return -1;
	if (fallocate(fd, 0, 0, (off_t)r->bytes) == 0 ||
	    ((errno == EOPNOTSUPP || errno == ENOSYS) &&
		write_zeros(fd, r->bytes) == 0))
		return 0;
	if (ftruncate(fd, 0) == -1)
		log_warn("audit: reserve %s: %m", r->path);
	return -1;
}

/* After it was given up, not as soon as a few bytes are free again. */
static bool
has_room(const struct reserve *r)
{
	char dir[PATH_MAX];
	struct statvfs fs;

	(void)snprintf(dir, sizeof(dir), "%s", r->path);
	if (strrchr(dir, '/') != NULL)
		*(strrchr(dir, '/') + 1) = '\0';
	else
		(void)snprintf(dir, sizeof(dir), ".");
	return statvfs(dir, &fs) == 0 &&
	       (uint64_t)fs.f_bavail * fs.f_frsize >= 2 * r->bytes;
}

bool
reserve_hold(struct reserve *r)
{
	uint64_t now = clock_mono_ms();
	bool again = r->given_up;

	if (r->held || r->bytes == 0 || r->path[0] == '\0' || now < r->again_ms)
		return false;
	r->again_ms = now + LOOK_MS;
	if (r->given_up && !has_room(r))
		return false;
	if (allocate_file(r) != 0) {
		if (!r->given_up)
			log_warn(
			    "audit: there is no room for the reserve %s: %m; make room, or set audit.reserve_bytes",
			    r->path);
		r->given_up = true;
		return false;
	}
	r->held = true;
	r->given_up = false;
	return again;
}

bool
reserve_give_up(struct reserve *r)
{
	bool held = r->held;

	r->held = false;
	r->given_up = r->bytes > 0;
	r->again_ms = clock_mono_ms() + LOOK_MS;
	if (held && truncate(r->path, 0) == -1)
		log_err("audit: reserve %s: %m", r->path);
	return held;
}
