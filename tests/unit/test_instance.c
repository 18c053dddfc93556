/* SPDX-License-Identifier: MIT */
/* Unit tests of executor/instance, and of where its configuration points. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "executor/conf/conf.h"
#include "executor/conf/instance.h"

#define ETC MCP_EXECD_SYSCONFDIR

static void
test_of(void **state)
{
	static const char *const others[] = { ETC "/mcp-execd.json",
		ETC "@/mcp-execd.json", ETC "@deploy", ETC "@deploy/",
		ETC "@deploy/other.json", ETC "@deploy/x/mcp-execd.json",
		ETC "@../mcp-execd.json", ETC "@.x/mcp-execd.json",
		ETC "@-x/mcp-execd.json", ETC "@a b/mcp-execd.json",
		ETC "@a@b/mcp-execd.json", "/srv/x@deploy/mcp-execd.json", "" };
	char name[INSTANCE_NAME];
	(void)state;

	assert_true(instance_of(ETC "@deploy/mcp-execd.json", name));
	assert_string_equal(name, "deploy");
	assert_true(instance_of(ETC "@web-app_2.x/mcp-execd.json", name));
	assert_string_equal(name, "web-app_2.x");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (instance_of(others[i], name))
			fail_msg("%s", others[i]);
		assert_string_equal(name, "");
	}
}

static void
test_config(void **state)
{
	static const char *const bad[] = { "", "../x", ".", "-x", "a/b", "a b",
		"a\nb" };
	char path[PATH_MAX], name[INSTANCE_NAME], longest[INSTANCE_NAME + 1];
	struct err e;
	(void)state;

	assert_int_equal(instance_config("deploy", path, &e), 0);
	assert_string_equal(path, ETC "@deploy/mcp-execd.json");
	memset(longest, 'n', sizeof(longest));
	longest[INSTANCE_NAME - 1] = '\0';
	assert_int_equal(instance_config(longest, path, &e), 0);
	assert_true(instance_of(path, name));
	assert_string_equal(name, longest);
	longest[INSTANCE_NAME - 1] = 'n';
	longest[INSTANCE_NAME] = '\0';
	assert_int_equal(instance_config(longest, path, &e), ERR_BAD);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(instance_config(bad[i], path, &e), ERR_BAD);
}

/* Known even where there is no such file; nothing of two accounts meets. */
static void
test_places(void **state)
{
	static struct conf c;
	struct conf_report r;
	struct err e;
	(void)state;

	conf_report_init(&r);
	assert_int_equal(
	    conf_load(ETC "@no-such-account/mcp-execd.json", &c, &r, &e),
	    ERR_BAD);
	conf_report_fini(&r);
	assert_non_null(
	    strstr(c.audit_file, "/log/mcp-execd@no-such-account/audit.jsonl"));
	assert_non_null(
	    strstr(c.token_dir, "/lib/mcp-execd@no-such-account/tokens.d"));
	assert_non_null(strstr(
	    c.recordings_dir, "/lib/mcp-execd@no-such-account/recordings"));
	assert_string_equal(
	    c.control, MCP_EXECD_RUNDIR "@no-such-account/control.sock");
	assert_string_equal(c.policy_dir, "policies.d");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
