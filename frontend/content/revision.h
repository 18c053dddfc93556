/* SPDX-License-Identifier: MIT */
/*
 * revision: the revisions of the protocol and what each has, and its error
 * codes.
 *
 * Frontend.  One table; a revision is a row.  Nothing else compares names of
 * revisions: what depends on one asks for a feature of its row.
 */
#ifndef FRONTEND_REVISION_H
#define FRONTEND_REVISION_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bytes.h"

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

enum {
	REVISION_MAX_LIST = 256 /* bytes of names, with the NUL */
};

/* How requests of a revision come; a bit each, for sets of them. */
enum mcp_envelope {
	MCP_SESSION = 1 << 0, /* after initialize, in a session */
	MCP_STATELESS = 1 << 1 /* each for itself, with its revision in _meta */
};

/* Tasks, of which there are two kinds; a bit each, for sets of them. */
enum mcp_tasks {
	MCP_TASKS_NONE = 0,
	MCP_TASKS_CORE = 1 << 0, /* asked for by the client */
	MCP_TASKS_EXTENSION = 1 << 1 /* made of what takes long */
};

struct mcp_revision {
	const char *name;
	enum mcp_envelope envelope;
	int code_absent; /* of an error: no such resource */
	/* features */
	bool batching; /* arrays of messages */
	bool told; /* progress has a message */
	bool annotations; /* of tools */
	bool title; /* of tools and of the server */
	bool structured; /* outputSchema and structuredContent */
	bool listens; /* GET opens a stream; events have ids */
	bool polls; /* streams begin with an id, clients come back */
	bool audio; /* audio content */
	bool links; /* resource_link content */
	bool completions; /* have a capability of their own */
	bool follows; /* notifications of lists of resources are expected */
	bool levels; /* a request's _meta may have its logLevel */
	bool sealed; /* results have resultType and the server in _meta */
	enum mcp_tasks tasks;
	bool lasts; /* lists and contents have ttlMs and cacheScope */
};

/* Newest first; NULL past the oldest. */
const struct mcp_revision *revision_at(size_t i);
/* One of this envelope, or NULL. */
const struct mcp_revision *revision_find(
    struct bytes name, enum mcp_envelope envelope);
/* Revision offered when the client asks for an unknown one. */
const struct mcp_revision *revision_latest(enum mcp_envelope envelope);
/* Is this name, served or not, one of a revision without sessions? */
bool revision_is_stateless(struct bytes name);
/* "2025-11-25, 2025-06-18": names of those that have it, newest first. */
const char *revision_list(
    char out[REVISION_MAX_LIST], bool (*has)(const struct mcp_revision *rev));
/* The same as an array of JSON, of an envelope. */
void revision_put_names(struct buf *out, enum mcp_envelope envelope);
bool revision_has_session(const struct mcp_revision *rev);
/* no session, that is */
bool revision_has_none(const struct mcp_revision *rev);
bool revision_has_batches(const struct mcp_revision *rev);

#endif
