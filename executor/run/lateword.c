/* SPDX-License-Identifier: MIT */
/* lateword: send what waits when its socket can be written.  Executor. */
#include "executor/run/lateword.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fdpass.h"
#include "common/log.h"
#include "common/loop.h"

enum {
	WAITING_MOST = 16384, /* words for one socket */
	AGAIN_MS = 20, /* where the kernel has no memory or no place */
	LAST_MS = 1000 /* at the end, for one that is only busy */
};

struct word {
	struct word *next;
	size_t size, count;
	int fd[LATEWORD_FDS]; /* copies */
	uint8_t bytes[];
};

struct late {
	struct late *next;
	int link; /* as its owner calls it */
	/* of a copy: the owner watches the other one, for what it says */
	struct loop_watch room;
	struct loop_timer again;
	int copy; /* watched or not; -1: there was no descriptor for it */
	struct word *first, *last;
	size_t count;
};

static struct loop *loop; /* NULL: nothing can wait */
static struct late *first;

void
lateword_use(struct loop *l)
{
	loop = l;
}

static struct late *
find_late(int link)
{
	struct late *l = first;

	while (l != NULL && l->link != link)
		l = l->next;
	return l;
}

/* --- words ---------------------------------------------------------------- */

static void
free_word(struct word *w)
{
	while (w->count > 0)
		(void)close(w->fd[--w->count]);
	free(w);
}

static struct word *
make_word(
    const void *bytes, size_t size, const int *fds, size_t count, struct err *e)
{
	struct word *w = err_alloc(1, sizeof(*w) + size, e);

	if (w == NULL)
		return NULL;
	w->size = size;
	memcpy(w->bytes, bytes, size);
	for (; w->count < count; w->count++) {
		w->fd[w->count] = fcntl(fds[w->count], F_DUPFD_CLOEXEC, 0);
		if (w->fd[w->count] == -1) {
			(void)err_sys(e, "a copy of a descriptor");
			free_word(w);
			return NULL;
		}
	}
	return w;
}

static bool
send_word(
    int link, const void *bytes, size_t size, const int *fds, size_t count)
{
	const struct iovec part = { (void *)(uintptr_t)bytes, size };

	return fdpass_send(link, &part, 1, fds, count, MSG_DONTWAIT) ==
	       (ssize_t)size;
}

/* Otherwise its reader is gone. */
static bool
may_pass(int why)
{
	return why == EAGAIN || why == EINTR || why == ENOBUFS ||
	       why == ENOMEM || why == ETOOMANYREFS;
}

/* --- a socket ------------------------------------------------------------- */

static void
free_late(struct late *l)
{
	struct late **at = &first;
	struct word *w;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	if (loop != NULL) {
		loop_timer_cancel(loop, &l->again);
		if (l->room.fd != -1)
			loop_del(loop, &l->room);
	}
	while ((w = l->first) != NULL) {
		l->first = w->next;
		free_word(w);
	}
	cleanup_fd(&l->copy);
	free(l);
}

static void
drop_first(struct late *l)
{
	struct word *w = l->first;

	l->first = w->next;
	if (l->first == NULL)
		l->last = NULL;
	l->count--;
	free_word(w);
}

/* What there is room for; 0, or why there is none for more. */
static int
send_waiting(struct late *l)
{
	int to = l->copy == -1 ? l->link : l->copy;
	const struct word *w;

	while ((w = l->first) != NULL) {
		if (!send_word(to, w->bytes, w->size, w->fd, w->count))
			return errno;
		drop_first(l);
	}
	return 0;
}

/*
 * A full socket says when it has room; a kernel without memory does not, and
 * one that cannot be watched is asked.
 */
static void
wait_on(struct late *l, int why)
{
	struct err e = { 0 };

	loop_del(loop, &l->room);
	if (l->copy == -1)
		l->copy = fcntl(l->link, F_DUPFD_CLOEXEC, 0);
	l->room.fd = why == EAGAIN ? l->copy : -1;
	if (l->room.fd != -1 && loop_add(loop, &l->room, EPOLLOUT, &e) == 0)
		return;
	loop_timer_set(loop, &l->again, AGAIN_MS);
}

