/* SPDX-License-Identifier: MIT */
/*
 * wipe: the allocator's functions, with what is freed overwritten; both
 * processes.
 *
 * "Replacing malloc" of the GNU C Library's manual: functions of the program
 * take the place of the library's, also for other libraries.  All of them
 * are here, so that no other allocator can come between (LD_PRELOAD).
 */
#include "common/wipe.h"

#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__) && !defined(UNLOCKED)
#define UNLOCKED
#endif
#if defined(__has_feature) && !defined(UNLOCKED)
#if __has_feature(address_sanitizer)
#define UNLOCKED
#endif
#endif

/* What is returned here is the caller's, who frees it. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

enum {
	WIPE_STACK = 64 << 10, /* bytes; deeper than any request gets */
	WIPE_SHRINK = 4, /* realloc() to less than this part moves the block */
	WIPE_UNIT = 64 << 10, /* bytes; whole pages on every architecture */
	WIPE_DROPPED = 8 * WIPE_UNIT /* bytes: from here on pages are dropped */
};

void
wipe_stack(void)
{
	uint8_t below[WIPE_STACK];

	explicit_bzero(below, sizeof(below));
}

#if !defined(__GLIBC__) || defined(UNLOCKED)

bool
wipe_is_on(void)
{
	return false;
}

#else

bool
wipe_is_on(void)
{
	return true;
}

/* The C library's own, under the names that it keeps for this. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *p);

/* Parameters are named as in its headers, which clang-tidy wants. */

void *
malloc(size_t size)
{
	return __libc_malloc(size);
}

void *
calloc(size_t nmemb, size_t size)
{
	return __libc_calloc(nmemb, size);
}

/*
 * Of a large block whole pages are dropped: they read as zeroes from then on,
 * and those that were never touched cost nothing, as half of a buffer often is.
 */
static void
wipe_block(void *p, size_t len)
{
	size_t head = WIPE_UNIT - (uintptr_t)p % WIPE_UNIT, middle;
	uint8_t *at = p;

	if (len >= WIPE_DROPPED) {
		middle = (len - head) / WIPE_UNIT * WIPE_UNIT;
		if (madvise(at + head, middle, MADV_DONTNEED) == 0) {
			explicit_bzero(at, head);
			at += head + middle;
			len -= head + middle;
		}
	}
	explicit_bzero(at, len);
}

void
free(void *ptr)
{
	int saved = errno;

	if (ptr == NULL)
		return;
	wipe_block(ptr, malloc_usable_size(ptr));
	__libc_free(ptr);
	errno = saved;
}

void *
realloc(void *ptr, size_t size)
{
	size_t had = ptr == NULL ? 0 : malloc_usable_size(ptr);
	void *moved;

	if (ptr != NULL && size == 0) {
		free(ptr);
		return NULL;
	}
	/* a block that shrank in place would leave its end to the next owner */
	if (size <= had && size >= had / WIPE_SHRINK)
		return ptr;
	moved = __libc_malloc(size);
	if (moved == NULL || ptr == NULL)
		return moved;
	(void)memcpy(moved, ptr, size < had ? size : had);
	free(ptr);
	return moved;
}

void *
reallocarray(void *ptr, size_t nmemb, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(nmemb, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(ptr, bytes);
}

void *
memalign(size_t alignment, size_t size)
{
	return __libc_memalign(alignment, size);
}

void *
aligned_alloc(size_t alignment, size_t size)
{
	return __libc_memalign(alignment, size);
}

int
posix_memalign(void **memptr, size_t alignment, size_t size)
{
	void *p;

	if (alignment % sizeof(void *) != 0 || alignment == 0 ||
	    (alignment & (alignment - 1)) != 0)
		return EINVAL;
	p = __libc_memalign(alignment, size);
	if (p == NULL)
		return ENOMEM;
	*memptr = p;
	return 0;
}

#endif
