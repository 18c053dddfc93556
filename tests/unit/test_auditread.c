/* SPDX-License-Identifier: MIT */
/* test_auditread: text for terminals, times, and trees of processes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "executor/ctl/audit/auditrun.h"
#include "executor/ctl/terminal.h"
#include "tests/unit/fixture_fds.h"

static const struct auditrun_limits limits = { 100, 10, 65536, 1000 };

static void
shown(const char *raw, unsigned columns, bool pad, const char *want)
{
	struct buf b;

	buf_init(&b, 4096);
	(void)terminal_put(&b, bytes_of(raw), columns, pad);
	assert_string_equal(buf_cstr(&b), want);
	buf_fini(&b);
}

static void
test_screen(void **state)
{
	(void)state;
	shown("plain", TERMINAL_ALL, false, "plain");
	shown("a \\\"b\\\" c\\\\d", TERMINAL_ALL, false, "a \"b\" c\\d");
	shown("\\u001b[31m\\n", TERMINAL_ALL, false, "\\u001b[31m\\n");
	shown("raw \033[31m", TERMINAL_ALL, false, "raw \\u001b[31m");
	shown("\xff\xc2\x9b", TERMINAL_ALL, false, "\\xff\\u009b");
	shown("\xe2\x80\xae", TERMINAL_ALL, false, "\\u202e");
	shown("abcdefgh", 8, false, "abcdefgh");
	shown("abcdefghi", 8, false, "abcde...");
	shown("abc", 5, true, "abc  ");
	shown(
	    "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 5, true, "\xe6\x97\xa5...");
	shown("", 3, true, "   ");
	shown("ends in \\", TERMINAL_ALL, false, "ends in \\");
}

static void
test_html(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	terminal_put_html(&b, bytes_of("<a href='x'>&\\\"\033</a>"), 1000);
	assert_string_equal(buf_cstr(&b),
	    "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\\u001b&lt;/a&gt;");
	buf_reset(&b);
	terminal_put_html(&b, bytes_of("<<<<"), 2);
	assert_string_equal(buf_cstr(&b), "&lt;&lt;\xe2\x80\xa6");
	buf_fini(&b);
}

static void
test_times(void **state)
{
	char out[CLOCK_MAX_TEXT], day[CLOCK_MAX_TEXT], text[24];
	struct err e;

	(void)state;
	assert_true(
	    auditrec_when(bytes_of("1970-01-01T00:00:00.000001Z")) == 1);
	assert_true(auditrec_when(bytes_of("2026-11-22T10:11:12.123456Z")) ==
		    1795342272123456);
	assert_true(auditrec_when(bytes_of("2024-02-29T00:00:00.000000Z")) ==
		    1709164800000000);
	assert_true(
	    auditrec_when(bytes_of("2026-13-22T10:11:12.123456Z")) == 0);
	assert_true(auditrec_when(bytes_of("2026-11-22 10:11")) == 0);
	assert_int_equal(auditrec_time("2026-11-22", out, &e), 0);
	assert_string_equal(out, "2026-11-22T00:00:00.000000Z");
	assert_int_equal(auditrec_time("3d", out, &e), 0);
	assert_int_equal(auditrec_time("yesterday", day, &e), 0);
	assert_string_equal(day + 10, "T00:00:00.000000Z");
	assert_int_equal(auditrec_time("today", out, &e), 0);
	assert_string_equal(out + 10, "T00:00:00.000000Z");
	assert_true(strcmp(day, out) < 0);
	assert_int_equal(auditrec_time("today ", out, &e), ERR_BAD);
	assert_int_equal(auditrec_time("d", out, &e), ERR_BAD);
	assert_int_equal(auditrec_time("2026-02-30", out, &e), ERR_BAD);
	assert_int_equal(auditrec_time("", out, &e), ERR_BAD);
	terminal_duration(text, 1500000);
	assert_string_equal(text, "1.5 ms");
	terminal_duration(text, 125000000000);
	assert_string_equal(text, "2 min 5 s");
	terminal_size(text, 131072);
	assert_string_equal(text, "131 kB");
}

static void
add(struct auditrun *r, unsigned pid, unsigned parent, const char *path)
{
	struct logline l;
	char line[512];

	(void)snprintf(line, sizeof(line),
	    "{\"v\":1,\"event.sequence\":1,\"@timestamp\":\"2026-11-22T10:11:12.123456Z\",\"monotonic_ns\":5,\"event.action\":\"process-exec\",\"run.id\":\"ab\",\"event.outcome\":\"success\",\"process.namespace_pid\":%u,\"process.parent.namespace_pid\":%u,\"process.executable\":\"%s\",\"process.args\":[\"%s\",\"x y\"]}",
	    pid, parent, path, path);
	assert_true(logline_parse(bytes_of(line), &l));
	auditrun_add(r, &limits, &l);
}

/* Depth first, siblings in time's order, and who became what. */
static void
test_proctree(void **state)
{
	struct auditrun *r = auditrun_new(bytes_of("ab"), &limits);
	uint32_t order[8];

	(void)state;
	assert_non_null(r);
	add(r, 2, 1, "sh"); /* 0 */
	add(r, 3, 2, "make"); /* 1 */
	add(r, 4, 2, "tee"); /* 2 */
	add(r, 5, 3, "cc"); /* 3 */
	add(r, 3, 2, "true"); /* 4: make became it */
	add(r, 9, 8, "lost"); /* 5: nobody knows its parent */
	auditrun_tree(r, order);
	assert_int_equal(r->exec_count, 6);
	assert_int_equal(order[0], 0);
	assert_int_equal(order[1], 1);
	assert_int_equal(order[2], 3);
	assert_int_equal(order[3], 4);
	assert_int_equal(order[4], 2);
	assert_int_equal(order[5], 5);
	assert_int_equal(r->exec[3].depth, 2);
	assert_true(r->exec[4].same && r->exec[4].last);
	assert_false(r->exec[1].same || r->exec[1].last);
	assert_int_equal(r->exec[5].above, -1);
	assert_true(bytes_eq_str(auditrun_get(r, r->exec[3].args), "cc x y"));
	auditrun_drop(r);
}

