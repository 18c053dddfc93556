/* SPDX-License-Identifier: MIT */
/* relay: what a frontend writes becomes the frontend's lines, and no others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/clock.h"
#include "executor/service/relay.h"

enum { CAPTURE = 1 << 20, TURNS_MS = 300 };

static struct bench {
	struct loop *loop;
	struct loop_timer end;
	struct relay relay;
	int its, log, saved;
	char said[CAPTURE];
} b;

static void
open_relay(void)
{
	struct err e = { 0 };

	if (relay_open(&b.relay, &b.its, &e) != 0)
		fail_msg("%s", e.what);
}

static void
begin(void)
{
	struct err e = { 0 };

	memset(&b, 0, sizeof(b));
	log_set_name("executor");
	b.loop = loop_new(&e);
	assert_non_null(b.loop);
	relay_init(&b.relay, b.loop);
	open_relay();
	b.log = memfd_create("log", MFD_CLOEXEC);
	assert_true(b.log >= 0);
	b.saved = dup(STDERR_FILENO);
	assert_int_equal(dup2(b.log, STDERR_FILENO), STDERR_FILENO);
}

static void
end_turns(void *arg)
{
	loop_stop(arg);
}

/* What was logged until now, after turns of the loop for so long. */
static const char *
logged(uint64_t ms)
{
	struct err e = { 0 };
	ssize_t n;

	b.end = (struct loop_timer){ .handler = end_turns, .arg = b.loop };
	if (ms > 0) {
		loop_timer_set(b.loop, &b.end, ms);
		assert_int_equal(loop_run(b.loop, &e), 0);
	}
	n = pread(b.log, b.said, sizeof(b.said) - 1, 0);
	assert_true(n >= 0);
	b.said[n] = '\0';
	return b.said;
}

static void
end(void)
{
	relay_close(&b.relay);
	relay_close(&b.relay);
	assert_int_equal(dup2(b.saved, STDERR_FILENO), STDERR_FILENO);
	(void)close(b.saved);
	(void)close(b.log);
	(void)close(b.its);
	loop_free(b.loop);
}

static void
says(const char *text, size_t len)
{
	assert_int_equal(write(b.its, text, len), len);
}

#define SAYS(literal) says(literal, sizeof(literal) - 1)

static size_t
count(const char *text, const char *word)
{
	size_t n = 0;

	for (; (text = strstr(text, word)) != NULL; text++)
		n++;
	return n;
}

/* No line begins otherwise than as one of the frontend's, or tells a count. */
static void
all_are_its(const char *text)
{
	for (const char *nl; *text != '\0'; text = nl + 1) {
		nl = strchr(text, '\n');
		assert_non_null(nl);
		if (text[0] != '<' || text[1] < '3' || text[1] > '7' ||
		    (strncmp(text + 2, ">frontend: ", 11) != 0 &&
			strncmp(text, "<4>executor: relay: ", 20) != 0))
			fail_msg("%.*s", (int)(nl - text), text);
		assert_true(nl - text < RELAY_LINE);
	}
}

static void
test_ordinary_lines(void **state)
{
	(void)state;
	begin();
	SAYS("<6>frontend: ready a=1\n<3>frontend: main: no\n<7>frontend: x\n");
	SAYS("==1==ERROR: of a checker\nha");
	assert_string_equal(logged(TURNS_MS),
	    "<6>frontend: ready a=1\n<3>frontend: main: no\n<4>frontend: ==1==ERROR: of a checker\n");
	SAYS("lf\n\n\n<5>\nfrontend: \n");
	assert_non_null(
	    strstr(logged(TURNS_MS), "\n<4>frontend: half\n<5>frontend: \n"));
	all_are_its(b.said);
	end();
}

static void
test_forged_lines(void **state)
{
	static const char *const tries[] = { "<0>executor: forged",
		"<3>executor: forged", "executor: forged",
		"<0><0>executor: forged", "<9>executor: forged",
		"<-1>executor: forged", "<3executor: forged",
		"frontend: executor: forged", "\r<0>executor: forged",
		"x\r<0>executor: forged", "\x1b[2K\x1b[1G<0>executor: forged",
		"\xe2\x80\xa8<0>executor: forged",
		"\xc2\x85<0>executor: forged", "\302\2332K<0>executor: forged",
		"%s%n<0>executor: forged" };
	size_t i, n = sizeof(tries) / sizeof(tries[0]);

	(void)state;
	begin();
	for (i = 0; i < n; i++) {
		says(tries[i], strlen(tries[i]));
		SAYS("\n");
	}
	SAYS("a\0<0>executor: forged\0\n\0\0<0>executor: forged\n");
	all_are_its(logged(TURNS_MS));
	assert_int_equal(count(b.said, "forged\n") + 1, n + 2);
	assert_int_equal(count(b.said, "forged?\n"), 1);
	assert_non_null(strstr(b.said, "<3>frontend: executor: forged\n"));
	assert_non_null(strstr(b.said, "<3>frontend: <0>executor: forged\n"));
	assert_non_null(strstr(b.said, "<4>frontend: a?<0>executor: forged?"));
	for (const char *p = b.said; *p != '\0'; p++)
		assert_true((*p >= ' ' && *p <= '~') || *p == '\n');
	end();
}

