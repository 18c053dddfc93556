/* SPDX-License-Identifier: MIT */
/* test_told: refusals and notes, each below its own heading. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/told.h"

static void
expect(const char *lines, const char *text)
{
	CLEANUP_BUF struct buf out;

	buf_init(&out, 4096);
	told_put(&out, bytes_of(lines));
	assert_string_equal(buf_cstr(&out), text);
}

static void
test_headings(void **state)
{
	(void)state;
	expect("", "");
	expect("a", "DENIED: a\n");
	expect("a\nb", "DENIED: a\nb\n");
	expect("NOTE: a", "NOTE: a\n");
	expect("NOTE: a\nNOTE: b", "NOTE: a\nb\n");
	expect("NOTE: a\nb\nNOTE: c\nd", "DENIED: b\nd\nNOTE: a\nc\n");
}

/* Only a mark at a line's beginning is one. */
static void
test_marks(void **state)
{
	(void)state;
	expect("a NOTE: b", "DENIED: a NOTE: b\n");
	expect("NOTE:a", "DENIED: NOTE:a\n");
	expect("note: a", "DENIED: note: a\n");
	expect("NOTE: ", "NOTE: \n");
	expect("NOTE", "DENIED: NOTE\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headings),
		cmocka_unit_test(test_marks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
