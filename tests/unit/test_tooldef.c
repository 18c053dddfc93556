/* SPDX-License-Identifier: MIT */
/* Unit tests of executor/tooldef, toolparam, toolargv, toolcall; common/param. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "executor/run/toolcall.h"

static struct conf_report report;

/* A definition with these keys in addition to a description and true(1). */
static int
parse(const char *keys, struct tooldef **out)
{
	char text[8192];
	struct err e;

	(void)snprintf(text, sizeof(text), "{\"description\":\"d\"%s%s\n,%s}",
	    strstr(keys, "\"argv\"") != NULL ? "" : ",\"argv\":[\"/bin/true\"]",
	    "", keys);
	conf_report_fini(&report);
	conf_report_init(&report);
	return tooldef_parse("t.json", "t", bytes_of(text), out, &report, &e);
}

static struct tooldef *
loaded(const char *keys)
{
	struct tooldef *t = NULL;

	if (parse(keys, &t) != 0)
		fail_msg("%s: %s", keys, buf_cstr(&report.text));
	return t;
}

#define P(name, rest) "\"parameters\":{\"" name "\":{" rest "}}"
#define ARGV(rest)    ",\"argv\":[\"/bin/true\"," rest "]"
#define STR           "\"type\":\"string\",\"pattern\":\".*\""
#define INT(lo, hi)   "\"type\":\"integer\",\"minimum\":" lo ",\"maximum\":" hi

