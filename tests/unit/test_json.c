/* SPDX-License-Identifier: MIT */
/* Unit tests of common/json: every trap that yajl leaves open, and more. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "common/utf8.h"

static struct json_doc *
parse(struct bytes text, unsigned flags)
{
	struct json_doc *d = NULL;
	struct err e = { 0 };

	if (json_parse(text, flags, &d, &e) != 0)
		fail_msg(
		    "%.*s: %s", (int)text.len, (const char *)text.p, e.what);
	assert_int_equal(e.code, 0);
	return d;
}

/* The text must be refused, with this in the message. */
static void
refuse(struct bytes text, unsigned flags, const char *part)
{
	struct json_doc *d = NULL;
	struct err e = { 0 };

	if (json_parse(text, flags, &d, &e) != ERR_BAD || d != NULL ||
	    e.code != ERR_BAD)
		fail_msg("accepted: %.*s", (int)text.len, (const char *)text.p);
	if (strstr(e.what, part) == NULL)
		fail_msg(
		    "%.*s: %s", (int)text.len, (const char *)text.p, e.what);
}

/* The text parses and is written as `expected`. */
static void
rewrite(const char *text, unsigned flags, const char *expected)
{
	struct json_doc *d = parse(bytes_of(text), flags);
	CLEANUP_BUF struct buf b;

	buf_init(&b, 1 << 20);
	json_put_value(&b, json_root(d));
	assert_string_equal(buf_cstr(&b), expected);
	json_free(d);
}

static void
test_round_trip(void **state)
{
	static const char *const same[] = { "null", "true", "false", "0", "-0",
		"\"\"", "[]", "{}", "[[]]", "[{}]", "{\"\":{}}",
		"[1,[2,[3],4],5]", "{\"a\":{\"b\":[]},\"c\":[{},{}]}",
		"[[],[],{\"a\":[[]]},1]", "1e999", "1E+5", "0.10",
		"9223372036854775808", "123456789012345678901234567890.5e-7",
		"\"\xf0\x9f\x98\x80\"" };

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		rewrite(same[i], JSON_STRICT, same[i]);
	rewrite(" [ 1 ,\t2\r\n] ", JSON_STRICT, "[1,2]");
	rewrite("\"\\u0041\\/\\n\"", JSON_STRICT, "\"A/\\n\"");
}

/* A value that is not the root: its siblings are not written. */
static void
test_write_inner(void **state)
{
	struct json_doc *d =
	    parse(BYTES_LIT("{\"a\":[1],\"b\":2,\"c\":{}}"), JSON_STRICT);
	const struct json_value *root = json_root(d);
	CLEANUP_BUF struct buf b;

	(void)state;
	buf_init(&b, 100);
	json_put_value(&b, json_get(root, "a"));
	json_put_value(&b, json_get(root, "b"));
	json_put_value(&b, json_get(root, "c"));
	assert_string_equal(buf_cstr(&b), "[1]2{}");
	json_free(d);
}

static void
test_proctree(void **state)
{
	struct json_doc *d = parse(
	    BYTES_LIT("{\"b\":true,\"n\":-7,\"s\":\"x\",\"l\":[null,2]}"), 0);
	const struct json_value *r = json_root(d), *l = json_get(r, "l");

	(void)state;
	assert_true(json_is(r, JSON_OBJECT));
	assert_int_equal(r->count, 4);
	assert_true(json_get(r, "b")->boolean);
	assert_true(bytes_eq_str(json_get(r, "n")->text, "-7"));
	assert_true(bytes_eq_str(json_get(r, "s")->text, "x"));
	assert_true(bytes_eq_str(json_get(r, "s")->key, "s"));
	assert_int_equal(l->count, 2);
	assert_true(json_is(l->child, JSON_NULL));
	assert_int_equal(l->child->key.len, 0);
	assert_null(l->child->next->next);
	assert_null(l->next);
	assert_null(json_get(r, "none"));
	assert_null(json_get(l, "0"));
	assert_null(json_get(NULL, "x"));
	assert_false(json_is(NULL, JSON_NULL));
	json_free(d);
	json_free(NULL);
}

