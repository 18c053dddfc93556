/* SPDX-License-Identifier: MIT */
/*
 * auth: who sends this request?  (frontend, untrusted input)
 *
 * Answers from the Authorization header alone; a session id never
 * authenticates.  Failures are counted per source and reason and reported to
 * the executor, which records them, at most once a second each.
 */
#ifndef FRONTEND_AUTH_H
#define FRONTEND_AUTH_H

#include "common/loop.h"
#include "frontend/link/ipc.h"
#include "frontend/link/settings.h"

enum {
	AUTH_MAX_FAILURES = 256, /* sources and reasons counted apart */
	AUTH_REPORT_MS = 1000
};

/* The sender of a request, as far as it was proved. */
struct auth_who {
	const struct settings_token *token; /* until the next COMMIT */
	uint8_t *proof; /* where it goes: the only copy, DIGEST_BYTES */
};

struct auth;

struct auth *auth_new(struct loop *l, struct ipc *i, struct err *e) MUST_CHECK;
void auth_free(struct auth *a);
/*
 * Check a header's value (has false: there is none).  0 with *out, or -1
 * with the reason in *why; *out holds the token's name holder, if known, also
 * then.  Pure.
 */
int auth_check(const struct settings_set *set, bool has, struct bytes value,
    struct bytes peer, uint64_t now_s, struct auth_who *out,
    enum proto_authfail *why) MUST_CHECK;
/* Count a failure; token may be NULL. */
void auth_count_failure(struct auth *a, struct bytes peer,
    enum proto_authfail why, const struct settings_token *token);
/* What to tell the client: one sentence. */
const char *auth_advice(enum proto_authfail why);

#endif
