/* SPDX-License-Identifier: MIT */
/*
 * fuzz_redact: a rule (the first line; with a colon in front, a key) on a
 * value, and on the same as words.  What comes out must be JSON.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "executor/audit/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(struct buf *b)
{
	struct json_doc *doc;
	struct err e = { 0 };

	buf_put_u8(b, '}');
	if (b->overflow || json_parse(buf_bytes(b), JSON_STRICT, &doc, &e) != 0)
		abort();
	json_free(doc);
	buf_reset(b);
	buf_put_u8(b, '{');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nl = size == 0 ? NULL : memchr(data, '\n', size);
	struct bytes rule, text = { NULL, 0 };
	struct err e = { 0 };
	struct redact *r;
	struct buf b;
	int rc;

	rule = bytes_make(data, nl == NULL ? size : (size_t)(nl - data));
	if (nl != NULL)
		text = bytes_make(nl + 1, size - rule.len - 1);
	r = redact_new(&e);
	if (r == NULL)
		return 0;
	rc = rule.len > 0 && rule.p[0] == ':'
		 ? redact_add_key(
		       r, "k", bytes_make(rule.p + 1, rule.len - 1), &e)
		 : redact_add_pattern(r, "p", rule, &e);
	if (rc != 0 && (e.what[0] == '\0' || redact_any(r)))
		abort();
	if (redact_ready(r, &e) != 0) {
		redact_free(r);
		return 0;
	}
	buf_init(&b, 1 << 20);
	buf_put_u8(&b, '{');
	redact_put(r, &b, "c", text, size % 2 != 0);
	check(&b);
	redact_put_words(r, &b, "a", text, size % 2 != 0);
	check(&b);
	buf_fini(&b);
	redact_free(r);
	return 0;
}