/* The document must not borrow the text that it was made from. */
static void
test_owns_its_text(void **state)
{
	char *text = strdup("{\"name\":[\"value\",12345]}");
	struct json_doc *d = parse(bytes_of(text), JSON_STRICT);
	CLEANUP_BUF struct buf b;

	(void)state;
	memset(text, 'x', strlen(text));
	free(text);
	buf_init(&b, 100);
	json_put_value(&b, json_root(d));
	assert_string_equal(buf_cstr(&b), "{\"name\":[\"value\",12345]}");
	json_free(d);
}

static void
test_duplicate_names(void **state)
{
	(void)state;
	refuse(BYTES_LIT("{\"a\":1,\"a\":2}"), 0, "column 12: the name \"a\"");
	refuse(BYTES_LIT("{\"a\":1,\"b\":2,\"a\":1}"), 0, "twice");
	refuse(BYTES_LIT("{\"a\":1,\"\\u0061\":2}"), 0, "twice");
	refuse(BYTES_LIT("[{\"x\":{\"\":1,\"\":1}}]"), 0, "twice");
	refuse(BYTES_LIT("{\"a\":{\"b\":1},\"a\":2}"), 0, "twice");
	rewrite("{\"a\":{\"a\":1},\"A\":[{\"a\":1},{\"a\":1}]}", 0,
	    "{\"a\":{\"a\":1},\"A\":[{\"a\":1},{\"a\":1}]}");
}

static void
test_bad_utf8(void **state)
{
	(void)state;
	refuse(BYTES_LIT("\"\xc0\xaf\""), 0, "column 2: not well-formed UTF-8");
	refuse(BYTES_LIT("\"\xed\xa0\x80\""), 0, "UTF-8");
	refuse(BYTES_LIT("\"\xed\xa0\xbd\xed\xb8\x80\""), 0, "UTF-8");
	refuse(BYTES_LIT("\"\xf4\x90\x80\x80\""), 0, "UTF-8");
	refuse(BYTES_LIT("\"\xff\""), 0, "UTF-8");
	refuse(BYTES_LIT("\"\xe2\x82\""), 0, "UTF-8");
	refuse(BYTES_LIT("{\"\xc1\x81\":1}"), 0, "UTF-8");
	refuse(BYTES_LIT("/* \xff */1"), JSON_COMMENTS, "UTF-8");
	refuse(BYTES_LIT("\xef\xbb\xbf{}"), 0, ""); /* byte order mark */
}

