/* SPDX-License-Identifier: MIT */
/*
 * tlshook: two functions of GnuTLS as the HTTP library calls them (frontend).
 *
 * They replace GnuTLS' own, which they call: the HTTP library
 * says nothing to a client whose handshake fails, and shows its bytes to
 * nobody.
 */
#ifndef FRONTEND_TLSHOOK_H
#define FRONTEND_TLSHOOK_H

#include <stddef.h>
#include <sys/types.h>

#include "common/err.h"

enum {
	/*
	 * Of messages of TLS itself, with or without a handshake; the largest
	 * record has 16 KiB, and GnuTLS keeps a message until it is whole, of
	 * which a client may say 16 MiB.
	 */
	TLSHOOK_MOST_UNSEEN = 65536,
	TLSHOOK_OVER = -1, /* the connection is at its end */
	TLSHOOK_LATER = -2 /* nothing is to be read now */
};

/* Source and sink of a session's bytes; the session points to it. */
struct tlshook {
	/* as recv(2), of what is encrypted */
	ssize_t (*pull)(void *from, void *p, size_t size);
	void *from;
	/*
	 * n bytes at p were decrypted; how many of them are handed on, or one
	 * of the above.  May be NULL.
	 */
	ssize_t (*take)(void *arg, void *p, size_t n);
	/* before anything is read: 0, or one of the above; may be NULL */
	int (*ask)(void *arg);
	void *arg;
	size_t unseen; /* bytes pulled since the last that were decrypted */
};

/* Before the lockdown. */
int tlshook_prepare(struct err *e) MUST_CHECK;

#endif
