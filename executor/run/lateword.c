/* SPDX-License-Identifier: MIT */
/* lateword: send what waits when its socket can be written.  Executor. */
#include "executor/run/lateword.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/loop.h"

enum {
	WAITING_MOST = 4 << 20, /* bytes for one socket */
	LAST_MS = 1000 /* at the end, for one that is only busy */
};

struct late {
	struct late *next;
	int link; /* as its owner calls it */
	/* of a copy: the owner watches the other one, for what it says */
	struct loop_watch room;
	size_t size; /* of a word */
	struct buf words;
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

static void
free_late(struct late *l)
{
	struct late **at = &first;
	int copy = l->room.fd;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	if (loop != NULL)
		loop_del(loop, &l->room);
	cleanup_fd(&copy);
	buf_fini(&l->words);
	free(l);
}

static bool
send_word(int fd, const void *word, size_t size)
{
	return send(fd, word, size, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	       (ssize_t)size;
}

/* What there is room for.  false: there is none for more. */
static bool
send_waiting(struct late *l)
{
	while (l->words.len > 0 && send_word(l->room.fd, l->words.p, l->size))
		buf_consume(&l->words, l->size);
	return l->words.len == 0 || (errno != EAGAIN && errno != EINTR);
}

/* One that is gone holds nothing, and is told of by who watches it. */
static void
on_room(void *arg, uint32_t events)
{
	struct late *l = arg;
	(void)events;

	if (send_waiting(l))
		free_late(l);
}

static struct late *
make_late(int link, size_t size, struct err *e)
{
	struct late *l;
	int copy;

	if (loop == NULL) {
		(void)err_set(e, ERR_BUSY, "the launcher has enough to do");
		return NULL;
	}
	l = err_alloc(1, sizeof(*l), e);
	if (l == NULL)
		return NULL;
	l->link = link;
	l->size = size;
	buf_init(&l->words, WAITING_MOST);
	l->next = first;
	first = l;
	copy = fcntl(link, F_DUPFD_CLOEXEC, 0);
	l->room =
	    (struct loop_watch){ .fd = copy, .handler = on_room, .arg = l };
	if (copy != -1 && loop_add(loop, &l->room, EPOLLOUT, e) == 0)
		return l;
	if (copy == -1)
		(void)err_sys(e, "a copy of the launcher's socket");
	free_late(l);
	return NULL;
}

void
lateword_send(int link, const void *word, size_t size)
{
	struct late *l = find_late(link);
	struct err e = { 0 };

	if (l == NULL) {
		if (send_word(link, word, size))
			return;
		if (errno != EAGAIN && errno != EINTR) {
			log_debug("launch: the launcher takes no word: %m");
			return;
		}
		l = make_late(link, size, &e);
	}
	if (l != NULL && l->words.len + size <= WAITING_MOST)
		buf_put(&l->words, word, size);
	else
		log_err(
		    "launch: the launcher is not told what it must know: %s",
		    l == NULL ? e.what : "too much waits for it");
}

void
lateword_last(int link)
{
	struct late *l = find_late(link);
	struct pollfd p = { .events = POLLOUT };

	if (l == NULL)
		return;
	p.fd = l->room.fd;
	while (!send_waiting(l) && poll(&p, 1, LAST_MS) == 1)
		;
	lateword_forget(link);
}

void
lateword_forget(int link)
{
	struct late *l = find_late(link);

	if (l == NULL)
		return;
	if (l->words.len > 0)
		log_debug("launch: %zu words for the launcher are left",
		    l->words.len / l->size);
	free_late(l);
}
