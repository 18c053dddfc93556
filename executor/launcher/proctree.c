/* SPDX-License-Identifier: MIT */
/*
 * proctree: walk /proc/PID/task/TID/children (proc(5)), or, where the kernel was
 * built without CONFIG_PROC_CHILDREN, the parents of all processes.
 * Guard and executor; async-signal-safe.
 */
#include "executor/launcher/proctree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/decimal.h"
#include "executor/launcher/procdir.h"

enum {
	MAX_PIDS = 4096 /* of one pass; further ones wait for the next */
};

struct walk {
	pid_t self;
	pid_t pid[MAX_PIDS]; /* found so far; those from `next` not entered */
	size_t count, next;
	const pid_t *spare;
	size_t spare_count;
	/*
	 * To be signalled: what has ended and is not reaped yet is left out, as
	 * what forks for ever leaves more of those than a pass has room for.
	 */
	bool alive;
};

static char *
put_text(char *p, const char *text)
{
	while (*text != '\0')
		*p++ = *text++;
	*p = '\0';
	return p;
}

static bool
is_spared(const struct walk *w, pid_t pid)
{
	size_t i;

	for (i = 0; i < w->spare_count; i++)
		if (w->spare[i] == pid)
			return true;
	return false;
}

static void
take_process(struct walk *w, pid_t pid)
{
	if (pid > 0 && w->count < MAX_PIDS && !is_spared(w, pid))
		w->pid[w->count++] = pid;
}

/* "12 345 6 " */
static void
read_children(struct walk *w, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[1024];
	pid_t pid = 0;
	ssize_t n, i;

	if (fd == -1)
		return;
	while ((n = read(fd, text, sizeof(text))) > 0)
		for (i = 0; i < n; i++) {
			if (text[i] >= '0' && text[i] <= '9') {
				pid = pid * 10 + (text[i] - '0');
				continue;
			}
			take_process(w, pid);
			pid = 0;
		}
	take_process(w, pid);
	(void)close(fd);
}

struct threads {
	struct walk *w;
	char path[96], *tid; /* where the name of a thread belongs */
};

static bool
enter_thread(void *arg, const char *tid)
{
	struct threads *t = arg;

	if (strlen(tid) < DECIMAL_MAX) {
		(void)put_text(put_text(t->tid, tid), "/children");
		read_children(t->w, t->path);
	}
	return false;
}

/* The children of every thread of pid. */
static void
enter_process(struct walk *w, pid_t pid)
{
	struct threads t = { .w = w };
	int fd;

	t.tid = put_text(
	    decimal_put(put_text(t.path, "/proc/"), (uint32_t)pid), "/task/");
	fd = open(t.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return;
	(void)procdir_find(fd, enter_thread, &t);
	(void)close(fd);
}

/*
 * Its parent as of now, 0: outside of our pid namespace; -1: cannot be read.
 * *state: its letter in proc_pid_stat(5).
 */
static pid_t
read_parent(pid_t pid, char *state)
{
	char text[512];
	const char *p;
	ssize_t n;
	int fd;

	(void)put_text(
	    decimal_put(put_text(text, "/proc/"), (uint32_t)pid), "/stat");
	fd = open(text, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	p = strrchr(text, ')'); /* its name may hold anything: "(x) S 1 " */
	if (p == NULL || strlen(p) < 5)
		return -1;
	*state = p[2];
	p += 4;
	return (pid_t)decimal_take(&p);
}

/* The same with 0 for both; if alive: for what has ended as well. */
static pid_t
parent_of(pid_t pid, bool alive)
{
	char state;
	pid_t parent = read_parent(pid, &state);

	if (parent <= 0 || (alive && (state == 'Z' || state == 'X')))
		return 0;
	return parent;
}

static bool
found_process(const struct walk *w, pid_t pid)
{
	size_t i;

	if (pid == w->self)
		return true;
	for (i = 0; i < w->count; i++)
		if (w->pid[i] == pid)
			return true;
	return false;
}

/* --- without CONFIG_PROC_CHILDREN ------------------------------------- */

static enum { UNKNOWN, BY_CHILDREN, BY_PARENTS } method;

void
proctree_by_parents(bool always)
{
	method = always ? BY_PARENTS : UNKNOWN;
}

static bool
by_parents(void)
{
	if (method == UNKNOWN)
		method = access("/proc/thread-self/children", F_OK) == -1 &&
				 errno == ENOENT &&
				 access("/proc/thread-self/stat", F_OK) == 0
			     ? BY_PARENTS
			     : BY_CHILDREN;
	return method == BY_PARENTS;
}

/* Take a process of /proc whose parent is found already. */
static bool
scan_process(void *arg, const char *name)
{
	struct walk *w = arg;
	pid_t pid = decimal_pid(name);

	if (pid > 0 && !found_process(w, pid) &&
	    found_process(w, parent_of(pid, w->alive)))
		take_process(w, pid);
	return false;
}

/* Until nobody is added: children may have smaller numbers than parents. */
static void
scan_proc(struct walk *w)
{
	size_t before;
	int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1)
		return;
	do {
		before = w->count;
		(void)lseek(fd, 0, SEEK_SET);
		(void)procdir_find(fd, scan_process, w);
	} while (w->count > before && w->count < MAX_PIDS);
	(void)close(fd);
}

/* All descendants of w->self. */
static void
walk_tree(struct walk *w)
{
	if (by_parents()) {
		scan_proc(w);
		return;
	}
	enter_process(w, w->self);
	for (; w->next < w->count; w->next++)
		enter_process(w, w->pid[w->next]);
}

/* --- signals ---------------------------------------------------------- */

/*
 * A process may have ended since it was found, and its number be another's:
 * take hold of it first, then see whether it is still one of the tree.
 */
static void
signal_one(const struct walk *w, pid_t pid, int sig)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	pid_t parent;

	if (fd == -1) {
		if (errno != ESRCH)
			(void)kill(pid, sig);
		return;
	}
	parent = parent_of(pid, false);
	if (parent == 0 || found_process(w, parent))
		(void)syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
	(void)close(fd);
}

