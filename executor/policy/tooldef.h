/* SPDX-License-Identifier: MIT */
/*
 * tooldef: tools that the administrator defined, as loaded from tools.d.
 *
 * tools.d/NAME.json gives a tool's name, typed parameters and argv template.
 * Immutable once loaded and reference-counted: policies hold those that they
 * offer, and a run holds its policy.
 */
#ifndef EXECUTOR_TOOLDEF_H
#define EXECUTOR_TOOLDEF_H

#include <limits.h>

#include "common/digest.h"
#include "executor/conf/conf.h"
#include "executor/policy/toolargv.h"
#include "proto/proto.h"

struct key;

enum {
	TOOLDEF_MAX_NAME = 64, /* bytes with the NUL */
	TOOLDEF_MAX_TOOLS = 256,
	TOOLDEF_MAX_PARAMS = 32,
	TOOLDEF_MAX_FILE = 65536, /* bytes of a definition */
	TOOLDEF_MAX_BYTES = 1 << 20 /* of all definitions */
};

struct tooldef {
	unsigned refs;
	char name[TOOLDEF_MAX_NAME];
	char title[128]; /* may be empty */
	char description[2048];
	uint8_t text_digest[DIGEST_BYTES]; /* SHA-256 of its file */
	char pack[64]; /* that it is offered with, by @PACK; empty: none */
	struct param param[TOOLDEF_MAX_PARAMS];
	size_t param_count;
	struct toolargv argv;
	char program[PATH_MAX]; /* argv[0], absolute */
	char directory[PATH_MAX]; /* empty: the token's */
	char policy[64]; /* that it runs under; empty: the token's */
	char runs_as[64]; /* that policy's user, once it is found */
	int input; /* index of the parameter for stdin, -1: none */
	uint32_t timeout_ms; /* 0: the policy's */
	uint8_t hints; /* PROTO_HINT_* */
	enum proto_form form;
	char mime[128]; /* of binary forms, else empty */
	struct buf schema; /* outputSchema as JSON; empty: none */
};

struct tooldef_table {
	struct tooldef *t[TOOLDEF_MAX_TOOLS]; /* sorted by name */
	size_t count;
	size_t bytes; /* of their files */
};

/*
 * Load every *.json of dir into *out (empty before).  All findings go into
 * *r; ERR_BAD if there was any, and then *out is empty.  A directory that is
 * not there is one without tools: a policy that offers one says so.
 */
int tooldef_load_dir(const char *dir, struct tooldef_table *out,
    struct conf_report *r, struct err *e) MUST_CHECK;
/* Load one definition from text; this is the parser that is fuzzed. */
int tooldef_parse(const char *path, const char *name, struct bytes text,
    struct tooldef **out, struct conf_report *r, struct err *e) MUST_CHECK;
void tooldef_table_fini(struct tooldef_table *t);
/* NULL if there is none of that name; t may be NULL. */
struct tooldef *tooldef_find(const struct tooldef_table *t, struct bytes name);
struct tooldef *tooldef_ref(struct tooldef *t);
void tooldef_unref(struct tooldef *t); /* NULL is fine */
/* Is it the name of a tool that is built in? */
/* Has it a parameter of that name? */
bool tooldef_has(const struct tooldef *t, const char *name);
bool tooldef_is_built_in(struct bytes name);
/* All keys of a tool, for tests/lint/tables.c. */
const struct key *tooldef_key_table(void);

#endif
