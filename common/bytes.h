/* SPDX-License-Identifier: MIT */
/*
 * bytes: borrowed slices and owned, bounded buffers.
 *
 * struct bytes borrows memory that somebody else owns; text from outside
 * travels as bytes, never as char *.  struct buf owns its memory and can
 * never grow beyond max.  A buf that could not grow (no memory, or max
 * reached) turns sticky: overflow is set, further appends do nothing, so that
 * a caller checks once at the end.
 */
#ifndef COMMON_BYTES_H
#define COMMON_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct bytes {
	const uint8_t *p; /* not NUL-terminated; may be NULL when len 0 */
	size_t len;
};

struct buf {
	uint8_t *p; /* owned */
	size_t len; /* bytes used */
	size_t cap; /* bytes allocated */
	size_t max; /* bytes that it may ever hold */
	bool overflow; /* an append did not fit: contents are cut */
};

#define BYTES_LIT(s) ((struct bytes){ (const uint8_t *)(s), sizeof(s) - 1 })

struct bytes bytes_of(const char *str); /* str may be NULL: empty */
struct bytes bytes_make(const void *p, size_t len);
bool bytes_eq(struct bytes a, struct bytes b);
bool bytes_eq_str(struct bytes a, const char *str);
bool bytes_starts(struct bytes a, const char *prefix);
bool bytes_has_nul(struct bytes a);
/* Text of people that needs a full stop before more text follows it. */
bool bytes_is_open_sentence(struct bytes a);
/* Only ASCII letters, digits and characters of also; true if it is empty. */
bool bytes_only(struct bytes a, const char *also);
/* Without spaces and tabs around it (RFC 9110 section 5.6.3, OWS). */
struct bytes bytes_trim(struct bytes s);
/* Compare n bytes in a time that does not depend on what they hold. */
bool bytes_eq_secret(const void *a, const void *b, size_t n);
/* Copy into a NUL-terminated array; ERR_BAD if it does not fit or holds NUL. */
int bytes_to_str(
    struct bytes b, char *out, size_t size, struct err *e) MUST_CHECK;
/* Decimal digits only, no sign; ERR_BAD unless lo <= value <= hi. */
int bytes_to_u64(struct bytes b, uint64_t lo, uint64_t hi, uint64_t *out,
    struct err *e) MUST_CHECK;

void buf_init(struct buf *b, size_t max); /* allocates nothing yet */
void buf_fini(struct buf *b); /* frees; b may be used again */
void buf_wipe(struct buf *b); /* explicit_bzero, then fini */
void buf_reset(struct buf *b); /* empty, keeps the memory */
/* About n more bytes will come: grow once, not by and by.  It cannot fail. */
void buf_expect(struct buf *b, size_t n);
void buf_put(struct buf *b, const void *p, size_t len);
void buf_put_bytes(struct buf *b, struct bytes s);
void buf_put_str(struct buf *b, const char *s);
void buf_put_u8(struct buf *b, uint8_t c);
void buf_put_u64(struct buf *b, uint64_t n); /* in decimal */
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Drop n bytes (at most len) from the front. */
void buf_consume(struct buf *b, size_t n);
struct bytes buf_bytes(const struct buf *b);
/* NUL-terminate (the NUL is not counted) and lend the text; "" on overflow. */
const char *buf_cstr(struct buf *b);

#endif