static void
test_findings(void **state)
{
	static const struct {
		const char *keys, *words;
	} rows[] = {
		{ "\"argv\":[]", "empty" },
		{ "\"argv\":\"x\"", "list" },
		{ "\"argv\":[\"true\"]", "absolute path" },
		{ "\"argv\":[5]", "absolute path" },
		{ "\"argv\":[\"/bin/{a}\"]," P("a", STR),
		    "choose the program" },
		{ "\"argv\":[\"/no/such\"]", "No such file" },
		{ "\"argv\":[\"/etc/passwd\"]", "not an executable" },
		{ "\"argv\":[\"/etc\"]", "not an executable" },
		{ "\"argv\":[\"/bin/true\",\"{a}\"]", "no such parameter" },
		{ "\"argv\":[\"/bin/true\",\"{a\"]", "lone" },
		{ "\"argv\":[\"/bin/true\",\"a}\"]", "lone" },
		{ "\"argv\":[\"/bin/true\",\"\\n\"]", "control" },
		{ "\"argv\":[\"/bin/true\",7]", "string" },
		{ "\"argv\":[\"/bin/true\",{\"if\":\"a\",\"words\":[]}]",
		    "no parameter \"a\"" },
		{ "\"argv\":[\"/bin/true\",{\"if\":\"a\"}]", "not always" },
		{ "\"argv\":[\"/bin/true\",{\"if\":\"a\",\"unless\":\"a\",\"words\":[]}]",
		    "not always" },
		{ P("a", STR) ARGV("{\"if\":\"a\",\"words\":[\"{a}\"]}"),
		    "always given" },
		{ P("a", STR ",\"required\":false") ARGV("\"{a}\""),
		    "may be missing" },
		{ P("a", STR ",\"required\":false")
			ARGV("{\"unless\":\"a\",\"words\":[\"{a}\"]}"),
		    "may be missing" },
		{ P("a", STR) ",\"argv\":[\"/bin/sh\",\"-c\",\"ls {a}\"]",
		    "would be code" },
		{ P("a",
		      STR) ",\"argv\":[\"/usr/bin/env\",\"python3.11\",\"-Ic\",\"{a}\"]",
		    "would be code" },
		{ P("a", STR), "used nowhere" },
		{ P("5", STR), "not a parameter name" },
		{ P("a", ""), "\"type\" is missing" },
		{ P("a", "\"type\":\"int\"") ARGV("\"{a}\""), "\"integer\"" },
		{ P("a", "\"type\":\"string\"") ARGV("\"{a}\""),
		    "which values" },
		{ P("a", "\"type\":\"string\",\"pattern\":\"(\"")
			ARGV("\"{a}\""),
		    "pattern" },
		{ P("a", "\"type\":\"string\",\"pattern\":\"(?i)a\"")
			ARGV("\"{a}\""),
		    "(?i)" },
		{ P("a", STR ",\"enum\":[\"b\"]") ARGV("\"{a}\""),
		    "says all already" },
		{ P("a", "\"type\":\"string\",\"enum\":[]") ARGV("\"{a}\""),
		    "at least one" },
		{ P("a", "\"type\":\"string\",\"enum\":[\"-f\"]")
			ARGV("\"{a}\""),
		    "taken for an option" },
		{ P("a", INT("-1", "5")) ARGV("\"{a}\""),
		    "taken for an option" },
		{ P("a", "\"type\":\"integer\",\"minimum\":1") ARGV("\"{a}\""),
		    "needs \"minimum\" and" },
		{ P("a", INT("5", "4")) ARGV("\"{a}\""), "above" },
		{ P("a", INT("1", "4") ",\"default\":5") ARGV("\"{a}\""),
		    "from 1 to 4" },
		{ P("a", INT("1", "4") ",\"default\":\"2\"") ARGV("\"{a}\""),
		    "must be a integer" },
		{ P("a", INT("1", "4") ",\"pattern\":\"x\"") ARGV("\"{a}\""),
		    "for a \"string\" only" },
		{ P("a", STR ",\"minimum\":1") ARGV("\"{a}\""),
		    "for a \"integer\" only" },
		{ P("a", STR ",\"minLength\":5,\"maxLength\":4")
			ARGV("\"{a}\""),
		    "above" },
		{ P("a", STR ",\"maxLength\":5000") ARGV("\"{a}\""), "4096" },
		{ P("a", STR ",\"default\":\"x\",\"required\":true")
			ARGV("\"{a}\""),
		    "remove one" },
		{ P("a", STR ",\"default\":\"-x\"") ARGV("\"{a}\""),
		    "begin with" },
		{ P("a", STR ",\"requird\":true") ARGV("\"{a}\""),
		    "did you mean \"required\"" },
		{ "\"parameters\":[]", "object" },
		{ "\"stdin\":\"a\"", "none of this name" },
		{ P("a", STR) ",\"stdin\":\"a\"" ARGV("\"{a}\""), "as well" },
		{ P("a", "\"type\":\"boolean\"") ",\"stdin\":\"a\"",
		    "must be a string" },
		{ "\"timeout_ms\":99", "from 100" },
		{ "\"annotations\":{\"readOnlyHint\":1}", "true or false" },
		{ "\"annotations\":{\"readonlyHint\":true}",
		    "did you mean \"readOnlyHint\"" },
		{ "\"output\":{\"form\":\"jsn\"}", "did you mean \"json\"" },
		{ "\"output\":{\"schema\":{}}", "form \"json\" only" },
		{ "\"output\":{\"form\":\"json\",\"schema\":{}}",
		    "\"object\"" },
		{ "\"output\":{\"form\":\"image\"}", "mime_type" },
		{ "\"output\":{\"mime_type\":\"image/png\"}", "for the forms" },
		{ "\"output\":{\"form\":\"audio\",\"mime_type\":\"image/png\"}",
		    "audio/" },
		{ "\"output\":{\"form\":\"resource\",\"mime_type\":\"x\"}",
		    "must be like" },
		{ "\"title\":\"\"", "empty" },
		{ "\"description\":5", "twice" },
		{ "\"name\":\"x\"", "unknown key" },
		{ "\"name\":\"x\"", "see mcp-execd-tool(5)" },
	};
	struct tooldef *t = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (parse(rows[i].keys, &t) == 0)
			fail_msg("%s was taken", rows[i].keys);
		if (strstr(buf_cstr(&report.text), rows[i].words) == NULL)
			fail_msg(
			    "%s: %s", rows[i].keys, buf_cstr(&report.text));
		assert_true(strncmp(buf_cstr(&report.text), "t.json:", 7) == 0);
		assert_null(t);
	}
}

static char *
words_of(const struct toolcall *c)
{
	static char text[4096];
	struct buf out;

	buf_init(&out, sizeof(text));
	for (size_t i = 0; i < c->def->argv.words; i++)
		if (toolcall_put_word(c, i, &out))
			buf_put_u8(&out, '|');
	(void)snprintf(text, sizeof(text), "%s", buf_cstr(&out));
	buf_fini(&out);
	return text;
}

static void
take(struct toolcall *c, const char *name, uint8_t kind, const char *value)
{
	struct err e;

	if (toolcall_take(c, name, kind, bytes_of(value), &e) != 0)
		fail_msg("%s: %s", name, e.what);
}

