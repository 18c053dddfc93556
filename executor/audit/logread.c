/* SPDX-License-Identifier: MIT */
/* logread: lines of an audit log.  Executor and mcp-execctl. */
#include "executor/audit/logread.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "executor/audit/logline.h"

enum { BUFFER = 4 * LOGLINE_MAX };

/* By the end of a file's name, the program that unpacks it. */
static const struct packer {
	const char *suffix;
	const char *path;
} packers[] = {
	{ ".gz", "/usr/bin/gzip" },
	{ ".xz", "/usr/bin/xz" },
	{ ".bz2", "/usr/bin/bzip2" },
	{ ".zst", "/usr/bin/zstd" },
	{ NULL, NULL },
};

static const struct packer *
find_packer(const char *path)
{
	const struct packer *p;
	size_t len = strlen(path);

	for (p = packers; p->suffix != NULL; p++) {
		size_t n = strlen(p->suffix);

		if (len > n && strcmp(path + len - n, p->suffix) == 0)
			return p;
	}
	return NULL;
}

static int
begin_unpack(struct logread *r, int fd, struct err *e)
{
	memset(r, 0, sizeof(*r));
	r->fd = fd;
	r->p = malloc(BUFFER);
	if (r->p == NULL)
		return err_memory(e);
	return 0;
}

static _Noreturn void
exec_packer(const struct packer *p, int in, int out)
{
	char *argv[] = { (char *)(uintptr_t)p->path, (char *)(uintptr_t) "-dc",
		NULL };
	char *envp[] = { NULL };
	sigset_t none;

	(void)signal(SIGPIPE, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(in, STDIN_FILENO) == -1 || dup2(out, STDOUT_FILENO) == -1)
		_exit(126);
	(void)execve(p->path, argv, envp);
	_exit(127);
}

/* Put the program between the file, which is taken over, and us. */
static int
unpack_some(struct logread *r, const struct packer *p, struct err *e)
{
	int pair[2];

	if (access(p->path, X_OK) == -1)
		return err_sys(e, "%s is needed to read it", p->path);
	if (pipe2(pair, O_CLOEXEC) == -1)
		return err_sys(e, "pipe");
	r->pid = fork();
	if (r->pid == 0)
		exec_packer(p, r->fd, pair[1]);
	(void)close(pair[1]);
	(void)close(r->fd);
	r->fd = pair[0];
	if (r->pid == -1) {
		r->pid = 0;
		return err_sys(e, "cannot start %s", p->path);
	}
	return 0;
}

int
logread_plain(const char *path, struct err *e)
{
	CLEANUP_FD int fd = -1;
	struct stat st;

	fd = open(
	    path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1)
		return err_sys(e, "%s", path);
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		return err_set(e, ERR_BAD, "%s: not a regular file", path);
	return steal_fd(&fd);
}

int
logread_open(struct logread *r, const char *path, struct err *e)
{
	const struct packer *p = find_packer(path);
	int fd = logread_plain(path, e);
	struct err ignored;

	if (fd < 0)
		return e->code;
	if (begin_unpack(r, fd, e) == 0 &&
	    (p == NULL || unpack_some(r, p, e) == 0))
		return 0;
	r->eof = false;
	if (logread_close(r, &ignored) != 0)
		log_debug("logread: %s", ignored.what);
	return err_wrap(e, "%s", path);
}

int
logread_from(struct logread *r, int fd, struct err *e)
{
	CLEANUP_FD int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (own == -1 || lseek(own, 0, SEEK_SET) == -1)
		return err_sys(e, "audit log: seek");
	if (begin_unpack(r, own, e) != 0)
		return e->code;
	(void)steal_fd(&own);
	return 0;
}

int
logread_close(struct logread *r, struct err *e)
{
	int status = 0;
	bool at_end = r->eof;

	cleanup_fd(&r->fd);
	r->fd = -1;
	free(r->p);
	r->p = NULL;
	if (r->pid > 0 && waitpid(r->pid, &status, 0) == r->pid && at_end &&
	    status != 0)
		return err_set(
		    e, ERR_BAD, "it is damaged and cannot be unpacked");
	r->pid = 0;
	return 0;
}

static int
fill_buffer(struct logread *r, struct err *e)
{
	ssize_t n;

	if (r->at > 0) {
		memmove(r->p, r->p + r->at, r->len - r->at);
		r->len -= r->at;
		r->at = 0;
	}
	do
		n = read(r->fd, r->p + r->len, BUFFER - r->len);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return err_sys(e, "read");
	r->eof = n == 0;
	r->len += (size_t)n;
	return 0;
}

int
logread_line(struct logread *r, struct bytes *line, bool *whole, struct err *e)
{
	for (;;) {
		const uint8_t *from = r->p + r->at;
		size_t have = r->len - r->at;
		const uint8_t *nl = have > 0 ? memchr(from, '\n', have) : NULL;
		bool skip = r->skipping;

		*whole = nl != NULL;
		if (nl != NULL || have > LOGLINE_MAX) {
			have = nl != NULL ? (size_t)(nl - from) : have;
			r->at += have + (nl != NULL);
			r->skipping = nl == NULL;
			*line = bytes_make(from, have);
			if (skip)
				continue; /* the rest of a long one */
			return 1;
		}
		if (fill_buffer(r, e) != 0)
			return e->code;
		if (!r->eof)
			continue;
		have = r->len - r->at;
		*line = bytes_make(r->p + r->at, have);
		r->at = r->len;
		return have > 0 && !r->skipping ? 1 : 0;
	}
}
