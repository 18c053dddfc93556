/* SPDX-License-Identifier: MIT */
/* test_facts: what is told of a policy, to whom, and with which numbers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "executor/policy/facts.h"

static char told[65536];
static struct policy *policy;

static void
add(void *arg, const char *text)
{
	size_t n = strlen(told);

	(void)arg;
	(void)snprintf(told + n, sizeof(told) - n, "%s\n", text);
}

static void
add_number(void *arg, const char *key, uint64_t value)
{
	char text[128];

	(void)snprintf(
	    text, sizeof(text), "%s=%llu", key, (unsigned long long)value);
	add(arg, text);
}

static void
load(const char *keys)
{
	struct conf_report report;
	char text[4096];
	struct err e;

	(void)snprintf(text, sizeof(text),
	    "{\"user\":%u,\"group\":%u,\"directory\":\"/tmp\"%s}",
	    (unsigned)geteuid(), (unsigned)getegid(), keys);
	policy_unref(policy);
	policy = NULL;
	conf_report_init(&report);
	if (policy_parse(
		"p.json", "p", bytes_of(text), NULL, &policy, &report, &e) != 0)
		fail_msg("%.*s", (int)report.text.len, (char *)report.text.p);
	conf_report_fini(&report);
}

static void
tell(enum facts_reader reader, const struct token *t)
{
	const struct facts f = { policy, t, reader };

	told[0] = '\0';
	for (enum facts_topic i = 0; i < FACTS_TOPICS; i++)
		facts_tell(&f, i, add, NULL);
}

static void
expect(const char *text, bool there)
{
	if ((strstr(told, text) != NULL) != there)
		fail_msg("%s: in %s", text, told);
}

static void
test_whole(void **state)
{
	(void)state;
	assert_true(facts_are_whole());
	load("");
	for (enum facts_reader r = 0; r < FACTS_READERS; r++) {
		tell(r, NULL);
		assert_int_not_equal(told[0], '\0');
		expect("{", false);
		expect("}", false);
	}
}

/* A limit that is not there is no sentence, except for people. */
static void
test_numbers(void **state)
{
	(void)state;
	load(",\"limits\":{\"runs_per_minute\":0,\"runs\":7}");
	tell(FACTS_MODEL, NULL);
	expect("commands at the same time: 7\n", true);
	expect("commands a minute", false);
	expect("bytes of memory", false);
	tell(FACTS_PEOPLE, NULL);
	expect("7 runs at the same time, of one token;", true);
	expect("a minute", false);
	expect("memory_bytes", false);
	expect("core_bytes: 1 (no file, and no core handler", true);
	told[0] = '\0';
	facts_each_number(policy, FACTS_IDENTITY, add_number, NULL);
	expect("uid=", true);
	facts_each_number(policy, FACTS_CGROUP, add_number, NULL);
	expect("cgroup.", false);
	facts_each_number(policy, FACTS_RLIMITS, add_number, NULL);
	expect("core_bytes=1\n", true);
	load("");
	tell(FACTS_PEOPLE, NULL);
	expect("120 runs a minute", true);
}

/* A token's shorter time is what is told, to each that asks. */
static void
test_narrowed(void **state)
{
	struct token t = { .timeout_max_ms = 3000 };

	(void)state;
	load("");
	tell(FACTS_MODEL, &t);
	expect("milliseconds at most: 3000\n", true);
	expect("unless timeout_ms is given: 3000\n", true);
	tell(FACTS_MODEL, NULL);
	expect("milliseconds at most: 600000\n", true);
	expect("unless timeout_ms is given: 50000\n", true);
}

