/* SPDX-License-Identifier: MIT */
/* Unit tests of frontend/capture and frontend/result. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "frontend/content/result.h"

struct outcome {
	struct json_doc *doc;
	const struct json_value *root;
	char text[8192];
};

static struct outcome
build_as(const char *tool, const struct capture *c, const struct msg_done *d,
    bool structured, uint8_t flags)
{
	const struct mcp_revision rev = { .structured = structured };
	const struct result_call call = { catalog_find(bytes_of(tool), false),
		c, d, false, flags };
	CLEANUP_BUF struct buf out;
	const struct json_value *t;
	struct outcome o;
	struct err e;

	buf_init(&out, 1 << 20);
	result_put_call(&out, &call, &rev);
	assert_false(out.overflow);
	assert_int_equal(
	    json_parse(buf_bytes(&out), JSON_STRICT, &o.doc, &e), 0);
	o.root = json_root(o.doc);
	t = json_get(json_get(o.root, "content")->child, "text");
	assert_true(t->text.len < sizeof(o.text));
	memcpy(o.text, t->text.p, t->text.len);
	o.text[t->text.len] = '\0';
	return o;
}

static struct outcome
build(const char *tool, const struct capture *c, const struct msg_done *d,
    bool structured)
{
	return build_as(tool, c, d, structured, PROTO_TOKEN_STRUCTURED);
}

static bool
is_error(const struct outcome *o)
{
	return json_get(o->root, "isError")->boolean;
}

static const struct json_value *
part(const struct outcome *o, const char *key)
{
	const struct json_value *v =
	    json_get(json_get(o->root, "structuredContent"), key);

	assert_non_null(v);
	return v;
}

static void
fill(struct capture *c)
{
	capture_init(c, 4096);
	capture_add(c, CAPTURE_STDOUT, 0, BYTES_LIT("a\n"));
	capture_add(c, CAPTURE_STDERR, 0, BYTES_LIT("oops\n"));
	capture_add(c, CAPTURE_STDOUT, 0, BYTES_LIT("b\n"));
	capture_add(c, CAPTURE_STDOUT, 0, BYTES_LIT("c\n"));
}

static void
test_success(void **state)
{
	struct msg_done d = { .state = PROTO_EXITED,
		.stdout_bytes = 6,
		.stderr_bytes = 5,
		.duration_us = 12345,
		.run = BYTES_LIT("0123") };
	struct capture c;
	struct outcome o;

	(void)state;
	fill(&c);
	o = build("exec_cmd", &c, &d, true);
	assert_string_equal(o.text, "a\noops\nb\nc\n");
	assert_false(is_error(&o));
	assert_true(bytes_eq_str(part(&o, "stdout")->text, "a\nb\nc\n"));
	assert_true(bytes_eq_str(part(&o, "stderr")->text, "oops\n"));
	assert_true(bytes_eq_str(part(&o, "exit_code")->text, "0"));
	assert_int_equal(part(&o, "signal")->type, JSON_NULL);
	assert_true(bytes_eq_str(part(&o, "state")->text, "exited"));
	assert_true(bytes_eq_str(part(&o, "duration_ms")->text, "12"));
	assert_true(bytes_eq_str(part(&o, "run_id")->text, "0123"));
	assert_int_equal(part(&o, "denials")->type, JSON_ARRAY);
	assert_false(part(&o, "truncated")->boolean);
	json_free(o.doc);
	o = build("cli_command", &c, &d, false);
	assert_string_equal(o.text, "STDOUT: a\nb\nc\n\n\nSTDERR: oops\n\n"
				    "RETURNCODE: 0\nSUCCESS: True");
	assert_null(json_get(o.root, "structuredContent"));
	json_free(o.doc);
	capture_fini(&c);
}

static void
test_failures(void **state)
{
	static const struct {
		struct msg_done d;
		const char *exec, *cli; /* beginning; end */
	} rows[] = {
		{ { .state = PROTO_EXITED, .exit_code = 3 },
		    "execution failed: exit status 3\n",
		    "RETURNCODE: 3\nSUCCESS: False" },
		{ { .state = PROTO_SIGNALLED, .exit_code = -1, .signal = 9 },
		    "execution failed: killed by signal 9 (KILL)\n",
		    "RETURNCODE: -9\nSUCCESS: False\nREASON: killed by signal 9 (KILL)" },
		{ { .state = PROTO_TIMED_OUT,
		      .exit_code = -1,
		      .signal = 15,
		      .duration_us = 300000 },
		    "execution failed: timed out after 300 ms\n",
		    "RETURNCODE: -15\nSUCCESS: False\nREASON: timed out after 300 ms" },
		{ { .state = PROTO_CANCELLED, .exit_code = -1 },
		    "execution failed: cancelled\n",
		    "SUCCESS: False\nREASON: cancelled" },
		{ { .state = PROTO_LOST, .exit_code = -1 },
		    "execution failed: lost\n",
		    "SUCCESS: False\nREASON: lost" },
	};
	struct capture c;

	(void)state;
	fill(&c);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct outcome o = build("exec_cmd", &c, &rows[i].d, true);
		size_t n = strlen(rows[i].exec);

		assert_true(is_error(&o));
		assert_int_equal(strncmp(o.text, rows[i].exec, n), 0);
		assert_string_equal(o.text + n, "a\noops\nb\nc\n");
		json_free(o.doc);
		o = build("cli_command", &c, &rows[i].d, true);
		/* its own end is an answer, whatever the status */
		assert_int_equal(
		    is_error(&o), rows[i].d.state > PROTO_SIGNALLED);
		n = strlen(rows[i].cli);
		assert_true(strlen(o.text) > n);
		assert_string_equal(o.text + strlen(o.text) - n, rows[i].cli);
		json_free(o.doc);
	}
	capture_fini(&c);
}