/* One that is gone holds nothing, and is told of by who watches it. */
static void
go_on(struct late *l)
{
	int why = send_waiting(l);

	if (may_pass(why))
		wait_on(l, why);
	else
		free_late(l);
}

static void
on_room(void *arg, uint32_t events)
{
	(void)events;
	go_on(arg);
}

static void
on_again(void *arg)
{
	go_on(arg);
}

static struct late *
make_late(int link, int why, struct err *e)
{
	struct late *l;

	if (loop == NULL) {
		(void)err_set(e, ERR_BUSY, "the launcher has enough to do");
		return NULL;
	}
	l = err_alloc(1, sizeof(*l), e);
	if (l == NULL)
		return NULL;
	l->link = link;
	l->room = (struct loop_watch){ .fd = -1, .handler = on_room, .arg = l };
	l->again.handler = on_again;
	l->again.arg = l;
	l->next = first;
	first = l;
	l->copy = -1;
	wait_on(l, why);
	return l;
}

static int
add_word(struct late *l, struct word *w, struct err *e)
{
	if (l->count == WAITING_MOST) {
		free_word(w);
		return err_set(e, ERR_BUSY, "too much waits for the launcher");
	}
	if (l->last != NULL)
		l->last->next = w;
	else
		l->first = w;
	l->last = w;
	l->count++;
	return 0;
}

/* --- the outside ---------------------------------------------------------- */

int
lateword_give(int link, const void *bytes, size_t size, const int *fds,
    size_t count, struct err *e)
{
	struct late *l = find_late(link);
	struct word *w;
	int why = EAGAIN;

	if (count > LATEWORD_FDS)
		return err_set(e, ERR_BAD, "too many descriptors for a word");
	if (l == NULL) {
		if (send_word(link, bytes, size, fds, count))
			return 0;
		why = errno;
	}
	if (!may_pass(why))
		return err_set(e, ERR_EOF, "the launcher takes no word: %s",
		    strerror(why));
	w = make_word(bytes, size, fds, count, e);
	if (w == NULL)
		return e->code;
	if (l == NULL)
		l = make_late(link, why, e);
	if (l != NULL)
		return add_word(l, w, e);
	free_word(w);
	return e->code;
}

void
lateword_send(int link, const void *bytes, size_t size)
{
	struct err e = { 0 };

	if (lateword_give(link, bytes, size, NULL, 0, &e) == 0)
		return;
	if (e.code == ERR_EOF)
		log_debug("launch: %s", e.what);
	else
		log_err(
		    "launch: the launcher is not told what it must know: %s",
		    e.what);
}

/* As long as it goes on taking some. */
void
lateword_last(int link)
{
	struct late *l = find_late(link);
	struct pollfd p = { .events = POLLOUT };
	uint64_t until = clock_mono_ms() + LAST_MS;
	size_t count = l == NULL ? 0 : l->count;

	while (l != NULL && clock_mono_ms() < until) {
		int why = send_waiting(l);

		if (!may_pass(why))
			break;
		if (l->count < count)
			until = clock_mono_ms() + LAST_MS;
		count = l->count;
		p.fd = why == EAGAIN ? l->copy : -1;
		(void)poll(&p, 1, AGAIN_MS);
	}
	if (l != NULL && l->count > 0 && clock_mono_ms() >= until)
		log_err(
		    "launch: the launcher has not taken %zu words in time: jobs that were to go on may end with this process",
		    l->count);
	lateword_forget(link);
}

void
lateword_forget(int link)
{
	struct late *l = find_late(link);

	if (l == NULL)
		return;
	if (l->count > 0)
		log_debug(
		    "launch: %zu words for the launcher are left", l->count);
	free_late(l);
}
