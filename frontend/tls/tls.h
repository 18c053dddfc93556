/* SPDX-License-Identifier: MIT */
/*
 * tls: the server's certificate and key, and what TLS it speaks (frontend).
 *
 * The only user of GnuTLS.  The executor hands certificate and key over with
 * each configuration; a connection keeps the pair that it began with, so that
 * a reload ends none.  TLS 1.2 and 1.3, forward secrecy and authenticated
 * encryption only: RFC 9325.
 */
#ifndef FRONTEND_TLS_H
#define FRONTEND_TLS_H

#include <sys/types.h>

#include "common/bytes.h"
#include "frontend/tls/tlshook.h"
#include "proto/proto.h"

enum {
	TLS_MAX_CHAIN = 65536, /* bytes of PEM */
	TLS_MAX_KEY = 16384 /* bytes of PEM */
};

struct tls;
struct tls_pair; /* a certificate and its key */

/* Validity of the pair, Unix seconds. */
struct tls_validity {
	int64_t from, until;
};

/* Before the lockdown: whatever the library opens, it opens now. */
int tls_prepare(struct err *e) MUST_CHECK;
/* Priority string for the HTTP library. */
const char *tls_priorities(void);

struct tls *tls_new(struct err *e) MUST_CHECK;
void tls_free(struct tls *t);
/* A configuration begins: forget what was handed over in part. */
void tls_begin(struct tls *t);
int tls_add(struct tls *t, const struct msg_tls *m, struct err *e) MUST_CHECK;
/* New connections get what was handed over; nothing if nothing was. */
int tls_commit(struct tls *t, struct err *e) MUST_CHECK;

/* Give a new session (gnutls_session_t) the pair in force; NULL: none. */
struct tls_pair *tls_take(struct tls *t, void *session);
/* The connection is over; pair may be NULL. */
void tls_drop(struct tls_pair *pair);
/*
 * Have the session read its socket, and hand on what it has decrypted, by the
 * functions of hook, which lives as long as the session.
 */
void tls_read_by(void *session, struct tlshook *hook);
/* Have the session find nothing but the end. */
void tls_read_nothing(void *session);
/* Is the handshake done? */
bool tls_is_open(void *session);
/* Send by a session whose handshake is done; what does not fit is lost. */
void tls_send(void *session, const void *p, size_t len);
/* For the HTTP library to begin with: never used, since each session has its pair. */
void (*tls_no_certificate(void))(void);

/* Are chain and key (PEM) a pair to serve with?  ERR_BAD, with what to do. */
int tls_check(struct bytes chain, struct bytes key, struct tls_validity *out,
    struct err *e) MUST_CHECK;

#endif
