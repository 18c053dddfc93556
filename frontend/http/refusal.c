/* SPDX-License-Identifier: MIT */
/* refusal: a JSON-RPC error for each refusal of HTTP (frontend). */
#include "frontend/http/refusal.h"

#include "frontend/mcp/jsonrpc.h"

enum { REFUSAL_MAX = 1024 }; /* bytes of a body */

void
refusal_put(struct buf *out, const char *text)
{
	jsonrpc_put_error(out, MCP_CODE_HTTP, text);
	buf_put_u8(out, '\n');
}

void
refusal_put_answer(
    struct buf *out, const char *status, const char *retry_s, const char *text)
{
	struct buf body;

	buf_init(&body, REFUSAL_MAX);
	refusal_put(&body, text);
	buf_printf(out, "HTTP/1.1 %s\r\nConnection: close\r\n", status);
	if (retry_s != NULL)
		buf_printf(out, "Retry-After: %s\r\n", retry_s);
	buf_printf(out,
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
	    body.len);
	buf_put_bytes(out, buf_bytes(&body));
	buf_fini(&body);
}
