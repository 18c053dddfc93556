/* SPDX-License-Identifier: MIT */
/*
 * control_request: what may be asked on the control socket, and its form.
 *
 * Executor and mcp-execctl.  Both ways: u32 length, little-endian, then so
 * many bytes of JSON; one request and one answer per connection.  A client that may
 * connect is root or ourselves, and is held to the form anyway.
 */
#ifndef EXECUTOR_CONTROL_REQUEST_H
#define EXECUTOR_CONTROL_REQUEST_H

#include "common/bytes.h"
#include "executor/run/job.h"

enum {
	CONTROL_VERSION = 1,
	CONTROL_HEAD = 4, /* bytes of the length */
	CONTROL_MAX_REQUEST = 8192, /* bytes of its JSON */
	CONTROL_MAX_ANSWER = 32 << 20,
	CONTROL_MAX_TEXT = 1024 /* of a filter, with the NUL */
};

enum control_verb {
	CONTROL_STATUS,
	CONTROL_RUNS,
	CONTROL_KILL,
	CONTROL_RELOAD,
	CONTROL_ROTATE,
	CONTROL_TOKENS, /* a token's file was made, or removed */
	CONTROL_NOTE, /* the audit log is about to be read */
	CONTROL_HAND_OVER, /* the next SIGTERM is a restart */
	CONTROL_VERBS
};

struct control_request {
	enum control_verb verb;
	char run[JOB_ID]; /* CONTROL_KILL: an id or its beginning */
	char what[32]; /* CONTROL_NOTE: which verb reads */
	char filter
	    [CONTROL_MAX_TEXT]; /* CONTROL_NOTE: its arguments; CONTROL_TOKENS: name */
};

/* "status", ... */
const char *control_request_name(enum control_verb v);
/*
 * {"v":1,"verb":"kill","run":"1f"}: exactly the members that the verb has.
 * ERR_BAD with words for who asked.
 */
int control_request_parse(
    struct bytes json, struct control_request *out, struct err *e) MUST_CHECK;
/* Append it to out, with its length in front. */
void control_request_put(struct buf *out, const struct control_request *r);
/* The length that stands in front. */
uint32_t control_request_length(const uint8_t head[CONTROL_HEAD]);
/* Put the length of all that follows the first CONTROL_HEAD bytes of b there. */
void control_request_seal(struct buf *b);

#endif
