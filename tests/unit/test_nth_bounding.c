/* SPDX-License-Identifier: MIT */
/*
 * test_nth_bounding: a launcher that is not told all of its bounding set.
 *
 * What it could not find out it counts as there: whichever question fails, a
 * command that may keep nothing has nothing.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/wait.h>

#include "executor/launcher/child.h"
#include "tests/unit/fixture_nth.h"
#include "tests/unit/fixture_skip.h"

enum { CAPS = 64 };

static int
count_left(void)
{
	int n = 0;

	for (int cap = 0; cap < CAPS; cap++)
		n += prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1;
	return n;
}

/* How many there are in the end; *asked: the nth question was put. */
static int
left(unsigned n, int error, bool drop, bool *asked)
{
	const struct launchplan plan = { .capabilities = 0 };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		nth.kind = CALL;
		nth.error = error;
		nth.left = n;
		nth.armed = true;
		child_prepare();
		nth.armed = false;
		if (drop)
			child_drop_bounding(&plan);
		_exit(count_left() + (nth.name != NULL ? CAPS + 1 : 0));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	*asked = WEXITSTATUS(status) > CAPS;
	return WEXITSTATUS(status) % (CAPS + 1);
}

static void
test_not_told(void **state)
{
	static const int errors[] = { EPERM, EIO, ENOSYS };
	bool asked = true;
	unsigned n;

	(void)state;
	if (geteuid() != 0 || left(0, 0, false, &asked) == 0)
		SKIP("only root has capabilities to lose");
	assert_int_equal(left(0, 0, true, &asked), 0);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		for (n = 1, asked = true; asked; n++)
			if (left(n, errors[i], true, &asked) != 0)
				fail_msg("question %u", n);
		assert_true(n > 30);
	}
	/* each kernel has the first: who says otherwise does not know */
	assert_int_equal(left(1, EINVAL, true, &asked), 0);
	assert_true(asked);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
