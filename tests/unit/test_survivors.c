/* SPDX-License-Identifier: MIT */
/* test_survivors: for how long a hand-over holds, and where there is none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "executor/service/survivors.h"

static char dir[] = "/tmp/test_survivors.XXXXXX";
static time_t later_s;

/* The module's clock. */
int
clock_gettime(clockid_t id, struct timespec *t)
{
	int rc = (int)syscall(SYS_clock_gettime, id, t);

	t->tv_sec += later_s;
	return rc;
}

static struct conf
conf_of(uint32_t grace_ms)
{
	struct conf c;

	memset(&c, 0, sizeof(c));
	(void)snprintf(c.control, sizeof(c.control), "%s/control.sock", dir);
	c.survive_grace_ms = grace_ms;
	return c;
}

/* A stop that comes a minute later is one for good. */
static void
test_expires(void **state)
{
	const struct conf c = conf_of(1000);
	struct err e = { 0 };

	(void)state;
	survivors_find(&c);
	assert_false(survivors_are_handed_over());
	assert_int_equal(survivors_hand_over(&e), 0);
	assert_true(survivors_are_handed_over());
	later_s = 58;
	assert_true(survivors_are_handed_over());
	later_s = 61;
	assert_false(survivors_are_handed_over());
	assert_int_equal(survivors_hand_over(&e), 0);
	assert_true(survivors_are_handed_over());
	later_s = 0;
	survivors_stop(false);
}

/* Nobody would hold a job: the administrator is told so. */
static void
test_nothing_survives(void **state)
{
	const struct conf c = conf_of(0);
	struct err e = { 0 };

	(void)state;
	survivors_find(&c);
	later_s = 1000; /* what was handed over before is over */
	assert_int_equal(survivors_hand_over(&e), ERR_BAD);
	assert_non_null(strstr(e.what, "survive_grace_ms"));
	assert_false(survivors_are_handed_over());
	later_s = 0;
	survivors_stop(false);
}

/* A directory that others may write holds no job either. */
static void
test_open_directory(void **state)
{
	struct conf c = conf_of(1000);
	char held[4200];
	struct err e = { 0 };

	(void)state;
	(void)snprintf(c.control, sizeof(c.control), "%s/open.sock", dir);
	(void)snprintf(held, sizeof(held), "%s.jobs", c.control);
	assert_int_equal(mkdir(held, 0700), 0);
	assert_int_equal(chmod(held, 0770), 0);
	survivors_find(&c);
	assert_int_equal(survivors_hand_over(&e), ERR_BAD);
	survivors_stop(false);
	assert_int_equal(chmod(held, 0700), 0);
	survivors_find(&c);
	assert_int_equal(survivors_hand_over(&e), 0);
	survivors_stop(false);
}

static int
make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL;
}

static int
remove_dir(void **state)
{
	char path[4200];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/control.sock.jobs", dir);
	(void)rmdir(path);
	(void)snprintf(path, sizeof(path), "%s/open.sock.jobs", dir);
	(void)rmdir(path);
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expires),
		cmocka_unit_test(test_nothing_survives),
		cmocka_unit_test(test_open_directory),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
