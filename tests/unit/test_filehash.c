/* SPDX-License-Identifier: MIT */
/* Tests of executor/filehash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "executor/run/filehash.h"

static char path[64], link_path[80];

static void
fill(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static struct stat
look(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st;
}

static void
test_digest(void **state)
{
	uint8_t sum[DIGEST_BYTES], want[DIGEST_BYTES];
	struct stat st;
	int i;

	(void)state;
	assert_int_equal(stat("/", &st), 0);
	if (st.st_dev != look().st_dev)
		skip(); /* only another file system can be written to here */
	for (i = 0; i < 3; i++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "version %d", i);
		fill(text);
		st = look();
		digest_sha256(bytes_of(text), want);
		assert_true(filehash_get(path, st.st_dev, st.st_ino, sum));
		assert_memory_equal(sum, want, DIGEST_BYTES);
		/* Remembered. */
		memset(sum, 0, sizeof(sum));
		assert_true(filehash_get(path, st.st_dev, st.st_ino, sum));
		assert_memory_equal(sum, want, DIGEST_BYTES);
		/* The clock of a file system need not be finer. */
		assert_int_equal(usleep(20000), 0);
	}
}

static void
test_another(void **state)
{
	uint8_t sum[DIGEST_BYTES];
	struct stat st = look();

	(void)state;
	assert_false(filehash_get(path, st.st_dev, st.st_ino + 1, sum));
	assert_false(filehash_get(path, st.st_dev + 1, st.st_ino, sum));
	assert_false(filehash_get("/nonexistent", st.st_dev, st.st_ino, sum));
	assert_int_equal(symlink(path, link_path), 0);
	assert_false(filehash_get(link_path, st.st_dev, st.st_ino, sum));
	assert_int_equal(unlink(link_path), 0);
	assert_int_equal(stat("/dev/zero", &st), 0);
	assert_false(filehash_get("/dev/zero", st.st_dev, st.st_ino, sum));
	assert_int_equal(stat("/", &st), 0);
	assert_false(filehash_get("/", st.st_dev, st.st_ino, sum));
}

/* What is large is not read, nor too much in one second. */
static void
test_cost(void **state)
{
	uint8_t sum[DIGEST_BYTES];
	struct stat st;
	int i, read_ones = 0;

	(void)state;
	assert_int_equal(truncate(path, FILEHASH_MAX_FILE + 1), 0);
	st = look();
	assert_false(filehash_get(path, st.st_dev, st.st_ino, sum));
	for (i = 0; i < 6; i++) {
		assert_int_equal(truncate(path, FILEHASH_MAX_FILE - i), 0);
		st = look();
		read_ones += filehash_get(path, st.st_dev, st.st_ino, sum);
	}
	assert_true(read_ones >= 1);
}

static int
set_up(void **state)
{
	int fd;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/filehash.XXXXXX",
	    access("/opt", W_OK) == 0 ? "/opt" : "/tmp");
	fd = mkstemp(path);
	(void)snprintf(link_path, sizeof(link_path), "%s.link", path);
	return fd == -1 ? -1 : close(fd);
}

static int
tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_another),
		cmocka_unit_test(test_cost),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
