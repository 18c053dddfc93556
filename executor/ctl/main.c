/* SPDX-License-Identifier: MIT */
/* main: mcp-execctl, the administrator's tool for mcp-execd. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "executor/ctl/audit/audit.h"
#include "executor/ctl/become.h"
#include "executor/ctl/ctl.h"
#include "executor/ctl/audit/read_audit.h"
#include "executor/conf/instance.h"
#include "executor/conf/keys.h"

#ifndef MCP_EXECD_VERSION
#define MCP_EXECD_VERSION "unknown"
#endif

static const struct verb {
	const char *name;
	const char *second; /* its second word, or NULL */
	const char *summary;
	int (*run)(struct ctl *c, int argc, char **argv);
} verbs[] = {
	{ "check", NULL, "check configuration, policies and tokens",
	    check_run },
	{ "doctor", NULL, "show what this machine can enforce", doctor_run },
	{ "status", NULL, "show the running service", status_run },
	{ "runs", NULL, "show running commands", runs_run },
	{ "kill", NULL, "end a running command", service_verbs_kill },
	{ "reload", NULL, "reload configuration, policies and tokens",
	    service_verbs_reload },
	{ "policy", "explain", "explain what a policy lets a command do",
	    policy_explain_run },
	{ "policy", "test", "run a command under a policy, from here",
	    policy_try_run },
	{ "token", "add", "create a token and print it once", token_add_run },
	{ "token", "list", "show the tokens", token_list_run },
	{ "token", "revoke", "end a token at once", token_revoke_run },
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

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "instance", required_argument, NULL, 'i' },
	{ "unrecorded", no_argument, NULL, 'u' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static void
print_help(FILE *to)
{
	(void)fprintf(
	    to, "usage: mcp-execctl [-c CONFIG | -i USER] VERB [...]\n\n");
	for (const struct verb *v = verbs; v->name != NULL; v++)
		(void)fprintf(to, "  %-13s %-7s %s\n", v->name,
		    v->second == NULL ? "" : v->second, v->summary);
	(void)fprintf(to,
	    "\n"
	    "  -c, --config CONFIG   default " MCP_EXECD_SYSCONFDIR
	    "/mcp-execd.json\n"
	    "  -i, --instance USER   of mcp-execd@USER.service, and as that user\n"
	    "      --unrecorded      read the audit log even if that cannot be recorded\n"
	    "  -h, --help            this, or after a VERB its own help\n"
	    "  -V, --version\n");
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

static int
unknown_verb(const char *word)
{
	const char *names[sizeof(verbs) / sizeof(verbs[0])];
	const char *close;
	size_t n = 0;

	for (const struct verb *v = verbs; v->name != NULL; v++)
		names[n++] = v->name;
	names[n] = NULL;
	close = keys_closest(bytes_of(word), names);
	if (close != NULL && strcmp(close, word) == 0)
		(void)fprintf(
		    stderr, "mcp-execctl: \"%s\" needs a second word\n", word);
	else if (close != NULL)
		(void)fprintf(
		    stderr, "mcp-execctl: did you mean \"%s\"?\n", close);
	print_help(stderr);
	return CTL_USAGE;
}

static int
run_verb(struct ctl *c, int argc, char **argv)
{
	const struct verb *v;
	int words = 1, status;

	v = find_verb(argc, argv, &words);
	if (v == NULL)
		return unknown_verb(argv[0]);
	/* The service itself checks its control group when it loads. */
	cgroup_suppose(CGROUP_MEMORY | CGROUP_PIDS | CGROUP_CPU);
	/* getopt is to start again, after the verb's last word */
	optind = 0;
	c->verb = argv[words - 1];
	read_audit_arguments(c, argv + words);
	status = v->run(c, argc - words + 1, argv + words - 1);
	ctl_fini(c);
	return status;
}

int
main(int argc, char **argv)
{
	static struct ctl ctl = { .config =
				      MCP_EXECD_SYSCONFDIR "/mcp-execd.json" };
	static char name[INSTANCE_NAME];
	const char *account = NULL;
	struct err e;
	int opt;

	(void)signal(
	    SIGCHLD, SIG_DFL); /* ignored, children are not waited for */
	while (
	    (opt = getopt_long(argc, argv, "+c:i:hV", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			ctl.config = optarg;
			break;
		case 'i':
			account = optarg;
			break;
		case 'u':
			ctl.unrecorded = true;
			break;
		case 'h':
			print_help(stdout);
			return CTL_OK;
		case 'V':
			(void)puts("mcp-execctl " MCP_EXECD_VERSION);
			return CTL_OK;
		default:
			print_help(stderr);
			return CTL_USAGE;
		}
	}
	if (optind == argc) {
		print_help(stderr);
		return CTL_USAGE;
	}
	/* By its path, it is no less the account's. */
	if (account == NULL && instance_of(ctl.config, name))
		account = name;
	if (account != NULL && become_account(&ctl, account, &e) != 0)
		return ctl_error("%s", e.what);
	conf_report_init(&ctl.report);
	return run_verb(&ctl, argc - optind, argv + optind);
}
