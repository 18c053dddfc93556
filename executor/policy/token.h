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

#include "common/bearer.h"
#include "common/cidr.h"
#include "executor/policy/policy.h"

enum { TOKEN_MAX_SOURCES = 16, TOKEN_MAX_TOKENS = 1024 };

struct token {
	char name[POLICY_MAX_NAME];
	uint8_t verifier[DIGEST_BYTES];
	struct policy *policy; /* referenced */
	char directory[PATH_MAX]; /* that *policy is narrowed to, or "" */
	uint64_t created; /* Unix seconds */
	uint64_t expires; /* Unix seconds, 0: never */
	uint32_t timeout_max_ms; /* 0: the policy's */
	uint32_t login_uid; /* of its runs, executor/loginuid */
	struct cidr sources[TOKEN_MAX_SOURCES];
	char source_text[TOKEN_MAX_SOURCES][CIDR_TEXT]; /* as written */
	size_t source_count; /* 0: any */
	char comment[256];
};

struct token_table {
	struct token *t[TOKEN_MAX_TOKENS]; /* sorted by name */
	size_t count;
};

enum token_verdict {
	TOKEN_OK,
	TOKEN_UNKNOWN,
	TOKEN_EXPIRED,
	TOKEN_WRONG_SOURCE
};

/*
 * Load every *.json of dir.  Files stand for themselves: one that is bad is a
 * finding in *r and leaves that token out (or, when `old` has it, keeps the
 * old one), the others load; a token whose file is gone is gone.  ERR_SYS if
 * the directory cannot be read.
 */
int token_load_dir(const char *dir, const struct policy_table *policies,
    const struct token_table *old, struct token_table *out,
    struct conf_report *r, struct err *e) MUST_CHECK;
/* One token from text (path is for messages); NULL after a finding. */
struct token *token_parse(const char *path, const char *name, struct bytes text,
    const struct policy_table *policies, struct conf_report *r) MUST_CHECK;
void token_free(struct token *t); /* NULL is fine */
void token_table_fini(struct token_table *t);
/*
 * Who presented this proof?  Constant time over the table.  *out is set also
 * for TOKEN_EXPIRED and TOKEN_WRONG_SOURCE.  peer is an address as text.
 */
enum token_verdict token_check(const struct token_table *t,
    const uint8_t proof[DIGEST_BYTES], struct bytes peer, uint64_t now_s,
    const struct token **out);
struct token *token_find(const struct token_table *t, struct bytes name);
/* RFC 3339 with any time zone to Unix seconds; ERR_BAD says what is wrong. */
int token_parse_time(
    struct bytes text, uint64_t *out, struct err *e) MUST_CHECK;

#endif
