/* SPDX-License-Identifier: MIT */
/*
 * request: a call as the frontend sent it, and what the executor makes of it.
 *
 * The frontend is not trusted: every argument is checked here again, against
 * the tool's table, the token and its policy.  What comes out is a plan: all
 * strings and descriptors that a child needs, so that nothing is allocated
 * between fork and exec.
 */
#ifndef EXECUTOR_REQUEST_H
#define EXECUTOR_REQUEST_H

#include "executor/conf/conf_values.h"
#include "executor/policy/token.h"
#include "executor/view/failure.h"
#include "executor/view/viewspec.h"
#include "proto/proto.h"

enum {
	REQUEST_MAX_ARGS = 80 + CONF_MAX_NAMES, /* named, each env one */
	REQUEST_MAX_COMMAND = 131071, /* bytes; MAX_ARG_STRLEN less its NUL */
	REQUEST_MAX_STDIN = 1 << 20, /* bytes */
	REQUEST_MAX_BYTES = 1400 << 10, /* of all arguments together */
	REQUEST_MAX_WORDS = 4096, /* words of cli_command */
	REQUEST_MAX_ENV = 64, /* variables that a caller sets */
	REQUEST_MAX_PATHS = 32 /* places where a program is looked for */
};

/* Of a run's terminal; columns 0: it has none. */
struct terminal_size {
	uint16_t columns, rows;
};

struct request_arg {
	char name[64];
	uint8_t kind; /* enum proto_kind */
	bool more; /* further frames follow */
	size_t off, len; /* in request.store */
};

/* Filled from CALL, ARG... by the monitor. */
struct request {
	uint64_t call;
	uint32_t window;
	char tool[64];
	char peer[64];
	char session[128];
	char client[128];
	char revision[16];
	char trace[128];
	struct request_arg *arg; /* owned */
	size_t arg_count, arg_room;
	const struct conf
	    *conf; /* whose ignored arguments are dropped; NULL: none */
	struct buf store;
	bool detached; /* it begins as a job, with the time of one */
	struct terminal_size terminal;
};

/* What to run: filled by request_plan, owned, plan_fini frees it. */
struct plan {
	struct policy *policy; /* referenced */
	char token[POLICY_MAX_NAME];
	char from[POLICY_MAX_NAME]; /* the token's policy, if that is another */
	char tool[64];
	uint8_t verifier[DIGEST_BYTES]; /* which token of that name */
	uint64_t expires; /* it does, in Unix seconds; 0: never */
	uint32_t login_uid; /* the token's, for the kernel's audit */
	uint32_t timeout_ms;
	struct policy_jobs jobs; /* of the token's policy */
	uint32_t job_ms; /* its time-out once it is a job */
	struct viewspec view; /* of its output */
	struct failure failure; /* what its failures look like */
	bool text; /* its answer is text, so that it can be so far */
	const char *cwd; /* as asked for, absolute; in paths */
	const char *relative; /* the same, from the policy's directory */
	int cgroup_fd; /* of the run, -1: none; borrowed */
	struct bytes command; /* as asked for, in strings */
	struct bytes input; /* stdin, in strings */
	bool has_input;
	struct terminal_size terminal;
	bool shell; /* run by the policy's shell */
	bool one_stream; /* standard error goes into standard output's pipe */
	bool defined; /* a tool that the administrator defined */
	char **argv; /* NULL-terminated, into strings */
	char **envp;
	const char *path[REQUEST_MAX_PATHS]; /* tried in turn, NULL ends */
	struct buf paths; /* cwd and relative */
	struct buf
	    ignored; /* names of arguments that were dropped, a NUL after each */
	struct buf strings; /* all text above */
	struct buf vectors; /* argv and envp */
};

void request_init(struct request *r);
void request_fini(struct request *r);
/* Begin with a CALL; ERR_PROTO if one of its fields holds a NUL. */
int request_begin(
    struct request *r, const struct msg_call *m, struct err *e) MUST_CHECK;
/* Take an ARG; ERR_PROTO if it is out of order or over a limit. */
int request_add(
    struct request *r, const struct msg_arg *m, struct err *e) MUST_CHECK;
/* What was given for it; borrowed from the request. */
struct bytes request_value(
    const struct request *r, const struct request_arg *a);
/* Does the configuration drop such an argument where a tool lacks it? */
bool request_drops(const struct request *r, const char *name);
/* Take an argument out; false: it is not there.  *out as request_value(). */
bool request_take(struct request *r, const char *name, struct bytes *out);
/*
 * Check everything against the token's policy and make the plan.  ERR_BAD or
 * ERR_DENIED with words for the caller; ERR_SYS or ERR_BUSY otherwise.
 */
int request_plan(const struct request *r, const struct token *t,
    struct plan *out, struct err *e) MUST_CHECK;
void plan_fini(struct plan *p);
/*
 * The working directory (O_PATH), beneath a descriptor of the policy's.  Only
 * where the run's own rights count, or an administrator's: the answer tells
 * what is there.  -1 and errno.  Async-signal-safe.
 */
int plan_open_directory(const struct plan *p, int jail) MUST_CHECK;
/* Why it is not the run's, with that errno; always an error. */
int plan_refuse_directory(
    const struct plan *p, int sysno, struct err *e) MUST_CHECK;

#endif
