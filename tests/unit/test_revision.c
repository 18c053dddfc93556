/* SPDX-License-Identifier: MIT */
/* Unit tests of frontend/content/revision: what its table may look like. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frontend/content/revision.h"

/* Names are compared as text: those without sessions are the later ones. */
static void
test_table(void **state)
{
	const struct mcp_revision *rev, *newer = NULL;
	char all[REVISION_MAX_LIST];

	(void)state;
	for (size_t i = 0; (rev = revision_at(i)) != NULL; i++) {
		assert_true(rev->envelope == MCP_SESSION ||
			    rev->envelope == MCP_STATELESS);
		assert_int_not_equal(rev->code_absent, 0);
		assert_int_equal(strlen(rev->name), strlen("2024-11-05"));
		assert_int_equal(revision_is_stateless(bytes_of(rev->name)),
		    rev->envelope == MCP_STATELESS);
		assert_true(
		    newer == NULL || strcmp(newer->name, rev->name) > 0);
		assert_true(newer == NULL || newer->envelope >= rev->envelope);
		newer = rev;
	}
	(void)revision_list(all, revision_has_session);
	assert_true(strlen(all) < sizeof(all) - 1);
	assert_null(strstr(all, "2026-07-28"));
	assert_non_null(strstr(all, "2025-06-18, 2025-03-26, 2024-11-05"));
	assert_string_equal(
	    revision_list(all, revision_has_batches), "2025-03-26");
}

static void
test_find(void **state)
{
	const struct mcp_revision *rev;

	(void)state;
	for (size_t i = 0; (rev = revision_at(i)) != NULL; i++) {
		enum mcp_envelope other =
		    rev->envelope == MCP_SESSION ? MCP_STATELESS : MCP_SESSION;

		assert_ptr_equal(
		    revision_find(bytes_of(rev->name), rev->envelope), rev);
		assert_null(revision_find(bytes_of(rev->name), other));
		assert_true(strcmp(revision_latest(rev->envelope)->name,
				rev->name) >= 0);
	}
	assert_null(revision_find(bytes_of(""), MCP_SESSION));
	assert_null(revision_find(bytes_of("2025-11-2"), MCP_SESSION));
	assert_null(revision_find(bytes_of("2025-11-25x"), MCP_SESSION));
}

static void
test_names(void **state)
{
	char text[REVISION_MAX_LIST];
	struct buf out;

	(void)state;
	buf_init(&out, REVISION_MAX_LIST);
	revision_put_names(&out, MCP_STATELESS);
	assert_int_equal(bytes_to_str(buf_bytes(&out), text, sizeof(text),
			     &(struct err){ 0 }),
	    0);
	assert_string_equal(text, "[\"2026-07-28\"]");
	buf_reset(&out);
	buf_put_str(&out, "\"key\"");
	revision_put_names(&out, MCP_SESSION);
	assert_true(bytes_starts(
	    buf_bytes(&out), "\"key\"[\"2025-11-25\",\"2025-06-18\","));
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
