/* SPDX-License-Identifier: MIT */
/*
 * fuzz_json: the reader and both writers of common/json.
 *
 * The first byte chooses the flags.  What parses is written and parsed again,
 * strictly, and must then be written as the same text; all offsets lie in the
 * source; all counts are right.  Any input written as a string parses.
 */
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "common/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static void
check_value(const struct json_value *v, size_t source_len)
{
	const struct json_value *c, *d;
	size_t n = 0;
	int64_t i;

	require(v->offset < source_len);
	require(utf8_valid(v->text) && utf8_valid(v->key));
	for (c = v->child; c != NULL; c = c->next, n++) {
		require(c->offset > v->offset);
		require(v->type == JSON_ARRAY || v->type == JSON_OBJECT);
		if (n > 64 || v->type == JSON_ARRAY)
			continue;
		for (d = v->child; d != c; d = d->next)
			require(!bytes_eq(d->key, c->key));
	}
	require(n == v->count);
	require(!json_to_i64(v, &i) || v->type == JSON_NUMBER);
}

/* Depth is bounded by the reader, so this may recurse. */
static void
check_tree(const struct json_value *v, size_t source_len)
{
	check_value(v, source_len);
	for (v = v->child; v != NULL; v = v->next)
		check_tree(v, source_len);
}

static void
check_round_trip(const struct json_value *root)
{
	CLEANUP_BUF struct buf first;
	CLEANUP_BUF struct buf second;
	struct json_doc *again;
	struct err e;

	buf_init(&first, SIZE_MAX);
	buf_init(&second, SIZE_MAX);
	json_put_value(&first, root);
	require(json_parse(buf_bytes(&first), JSON_STRICT, &again, &e) == 0);
	json_put_value(&second, json_root(again));
	require(bytes_eq(buf_bytes(&first), buf_bytes(&second)));
	json_free(again);
}

static void
check_writers(struct bytes any)
{
	CLEANUP_BUF struct buf b;
	const struct json_value *v;
	struct json_doc *d;
	struct err e;

	buf_init(&b, SIZE_MAX);
	buf_put_u8(&b, '{');
	json_put_member(&b, "plain", any);
	json_put_key(&b, "audit");
	json_put_audit(&b, any);
	buf_put_u8(&b, '}');
	require(json_parse(buf_bytes(&b), JSON_STRICT, &d, &e) == 0);
	v = json_get(json_root(d), "plain");
	require(json_is(v, JSON_STRING));
	/* nothing is lost, unless it had no meaning */
	require(!utf8_valid(any) || bytes_eq(v->text, any));
	v = json_get(json_root(d), "audit");
	require(json_is(v, JSON_STRING));
	require(!utf8_valid(any) || bytes_eq(v->text, any));
	json_free(d);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned flags = size > 0 && (data[0] & 1) ? JSON_COMMENTS : 0;
	struct bytes text = bytes_make(data + (size > 0), size - (size > 0));
	struct json_doc *d = NULL;
	struct err e = { 0 };
	int r;

	r = json_parse(text, flags, &d, &e);
	if (r == 0) {
		require(e.code == ERR_OK);
		check_tree(json_root(d), text.len);
		check_round_trip(json_root(d));
	} else {
		require(r == ERR_BAD && e.code == ERR_BAD && d == NULL);
		require(e.what[0] != '\0' && utf8_valid(bytes_of(e.what)));
	}
	json_free(d);
	check_writers(text);
	return 0;
}
