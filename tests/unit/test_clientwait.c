/* SPDX-License-Identifier: MIT */
/* Unit tests of executor/run/clientwait: whole names, and never more. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "executor/run/clientwait.h"

static void
test_known(void **state)
{
	static const char *const names[] = { "Java_SDK_MCP_Client",
		"Java_SDK_MCP_Client 0.15.0", "spring-ai-mcp-client 1.0.0",
		"spring-ai-mcp-client_-_files 1.0.0" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(clientwait_most(names[i], 25000), 15000);
		assert_int_equal(clientwait_most(names[i], 14999), 14999);
	}
	assert_int_equal(clientwait_most("opencode 1.18.33", 600000), 50000);
	assert_int_equal(clientwait_most("opencode 1.18.33", 25000), 25000);
}

static void
test_others(void **state)
{
	static const char *const names[] = { "", " ", "mcp 0.1.0", "Java",
		"Java_SDK_MCP_Clients 1", "java_sdk_mcp_client 1",
		"_Java_SDK_MCP_Client", "opencode2", "opencode_x 1",
		"spring-ai-mcp-client2" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(clientwait_most(names[i], 600000), 600000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