static void
test_refused(void **state)
{
	const struct msg_done d = { .state = PROTO_REFUSED,
		.exit_code = -1,
		.message = BYTES_LIT("not in this directory") };
	struct capture c;
	struct outcome o;

	(void)state;
	capture_init(&c, 64);
	o = build("cli_command", &c, &d, true);
	assert_string_equal(o.text, "not in this directory");
	assert_true(is_error(&o));
	assert_int_equal(part(&o, "run_id")->type, JSON_NULL);
	assert_int_equal(part(&o, "exit_code")->type, JSON_NULL);
	json_free(o.doc);
	capture_fini(&c);
}

/* Every byte, and sequences that are not UTF-8: valid JSON anyway. */
static void
test_any_bytes(void **state)
{
	const struct msg_done d = { .state = PROTO_EXITED };
	uint8_t all[512];
	struct capture c;
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)(i < 256 ? i : 511 - i);
	capture_init(&c, 4096);
	capture_add(&c, CAPTURE_STDOUT, 0, bytes_make(all, sizeof(all)));
	capture_add(&c, CAPTURE_STDOUT, 0, BYTES_LIT("\xed\xa0\x80\xc0\xaf"));
	o = build("exec_cmd", &c, &d, true);
	json_free(o.doc);
	o = build_as("exec_cmd", &c, &d, true,
	    PROTO_TOKEN_STRUCTURED | PROTO_TOKEN_RAW_TEXT);
	assert_true(part(&o, "stdout")->text.len > sizeof(all));
	json_free(o.doc);
	capture_fini(&c);
}

/* A character cut between two frames of one stream is whole again. */
static void
test_split_character(void **state)
{
	const struct msg_done d = { .state = PROTO_EXITED };
	struct capture c;
	struct outcome o;

	(void)state;
	capture_init(&c, 4096);
	capture_add(&c, CAPTURE_STDOUT, 0, BYTES_LIT("\xe2\x82"));
	capture_add(&c, CAPTURE_STDERR, 0, BYTES_LIT("x"));
	capture_add(&c, CAPTURE_STDOUT, 0, BYTES_LIT("\xac"));
	o = build("cli_command", &c, &d, true);
	assert_true(bytes_eq_str(part(&o, "stdout")->text, "\xe2\x82\xac"));
	json_free(o.doc);
	capture_fini(&c);
}

