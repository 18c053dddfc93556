/* SPDX-License-Identifier: MIT */
/*
 * json: the JSON reader and writer; every process.  The reader takes bytes
 * from the network (frontend) and from configuration files (executor).
 *
 * yajl is used as a tokenizer and grammar only.  What it lets through is
 * caught here: overlong UTF-8 and lone surrogates before it sees the text,
 * depth, number of values and duplicate names in its callbacks.  It never
 * gets to build or free a tree, which it would do by recursion.
 *
 * A document is one allocation: the values, then the decoded text of names,
 * strings and numbers, which is never longer than the source.
 */
#include "common/json.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "common/log.h"
#include "common/sort.h"
#include "common/utf8.h"

struct json_doc {
	size_t count, cap; /* used, capacity */
	uint8_t *text; /* behind the values */
	size_t text_len, text_cap;
	struct json_value values[];
};

/* An open container and its last member or element. */
struct json_level {
	struct json_value *container;
	struct json_value *last;
};

struct json_parser {
	struct bytes source;
	unsigned flags;
	yajl_handle yajl;
	struct json_doc *doc;
	const struct json_value **sorted; /* scratch, doc->cap entries */
	struct json_level level[JSON_MAX_DEPTH];
	size_t depth;
	struct bytes key; /* name that waits for its value */
	size_t end; /* source offset after the last token */
	struct err *e; /* set when a callback returns 0 */
};

static const char *const json_type_names[] = {
	[JSON_NULL] = "null",
	[JSON_BOOL] = "boolean",
	[JSON_NUMBER] = "number",
	[JSON_STRING] = "string",
	[JSON_ARRAY] = "array",
	[JSON_OBJECT] = "object",
};

static int json_fail(struct bytes source, size_t offset, struct err *e,
    const char *fmt, ...) PRINTF_LIKE(4, 5);

static int
json_fail(
    struct bytes source, size_t offset, struct err *e, const char *fmt, ...)
{
	char text[ERR_MAX_WHAT / 2];
	size_t line, column;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_position(source, offset, &line, &column);
	return err_set(
	    e, ERR_BAD, "line %zu, column %zu: %s", line, column, text);
}

/* Offset behind the comment that begins at `at`; `at` if none does, or ends. */
static size_t
json_skip_comment(struct bytes s, size_t at)
{
	const uint8_t *end = NULL;

	if (s.len - at < 2 || s.p[at] != '/')
		return at;
	if (s.p[at + 1] == '/') {
		end = memchr(s.p + at, '\n', s.len - at);
		return end == NULL ? s.len : (size_t)(end - s.p) + 1;
	}
	if (s.p[at + 1] != '*')
		return at;
	end = memmem(s.p + at + 2, s.len - at - 2, "*/", 2);
	return end == NULL ? at : (size_t)(end - s.p) + 2;
}

/* Offset behind any of these characters, and comments, from `at` on. */
static size_t
json_skip(struct bytes s, unsigned flags, const char *chars, size_t at)
{
	size_t behind;

	while (at < s.len) {
		behind = at;
		if (s.p[at] != '\0' && strchr(chars, s.p[at]) != NULL)
			behind++;
		else if ((flags & JSON_COMMENTS) != 0)
			behind = json_skip_comment(s, at);
		if (behind == at)
			break;
		at = behind;
	}
	return at;
}

/* Offset of the token that follows; punctuation is not a token of interest. */
static size_t
json_next_token(const struct json_parser *p)
{
	return json_skip(p->source, p->flags, " \t\r\n,:", p->end);
}