/* Cut, and what follows does not become a line of its own. */
static void
test_long_lines(void **state)
{
	char text[3000];

	(void)state;
	begin();
	memset(text, 'x', sizeof(text));
	memcpy(text + RELAY_LINE, "<0>executor: ", 13);
	says(text, sizeof(text));
	says(text, sizeof(text));
	SAYS("\nnext\n");
	all_are_its(logged(TURNS_MS));
	assert_int_equal(count(b.said, "\n"), 2);
	assert_non_null(strstr(b.said, "x...\n<4>frontend: next\n"));
	/* the longest of log_*() comes as it was written */
	memset(text, 'y', sizeof(text));
	memcpy(text, "<5>frontend: ", 13);
	text[1022] = '\n';
	text[1023] = '\0';
	says(text, 1023);
	assert_non_null(strstr(logged(TURNS_MS), text));
	end();
}

/* Writes what the pipe takes; the number of lines. */
static size_t
flood(uint64_t ms)
{
	static const char line[] = "<0>executor: flood\n";
	uint64_t until = clock_mono_ms() + ms;
	size_t n = 0;

	do {
		while (write(b.its, line, sizeof(line) - 1) > 0)
			n++;
		assert_int_equal(errno, EAGAIN); /* it is not blocked */
		(void)logged(50);
	} while (clock_mono_ms() < until);
	return n;
}

static void
test_flood(void **state)
{
	char told[64];
	size_t n;

	(void)state;
	begin();
	n = flood(TURNS_MS);
	relay_close(&b.relay);
	all_are_its(logged(0));
	assert_int_equal(
	    count(b.said, ">frontend: executor: flood\n"), RELAY_LINES);
	(void)snprintf(told, sizeof(told),
	    ": dropped %zu lines of the frontend", n - RELAY_LINES);
	assert_non_null(strstr(b.said, told));
	/* the next frontend has no quota of its own */
	(void)close(b.its);
	open_relay();
	SAYS("<3>frontend: another\n");
	assert_null(strstr(logged(TURNS_MS), "another"));
	b.relay.limit.since_ms -= RELAY_PERIOD_MS;
	SAYS("<3>frontend: later\n");
	assert_non_null(strstr(logged(TURNS_MS),
	    ": dropped 1 line of the frontend: more than 300 in 30 s\n<3>frontend: later\n"));
	end();
}

/* Turns are few, however little each of them has to read. */
static void
test_turns_are_few(void **state)
{
	static const char half[3 * 4096];
	int left;
	ssize_t n = 0;
	char buf[4096];

	(void)state;
	begin();
	says(half, sizeof(half));
	(void)logged(1);
	/* one turn, one chunk: the others wait in the pipe */
	left = b.relay.fd;
	while ((n = read(left, buf, sizeof(buf))) > 0)
		b.relay.dropped += (uint64_t)n;
	assert_true(b.relay.dropped >= 4096);
	b.relay.dropped = 0;
	end();
}

/* Last words without a newline, and a frontend that closes its stderr. */
static void
test_end(void **state)
{
	(void)state;
	begin();
	SAYS("<3>frontend: one\n<3>frontend: last words");
	relay_close(&b.relay);
	assert_string_equal(
	    logged(0), "<3>frontend: one\n<3>frontend: last words\n");
	(void)close(b.its);
	open_relay();
	SAYS("half");
	(void)close(b.its);
	assert_non_null(strstr(logged(TURNS_MS), "<4>frontend: half\n"));
	assert_int_equal(b.relay.fd, -1);
	open_relay();
	SAYS("<6>frontend: again\n");
	assert_non_null(strstr(logged(TURNS_MS), "<6>frontend: again\n"));
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ordinary_lines),
		cmocka_unit_test(test_forged_lines),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_turns_are_few),
		cmocka_unit_test(test_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
