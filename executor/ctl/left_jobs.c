/* SPDX-License-Identifier: MIT */
/* left_jobs: as the next executor would, but only to end them. */
#include "executor/ctl/left_jobs.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fdio.h"
#include "executor/launcher/holdmsg.h"
#include "executor/run/adopt.h"

enum { PATIENCE_MS = 20000 /* between two of its messages, and to its end */ };

/* Descriptors of jobs, which come with it, are not taken; 0: the last. */
static ssize_t
hear_launcher(int link, struct holdmsg *m)
{
	return fdio_await(link, PATIENCE_MS) ? recv(link, m, sizeof(*m), 0)
					     : -1;
}

/* One that has an executor hangs up at once. */
static bool
end_one(int dir, const char *name, size_t *count)
{
	static const struct holdmsg stop = { .kind = HOLDMSG_STOP,
		.format = HOLDMSG_FORMAT };
	CLEANUP_FD int link = adopt_connect(dir, name);
	struct holdmsg m = { .kind = 0 };
	ssize_t n = 0;

	if (link < 0) /* of one that is gone, or something else */
		return true;
	while (m.kind != HOLDMSG_ALL && (n = hear_launcher(link, &m)) > 0)
		;
	if (n <= 0)
		return n == 0;
	++*count;
	if (send(link, &stop, sizeof(stop), MSG_NOSIGNAL) == -1)
		return true;
	while ((n = hear_launcher(link, &m)) > 0)
		;
	return n == 0;
}

int
left_jobs_end(const char *control, size_t *count, struct err *e)
{
	CLEANUP_FD int fd = -1;
	char path[PATH_MAX];
	const struct dirent *d;
	bool all = true;
	DIR *names;

	*count = 0;
	(void)snprintf(path, sizeof(path), "%s" HOLDMSG_PLACE, control);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	names = fd == -1 ? NULL : fdopendir(fd);
	if (names == NULL)
		return 0; /* nobody holds any */
	(void)steal_fd(&fd);
	while ((d = readdir(names)) != NULL)
		if (d->d_name[0] != '.' &&
		    !end_one(dirfd(names), d->d_name, count))
			all = false;
	(void)closedir(names);
	return all ? 0
		   : err_set(e, ERR_BUSY,
			 "a launcher has not ended its jobs in time");
}