unsigned
proctree_kill_below(pid_t root, int sig, const pid_t *spare, size_t spare_count)
{
	static struct walk w;
	size_t i;

	w.self = root;
	w.count = w.next = 0;
	w.spare = spare;
	w.spare_count = spare_count;
	w.alive = true;
	walk_tree(&w);
	for (i = w.count; i > 0; i--)
		signal_one(&w, w.pid[i - 1], sig);
	return (unsigned)w.count;
}

unsigned
proctree_kill(int sig, const pid_t *spare, size_t spare_count)
{
	return proctree_kill_below(getpid(), sig, spare, spare_count);
}

size_t
proctree_children(pid_t *out, size_t max)
{
	static struct walk w;
	size_t i;

	w.self = getpid();
	w.count = w.next = w.spare_count = 0;
	if (by_parents()) /* all that descend from us */
		scan_proc(&w);
	else
		enter_process(&w, w.self);
	for (i = 0; i < w.count && i < max; i++)
		out[i] = w.pid[i];
	return i;
}

size_t
proctree_all(pid_t *out, size_t max)
{
	static struct walk w;
	size_t i;

	w = (struct walk){ .self = getpid(), .alive = true };
	walk_tree(&w);
	for (i = 0; i < w.count && i < max; i++)
		out[i] = w.pid[i];
	return i;
}

/*
 * From child to parent until somebody is reached that cannot be ours.  What
 * cannot be read, because it has just gone or is hidden, is `unknown`.
 */
static bool
climb_tree(pid_t pid, pid_t ancestor, bool unknown_first, bool unknown)
{
	unsigned steps;
	char state;

	for (steps = 0; steps < MAX_PIDS; steps++) {
		if (pid == ancestor)
			return true;
		if (pid == 1 || pid == 0)
			return false;
		pid = read_parent(pid, &state);
		if (pid == -1)
			return steps == 0 ? unknown_first : unknown;
	}
	return unknown;
}

/*
 * Root sees every process, so what is not there has just gone, and counts as
 * ours; others may not see those of root (hidepid, proc(5)), but do see their
 * own.
 */
bool
proctree_has_ancestor(pid_t pid, pid_t ancestor)
{
	return climb_tree(pid, ancestor, true, geteuid() == 0);
}

bool
proctree_descends(pid_t pid, pid_t ancestor)
{
	return pid > 0 && climb_tree(pid, ancestor, false, false);
}
