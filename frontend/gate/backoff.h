/* SPDX-License-Identifier: MIT */
/*
 * backoff: who fails to authenticate waits for the answer, then is refused.
 *
 * Frontend.  The table is penalty's; here are the rules of the configuration,
 * the clock, and the reports to the executor, which records each penalty.
 *
 * Some addresses stand for many: the loopback interface, UNIX sockets,
 * trusted proxies and "unknown".  From there a token that is good is always
 * taken, so that nobody can lock out the others.
 */
#ifndef FRONTEND_BACKOFF_H
#define FRONTEND_BACKOFF_H

#include "common/loop.h"
#include "frontend/link/ipc.h"
#include "frontend/link/settings.h"

enum { BACKOFF_SWEEP_MS = 1000 };

struct backoff;

struct backoff *backoff_new(
    struct loop *l, struct ipc *i, struct err *e) MUST_CHECK;
void backoff_free(struct backoff *d);
/* After a COMMIT.  Penalties stay, unless the table's size changes. */
int backoff_configure(struct backoff *d, const struct settings_set *set,
    struct err *e) MUST_CHECK;

/* Does this address (as text) stand for many clients? */
bool backoff_is_shared(const struct settings_set *set, struct bytes peer);
/* Seconds for which this source is refused; 0: it is not. */
uint32_t backoff_refuses(struct backoff *d, struct bytes peer);
/* The executor's word about who waits since a frontend died. */
int backoff_wait(
    struct backoff *d, const struct msg_wait *m, struct err *e) MUST_CHECK;
/*
 * Seconds that a source waits for that; 0: it does not, as it stands for many.
 * *shut: it is not even heard.
 */
uint32_t backoff_source_waits(struct backoff *d, const struct settings_set *set,
    struct bytes peer, bool *shut);
/* Seconds that a token waits for that. */
uint32_t backoff_token_waits(
    struct backoff *d, const uint8_t verifier[DIGEST_BYTES]);
/* A request was refused for that. */
void backoff_count_refused(struct backoff *d, struct bytes peer);
/*
 * It failed with that Authorization (empty: without); ms after which it shall
 * be told.
 */
uint32_t backoff_failed(struct backoff *d, const struct settings_set *set,
    struct bytes peer, struct bytes value, enum proto_authfail why);

#endif
