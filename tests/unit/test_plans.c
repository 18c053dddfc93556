/* SPDX-License-Identifier: MIT */
/* test_plans: what the loader is told of the start, as it was found there. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "executor/confine/cgroup.h"
#include "executor/service/plans.h"

/*
 * Memory and processes are limited by a control group or by an rlimit, which
 * is in the plan: a loader that does not know which makes other plans than the
 * executor, and the launcher then has none that it is asked for.
 */
static void
test_controllers(void **state)
{
	static const struct {
		bool there;
		unsigned bits;
	} rows[] = { { false, 0 }, { true, 0 },
		{ true, CGROUP_MEMORY | CGROUP_PIDS },
		{ true, CGROUP_MEMORY | CGROUP_PIDS | CGROUP_CPU } };
	static struct conf conf;
	const struct plans_facts *f;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP_FD int fd = -1;

		cgroup_assume(rows[i].there, rows[i].bits);
		fd = plans_facts(&conf, &e);
		assert_true(fd >= 0);
		f = mmap(NULL, sizeof(*f), PROT_READ, MAP_PRIVATE, fd, 0);
		assert_ptr_not_equal(f, MAP_FAILED);
		assert_int_equal(f->group, rows[i].there);
		assert_int_equal(f->controllers, rows[i].bits);
		assert_int_equal(munmap((void *)(uintptr_t)f, sizeof(*f)), 0);
	}
	cgroup_assume(false, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_controllers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
