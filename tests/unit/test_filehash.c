/* SPDX-License-Identifier: MIT */
/* Tests of executor/filehash. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "executor/launcher/filehash.h"
#include "tests/unit/fixture_fds.h"
#include "tests/unit/fixture_skip.h"

static char path[64], link_path[80];

static void
fill(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static struct filehash_version
look(void)
{
	struct filehash_version v;

	assert_true(filehash_look(AT_FDCWD, path, &v, NULL));
	return v;
}

/* As if its last change were long ago. */
static struct filehash_version
look_settled(void)
{
	struct filehash_version v = look();

	v.changed.tv_sec -= 100;
	return v;
}

static void
need_near(void)
{
	struct stat st, here;

	filehash_prepare();
	assert_int_equal(stat("/", &st), 0);
	assert_int_equal(stat(path, &here), 0);
	if (st.st_dev != here.st_dev)
		SKIP("only another file system can be written to here");
}

static void
test_digest(void **state)
{
	uint8_t sum[DIGEST_BYTES], want[DIGEST_BYTES];
	struct filehash_version v;
	bool remember;
	int i;

	(void)state;
	need_near();
	for (i = 0; i < 3; i++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "version %d", i);
		fill(text);
		v = look();
		digest_sha256(bytes_of(text), want);
		assert_true(filehash_get(AT_FDCWD, path, &v, sum, &remember));
		assert_memory_equal(sum, want, DIGEST_BYTES);
		/* It may be written to again within a tick of its clock. */
		assert_false(remember);
	}
}

/* What an executor remembers, a guard need not read. */
static void
test_remember(void **state)
{
	uint8_t sum[DIGEST_BYTES], want[DIGEST_BYTES];
	struct filehash_version v;
	bool remember;

	(void)state;
	need_near();
	fill("remembered");
	v = look_settled();
	/* Not what is there: the times differ. */
	assert_false(filehash_get(AT_FDCWD, path, &v, sum, &remember));
	assert_false(remember);
	digest_sha256(bytes_of("remembered"), want);
	filehash_remember(&v, want);
	assert_true(filehash_get(AT_FDCWD, path, &v, sum, &remember));
	assert_memory_equal(sum, want, DIGEST_BYTES);
	assert_false(remember); /* that is known */
	v.changed.tv_nsec ^= 1;
	assert_false(filehash_get(AT_FDCWD, path, &v, sum, &remember));
}

/* A program of the system has been there for long. */
static void
test_settled(void **state)
{
	uint8_t sum[DIGEST_BYTES], again[DIGEST_BYTES];
	struct filehash_version v;
	bool remember;

	(void)state;
	filehash_prepare();
	assert_true(filehash_look(AT_FDCWD, "/bin/true", &v, NULL));
	if (!filehash_get(AT_FDCWD, "/bin/true", &v, sum, &remember))
		SKIP("/bin/true is on a file system that is not remembered");
	assert_true(remember);
	assert_true(filehash_get(AT_FDCWD, "/bin/true", &v, again, &remember));
	assert_memory_equal(sum, again, DIGEST_BYTES);
	assert_false(remember);
}

static void
test_another(void **state)
{
	uint8_t sum[DIGEST_BYTES];
	struct filehash_version v = look();
	bool remember;
	int fd;

	(void)state;
	v.inode++;
	assert_false(filehash_get(AT_FDCWD, path, &v, sum, &remember));
	v = look();
	v.device++;
	assert_false(filehash_get(AT_FDCWD, path, &v, sum, &remember));
	assert_false(filehash_look(AT_FDCWD, "/nonexistent", &v, NULL));
	assert_false(filehash_look(AT_FDCWD, "/dev/zero", &v, NULL));
	assert_false(filehash_look(AT_FDCWD, "/", &v, NULL));
	/* A memory file can be written to while it runs. */
	fd = memfd_create("x", MFD_CLOEXEC);
	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, "x", 1), 1);
	(void)snprintf(link_path, sizeof(link_path), "/proc/self/fd/%d", fd);
	assert_true(filehash_look(AT_FDCWD, link_path, &v, NULL));
	assert_false(filehash_get(AT_FDCWD, link_path, &v, sum, &remember));
	assert_int_equal(close(fd), 0);
}

/* What is large is not read, nor too much in one second. */
static void
test_cost(void **state)
{
	uint8_t sum[DIGEST_BYTES];
	struct filehash_version v;
	int i, read_ones = 0;
	bool remember;

	(void)state;
	need_near();
	assert_int_equal(truncate(path, FILEHASH_MAX_FILE + 1), 0);
	v = look();
	assert_false(filehash_get(AT_FDCWD, path, &v, sum, &remember));
	for (i = 0; i < 6; i++) {
		assert_int_equal(truncate(path, FILEHASH_MAX_FILE - i), 0);
		v = look();
		read_ones += filehash_get(AT_FDCWD, path, &v, sum, &remember);
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
		FDS_KEPT(test_digest),
		FDS_KEPT(test_remember),
		FDS_KEPT(test_settled),
		FDS_KEPT(test_another),
		FDS_KEPT(test_cost),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
