/* SPDX-License-Identifier: MIT */
/*
 * catalog: the tools, their arguments and schemas, as const tables.
 *
 * Frontend.  Arguments come from a model and are untrusted; what passes here
 * is flattened for the executor, which checks it again.
 */
#ifndef FRONTEND_CATALOG_H
#define FRONTEND_CATALOG_H

#include "common/json.h"
#include "proto/proto.h"

enum {
	CATALOG_MAX_ENV = 64, /* variables of one call */
	CATALOG_MAX_IGNORED = 32, /* arguments that are dropped */
	CATALOG_MAX_ARGS = 80 + CATALOG_MAX_IGNORED, /* flattened */
	CATALOG_MAX_COMMAND = 131071, /* bytes, as execve(2) takes them */
	CATALOG_MAX_STDIN = 1 << 20, /* bytes */
	CATALOG_MAX_VIEW = 1100, /* bytes */
	CATALOG_MAX_PATH = 4095, /* bytes of a directory */
	CATALOG_NUMBER = 21, /* bytes of an int64_t as text, with the NUL */
	CATALOG_MAX_BYTES = 1300 << 10 /* of all arguments together */
};

struct catalog_args;

/* How a tool's result reads. */
enum catalog_style {
	CATALOG_STREAM,
	CATALOG_LABELLED,
	CATALOG_PLAIN /* of the job tools: the executor's own words */
};

struct catalog_tool {
	const char *name;
	const char *title;
	const char *description;
	const char *input_schema; /* JSON */
	const char *output_schema; /* JSON; NULL: none */
	const char *annotations; /* members of a JSON object */
	enum catalog_style style;
	enum proto_form form;
	const char *mime; /* of binary forms */
	const struct catalog_param *params;
	size_t param_count;
	/* check and flatten a call's "arguments" */
	int (*flatten)(const struct catalog_tool *t,
	    const struct json_value *arguments, struct catalog_args *out,
	    struct err *e);
	struct defined *defined; /* NULL: built in */
	bool elevated; /* the token's view is not its own */
};

/* One flattened argument; value is borrowed from the document or store. */
struct catalog_arg {
	const char *name;
	enum proto_kind kind;
	struct bytes value;
};

struct catalog_args {
	struct catalog_arg arg[CATALOG_MAX_ARGS];
	size_t count;
	struct buf store; /* text of env */
	char number[CATALOG_MAX_ARGS][CATALOG_NUMBER]; /* of argument i */
	bool base64; /* stdout is wanted so; not sent on */
	/*
	 * An argument that is none of the tool's: its name, if the executor
	 * drops it, or NULL.  NULL: there is none such.
	 */
	const char *(*ignored)(const void *arg, struct bytes name);
	const void *ignored_arg;
	/* what the token is offered, for a tool that starts others; borrowed */
	const struct catalog_tool *const *offered;
	size_t offered_count;
};

/* jobs: as a token with PROTO_TOKEN_JOBS is offered it. */
const struct catalog_tool *catalog_find(struct bytes name, bool jobs);
/* JSON of what a tool returns whose output is text. */
const char *catalog_output_schema(void);
/*
 * An argument that is none of the tool's: passed on by name alone, if the
 * executor drops it, else an error that names the nearest of `names` (which
 * NULL ends) and lists them all.
 */
int catalog_take_unknown(const char *tool, const char *const *names,
    struct bytes name, struct catalog_args *out, struct err *e) MUST_CHECK;

/*
 * The text that the executor gets for a whole number, however it is written
 * (5000, 5e3, 5000.0); it stands for the next argument of *out.  false: it is
 * not a whole number.
 */
bool catalog_integer(const struct json_value *v, struct catalog_args *out,
    int64_t *n, struct bytes *text);
void catalog_args_init(struct catalog_args *a);
void catalog_args_fini(struct catalog_args *a);
/* An idempotency key that is not among the arguments; ERR_BAD: it is there. */
int catalog_add_key(struct catalog_args *out, const struct json_value *v,
    struct err *e) MUST_CHECK;
/*
 * Check a call's "arguments" (NULL: none) against the tool's table and
 * flatten them.  ERR_BAD with words for the model.  The document must live as
 * long as *out is used.
 */
int catalog_flatten(const struct catalog_tool *t,
    const struct json_value *arguments, struct catalog_args *out,
    struct err *e) MUST_CHECK;

#endif
