/* SPDX-License-Identifier: MIT */
/* typed_output: forms of defined tools' output (frontend, any bytes). */
#include "frontend/content/typed_output.h"

#include "common/base64.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/utf8.h"
#include "frontend/content/blocks.h"
#include "frontend/content/cleantext.h"

enum { SHAPED_MAX = 64 << 20 /* bytes; capture's bound is lower */ };

/* What a form is made of. */
struct shape {
	struct bytes output;
	struct bytes run;
	const char *mime;
	bool structured; /* structuredContent and text */
	bool raw;
	const struct mcp_revision *rev;
};

static int
parse_output(const struct shape *s, enum json_type type, struct json_doc **doc,
    struct err *e)
{
	struct err bad = { 0 };
	enum json_type found;

	if (json_parse(s->output, JSON_STRICT, doc, &bad) != 0)
		return err_set(
		    e, ERR_BAD, "the tool did not print JSON: %s", bad.what);
	found = json_root(*doc)->type;
	if (found == type)
		return 0;
	json_free(*doc);
	return err_set(e, ERR_BAD, "the tool did not print a JSON %s but %s",
	    json_type_name(type), json_type_name(found));
}

/* An object, as text for those who read text and as structuredContent. */
static int
put_object(struct buf *out, const struct shape *s, struct err *e)
{
	CLEANUP_BUF struct buf text = { 0 };
	CLEANUP_BUF struct buf shown = { 0 };
	struct json_doc *doc;

	if (parse_output(s, JSON_OBJECT, &doc, e) != 0)
		return e->code;
	buf_init(&text, SHAPED_MAX);
	buf_init(&shown, SHAPED_MAX);
	json_put_value(&text, json_root(doc));
	json_free(doc);
	if (!s->raw)
		cleantext_put_json(&shown, buf_bytes(&text));
	buf_put_str(out, "\"content\":[{\"type\":\"text\",\"text\":");
	json_put_string(out, buf_bytes(s->raw ? &text : &shown));
	buf_put_str(out, "}]");
	if (s->structured) {
		json_put_key(out, "structuredContent");
		buf_put_bytes(out, buf_bytes(&text));
	}
	return 0;
}

static int
put_content(struct buf *out, const struct shape *s, struct err *e)
{
	struct json_doc *doc;
	int rc;

	if (parse_output(s, JSON_ARRAY, &doc, e) != 0)
		return e->code;
	buf_put_str(out, "\"content\":[");
	rc = blocks_put(out, json_root(doc), s->rev, s->raw, e);
	buf_put_str(out, "]");
	json_free(doc);
	return rc == 0 ? 0 : err_wrap(e, "the tool did not print content");
}

static void
put_media(struct buf *out, const struct shape *s, const char *type)
{
	buf_put_str(out, "\"content\":[{");
	json_put_member(out, "type", bytes_of(type));
	json_put_key(out, "data");
	buf_put_str(out, "\"");
	base64_put(out, s->output);
	buf_put_str(out, "\"");
	json_put_member(out, "mimeType", bytes_of(s->mime));
	buf_put_str(out, "}]");
}

static int
put_image(struct buf *out, const struct shape *s, struct err *e)
{
	if (s->output.len == 0)
		return err_set(e, ERR_BAD,
		    "the tool printed nothing, and was to print an image");
	put_media(out, s, "image");
	return 0;
}

static int
put_audio(struct buf *out, const struct shape *s, struct err *e)
{
	if (!s->rev->audio)
		return err_set(e, ERR_BAD,
		    "the tool returns audio, which revision %s of MCP does not have",
		    s->rev->name);
	if (s->output.len == 0)
		return err_set(e, ERR_BAD,
		    "the tool printed nothing, and was to print audio");
	put_media(out, s, "audio");
	return 0;
}

static void
put_file_text(struct buf *out, const struct shape *s)
{
	CLEANUP_BUF struct buf shown = { 0 };

	buf_init(&shown, SHAPED_MAX);
	if (!s->raw)
		cleantext_put(&shown, s->output);
	json_put_member(out, "text", s->raw ? s->output : buf_bytes(&shown));
	out->overflow = out->overflow || shown.overflow;
}

/* Text, or anything else as base64. */
static int
put_resource(struct buf *out, const struct shape *s, struct err *e)
{
	CLEANUP_BUF struct buf uri;

	(void)e;
	buf_init(&uri, 128);
	buf_put_str(&uri, "exec://runs/");
	buf_put_bytes(&uri, s->run);
	buf_put_str(&uri, "/stdout");
	buf_put_str(out, "\"content\":[{\"type\":\"resource\",\"resource\":{");
	json_put_member(out, "uri", buf_bytes(&uri));
	json_put_member(out, "mimeType", bytes_of(s->mime));
	if (utf8_valid(s->output) && !bytes_has_nul(s->output)) {
		put_file_text(out, s);
	} else {
		json_put_key(out, "blob");
		buf_put_str(out, "\"");
		base64_put(out, s->output);
		buf_put_str(out, "\"");
	}
	buf_put_str(out, "}}]");
	return 0;
}

static int (*const forms[])(
    struct buf *out, const struct shape *s, struct err *e) = {
	[PROTO_FORM_JSON] = put_object,
	[PROTO_FORM_CONTENT] = put_content,
	[PROTO_FORM_IMAGE] = put_image,
	[PROTO_FORM_AUDIO] = put_audio,
	[PROTO_FORM_RESOURCE] = put_resource,
};

int
typed_output_put(struct buf *out, const struct catalog_tool *t,
    const struct typed_output_call *call, const struct mcp_revision *rev,
    struct err *e)
{
	const struct capture *c = call->capture;
	CLEANUP_BUF struct buf text = { 0 };
	struct shape s = { .run = call->run,
		.mime = t->mime,
		.structured = call->structured,
		.raw = call->raw,
		.rev = rev };

	if (c->cut)
		return err_set(e, ERR_BAD,
		    "the tool printed more than its policy keeps of an output (limits.output_bytes), so it is incomplete");
	buf_init(&text, SHAPED_MAX);
	s.output = capture_lend(c, CAPTURE_STDOUT, &text);
	if (text.overflow)
		return err_set(e, ERR_BUSY, "the server is out of memory");
	return forms[t->form](out, &s, e);
}
