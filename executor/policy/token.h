/* SPDX-License-Identifier: MIT */
/*
 * token: bearer tokens, as loaded from tokens.d/NAME.json.
 *
 * What a token, its proof and its verifier are: common/bearer.
 *
 * A file's keys: "verifier" (64 hex digits), "policy", "created" (RFC 3339),
 * and optionally "expires" (RFC 3339), "sources" (list of CIDRs), "directory"
 * (within the policy's), "timeout_max_ms" (within the policy's), "login_uid", "comment".
 */
#ifndef EXECUTOR_TOKEN_H
#define EXECUTOR_TOKEN_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "common/bearer.h"
#include "common/cidr.h"
#include "common/hashindex.h"
#include "executor/policy/policy.h"

struct key;

enum { TOKEN_MAX_SOURCES = 16, TOKEN_MAX_TOKENS = 10000 };

/* A file as it was when it was read; read again if it may have changed. */
struct token_stamp {
	dev_t device;
	ino_t inode; /* 0: to be read again whatever it is */
	off_t size;
	struct timespec modified, changed;
};

/* Immutable once it is in a table, and reference-counted. */
struct token {
	unsigned refs;
	char name[POLICY_MAX_NAME];
	uint8_t verifier[DIGEST_BYTES];
	struct policy *policy; /* referenced */
	struct policy *whole; /* the same before it was narrowed; referenced */
	const char *directory; /* that *policy is narrowed to, or "" */
	uint64_t created; /* Unix seconds */
	uint64_t expires; /* Unix seconds, 0: never */
	uint32_t timeout_max_ms; /* 0: the policy's */
	uint32_t login_uid; /* of its runs, executor/loginuid */
	bool has_structured; /* `structured` is the token's, not the policy's */
	bool structured;
	struct cidr *sources;
	char (*source_text)[CIDR_TEXT]; /* as written */
	size_t source_count; /* 0: any */
	const char *comment;
	struct token_stamp stamp; /* of its file */
};

struct token_table {
	struct token *t[TOKEN_MAX_TOKENS]; /* sorted by name; owned */
	size_t count;
	struct hashindex by_verifier, by_name, by_login;
	struct token_stamp directory; /* that they come from */
};

enum token_verdict {
	TOKEN_OK,
	TOKEN_UNKNOWN,
	TOKEN_EXPIRED,
	TOKEN_WRONG_SOURCE
};

/* One token from text (path is for messages); NULL after a finding. */
struct token *token_parse(const char *path, const char *name, struct bytes text,
    const struct policy_table *policies, struct conf_report *r) MUST_CHECK;
struct token *token_ref(struct token *t);
void token_free(struct token *t); /* gives one reference back; NULL is fine */
/* The same token within today's policies; NULL if they do not allow it. */
struct token *token_rebind(
    const struct token *old, const struct policy_table *policies) MUST_CHECK;
/* Put it after the last; the caller keeps the order.  Takes it over. */
int token_table_add(
    struct token_table *table, struct token *t, struct err *e) MUST_CHECK;
/*
 * After t was put in another order, or filled by hand: forget all places, and
 * add that of each token again.
 */
void token_table_unindex(struct token_table *table);
int token_table_index(
    struct token_table *table, size_t i, struct err *e) MUST_CHECK;
void token_table_fini(struct token_table *t);
/*
 * Who presented this proof?  In a time that tells nothing of other tokens,
 * however many there are.  *out is set also for TOKEN_EXPIRED and TOKEN_WRONG_SOURCE.  peer is an address as text.
 */
enum token_verdict token_check(const struct token_table *t,
    const uint8_t proof[DIGEST_BYTES], struct bytes peer, uint64_t now_s,
    const struct token **out);
/* Do its results have structuredContent in addition to text? */
bool token_structured(const struct token *t);
struct token *token_find(const struct token_table *t, struct bytes name);
struct token *token_find_verifier(
    const struct token_table *t, const uint8_t verifier[DIGEST_BYTES]);
struct token *token_find_login(const struct token_table *t, uint32_t login_uid);
/* RFC 3339 with any time zone to Unix seconds; ERR_BAD says what is wrong. */
int token_parse_time(
    struct bytes text, uint64_t *out, struct err *e) MUST_CHECK;
/* All keys of a token, for tests/lint/tables.c. */
const struct key *token_key_table(void);

#endif
