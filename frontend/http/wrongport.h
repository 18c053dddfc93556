/* SPDX-License-Identifier: MIT */
/*
 * wrongport: HTTP in clear text that comes to a listener with TLS, and TLS
 * that comes to one without (frontend).
 *
 * Untrusted input.  Without a word its sender would see "empty reply".
 */
#ifndef FRONTEND_WRONGPORT_H
#define FRONTEND_WRONGPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A connection's socket, on which a handshake is to begin. */
struct wrongport {
	int fd; /* borrowed */
	bool begun; /* its first bytes were seen */
	bool plaintext; /* they are of an HTTP request, which was answered */
};

/*
 * As recv(2) into p, with arg a struct wrongport: what GnuTLS reads by.  A
 * request in clear text is answered with 400, and looks like the end.
 */
ssize_t wrongport_read(void *arg, void *p, size_t size);
/* The other way round: is that how a handshake of TLS begins? */
bool wrongport_is_tls(const uint8_t *p, size_t n);

#endif