/* One of each kind of sentence holds. */
static void
test_variants(void **state)
{
	(void)state;
	load(",\"network\":\"host\",\"tools\":[\"cli_command\"]");
	tell(FACTS_MODEL, NULL);
	expect("as the host's\n", true);
	expect("none\n", false);
	expect("cli_command runs one program", true);
	tell(FACTS_BRIEF, NULL);
	expect("exec_cmd", false);
	tell(FACTS_LINE, NULL);
	expect(", network host;", true);
	load(",\"description\":\"Builds CI\"");
	tell(FACTS_BRIEF, NULL);
	expect(" Builds CI.\n Commands start", true);
	load(",\"description\":\"Builds CI.\"");
	tell(FACTS_BRIEF, NULL);
	expect(" Builds CI.\n Commands start", true);
	load(",\"audit\":{\"output\":\"tail\",\"output_bytes\":8192}");
	tell(FACTS_PEOPLE, NULL);
	expect("the last 8192 bytes of a run are recorded", true);
	expect("not recorded", false);
}

/* What is gone goes on where the same call may find it again. */
static void
test_repeats(void **state)
{
	(void)state;
	load(",\"jobs\":{\"repeat_window_ms\":5000}");
	tell(FACTS_PEOPLE, NULL);
	expect("within 5000 ms after the end", true);
	expect("or the frontend becomes a job instead", true);
	expect("a call is ended with its session", false);
	tell(FACTS_MODEL, NULL);
	expect("may be made again just as it was", true);
	load(",\"jobs\":{}");
	tell(FACTS_PEOPLE, NULL);
	expect("the same call again", false);
	expect("a call is ended with its session", true);
	tell(FACTS_MODEL, NULL);
	expect("may be made again", false);
}

/* Without jobs alone, what is cut is lost and a time limit is the end. */
static void
test_with_jobs(void **state)
{
	(void)state;
	load(",\"jobs\":{}");
	tell(FACTS_PEOPLE, NULL);
	expect("is lost", false);
	expect("can be read by job_output", true);
	tell(FACTS_MODEL, NULL);
	expect("cannot be read later", false);
	expect("job_output returns what is cut", true);
	expect("a command, unless timeout_ms", false);
	expect("is ended after 50000 ms, unless timeout_ms", true);
	load("");
	tell(FACTS_PEOPLE, NULL);
	expect("is lost", true);
	tell(FACTS_MODEL, NULL);
	expect("cannot be read later", true);
	expect("job", false);
}

/* A job of whose output the tail is recorded ends, and its policy says so. */
static void
test_survival(void **state)
{
	static const char survive[] = ",\"jobs\":{\"survive\":true}";
	static const char recorded[] =
	    ",\"jobs\":{\"survive\":true},\"audit\":{\"output\":\"tail\"}";
	static const char whole[] =
	    ",\"jobs\":{\"survive\":true},\"audit\":{\"output\":\"all\"}";
	static const char no_terminals[] =
	    ",\"jobs\":{\"survive\":true,\"pty\":false},\"audit\":{\"output\":\"all\"}";

	(void)state;
	load(survive);
	tell(FACTS_PEOPLE, NULL);
	expect("goes on after a crash or hand-over of mcp-execd", true);
	expect("although jobs.survive is true", false);
	tell(FACTS_MODEL, NULL);
	expect("a job may go on after a crash", true);
	expect("ends all jobs", false);
	load(recorded);
	tell(FACTS_PEOPLE, NULL);
	expect("goes on after a crash or hand-over of mcp-execd", false);
	expect("although jobs.survive is true", true);
	tell(FACTS_MODEL, NULL);
	expect("a job may go on after a crash", false);
	expect("ends all jobs", true);
	load(whole);
	tell(FACTS_PEOPLE, NULL);
	expect("goes on after a crash or hand-over of mcp-execd", true);
	expect("a job with a terminal ends with mcp-execd", true);
	tell(FACTS_MODEL, NULL);
	expect("a restart of the server ends a job with a terminal", true);
	expect("ends all jobs", false);
	load(no_terminals);
	tell(FACTS_PEOPLE, NULL);
	expect("a job with a terminal ends", false);
}

static int
teardown(void **state)
{
	(void)state;
	policy_unref(policy);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_narrowed),
		cmocka_unit_test(test_variants),
		cmocka_unit_test(test_repeats),
		cmocka_unit_test(test_with_jobs),
		cmocka_unit_test(test_survival),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
