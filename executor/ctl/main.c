/* SPDX-License-Identifier: MIT */
/* main: mcp-execctl, the administrator's tool for mcp-execd. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/closest.h"
#include "common/log.h"
#include "executor/ctl/audit/audit.h"
#include "executor/ctl/become.h"
#include "executor/ctl/ctl.h"
#include "executor/ctl/audit/read_audit.h"
#include "executor/conf/instance.h"
#include "executor/conf/keys.h"
#include "executor/service/service_rlimits.h"

#ifndef MCP_EXECD_VERSION
#define MCP_EXECD_VERSION "unknown"
#endif

static const struct verb {
	const char *name;
	const char *second; /* its second word, or NULL */
	const char *summary;
	int (*run)(struct ctl *c, int argc, char **argv);
} verbs[] = {
	{ "setup", NULL, "ask five things, and write the first files",
	    setup_run },
	{ "check", NULL, "check configuration, policies and tokens",
	    check_run },
	{ "doctor", NULL, "show what this machine can enforce", doctor_run },
	{ "status", NULL, "show the running service", status_run },
	{ "runs", NULL, "show running commands", runs_run },
	{ "kill", NULL, "end a running command", service_verbs_kill },
	{ "reload", NULL, "reload configuration, policies and tokens",
	    service_verbs_reload },
	{ "hand-over", NULL, "let jobs survive the restart that follows",
	    hand_over_run },
	{ "policy", "explain", "explain what a policy lets a command do",
	    policy_explain_run },
	{ "policy", "test", "run a command under a policy, from here",
	    policy_try_run },
	{ "token", "add", "create a token and print it once", token_add_run },
	{ "token", "list", "show the tokens", token_list_run },
	{ "token", "revoke", "end a token at once", token_revoke_run },
	{ "tools", "list", "show the packs of tools that come with this",
	    tools_list_run },
	{ "tools", "enable", "enable a pack of tools", tools_enable_run },
	{ "tools", "disable", "remove a pack of tools", tools_disable_run },
	{ "client-config", NULL, "print what a client needs to connect",
	    client_config_run },
	{ "audit", "seal-init", "start sealing the audit log",
	    audit_seal_init_run },
	{ "audit", "verify", "was the audit log tampered with?",
	    audit_verify_run },
	{ "audit", "search", "find records in the audit log",
	    audit_search_run },
	{ "audit", "show", "show everything about a run", audit_show_run },
	{ "audit", "replay", "play what a run wrote", audit_replay_run },
	{ "audit", "stats", "count runs and records", audit_stats_run },
	{ "audit", "rotate", "start a new file of the audit log",
	    service_verbs_rotate },
	{ "audit", "report", "write an HTML page about the audit log",
	    audit_report_run },
	{ NULL, NULL, NULL, NULL },
};

struct options {
	const char *config, *instance;
	bool unrecorded, version;
};

static const struct cmdline_option options[] = {
	CMDLINE_TEXT('c', "config", "CONFIG", struct options, config,
	    "default " MCP_EXECD_SYSCONFDIR "/mcp-execd.json"),
	CMDLINE_TEXT('i', "instance", "USER", struct options, instance,
	    "of mcp-execd@USER.service, and as that user"),
	CMDLINE_FLAG(0, "unrecorded", struct options, unrecorded,
	    "read the audit log even if that cannot be recorded"),
	{ .kind = CMDLINE_HELP,
	    .letter = 'h',
	    .name = "help",
	    .help = "this, or after a VERB its own help" },
	CMDLINE_FLAG('V', "version", struct options, version, "the version"),
	CMDLINE_LAST
};

static void
print_verb(const struct verb *v, FILE *to)
{
	(void)fprintf(to, "  %-13s %-7s %s\n", v->name,
	    v->second == NULL ? "" : v->second, v->summary);
}

static void
print_help(FILE *to)
{
	CLEANUP_BUF struct buf text;

	buf_init(&text, 16384);
	cmdline_put_rows(&text, options);
	(void)fputs(
	    "usage: mcp-execctl [-c CONFIG | -i USER] VERB [...]\n\n", to);
	for (const struct verb *v = verbs; v->name != NULL; v++)
		print_verb(v, to);
	(void)fprintf(to, "\n%s", buf_cstr(&text));
}

/* argv[0] is the verb; *words is how many words it has. */
static const struct verb *
find_verb(int argc, char **argv, int *words)
{
	for (const struct verb *v = verbs; v->name != NULL; v++) {
		if (strcmp(argv[0], v->name) != 0)
			continue;
		*words = v->second == NULL ? 1 : 2;
		if (v->second == NULL ||
		    (argc > 1 && strcmp(argv[1], v->second) == 0))
			return v;
	}
	return NULL;
}

