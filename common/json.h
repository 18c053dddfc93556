/* SPDX-License-Identifier: MIT */
/*
 * json: the project's one JSON reader and writer, a fence around yajl.
 *
 * Reading is strict: bounded depth, nodes and size; UTF-8 of RFC 3629 only;
 * duplicate keys, lone surrogates and trailing text are errors; numbers keep
 * their text, so that ids survive exactly.  The tree is flat in one
 * allocation-bounded document; walking and freeing it never recurses.
 * Comments are accepted only where JSON_COMMENTS says so (configuration).
 */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include <stdbool.h>

#include "common/bytes.h"

enum {
	JSON_MAX_DEPTH = 32, /* containers inside each other */
	JSON_MAX_NODES = 8192, /* values of one document, all told */
	JSON_MAX_KEY = 256, /* bytes of a member's name, decoded */
	JSON_MAX_BYTES = 16 << 20 /* bytes of a document's text */
};

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

enum json_flags {
	JSON_STRICT = 0,
	JSON_COMMENTS = 1 /* C and C++ comments, for files people write */
};

struct json_value {
	enum json_type type;
	bool boolean; /* JSON_BOOL */
	struct bytes key; /* member's name inside an object */
	struct bytes text; /* decoded string, or a number's text */
	size_t offset; /* byte offset in the source, for messages */
	const struct json_value *child; /* first member or element, or NULL */
	const struct json_value *next; /* next sibling, or NULL */
	size_t count; /* members or elements */
};

struct json_doc;

/*
 * Parse the whole of text into *out (owned by the caller: json_free).  The
 * text need not live on.  ERR_BAD names the position as "line L, column C".
 */
int json_parse(struct bytes text, unsigned flags, struct json_doc **out,
    struct err *e) MUST_CHECK;
void json_free(struct json_doc *d); /* NULL is fine */
const struct json_value *json_root(const struct json_doc *d);
/* Line and column, from 1, of a value's offset in that text. */
void json_position(
    struct bytes text, size_t offset, size_t *line, size_t *column);

/* Member of an object by name; NULL if o is NULL, no object, or lacks it. */
const struct json_value *json_get(const struct json_value *o, const char *key);
bool json_is(const struct json_value *v, enum json_type type); /* NULL: no */
/*
 * true if v is a whole number that fits, as JSON Schema counts them: 5000, 5e3
 * and 5000.0 are one.
 */
bool json_to_i64(const struct json_value *v, int64_t *out);
const char *json_type_name(enum json_type t); /* "string", ... */

/*
 * Writers append to a buf.  json_put_string writes quotes and escapes:
 * control characters as \n or \u00XX, invalid UTF-8 bytes as U+FFFD each, so any
 * bytes come out as valid JSON.  json_put_audit also escapes DEL, C1, bidi
 * controls, tag characters, line separators and other invisible format
 * characters as \uXXXX pairs, and each invalid byte as "\\xNN" text.
 */
void json_put_string(struct buf *b, struct bytes s);
void json_put_audit(struct buf *b, struct bytes s);
/* The same without quotes, for people: quotes and backslashes as they are. */
void json_put_shown(struct buf *b, struct bytes s);
/* "key": (with a comma before it unless the last byte is { or [). */
void json_put_key(struct buf *b, const char *key);
void json_put_member(struct buf *b, const char *key, struct bytes s);
void json_put_member_i64(struct buf *b, const char *key, int64_t v);
void json_put_member_bool(struct buf *b, const char *key, bool v);
/* Write a parsed value back, compact; numbers as they were written. */
void json_put_value(struct buf *b, const struct json_value *v);

#endif
