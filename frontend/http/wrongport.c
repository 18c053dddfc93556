/* SPDX-License-Identifier: MIT */
/* wrongport: a glance at a connection's first bytes (frontend). */
#include "frontend/http/wrongport.h"

#include <string.h>
#include <sys/socket.h>

#include "frontend/http/refusal.h"

enum {
	LINE = 4096, /* bytes of a request's line that are looked at */
	DRAIN = 16, /* pieces of that size that are read away */
	HANDSHAKE = 22, /* RFC 8446 section 5.1 */
	MAJOR = 3
};

/* A method and a version; TLS begins with HANDSHAKE. */
static bool
is_request(const char *p, size_t len)
{
	static const char version[] = " HTTP/1.";
	const char *end = memchr(p, '\n', len);
	size_t line = end != NULL ? (size_t)(end - p) : len;

	return line > 0 && p[0] >= 'A' && p[0] <= 'Z' &&
	       memmem(p, line, version, sizeof(version) - 1) != NULL;
}

static bool
is_plaintext(int fd)
{
	struct buf answer;
	char line[LINE];
	ssize_t n = recv(fd, line, sizeof(line), MSG_DONTWAIT | MSG_PEEK);

	if (n <= 0 || !is_request(line, (size_t)n))
		return false;
	buf_init(&answer, LINE);
	refusal_put_answer(&answer, "400 Bad Request", NULL,
	    "this port speaks TLS: use https:// instead of http");
	(void)send(fd, answer.p, answer.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	buf_fini(&answer);
	/* what is unread when it is closed would take the answer with it */
	for (int i = 0; i < DRAIN && n > 0; i++)
		n = recv(fd, line, sizeof(line), MSG_DONTWAIT);
	return true;
}

ssize_t
wrongport_read(void *arg, void *p, size_t size)
{
	struct wrongport *w = arg;
	ssize_t n;

	if (!w->begun && is_plaintext(w->fd))
		w->plaintext = true;
	if (w->plaintext)
		return 0;
	n = recv(w->fd, p, size, 0);
	w->begun |= n > 0;
	return n;
}

bool
wrongport_is_tls(const uint8_t *p, size_t n)
{
	return n > 0 && p[0] == HANDSHAKE && (n == 1 || p[1] == MAJOR);
}
