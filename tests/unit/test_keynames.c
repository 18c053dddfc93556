/* SPDX-License-Identifier: MIT */
/* test_keynames: keys by name, and the mode that cursor keys are in. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "executor/run/keynames.h"
#include "executor/run/tty.h"

static void
test_names(void **state)
{
	static const struct {
		const char *names, *sent, *application;
	} rows[] = {
		{ "", "", "" },
		{ "  ", "", "" },
		{ "Enter", "\r", "\r" },
		{ ": w q Enter", ":wq\r", ":wq\r" },
		{ "Up  Down", "\033[A\033[B", "\033OA\033OB" },
		{ "Home End PageUp", "\033[H\033[F\033[5~",
		    "\033OH\033OF\033[5~" },
		{ "F1 F5 F12", "\033OP\033[15~\033[24~",
		    "\033OP\033[15~\033[24~" },
		{ "C-a C-Z C-[ C-\\", "\001\032\033\034", "\001\032\033\034" },
		{ "M-x M-Enter M-Left", "\033x\033\r\033\033[D",
		    "\033x\033\r\033\033OD" },
		{ "C c - M", "Cc-M", "Cc-M" },
		{ "C-Left S-Up C-S-Home", "\033[1;5D\033[1;2A\033[1;6H",
		    "\033[1;5D\033[1;2A\033[1;6H" },
		{ "C-F1 S-F5 C-Delete S-Tab",
		    "\033[1;5P\033[15;2~\033[3;5~\033[Z",
		    "\033[1;5P\033[15;2~\033[3;5~\033[Z" },
		{ "Escape Return BSpace Del Ins PgUp PgDn",
		    "\033\r\177\033[3~\033[2~\033[5~\033[6~",
		    "\033\r\177\033[3~\033[2~\033[5~\033[6~" },
		{ "Ctrl-c Alt-x Shift-Left M-C-c M--",
		    "\003\033x\033[1;2D\033\003\033-",
		    "\003\033x\033[1;2D\033\003\033-" },
		{ "\303\251 \346\227\245", "\303\251\346\227\245",
		    "\303\251\346\227\245" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int application = 0; application <= 1; application++) {
			struct buf b;
			struct err e = { 0 };

			buf_init(&b, 4096);
			assert_int_equal(keynames_put(bytes_of(rows[i].names),
					     application == 1, &b, &e),
			    0);
			assert_string_equal(
			    buf_cstr(&b), application == 1 ? rows[i].application
							   : rows[i].sent);
			buf_fini(&b);
		}
	}
}

static void
test_no_names(void **state)
{
	static const char *const bad[] = { "enter", "ab", "F0", "F13", "C-",
		"C-ab", "C-1", "M-", "M-M-x", "C-C-a", "S-x", "C-S-a",
		"C-Enter", "C-S-Tab", "S-Space", "Ctrl-", "C-Ctrl-a",
		"C-\303\251", "\t", "\033", "a\nb", "\303", "\302\200", "\377",
		"\303\251a" };
	(void)state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct buf b;
		struct err e = { 0 };

		buf_init(&b, 4096);
		assert_int_equal(
		    keynames_put(bytes_of(bad[i]), false, &b, &e), ERR_BAD);
		buf_fini(&b);
	}
}

static void
test_cursor_keys(void **state)
{
	static const struct {
		const char *output;
		bool application;
	} rows[] = {
		{ "plain ?1h [?1h", false },
		{ "\033[?1h", true },
		{ "\033[?1h\033[?1l", false },
		{ "\033[?25;1h", true },
		{ "\033[?1;25h\033[?25l", true },
		{ "\033[?11h\033[?12h\033[?21h", false },
		{ "\033[1h", false },
		{ "\033[?1\033[?1x", false },
		{ "\033[?1hx\033c", false },
		{ "\033[?1h\033[!p", false },
		{ "\033[?99999999999991h\033[?65537h", false },
		{ "\033\033[?1h", true },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ttykeys whole = { 0 }, parts = { 0 };
		struct bytes b = bytes_of(rows[i].output);

		tty_watch_keys(&whole, b);
		for (size_t k = 0; k < b.len; k++)
			tty_watch_keys(&parts, bytes_make(b.p + k, 1));
		assert_int_equal(whole.application, rows[i].application);
		assert_int_equal(parts.application, rows[i].application);
	}
}

/* A null byte among them. */
static void
test_control_space(void **state)
{
	struct buf b;
	struct err e = { 0 };
	(void)state;

	buf_init(&b, 16);
	assert_int_equal(
	    keynames_put(bytes_of("C-Space C-@ x"), false, &b, &e), 0);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.p, "\0\0x", 3);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_no_names),
		cmocka_unit_test(test_control_space),
		cmocka_unit_test(test_cursor_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
