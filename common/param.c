/* SPDX-License-Identifier: MIT */
/* param: values of defined tools, checked (both processes, untrusted). */
#include "common/param.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/utf8.h"

void
param_init(struct param *p)
{
	memset(p, 0, sizeof(*p));
	p->minimum = INT64_MIN;
	p->maximum = INT64_MAX;
	p->max_len = PARAM_MAX_VALUE;
	buf_init(&p->pattern, MATCH_MAX_PATTERN);
	buf_init(&p->choices, PARAM_MAX_CHOICES);
	buf_init(&p->description, PARAM_MAX_TEXT);
	buf_init(&p->by_default, PARAM_MAX_TEXT);
}

void
param_fini(struct param *p)
{
	match_free(p->match);
	p->match = NULL;
	buf_fini(&p->pattern);
	buf_fini(&p->choices);
	buf_fini(&p->description);
	buf_fini(&p->by_default);
}

int
param_set_pattern(struct param *p, struct bytes pattern, struct err *e)
{
	if (bytes_starts(pattern, "(?i") || bytes_starts(pattern, "(?s") ||
	    memmem(pattern.p, pattern.len, "\\K", 2) != NULL)
		return err_set(e, ERR_BAD,
		    "(?i), (?s) and \\K are not for clients, who match as well: write sets such as [Aa]");
	if (match_compile(pattern, &p->match, e) != 0)
		return e->code;
	buf_put_bytes(&p->pattern, pattern);
	return 0;
}

bool
param_name_ok(struct bytes name)
{
	return name.len > 0 && name.len < PARAM_MAX_NAME &&
	       !(name.p[0] >= '0' && name.p[0] <= '9') && bytes_only(name, "_");
}

bool
param_next_choice(struct bytes *rest, struct bytes *choice)
{
	const uint8_t *nl =
	    rest->len == 0 ? NULL : memchr(rest->p, '\n', rest->len);

	if (nl == NULL)
		return false;
	*choice = bytes_make(rest->p, (size_t)(nl - rest->p));
	*rest = bytes_make(nl + 1, rest->len - choice->len - 1);
	return true;
}

/* --- checks ----------------------------------------------------------- */

static bool
is_choice(const struct param *p, struct bytes value)
{
	struct bytes rest = buf_bytes(&p->choices), choice;

	while (param_next_choice(&rest, &choice))
		if (bytes_eq(choice, value))
			return true;
	return false;
}

static int
refuse_choice(const struct param *p, struct err *e)
{
	struct bytes rest = buf_bytes(&p->choices), choice;
	char list[256] = "";
	size_t n = 0;

	while (n < sizeof(list) - 1 && param_next_choice(&rest, &choice))
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%.*s",
		    n > 0 ? ", " : "", (int)choice.len, (const char *)choice.p);
	return err_set(e, ERR_BAD, "%s must be one of: %s", p->name, list);
}

