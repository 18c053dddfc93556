/* SPDX-License-Identifier: MIT */
/*
 * http: libmicrohttpd in our loop; the only user of it.
 *
 * Frontend, untrusted input.  One daemon per listener, without threads, its
 * epoll descriptor nested in the loop.
 */
#ifndef FRONTEND_HTTP_H
#define FRONTEND_HTTP_H

#include "frontend/http/endpoint.h"
#include "frontend/tls/tls.h"

struct http;

/* Where it listens, what it may hold. */
struct http_limits {
	int first_fd; /* listeners: this descriptor and up */
	uint32_t listeners;
	uint32_t connections; /* most of all, fixed */
	uint32_t header_bytes;
};

struct http *http_new(struct loop *l, struct settings *s, struct endpoint *ep,
    struct tls *t, const struct http_limits *limits, struct err *e) MUST_CHECK;
/* Resumes and drops every connection. */
void http_free(struct http *h);
/* Begin to accept (once settings are there); again: does nothing. */
int http_start(struct http *h, struct err *e) MUST_CHECK;
/* Accept no more connections; those that are there go on. */
void http_drain(struct http *h);
/* Does a connection wait for a request or an answer that is on its way? */
bool http_owes(const struct http *h);
/*
 * Is a client that has shown a good token taking its last answer?  An event
 * stream on which more may be said is none.
 */
bool http_owes_answer(const struct http *h);
/* Bit i: listener i has given a connection since the last time. */
uint32_t http_heard(struct http *h);
/* Connections that are open. */
size_t http_connections(const struct http *h);

#endif