static void
test_wordsplit(void **state)
{
	struct tooldef *t = loaded(
	    "\"parameters\":{\"a\":{" STR ",\"minLength\":0},\"n\":{" INT("0",
		"9") ",\"default\":4},\"b\":{\"type\":\"boolean\"},\"o\":{" STR
		     ",\"required\":false},\"in\":{\"type\":\"string\"}},\"stdin\":\"in\"" ARGV(
			 "\"{a}\",\"x{{{a}}}\",\"-n{n}\",\"\",{\"if\":\"b\",\"words\":[\"yes\",\"{n}\"]},{\"unless\":\"b\",\"words\":[\"no\"]},{\"if\":\"o\",\"words\":[\"--o={o}\"]}"));
	struct toolcall c;
	struct bytes in;
	struct err e;

	(void)state;
	toolcall_init(&c, t);
	take(&c, "a", PROTO_STRING, "$x `y`");
	take(&c, "in", PROTO_STRING, "");
	assert_int_equal(toolcall_complete(&c, &e), 0);
	assert_string_equal(
	    words_of(&c), "/bin/true|$x `y`|x{$x `y`}|-n4||no|");
	assert_true(toolcall_input(&c, &in));
	assert_int_equal(in.len, 0);
	toolcall_init(&c, t);
	take(&c, "a", PROTO_STRING, "");
	take(&c, "n", PROTO_NUMBER, "7");
	take(&c, "b", PROTO_BOOL, "true");
	take(&c, "o", PROTO_STRING, "-{a}");
	take(&c, "in", PROTO_STRING, "\n");
	assert_int_equal(toolcall_complete(&c, &e), 0);
	assert_string_equal(
	    words_of(&c), "/bin/true||x{}|-n7||yes|7|--o=-{a}|");
	toolcall_init(&c, t);
	take(&c, "b", PROTO_BOOL, "false");
	assert_int_equal(toolcall_complete(&c, &e), ERR_BAD);
	assert_string_equal(e.what, "a is required");
	tooldef_unref(t);
}

static void
test_values(void **state)
{
	static const struct {
		const char *name;
		uint8_t kind;
		const char *value, *words;
	} rows[] = {
		{ "x", PROTO_STRING, "", "no argument" },
		{ "a", PROTO_NUMBER, "1", "wrong type" },
		{ "a", PROTO_STRING, "-f", "begin with" },
		{ "a", PROTO_STRING, "a\nb", "control" },
		{ "a", PROTO_STRING, "a\xc2\x85", "control" },
		{ "a", PROTO_STRING, "a\x7f", "control" },
		{ "a", PROTO_STRING, "\xff", "control" },
		{ "a", PROTO_STRING, "abcdef", "characters" },
		{ "a", PROTO_STRING, "", "empty" },
		{ "n", PROTO_NUMBER, "0", "from 1 to 9" },
		{ "n", PROTO_NUMBER, "10", "from 1 to 9" },
		{ "n", PROTO_NUMBER, "05", "from 1 to 9" },
		{ "n", PROTO_NUMBER, "+5", "from 1 to 9" },
		{ "n", PROTO_NUMBER, "-0", "from 1 to 9" },
		{ "n", PROTO_NUMBER, "5.0", "from 1 to 9" },
		{ "n", PROTO_NUMBER, "5 ", "from 1 to 9" },
		{ "n", PROTO_NUMBER, "", "from 1 to 9" },
		{ "n", PROTO_NUMBER, "99999999999999999999", "from 1 to 9" },
		{ "n", PROTO_STRING, "5", "wrong type" },
		{ "b", PROTO_BOOL, "yes", "true or false" },
		{ "b", PROTO_BOOL, "", "true or false" },
	};
	struct tooldef *t = loaded(
	    "\"parameters\":{\"a\":{" STR ",\"maxLength\":5},\"n\":{" INT("1",
		"9") "},\"b\":{\"type\":\"boolean\"}}" ARGV("\"{a}\",\"{n}\",\"{b}x\""));
	struct toolcall c;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		toolcall_init(&c, t);
		if (toolcall_take(&c, rows[i].name, rows[i].kind,
			bytes_of(rows[i].value), &e) != ERR_BAD ||
		    strstr(e.what, rows[i].words) == NULL)
			fail_msg(
			    "%s=%s: %s", rows[i].name, rows[i].value, e.what);
	}
	toolcall_init(&c, t);
	take(&c, "a", PROTO_STRING, "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9");
	assert_int_equal(
	    toolcall_take(&c, "a", PROTO_STRING, BYTES_LIT("x"), &e), ERR_BAD);
	assert_non_null(strstr(e.what, "twice"));
	tooldef_unref(t);
}

