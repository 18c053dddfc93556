/* SPDX-License-Identifier: MIT */
/*
 * ctl: what the verbs of mcp-execctl share.
 *
 * mcp-execctl runs as the administrator, on the executor's files and with the
 * executor's own modules, so that it can never read them differently.  What
 * only a running executor knows it asks at the control socket (remote).
 */
#ifndef EXECUTOR_CTL_CTL_H
#define EXECUTOR_CTL_CTL_H

#include "common/cmdline.h"
#include "executor/policy/policydir.h"
#include "executor/policy/tokendir.h"

/* Exit status of a verb. */
enum { CTL_OK = 0, CTL_FAILED = 1, CTL_USAGE = 2 };

enum {
	CTL_MAX_ARGUMENTS = 1024, /* bytes, with the NUL */
	CTL_MAX_ID = 33 /* of a run, with the NUL */
};

struct ctl {
	const char *config; /* path of mcp-execd.json */
	const char *instance; /* -i: of that account's service, or NULL */
	const char *verb; /* its last word: "add" of "token add" */
	char arguments[CTL_MAX_ARGUMENTS]; /* what follows it, for the record */
	bool unrecorded; /* read the log even if that cannot be recorded */
	struct conf conf;
	struct tooldef_table tools;
	struct policy_table policies;
	struct token_table tokens;
	struct conf_report report;
};

/* The command to repeat, "mcp-execctl" with its -i, and the unit's name. */
const char *ctl_self(const struct ctl *c);
const char *ctl_unit(const struct ctl *c);

/* Load, or print the findings and what to do, and return false. */
bool ctl_load_conf(struct ctl *c);
/* Is there such a file, whether or not it can be read? */
bool ctl_has_conf(const struct ctl *c);
bool ctl_load_log(struct ctl *c); /* enough of it to read the audit log */
bool ctl_load_policies(struct ctl *c); /* conf is loaded */
/* Those that are good, whatever is wrong with others; ctl_load_tokens says it. */
bool ctl_load_good_policies(struct ctl *c);
/* Plan with the control group that runs would have; conf is loaded. */
bool ctl_find_cgroup(const struct ctl *c);
/* Load only this policy, whatever is wrong with others. */
bool ctl_load_policy(struct ctl *c, const char *name);
/* A bad token's file spoils no other: true, with those that are good. */
bool ctl_load_tokens(struct ctl *c); /* policies are loaded */
void ctl_fini(struct ctl *c);

/* "verb: text" and where to find help on stderr; returns CTL_USAGE. */
int ctl_usage(const char *verb, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* "mcp-execctl: text" on stderr; returns CTL_FAILED. */
int ctl_error(const char *fmt, ...) PRINTF_LIKE(1, 2);
int ctl_no_memory(void);
/* Print text on stdout; CTL_FAILED if it could not be written. */
int ctl_print(struct bytes text);
/* All of it; CTL_FAILED, and said, where something did not fit into it. */
int ctl_print_buf(const struct buf *b);

/* A verb, as its help describes it. */
struct ctl_verb {
	const char *name; /* as it is typed */
	const char *operands; /* in the synopsis; NULL: it takes none */
	const char *about;
	const struct cmdline_option *options; /* NULL: none */
	const char *more; /* after the options, or NULL */
};

/*
 * Parse the options of a verb into *into.  Returns its operands, which end with
 * NULL; NULL: *status is the exit status, after the help or a message.
 */
char **ctl_options(
    const struct ctl_verb *v, void *into, int argc, char **argv, int *status);

/* Of verbs whose one option is --json. */
struct ctl_json {
	bool json;
};
#define CTL_JSON(help)                                                         \
	CMDLINE_FLAG(0, "json", struct ctl_json, json, help), CMDLINE_LAST

/*
 * The NAME.json in dir that `name` may have been meant to be, NULL if none;
 * borrowed until the next call.
 */
int ctl_closest_file(const char *dir, const char *name, const char **close,
    struct err *e) MUST_CHECK;
/* The one operand of a verb; each returns NULL after a message. */
const char *ctl_name(const char *verb, char **operands); /* of a token */
const char *ctl_run_id(const char *verb, char **operands); /* its beginning */
/* tokens.d/NAME.json */
int ctl_token_path(const struct ctl *c, const char *name, char out[PATH_MAX],
    struct err *e) MUST_CHECK;

/*
 * Load everything as mcp-execd would, and print each finding; true without
 * any, and then all is loaded.
 */
bool check_all(struct ctl *c);

/* The verbs: each prints its own help for --help. */
int check_run(struct ctl *c, int argc, char **argv);
int doctor_run(struct ctl *c, int argc, char **argv);
int status_run(struct ctl *c, int argc, char **argv);
int runs_run(struct ctl *c, int argc, char **argv);
int service_verbs_kill(struct ctl *c, int argc, char **argv);
int service_verbs_reload(struct ctl *c, int argc, char **argv);
int service_verbs_rotate(struct ctl *c, int argc, char **argv);
int hand_over_run(struct ctl *c, int argc, char **argv);
int policy_explain_run(struct ctl *c, int argc, char **argv);
int policy_try_run(struct ctl *c, int argc, char **argv);
int token_add_run(struct ctl *c, int argc, char **argv);
int token_list_run(struct ctl *c, int argc, char **argv);
int token_revoke_run(struct ctl *c, int argc, char **argv);
int client_config_run(struct ctl *c, int argc, char **argv);
int tools_list_run(struct ctl *c, int argc, char **argv);
int tools_enable_run(struct ctl *c, int argc, char **argv);
int tools_disable_run(struct ctl *c, int argc, char **argv);
int setup_run(struct ctl *c, int argc, char **argv);
int audit_seal_init_run(struct ctl *c, int argc, char **argv);
int audit_verify_run(struct ctl *c, int argc, char **argv);

#endif
