/* SPDX-License-Identifier: MIT */
/* auth: bearer tokens and counting of failures (frontend). */
#include <stdlib.h>
#include <string.h>

#include "common/bearer.h"
#include "common/cidr.h"
#include "common/log.h"
#include "frontend/gate/auth.h"

struct failure {
	char peer[CIDR_TEXT];
	char token[65];
	enum proto_authfail why;
	uint32_t count; /* not yet reported; 0: slot may be reused */
};

struct auth {
	struct loop *loop;
	struct ipc *ipc;
	struct loop_timer timer;
	struct failure failures[AUTH_MAX_FAILURES];
	uint32_t lost; /* failures that found no slot */
};

static int
fail_for(enum proto_authfail *why, enum proto_authfail reason)
{
	*why = reason;
	return -1;
}

int
auth_check(const struct settings_set *set, bool has, struct bytes value,
    struct bytes peer, uint64_t now_s, struct auth_who *out,
    enum proto_authfail *why)
{
	struct bytes text;
	uint8_t verifier[DIGEST_BYTES];
	struct err e;

	out->token = NULL;
	if (!has)
		return fail_for(why, PROTO_AUTH_MISSING);
	if (bearer_from_header(value, &text, &e) != 0)
		return fail_for(why, PROTO_AUTH_MALFORMED);
	bearer_proof(text, out->proof);
	bearer_verifier(out->proof, verifier);
	out->token = settings_token_find(set, verifier);
	if (out->token == NULL)
		return fail_for(why, PROTO_AUTH_UNKNOWN);
	if (settings_token_expired(out->token, now_s))
		return fail_for(why, PROTO_AUTH_EXPIRED);
	if (!settings_token_from(out->token, peer))
		return fail_for(why, PROTO_AUTH_SOURCE);
	return 0;
}

const char *
auth_advice(enum proto_authfail why)
{
	switch (why) {
	case PROTO_AUTH_MISSING:
		return "send the header \"Authorization: Bearer TOKEN\"; the administrator makes tokens with mcp-execctl token add";
	case PROTO_AUTH_MALFORMED:
		return "the Authorization header must read \"Bearer TOKEN\", with the token as it was printed";
	case PROTO_AUTH_UNKNOWN:
	case PROTO_AUTH_EXPIRED:
	case PROTO_AUTH_SOURCE:
		break;
	}
	/* one answer for all three: nothing to learn about tokens */
	return "this token is not valid here: ask the administrator for one";
}

/* Send what was counted; what the channel does not take waits. */
static bool
flush_counts(struct auth *a)
{
	bool left = false;

	for (size_t i = 0; i < AUTH_MAX_FAILURES; i++) {
		struct failure *f = &a->failures[i];
		struct msg m = { .code = PROTO_AUTHFAIL,
			.authfail = { .peer = bytes_of(f->peer),
			    .reason = (uint8_t)f->why,
			    .count = f->count,
			    .token = bytes_of(f->token) } };
		struct err e;

		if (f->count == 0)
			continue;
		if (ipc_send(a->ipc, &m, &e) == 0)
			f->count = 0;
		else
			left = true;
	}
	return left;
}

static void
on_timer(void *arg)
{
	struct auth *a = arg;

	if (a->lost > 0)
		log_warn(
		    "auth: failures from too many sources lost=%u", a->lost);
	a->lost = 0;
	if (flush_counts(a))
		loop_timer_set(a->loop, &a->timer, AUTH_REPORT_MS);
}

static bool
is_same(const struct failure *f, struct bytes peer, enum proto_authfail why,
    const char *token)
{
	return f->count > 0 && f->why == why && bytes_eq_str(peer, f->peer) &&
	       strcmp(f->token, token) == 0;
}

/* The slot that counts these, or a free one, or NULL. */
static struct failure *
find_slot(struct auth *a, struct bytes peer, enum proto_authfail why,
    const char *token)
{
	struct failure *spare = NULL;

	for (size_t i = 0; i < AUTH_MAX_FAILURES; i++) {
		struct failure *f = &a->failures[i];

		if (is_same(f, peer, why, token))
			return f;
		if (f->count == 0)
			spare = f;
	}
	return spare;
}

void
auth_count_failure(struct auth *a, struct bytes peer, enum proto_authfail why,
    const struct settings_token *token)
{
	const char *name = token == NULL ? "" : token->name;
	struct failure *f = find_slot(a, peer, why, name);
	struct err e;

	if (f == NULL) {
		a->lost++;
	} else if (f->count > 0) {
		f->count++;
	} else {
		if (bytes_to_str(peer, f->peer, sizeof(f->peer), &e) != 0)
			f->peer[0] = '\0';
		memcpy(f->token, name, strlen(name) + 1);
		f->why = why;
		f->count = 1;
	}
	if (a->timer.at_ms == 0)
		loop_timer_set(a->loop, &a->timer, AUTH_REPORT_MS);
}

struct auth *
auth_new(struct loop *l, struct ipc *i, struct err *e)
{
	struct auth *a = err_alloc(1, sizeof(*a), e);

	if (a == NULL)
		return NULL;
	a->loop = l;
	a->ipc = i;
	a->timer.handler = on_timer;
	a->timer.arg = a;
	return a;
}

void
auth_free(struct auth *a)
{
	if (a == NULL)
		return;
	loop_timer_cancel(a->loop, &a->timer);
	(void)flush_counts(a);
	free(a);
}
