/* SPDX-License-Identifier: MIT */
/* wipe: what is given back holds nothing any more. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/wipe.h"

enum {
	MANY = 4096,
	LINKS = 32, /* that the allocator puts into free memory */
	LARGE = 8 << 20
};

static const char secret[] = "mxt_0123456789abcdefghijklmnopqrstuvwxyz";

/* What lies there, whatever owns it: bytes of the secret that were found. */
static bool
is_there(uintptr_t at, size_t len)
{
	static char copy[MANY];
	struct iovec to = { copy, len }, from = { (void *)at, len };

	assert_true(len <= sizeof(copy));
	assert_int_equal(
	    process_vm_readv(getpid(), &to, 1, &from, 1, 0), (ssize_t)len);
	return memmem(copy, len, secret + 8, 16) != NULL;
}

static char *
filled(size_t len)
{
	char *p = malloc(len);

	assert_non_null(p);
	for (size_t i = 0; i + sizeof(secret) <= len; i += sizeof(secret))
		memcpy(p + i, secret, sizeof(secret));
	assert_true(is_there((uintptr_t)p, len < MANY ? len : MANY));
	return p;
}

static void
test_freed(void **state)
{
	(void)state;
	for (size_t len = 64; len <= MANY; len *= 2) {
		char *p = filled(len);
		uintptr_t at = (uintptr_t)p;

		free(p);
		assert_false(is_there(at, len));
	}
	free(NULL);
}

/* Bytes of it that are in memory, by mincore(2). */
static size_t
resident(const char *p, size_t len)
{
	static unsigned char pages[LARGE / MANY + 1];
	size_t n = 0;

	p += MANY - (uintptr_t)p % MANY;
	len -= MANY;
	assert_int_equal(mincore((void *)(uintptr_t)p, len, pages), 0);
	for (size_t i = 0; i < (len + MANY - 1) / MANY; i++)
		n += (pages[i] & 1) * (size_t)MANY;
	return n;
}

/* On the heap, where what is free stays mapped; what follows it holds it. */
static void
test_large(void **state)
{
	char *p, *behind;
	uintptr_t at;

	(void)state;
	assert_int_equal(mallopt(M_MMAP_THRESHOLD, 2 * LARGE), 1);
	assert_int_equal(mallopt(M_TRIM_THRESHOLD, 4 * LARGE), 1);
	for (size_t len = LARGE; len > LARGE / 16; len = len / 2 - 12345) {
		p = filled(len);
		at = (uintptr_t)p;
		behind = filled(64);
		free(p);
		for (size_t i = 0; i + MANY <= len; i += MANY)
			assert_false(is_there(at + i, MANY));
		assert_false(is_there(at + len - MANY, MANY));
		free(behind);
	}
}

/* What was never touched is not touched in order to wipe it. */
static void
test_untouched(void **state)
{
	char *p = malloc(LARGE), *behind = malloc(64);

	(void)state;
	assert_non_null(p);
	assert_non_null(behind);
	free(p);
	p = malloc(LARGE);
	assert_non_null(p);
	assert_true(resident(p, LARGE) < LARGE / 16);
	memset(p, 1, LARGE);
	assert_true(resident(p, LARGE) > LARGE / 2);
	free(p);
	free(behind);
}

static void
test_realloc_moves(void **state)
{
	char *p = filled(MANY / 2);
	uintptr_t at = (uintptr_t)p;
	/* so that it cannot grow where it is */
	char *behind = filled(64), *q = realloc(p, MANY);

	(void)state;
	assert_non_null(q);
	assert_int_not_equal((uintptr_t)q, at);
	assert_true(is_there((uintptr_t)q, MANY / 2));
	assert_false(is_there(at, MANY / 2));
	free(q);
	free(behind);
}

static void
test_realloc_shrinks(void **state)
{
	char *p = filled(MANY);
	uintptr_t at = (uintptr_t)p;
	char *q = realloc(p, 64);

	(void)state;
	assert_non_null(q);
	assert_memory_equal(q, secret, sizeof(secret));
	assert_false(is_there(at + LINKS, MANY - LINKS));
	free(q);
}

static void
test_realloc_edges(void **state)
{
	char *p = realloc(NULL, 16), *q;

	(void)state;
	assert_non_null(p);
	memcpy(p, "0123456789abcde", 16);
	q = realloc(p, 1000);
	assert_non_null(q);
	assert_string_equal(q, "0123456789abcde");
	q = reallocarray(q, 10, 10);
	assert_non_null(q);
	assert_string_equal(q, "0123456789abcde");
	free(q);
}

static void
test_alignment(void **state)
{
	void *p = NULL;

	(void)state;
	assert_int_equal(posix_memalign(&p, 4096, 100), 0);
	assert_int_equal((uintptr_t)p % 4096, 0);
	free(p);
	p = aligned_alloc(64, 128);
	assert_non_null(p);
	assert_int_equal((uintptr_t)p % 64, 0);
	free(p);
}

/* Leaves it on the stack. */
static __attribute__((noinline)) void
leave(uintptr_t *at)
{
	volatile char on_stack[256];

	for (size_t i = 0; i < sizeof(secret); i++)
		on_stack[i] = secret[i];
	*at = (uintptr_t)on_stack;
}

static void
test_stack(void **state)
{
	uintptr_t at = 0;

	(void)state;
	leave(&at);
	assert_true(is_there(at, sizeof(secret)));
	leave(&at);
	wipe_stack();
	assert_false(is_there(at, sizeof(secret)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_freed),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_untouched),
		cmocka_unit_test(test_realloc_moves),
		cmocka_unit_test(test_realloc_shrinks),
		cmocka_unit_test(test_realloc_edges),
		cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_stack),
	};
	const struct CMUnitTest others[] = {
		cmocka_unit_test(test_realloc_edges),
		cmocka_unit_test(test_alignment),
	};

	/* a checker's allocator may be in its place */
	return wipe_is_on()
		   ? cmocka_run_group_tests(tests, NULL, NULL)
		   : cmocka_run_group_tests_name("wipe", others, NULL, NULL);
}