static void
test_bounds(void **state)
{
	const struct msg_done d = { .state = PROTO_EXITED };
	struct capture c;
	struct outcome o;

	(void)state;
	capture_init(&c, 100);
	capture_add(&c, CAPTURE_STDOUT, 0, BYTES_LIT("head"));
	capture_add(&c, CAPTURE_STDOUT, 1234, BYTES_LIT("tail"));
	o = build("exec_cmd", &c, &d, true);
	assert_string_equal(o.text,
	    "head\n[\xe2\x80\xa6 1234 bytes left out \xe2\x80\xa6]\ntail");
	assert_true(part(&o, "truncated")->boolean);
	json_free(o.doc);
	for (int i = 0; i < 50; i++)
		capture_add(&c, CAPTURE_STDERR, 0, BYTES_LIT("more of it"));
	assert_true(c.data.len <= 100);
	capture_fini(&c);

	/* streams that alternate for ever */
	capture_init(&c, 1 << 20);
	for (unsigned i = 0; i < 2 * CAPTURE_MAX_PIECES; i++)
		capture_add(&c, 1 + i % 2, 0, BYTES_LIT("."));
	assert_true(c.cut);
	assert_int_equal(
	    c.pieces.len, CAPTURE_MAX_PIECES * sizeof(struct capture_piece));
	capture_fini(&c);
}

/* --- arguments --------------------------------------------------------- */

static int
flatten(const char *json, struct catalog_args *args, struct json_doc **doc,
    struct err *e)
{
	catalog_args_init(args);
	assert_int_equal(json_parse(bytes_of(json), JSON_STRICT, doc, e), 0);
	return catalog_flatten(catalog_find(BYTES_LIT("exec_cmd"), false),
	    json_root(*doc), args, e);
}

