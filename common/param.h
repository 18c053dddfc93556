/* SPDX-License-Identifier: MIT */
/*
 * param: a typed parameter of a tool that the administrator defined.
 *
 * Both processes hold the same description and check values with the same
 * code: the frontend to tell the client what is wrong, the executor because
 * it believes no frontend.  A value travels as text: a string as it is, an
 * integer in decimal, a boolean as "true" or "false".
 */
#ifndef COMMON_PARAM_H
#define COMMON_PARAM_H

#include "common/match.h"

enum {
	PARAM_MAX_NAME = 64, /* bytes with the NUL */
	PARAM_MAX_VALUE = 4096, /* characters of one in a word */
	PARAM_MAX_INPUT = 1 << 20, /* bytes of one that is the stdin */
	PARAM_MAX_TEXT = 1024, /* bytes of description and default */
	PARAM_MAX_CHOICES = 8192 /* bytes of all values of an enum */
};

enum param_kind { PARAM_STRING, PARAM_INTEGER, PARAM_BOOLEAN };

struct param {
	char name[PARAM_MAX_NAME]; /* [A-Za-z_][A-Za-z0-9_]* */
	enum param_kind kind;
	bool required;
	bool dash; /* may begin with "-" */
	bool input; /* the stdin alone: any bytes */
	uint32_t min_len, max_len; /* of a string, characters */
	int64_t minimum, maximum; /* of an integer */
	struct buf pattern; /* for the whole value; empty: any */
	struct match *match; /* the same, compiled */
	struct buf choices; /* values, "\n" after each; empty: any */
	struct buf description;
	struct buf by_default; /* value */
	bool has_default;
};

void param_init(struct param *p);
void param_fini(struct param *p);
/*
 * Give it a pattern, which must be one for the client's matcher as well
 * (ECMA 262, as JSON Schema has it); ERR_BAD says what is wrong with it.
 */
int param_set_pattern(
    struct param *p, struct bytes pattern, struct err *e) MUST_CHECK;
/* true if name may be one: a letter or "_", then letters, digits and "_". */
bool param_name_ok(struct bytes name);
/* Is this value as the parameter wants it?  ERR_BAD with words for a client. */
int param_check(
    const struct param *p, struct bytes value, struct err *e) MUST_CHECK;
/* Append the JSON Schema of an object with these n members and no others. */
void param_put_schema(struct buf *out, const struct param *list, size_t n);
/* The next of the choices in *rest, which moves on; false at their end. */
bool param_next_choice(struct bytes *rest, struct bytes *choice);

#endif