/* Characters of text; SIZE_MAX if it is not UTF-8 or holds a control. */
static size_t
count_chars(struct bytes text)
{
	size_t n = 0, len;
	uint32_t cp;

	for (; text.len > 0; n++) {
		len = utf8_decode(text, &cp);
		if (len == 0 || cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
			return SIZE_MAX;
		text = bytes_make(text.p + len, text.len - len);
	}
	return n;
}

static int
check_length(const struct param *p, size_t n, const char *unit, struct err *e)
{
	if (n >= p->min_len && n <= p->max_len)
		return 0;
	if (p->min_len == 1 && n == 0)
		return err_set(e, ERR_BAD, "%s must not be empty", p->name);
	return err_set(e, ERR_BAD, "%s has %zu %s, it must have %u to %u",
	    p->name, n, unit, p->min_len, p->max_len);
}

static int
check_word(const struct param *p, struct bytes value, struct err *e)
{
	size_t n = count_chars(value);

	if (n == SIZE_MAX)
		return err_set(e, ERR_BAD,
		    "%s holds a line break or another control character",
		    p->name);
	if (!p->dash && value.len > 0 && value.p[0] == '-')
		return err_set(e, ERR_BAD,
		    "%s must not begin with \"-\": it would be taken for an option",
		    p->name);
	return check_length(p, n, "characters", e);
}

static int
check_string(const struct param *p, struct bytes value, struct err *e)
{
	int rc = p->input ? check_length(p, value.len, "bytes", e)
			  : check_word(p, value, e);

	if (rc != 0)
		return rc;
	if (p->choices.len > 0 && !is_choice(p, value))
		return refuse_choice(p, e);
	if (p->match == NULL || match_full(p->match, value))
		return 0;
	return err_set(e, ERR_BAD, "%s must match the pattern %.*s", p->name,
	    (int)(p->pattern.len < 200 ? p->pattern.len : 200),
	    (const char *)p->pattern.p);
}

/* Decimal, in the one way that a number is written in. */
static bool
read_integer(struct bytes text, int64_t *out)
{
	char again[24];
	uint64_t n;
	bool minus = text.len > 0 && text.p[0] == '-';
	struct bytes number =
	    minus ? bytes_make(text.p + 1, text.len - 1) : text;
	struct err e;

	if (bytes_to_u64(number, 0, INT64_MAX, &n, &e) != 0)
		return false;
	*out = minus ? -(int64_t)n : (int64_t)n;
	(void)snprintf(again, sizeof(again), "%" PRId64, *out);
	return bytes_eq_str(text, again);
}

static int
check_integer(const struct param *p, struct bytes value, struct err *e)
{
	int64_t n;

	if (!read_integer(value, &n) || n < p->minimum || n > p->maximum)
		return err_set(e, ERR_BAD,
		    "%s must be a whole number from %" PRId64 " to %" PRId64,
		    p->name, p->minimum, p->maximum);
	if (n < 0 && !p->dash)
		return err_set(e, ERR_BAD, "%s must not be below 0", p->name);
	return 0;
}

int
param_check(const struct param *p, struct bytes value, struct err *e)
{
	switch (p->kind) {
	case PARAM_STRING:
		return check_string(p, value, e);
	case PARAM_INTEGER:
		return check_integer(p, value, e);
	case PARAM_BOOLEAN:
		break;
	}
	if (!bytes_eq_str(value, "true") && !bytes_eq_str(value, "false"))
		return err_set(e, ERR_BAD, "%s must be true or false", p->name);
	return 0;
}

/* --- as JSON Schema --------------------------------------------------- */

static void
put_pattern(struct buf *out, const struct param *p)
{
	struct buf text;

	buf_init(&text, MATCH_MAX_PATTERN + 16);
	buf_put_str(&text, "^(?:");
	buf_put_bytes(&text, buf_bytes(&p->pattern));
	buf_put_str(&text, ")$");
	json_put_member(out, "pattern", buf_bytes(&text));
	buf_fini(&text);
}

static void
put_choices(struct buf *out, const struct param *p)
{
	struct bytes rest = buf_bytes(&p->choices), choice;
	bool any = false;

	json_put_key(out, "enum");
	buf_put_str(out, "[");
	for (; param_next_choice(&rest, &choice); any = true) {
		if (any)
			buf_put_str(out, ",");
		json_put_string(out, choice);
	}
	buf_put_str(out, "]");
}

static void
put_string(struct buf *out, const struct param *p)
{
	if (p->choices.len > 0) {
		put_choices(out, p);
		return;
	}
	json_put_member_i64(out, "minLength", p->min_len);
	json_put_member_i64(out, "maxLength", p->max_len);
	if (p->match != NULL)
		put_pattern(out, p);
}

static void
put_param(struct buf *out, const struct param *p)
{
	static const char *const types[] = { "string", "integer", "boolean" };

	json_put_key(out, p->name);
	buf_put_str(out, "{");
	json_put_member(out, "type", bytes_of(types[p->kind]));
	if (p->description.len > 0)
		json_put_member(out, "description", buf_bytes(&p->description));
	if (p->kind == PARAM_STRING) {
		put_string(out, p);
	} else if (p->kind == PARAM_INTEGER) {
		json_put_member_i64(out, "minimum", p->minimum);
		json_put_member_i64(out, "maximum", p->maximum);
	}
	if (p->has_default) {
		json_put_key(out, "default");
		if (p->kind == PARAM_STRING)
			json_put_string(out, buf_bytes(&p->by_default));
		else
			buf_put_bytes(out, buf_bytes(&p->by_default));
	}
	buf_put_str(out, "}");
}

void
param_put_schema(struct buf *out, const struct param *list, size_t n)
{
	bool any = false;

	buf_put_str(out, "{\"type\":\"object\",\"properties\":{");
	for (size_t i = 0; i < n; i++)
		put_param(out, &list[i]);
	buf_put_str(out, "}");
	for (size_t i = 0; i < n; i++) {
		if (!list[i].required)
			continue;
		if (!any)
			json_put_key(out, "required");
		buf_put_str(out, any ? "," : "[");
		json_put_string(out, bytes_of(list[i].name));
		any = true;
	}
	if (any)
		buf_put_str(out, "]");
	json_put_member_bool(out, "additionalProperties", false);
	buf_put_str(out, "}");
}
