/* SPDX-License-Identifier: MIT */
/* options: getopt_long(3) over one table that also makes the help. */
#include "executor/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

struct row {
	int letter;
	const char *name;
	const char *value; /* of its argument in the help, or NULL */
	const char *help;
};

static const struct row rows[] = {
	{ 'c', "config", "FILE", "configuration (" MCP_EXECD_CONFIG ")" },
	{ 'n', "check", NULL, "check the configuration, start nothing" },
	{ 'd', "debug", NULL, "log more" },
	{ 'h', "help", NULL, "this text" },
	{ 'V', "version", NULL, "the version" },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static void
put_usage(FILE *f)
{
	size_t i;

	(void)fprintf(f,
	    "usage: mcp-execd [-c FILE] [-ndhV]\n\n"
	    "Runs commands for LLM agents over MCP, confined and recorded.\n"
	    "It stays in the foreground; SIGHUP reloads, SIGTERM stops.\n\n");
	for (i = 0; i < ROWS; i++)
		(void)fprintf(f, "  -%c, --%-8s %-5s %s\n", rows[i].letter,
		    rows[i].name, rows[i].value != NULL ? rows[i].value : "",
		    rows[i].help);
	(void)fprintf(f, "\nSee mcp-execd(8), mcp-execd.json(5).\n");
}

static void
fill_tables(struct option longs[ROWS + 1], char letters[2 * ROWS + 1])
{
	size_t i;
	char *p = letters;

	memset(longs, 0, (ROWS + 1) * sizeof(*longs));
	for (i = 0; i < ROWS; i++) {
		longs[i].name = rows[i].name;
		longs[i].has_arg = rows[i].value != NULL;
		longs[i].val = rows[i].letter;
		*p++ = (char)rows[i].letter;
		if (rows[i].value != NULL)
			*p++ = ':';
	}
	*p = '\0';
}

int
options_parse(struct options *o, int argc, char **argv)
{
	struct option longs[ROWS + 1];
	char letters[2 * ROWS + 1];
	int c;

	*o = (struct options){ .config = MCP_EXECD_CONFIG };
	fill_tables(longs, letters);
	while ((c = getopt_long(argc, argv, letters, longs, NULL)) != -1)
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'n':
			o->check = true;
			break;
		case 'd':
			o->debug = true;
			break;
		case 'h':
			put_usage(stdout);
			return 1;
		case 'V':
			(void)printf("mcp-execd %s\n", MCP_EXECD_VERSION);
			return 1;
		default:
			put_usage(stderr);
			return -1;
		}
	if (optind < argc) {
		(void)fprintf(
		    stderr, "mcp-execd: unexpected \"%s\"\n", argv[optind]);
		put_usage(stderr);
		return -1;
	}
	return 0;
}