/* UTF-16 unit of the \uXXXX at p, or -1; n bytes are there. */
static int32_t
json_escape_unit(const uint8_t *p, size_t n)
{
	int32_t v = 0;

	if (n < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (size_t i = 2; i < 6; i++) {
		if (p[i] >= '0' && p[i] <= '9')
			v = v << 4 | (p[i] - '0');
		else if ((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'f')
			v = v << 4 | ((p[i] | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return v;
}

/*
 * Length of the escape at p (n bytes are there), 0 for a lone surrogate.
 * Malformed escapes are left for yajl to report.
 */
static size_t
json_escape_len(const uint8_t *p, size_t n)
{
	int32_t unit = json_escape_unit(p, n), low;

	if (unit < 0)
		return n < 2 ? n : 2;
	if (unit < 0xd800 || unit > 0xdfff)
		return 6;
	low = json_escape_unit(p + 6, n - 6);
	return unit <= 0xdbff && low >= 0xdc00 && low <= 0xdfff ? 12 : 0;
}

/* Check the escapes of the string whose first byte is at; its end in *end. */
static int
json_check_string(struct bytes s, size_t at, size_t *end, struct err *e)
{
	size_t n;

	while (at < s.len && s.p[at] != '"') {
		n = 1;
		if (s.p[at] == '\\')
			n = json_escape_len(s.p + at, s.len - at);
		if (n == 0)
			return json_fail(
			    s, at, e, "unpaired surrogate in \\u escape");
		at += n;
	}
	*end = at < s.len ? at + 1 : at;
	return 0;
}

/* Strings' escapes, and between tokens what yajl takes for white space. */
static int
json_check_tokens(struct bytes s, unsigned flags, struct err *e)
{
	size_t at = 0, behind;

	while (at < s.len) {
		behind = at;
		if ((flags & JSON_COMMENTS) != 0)
			behind = json_skip_comment(s, at);
		if (behind != at) {
			at = behind;
			continue;
		}
		if (s.p[at] == '\f' || s.p[at] == '\v')
			return json_fail(s, at, e,
			    "a form feed or vertical tab is not white space");
		if (s.p[at++] == '"' && json_check_string(s, at, &at, e) != 0)
			return e->code;
	}
	return 0;
}

static int
json_check_utf8(struct bytes s, struct err *e)
{
	uint32_t cp;
	size_t n;

	for (size_t at = 0; at < s.len; at += n) {
		n = 1;
		if (s.p[at] >= 0x80)
			n = utf8_decode(bytes_make(s.p + at, s.len - at), &cp);
		if (n == 0)
			return json_fail(s, at, e, "not well-formed UTF-8");
	}
	return 0;
}

/* Everything that yajl does not check, or checks too late. */
static int
json_check_text(struct bytes s, unsigned flags, struct err *e)
{
	if (s.len == 0)
		return json_fail(s, 0, e, "the text is empty");
	if (s.len > JSON_MAX_BYTES)
		return err_set(e, ERR_BAD,
		    "the text has %zu bytes, at most %d are read", s.len,
		    JSON_MAX_BYTES);
	if (json_check_utf8(s, e) != 0)
		return e->code;
	return json_check_tokens(s, flags, e);
}

/* Copy decoded text into the document. */
static int
json_keep(
    struct json_parser *p, const void *text, size_t len, struct bytes *out)
{
	struct json_doc *d = p->doc;

	if (len > d->text_cap - d->text_len)
		fatal("json: decoded text is longer than its source");
	*out = bytes_make(d->text + d->text_len, len);
	if (len > 0)
		(void)memcpy(d->text + d->text_len, text, len);
	d->text_len += len;
	return 1;
}

/* A new value at the next token, linked to what is open; NULL on failure. */
static struct json_value *
json_add(struct json_parser *p, enum json_type type)
{
	struct json_doc *d = p->doc;
	struct json_level *level = NULL;
	size_t offset = json_next_token(p);
	struct json_value *v;

	p->end = yajl_get_bytes_consumed(p->yajl);
	if (d->count == d->cap) {
		(void)json_fail(p->source, offset, p->e,
		    "more than %zu values in one document", d->cap);
		return NULL;
	}
	v = &d->values[d->count++];
	*v = (struct json_value){
		.type = type,
		.key = p->key,
		.offset = offset,
	};
	p->key = bytes_make(NULL, 0);
	if (p->depth == 0)
		return v;
	level = &p->level[p->depth - 1];
	if (level->last == NULL)
		level->container->child = v;
	else
		level->last->next = v;
	level->last = v;
	level->container->count++;
	return v;
}

static int
json_on_null(void *arg)
{
	return json_add(arg, JSON_NULL) != NULL;
}

static int
json_on_boolean(void *arg, int value)
{
	struct json_value *v = json_add(arg, JSON_BOOL);

	if (v == NULL)
		return 0;
	v->boolean = value != 0;
	return 1;
}

static int
json_on_number(void *arg, const char *text, size_t len)
{
	struct json_value *v = json_add(arg, JSON_NUMBER);

	return v != NULL && json_keep(arg, text, len, &v->text);
}

static int
json_on_string(void *arg, const unsigned char *text, size_t len)
{
	struct json_value *v = json_add(arg, JSON_STRING);

	return v != NULL && json_keep(arg, text, len, &v->text);
}

static int
json_on_key(void *arg, const unsigned char *text, size_t len)
{
	struct json_parser *p = arg;
	size_t offset = json_next_token(p);

	p->end = yajl_get_bytes_consumed(p->yajl);
	if (len > JSON_MAX_KEY) {
		(void)json_fail(p->source, offset, p->e,
		    "a name of %zu bytes, at most %d are allowed", len,
		    JSON_MAX_KEY);
		return 0;
	}
	if (bytes_has_nul(bytes_make(text, len))) {
		(void)json_fail(p->source, offset, p->e,
		    "a name must not hold a NUL character");
		return 0;
	}
	return json_keep(p, text, len, &p->key);
}

static int
json_open(struct json_parser *p, enum json_type type)
{
	struct json_value *v = json_add(p, type);

	if (v == NULL)
		return 0;
	if (p->depth == JSON_MAX_DEPTH) {
		(void)json_fail(p->source, v->offset, p->e,
		    "nested deeper than %d levels", JSON_MAX_DEPTH);
		return 0;
	}
	p->level[p->depth++] = (struct json_level){ .container = v };
	return 1;
}

static int
json_on_start_object(void *arg)
{
	return json_open(arg, JSON_OBJECT);
}

static int
json_on_start_array(void *arg)
{
	return json_open(arg, JSON_ARRAY);
}

static int
json_compare_keys(const void *a, const void *b)
{
	const struct json_value *x = *(const struct json_value *const *)a;
	const struct json_value *y = *(const struct json_value *const *)b;
	int r = 0;

	if (x->key.len != y->key.len)
		return x->key.len < y->key.len ? -1 : 1;
	if (x->key.len > 0)
		r = memcmp(x->key.p, y->key.p, x->key.len);
	if (r == 0)
		r = x->offset < y->offset ? -1 : 1;
	return r;
}

/* By sorting: 8,000 names must not cost 32 million comparisons. */
static int
json_check_duplicates(struct json_parser *p, const struct json_value *object)
{
	const struct json_value **s = p->sorted;
	size_t n = 0;

	for (const struct json_value *v = object->child; v != NULL; v = v->next)
		s[n++] = v;
	if (n > 1)
		sort_items(s, n, sizeof(s[0]), json_compare_keys);
	for (size_t i = 1; i < n; i++)
		if (bytes_eq(s[i - 1]->key, s[i]->key)) {
			(void)json_fail(p->source, s[i]->offset, p->e,
			    "the name \"%s\" is there twice in one object",
			    log_text(s[i]->key).s);
			return 0;
		}
	return 1;
}

static int
json_close(struct json_parser *p)
{
	p->end = yajl_get_bytes_consumed(p->yajl);
	p->depth--;
	return 1;
}

static int
json_on_end_object(void *arg)
{
	struct json_parser *p = arg;

	return json_close(p) &&
	       json_check_duplicates(p, p->level[p->depth].container);
}

static int
json_on_end_array(void *arg)
{
	return json_close(arg);
}

/* yajl does not check its allocations: better a clear end than a wild write. */
static void *
json_yajl_realloc(void *ctx, void *p, size_t size)
{
	void *q = realloc(p, size);

	(void)ctx;
	if (q == NULL && size != 0)
		fatal("json: out of memory");
	return q;
}

static void *
json_yajl_malloc(void *ctx, size_t size)
{
	return json_yajl_realloc(ctx, NULL, size);
}

static void
json_yajl_free(void *ctx, void *p)
{
	(void)ctx;
	free(p);
}

static const yajl_callbacks json_callbacks = {
	.yajl_null = json_on_null,
	.yajl_boolean = json_on_boolean,
	.yajl_number = json_on_number, /* so numbers are never converted */
	.yajl_string = json_on_string,
	.yajl_start_map = json_on_start_object,
	.yajl_map_key = json_on_key,
	.yajl_end_map = json_on_end_object,
	.yajl_start_array = json_on_start_array,
	.yajl_end_array = json_on_end_array,
};

/* Turn yajl's complaint into ours, at the token that it could not take. */
static int
json_fail_yajl(struct json_parser *p)
{
	unsigned char *text = yajl_get_error(p->yajl, 0, NULL, 0);
	const char *s = text != NULL ? (const char *)text : "not JSON";
	int r;

	r = json_fail(p->source, json_next_token(p), p->e, "%.*s",
	    (int)strcspn(s, "\n"), s);
	if (text != NULL)
		yajl_free_error(p->yajl, text);
	return r;
}

/*
 * Nothing may follow the root.  yajl sees to that, except for a token that has no
 * end, such as a lone quote: at the end of the text it takes it for nothing.
 */
static int
json_check_rest(struct json_parser *p)
{
	size_t at = json_skip(p->source, p->flags, " \t\r\n", p->end);

	if (p->doc->count == 0 || p->depth != 0 || at == p->source.len)
		return 0;
	return json_fail(p->source, at, p->e, "text follows the value");
}

static int
json_run(struct json_parser *p)
{
	yajl_alloc_funcs alloc = {
		.malloc = json_yajl_malloc,
		.realloc = json_yajl_realloc,
		.free = json_yajl_free,
	};
	yajl_status status;
	int r = 0;

	p->yajl = yajl_alloc(&json_callbacks, &alloc, p);
	if ((p->flags & JSON_COMMENTS) != 0)
		(void)yajl_config(p->yajl, yajl_allow_comments, 1);
	status = yajl_parse(p->yajl, p->source.p, p->source.len);
	if (status == yajl_status_ok)
		r = json_check_rest(p);
	/* A number at the very end shows only now. */
	if (status == yajl_status_ok)
		status = yajl_complete_parse(p->yajl);
	if (r != 0 || status == yajl_status_client_canceled)
		r = p->e->code;
	else if (status != yajl_status_ok)
		r = json_fail_yajl(p);
	else if (p->doc->count == 0 || p->depth != 0)
		r = json_fail(p->source, p->source.len, p->e, "incomplete");
	yajl_free(p->yajl);
	return r;
}

static struct json_doc *
json_doc_new(size_t source_len)
{
	struct json_doc *d;
	size_t cap, size;

	/* Every value takes at least one byte of source. */
	cap = source_len < JSON_MAX_NODES ? source_len : JSON_MAX_NODES;
	if (__builtin_mul_overflow(cap, sizeof(d->values[0]), &size) ||
	    __builtin_add_overflow(size, sizeof(*d) + source_len, &size))
		return NULL;
	if ((d = malloc(size)) == NULL)
		return NULL;
	*d = (struct json_doc){ .cap = cap, .text_cap = source_len };
	d->text = (uint8_t *)(d->values + cap);
	return d;
}

int
json_parse(
    struct bytes text, unsigned flags, struct json_doc **out, struct err *e)
{
	struct json_parser p = { .source = text, .flags = flags, .e = e };
	int r;

	if ((r = json_check_text(text, flags, e)) != 0)
		return r;
	p.doc = json_doc_new(text.len);
	if (p.doc != NULL)
		p.sorted = calloc(p.doc->cap, sizeof(p.sorted[0]));
	if (p.sorted == NULL) {
		json_free(p.doc);
		return err_memory(e);
	}
	r = json_run(&p);
	free(p.sorted);
	if (r != 0) {
		json_free(p.doc);
		return r;
	}
	*out = p.doc;
	return 0;
}

void
json_free(struct json_doc *d)
{
	free(d);
}

const struct json_value *
json_root(const struct json_doc *d)
{
	return &d->values[0];
}

void
json_position(struct bytes text, size_t offset, size_t *line, size_t *column)
{
	*line = 1;
	*column = 1;
	for (size_t i = 0; i < offset && i < text.len; i++) {
		if (text.p[i] == '\n') {
			++*line;
			*column = 1;
		} else if ((text.p[i] & 0xc0) != 0x80) {
			++*column; /* characters, as editors count */
		}
	}
}

const struct json_value *
json_get(const struct json_value *o, const char *key)
{
	if (!json_is(o, JSON_OBJECT))
		return NULL;
	for (const struct json_value *v = o->child; v != NULL; v = v->next)
		if (bytes_eq_str(v->key, key))
			return v;
	return NULL;
}

bool
json_is(const struct json_value *v, enum json_type type)
{
	return v != NULL && v->type == type;
}

/* A number as written: minus, digits of integer and fraction, exponent. */
struct decimal {
	bool minus;
	struct bytes whole, fraction;
	int exponent;
};

static struct bytes
take_digits(struct bytes *rest)
{
	struct bytes digits = *rest;
	size_t n = 0;

	while (n < rest->len && rest->p[n] >= '0' && rest->p[n] <= '9')
		n++;
	digits.len = n;
	rest->p += n;
	rest->len -= n;
	return digits;
}

/* An exponent beyond these bounds makes every number too large or broken. */
static int
take_exponent(struct bytes rest)
{
	bool minus;
	int n = 0;

	if (rest.len == 0)
		return 0;
	rest = bytes_make(rest.p + 1, rest.len - 1);
	minus = rest.len > 0 && rest.p[0] == '-';
	for (size_t i = 0; i < rest.len; i++)
		if (rest.p[i] >= '0' && rest.p[i] <= '9' && n < 1 << 24)
			n = 10 * n + (rest.p[i] - '0');
	return minus ? -n : n;
}

static struct decimal
split_number(struct bytes text)
{
	struct decimal d = { .minus = text.len > 0 && text.p[0] == '-' };

	if (d.minus)
		text = bytes_make(text.p + 1, text.len - 1);
	d.whole = take_digits(&text);
	if (text.len > 0 && text.p[0] == '.') {
		text = bytes_make(text.p + 1, text.len - 1);
		d.fraction = take_digits(&text);
	}
	d.exponent = take_exponent(text);
	return d;
}

/* Digit i of whole and fraction together; behind their end come zeros. */
static int
digit_at(const struct decimal *d, size_t i)
{
	if (i < d->whole.len)
		return d->whole.p[i] - '0';
	i -= d->whole.len;
	return i < d->fraction.len ? d->fraction.p[i] - '0' : 0;
}

bool
json_to_i64(const struct json_value *v, int64_t *out)
{
	struct decimal d;
	size_t count;
	int64_t n = 0, point;

	if (!json_is(v, JSON_NUMBER) || v->text.len == 0)
		return false;
	d = split_number(v->text);
	count = d.whole.len + d.fraction.len;
	while (count > 0 && digit_at(&d, count - 1) == 0)
		count--;
	/* digits before the decimal point */
	point = (int64_t)d.whole.len + d.exponent;
	if (count == 0)
		point = 0;
	if (point < (int64_t)count || point > 4096)
		return false;
	/* Counted downwards: INT64_MIN has no positive counterpart. */
	for (size_t i = 0; i < (size_t)point; i++)
		if (__builtin_mul_overflow(n, (int64_t)10, &n) ||
		    __builtin_sub_overflow(n, (int64_t)digit_at(&d, i), &n))
			return false;
	if (!d.minus && __builtin_sub_overflow((int64_t)0, n, &n))
		return false;
	*out = n;
	return true;
}

const char *
json_type_name(enum json_type t)
{
	return json_type_names[t];
}

static void
json_put_unit(struct buf *b, uint32_t unit)
{
	static const char hex[] = "0123456789abcdef";
	char text[6] = { '\\', 'u', hex[unit >> 12 & 15], hex[unit >> 8 & 15],
		hex[unit >> 4 & 15], hex[unit & 15] };

	buf_put(b, text, sizeof(text));
}

static void
json_put_escaped(struct buf *b, uint32_t cp)
{
	static const char from[] = "\"\\\n\t\r\b\f", to[] = "\"\\ntrbf";
	const char *p = cp != 0 && cp < 0x80 ? strchr(from, (int)cp) : NULL;

	if (p != NULL) {
		buf_put_u8(b, '\\');
		buf_put_u8(b, (uint8_t)to[p - from]);
	} else if (cp < 0x10000) {
		json_put_unit(b, cp);
	} else {
		json_put_unit(b, 0xd800 + ((cp - 0x10000) >> 10));
		json_put_unit(b, 0xdc00 + ((cp - 0x10000) & 0x3ff));
	}
}

static bool
json_must_escape(uint32_t cp)
{
	return cp < ' ' || cp == '"' || cp == '\\';
}

/*
 * What a reader of the audit log would not see, or would see in another
 * place: controls, format characters (general category Cf), line and
 * paragraph separators, variation selectors, fillers without a glyph.
 */
static const struct json_range {
	uint32_t first, last;
} json_hidden[] = {
	{ 0x7f, 0x9f },
	{ 0xad, 0xad },
	{ 0x34f, 0x34f },
	{ 0x600, 0x605 },
	{ 0x61c, 0x61c },
	{ 0x6dd, 0x6dd },
	{ 0x70f, 0x70f },
	{ 0x890, 0x891 },
	{ 0x8e2, 0x8e2 },
	{ 0x115f, 0x1160 },
	{ 0x17b4, 0x17b5 },
	{ 0x180b, 0x180f },
	{ 0x200b, 0x200f },
	{ 0x2028, 0x202e },
	{ 0x2060, 0x206f },
	{ 0x3164, 0x3164 },
	{ 0xfe00, 0xfe0f },
	{ 0xfeff, 0xfeff },
	{ 0xffa0, 0xffa0 },
	{ 0xfff0, 0xfffb },
	{ 0xfffe, 0xffff },
	{ 0x110bd, 0x110bd },
	{ 0x110cd, 0x110cd },
	{ 0x13430, 0x1343f },
	{ 0x1bca0, 0x1bca3 },
	{ 0x1d173, 0x1d17a },
	{ 0xe0000, 0xe0fff },
};

static bool
json_is_hidden(uint32_t cp)
{
	const size_t n = sizeof(json_hidden) / sizeof(json_hidden[0]);

	if (cp < json_hidden[0].first)
		return json_must_escape(cp);
	for (size_t i = 0; i < n; i++)
		if (cp >= json_hidden[i].first && cp <= json_hidden[i].last)
			return true;
	return false;
}

/* How a writer treats what cannot be written as it is. */
struct json_style {
	bool (*escape)(uint32_t cp);
	void (*invalid)(struct buf *b, uint8_t byte);
};

#define EACH_BYTE(c) (~UINT64_C(0) / 255 * (c))
#define HAS_ZERO(w)  (((w)-EACH_BYTE(1)) & ~(w)&EACH_BYTE(0x80))

/* Of eight bytes, how many at the front are plain. */
static size_t
json_count_word(uint64_t w)
{
	uint64_t other;

	w = le64toh(w);
	other = (w & EACH_BYTE(0x80)) |
		((w - EACH_BYTE(' ')) & ~w & EACH_BYTE(0x80)) |
		HAS_ZERO(w ^ EACH_BYTE('"')) | HAS_ZERO(w ^ EACH_BYTE('\\')) |
		HAS_ZERO(w ^ EACH_BYTE(0x7f));
	/* a borrow goes upwards: the lowest mark is a true one */
	return other == 0 ? sizeof(w) : (size_t)__builtin_ctzll(other) / 8;
}

/*
 * How many bytes at the front every style writes as they are: printable
 * ASCII but quote and backslash.  Eight at a time, so that output and names,
 * most of which are that, are not looked at byte by byte.
 */
static size_t
json_count_plain(struct bytes s)
{
	size_t at = 0, n, left;
	uint64_t w;

	for (; s.len - at >= sizeof(w); at += sizeof(w)) {
		(void)memcpy(&w, s.p + at, sizeof(w));
		n = json_count_word(w);
		if (n < sizeof(w))
			return at + n;
	}
	left = s.len - at;
	if (left == 0)
		return at;
	w = EACH_BYTE(' ');
	(void)memcpy(&w, s.p + at, left);
	n = json_count_word(w);
	return at + (n < left ? n : left);
}

static void
json_put_styled(struct buf *b, struct bytes s, const struct json_style *style)
{
	size_t at = 0, plain = 0, n;
	uint32_t cp;

	buf_expect(b, s.len + s.len / 8 + 2); /* with its newlines escaped */
	buf_put_u8(b, '"');
	while (at < s.len) {
		at += json_count_plain(bytes_make(s.p + at, s.len - at));
		if (at == s.len)
			break;
		cp = s.p[at];
		n = 1;
		if (cp >= 0x80)
			n = utf8_decode(bytes_make(s.p + at, s.len - at), &cp);
		if (n != 0 && !style->escape(cp)) {
			at += n;
			continue;
		}
		buf_put(b, s.p + plain, at - plain);
		if (n == 0)
			style->invalid(b, s.p[at]);
		else
			json_put_escaped(b, cp);
		at += n == 0 ? 1 : n;
		plain = at;
	}
	if (at > plain)
		buf_put(b, s.p + plain, at - plain);
	buf_put_u8(b, '"');
}

static void
json_put_replacement(struct buf *b, uint8_t byte)
{
	(void)byte;
	buf_put_str(b, "\xef\xbf\xbd"); /* U+FFFD */
}

static void
json_put_byte(struct buf *b, uint8_t byte)
{
	buf_printf(b, "\\\\x%02x", byte);
}

void
json_put_string(struct buf *b, struct bytes s)
{
	static const struct json_style style = { json_must_escape,
		json_put_replacement };

	json_put_styled(b, s, &style);
}

void
json_put_audit(struct buf *b, struct bytes s)
{
	static const struct json_style style = { json_is_hidden,
		json_put_byte };

	json_put_styled(b, s, &style);
}

void
json_put_shown(struct buf *b, struct bytes s)
{
	uint32_t cp;
	size_t n;

	for (; s.len > 0; s.p += n, s.len -= n) {
		n = utf8_decode(s, &cp);
		if (n == 0) {
			n = 1;
			buf_printf(b, "\\x%02x", s.p[0]);
		} else if (cp == '"' || cp == '\\' || !json_is_hidden(cp))
			buf_put(b, s.p, n);
		else
			json_put_escaped(b, cp);
	}
}

static void
json_put_comma(struct buf *b)
{
	if (b->len > 0 && memchr("{[:", b->p[b->len - 1], 3) == NULL)
		buf_put_u8(b, ',');
}

void
json_put_key(struct buf *b, const char *key)
{
	json_put_comma(b);
	json_put_string(b, bytes_of(key));
	buf_put_u8(b, ':');
}

void
json_put_member(struct buf *b, const char *key, struct bytes s)
{
	json_put_key(b, key);
	json_put_string(b, s);
}

void
json_put_member_i64(struct buf *b, const char *key, int64_t v)
{
	json_put_key(b, key);
	if (v < 0)
		buf_put_u8(b, '-');
	buf_put_u64(b, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void
json_put_member_bool(struct buf *b, const char *key, bool v)
{
	json_put_key(b, key);
	buf_put_str(b, v ? "true" : "false");
}

/* A value without what is inside it. */
static void
json_put_shallow(struct buf *b, const struct json_value *v)
{
	switch (v->type) {
	case JSON_NULL:
		buf_put_str(b, "null");
		break;
	case JSON_BOOL:
		buf_put_str(b, v->boolean ? "true" : "false");
		break;
	case JSON_NUMBER:
		buf_put_bytes(b, v->text);
		break;
	case JSON_STRING:
		json_put_string(b, v->text);
		break;
	case JSON_ARRAY:
		buf_put_u8(b, '[');
		break;
	case JSON_OBJECT:
		buf_put_u8(b, '{');
		break;
	}
}

static bool
json_is_container(const struct json_value *v)
{
	return v->type == JSON_ARRAY || v->type == JSON_OBJECT;
}

/*
 * The value to write after v, of the containers that are open; those that
 * have no further member are closed.  NULL when all are.
 */
static const struct json_value *
json_put_after(struct buf *b, const struct json_value *v,
    const struct json_value *open[], size_t *depth)
{
	if (json_is_container(v)) {
		open[(*depth)++] = v;
		if (v->child != NULL)
			return v->child;
	}
	while (*depth > 0) {
		if (open[*depth - 1] != v && v->next != NULL) {
			buf_put_u8(b, ',');
			return v->next;
		}
		v = open[--*depth];
		buf_put_u8(b, v->type == JSON_ARRAY ? ']' : '}');
	}
	return NULL;
}

void
json_put_value(struct buf *b, const struct json_value *v)
{
	const struct json_value *open[JSON_MAX_DEPTH];
	size_t depth = 0;

	while (v != NULL) {
		if (depth > 0 && open[depth - 1]->type == JSON_OBJECT) {
			json_put_string(b, v->key);
			buf_put_u8(b, ':');
		}
		json_put_shallow(b, v);
		v = json_put_after(b, v, open, &depth);
	}
}
