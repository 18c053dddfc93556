/* SPDX-License-Identifier: MIT */
/* test_pack: units that a list of services names, where systemd looks. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "executor/ctl/setup/pack.h"

static char root[64];

static void
make(const char *dir, const char *name)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "mkdir -p %s%s", root, dir);
	assert_int_equal(system(path), 0);
	(void)snprintf(path, sizeof(path), "%s%s/%s", root, dir, name);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
}

static void
test_unit_known(void **state)
{
	char command[96];

	(void)state;
	(void)snprintf(root, sizeof(root), "/tmp/test_pack.XXXXXX");
	assert_non_null(mkdtemp(root));
	make("/usr/lib/systemd/system", "nginx.service");
	/* without systemd nothing is known, and nothing is said */
	assert_true(pack_unit_known(root, "ngnix.service"));
	make("/run/systemd/system", ".there");
	make("/usr/lib/systemd/system", "getty@.service");
	make("/etc/systemd/system", "own.timer");
	make("/run/systemd/generator.late", "old.service");
	assert_true(pack_unit_known(root, "nginx.service"));
	assert_true(pack_unit_known(root, "getty@tty1.service"));
	assert_true(pack_unit_known(root, "own.timer"));
	assert_true(pack_unit_known(root, "old.service"));
	assert_false(pack_unit_known(root, "ngnix.service"));
	assert_false(pack_unit_known(root, "nginx.timer"));
	assert_false(pack_unit_known(root, "nginx@1.service"));
	(void)snprintf(command, sizeof(command), "rm -r %s", root);
	assert_int_equal(system(command), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unit_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
