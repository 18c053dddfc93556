/* SPDX-License-Identifier: MIT */
/* sandbox_path: paths as a run sees them.  mcp-execctl, before any run. */
#include "executor/ctl/policy/sandbox_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/caps.h"
#include "common/cleanup.h"
#include "common/path.h"

enum { MAX_LINKS = 40 };

/* One walk: what is behind us, and what is still to be followed. */
struct walk {
	const struct mounts *m;
	char cur[PATH_MAX]; /* "" is the root */
	char rest[PATH_MAX];
	unsigned links;
	bool unknown; /* an error that says nothing of the path */
	const char *why; /* it ends here */
};

/* The operation that decides about path: the one nearest above it. */
static const struct mounts_op *
find_decider(const struct mounts *m, const char *path)
{
	const struct mounts_op *best = NULL;
	size_t i;

	for (i = 0; i < m->count; i++)
		if (path_is_within(path, m->op[i].path) &&
		    (best == NULL ||
			strlen(m->op[i].path) >= strlen(best->path)))
			best = &m->op[i];
	return best;
}

/* Is something mounted below path, so that it must be there itself? */
static bool
leads_to_mount(const struct mounts *m, const char *path)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (path_is_within(m->op[i].path, path))
			return true;
	return false;
}

/* Go on with target in place of the component that was a link. */
static void
follow_link(struct walk *w, const char *target)
{
	char joined[PATH_MAX];

	if (++w->links > MAX_LINKS ||
	    snprintf(joined, sizeof(joined), "%s/%s", target, w->rest) >=
		(int)sizeof(joined)) {
		w->why = "its links lead too far";
		return;
	}
	if (target[0] == '/')
		w->cur[0] = '\0';
	(void)memcpy(w->rest, joined, strlen(joined) + 1);
}

/* Errors of path_resolution(7); others are the machine's. */
static bool
is_of_path(int sysno)
{
	return sysno == ENOENT || sysno == ENOTDIR || sysno == EACCES ||
	       sysno == ELOOP || sysno == ENAMETOOLONG;
}

