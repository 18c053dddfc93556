/* SPDX-License-Identifier: MIT */
/*
 * fuzz_resource: any URI, and any bytes as what was read: the answer is JSON,
 * and fits what was asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "frontend/content/media.h"
#include "frontend/content/resource.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 64 << 10 };

/* One object that `put` filled. */
static void
is_json(struct buf *out)
{
	struct json_doc *doc;
	struct err e;

	buf_put_str(out, "}");
	if (out->overflow || out->len > ROOM ||
	    json_parse(buf_bytes(out), JSON_STRICT, &doc, &e) != 0)
		abort();
	json_free(doc);
	buf_fini(out);
}

static void
contents(const struct resource *r, struct bytes bytes)
{
	struct msg_fetched how = { .from = r->offset % 1000, .more = 1 };
	struct fetcher_end end = { &how, bytes };
	uint32_t most = resource_length(r, ROOM);
	struct buf out;

	if (r->what == PROTO_FETCH_RUNS)
		return; /* lines of the executor's own */
	if (end.data.len > most)
		end.data.len = most;
	if (r->what == PROTO_FETCH_POLICY && end.data.len > 8192)
		end.data.len = 8192;
	buf_init(&out, 2 * ROOM);
	buf_put_str(&out, "{");
	resource_put_contents(&out, r, &end);
	is_json(&out);
}

static void
media(struct bytes bytes)
{
	struct media m = media_recognise(bytes);
	struct buf out;

	if (m.kind == MEDIA_NONE || bytes.len > ROOM / 2)
		return;
	buf_init(&out, 2 * ROOM);
	buf_put_str(&out, "{\"x\":");
	media_put(&out, m, bytes, BYTES_LIT("exec://runs"));
	is_json(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes all = bytes_make(data, size), uri = all, rest = { 0 };
	const uint8_t *nl = size > 0 ? memchr(data, '\n', size) : NULL;
	struct resource r;

	if (nl != NULL) {
		uri.len = (size_t)(nl - data);
		rest = bytes_make(nl + 1, size - uri.len - 1);
	}
	if (resource_parse(uri, &r) == RESOURCE_FINE) {
		if (r.what > PROTO_FETCH_OUTPUT || r.stream > 2 ||
		    strlen(r.run) > 32)
			abort();
		contents(&r, rest);
	}
	media(all);
	return 0;
}
