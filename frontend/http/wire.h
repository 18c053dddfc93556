/* SPDX-License-Identifier: MIT */
/*
 * wire: what the HTTP library reads from a connection goes through here.
 *
 * Frontend, untrusted input.  The library reads its sockets itself, by recv(2)
 * or by GnuTLS.  Both names lead to functions of ours, which hand on what scan
 * finds well-formed and compare its count of requests with the library's: they
 * must read the same ones.
 */
#ifndef FRONTEND_WIRE_H
#define FRONTEND_WIRE_H

#include "frontend/http/scan.h"
#include "frontend/http/wrongport.h"
#include "frontend/tls/tls.h"

struct wire {
	int fd; /* borrowed; -1: closed */
	const char *peer; /* borrowed: its source, for proto/note.h */
	void *tls; /* its session; NULL: plaintext */
	struct tlshook hook;
	struct wrongport port; /* of TLS */
	struct scan scan;
	uint32_t given; /* heads that the library was given */
	uint32_t requests; /* that it has begun */
	bool within; /* it has not ended the last one */
	const char *fault; /* what is wrong behind those; NULL: nothing */
	bool over; /* that was said: nothing is read any more */
	bool speaks_tls; /* and it is a handshake, where there is no TLS */
	/* once, when the client has to hear what is wrong */
	void (*refuse)(void *arg, const char *text);
	void *arg;
};

/*
 * A head has at most so many bytes.  false: there is no memory, or the socket
 * cannot be watched.
 */
bool wire_open(struct wire *w, int fd, const char *peer, void *tls, size_t most,
    void (*refuse)(void *arg, const char *text), void *arg) MUST_CHECK;
/* Before the socket is closed. */
void wire_close(struct wire *w);
/* The library begins a request; false: it is not one that was sent. */
bool wire_begin(struct wire *w) MUST_CHECK;
/* It has ended it: what was read after it is refused now, if it has to be. */
void wire_end(struct wire *w);

#endif