static void
step_on_host(struct walk *w, const char *next)
{
	char target[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (lstat(next, &st) == -1) {
		w->unknown = !is_of_path(errno);
		w->why = "it is not there";
	} else if (!S_ISLNK(st.st_mode)) {
		(void)memmove(w->cur, next, strlen(next) + 1);
	} else if ((n = readlink(next, target, sizeof(target) - 1)) == -1) {
		w->unknown = !is_of_path(errno);
		w->why = "its link cannot be read";
	} else {
		target[n] = '\0';
		follow_link(w, target);
	}
}

static void
step_in_plan(struct walk *w, const struct mounts_op *op, const char *next)
{
	bool exact = op != NULL && strcmp(op->path, next) == 0;

	if (exact && op->kind == MOUNTS_LINK) {
		follow_link(w, op->text);
		return;
	}
	if (op != NULL && op->kind == MOUNTS_HIDE) {
		w->why = "it is hidden";
		return;
	}
	if (exact || leads_to_mount(w->m, next))
		(void)memmove(w->cur, next, strlen(next) + 1);
	else
		w->why = "nothing that the policy lets the run see holds it";
}

static bool
is_bound(const struct mounts_op *op)
{
	return op != NULL &&
	       (op->kind == MOUNTS_READ || op->kind == MOUNTS_PROGRAM ||
		   op->kind == MOUNTS_WRITE ||
		   op->kind == MOUNTS_WRITE_NOEXEC || op->kind == MOUNTS_PROC ||
		   op->kind == MOUNTS_PROC_ALL || op->kind == MOUNTS_PROTECT);
}

static void
step_into(struct walk *w, const char *name)
{
	const struct mounts_op *op;
	char next[PATH_MAX];
	char *slash = strrchr(w->cur, '/');

	if (strcmp(name, ".") == 0)
		return;
	if (strcmp(name, "..") == 0) {
		if (slash != NULL)
			*slash = '\0';
		return;
	}
	if (snprintf(next, sizeof(next), "%s/%s", w->cur, name) >=
	    (int)sizeof(next)) {
		w->why = "its path is too long";
		return;
	}
	op = w->m == NULL ? NULL : find_decider(w->m, next);
	if (w->m == NULL || is_bound(op))
		step_on_host(w, next);
	else
		step_in_plan(w, op, next);
}

void
sandbox_path_find(
    const struct confine *c, const char *path, struct sandbox_path *out)
{
	static struct walk w;
	char name[NAME_MAX + 1];
	size_t len, skip;

	/* Without the layer the run sees the host's files, by this path. */
	w = (struct walk){
		.m = (c->layers & CONFINE_MOUNTS) != 0 ? &c->mounts : NULL,
	};
	*out = (struct sandbox_path){ .why = NULL };
	(void)snprintf(w.rest, sizeof(w.rest), "%s", path);
	while (w.why == NULL) {
		skip = strspn(w.rest, "/");
		len = strcspn(w.rest + skip, "/");
		if (len == 0)
			break;
		if (len > NAME_MAX) {
			w.why = "its name is too long";
			break;
		}
		(void)memcpy(name, w.rest + skip, len);
		name[len] = '\0';
		(void)memmove(w.rest, w.rest + skip + len,
		    strlen(w.rest + skip + len) + 1);
		step_into(&w, name);
	}
	out->why = w.why;
	out->unknown = w.unknown;
	out->there = w.why == NULL;
	(void)memcpy(out->real, w.cur, sizeof(out->real));
}

/* Landlock adds up what all directories above allow. */
static const char *
refused_by_plan(const struct confine *c, const char *real)
{
	const struct mounts_op *op = find_decider(&c->mounts, real);
	bool listed = false, covered = false;
	size_t i;

	if ((c->layers & CONFINE_MOUNTS) != 0 && op != NULL &&
	    (op->kind == MOUNTS_WRITE_NOEXEC ||
		op->kind == MOUNTS_TMPFS_NOEXEC || op->kind == MOUNTS_DEV ||
		op->kind == MOUNTS_PTS || op->kind == MOUNTS_PROC ||
		op->kind == MOUNTS_PROC_ALL))
		return "nothing can be executed there (key files.noexec or programs)";
	if ((c->layers & CONFINE_LANDLOCK) == 0)
		return NULL;
	for (i = 0; i < c->mounts.count; i++) {
		op = &c->mounts.op[i];
		if (!path_is_within(real, op->path))
			continue;
		listed |= op->kind == MOUNTS_PROGRAM;
		covered |= op->kind == MOUNTS_READ || op->kind == MOUNTS_WRITE;
	}
	if (listed || (covered && !c->listed_programs))
		return NULL;
	return c->listed_programs
		   ? "it is not one of the key programs"
		   : "it is outside what the policy lets the run read (key files)";
}

/* Asked of the kernel in a child, as the policy's user. */
static bool
user_may_execute(const struct policy *p, const char *real, bool *unknown)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (caps_can_change_ids() &&
		    (syscall(SYS_setgroups, p->group_count, p->groups) == -1 ||
			syscall(SYS_setresgid, p->gid, p->gid, p->gid) == -1 ||
			syscall(SYS_setresuid, p->uid, p->uid, p->uid) == -1))
			_exit(2);
		if (faccessat(AT_FDCWD, real, X_OK, AT_EACCESS) == 0)
			_exit(0);
		_exit(is_of_path(errno) ? 1 : 2);
	}
	if (pid == -1 || waitpid(pid, &status, 0) != pid ||
	    !WIFEXITED(status) || WEXITSTATUS(status) > 1)
		*unknown = true;
	return !*unknown && status == 0;
}

bool
sandbox_path_executable(const struct policy *p, struct sandbox_path *v)
{
	struct stat st;

	if (!v->there)
		return false;
	if (stat(v->real, &st) == -1) {
		v->unknown = !is_of_path(errno);
		v->why = "it is not there";
	} else if (!S_ISREG(st.st_mode)) {
		v->why = "it is not a file";
	} else if (!user_may_execute(p, v->real, &v->unknown)) {
		v->why =
		    "its permissions do not let the policy's user execute it";
	} else {
		v->why = refused_by_plan(&p->confine, v->real);
	}
	return v->why == NULL;
}

bool
sandbox_path_interpreter(const char *real, char out[PATH_MAX])
{
	CLEANUP_FD int fd = open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char line[256], *p;
	ssize_t n = fd == -1 ? -1 : read(fd, line, sizeof(line) - 1);

	if (n < 3 || line[0] != '#' || line[1] != '!')
		return false;
	line[n] = '\0';
	p = line + 2 + strspn(line + 2, " \t");
	p[strcspn(p, " \t\n")] = '\0';
	(void)snprintf(out, PATH_MAX, "%s", p);
	return p[0] == '/';
}
