/* SPDX-License-Identifier: MIT */
/*
 * tlsadvice: what clients will not like about a certificate (frontend).
 *
 * In --check-tls only, confined as all of this program is.  Nothing here
 * decides whether a certificate is used: it is words for the administrator.
 */
#ifndef FRONTEND_TLSADVICE_H
#define FRONTEND_TLSADVICE_H

#include "common/bytes.h"

enum {
	TLSADVICE_MAX_CERTS = 16 /* in a chain */
};

/*
 * One line for each remark, with what to do.  chain: PEM, the server's first;
 * names: what clients call the server, each ended by a NUL; may be empty.
 */
void tlsadvice_remarks(struct bytes chain, struct bytes names, struct buf *out);

/*
 * Words for a file that holds no certificate, or no key: what it holds
 * instead, and how it is converted.
 */
const char *tlsadvice_no_certificate(struct bytes pem);
const char *tlsadvice_no_key(struct bytes pem);

#endif
