/* SPDX-License-Identifier: MIT */
/* test_rest: pages of zeros are given back, and nothing else changes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/rest.h"
#include "common/wipe.h"

enum {
	PAGES = 32,
	MOST_PAGE = 65536,
	KEPT = 17, /* a page with something in it */
	BLOCKS = 40,
	BLOCK = 20000, /* bytes; larger than a page, smaller than a mapping */
	LARGE = 3 << 20, /* bytes; of more than one turn */
	LOOK_MS = 20,
	GIVE_UP = 1500 /* looks */
};

static uint8_t table[(PAGES + 1) * MOST_PAGE];

static size_t
page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static uint8_t *
page_of(size_t i)
{
	const uintptr_t page = page_size();
	const uintptr_t from = ((uintptr_t)table + page - 1) / page * page;

	return (uint8_t *)(from + i * page);
}

static bool
is_there(const void *at)
{
	unsigned char found = 0;

	assert_int_equal(
	    mincore((void *)(uintptr_t)at, page_size(), &found), 0);
	return (found & 1) != 0;
}

/* Pages that were used, all of zeros again but one. */
static void
test_static_data(void **state)
{
	const size_t len = PAGES * page_size();

	(void)state;
	if (!wipe_is_on())
		skip();
	rest_prepare();
	memset(page_of(0), 1, len);
	memset(page_of(0), 0, len);
	page_of(KEPT)[page_size() - 1] = 7;
	for (size_t i = 0; i < PAGES; i++)
		assert_true(is_there(page_of(i)));
	assert_true(rest_now() >= (PAGES - 1) * page_size());
	for (size_t i = 0; i < PAGES; i++)
		assert_int_equal(is_there(page_of(i)), i == KEPT);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(
		    page_of(0)[i], i == (KEPT + 1) * page_size() - 1 ? 7 : 0);
}

static uint8_t *
new_block(uint8_t fill, uint8_t last)
{
	uint8_t *p = malloc(BLOCK);

	assert_non_null(p);
	memset(p, fill, BLOCK - 1);
	p[BLOCK - 1] = last;
	return p;
}

static void
check_block(const uint8_t *p, uint8_t fill, uint8_t last)
{
	for (size_t i = 0; i < BLOCK - 1; i++)
		assert_int_equal(p[i], fill);
	assert_int_equal(p[BLOCK - 1], last);
}

/* What blocks hold is the same afterwards, and what was freed can be used. */
static void
test_heap(void **state)
{
	uint8_t *block[BLOCKS];
	size_t i;

	(void)state;
	if (!wipe_is_on())
		skip();
	rest_prepare();
	for (i = 0; i < BLOCKS; i++)
		block[i] = new_block((uint8_t)(i % 2), (uint8_t)i);
	assert_true(rest_now() >= BLOCKS / 2 * page_size());
	for (i = 0; i < BLOCKS; i++)
		check_block(block[i], (uint8_t)(i % 2), (uint8_t)i);
	for (i = 0; i < BLOCKS; i += 2)
		free(block[i]);
	(void)rest_now();
	for (i = 0; i < BLOCKS; i += 2)
		block[i] = new_block(5, (uint8_t)i);
	for (i = 0; i < BLOCKS; i++) {
		check_block(block[i], i % 2 == 1 ? 1 : 5, (uint8_t)i);
		free(block[i]);
	}
}

static struct {
	struct loop *loop;
	struct loop_timer timer;
	const uint8_t *last; /* of what is to be given back */
	unsigned looks;
} waiting;

static void
on_look(void *arg)
{
	(void)arg;
	if (!is_there(waiting.last) || ++waiting.looks == GIVE_UP)
		loop_stop(waiting.loop);
	else
		loop_timer_set(waiting.loop, &waiting.timer, LOOK_MS);
}

static void
wait_in_loop(const uint8_t *last)
{
	struct err e;

	waiting.last = last;
	waiting.timer.handler = on_look;
	loop_timer_set(waiting.loop, &waiting.timer, LOOK_MS);
	assert_int_equal(loop_run(waiting.loop, &e), 0);
	assert_true(waiting.looks < GIVE_UP);
}

/* Memory that was added, by the loop, after the work. */
static void
test_loop(void **state)
{
	struct err e;
	uint8_t *own = mmap(NULL, LARGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	if (!wipe_is_on())
		skip();
	assert_true(own != MAP_FAILED);
	rest_prepare();
	waiting.loop = loop_new(&e);
	assert_non_null(waiting.loop);
	rest_begin(waiting.loop);
	rest_add(own, LARGE);
	memset(own, 1, LARGE);
	memset(own, 0, LARGE);
	own[0] = 9;
	assert_true(is_there(own + LARGE - page_size()));
	rest_touch();
	wait_in_loop(own + LARGE - page_size());
	assert_true(is_there(own));
	assert_int_equal(own[0], 9);
	assert_int_equal(own[LARGE - 1], 0);
	rest_end();
	rest_touch(); /* nothing happens */
	loop_free(waiting.loop);
	(void)munmap(own, LARGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_static_data),
		cmocka_unit_test(test_heap),
		cmocka_unit_test(test_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