static void
test_arguments(void **state)
{
	static const struct {
		const char *json, *word;
	} bad[] = {
		{ "{}", "command is required" },
		{ "{\"command\":\"\"}", "command is required" },
		{ "{\"command\":null}", "must be a string" },
		{ "{\"command\":[\"ls\"]}", "must be a string, not" },
		{ "{\"command\":\"x\",\"cwd\":\"/\"}", "\"cwd\"" },
		{ "{\"command\":\"x\",\"work_dir\":\"/\"}", "working_dir" },
		{ "{\"command\":\"a\\u0000b\"}", "NUL" },
		{ "{\"command\":\"x\",\"timeout_ms\":\"5\"}", "whole number" },
		{ "{\"command\":\"x\",\"timeout_ms\":1.5}", "whole number" },
		{ "{\"command\":\"x\",\"timeout_ms\":0}", "whole number" },
		{ "{\"command\":\"x\",\"env\":\"A=1\"}", "object" },
		{ "{\"command\":\"x\",\"env\":{\"A\":1}}", "strings" },
		{ "{\"command\":\"x\",\"env\":{\"A=B\":\"\"}}", "names" },
		{ "{\"command\":\"x\",\"env\":{\"\":\"\"}}", "names" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct catalog_args args;
		struct json_doc *doc;
		struct err e = { 0 };

		assert_int_equal(
		    flatten(bad[i].json, &args, &doc, &e), ERR_BAD);
		if (strstr(e.what, bad[i].word) == NULL)
			fail_msg("%s: %s", bad[i].json, e.what);
		json_free(doc);
		catalog_args_fini(&args);
	}
}

static void
test_flatten(void **state)
{
	struct catalog_args args;
	struct json_doc *doc;
	struct err e;

	(void)state;
	assert_int_equal(
	    flatten(
		"{\"command\":\"ls\",\"stdin\":\"a\\u0000\",\"working_dir\":null,\"timeout_ms\":50,\"env\":{\"A\":\"1\",\"LONG\":\"\"}}",
		&args, &doc, &e),
	    0);
	assert_int_equal(args.count, 5);
	assert_true(bytes_eq_str(args.arg[0].value, "ls"));
	assert_int_equal(args.arg[1].value.len, 2);
	assert_int_equal(args.arg[2].kind, PROTO_NUMBER);
	assert_true(bytes_eq_str(args.arg[2].value, "50"));
	assert_true(bytes_eq_str(args.arg[3].value, "A=1"));
	assert_string_equal(args.arg[4].name, "env");
	assert_true(bytes_eq_str(args.arg[4].value, "LONG="));
	json_free(doc);
	catalog_args_fini(&args);
}

/* --- what is not text, and what was cut -------------------------------------- */

static const char png[] =
    "\x89PNG\r\n\x1a\n\0\0\0\rIHDR12345678901234567890123456789\0\0\0\0IEND\xae\x42\x60\x82";
static const char wav[] = "RIFF\x24\0\0\0WAVEfmt 0123456789012345678901234567";
static const char run[] = "0123456789abcdef0123456789abcdef";

static const struct json_value *
give(struct json_doc **doc, const struct result_call *call,
    const struct mcp_revision *rev)
{
	CLEANUP_BUF struct buf out;
	struct err e;

	buf_init(&out, 1 << 20);
	result_put_call(&out, call, rev);
	assert_int_equal(json_parse(buf_bytes(&out), JSON_STRICT, doc, &e), 0);
	return json_get(json_root(*doc), "content")->child;
}

static void
is_text(const struct json_value *o, const char *key, const char *want)
{
	const struct json_value *v = json_get(o, key);

	assert_true(json_is(v, JSON_STRING));
	if (!bytes_eq_str(v->text, want))
		fail_msg("%s is %.*s, not %s", key, (int)v->text.len,
		    (const char *)v->text.p, want);
}

static void
test_media(void **state)
{
	const struct mcp_revision now = {
		.structured = true, .audio = true, .links = true
	};
	const struct mcp_revision old = { .name = "2024-11-05" };
	struct msg_done d = { .state = PROTO_EXITED, .run = bytes_of(run) };
	struct capture c;
	struct result_call call = { catalog_find(BYTES_LIT("exec_cmd"), false),
		&c, &d, false, PROTO_TOKEN_STRUCTURED };
	const struct json_value *v;
	struct json_doc *doc;

	(void)state;
	capture_init(&c, 4096);
	capture_add(&c, CAPTURE_STDOUT, 0, bytes_make(png, sizeof(png) - 1));
	capture_add(&c, CAPTURE_STDERR, 0, BYTES_LIT("warned\n"));
	v = give(&doc, &call, &now);
	is_text(v, "type", "image");
	is_text(v, "mimeType", "image/png");
	assert_int_equal(
	    json_get(v, "data")->text.len, 4 * ((sizeof(png) + 1) / 3));
	is_text(v->next, "type", "text");
	is_text(v->next, "text",
	    "[image/png, 57 bytes: it is in this result]\nwarned\n");
	json_free(doc);
	/* a command that failed, or a caller that wants something else */
	d.exit_code = 1;
	is_text(give(&doc, &call, &now), "type", "text");
	json_free(doc);
	d.exit_code = 0;
	call.base64 = true;
	v = give(&doc, &call, &now);
	is_text(v, "type", "text");
	assert_true(bytes_starts(json_get(v, "text")->text, "iVBORw0KGgo"));
	v = json_get(json_root(doc), "structuredContent");
	is_text(v, "encoding", "base64");
	is_text(v, "stderr", "warned\n");
	json_free(doc);
	call.base64 = false;
	capture_fini(&c);

	capture_init(&c, 4096);
	capture_add(&c, CAPTURE_STDOUT, 0, bytes_make(wav, 44));
	v = give(&doc, &call, &now);
	is_text(v, "type", "audio");
	json_free(doc);
	v = give(&doc, &call, &old);
	is_text(v, "type", "resource");
	is_text(json_get(v, "resource"), "uri",
	    "exec://runs/0123456789abcdef0123456789abcdef/stdout");
	json_free(doc);
	capture_fini(&c);
}

/* A picture that was cut is none, and is not coded as if it were whole. */
static void
test_cut_is_not_whole(void **state)
{
	const struct mcp_revision now = {
		.structured = true, .audio = true, .links = true
	};
	const struct mcp_revision old = { .name = "2025-03-26" };
	struct msg_done d = { .state = PROTO_EXITED,
		.run = bytes_of(run),
		.stdout_bytes = 9999,
		.stdout_kept = 9999 };
	struct capture c;
	struct result_call call = { catalog_find(BYTES_LIT("exec_cmd"), false),
		&c, &d, true, PROTO_TOKEN_STRUCTURED };
	const struct json_value *v;
	struct json_doc *doc;

	(void)state;
	capture_init(&c, 4096);
	capture_add(&c, CAPTURE_STDOUT, 0, bytes_make(png, 40));
	capture_add(&c, CAPTURE_STDOUT, 500, bytes_make(png + 40, 17));
	v = give(&doc, &call, &now);
	is_text(v, "type", "text");
	v = v->next;
	is_text(v, "type", "resource_link");
	is_text(
	    v, "uri", "exec://runs/0123456789abcdef0123456789abcdef/stdout");
	assert_true(bytes_eq_str(json_get(v, "size")->text, "9999"));
	assert_null(v->next);
	v = json_get(json_root(doc), "structuredContent");
	assert_null(json_get(v, "encoding"));
	assert_true(json_get(v, "truncated")->boolean);
	json_free(doc);
	/* without links, as for a client that does not show them: in the text */
	v = give(&doc, &call, &old);
	assert_null(v->next);
	assert_non_null(memmem(json_get(v, "text")->text.p,
	    json_get(v, "text")->text.len, "resources/read exec://runs/", 27));
	json_free(doc);
	d.stdout_kept = 0;
	assert_null(give(&doc, &call, &now)->next);
	json_free(doc);
	capture_fini(&c);
}

/* What lies together is lent, other output is put together. */
static void
test_lend(void **state)
{
	struct capture c;
	struct buf spare;
	struct bytes lent;

	(void)state;
	fill(&c);
	buf_init(&spare, 4096);
	lent = capture_lend(&c, 0, &spare);
	assert_ptr_equal(lent.p, c.data.p);
	assert_true(bytes_eq_str(lent, "a\noops\nb\nc\n"));
	assert_int_equal(spare.len, 0);
	lent = capture_lend(&c, CAPTURE_STDOUT, &spare);
	assert_ptr_equal(lent.p, spare.p);
	assert_true(bytes_eq_str(lent, "a\nb\nc\n"));
	buf_reset(&spare);
	lent = capture_lend(&c, CAPTURE_STDERR, &spare);
	assert_true(bytes_eq_str(lent, "oops\n"));
	capture_fini(&c);
	capture_init(&c, 4096);
	buf_reset(&spare);
	assert_int_equal(capture_lend(&c, CAPTURE_STDERR, &spare).len, 0);
	capture_add(&c, CAPTURE_STDERR, 0, BYTES_LIT("x"));
	assert_int_equal(capture_lend(&c, CAPTURE_STDOUT, &spare).len, 0);
	lent = capture_lend(&c, CAPTURE_STDERR, &spare);
	assert_ptr_equal(lent.p, c.data.p);
	assert_true(bytes_eq_str(lent, "x"));
	buf_fini(&spare);
	capture_fini(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_media),
		cmocka_unit_test(test_cut_is_not_whole),
		cmocka_unit_test(test_success),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_split_character),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_flatten),
		cmocka_unit_test(test_lend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
