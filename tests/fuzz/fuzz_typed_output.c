/* SPDX-License-Identifier: MIT */
/*
 * fuzz_typed_output: whatever a defined tool prints, in each form and revision, is
 * a result or words for the model, and the result is JSON.
 *
 * The first byte chooses form and revision, the rest is the output.
 */
#include <stdint.h>
#include <stdlib.h>

#include "common/json.h"
#include "frontend/content/typed_output.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
demand(bool okay)
{
	if (!okay)
		abort();
}

/* What it may be: content always, structuredContent of the form json only. */
static void
check(struct buf *out, enum proto_form form, const struct mcp_revision *rev)
{
	const struct json_value *content, *data;
	struct json_doc *doc;
	struct err e;

	buf_put_str(out, "}");
	if (json_parse(buf_bytes(out), JSON_STRICT, &doc, &e) != 0) {
		/* a result may be larger than what we read */
		demand(out->len > 1000);
		return;
	}
	content = json_get(json_root(doc), "content");
	data = json_get(json_root(doc), "structuredContent");
	demand(json_is(content, JSON_ARRAY));
	demand((data != NULL) == (form == PROTO_FORM_JSON && rev->structured));
	demand(data == NULL || data->type == JSON_OBJECT);
	for (const struct json_value *v = content->child; v != NULL;
	     v = v->next) {
		const struct json_value *type = json_get(v, "type");

		demand(json_is(type, JSON_STRING));
		demand(rev->audio || !bytes_eq_str(type->text, "audio"));
		demand(
		    rev->links || !bytes_eq_str(type->text, "resource_link"));
	}
	json_free(doc);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mcp_revision revisions[] = {
		{ .name = "old" },
		{ .name = "new",
		    .structured = true,
		    .audio = true,
		    .links = true },
	};
	struct catalog_tool t = { .name = "t", .mime = "image/png" };
	const struct mcp_revision *rev;
	struct capture c;
	struct typed_output_call call = { &c, BYTES_LIT("00ff"), false, false };
	struct buf out;
	struct err e = { 0 };

	if (size == 0)
		return 0;
	t.form =
	    (enum proto_form)(PROTO_FORM_JSON + data[0] % PROTO_FORM_RESOURCE);
	rev = &revisions[data[0] >> 7];
	capture_init(&c, size + 1);
	capture_add(&c, CAPTURE_STDOUT, 0, bytes_make(data + 1, size - 1));
	buf_init(&out, 64 << 20);
	buf_put_str(&out, "{");
	call.structured = rev->structured;
	call.raw = (data[0] & 0x40) != 0;
	if (typed_output_put(&out, &t, &call, rev, &e) != 0)
		demand(e.code == ERR_BAD && e.what[0] != '\0');
	else
		check(&out, t.form, rev);
	buf_fini(&out);
	capture_fini(&c);
	return 0;
}
