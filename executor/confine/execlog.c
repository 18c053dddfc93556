/* SPDX-License-Identifier: MIT */
/* execlog: announced by execve, confirmed by a program's first steps.  Guard. */
#include "executor/confine/execlog.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

bool
execlog_wants(const struct notice *n)
{
	return n->nr == SYS_execve || n->nr == SYS_execveat ||
	       (n->nr == EXECLOG_CONFIRM_NR &&
		   n->args[0] == EXECLOG_CONFIRM_ARG);
}

static pid_t
parent_of(pid_t pid)
{
	char text[512];
	const char *p;
	pid_t parent = 0;

	(void)listener_read_proc(pid, "stat", text, sizeof(text));
	p = strrchr(text, ')'); /* the name may hold anything */
	if (p == NULL || strlen(p) < 5)
		return 0;
	for (p += 4; *p >= '0' && *p <= '9'; p++)
		parent = parent * 10 + (*p - '0');
	return parent;
}

/* The last announcement of this process, taken out; "" if there is none. */
static bool
take_pending(struct execlog *l, pid_t pid, char asked[EXECLOG_MAX_PATH])
{
	size_t i;

	asked[0] = '\0';
	for (i = 0; i < EXECLOG_MAX_PENDING; i++)
		if (l->pending[i].pid == pid) {
			memcpy(asked, l->pending[i].asked, EXECLOG_MAX_PATH);
			l->pending[i].pid = 0;
			return true;
		}
	return false;
}

static bool
announced_only(struct execlog *l, pid_t pid, struct exec_event *out)
{
	memset(out, 0, sizeof(*out));
	if (!take_pending(l, pid, out->asked))
		return false;
	out->pid = pid;
	return true;
}

/* execvp(3) tries place after place: where there is nothing, nothing starts. */
static bool
misses(const char *path)
{
	struct stat st;

	return path[0] == '/' && lstat(path, &st) == -1 && errno == ENOENT;
}

/*
 * A new announcement; the one before it, of the same process or of the oldest
 * place when all are taken, was never seen to start.
 */
static bool
announce(struct execlog *l, const struct notice *n, struct exec_event *out)
{
	unsigned arg = n->nr == SYS_execveat ? 1 : 0;
	bool tell = announced_only(l, n->pid, out);
	size_t i;

	for (i = 0; i < EXECLOG_MAX_PENDING && l->pending[i].pid != 0; i++)
		;
	if (i == EXECLOG_MAX_PENDING) {
		tell = announced_only(l, l->pending[0].pid, out);
		i = 0;
	}
	listener_read_text(
	    n, n->args[arg], l->pending[i].asked, EXECLOG_MAX_PATH);
	if (!misses(l->pending[i].asked))
		l->pending[i].pid = n->pid;
	return tell;
}

static void
look(const struct notice *n, struct exec_event *out)
{
	struct stat st;

	out->pid = n->pid;
	out->parent = parent_of(n->pid);
	listener_read_link(
	    n->pid, "exe", out->executable, sizeof(out->executable));
	listener_read_link(
	    n->pid, "cwd", out->directory, sizeof(out->directory));
	out->args_len =
	    listener_read_proc(n->pid, "cmdline", out->args, sizeof(out->args));
	out->args_cut = out->args_len == sizeof(out->args) - 1;
	if (out->executable[0] == '/' && stat(out->executable, &st) == 0) {
		out->device = st.st_dev;
		out->inode = st.st_ino;
	}
}

bool
execlog_notice(
    struct execlog *l, int fd, const struct notice *n, struct exec_event *out)
{
	if (n->nr != EXECLOG_CONFIRM_NR)
		return announce(l, n, out);
	memset(out, 0, sizeof(*out));
	/* The same call later in a program's life was not announced. */
	if (!take_pending(l, n->pid, out->asked))
		return false;
	look(n, out);
	out->seen = listener_valid(fd, n);
	return true;
}

bool
execlog_rest(struct execlog *l, struct exec_event *out)
{
	size_t i;

	for (i = 0; i < EXECLOG_MAX_PENDING; i++)
		if (l->pending[i].pid != 0)
			return announced_only(l, l->pending[i].pid, out);
	return false;
}
