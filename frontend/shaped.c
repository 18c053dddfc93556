/* SPDX-License-Identifier: MIT */
/* shaped: forms of defined tools' output (frontend, any bytes). */
#include "frontend/shaped.h"

#include "common/cleanup.h"
#include "common/json.h"

enum { SHAPED_MAX = 64 << 20 /* bytes; capture's bound is lower */ };

/* An object, as text for those who read text and as structuredContent. */
static int
put_object(struct buf *out, const struct json_value *root, bool structured,
    struct err *e)
{
	CLEANUP_BUF struct buf text;

	if (!json_is(root, JSON_OBJECT))
		return err_set(e, ERR_BAD,
		    "the tool did not print a JSON object but %s",
		    json_type_name(root->type));
	buf_init(&text, SHAPED_MAX);
	json_put_value(&text, root);
	json_put_key(out, "content");
	buf_put_str(out, "[{\"type\":\"text\",\"text\":");
	json_put_string(out, buf_bytes(&text));
	buf_put_str(out, "}]");
	if (structured) {
		json_put_key(out, "structuredContent");
		buf_put_bytes(out, buf_bytes(&text));
	}
	return 0;
}

int
shaped_put(struct buf *out, const struct catalog_tool *t,
    const struct capture *c, bool structured, struct err *e)
{
	CLEANUP_BUF struct buf text;
	struct json_doc *doc;
	struct err bad = { 0 };
	int rc;

	(void)t;
	if (c->cut)
		return err_set(e, ERR_BAD,
		    "the tool printed more than its policy keeps of an output "
		    "(limits.output_bytes), so it is incomplete");
	buf_init(&text, SHAPED_MAX);
	capture_copy(c, CAPTURE_STDOUT, &text);
	if (json_parse(buf_bytes(&text), JSON_STRICT, &doc, &bad) != 0)
		return err_set(
		    e, ERR_BAD, "the tool did not print JSON: %s", bad.what);
	rc = put_object(out, json_root(doc), structured, e);
	json_free(doc);
	return rc;
}
