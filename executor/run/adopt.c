/* SPDX-License-Identifier: MIT */
/* adopt: ask the launchers of executors before what they hold.  Executor. */
#include "executor/run/adopt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/fdpass.h"
#include "common/log.h"
#include "executor/launcher/holdpeer.h"
#include "executor/run/lateword.h"

enum { PATIENCE_MS = 20000 /* for each message; a machine may be slow */ };

/* --- who is there --------------------------------------------------------- */

/* Is it a launcher?  An upgrade may have removed its file meanwhile. */
static bool
is_program(pid_t pid, const char *program)
{
	static const char gone[] = " (deleted)";
	char path[40], exe[PATH_MAX];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	if (n == -1) /* of our own user, which may not look into it */
		return errno == EACCES && geteuid() != 0;
	exe[n] = '\0';
	if ((size_t)n > sizeof(gone) &&
	    strcmp(exe + n - (sizeof(gone) - 1), gone) == 0)
		exe[n - (ssize_t)(sizeof(gone) - 1)] = '\0';
	return strcmp(exe, program) == 0;
}

int
adopt_connect(int dir, const char *name)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	CLEANUP_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int n = snprintf(
	    un.sun_path, sizeof(un.sun_path), "/proc/self/fd/%d/%s", dir, name);

	if ((size_t)n >= sizeof(un.sun_path))
		return -ENAMETOOLONG;
	if (fd == -1 ||
	    connect(fd, (const struct sockaddr *)&un, sizeof(un)) == -1)
		return -errno;
	return steal_fd(&fd);
}

/* --- what it holds -------------------------------------------------------- */

static ssize_t
receive_message(int link, struct holdmsg *m, int *fd, size_t *count)
{
	const struct iovec part = { m, sizeof(*m) };

	*count = 0;
	if (!fdio_await(link, PATIENCE_MS))
		return -1;
	return fdpass_receive(
	    link, &part, 1, fd, HOLD_FDS, count, MSG_DONTWAIT);
}

static void
close_fds(const int *fd, size_t count)
{
	while (count > 0)
		(void)close(fd[--count]);
}

static void
close_run(struct adopt_run *r)
{
	held_free(r->held);
	r->held = NULL;
	for (int i = 0; i < HOLD_FDS; i++) {
		cleanup_fd(&r->fd[i]);
		r->fd[i] = -1;
	}
}

/* false, and none is taken: they are not those that it says. */
static bool
sort_fds(
    const struct holdmsg *m, const int *fd, size_t count, struct adopt_run *r)
{
	const unsigned needed = 1U << HOLD_STATE | 1U << HOLD_CTL;
	bool good = (m->has & needed) == needed && m->has >> HOLD_FDS == 0 &&
		    (size_t)__builtin_popcount(m->has) == count;

	for (unsigned i = 0; i < HOLD_FDS; i++)
		r->fd[i] = good && (m->has & 1U << i) != 0 ? *fd++ : -1;
	return good;
}

static void
own_held(struct adopt_run *r)
{
	static const enum holdmsg_fd its[] = { HOLD_STATE, HOLD_OUT_FROM,
		HOLD_OUT_TO, HOLD_ERR_FROM, HOLD_ERR_TO };

	for (size_t i = 0; i < sizeof(its) / sizeof(its[0]); i++)
		r->fd[its[i]] = -1;
}

/* It ends, as nobody would know how, and what its launcher holds goes. */
static void
refuse_run(struct adopt_run *r, const char *why)
{
	log_err("adopt: a run of the mcp-execd before is ended: %s", why);
	held_release(r->run, r->link);
	close_run(r);
}

static void
add_run(struct adopt *a, int link, const struct holdmsg *m, const int *fd,
    size_t count)
{
	struct adopt_run r = { .run = m->run, .link = link, .guard = m->pid };
	struct adopt_run *more;
	struct err e = { 0 };

	if (!sort_fds(m, fd, count, &r)) {
		close_fds(fd, count);
		refuse_run(&r, "its descriptors are not those it says");
		return;
	}
	r.held = held_open(r.fd, m->run, link, &e);
	if (r.held == NULL) {
		refuse_run(&r, e.what);
		return;
	}
	own_held(&r);
	if (a->count == a->room) {
		more = reallocarray(a->run, a->room + 64, sizeof(a->run[0]));
		if (more == NULL) {
			refuse_run(&r, "out of memory");
			return;
		}
		a->run = more;
		a->room += 64;
	}
	a->run[a->count++] = r;
}

/* All of it, or nothing of a launcher that does not say so. */
static bool
hear_all(struct adopt *a, int link)
{
	struct holdmsg m;
	int fd[HOLD_FDS];
	size_t count;
	bool whole;

	for (;;) {
		whole = receive_message(link, &m, fd, &count) ==
			    (ssize_t)sizeof(m) &&
			m.format <= HOLDMSG_FORMAT;
		if (whole && m.kind == HOLDMSG_RUN) {
			add_run(a, link, &m, fd, count);
			continue;
		}
		close_fds(fd, count);
		if (!whole || m.kind == HOLDMSG_ALL)
			return whole;
	}
}

static void
ask_one(struct adopt *a, int dir, const char *name, const char *program)
{
	int link = adopt_connect(dir, name);
	size_t before = a->count;
	pid_t pid;

	if (link == -ECONNREFUSED) /* of one that is gone */
		(void)unlinkat(dir, name, 0);
	if (link < 0)
		return;
	pid = holdpeer_check(link);
	if (pid == 0 || !is_program(pid, program)) {
		log_err(
		    "adopt: %s is not a launcher's: it is left alone", name);
		(void)close(link);
		return;
	}
	if (!hear_all(a, link)) {
		log_err(
		    "adopt: a launcher of the mcp-execd before does not say what it holds: its runs are ended");
		while (a->count > before)
			close_run(&a->run[--a->count]);
		(void)close(link);
		return;
	}
	a->link[a->launchers] = link;
	a->launcher[a->launchers++] = pid;
}

void
adopt_find(struct adopt *a, const char *path, const char *program)
{
	CLEANUP_FD int dir =
	    open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int copy = dir == -1 ? -1 : fcntl(dir, F_DUPFD_CLOEXEC, 0);
	DIR *names = copy == -1 ? NULL : fdopendir(copy);
	const struct dirent *d;

	*a = (struct adopt){ .count = 0 };
	if (names == NULL)
		return;
	while ((d = readdir(names)) != NULL && a->launchers < ADOPT_LAUNCHERS)
		if (d->d_name[0] != '.' && strlen(d->d_name) < HOLDMSG_NAME)
			ask_one(a, dir, d->d_name, program);
	(void)closedir(names);
}

void
adopt_rest(struct adopt *a)
{
	while (a->count > 0) {
		struct adopt_run *r = &a->run[--a->count];

		if (r->held != NULL)
			held_release(r->run, r->link);
		close_run(r);
	}
}

void
adopt_stop(struct adopt *a)
{
	const struct holdmsg m = { .kind = HOLDMSG_STOP,
		.format = HOLDMSG_FORMAT };

	for (size_t i = 0; i < a->launchers; i++)
		lateword_send(a->link[i], &m, sizeof(m));
}

void
adopt_fini(struct adopt *a)
{
	while (a->count > 0)
		close_run(&a->run[--a->count]);
	for (size_t i = 0; i < a->launchers; i++) {
		lateword_last(a->link[i]);
		(void)close(a->link[i]);
	}
	free(a->run);
	*a = (struct adopt){ .count = 0 };
}