/* What is there longest goes when there is no room. */
static void
test_map(void **state)
{
	struct auditrun_map *m = auditrun_map_new(2);
	struct auditrun *r;

	(void)state;
	assert_non_null(m);
	auditrun_map_put(m, auditrun_new(bytes_of("a"), &limits));
	auditrun_map_put(m, auditrun_new(bytes_of("b"), &limits));
	auditrun_map_put(m, auditrun_new(bytes_of("c"), &limits));
	assert_null(auditrun_map_get(m, bytes_of("a")));
	assert_non_null(auditrun_map_get(m, bytes_of("b")));
	r = auditrun_map_take(m, bytes_of("c"));
	assert_non_null(r);
	auditrun_drop(r);
	assert_null(auditrun_map_take(m, bytes_of("c")));
	assert_ptr_equal(
	    auditrun_map_at(m, 0), auditrun_map_get(m, bytes_of("b")));
	assert_null(auditrun_map_at(m, 1));
	auditrun_map_free(m);
}

/* A key is not a text, what is in a value is not a key. */
static void
test_terms(void **state)
{
	static const char line[] =
	    "{\"v\":1,\"event.sequence\":1,\"@timestamp\":\"2026-11-22T10:11:12.123456Z\",\"monotonic_ns\":5,\"event.action\":\"x\",\"token.name\":\"a\",\"process.args\":[\"in \\\"quotes\\\"\",\"last\"]}";
	struct auditrec_term t;
	struct logline l;
	struct err e;

	(void)state;
	assert_true(logline_parse(bytes_of(line), &l));
	assert_int_equal(auditrec_text(&t, "token", &e), 0);
	assert_false(auditrec_has_text(&l, &t));
	assert_int_equal(auditrec_text(&t, "in \"quotes\"", &e), 0);
	assert_true(auditrec_has_text(&l, &t));
	assert_int_equal(auditrec_text(&t, "last", &e), 0);
	assert_true(auditrec_has_text(&l, &t));
	assert_int_equal(auditrec_term(&t, "token.name", "a", false, &e), 0);
	assert_true(auditrec_holds(bytes_of(line), &t));
	assert_int_equal(
	    auditrec_term(&t, "token.name", "a\",\"x", false, &e), 0);
	assert_false(auditrec_holds(bytes_of(line), &t));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FDS_KEPT(test_screen),
		FDS_KEPT(test_html),
		FDS_KEPT(test_times),
		FDS_KEPT(test_proctree),
		FDS_KEPT(test_map),
		FDS_KEPT(test_terms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
