/* SPDX-License-Identifier: MIT */
/* logline: a line of the audit log, taken apart.  Executor and mcp-execctl. */
#include "executor/audit/logline.h"

#include <stdio.h>
#include <string.h>

#define SEAL_HEAD ",\"seal\":\""

enum { SEAL_TAIL = sizeof(SEAL_HEAD) - 1 + LOGLINE_SEAL + 2 };

/* Move *at past this text; false if something else is there. */
static bool
take_literal(struct bytes *at, const char *text)
{
	size_t n = strlen(text);

	if (!bytes_starts(*at, text))
		return false;
	at->p += n;
	at->len -= n;
	return true;
}

/* Digits as the writer makes them: no sign, no zero in front. */
static bool
take_number(struct bytes *at, uint64_t *out)
{
	size_t n = 0;
	struct err e;

	while (n < at->len && at->p[n] >= '0' && at->p[n] <= '9')
		n++;
	if (n == 0 || (n > 1 && at->p[0] == '0') ||
	    bytes_to_u64(bytes_make(at->p, n), 0, UINT64_MAX, out, &e) != 0)
		return false;
	at->p += n;
	at->len -= n;
	return true;
}

/* Text up to the next quote; there is no escape in what is taken so. */
static bool
take_text(struct bytes *at, struct bytes *out)
{
	const uint8_t *end = at->len > 0 ? memchr(at->p, '"', at->len) : NULL;

	if (end == NULL)
		return false;
	*out = bytes_make(at->p, (size_t)(end - at->p));
	at->len -= out->len + 1;
	at->p = end + 1;
	return out->len == 0 || memchr(out->p, '\\', out->len) == NULL;
}

static bool
is_hex(struct bytes b)
{
	size_t i;

	for (i = 0; i < b.len; i++)
		if (!(b.p[i] >= '0' && b.p[i] <= '9') &&
		    !(b.p[i] >= 'a' && b.p[i] <= 'f'))
			return false;
	return true;
}

/* Where the quote is that ends a text which begins at `at`; len: nowhere. */
static size_t
find_quote(struct bytes text, size_t at)
{
	const uint8_t *from, *quote, *escape;

	while (at < text.len) {
		from = text.p + at;
		quote = memchr(from, '"', text.len - at);
		if (quote == NULL)
			break;
		escape = memchr(from, '\\', (size_t)(quote - from));
		if (escape == NULL)
			return (size_t)(quote - text.p);
		at = (size_t)(escape - text.p) + 2;
	}
	return text.len;
}

