/* SPDX-License-Identifier: MIT */
/* Unit tests of common/sigreset. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/sigreset.h"

/* Bits of a line of /proc/self/status, such as "SigIgn:". */
static unsigned long long
status_bits(const char *key)
{
	char line[256];
	unsigned long long bits = ~0ULL;
	FILE *f = fopen("/proc/self/status", "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, key, strlen(key)) == 0)
			assert_int_equal(
			    sscanf(line + strlen(key), "%llx", &bits), 1);
	(void)fclose(f);
	return bits;
}

static void
test_everything(void **state)
{
	/* SIG_IGN in the kernel's structure, whose first member it is */
	unsigned long ignore[8] = { 1 };
	sigset_t all;
	int sig;

	(void)state;
	for (sig = 1; sig < _NSIG; sig++)
		(void)syscall(SYS_rt_sigaction, sig, ignore, NULL, _NSIG / 8);
	(void)sigfillset(&all);
	assert_int_equal(sigprocmask(SIG_SETMASK, &all, NULL), 0);
	/* all but KILL and STOP; 32 and 33 among them */
	assert_int_equal(status_bits("SigIgn:"), ~0x40100ULL);
	assert_int_not_equal(status_bits("SigBlk:"), 0);

	assert_int_equal(sigreset_all(), 0);
	assert_int_equal(status_bits("SigIgn:"), 0);
	assert_int_equal(status_bits("SigCgt:"), 0);
	assert_int_equal(status_bits("SigBlk:"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
