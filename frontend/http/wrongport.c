/* SPDX-License-Identifier: MIT */
/* wrongport: a glance at a connection's first bytes (frontend). */
#include "frontend/http/wrongport.h"

#include <string.h>
#include <sys/socket.h>

enum {
	LINE = 4096, /* bytes of a request's line that are looked at */
	DRAIN = 16 /* pieces of that size that are read away */
};

static const char answer[] =
    "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
    "Content-Type: application/json\r\nContent-Length: 68\r\n\r\n"
    "{\"error\":\"this port speaks TLS: use https:// in the place of http\"}\n";

/* A method and a version; TLS begins with 22 (RFC 8446 section 5.1). */
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
	char line[LINE];
	ssize_t n = recv(fd, line, sizeof(line), MSG_DONTWAIT | MSG_PEEK);

	if (n <= 0 || !is_request(line, (size_t)n))
		return false;
	(void)send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
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