/* Length of the value that text begins with; 0 if it has no end. */
static size_t
value_length(struct bytes text)
{
	size_t i, depth = 0;
	bool quoted = false;

	for (i = 0; i < text.len; i++) {
		uint8_t c = text.p[i];

		if (c == '"') {
			i = find_quote(text, i + 1);
			quoted = i == text.len;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if (c == '}' || c == ']') {
			if (depth == 0)
				return i;
			depth--;
		} else if (c == ',' && depth == 0) {
			return i;
		}
	}
	return quoted || depth > 0 ? 0 : text.len;
}

/*
 * Split what is at the end off: a seal, or only the brace, which a line that was
 * cut may have from an object inside it.
 */
static bool
split_seal(struct bytes line, struct logline *l)
{
	struct bytes tail;

	if (line.len < SEAL_TAIL || line.p[line.len - 1] != '}')
		return false;
	l->sealed = bytes_make(line.p, line.len - SEAL_TAIL);
	tail = bytes_make(line.p + l->sealed.len, SEAL_TAIL);
	if (!bytes_starts(tail, SEAL_HEAD) || tail.p[SEAL_TAIL - 2] != '"') {
		l->sealed = bytes_make(line.p, line.len - 1);
		l->seal = bytes_make(NULL, 0);
		return value_length(line) == line.len;
	}
	l->seal = bytes_make(tail.p + sizeof(SEAL_HEAD) - 1, LOGLINE_SEAL);
	return is_hex(l->seal);
}

bool
logline_parse(struct bytes line, struct logline *out)
{
	struct logline l = { .sequence = 0 };
	struct bytes at;

	if (line.len > LOGLINE_MAX || !split_seal(line, &l))
		return false;
	at = l.sealed;
	if (!take_literal(&at, "{\"v\":1,\"event.sequence\":") ||
	    !take_number(&at, &l.sequence) || l.sequence == 0 ||
	    !take_literal(&at, ",\"@timestamp\":\"") ||
	    !take_text(&at, &l.when) ||
	    !take_literal(&at, ",\"monotonic_ns\":") ||
	    !take_number(&at, &l.mono_ns) ||
	    !take_literal(&at, ",\"event.action\":\"") ||
	    !take_text(&at, &l.action))
		return false;
	if (at.len > 0 && at.p[0] != ',')
		return false;
	l.rest = at;
	*out = l;
	return true;
}

/* In a value each quote is escaped, so that this is found outside of them. */
struct bytes
logline_get(const struct logline *l, const char *key)
{
	struct bytes at = l->rest, none = { NULL, 0 };
	const uint8_t *p, *q;
	char name[80];
	int n;

	n = snprintf(name, sizeof(name), ",\"%s\":", key);
	if (at.len == 0 || n <= 0 || (size_t)n >= sizeof(name))
		return none;
	p = memmem(at.p, at.len, name, (size_t)n);
	if (p == NULL)
		return none;
	p += n;
	at.len -= (size_t)(p - at.p);
	at.p = p;
	if (at.len == 0 || *p != '"')
		return bytes_make(p, value_length(at));
	for (q = ++p; q < p + at.len - 1 && *q != '"'; q++)
		if (*q == '\\')
			q++;
	return bytes_make(p, (size_t)(q - p));
}

bool
logline_next(struct bytes *at, struct bytes *key, struct bytes *value)
{
	struct bytes a = *at, k;

	if (!take_literal(&a, ",\"") || !take_text(&a, &k) ||
	    !take_literal(&a, ":"))
		return false;
	value->p = a.p;
	value->len = value_length(a);
	if (value->len == 0 || k.len == 0)
		return false;
	*key = k;
	*at = bytes_make(a.p + value->len, a.len - value->len);
	return true;
}

uint64_t
logline_get_u64(const struct logline *l, const char *key, uint64_t otherwise)
{
	struct bytes text = logline_get(l, key);
	uint64_t value;
	struct err e;

	if (text.len == 0 || bytes_to_u64(text, 0, UINT64_MAX, &value, &e) != 0)
		return otherwise;
	return value;
}

/* Two or four digits at i of the time; -1 if they are none. */
static int
read_digits(struct bytes b, size_t i, size_t n)
{
	int v = 0;

	for (; n > 0 && i < b.len; n--, i++) {
		if (b.p[i] < '0' || b.p[i] > '9')
			return -1;
		v = 10 * v + (b.p[i] - '0');
	}
	return n == 0 ? v : -1;
}

uint64_t
logline_wall_us(const struct logline *l)
{
	struct bytes t = l->when;
	int y = read_digits(t, 0, 4), m = read_digits(t, 5, 2),
	    d = read_digits(t, 8, 2);
	int h = read_digits(t, 11, 2), min = read_digits(t, 14, 2),
	    s = read_digits(t, 17, 2);
	int us = read_digits(t, 20, 6);
	int64_t day;

	if (y < 1970 || m < 1 || d < 1 || h < 0 || min < 0 || s < 0 || us < 0)
		return 0;
	/* Days since 1970 with the year beginning in March. */
	y -= m < 3;
	m += m < 3 ? 9 : -3;
	day = 365LL * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + d -
	      719469;
	return ((uint64_t)(day * 24 + h) * 3600 + (uint64_t)(min * 60 + s)) *
		   1000000 +
	       (uint64_t)us;
}

bool
logline_is(const struct logline *l, const char *action)
{
	return bytes_eq_str(l->action, action);
}
