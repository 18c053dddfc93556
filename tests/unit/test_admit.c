/* SPDX-License-Identifier: MIT */
/* Unit tests of executor/admit. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "executor/run/admit.h"

static struct {
	char dir[32], log[64];
	struct admit admit;
	struct policy policy;
	struct token token;
} fix;

static int
setup(void **state)
{
	struct err e;

	(void)state;
	memset(&fix, 0, sizeof(fix));
	(void)snprintf(fix.dir, sizeof(fix.dir), "/tmp/mcp-execd.XXXXXX");
	assert_non_null(mkdtemp(fix.dir));
	(void)snprintf(fix.log, sizeof(fix.log), "%s/audit.jsonl", fix.dir);
	fix.admit.audit = audit_open(fix.log, &e);
	assert_non_null(fix.admit.audit);
	(void)snprintf(fix.policy.name, sizeof(fix.policy.name), "p");
	fix.policy.runs = 4;
	fix.policy.jobs.at_once = 2;
	(void)snprintf(fix.token.name, sizeof(fix.token.name), "t");
	fix.token.policy = &fix.policy;
	return 0;
}

static int
teardown(void **state)
{
	char made[96];

	(void)state;
	admit_fini(&fix.admit);
	audit_close(fix.admit.audit);
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(made, sizeof(made), "%s%s", fix.log,
		    i == 0 ? "" : ".state");
		(void)unlink(made);
	}
	(void)rmdir(fix.dir);
	return 0;
}

/* NULL: it may run; else a part of what the refusal says. */
static void
check(const struct admit_use *use, bool job, const char *says)
{
	struct err e = { 0 };
	int rc = admit_run(&fix.admit, use, &fix.token, job, &e);

	if (rc != (says == NULL ? 0 : ERR_BUSY) ||
	    (says != NULL && strstr(e.what, says) == NULL))
		fail_msg("%zu of %zu, %u and %u, %s: %s", use->active, use->max,
		    use->attached, use->detached, job ? "job" : "call",
		    rc == 0 ? "admitted" : e.what);
}

/* Each bound: what is just within, and the first beyond. */
static void
test_places(void **state)
{
	static const struct {
		size_t max, active;
		uint32_t attached, detached;
		bool full, job;
		const char *says;
	} rows[] = {
		{ 32, 0, 0, 0, false, false, NULL },
		{ 32, 3, 3, 0, false, false, NULL },
		{ 32, 4, 4, 0, false, false,
		    "4 commands of this token are running, the most that" },
		{ 32, 6, 4, 1, false, true, NULL },
		{ 32, 5, 3, 2, false, false, NULL },
		{ 32, 5, 3, 2, false, true, "(key jobs.at_once)" },
		{ 32, 23, 2, 0, false, false, NULL },
		{ 32, 24, 1, 0, false, false, NULL },
		{ 32, 24, 2, 0, false, false,
		    "the last places are for other tokens (8)" },
		{ 32, 24, 1, 1, false, true,
		    "has 2 commands running, as many as" },
		{ 32, 31, 0, 1, false, false, NULL },
		{ 32, 32, 0, 0, false, false, "its limit of commands" },
		{ 32, 32, 2, 0, false, false, "its limit of commands" },
		{ 32, 5, 0, 0, true, false, "its limit of commands" },
		{ 32, 30, 2, 0, true, false, "its limit of commands" },
		/* of few places, each token has one of those that are kept */
		{ 4, 3, 0, 0, false, false, NULL },
		{ 4, 3, 1, 0, false, false,
		    "has 1 command running, as many as" },
		{ 4, 2, 1, 1, false, false, NULL },
		{ 1, 0, 0, 0, false, false, NULL },
		{ 1, 1, 1, 0, false, false, "its limit of commands" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct admit_use use = { .max = rows[i].max,
			.active = rows[i].active,
			.is_free = !rows[i].full,
			.attached = rows[i].attached,
			.detached = rows[i].detached };

		for (uint32_t n = 0; n < ADMIT_NAMED; n++)
			use.run[n].id = "0123456789abcdef";
		check(&use, rows[i].job, rows[i].says);
	}
}

/* The first three by name, as many as there are others. */
static void
test_named(void **state)
{
	static const char *const ids[] = { "aaaaaaaa-1", "bbbbbbbb-2",
		"cccccccc-3", "dddddddd-4", "eeeeeeee-5" };
	struct admit_use use = { .max = 32, .is_free = true };

	(void)state;
	fix.policy.runs = 1;
	for (uint32_t i = 0; i < 5; i++) {
		struct admit_run run = { ids[i], BYTES_LIT("make -j8"), 0 };

		admit_count(&use, &run, i == 1);
		use.active++;
		assert_int_equal(use.attached, i == 0 ? 1 : i);
		assert_int_equal(use.detached, i >= 1);
		check(&use, false, ": aaaaaaaa (make -j8) for ");
		if (i >= 2)
			check(&use, false, ", cccccccc (make -j8) for ");
		if (i == 2)
			check(&use, false, " s. The resource exec://runs");
		if (i == 4)
			check(&use, false, " s and 2 more. The resource");
	}
}

/* Places first: what is refused for lack of one is not paid for. */
static void
test_quota(void **state)
{
	struct admit_use use = { .max = 32, .is_free = true },
			 full = { .max = 32, .active = 32 };

	(void)state;
	fix.policy.runs_per_minute = 2;
	check(&full, false, "its limit of commands");
	check(&full, false, "its limit of commands");
	check(&use, false, NULL);
	check(&use, true, NULL);
	check(&use, false, "policy p allows 2 runs a minute; try again in ");
	check(&full, false, "its limit of commands");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_places, setup, teardown),
		cmocka_unit_test_setup_teardown(test_named, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quota, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
