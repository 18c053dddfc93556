/* SPDX-License-Identifier: MIT */
/*
 * revision: what the revisions of the protocol have, and its error codes.
 *
 * Frontend.  The tables stand where they are used: in mcp those with a
 * handshake, in modern that without.
 */
#ifndef FRONTEND_REVISION_H
#define FRONTEND_REVISION_H

#include <stdbool.h>

enum {
	MCP_CODE_PARSE = -32700,
	MCP_CODE_REQUEST = -32600,
	MCP_CODE_METHOD = -32601,
	MCP_CODE_PARAMS = -32602,
	MCP_CODE_INTERNAL = -32603,
	MCP_CODE_SESSION = -32001, /* of the SDKs: session not found */
	MCP_CODE_ABSENT = -32002, /* no such resource, to 2025-11-25 */
	MCP_CODE_HTTP = -32000 /* of the SDKs: anything of HTTP */
};

/* What a revision has; later ones are rows of the same table. */
struct mcp_revision {
	const char *name;
	bool batching; /* arrays of messages */
	bool told; /* progress has a message */
	bool annotations; /* of tools */
	bool title; /* of tools and of the server */
	bool structured; /* outputSchema and structuredContent */
	bool listens; /* GET opens a stream; events have ids */
	bool polls; /* streams begin with an id, clients come back */
	bool audio; /* audio content; completions are announced */
	bool links; /* resource_link content */
};

#endif
