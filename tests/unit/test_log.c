/* SPDX-License-Identifier: MIT */
/* Unit tests of common/log and common/clock. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/log_limit.h"

enum { CAPTURE = 4096 };

/* stderr goes to a file in memory between the two calls. */
static int
capture_begin(int *saved)
{
	int fd = memfd_create("stderr", MFD_CLOEXEC);

	assert_true(fd >= 0);
	*saved = dup(STDERR_FILENO);
	assert_true(dup2(fd, STDERR_FILENO) == STDERR_FILENO);
	return fd;
}

static void
capture_end(int fd, int saved, char out[CAPTURE])
{
	ssize_t n;

	assert_true(dup2(saved, STDERR_FILENO) == STDERR_FILENO);
	(void)close(saved);
	n = pread(fd, out, CAPTURE - 1, 0);
	assert_true(n >= 0);
	out[n] = '\0';
	(void)close(fd);
}

static void
test_line(void **state)
{
	char out[CAPTURE];
	int saved, fd;

	(void)state;
	log_set_name("tester");
	fd = capture_begin(&saved);
	errno = EDOM;
	log_err("event a=%d", 1);
	assert_int_equal(errno, EDOM);
	log_warn("w");
	log_notice("n");
	log_info("two\nlines\x1b[31m\x7f");
	log_debug("not at this level");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("now");
	log_set_level(LOG_LEVEL_ERR);
	log_warn("no more");
	log_set_level(LOG_LEVEL_INFO);
	capture_end(fd, saved, out);
	assert_string_equal(out, "<3>tester: event a=1\n<4>tester: w\n"
				 "<5>tester: n\n<6>tester: two?lines?[31m?\n"
				 "<7>tester: now\n");
}

static void
test_long_line(void **state)
{
	char out[CAPTURE], text[3000];
	int saved, fd;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	fd = capture_begin(&saved);
	log_err("%s", text);
	log_err("next");
	capture_end(fd, saved, out);
	assert_non_null(strstr(out, "x...\n<3>tester: next\n"));
	assert_true(strchr(out, '\n') - out < 1024);
}

static void
test_text(void **state)
{
	struct log_text t;
	char longer[400];

	(void)state;
	assert_string_equal(log_text(bytes_of("plain ~")).s, "plain ~");
	assert_string_equal(log_text(bytes_of(NULL)).s, "");
	assert_string_equal(log_text(BYTES_LIT("\n\0\x7f\xc3\xa9")).s,
	    "\\x0a\\x00\\x7f\\xc3\\xa9");
	assert_string_equal(log_text(BYTES_LIT("\"\\")).s, "\\x22\\x5c");
	for (size_t n = LOG_MAX_TEXT - 8; n < sizeof(longer); n++) {
		memset(longer, 'a', n);
		t = log_text(bytes_make(longer, n));
		assert_int_equal(
		    strlen(t.s), n < LOG_MAX_TEXT ? n : LOG_MAX_TEXT - 1);
		if (n >= LOG_MAX_TEXT)
			assert_string_equal(t.s + LOG_MAX_TEXT - 4, "...");
	}
	for (size_t n = 1; n < sizeof(longer); n++) {
		memset(longer, '\n', n);
		t = log_text(bytes_make(longer, n));
		assert_true(strlen(t.s) < LOG_MAX_TEXT);
		/* never half an escape */
		assert_int_equal(strlen(t.s) % 4, n * 4 < LOG_MAX_TEXT ? 0 : 3);
	}
}

static void
test_limit(void **state)
{
	struct log_limit l = { .burst = 2, .period_ms = 3600000 };
	uint32_t dropped = 99;

	(void)state;
	assert_true(log_limit_allows(&l, &dropped));
	assert_int_equal(dropped, 0);
	assert_true(log_limit_allows(&l, &dropped));
	for (int i = 0; i < 5; i++)
		assert_false(log_limit_allows(&l, &dropped));
	l.since_ms -= 3600000;
	assert_true(log_limit_allows(&l, &dropped));
	assert_int_equal(dropped, 5);
	assert_true(log_limit_allows(&l, &dropped));
	assert_int_equal(dropped, 0);
	assert_false(log_limit_allows(&l, &dropped));
}

static void
test_fatal(void **state)
{
	char out[CAPTURE];
	int saved, fd, status;
	pid_t pid;

	(void)state;
	fd = capture_begin(&saved);
	if ((pid = fork()) == 0) {
		(void)signal(SIGABRT, SIG_DFL);
		fatal("broken %d", 3);
	}
	assert_true(waitpid(pid, &status, 0) == pid);
	capture_end(fd, saved, out);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_string_equal(out, "<2>tester: broken 3\n");
}

static void
test_clocks(void **state)
{
	uint64_t ns = clock_mono_ns(), ms = clock_mono_ms();

	(void)state;
	assert_true(ms >= ns / 1000000 && ms - ns / 1000000 < 1000);
	assert_true(clock_mono_ns() >= ns);
	assert_true(clock_wall_us() / 1000000 >= (uint64_t)time(NULL) - 1);
	assert_true(clock_wall_us() / 1000000 <= (uint64_t)time(NULL) + 1);
}

static void
test_clock_format(void **state)
{
	char out[CLOCK_MAX_TEXT];

	(void)state;
	clock_format(0, out);
	assert_string_equal(out, "1970-01-01T00:00:00.000000Z");
	clock_format(951782400ULL * 1000000 + 12, out);
	assert_string_equal(out, "2000-02-29T00:00:00.000012Z");
	clock_format(951782400ULL * 1000000 + 999999, out);
	assert_string_equal(out, "2000-02-29T00:00:00.999999Z");
	clock_format(951782399ULL * 1000000, out);
	assert_string_equal(out, "2000-02-28T23:59:59.000000Z");
	clock_format(951782400ULL * 1000000, out);
	assert_string_equal(out, "2000-02-29T00:00:00.000000Z");
	clock_format(4102444799ULL * 1000000 + 999999, out);
	assert_string_equal(out, "2099-12-31T23:59:59.999999Z");
	clock_format(UINT64_MAX, out);
	assert_string_equal(out, "586524-01-19T08:01:49.551615Z");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_fatal),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_clock_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
