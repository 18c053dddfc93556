/* SPDX-License-Identifier: MIT */
/* ownid: translate by a pidfd, which /proc shows by its own ids.  Guard. */
#include "executor/launcher/ownid.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/decimal.h"

bool
ownid_wants(const struct unotify_call *n)
{
	return n->nr == SYS_getpid;
}

/* "Pid:" of its fdinfo, in the ids of the proc that is mounted; 0: unknown. */
static int64_t
seen_as(int pidfd)
{
	char path[48] = "/proc/self/fdinfo/", text[512];
	const char *p;
	ssize_t n;
	int fd;

	(void)decimal_put(path + strlen(path), (unsigned)pidfd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	p = strstr(text, "\nPid:\t");
	if (p == NULL)
		return 0;
	p += 6;
	return (int64_t)decimal_take(&p);
}

static bool
looks_itself_up(const struct unotify_call *n)
{
	char name[17];

	(void)unotify_read_proc(n->pid, "comm", name, sizeof(name));
	return strcmp(name, "ps\n") == 0;
}

int
ownid_answer(int fd, const struct unotify_call *n)
{
	int64_t id = 0;
	int pidfd;

	if (looks_itself_up(n) &&
	    (pidfd = (int)syscall(SYS_pidfd_open, n->pid, 0)) != -1) {
		id = seen_as(pidfd);
		(void)close(pidfd);
	}
	return id > 0 ? unotify_answer_value(fd, n, id)
		      : unotify_answer(fd, n, 0);
}
