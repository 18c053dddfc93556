/* SPDX-License-Identifier: MIT */
/*
 * fuzz_json: the reader and both writers of common/json.
 *
 * The first byte chooses the flags.  What parses is written and parsed again,
 * strictly, and must then be written as the same text; all offsets lie in the
 * source; all counts are right.  Any input written as a string parses.  What
 * parses without comments also passes the grammar of RFC 8259, written here a
 * second time.
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

/* The grammar: each function returns where it ends, or NULL. */
static const char *
skip_space(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

static const char *
skip_digits(const char *p)
{
	size_t n = strspn(p, "0123456789");

	return n == 0 ? NULL : p + n;
}

static const char *
skip_number(const char *p)
{
	p += *p == '-';
	p = *p == '0' ? p + 1 : skip_digits(p);
	if (p != NULL && *p == '.')
		p = skip_digits(p + 1);
	if (p != NULL && (*p == 'e' || *p == 'E')) {
		p++;
		p = skip_digits(p + (*p == '+' || *p == '-'));
	}
	return p;
}

static const char *
skip_string(const char *p)
{
	if (*p++ != '"')
		return NULL;
	for (; *p != '"'; p++) {
		if ((unsigned char)*p < ' ')
			return NULL;
		if (*p != '\\')
			continue;
		if (*++p == '\0' || strchr("\"\\/bfnrtu", *p) == NULL)
			return NULL;
		if (*p == 'u' && strspn(p + 1, "0123456789abcdefABCDEF") < 4)
			return NULL;
	}
	return p + 1;
}

static const char *skip_value(const char *p);

/* Members or elements, from behind the bracket. */
static const char *
skip_inside(const char *p, char end)
{
	p = skip_space(p);
	if (*p == end)
		return p + 1;
	for (;; p++) {
		if (end == '}') {
			p = skip_string(skip_space(p));
			if (p == NULL || *(p = skip_space(p)) != ':')
				return NULL;
			p++;
		}
		if ((p = skip_value(p)) == NULL)
			return NULL;
		if (*p == end)
			return p + 1;
		if (*p != ',')
			return NULL;
	}
}

static const char *
skip_value(const char *p)
{
	static const char *const words[] = { "null", "true", "false" };

	p = skip_space(p);
	if (*p == '{' || *p == '[')
		p = skip_inside(p + 1, *p == '{' ? '}' : ']');
	else if (*p == '"')
		p = skip_string(p);
	else if (*p == '-' || (*p >= '0' && *p <= '9'))
		p = skip_number(p);
	else {
		const char *word = NULL;

		for (size_t i = 0; i < 3; i++)
			if (strncmp(p, words[i], strlen(words[i])) == 0)
				word = words[i];
		p = word == NULL ? NULL : p + strlen(word);
	}
	return p == NULL ? NULL : skip_space(p);
}

static void
check_grammar(struct bytes text)
{
	CLEANUP_BUF struct buf b;
	const char *end;

	buf_init(&b, SIZE_MAX);
	buf_put_bytes(&b, text);
	require(!bytes_has_nul(text));
	end = skip_value(buf_cstr(&b));
	require(end == (const char *)b.p + b.len);
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
		if (flags == JSON_STRICT)
			check_grammar(text);
	} else {
		require(r == ERR_BAD && e.code == ERR_BAD && d == NULL);
		require(e.what[0] != '\0' && utf8_valid(bytes_of(e.what)));
	}
	json_free(d);
	check_writers(text);
	return 0;
}
