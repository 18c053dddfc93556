/* SPDX-License-Identifier: MIT */
/* jobkey: calls that are made at most once.  Executor. */
#include "executor/jobs/jobkey.h"

#include <stdio.h>
#include <string.h>

#include "common/digest.h"
#include "common/sort.h"

enum { KEY_MAX = 255 /* bytes of an idempotency key */ };

static int
by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, DIGEST_BYTES);
}

static void
add_part(struct digest *d, struct bytes part)
{
	uint8_t len[8];

	for (size_t i = 0; i < sizeof(len); i++)
		len[i] = (uint8_t)((uint64_t)part.len >> (8 * i));
	digest_update(d, bytes_make(len, sizeof(len)));
	digest_update(d, part);
}

/* Tool and arguments, in whatever order a client writes these. */
static void
digest_request(const struct request *r, uint8_t out[DIGEST_BYTES])
{
	static uint8_t sums[REQUEST_MAX_ARGS][DIGEST_BYTES];
	struct digest d;

	for (size_t i = 0; i < r->arg_count; i++) {
		digest_init(&d);
		add_part(&d, bytes_of(r->arg[i].name));
		add_part(&d, request_value(r, &r->arg[i]));
		digest_final(&d, sums[i]);
	}
	sort_items(sums, r->arg_count, sizeof(sums[0]), by_bytes);
	digest_init(&d);
	add_part(&d, bytes_of(r->tool));
	digest_update(&d, bytes_make(sums, r->arg_count * DIGEST_BYTES));
	digest_final(&d, out);
}

/*
 * What was taken from the arguments.  Of a request without it the digest stays what
 * it is: the key book of an older server holds such.
 */
static void
add_start(const struct request *r, bool open_input, uint8_t sum[DIGEST_BYTES])
{
	struct digest d;
	char text[32];

	if (r->terminal.columns == 0 && !open_input)
		return;
	(void)snprintf(text, sizeof(text), "%u %u %d", r->terminal.columns,
	    r->terminal.rows, open_input);
	digest_init(&d);
	digest_update(&d, bytes_make(sum, DIGEST_BYTES));
	add_part(&d, bytes_of(text));
	digest_final(&d, sum);
}

int
jobkey_take(
    struct request *r, bool open_input, struct ledger_key *key, struct err *e)
{
	struct bytes text;

	bool made = key->window_ms != 0;

	key->given = request_take(r, "job.key", &text);
	if (!key->given) {
		key->given = made;
		return 0;
	}
	key->window_ms = 0;
	if (text.len == 0 || text.len > KEY_MAX)
		return err_set(e, ERR_BAD,
		    "idempotency_key has %zu bytes; use 1 to %d, such as a UUID",
		    text.len, KEY_MAX);
	digest_sha256(text, key->key);
	digest_request(r, key->request);
	add_start(r, open_input, key->request);
	return 0;
}

/*
 * Of a call without one, where the policy wants that: of all that was asked for,
 * before anything is taken from it.  Under another policy it is another call.
 */
void
jobkey_make(
    const struct request *r, const struct token *t, struct ledger_key *key)
{
	struct digest d;

	key->window_ms = t->policy->jobs.repeat_window_ms;
	if (key->window_ms == 0)
		return;
	digest_request(r, key->request);
	digest_init(&d);
	add_part(&d, BYTES_LIT("mcp-execd repeated call v2"));
	add_part(&d, bytes_of(t->policy->name));
	digest_update(&d, bytes_make(key->request, DIGEST_BYTES));
	digest_final(&d, key->key);
}

#define NOT_AGAIN                                                              \
	"It was not run again: see what it did, then use a new idempotency_key to run it again"
#define CALL_AGAIN                                                             \
	"It was not run again: see what it did, then call once more to run it again"

/* What is known of a call of before a restart: it never runs again. */
static int
refuse_past(const struct keybook_record *r, bool made, struct err *e)
{
	const char *rest = made ? CALL_AGAIN : NOT_AGAIN;
	char how[64];

	if (!r->over)
		return err_set(e, ERR_BAD,
		    "this call was made before, as run %s, and was cut off when the server stopped or failed: how far it came is not known. %s",
		    r->id, rest);
	if (r->state == PROTO_EXITED)
		(void)snprintf(
		    how, sizeof(how), "exited with status %d", r->exit_code);
	else if (r->state == PROTO_SIGNALLED)
		(void)snprintf(
		    how, sizeof(how), "was killed by signal %d", r->signal);
	else
		(void)snprintf(how, sizeof(how), "ended as %s",
		    proto_state_name((enum proto_state)r->state));
	return err_set(e, ERR_BAD,
	    "this call was made before, as run %s, and %s after %llu ms; its output is kept no longer. %s",
	    r->id, how, (unsigned long long)(r->duration_us / 1000), rest);
}

int
jobkey_check_same(const uint8_t request[DIGEST_BYTES],
    const struct ledger_key *key, struct err *e)
{
	if (memcmp(request, key->request, DIGEST_BYTES) == 0)
		return 0;
	return err_set(e, ERR_BAD,
	    "this idempotency_key was used for another call; use a new one for each call that is not the same again");
}

int
jobkey_check_past(struct ledger *l, const struct token *t,
    const struct ledger_key *key, struct err *e)
{
	const struct keybook_record *r =
	    ledger_find_past(l, key->key, t->verifier);

	if (r == NULL)
		return 0;
	if (jobkey_check_same(r->request, key, e) != 0)
		return e->code;
	(void)refuse_past(r, key->window_ms != 0, e);
	if (key->window_ms != 0)
		ledger_drop_past(l, r);
	return e->code;
}
