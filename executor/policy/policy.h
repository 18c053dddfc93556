/* SPDX-License-Identifier: MIT */
/*
 * policy: what a token may do, as loaded from policies.d/NAME.json.
 *
 * Immutable once loaded and reference-counted: a run keeps the policy that
 * it began with across a reload.  The table maps names to policies.
 */
#ifndef EXECUTOR_POLICY_H
#define EXECUTOR_POLICY_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "common/digest.h"
#include "common/filter.h"
#include "common/hashindex.h"
#include "executor/confine/cgroup.h"
#include "executor/conf/conf.h"
#include "executor/confine/confine.h"
#include "executor/recording/recorder.h"
#include "executor/policy/programnames.h"
#include "executor/policy/tooldef.h"

struct key;

enum {
	POLICY_MAX_NAME = 64, /* bytes with the NUL: [A-Za-z0-9_.-] */
	POLICY_MAX_TOOLS = 32,
	POLICY_MAX_GROUPS = 32,
	POLICY_MAX_ENV = 64, /* fixed variables; settable names */
	POLICY_MAX_RLIMITS = 16,
	POLICY_MAX_POLICIES = 1000,
	/* RLIMIT_NOFILE of mcp-execd, if its hard limit allows */
	POLICY_SERVICE_FILES = 1 << 20
};

struct policy_rlimit {
	int resource; /* RLIMIT_* */
	const char *key; /* its key under "limits" */
	rlim_t value; /* soft and hard */
};

/* Records of programs that start in a run's process tree. */
enum policy_execs {
	POLICY_EXECS_OFF,
	POLICY_EXECS_UNHELD, /* no process can be held at its execve here */
	POLICY_EXECS_HELD
};

/* Runs that outlive their call. */
struct policy_jobs {
	bool offered; /* else all is 0 */
	bool go_on; /* a client that goes leaves its run behind as a job */
	bool pty; /* one may have a terminal */
	bool survive; /* one goes on while mcp-execd is started again */
	uint32_t at_once; /* of a token */
	uint32_t max_seconds; /* that one may take */
	uint32_t keep_seconds; /* after its end */
	uint32_t keep; /* ended runs of a token */
	uint32_t wait_ms; /* after which a call becomes one */
	/* a repeated call is the first again until then; 0: never */
	uint32_t repeat_window_ms;
	uint64_t output_bytes; /* kept of each, the last */
};

struct policy {
	unsigned refs;
	char name[POLICY_MAX_NAME];
	char description[256]; /* shown to the model; may be empty */

	/* identity */
	uid_t uid;
	gid_t gid;
	gid_t groups[POLICY_MAX_GROUPS];
	size_t group_count;
	uint64_t capabilities; /* kept, by number; 0: none */
	char user[64]; /* its name, or the number as text */
	char home[PATH_MAX]; /* from the password database, or "/" */

	/* place */
	char directory[PATH_MAX]; /* absolute */
	int dir_fd; /* O_PATH|O_DIRECTORY, opened at load */

	/* tools */
	char tools[POLICY_MAX_TOOLS][64]; /* in the order offered */
	struct tooldef *defined[POLICY_MAX_TOOLS]; /* NULL: built in */
	/* referenced: the policy that it runs under, NULL: this one */
	struct policy *as[POLICY_MAX_TOOLS];
	bool elevates; /* tools of other policies may run under it */
	size_t tool_count;
	char shell[PATH_MAX]; /* for exec_cmd; empty: no shell */
	char programs[PROGRAMNAMES_MAX]; /* if the policy lists them */

	/* environment: "NAME=value" strings, owned; names a caller may set */
	char *env[POLICY_MAX_ENV];
	size_t env_count;
	char *env_allowed[POLICY_MAX_ENV];
	size_t env_allowed_count;