static void
test_surrogates(void **state)
{
	static const char *const bad[] = { "\"\\ud800\"", "\"\\uDBFF\"",
		"\"\\udc00\"", "\"\\uDFFF\"", "\"\\udc00\\ud800\"",
		"\"\\ud800\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\n\"",
		"\"\\ud800\\\\udc00\"", "\"\\ud83d\\ude00\\ude00\"",
		"{\"\\ud800\":1}", "[\"a\",\"\\\\\\ud800\"]", "\"\\ud800",
		"\"\\ud800\\u\"", "\"\\ud800\\udc0\"" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuse(bytes_of(bad[i]), 0, "surrogate");
	rewrite("\"\\ud83d\\uDE00\"", 0, "\"\xf0\x9f\x98\x80\"");
	rewrite("\"\\udbff\\udfff\"", 0, "\"\xf4\x8f\xbf\xbf\"");
	rewrite("\"\\ud7ff\\ue000\"", 0, "\"\xed\x9f\xbf\xee\x80\x80\"");
	/* an escaped backslash, and then only letters */
	rewrite("\"\\\\ud800\"", 0, "\"\\\\ud800\"");
	rewrite("\"\\\"\\\\\"", 0, "\"\\\"\\\\\"");
}

static void
test_nul(void **state)
{
	struct json_doc *d = parse(BYTES_LIT("[\"a\\u0000b\",\"\\u0000\"]"), 0);
	const struct json_value *v = json_root(d)->child;

	(void)state;
	assert_true(bytes_eq(v->text, BYTES_LIT("a\0b")));
	assert_true(bytes_eq(v->next->text, BYTES_LIT("\0")));
	json_free(d);
	refuse(BYTES_LIT("{\"a\\u0000\":1}"), 0, "NUL");
	refuse(BYTES_LIT("\"a\0b\""), 0, "");
	refuse(BYTES_LIT("1\0"), 0, "");
	refuse(BYTES_LIT("\0"), 0, "");
}

static void
test_only_at_the_end(void **state)
{
	static const char *const bad[] = { "[1", "{\"a\":1", "\"abc", "-", "1.",
		"1e", "tru", "nul", "[1,", "{\"a\"", "{\"a\":", "[\"a\\",
		"\"\\u00" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuse(bytes_of(bad[i]), 0, "line 1, column");
	rewrite("12", 0, "12");
	rewrite("true", 0, "true");
}

static void
test_grammar(void **state)
{
	static const char *const bad[] = { "1 2", "[1]x", "{} {}", "[1,]",
		"[,1]", "{\"a\":1,}", "{1:2}", "{\"a\" 1}", "{a:1}", "['a']",
		"[01]", "[1.]", "[.5]", "[+1]", "[0x10]", "[-]", "[1e]",
		"[1e+]", "[--1]", "NaN", "Infinity", "True", "nullx", "[1 2]",
		"]", "}", "[}", "{]", ",", ":", "\"\t\"", "\"\n\"", "\"\x1f\"",
		"\"\\x\"", "\"\\u12g4\"", "\"\\U0041\"", "//x\n1", "/**/1",
		"#x\n1", "\f1", "[1,\v2]", "\302\2401", "[1;2]", "\"a\"\"b\"" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuse(bytes_of(bad[i]), JSON_STRICT, "line ");
	refuse(bytes_of(NULL), 0, "empty");
	/* what yajl takes for the end of the text */
	refuse(BYTES_LIT("\"\"\""), 0, "column 3: text follows the value");
	refuse(BYTES_LIT("{} \"a"), 0, "column 4: text follows the value");
	refuse(BYTES_LIT("1 \"\\"), 0, "text follows the value");
	refuse(BYTES_LIT("[] nul"), 0, "line 1, column 4");
	refuse(BYTES_LIT("[] -"), 0, "line 1, column 4");
	refuse(BYTES_LIT("[] 1"), 0, "line 1, column 4");
	refuse(BYTES_LIT("[] ,"), 0, "line 1");
	refuse(bytes_of(" \n"), 0, "line 2, column 1");
}

static void
test_comments(void **state)
{
	(void)state;
	rewrite("// a\n{/* \"\\ud800\" { */\"a\":/***/1}// b", JSON_COMMENTS,
	    "{\"a\":1}");
	rewrite("[\"/* no */\",\"// no\"]//", JSON_COMMENTS,
	    "[\"/* no */\",\"// no\"]");
	rewrite("[1/*,2*/,3]", JSON_COMMENTS, "[1,3]");
	/* a quote in a comment must not hide what follows it */
	refuse(BYTES_LIT("/*\"*/[\"\\ud800\"]"), JSON_COMMENTS, "surrogate");
	refuse(BYTES_LIT("//\"\n[\"\\ud800\"]"), JSON_COMMENTS, "surrogate");
	refuse(BYTES_LIT("[\"/*\",\"\\ud800\"]"), JSON_COMMENTS, "surrogate");
	refuse(BYTES_LIT("[\"//\",\"\\ud800\"]"), JSON_COMMENTS, "surrogate");
	refuse(BYTES_LIT("[1,/*]"), JSON_COMMENTS, "");
	refuse(BYTES_LIT("/"), JSON_COMMENTS, "");
	refuse(BYTES_LIT("1/"), JSON_COMMENTS, "");
	refuse(BYTES_LIT("{}/*"), JSON_COMMENTS, "column 3");
	refuse(BYTES_LIT("{}/*/"), JSON_COMMENTS, "column 3");
	refuse(BYTES_LIT("{}/* *"), JSON_COMMENTS, "column 3");
	refuse(BYTES_LIT("{} // x\n/"), JSON_COMMENTS, "line 2, column 1");
	rewrite("{}/**//*/*/ //", JSON_COMMENTS, "{}");
	refuse(BYTES_LIT("//"), JSON_COMMENTS, "");
	rewrite("/*\f*/1//\v", JSON_COMMENTS, "1");
}

/* n times open, then n times close */
static char *
nested(size_t n, const char *open, const char *close)
{
	size_t a = strlen(open), z = strlen(close);
	char *s = malloc(n * (a + z) + 1), *p = s;

	assert_non_null(s);
	for (size_t i = 0; i < n; i++, p += a)
		memcpy(p, open, a);
	for (size_t i = 0; i < n; i++, p += z)
		memcpy(p, close, z);
	*p = '\0';
	return s;
}

static void
test_depth(void **state)
{
	static const char *const kind[][2] = { { "[", "]" }, { "{\"a\":", "}" },
		{ "[{\"a\":", "}]" }, { "[1,", "]" } };
	CLEANUP_STR char *fits = nested(JSON_MAX_DEPTH, "[", "]");
	CLEANUP_STR char *object = nested(JSON_MAX_DEPTH - 1, "{\"a\":", "}");
	CLEANUP_STR char *over = nested(JSON_MAX_DEPTH + 1, "[", "]");

	(void)state;
	rewrite(fits, 0, fits);
	refuse(bytes_of(over), 0, "column 33: nested deeper than 32");
	refuse(bytes_of(object), 0, "column 156"); /* no value inside */
	for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
		CLEANUP_STR char *deep = nested(100000, kind[i][0], kind[i][1]);
		CLEANUP_STR char *open = nested(100000, kind[i][0], "");

		refuse(bytes_of(deep), 0, "nested deeper");
		refuse(bytes_of(open), 0, "nested deeper");
	}
}

/* An array of n values, each "1", made of `one` and commas. */
static char *
list(size_t n, const char *one)
{
	size_t len = strlen(one);
	char *s = malloc(n * (len + 1) + 3), *p = s;

	assert_non_null(s);
	*p++ = '[';
	for (size_t i = 0; i < n; i++) {
		memcpy(p, one, len);
		p += len;
		*p++ = ',';
	}
	p[-1] = ']';
	*p = '\0';
	return s;
}

static void
test_nodes(void **state)
{
	CLEANUP_STR char *fits = list(JSON_MAX_NODES - 1, "1");
	CLEANUP_STR char *over = list(JSON_MAX_NODES, "1");
	CLEANUP_STR char *many = list(200000, "{}");

	(void)state;
	rewrite(fits, 0, fits);
	refuse(bytes_of(over), 0, "more than 8192 values");
	refuse(bytes_of(many), 0, "more than 8192 values");
}

/* As many members as there may be, all names alike except for their end. */
static void
test_many_names(void **state)
{
	CLEANUP_BUF struct buf b;
	struct json_doc *d;

	(void)state;
	buf_init(&b, JSON_MAX_BYTES);
	buf_put_u8(&b, '{');
	for (int i = 0; i < JSON_MAX_NODES - 2; i++)
		buf_printf(&b, "\"%0200d\":%d,", i, i);
	buf_printf(&b, "\"last\":1}");
	d = parse(buf_bytes(&b), JSON_STRICT);
	assert_int_equal(json_root(d)->count, JSON_MAX_NODES - 1);
	json_free(d);
	b.len -= strlen("\"last\":1}");
	buf_printf(&b, "\"%0200d\":1}", 0);
	refuse(buf_bytes(&b), 0, "twice");
}

static void
test_long_names(void **state)
{
	CLEANUP_BUF struct buf b;
	struct json_doc *d;

	(void)state;
	buf_init(&b, 1000);
	buf_printf(&b, "{\"%0*d\":1}", JSON_MAX_KEY, 7);
	d = parse(buf_bytes(&b), 0);
	assert_int_equal(json_root(d)->child->key.len, JSON_MAX_KEY);
	json_free(d);
	buf_reset(&b);
	buf_printf(&b, "{\"%0*d\":1}", JSON_MAX_KEY + 1, 7);
	refuse(buf_bytes(&b), 0, "a name of 257 bytes");
}

static void
test_size(void **state)
{
	uint8_t *text = malloc(JSON_MAX_BYTES + 1);
	struct json_doc *d;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', JSON_MAX_BYTES + 1);
	text[0] = '7';
	refuse(bytes_make(text, JSON_MAX_BYTES + 1), 0, "bytes, at most");
	d = parse(bytes_make(text, JSON_MAX_BYTES), 0);
	json_free(d);
	memset(text, 'x', JSON_MAX_BYTES);
	text[0] = text[JSON_MAX_BYTES - 1] = '"';
	d = parse(bytes_make(text, JSON_MAX_BYTES), 0);
	assert_int_equal(json_root(d)->text.len, JSON_MAX_BYTES - 2);
	json_free(d);
	free(text);
}

static void
test_positions(void **state)
{
	static const char text[] = "// \xc3\xa9\n{ \"a\" : [ 1 , \"x\\n\" ],\n"
				   "\t\"\xc3\xa9\": /*,*/ {}}";
	struct json_doc *d = parse(BYTES_LIT(text), JSON_COMMENTS);
	const struct json_value *a = json_get(json_root(d), "a");
	size_t line, column;

	(void)state;
	assert_int_equal(text[json_root(d)->offset], '{');
	assert_int_equal(text[a->offset], '[');
	assert_int_equal(text[a->child->offset], '1');
	assert_int_equal(text[a->child->next->offset], '"');
	assert_int_equal(text[a->next->offset], '{');
	json_position(BYTES_LIT(text), a->child->offset, &line, &column);
	assert_int_equal(line, 2);
	assert_int_equal(column, 11);
	/* characters count, not bytes */
	json_position(BYTES_LIT(text), a->next->offset, &line, &column);
	assert_int_equal(line, 3);
	assert_int_equal(column, 13);
	json_position(BYTES_LIT("ab"), 99, &line, &column);
	assert_int_equal(column, 3);
	json_free(d);
	refuse(BYTES_LIT("{\n \"a\": 1,\n \"b\": ]\n}"), 0, "line 3, column 7");
}

static void
test_i64(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t value;
	} rows[] = { { "0", true, 0 }, { "-0", true, 0 }, { "-1", true, -1 },
		{ "9223372036854775807", true, INT64_MAX },
		{ "-9223372036854775808", true, INT64_MIN },
		{ "9223372036854775808", false, 0 },
		{ "-9223372036854775809", false, 0 }, { "1.0", true, 1 },
		{ "1e2", true, 100 }, { "1E2", true, 100 },
		{ "5000.0", true, 5000 }, { "-5e3", true, -5000 },
		{ "1.5e1", true, 15 }, { "120e-1", true, 12 },
		{ "1.5", false, 0 }, { "1e-1", false, 0 },
		{ "0e999999999999", true, 0 }, { "0.000", true, 0 },
		{ "1e19", false, 0 }, { "1e999999999999", false, 0 },
		{ "1e-999999999999", false, 0 },
		{ "0.9223372036854775807e19", true, INT64_MAX },
		{ "99999999999999999999999", false, 0 }, { "\"1\"", false, 0 },
		{ "null", false, 0 }, { "true", false, 0 },
		{ "[]", false, 0 } };
	struct json_doc *d;
	int64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		v = 4711;
		d = parse(bytes_of(rows[i].text), 0);
		assert_true(json_to_i64(json_root(d), &v) == rows[i].ok);
		assert_true(v == (rows[i].ok ? rows[i].value : 4711));
		json_free(d);
	}
	assert_false(json_to_i64(NULL, &v));
}

