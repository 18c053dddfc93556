/* SPDX-License-Identifier: MIT */
/*
 * test_posture: which layers a policy is not loaded without, on machines that
 * this one is not: what probe_get() says is made up here.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "executor/confine/confine_load.h"
#include "executor/confine/probe.h"
#include "executor/policy/policydir.h"

static struct probe fake;

const struct probe *
probe_get(void)
{
	return &fake;
}

const char *
probe_why(unsigned layer)
{
	return (fake.layers & layer) != 0 ? NULL : "it is made up";
}

enum {
	ALL = CONFINE_MOUNTS | CONFINE_PIDS | CONFINE_IPC | CONFINE_NET |
	      CONFINE_LANDLOCK | CONFINE_SECCOMP | CONFINE_LOGINUID
};

/* What is said of such a policy; "" if it is loaded. */
static const char *
load(bool privileged, unsigned layers, const char *keys)
{
	static char said[8192];
	struct conf_report report;
	struct policy *p;
	char text[512];
	struct err e;

	fake = (struct probe){ .privileged = privileged,
		.layers = layers,
		.listener = true,
		.killable = true,
		.tracer = true,
		.loginuid = (layers & CONFINE_LOGINUID) != 0
				? PROBE_LOGINUID
				: PROBE_LOGINUID_FIXED };
	if ((layers & CONFINE_LANDLOCK) != 0)
		fake.landlock =
		    (struct landlock_support){ .abi = 7, .fs = LANDLOCK_LEAST };
	(void)snprintf(text, sizeof(text),
	    "{\"user\":%u,\"group\":%u,\"directory\":\"/tmp\"%s}",
	    (unsigned)geteuid(), (unsigned)getegid(), keys);
	conf_report_init(&report);
	if (policy_parse(
		"p.json", "p", bytes_of(text), NULL, &p, &report, &e) == 0) {
		policy_unref(p);
		said[0] = '\0';
	} else {
		(void)snprintf(
		    said, sizeof(said), "%s", buf_cstr(&report.text));
	}
	conf_report_fini(&report);
	return said;
}

/* Layer by layer: missing, missing and given up by name, or not asked for. */
static void
test_each(void **state)
{
	static const struct {
		unsigned layer;
		const char *name;
		bool strict; /* as root, with the posture strict */
		bool kernel; /* as root, with the posture kernel */
	} rows[] = {
		{ CONFINE_MOUNTS, "mounts", true, false },
		{ CONFINE_PIDS, "pids", true, false },
		{ CONFINE_IPC, "ipc", true, false },
		{ CONFINE_NET, "network", true, false },
		{ CONFINE_LANDLOCK, "landlock", true, false },
		{ CONFINE_SECCOMP, "seccomp", true, true },
		{ CONFINE_LOGINUID, "loginuid", true, false },
	};
	char want[64], keys[128];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned left = ALL & ~rows[i].layer;

		(void)snprintf(want, sizeof(want),
		    "the layer \"%s\" is required", rows[i].name);
		assert_string_equal(load(true, ALL, ""), "");
		assert_true((strstr(load(true, left, ""), want) != NULL) ==
			    rows[i].strict);
		assert_true((strstr(load(true, left, ",\"posture\":\"kernel\""),
				 want) != NULL) == rows[i].kernel);
		/* an ordinary user's: one wall around files is left */
		assert_string_equal(load(false, left, ""), "");
		(void)snprintf(
		    keys, sizeof(keys), ",\"disable\":[\"%s\"]", rows[i].name);
		assert_null(strstr(load(true, ALL, keys), want));
		(void)snprintf(
		    keys, sizeof(keys), ",\"require\":[\"%s\"]", rows[i].name);
		assert_non_null(strstr(load(false, left, keys), want));
		assert_string_equal(load(false, ALL, keys), "");
	}
}

/* Without any wall around files nobody runs anything. */
static void
test_walls(void **state)
{
	const unsigned none = ALL & ~(unsigned)CONFINE_WALLS;

	(void)state;
	assert_non_null(strstr(load(false, none, ""), "landlock"));
	assert_non_null(strstr(
	    load(true, none, ",\"posture\":\"kernel\""), "no other layer"));
	assert_non_null(strstr(
	    load(false, none, ",\"posture\":\"kernel\""), "no other layer"));
	assert_string_equal(
	    load(true, none, ",\"disable\":[\"mounts\",\"landlock\"]"), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_walls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
