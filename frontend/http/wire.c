/* SPDX-License-Identifier: MIT */
/* wire: between sockets and the HTTP library (frontend, untrusted input). */
#undef _FORTIFY_SOURCE /* recv(2) is defined here */
#include "frontend/http/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "proto/note.h"

enum { WIRE_MAX_FD = 1 << 20, WIRE_STEP = 256 };

static struct {
	struct wire **by_fd; /* those in plaintext */
	size_t size;
} self;

static bool
make_room(int fd)
{
	size_t size = ((size_t)fd / WIRE_STEP + 1) * WIRE_STEP;
	struct wire **more;

	if (fd < 0 || fd >= WIRE_MAX_FD)
		return false;
	if ((size_t)fd < self.size)
		return true;
	more = realloc(self.by_fd, size * sizeof(more[0]));
	if (more == NULL)
		return false;
	memset(more + self.size, 0, (size - self.size) * sizeof(more[0]));
	self.by_fd = more;
	self.size = size;
	return true;
}

static void
say(struct wire *w, const char *text)
{
	if (w->over)
		return;
	w->over = true;
	w->refuse(w->arg, text);
}

/* Before more is read: -1 if nothing is to be. */
static int
on_ask(void *arg)
{
	struct wire *w = arg;

	/* before a line of a parser sees a byte of it */
	note_source(w->peer);
	/* the library wants more of a request that has come in full, or the like */
	if (w->fault == NULL && w->requests != w->scan.heads)
		w->fault = "where this request ends is not clear";
	if (w->fault != NULL)
		say(w, w->fault);
	return w->over ? -1 : 0;
}

/* n bytes at p were read: how many of them the library may see; -1: none. */
static ssize_t
on_take(void *arg, void *p, size_t n)
{
	struct wire *w = arg;
	uint8_t *bytes = p;
	size_t good;

	w->fault = scan_feed(&w->scan, bytes, n, &good);
	if (w->fault == NULL)
		return (ssize_t)n;
	explicit_bzero(bytes + good, n - good);
	if (good > 0)
		return (
		    ssize_t)good; /* requests before it have their answers */
	say(w, w->fault);
	return -1;
}

/* In the place of the C library's own. */
ssize_t
recv(int fd, void *p, size_t size, int flags)
{
	struct wire *w =
	    fd >= 0 && (size_t)fd < self.size ? self.by_fd[fd] : NULL;
	ssize_t n;

	if (w != NULL && on_ask(w) != 0)
		n = -1;
	else
		n = recvfrom(fd, p, size, flags, NULL, NULL);
	if (w == NULL || (n <= 0 && !w->over))
		return n;
	if (!w->over)
		n = on_take(w, p, (size_t)n);
	if (n < 0)
		errno = ECONNRESET;
	return n;
}

/* GnuTLS reads; its parsers are next, also those of a handshake. */
static ssize_t
pull(void *arg, void *p, size_t size)
{
	struct wire *w = arg;

	note_source(w->peer);
	return wrongport_read(&w->port, p, size);
}

bool
wire_open(struct wire *w, int fd, const char *peer, void *tls,
    void (*refuse)(void *arg, const char *text), void *arg)
{
	*w = (struct wire){
		.fd = fd, .peer = peer, .tls = tls, .refuse = refuse, .arg = arg
	};
	if (tls == NULL) {
		if (!make_room(fd))
			return false;
		self.by_fd[fd] = w;
		return true;
	}
	w->port.fd = fd;
	w->hook = (struct tlshook){ .pull = pull,
		.from = w,
		.take = on_take,
		.ask = on_ask,
		.arg = w };
	tls_read_by(tls, &w->hook);
	return true;
}

void
wire_close(struct wire *w)
{
	if (w->tls == NULL && w->fd >= 0 && (size_t)w->fd < self.size)
		self.by_fd[w->fd] = NULL;
	w->fd = -1;
	explicit_bzero(&w->scan, sizeof(w->scan));
}

bool
wire_begin(struct wire *w)
{
	return ++w->requests <= w->scan.heads;
}

void
wire_end(struct wire *w)
{
	if (w->fault != NULL && w->requests == w->scan.heads)
		say(w, w->fault);
}
