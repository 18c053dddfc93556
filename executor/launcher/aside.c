/* SPDX-License-Identifier: MIT */
/* aside: the last to close a pipe is a process that nobody waits for. */
#include "executor/launcher/aside.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PIPE, GO, READY, ENDS };

/* Is there somebody at its other end? */
static bool
is_shared(int fd)
{
	struct pollfd p = { .fd = fd };
	struct stat st;

	return fstat(fd, &st) == 0 &&
	       (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) &&
	       poll(&p, 1, 0) == 0;
}

/* With nothing open but that; it closes `ready` then, and waits for `go`. */
static _Noreturn void
close_last(int fd, int go, int ready)
{
	char c;

	go = fcntl(go, F_DUPFD, ENDS);
	fd = fcntl(fd, F_DUPFD, ENDS);
	ready = fcntl(ready, F_DUPFD, ENDS);
	if (dup2(fd, PIPE) == PIPE && dup2(go, GO) == GO &&
	    dup2(ready, READY) == READY &&
	    syscall(SYS_close_range, ENDS, ~0U, 0) == 0) {
		(void)close(READY);
		(void)!read(GO, &c, 1);
	}
	_exit(0);
}

void
aside_close(int fd)
{
	int go[2], ready[2];
	char c;
	pid_t pid;

	if (!is_shared(fd) || pipe2(go, O_CLOEXEC) == -1) {
		(void)close(fd);
		return;
	}
	if (pipe2(ready, O_CLOEXEC) == 0) {
		pid = fork();
		if (pid == 0)
			close_last(fd, go[0], ready[1]);
		(void)close(ready[1]);
		if (pid > 0)
			(void)!read(ready[0], &c, 1);
		(void)close(ready[0]);
	}
	(void)close(fd);
	(void)close(go[0]);
	(void)close(go[1]);
}