	/* limits */
	uint32_t timeout_ms; /* when the caller names none */
	uint32_t timeout_max_ms;
	uint32_t kill_grace_ms; /* TERM to KILL */
	uint32_t output_bytes; /* kept of each stream */
	uint32_t runs; /* concurrent, per token */
	uint32_t runs_per_minute; /* per token; 0: no limit */
	struct policy_jobs jobs;
	struct policy_rlimit rlimits[POLICY_MAX_RLIMITS];
	size_t rlimit_count;
	struct cgroup_limits cgroup; /* by control group */
	mode_t umask;

	/* syscalls */
	char profile[32]; /* "default" or "none" */
	bool explained; /* its refusals are told and explained */
	enum policy_execs execs; /* records of programs that start */
	enum recorder_mode output; /* what is recorded of its output */
	uint32_t output_max; /* bytes of it, per run */
	bool log_only; /* refusals are only logged: for trying out */
	bool no_namespaces; /* unshare(2) is refused */
	bool no_pairs; /* socketpair(2) is denied by name, of whatever kind */
	bool any_socket; /* of AF_UNIX: nothing refuses or decides it */
	bool hands_out; /* a descriptor, to who may outlive its run */

	/* answers */
	bool structured; /* results have structuredContent and text */
	bool separate; /* exec_cmd: a pipe for each stream, not one for both */
	bool raw_text; /* control characters are passed on as they are */
	bool ends_calls; /* whose client drops the connection */
	struct filter filter; /* compiled at load; len 0 for "none" */

	struct confine confine; /* namespaces, files, network, Landlock */
	char *source; /* owned: its file's text, for policy_narrow */
	/*
	 * SHA-256 of its name, its text, those of its tools, and the directory
	 * that it is narrowed to.
	 */
	uint8_t text_digest[DIGEST_BYTES];

	/* executor/run/launch: who has its plan, by which digest */
	uint64_t launcher; /* 0: nobody */
	bool loaded; /* narrowed: the loader was asked for it */
	uint8_t launch_digest[DIGEST_BYTES];
	uint8_t plan_name[DIGEST_BYTES]; /* see plansend_name() */
	void (*forget)(const struct policy *p); /* at its end, or NULL */
};

struct policy_table {
	struct policy *p[POLICY_MAX_POLICIES]; /* in the order of their files */
	size_t count;
	struct hashindex by_name;
};

/*
 * Load one policy from text (name as given; path for messages).  This is the
 * parser that is fuzzed.
 */
int policy_parse(const char *path, const char *name, struct bytes text,
    const struct tooldef_table *tools, struct policy **out,
    struct conf_report *r, struct err *e) MUST_CHECK;
/* Takes p over, also on failure; ERR_BAD if there are too many. */
int policy_table_add(
    struct policy_table *t, struct policy *p, struct err *e) MUST_CHECK;
void policy_table_fini(struct policy_table *t);
/*
 * The same policy for a directory within its own: what is reached, protected
 * and hidden there is compiled again.  dir_fd is that directory (taken over, also
 * on failure).  ERR_BAD with the first finding.
 */
int policy_narrow(const struct policy *p, const char *directory, int dir_fd,
    struct policy **out, struct err *e) MUST_CHECK;
struct policy *policy_find(const struct policy_table *t, struct bytes name);
struct policy *policy_ref(struct policy *p);
void policy_unref(struct policy *p); /* NULL is fine */
/* Does the definition name another policy to run under? */
bool policy_is_elevated(const struct policy *p, const struct tooldef *def);
bool policy_offers(const struct policy *p, struct bytes tool);
/* The definition of a tool that it offers; NULL: it is built in, or none. */
const struct tooldef *policy_tool(const struct policy *p, struct bytes tool);
/* true if name is 1 to 63 of [A-Za-z0-9_.-] and does not begin with a dot. */
bool policy_name_ok(struct bytes name);
const char *policy_execs_name(enum policy_execs e);
/* May a caller set this variable?  Never LD_*, PATH and their like. */
bool policy_env_ok(const struct policy *p, struct bytes name);
/* All keys of a policy, for tests/lint/tables.c. */
const struct key *policy_key_table(void);

#endif
