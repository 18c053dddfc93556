/* SPDX-License-Identifier: MIT */
/*
 * settings: what the executor told the frontend: limits, names, tokens.
 *
 * CONFIG begins a set that is filled aside, CHANGE one that holds what the set
 * in force does; COMMIT puts it in force at once.  The executor is trusted;
 * sizes are still bounded.  A struct settings_token lives until the next
 * COMMIT: to wait longer, keep the verifier.
 */
#ifndef FRONTEND_SETTINGS_H
#define FRONTEND_SETTINGS_H

#include "common/bytes.h"
#include "common/cidr.h"
#include "common/digest.h"
#include "common/hashindex.h"
#include "frontend/link/defined.h"
#include "proto/proto.h"

enum {
	SETTINGS_MAX_TOKENS = 10000,
	SETTINGS_MAX_NAMES = 128, /* hosts, origins, arguments together */
	SETTINGS_MAX_NAME = 257, /* bytes with the NUL */
	SETTINGS_MAX_SOURCES = 32,
	SETTINGS_MAX_NETS = 32,
	SETTINGS_MAX_TOOLS = 256, /* that are defined */
	SETTINGS_MAX_OFFERED = 40 /* of one token */
};

/* No larger than what is said of it; several sets may hold it. */
struct settings_token {
	unsigned refs;
	uint8_t verifier[DIGEST_BYTES];
	char name[65];
	char policy[65];
	uint64_t expires; /* Unix seconds, 0: never */
	struct cidr *sources;
	size_t source_count; /* 0: any */
	const struct catalog_tool **tools;
	size_t tool_count; /* in the order that they are listed */
	/*
	 * Differs from that of another configuration if the tools do: of what
	 * is said about a tool in addition to its name, mix all in.
	 */
	uint64_t tools_mark;
	uint64_t policy_mark; /* of what exec://policy says */
	uint8_t flags; /* PROTO_TOKEN_* */
	bool policy_changed; /* since the configuration before */
	const char *instructions;
	const char *view; /* behind descriptions of built-in tools */
	const char *brief; /* behind those of defined ones */
};

struct settings_name {
	enum proto_name kind;
	char text[SETTINGS_MAX_NAME];
};

struct settings_nets {
	struct cidr net[SETTINGS_MAX_NETS];
	size_t count;
};

/* What is said about a tool in addition to its name, mixed once. */
struct settings_mark {
	const struct catalog_tool *tool;
	uint64_t mark;
};

/* One complete configuration. */
struct settings_set {
	struct msg_config limits;
	struct msg_penalties penalties;
	struct settings_name names[SETTINGS_MAX_NAMES];
	size_t name_count;
	char path[SETTINGS_MAX_NAME]; /* of public_url: "", or "/x" */
	struct settings_nets proxies; /* trusted */
	struct settings_nets exempt; /* from penalties */
	struct defined *tools[SETTINGS_MAX_TOOLS]; /* referenced */
	size_t tool_count;
	struct settings_mark marks[SETTINGS_MAX_TOOLS + SETTINGS_MAX_OFFERED];
	size_t mark_count;
	struct settings_token *tokens[SETTINGS_MAX_TOKENS]; /* referenced */
	size_t token_count;
	struct hashindex by_verifier; /* of the tokens */
	uint32_t changes; /* 0, or the generation whose tokens it began with */
};

struct settings;

struct settings *settings_new(struct err *e) MUST_CHECK;
void settings_free(struct settings *s);
/* The set in force; NULL before the first COMMIT. */
const struct settings_set *settings_now(const struct settings *s);

/* One handler per frame; ERR_PROTO out of order, ERR_BUSY when too many. */
int settings_begin(
    struct settings *s, const struct msg_config *m, struct err *e) MUST_CHECK;
/* The set in force, except for tokens that follow and are forgotten. */
int settings_change(
    struct settings *s, const struct msg_change *m, struct err *e) MUST_CHECK;
/* Is that what the next COMMIT puts in force? */
bool settings_is_change(const struct settings *s);
int settings_forget(
    struct settings *s, const struct msg_forget *m, struct err *e) MUST_CHECK;
int settings_set_penalties(struct settings *s, const struct msg_penalties *m,
    struct err *e) MUST_CHECK;
int settings_add_name(
    struct settings *s, const struct msg_name *m, struct err *e) MUST_CHECK;
int settings_add_tool(
    struct settings *s, const struct msg_tool *m, struct err *e) MUST_CHECK;
int settings_add_param(
    struct settings *s, const struct msg_param *m, struct err *e) MUST_CHECK;
int settings_add_schema(
    struct settings *s, const struct msg_schema *m, struct err *e) MUST_CHECK;
int settings_add_token(
    struct settings *s, const struct msg_token *m, struct err *e) MUST_CHECK;
int settings_commit(
    struct settings *s, const struct msg_commit *m, struct err *e) MUST_CHECK;

/*
 * The token with this verifier, or NULL, in a time that tells nothing of
 * others, however many there are.
 */
const struct settings_token *settings_token_find(
    const struct settings_set *s, const uint8_t verifier[DIGEST_BYTES]);
/* The name of an argument that is dropped if a tool lacks it, or NULL. */
const char *settings_ignored(const void *set, struct bytes name);
bool settings_token_expired(const struct settings_token *t, uint64_t now_s);
/* May this token come from that address (as text)? */
bool settings_token_from(const struct settings_token *t, struct bytes peer);
/* Is this address (as text) in one of the networks? */
bool settings_is_in(const struct settings_nets *n, struct bytes peer);

#endif
