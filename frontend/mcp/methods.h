/* SPDX-License-Identifier: MIT */
/*
 * methods: the table of the protocol's methods, and the short ones.
 *
 * Frontend, untrusted params.  A method is a row; what a client is told of
 * which there are comes from the rows: capabilities, the message about one
 * that is not there, and `mcp-execd-frontend --protocol`, by which tests and
 * lint know them.
 */
#ifndef FRONTEND_METHODS_H
#define FRONTEND_METHODS_H

#include "frontend/mcp/answer.h"

struct method {
	const char *name;
	unsigned envelopes; /* MCP_SESSION, MCP_STATELESS; 0: not served */
	unsigned capability; /* that announces it, of methods.c; 0: none */
	const char *named; /* the param that the header Mcp-Name repeats */
	bool early; /* before initialize as well */
	enum mcp_verdict (*handler)(const struct mcp_request *r);
	unsigned tasks; /* of enum mcp_tasks: with these alone; 0: any */
};

/* NULL: there is no such method, of any envelope. */
const struct method *methods_find(struct bytes name);
/* A line a revision: name, "session" or "stateless", methods. */
void methods_describe(struct buf *out);
/* Is it there for this request: its revision, and what its token may do? */
bool methods_serve(const struct method *m, const struct mcp_request *r);
/* Answer with -32601 and what there is instead. */
enum mcp_verdict methods_refuse(const struct mcp_request *r);

#endif
