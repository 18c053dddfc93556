/* SPDX-License-Identifier: MIT */
/*
 * bytes: borrowed slices and owned, bounded buffers; used by every process.
 * Trusts no length: all size arithmetic is checked.
 */
#include "common/bytes.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/decimal.h"

enum { BYTES_MIN_CAP = 64 }; /* first allocation of a buf */

struct bytes
bytes_of(const char *str)
{
	return bytes_make(str, str != NULL ? strlen(str) : 0);
}

struct bytes
bytes_make(const void *p, size_t len)
{
	return (struct bytes){ p, len };
}

bool
bytes_eq(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

bool
bytes_eq_str(struct bytes a, const char *str)
{
	return bytes_eq(a, bytes_of(str));
}

bool
bytes_starts(struct bytes a, const char *prefix)
{
	size_t n = strlen(prefix);

	return n == 0 || (a.len >= n && memcmp(a.p, prefix, n) == 0);
}

bool
bytes_only(struct bytes a, const char *also)
{
	for (size_t i = 0; i < a.len; i++) {
		uint8_t c = a.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') &&
		    (c == '\0' || strchr(also, c) == NULL))
			return false;
	}
	return true;
}

struct bytes
bytes_trim(struct bytes s)
{
	while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.len--;
	}
	while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
		s.len--;
	return s;
}

bool
bytes_has_nul(struct bytes a)
{
	return a.len > 0 && memchr(a.p, 0, a.len) != NULL;
}

bool
bytes_is_open_sentence(struct bytes a)
{
	/* what ends in a byte beyond ASCII may end in another script's stop */
	return a.len > 0 && a.p[a.len - 1] < 0x80 &&
	       memchr(".!?:;)", a.p[a.len - 1], 6) == NULL;
}

bool
bytes_eq_secret(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *x = a, *y = b;
	unsigned diff = 0;

	for (size_t i = 0; i < n; i++)
		diff |= (unsigned)(x[i] ^ y[i]);
	return diff == 0;
}

int
bytes_to_str(struct bytes b, char *out, size_t size, struct err *e)
{
	if (b.len >= size)
		return err_set(e, ERR_BAD,
		    "too long: %zu bytes, at most %zu are allowed", b.len,
		    size > 0 ? size - 1 : 0);
	if (bytes_has_nul(b))
		return err_set(e, ERR_BAD, "must not hold a NUL byte");
	if (b.len > 0)
		(void)memcpy(out, b.p, b.len);
	out[b.len] = '\0';
	return 0;
}

int
bytes_to_u64(
    struct bytes b, uint64_t lo, uint64_t hi, uint64_t *out, struct err *e)
{
	uint64_t v = 0;
	bool big = false;

	if (b.len == 0)
		return err_set(e, ERR_BAD, "is empty, a number is needed");
	for (size_t i = 0; i < b.len; i++) {
		if (b.p[i] < '0' || b.p[i] > '9')
			return err_set(
			    e, ERR_BAD, "is not a number of decimal digits");
		big = big || __builtin_mul_overflow(v, (uint64_t)10, &v) ||
		      __builtin_add_overflow(v, (uint64_t)(b.p[i] - '0'), &v);
	}
	if (big || v < lo || v > hi)
		return err_set(
		    e, ERR_BAD, "must be from %" PRIu64 " to %" PRIu64, lo, hi);
	*out = v;
	return 0;
}

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void
buf_fini(struct buf *b)
{
	free(b->p);
	buf_init(b, b->max);
}

void
buf_wipe(struct buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->cap);
	buf_fini(b);
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	b->overflow = false;
}

/*
 * Make room for n more bytes and one NUL, which alone may lie beyond max.
 * On failure the buf turns sticky.
 */
static bool
buf_reserve(struct buf *b, size_t n)
{
	size_t want, cap;
	uint8_t *p;

	if (b->overflow)
		return false;
	b->overflow = true;
	if (__builtin_add_overflow(b->len, n, &want) || want > b->max ||
	    __builtin_add_overflow(want, (size_t)1, &want))
		return false;
	if (want > b->cap) {
		if (__builtin_mul_overflow(b->cap, (size_t)2, &cap))
			cap = want;
		if (cap > b->max && b->max < SIZE_MAX)
			cap = b->max + 1;
		if (cap < BYTES_MIN_CAP && b->max >= BYTES_MIN_CAP)
			cap = BYTES_MIN_CAP;
		if (cap < want)
			cap = want;
		if ((p = realloc(b->p, cap)) == NULL)
			return false;
		b->p = p;
		b->cap = cap;
	}
	b->overflow = false;
	return true;
}

void
buf_expect(struct buf *b, size_t n)
{
	if (b->overflow || n > b->max - b->len)
		return;
	(void)buf_reserve(b, n);
	b->overflow = false; /* what finds no memory is seen when it is put */
}

void
buf_put(struct buf *b, const void *p, size_t len)
{
	if (len == 0 || !buf_reserve(b, len))
		return;
	(void)memcpy(b->p + b->len, p, len);
	b->len += len;
}

void
buf_put_bytes(struct buf *b, struct bytes s)
{
	buf_put(b, s.p, s.len);
}

void
buf_put_str(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void
buf_put_u8(struct buf *b, uint8_t c)
{
	buf_put(b, &c, 1);
}

void
buf_put_u64(struct buf *b, uint64_t n)
{
	char digits[DECIMAL_MAX], *end = decimal_put(digits, n);

	buf_put(b, digits, (size_t)(end - digits));
}

/* At once where there is room, as there mostly is; else a second time. */
void
buf_printf(struct buf *b, const char *fmt, ...)
{
	size_t room = b->overflow ? 0 : b->cap - b->len;
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(room > 0 ? (char *)b->p + b->len : NULL, room, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->overflow = true;
	} else if ((size_t)n < room) {
		b->len += (size_t)n;
	} else if (n > 0 && buf_reserve(b, (size_t)n)) {
		(void)vsnprintf(
		    (char *)b->p + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void
buf_consume(struct buf *b, size_t n)
{
	if (n >= b->len) {
		b->len = 0;
		return;
	}
	(void)memmove(b->p, b->p + n, b->len - n);
	b->len -= n;
}

struct bytes
buf_bytes(const struct buf *b)
{
	return bytes_make(b->p, b->len);
}

const char *
buf_cstr(struct buf *b)
{
	if (!buf_reserve(b, 0))
		return "";
	b->p[b->len] = '\0';
	return (const char *)b->p;
}
