/* SPDX-License-Identifier: MIT */
/* options: the command line of mcp-execd. */
#include "executor/options.h"

#include <stdio.h>

#include "common/cleanup.h"
#include "common/cmdline.h"

static const struct cmdline_option options[] = {
	CMDLINE_TEXT('c', "config", "FILE", struct options, config,
	    "configuration (" MCP_EXECD_CONFIG ")"),
	CMDLINE_FLAG('n', "check", struct options, check,
	    "check the configuration, start nothing"),
	CMDLINE_FLAG('a', "accounts", struct options, accounts,
	    "answer mcp-execd's questions for users and groups, for itself"),
	CMDLINE_FLAG('p', "plans", struct options, plans,
	    "load plans for the launcher, for itself"),
	CMDLINE_FLAG('d', "debug", struct options, debug, "log more"),
	{ .kind = CMDLINE_HELP,
	    .letter = 'h',
	    .name = "help",
	    .help = "this text" },
	CMDLINE_FLAG('V', "version", struct options, version, "the version"),
	CMDLINE_LAST
};

static void
print_usage(FILE *f)
{
	static const struct cmdline_help help = { .command = "mcp-execd",
		.about =
		    "Runs commands for LLM agents over MCP, confined and recorded. It stays in the foreground; SIGHUP reloads, SIGTERM stops.",
		.options = options,
		.more = "See mcp-execd(8), mcp-execd.json(5)." };
	CLEANUP_BUF struct buf text;

	buf_init(&text, 8192);
	cmdline_put_help(&text, &help);
	(void)fputs(buf_cstr(&text), f);
}

int
options_parse(struct options *o, int argc, char **argv)
{
	struct err e;
	int first;

	*o = (struct options){ .config = MCP_EXECD_CONFIG };
	first = cmdline_parse(options, false, o, argc, argv, &e);
	if (first == 0) {
		print_usage(stdout);
		return 1;
	}
	if (first > 0 && o->version) {
		(void)printf("mcp-execd %s\n", MCP_EXECD_VERSION);
		return 1;
	}
	if (first == argc)
		return 0;
	(void)fprintf(stderr, "mcp-execd: %s%s%s\n",
	    first < 0 ? e.what : "unexpected \"", first < 0 ? "" : argv[first],
	    first < 0 ? "" : "\"");
	print_usage(stderr);
	return -1;
}
