/* SPDX-License-Identifier: MIT */
/* options: the command line of mcp-execd. */
#ifndef EXECUTOR_OPTIONS_H
#define EXECUTOR_OPTIONS_H

#include <stdbool.h>

#ifndef MCP_EXECD_VERSION
#define MCP_EXECD_VERSION "0.1.0"
#endif

#ifndef MCP_EXECD_CONFIG
#define MCP_EXECD_CONFIG "/etc/mcp-execd/mcp-execd.json"
#endif

struct options {
	const char *config; /* borrowed from argv */
	bool check; /* -n: load, report, exit */
	bool accounts; /* -a: answer for the executor, on stdin */
	bool plans; /* -p: be the loader of plans */
	bool debug; /* -d */
	bool version; /* -V, answered already */
};

/*
 * Parse argv.  0: go on; 1: it was -h or -V, answered; -1: usage error, said
 * on stderr.
 */
int options_parse(struct options *o, int argc, char **argv);

#endif
