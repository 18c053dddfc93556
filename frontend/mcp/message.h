/* SPDX-License-Identifier: MIT */
/*
 * message: what messages of MCP consist of, in every revision: their
 * beginning, ids, errors, and what clients say of themselves.
 *
 * Frontend, untrusted params.
 */
#ifndef FRONTEND_MESSAGE_H
#define FRONTEND_MESSAGE_H

#include "common/json.h"
#include "frontend/content/revision.h"

enum {
	MESSAGE_MAX_ID = 256, /* bytes of an id, as JSON, with the NUL */
	MESSAGE_MAX_CLIENT = 128 /* bytes of a client's name, with the NUL */
};

/* To a client: why its request was not taken. */
#define MESSAGE_NO_MEMORY "the server is out of memory; try again later"

/* An id as JSON text; false: not an id (null, a fraction, too long). */
bool message_put_id(struct buf *out, const struct json_value *id);
/* The same into a string; "": not an id. */
void message_id(char out[MESSAGE_MAX_ID], const struct json_value *id);
/* Begin a response, with its id if it has one; "}" ends it. */
void message_open(struct buf *out, const struct json_value *id);
/* Append "error":{...}. */
void message_put_error(struct buf *out, int code, const char *text);
/* Append the server's Implementation as an object without its key. */
void message_put_server(struct buf *out, const struct mcp_revision *rev);
/* "name version" of an Implementation as claimed, printable; "": unknown. */
void message_client(
    char out[MESSAGE_MAX_CLIENT], const struct json_value *info);
/* The progressToken of params._meta as JSON; "": none. */
void message_progress_token(
    char out[MESSAGE_MAX_ID], const struct json_value *params);

#endif
