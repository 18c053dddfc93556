/* SPDX-License-Identifier: MIT */
/* message: ids, errors and names (frontend, untrusted input). */
#include <inttypes.h>
#include <string.h>

#include "frontend/mcp/message.h"

#ifndef MCP_EXECD_VERSION
#define MCP_EXECD_VERSION "0"
#endif

/* An integer in JSON Schema's sense: 1.0 and 1e0 are 1. */
static bool
put_number_id(struct buf *out, const struct json_value *id)
{
	bool plain = true;
	int64_t n;

	for (size_t i = 0; i < id->text.len; i++)
		plain = plain && strchr(".eE", id->text.p[i]) == NULL;
	if (plain)
		buf_put_bytes(out, id->text);
	else if (json_to_i64(id, &n))
		buf_printf(out, "%" PRId64, n);
	else
		return false;
	return true;
}

bool
message_put_id(struct buf *out, const struct json_value *id)
{
	size_t from = out->len;

	if (id == NULL || id->text.len >= MESSAGE_MAX_ID)
		return false;
	if (id->type == JSON_NUMBER)
		return put_number_id(out, id);
	if (id->type != JSON_STRING)
		return false;
	json_put_string(out, id->text);
	return out->len - from < MESSAGE_MAX_ID;
}

void
message_id(char out[MESSAGE_MAX_ID], const struct json_value *id)
{
	struct buf text;
	struct err e;

	out[0] = '\0';
	buf_init(&text, 2 * MESSAGE_MAX_ID);
	if (message_put_id(&text, id) && !text.overflow &&
	    bytes_to_str(buf_bytes(&text), out, MESSAGE_MAX_ID, &e) != 0)
		out[0] = '\0';
	buf_fini(&text);
}

void
message_open(struct buf *out, const struct json_value *id)
{
	char text[MESSAGE_MAX_ID];

	message_id(text, id);
	buf_put_str(out, "{\"jsonrpc\":\"2.0\"");
	/* null, as JSON-RPC has it: Python's client drops one without an id */
	json_put_key(out, "id");
	buf_put_str(out, text[0] != '\0' ? text : "null");
}

void
message_put_error(struct buf *out, int code, const char *text)
{
	json_put_key(out, "error");
	buf_put_str(out, "{");
	json_put_member_i64(out, "code", code);
	json_put_member(out, "message", bytes_of(text));
	buf_put_str(out, "}");
}

void
message_put_server(struct buf *out, const struct mcp_revision *rev)
{
	buf_put_str(out, "{");
	json_put_member(out, "name", BYTES_LIT("mcp-execd"));
	if (rev->title)
		json_put_member(
		    out, "title", BYTES_LIT("mcp-execd command execution"));
	json_put_member(out, "version", BYTES_LIT(MCP_EXECD_VERSION));
	buf_put_str(out, "}");
}

/* Append what is printable of a claimed text; the executor logs it. */
static void
add_claim(char *out, size_t size, const struct json_value *v)
{
	size_t n = strlen(out);

	if (!json_is(v, JSON_STRING))
		return;
	for (size_t i = 0; i < v->text.len && n + 1 < size; i++)
		out[n++] = (char)(v->text.p[i] > ' ' && v->text.p[i] < 0x7f
				      ? v->text.p[i]
				      : '_');
	out[n] = '\0';
}

void
message_client(char out[MESSAGE_MAX_CLIENT], const struct json_value *info)
{
	out[0] = '\0';
	add_claim(out, MESSAGE_MAX_CLIENT - 1, json_get(info, "name"));
	if (out[0] == '\0' || !json_is(json_get(info, "version"), JSON_STRING))
		return;
	out[strlen(out) + 1] = '\0';
	out[strlen(out)] = ' ';
	add_claim(out, MESSAGE_MAX_CLIENT, json_get(info, "version"));
}

void
message_progress_token(
    char out[MESSAGE_MAX_ID], const struct json_value *params)
{
	message_id(out, json_get(json_get(params, "_meta"), "progressToken"));
}
