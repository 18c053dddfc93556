/* SPDX-License-Identifier: MIT */
/*
 * resource: the resources that there are: their URIs and how they read.
 *
 * Frontend, pure.  A URI is the client's: nothing of it reaches the executor
 * but an id of hex digits, a stream and a range.
 *
 *	exec://policy			what this token may do
 *	exec://runs			its recent runs
 *	exec://runs/RUN/stdout		what a run wrote, while it is kept; also
 *	exec://runs/RUN/stderr		...?offset=BYTES&length=BYTES
 */
#ifndef FRONTEND_RESOURCE_H
#define FRONTEND_RESOURCE_H

#include "common/json.h"
#include "frontend/link/fetcher.h"
#include "frontend/content/revision.h"

enum {
	RESOURCE_ID = 33, /* of a run, with the NUL */
	RESOURCE_LISTED = 20, /* runs whose output resources/list has */
	RESOURCE_RUNS = 100, /* runs that exec://runs has */
	RESOURCE_CHUNK = 128 << 10, /* bytes, if no length is asked for */
	RESOURCE_MAX_URI = 512 /* bytes of one that a client sends */
};

#define RESOURCE_TEMPLATE "exec://runs/{id}/{stream}"
#define RESOURCE_RANGES   RESOURCE_TEMPLATE "{?offset,length}"

struct resource {
	enum proto_fetch what;
	char run[RESOURCE_ID]; /* of PROTO_FETCH_OUTPUT */
	unsigned stream; /* 1 or 2 */
	uint64_t offset;
	uint32_t length; /* 0: as much as fits */
};

enum resource_verdict { RESOURCE_FINE, RESOURCE_UNKNOWN, RESOURCE_RANGE };

enum resource_verdict resource_parse(struct bytes uri, struct resource *out);
/* Bytes to ask for so that the answer fits in `room` bytes of JSON. */
uint32_t resource_length(const struct resource *r, size_t room);
/* Append "resources":[...]; ids: what PROTO_FETCH_IDS gave. */
void resource_put_list(
    struct buf *out, struct bytes ids, const struct mcp_revision *rev);
/* Append "resourceTemplates":[...]. */
void resource_put_templates(struct buf *out, const struct mcp_revision *rev);
/* Append "contents":[...]. */
void resource_put_contents(
    struct buf *out, const struct resource *r, const struct fetcher_end *end);
/* The address of a run's stream, as JSON needs no escapes for it. */
void resource_put_uri(struct buf *out, struct bytes run, unsigned stream);
/* In words: that, and how, so many bytes of a stream can be read. */
void resource_put_more(
    struct buf *out, struct bytes run, unsigned stream, uint64_t kept);
/* The same as a content block of type resource_link. */
void resource_put_link(
    struct buf *out, struct bytes run, unsigned stream, uint64_t kept);

#endif
