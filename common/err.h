/* SPDX-License-Identifier: MIT */
/*
 * err: one error value for every function that can fail.
 *
 * A function that can fail takes a struct err * as its last argument and
 * returns 0, or a negative enum err_code.  On failure it sets the value
 * exactly once and leaves its out-parameters alone; on success it leaves the
 * value alone.  A caller may add context with err_wrap() on the way up.
 * The value lives on the caller's stack; nothing is allocated.
 */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

#include <stddef.h>

#define MUST_CHECK        __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

enum {
	ERR_MAX_WHAT = 512 /* bytes of text, with the NUL */
};

enum err_code {
	ERR_OK = 0,
	ERR_BAD = -1, /* input is bad: tell the sender */
	ERR_BUSY = -2, /* a resource is short: refuse this request */
	ERR_SYS = -3, /* a system call failed, see sysno */
	ERR_DENIED = -4, /* not permitted by policy */
	ERR_PROTO = -5, /* the peer broke the frame protocol */
	ERR_AGAIN = -6, /* nothing to do now, try when ready */
	ERR_EOF = -7 /* the peer is gone */
};

struct err {
	enum err_code code;
	int sysno; /* errno of ERR_SYS, else 0 */
	char what[ERR_MAX_WHAT];
};

/* Set *e and return code, so that `return err_set(e, ERR_BAD, ...)` works. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* The same for a failed system call: errno is kept and its text appended. */
int err_sys(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ERR_BUSY, for lack of memory. */
int err_memory(struct err *e);
/* calloc(3); NULL: as err_memory. */
void *err_alloc(size_t n, size_t size, struct err *e)
    __attribute__((malloc, alloc_size(1, 2))) MUST_CHECK;

/* Put "context: " before what is there; returns e->code. */
int err_wrap(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
