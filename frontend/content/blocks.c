/* SPDX-License-Identifier: MIT */
/* blocks: content that a program printed (frontend, any JSON). */
#include "frontend/content/blocks.h"

#include <string.h>

#include "common/base64.h"
#include "common/cleanup.h"
#include "frontend/content/cleantext.h"

enum { BLOCKS_MAX_DATA = 64 << 20 /* bytes; capture's bound is lower */ };

enum kind { KIND_TEXT, KIND_BASE64, KIND_NUMBER, KIND_RESOURCE };

struct field {
	const char *key; /* NULL ends a table */
	enum kind kind;
	bool required;
};

static const struct field text_fields[] = { { "text", KIND_TEXT, true },
	{ NULL, KIND_TEXT, false } };
static const struct field media_fields[] = { { "data", KIND_BASE64, true },
	{ "mimeType", KIND_TEXT, true }, { NULL, KIND_TEXT, false } };
static const struct field embedded_fields[] = {
	{ "resource", KIND_RESOURCE, true }, { NULL, KIND_TEXT, false }
};
static const struct field link_fields[] = { { "uri", KIND_TEXT, true },
	{ "name", KIND_TEXT, true }, { "title", KIND_TEXT, false },
	{ "description", KIND_TEXT, false }, { "mimeType", KIND_TEXT, false },
	{ "size", KIND_NUMBER, false }, { NULL, KIND_TEXT, false } };
static const struct field resource_fields[] = { { "uri", KIND_TEXT, true },
	{ "mimeType", KIND_TEXT, false }, { "text", KIND_TEXT, false },
	{ "blob", KIND_BASE64, false }, { NULL, KIND_TEXT, false } };

static const struct {
	const char *type;
	const struct field *fields;
} types[] = {
	{ "text", text_fields },
	{ "image", media_fields },
	{ "audio", media_fields },
	{ "resource", embedded_fields },
	{ "resource_link", link_fields },
};

static int check_fields(const struct json_value *o, const struct field *fields,
    bool typed, struct err *e);

static bool
is_base64(struct bytes digits)
{
	CLEANUP_BUF struct buf raw;

	buf_init(&raw, BLOCKS_MAX_DATA);
	return base64_take(digits, &raw);
}

/* Either text or blob, and a uri. */
static int
check_resource(const struct json_value *v, struct err *e)
{
	bool text = json_get(v, "text") != NULL;

	if (!json_is(v, JSON_OBJECT) || text == (json_get(v, "blob") != NULL))
		return err_set(e, ERR_BAD,
		    "\"resource\" must be an object with \"text\" or \"blob\"");
	return check_fields(v, resource_fields, false, e);
}

static int
check_field(const struct json_value *v, const struct field *f, struct err *e)
{
	int64_t n;

	switch (f->kind) {
	case KIND_TEXT:
		return json_is(v, JSON_STRING)
			   ? 0
			   : err_set(
				 e, ERR_BAD, "\"%s\" must be a string", f->key);
	case KIND_BASE64:
		return json_is(v, JSON_STRING) && is_base64(v->text)
			   ? 0
			   : err_set(
				 e, ERR_BAD, "\"%s\" must be base64", f->key);
	case KIND_NUMBER:
		return json_to_i64(v, &n) && n >= 0
			   ? 0
			   : err_set(e, ERR_BAD,
				 "\"%s\" must be a whole number", f->key);
	case KIND_RESOURCE:
		break;
	}
	return check_resource(v, e);
}

static int
check_fields(const struct json_value *o, const struct field *fields, bool typed,
    struct err *e)
{
	size_t known = typed ? 1 : 0;

	for (const struct field *f = fields; f->key != NULL; f++) {
		const struct json_value *v = json_get(o, f->key);

		if (v == NULL && f->required)
			return err_set(e, ERR_BAD, "\"%s\" is missing", f->key);
		if (v == NULL)
			continue;
		known++;
		if (check_field(v, f, e) != 0)
			return e->code;
	}
	if (known != o->count)
		return err_set(
		    e, ERR_BAD, "there is a key that does not belong to it");
	return 0;
}