static void
test_schema(void **state)
{
	struct tooldef *t = loaded(
	    "\"parameters\":{\"a\":{\"type\":\"string\",\"enum\":[\"x\",\"y z\"],\"default\":\"x\",\"description\":\"\\\"d\\\"\"},\"n\":{" INT(
		"-9223372036854775808",
		"9223372036854775807") "},\"b\":{\"type\":\"boolean\",\"default\":true}}" ARGV("\"a{a}{n}{b}\""));
	struct json_doc *doc;
	struct buf out;
	struct err e;

	(void)state;
	buf_init(&out, 4096);
	param_put_schema(&out, t->param, t->param_count);
	assert_string_equal(buf_cstr(&out),
	    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"description\":\"\\\"d\\\"\",\"enum\":[\"x\",\"y z\"],\"default\":\"x\"},\"n\":{\"type\":\"integer\",\"minimum\":-9223372036854775808,\"maximum\":9223372036854775807},\"b\":{\"type\":\"boolean\",\"default\":true}},\"required\":[\"n\"],\"additionalProperties\":false}");
	assert_int_equal(json_parse(buf_bytes(&out), JSON_STRICT, &doc, &e), 0);
	json_free(doc);
	buf_reset(&out);
	param_put_schema(&out, NULL, 0);
	assert_string_equal(buf_cstr(&out),
	    "{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}");
	buf_fini(&out);
	tooldef_unref(t);
}

static void
test_scripts_and_paths(void **state)
{
	struct tooldef *t = loaded(P("a",
	    STR) ",\"argv\":[\"/bin/sh\",\"-c\",\"ls \\\"$1\\\"\",\"name\",\"-e\",\"{a}\"]");

	(void)state;
	assert_int_equal(toolargv_in_script(&t->argv), -1);
	assert_false(toolargv_in_path(&t->argv, 0));
	tooldef_unref(t);
	t = loaded(P("a", STR) ARGV("\"-e\",\"/x/{a}\""));
	assert_int_equal(toolargv_in_script(&t->argv), -1);
	assert_true(toolargv_in_path(&t->argv, 0));
	tooldef_unref(t);
}

static void
test_describe(void **state)
{
	struct tooldef *t = loaded(P("a", "\"type\":\"boolean\"") ARGV(
	    "\"-x{{\",\"\",{\"if\":\"a\",\"words\":[\"b\",\"{a}\"]},{\"unless\":\"a\",\"words\":[\"c\"]}"));
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	toolargv_describe(&t->argv, t->param, &out);
	assert_string_equal(buf_cstr(&out),
	    "/bin/true -x{ '' [b if a] [{a} if a] [c unless a]");
	buf_fini(&out);
	tooldef_unref(t);
}

static int
teardown(void **state)
{
	(void)state;
	conf_report_fini(&report);
	return 0;
}

/* A word that begins with "-" is an option, also of a number. */
static void
test_negative(void **state)
{
	struct param p;
	struct err e;

	(void)state;
	param_init(&p);
	(void)snprintf(p.name, sizeof(p.name), "n");
	p.kind = PARAM_INTEGER;
	p.minimum = -5;
	p.maximum = 5;
	assert_int_equal(param_check(&p, BYTES_LIT("5"), &e), 0);
	assert_int_equal(param_check(&p, BYTES_LIT("0"), &e), 0);
	assert_int_equal(param_check(&p, BYTES_LIT("-1"), &e), ERR_BAD);
	assert_int_equal(param_check(&p, BYTES_LIT("-5"), &e), ERR_BAD);
	p.dash = true;
	assert_int_equal(param_check(&p, BYTES_LIT("-5"), &e), 0);
	assert_int_equal(param_check(&p, BYTES_LIT("-6"), &e), ERR_BAD);
	param_fini(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_wordsplit),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_scripts_and_paths),
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_negative),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