/* A word of a verb that was meant by this one; the first word, or its second. */
static const char *
meant_word(const char *word, const char *family)
{
	const char *names[sizeof(verbs) / sizeof(verbs[0])];
	size_t n = 0;

	for (const struct verb *v = verbs; v->name != NULL; v++)
		if (family == NULL)
			names[n++] = v->name;
		else if (strcmp(v->name, family) == 0)
			names[n++] = v->second;
	names[n] = NULL;
	return closest_word(bytes_of(word), names);
}

static bool
is_family(const char *word)
{
	for (const struct verb *v = verbs; v->name != NULL; v++)
		if (v->second != NULL && strcmp(v->name, word) == 0)
			return true;
	return false;
}

static int
missing_word(const char *family)
{
	CLEANUP_BUF struct buf words;

	buf_init(&words, 256);
	for (const struct verb *v = verbs; v->name != NULL; v++)
		if (strcmp(v->name, family) == 0)
			buf_printf(&words, "%s%s", words.len > 0 ? ", " : "",
			    v->second);
	(void)ctl_error(
	    "\"%s\" needs a second word: one of %s", family, buf_cstr(&words));
	return CTL_USAGE;
}

/* Each of them has its own help. */
static int
help_family(const char *family)
{
	(void)printf(
	    "usage: mcp-execctl [-c CONFIG | -i USER] %s WORD [...]\n\n",
	    family);
	for (const struct verb *v = verbs; v->name != NULL; v++)
		if (strcmp(v->name, family) == 0)
			print_verb(v, stdout);
	return CTL_OK;
}

static int
unknown_verb(int argc, char **argv)
{
	bool family = is_family(argv[0]);
	const char *joint = family ? " " : "", *close;

	if (family && argc == 1)
		return missing_word(argv[0]);
	if (family &&
	    (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return help_family(argv[0]);
	close =
	    family ? meant_word(argv[1], argv[0]) : meant_word(argv[0], NULL);
	if (close != NULL)
		(void)ctl_error(
		    "there is no \"%s%s%s\": did you mean \"%s%s%s\"?", argv[0],
		    joint, family ? log_text(bytes_of(argv[1])).s : "",
		    family ? argv[0] : "", joint, close);
	else if (family)
		return missing_word(argv[0]);
	else
		(void)ctl_error("there is no \"%s\": see mcp-execctl --help",
		    log_text(bytes_of(argv[0])).s);
	return CTL_USAGE;
}

static int
run_verb(struct ctl *c, int argc, char **argv)
{
	const struct verb *v;
	int words = 1, status;

	v = find_verb(argc, argv, &words);
	if (v == NULL)
		return unknown_verb(argc, argv);
	/* The service itself checks its control group when it loads. */
	cgroup_suppose(CGROUP_MEMORY | CGROUP_PIDS | CGROUP_CPU);
	c->verb = argv[words - 1];
	read_audit_arguments(c, argv + words);
	status = v->run(c, argc - words + 1, argv + words - 1);
	ctl_fini(c);
	/* What was not written was not said: of a token, of a finding. */
	if (fflush(stdout) != 0 || ferror(stdout))
		return ctl_error("standard output: %s", strerror(errno));
	return status;
}

int
main(int argc, char **argv)
{
	static struct ctl ctl;
	static char name[INSTANCE_NAME];
	struct options o = { .config = MCP_EXECD_SYSCONFDIR "/mcp-execd.json" };
	struct err e;
	int first;

	(void)signal(
	    SIGCHLD, SIG_DFL); /* ignored, children are not waited for */
	first = cmdline_parse(options, true, &o, argc, argv, &e);
	if (first < 0)
		(void)fprintf(stderr, "mcp-execctl: %s\n", e.what);
	if (first == 0 || o.version) {
		if (first == 0)
			print_help(stdout);
		else
			(void)puts("mcp-execctl " MCP_EXECD_VERSION);
		return CTL_OK;
	}
	if (first < 0 || first == argc) {
		print_help(stderr);
		return CTL_USAGE;
	}
	if (service_rlimits_raise_stack(&e) != 0)
		return ctl_error("%s", e.what);
	ctl.config = o.config;
	ctl.unrecorded = o.unrecorded;
	/* By its path, it is no less the account's. */
	if (o.instance == NULL && instance_of(ctl.config, name))
		o.instance = name;
	if (o.instance != NULL && become_account(&ctl, o.instance, &e) != 0)
		return ctl_error("%s", e.what);
	conf_report_init(&ctl.report);
	return run_verb(&ctl, argc - first, argv + first);
}