static void
test_type_names(void **state)
{
	(void)state;
	assert_string_equal(json_type_name(JSON_NULL), "null");
	assert_string_equal(json_type_name(JSON_BOOL), "boolean");
	assert_string_equal(json_type_name(JSON_NUMBER), "number");
	assert_string_equal(json_type_name(JSON_STRING), "string");
	assert_string_equal(json_type_name(JSON_ARRAY), "array");
	assert_string_equal(json_type_name(JSON_OBJECT), "object");
}

static void
written(void (*put)(struct buf *, struct bytes), struct bytes in,
    const char *expected)
{
	CLEANUP_BUF struct buf b;

	buf_init(&b, 10000);
	put(&b, in);
	assert_string_equal(buf_cstr(&b), expected);
}

static void
test_put_string(void **state)
{
	(void)state;
	written(json_put_string, bytes_of(NULL), "\"\"");
	written(json_put_string, BYTES_LIT("a\"b\\c/"), "\"a\\\"b\\\\c/\"");
	written(json_put_string, BYTES_LIT("\0\n\x1b\x1f\x7f"),
	    "\"\\u0000\\n\\u001b\\u001f\x7f\"");
	written(json_put_string, BYTES_LIT("\xc3\xa9\xf0\x9f\x98\x80"),
	    "\"\xc3\xa9\xf0\x9f\x98\x80\"");
	written(json_put_string,
	    BYTES_LIT("\xff"
		      "a\xc0\xaf"),
	    "\"\xef\xbf\xbd"
	    "a\xef\xbf\xbd\xef\xbf\xbd\"");
	written(json_put_string, BYTES_LIT("\xed\xa0\x80"),
	    "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	written(json_put_string, BYTES_LIT("x\xe2\x82"),
	    "\"x\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void
test_put_shown(void **state)
{
	(void)state;
	written(json_put_shown, bytes_of(NULL), "");
	written(json_put_shown, BYTES_LIT("a \"b\" \\ \xc3\xbc"),
	    "a \"b\" \\ \xc3\xbc");
	written(json_put_shown, BYTES_LIT("\x1b[2J\n\x7f\xc2\x9b"),
	    "\\u001b[2J\\n\\u007f\\u009b");
	written(json_put_shown, BYTES_LIT("\xe2\x80\xae\x9b\xc3"),
	    "\\u202e\\x9b\\xc3");
}

/* Wherever a byte stands among others, it is written as it is alone. */
static void
test_put_anywhere(void **state)
{
	void (*const puts[])(
	    struct buf *, struct bytes) = { json_put_string, json_put_audit };
	uint8_t in[20];
	CLEANUP_BUF struct buf alone, among, expected;

	(void)state;
	buf_init(&alone, 100);
	buf_init(&among, 200);
	buf_init(&expected, 200);
	for (size_t p = 0; p < sizeof(puts) / sizeof(puts[0]); p++)
		for (unsigned c = 0; c < 256 * sizeof(in); c++) {
			uint8_t byte = (uint8_t)(c / sizeof(in));
			size_t at = c % sizeof(in);

			memset(in, c % 2 == 0 ? ' ' : '~', sizeof(in));
			buf_reset(&alone);
			puts[p](&alone, bytes_make(&byte, 1));
			buf_reset(&expected);
			buf_put_u8(&expected, '"');
			buf_put(&expected, in, at);
			buf_put(&expected, alone.p + 1, alone.len - 2);
			buf_put(&expected, in + at + 1, sizeof(in) - at - 1);
			buf_put_u8(&expected, '"');
			in[at] = byte;
			buf_reset(&among);
			puts[p](&among, bytes_make(in, sizeof(in)));
			assert_string_equal(
			    buf_cstr(&among), buf_cstr(&expected));
		}
}

static void
test_put_audit(void **state)
{
	(void)state;
	written(json_put_audit, BYTES_LIT("ls -l \"x\"\n"),
	    "\"ls -l \\\"x\\\"\\n\"");
	written(json_put_audit, BYTES_LIT("\x7f\xc2\x80\xc2\x9b\xc2\xa1"),
	    "\"\\u007f\\u0080\\u009b\xc2\xa1\"");
	written(json_put_audit,
	    BYTES_LIT("a\xe2\x80\xae"
		      "b\xe2\x81\xa6"),
	    "\"a\\u202eb\\u2066\"");
	written(json_put_audit, BYTES_LIT("\xe2\x80\xa8\xe2\x80\xa9"),
	    "\"\\u2028\\u2029\"");
	written(json_put_audit, BYTES_LIT("\xe2\x80\x8b\xef\xbb\xbf\xc2\xad"),
	    "\"\\u200b\\ufeff\\u00ad\"");
	/* U+E0041, a tag letter; and U+1F600, which is seen */
	written(json_put_audit, BYTES_LIT("\xf3\xa0\x81\x81\xf0\x9f\x98\x80"),
	    "\"\\udb40\\udc41\xf0\x9f\x98\x80\"");
	written(json_put_audit, BYTES_LIT("\xff\xc3\xa9\xc0"),
	    "\"\\\\xff\xc3\xa9\\\\xc0\"");
}

/* Any code point, escaped or not, comes back as it was. */
static void
test_put_every_code_point(void **state)
{
	struct json_doc *d;
	struct buf in, out;
	struct err e;

	(void)state;
	buf_init(&in, 1 << 23);
	buf_init(&out, 1 << 24);
	for (uint32_t c = 0; c < 0x30000; c++) {
		uint8_t s[4] = { (uint8_t)(0xf0 | c >> 18),
			(uint8_t)(0x80 | (c >> 12 & 63)),
			(uint8_t)(0x80 | (c >> 6 & 63)),
			(uint8_t)(0x80 | (c & 63)) };

		if (c >= 0x10000)
			buf_put(&in, s, 4);
		else if (c >= 0x800 && (c < 0xd800 || c > 0xdfff))
			s[1] |= 0xe0, s[1] = (uint8_t)(0xe0 | c >> 12),
				      buf_put(&in, s + 1, 3);
		else if (c >= 0x80 && c < 0x800)
			s[2] = (uint8_t)(0xc0 | c >> 6), buf_put(&in, s + 2, 2);
		else if (c < 0x80)
			buf_put_u8(&in, (uint8_t)c);
	}
	assert_true(utf8_valid(buf_bytes(&in)));
	for (int i = 0; i < 2; i++) {
		buf_reset(&out);
		(i == 0 ? json_put_string : json_put_audit)(
		    &out, buf_bytes(&in));
		assert_false(out.overflow);
		assert_int_equal(json_parse(buf_bytes(&out), 0, &d, &e), 0);
		assert_true(bytes_eq(json_root(d)->text, buf_bytes(&in)));
		json_free(d);
	}
	buf_fini(&in);
	buf_fini(&out);
}

static void
test_members(void **state)
{
	CLEANUP_BUF struct buf b;
	struct json_doc *d;

	(void)state;
	buf_init(&b, 1000);
	buf_put_u8(&b, '{');
	json_put_member(&b, "a", BYTES_LIT("{"));
	json_put_member_i64(&b, "b", INT64_MIN);
	json_put_key(&b, "c");
	buf_put_u8(&b, '{');
	json_put_member_bool(&b, "d", true);
	json_put_member_bool(&b, "e", false);
	buf_put_u8(&b, '}');
	json_put_key(&b, "f\"");
	buf_put_str(&b, "[{");
	json_put_member(&b, "g", BYTES_LIT("["));
	buf_put_str(&b, "}]}");
	assert_string_equal(buf_cstr(&b),
	    "{\"a\":\"{\",\"b\":-9223372036854775808,\"c\":{\"d\":true,\"e\":false},\"f\\\"\":[{\"g\":\"[\"}]}");
	d = parse(buf_bytes(&b), 0);
	json_free(d);
}

/* Changed texts must neither crash nor be accepted and then differ. */
static void
test_mutations(void **state)
{
	static const char seed[] =
	    "{\"id\":1,\"m\":\"a\\u00e9\\ud83d\\ude00\",\"p\":[{\"x\":[null,true,-1.5e3]},{}]}";
	static const uint8_t odd[] = "\"\\{}[],:u0d8c/*\n\xed\xa0\x80\xff";
	unsigned accepted = 0;
	uint32_t random = 1;
	uint8_t s[sizeof(seed) - 1];
	struct json_doc *d, *again;
	struct buf b;
	struct err e;

	(void)state;
	buf_init(&b, 10000);
	for (int i = 0; i < 200000; i++) {
		memcpy(s, seed, sizeof(s));
		for (int j = 0; j <= i % 3; j++) {
			random = random * 1664525 + 1013904223;
			s[(random >> 8) % sizeof(s)] =
			    odd[(random >> 24) % (sizeof(odd) - 1)];
		}
		if (json_parse(bytes_make(s, sizeof(s)), i & 1, &d, &e) != 0)
			continue;
		accepted++;
		buf_reset(&b);
		json_put_value(&b, json_root(d));
		json_free(d);
		assert_int_equal(json_parse(buf_bytes(&b), 0, &again, &e), 0);
		json_free(again);
	}
	assert_true(accepted > 1000);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_write_inner),
		cmocka_unit_test(test_proctree),
		cmocka_unit_test(test_owns_its_text),
		cmocka_unit_test(test_duplicate_names),
		cmocka_unit_test(test_bad_utf8),
		cmocka_unit_test(test_surrogates),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_only_at_the_end),
		cmocka_unit_test(test_grammar),
		cmocka_unit_test(test_comments),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_positions),
		cmocka_unit_test(test_i64),
		cmocka_unit_test(test_type_names),
		cmocka_unit_test(test_put_string),
		cmocka_unit_test(test_put_shown),
		cmocka_unit_test(test_put_anywhere),
		cmocka_unit_test(test_put_audit),
		cmocka_unit_test(test_put_every_code_point),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