static int
check_block(const struct json_value *v, struct err *e)
{
	const struct json_value *type = json_get(v, "type");

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (json_is(type, JSON_STRING) &&
		    bytes_eq_str(type->text, types[i].type))
			return check_fields(v, types[i].fields, true, e);
	return err_set(e, ERR_BAD,
	    "\"type\" must be text, image, audio, resource or resource_link");
}

/* What the client's revision does not know. */
static bool
is_unknown(const struct json_value *v, const struct mcp_revision *rev)
{
	struct bytes type = json_get(v, "type")->text;

	return (!rev->audio && bytes_eq_str(type, "audio")) ||
	       (!rev->links && bytes_eq_str(type, "resource_link"));
}

static void
put_substitute(
    struct buf *out, const struct json_value *v, const struct mcp_revision *rev)
{
	const struct json_value *uri = json_get(v, "uri");
	CLEANUP_BUF struct buf text;

	buf_init(&text, 8192);
	buf_put_str(&text, "[");
	buf_put_bytes(&text, json_get(v, "type")->text);
	if (uri != NULL) {
		buf_put_str(&text, " ");
		buf_put_bytes(&text, uri->text);
	}
	buf_printf(&text, ": revision %s of MCP has none]", rev->name);
	buf_put_str(out, "{\"type\":\"text\",\"text\":");
	json_put_string(out, buf_bytes(&text));
	buf_put_str(out, "}");
}

/* Its text is replaced, or as it is. */
static void
put_shown(struct buf *out, struct bytes text, bool raw)
{
	CLEANUP_BUF struct buf clean;

	buf_init(&clean, BLOCKS_MAX_DATA);
	if (!raw)
		cleantext_put(&clean, text);
	json_put_member(out, "text", raw ? text : buf_bytes(&clean));
	out->overflow = out->overflow || clean.overflow;
}

static void
put_text(struct buf *out, struct bytes text, bool raw)
{
	buf_put_str(out, "{");
	json_put_member(out, "type", BYTES_LIT("text"));
	put_shown(out, text.len > 0 ? text : BYTES_LIT("(no output)"), raw);
	buf_put_str(out, "}");
}

/* A resource, whose text is shown as well. */
static void
put_resource(struct buf *out, const struct json_value *resource, bool raw)
{
	buf_put_str(out, "{");
	json_put_member(out, "type", BYTES_LIT("resource"));
	json_put_key(out, "resource");
	buf_put_str(out, "{");
	for (const struct json_value *v = resource->child; v != NULL;
	     v = v->next) {
		if (bytes_eq_str(v->key, "text"))
			put_shown(out, v->text, raw);
		else if (bytes_eq_str(v->key, "uri"))
			json_put_member(out, "uri", v->text);
		else if (bytes_eq_str(v->key, "blob"))
			json_put_member(out, "blob", v->text);
		else
			json_put_member(out, "mimeType", v->text);
	}
	buf_put_str(out, "}}");
}

/* One that was checked. */
static void
put_block(struct buf *out, const struct json_value *v,
    const struct mcp_revision *rev, bool raw)
{
	struct bytes type = json_get(v, "type")->text;

	if (is_unknown(v, rev))
		put_substitute(out, v, rev);
	else if (bytes_eq_str(type, "text"))
		put_text(out, json_get(v, "text")->text, raw);
	else if (bytes_eq_str(type, "resource"))
		put_resource(out, json_get(v, "resource"), raw);
	else
		json_put_value(out, v);
}

int
blocks_put(struct buf *out, const struct json_value *array,
    const struct mcp_revision *rev, bool raw, struct err *e)
{
	size_t n = 0;

	for (const struct json_value *v = array->child; v != NULL;
	     v = v->next, n++) {
		if (n > 0)
			buf_put_str(out, ",");
		if (check_block(v, e) != 0)
			return err_wrap(e, "content[%zu]", n);
		put_block(out, v, rev, raw);
	}
	return 0;
}
