/* SPDX-License-Identifier: MIT */
/* test_settings: whole configurations and changes of tokens alone. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "frontend/link/defined.h"
#include "frontend/link/settings.h"

static struct settings *s;
static uint8_t verifier[DIGEST_BYTES];

/* A number instead of a digest. */
static const uint8_t *
digest_of(uint32_t n)
{
	memset(verifier, 0, sizeof(verifier));
	memcpy(verifier, &n, sizeof(n));
	return verifier;
}

static void
begin(uint32_t generation)
{
	struct msg_config m = { .generation = generation, .calls = 7 };
	struct err e;

	assert_int_equal(settings_begin(s, &m, &e), 0);
}

static int
change(uint32_t from, uint32_t generation)
{
	struct msg_change m = { .from = from, .generation = generation };
	struct err e;

	return settings_change(s, &m, &e);
}

static int
add_offering(uint32_t n, const char *name, uint64_t mark, const char *tools)
{
	struct msg_token m = { .name = bytes_of(name),
		.policy = BYTES_LIT("p"),
		.tools = bytes_of(tools),
		.sources = BYTES_LIT("10.0.0.0/8 ::1"),
		.instructions = BYTES_LIT("be careful"),
		.view = BYTES_LIT("sees little"),
		.brief = BYTES_LIT("little"),
		.policy_mark = mark };
	struct err e;

	memcpy(m.verifier, digest_of(n), sizeof(m.verifier));
	return settings_add_token(s, &m, &e);
}

static int
add(uint32_t n, const char *name, uint64_t mark)
{
	return add_offering(n, name, mark, "exec_cmd cli_command");
}

static int
forget(uint32_t n)
{
	struct msg_forget m;
	struct err e;

	memcpy(m.verifier, digest_of(n), sizeof(m.verifier));
	return settings_forget(s, &m, &e);
}

static int
commit(uint32_t generation)
{
	struct msg_commit m = { .generation = generation };
	struct err e;

	return settings_commit(s, &m, &e);
}

static const struct settings_token *
find(uint32_t n)
{
	return settings_token_find(settings_now(s), digest_of(n));
}

static int
setup(void **state)
{
	struct err e;

	(void)state;
	s = settings_new(&e);
	return s == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	settings_free(s);
	return 0;
}

static void
test_whole(void **state)
{
	const struct settings_token *t;

	(void)state;
	assert_int_equal(change(0, 1), ERR_PROTO);
	begin(1);
	assert_int_equal(add(1, "a", 5), 0);
	assert_int_equal(add(2, "b", 5), 0);
	assert_int_equal(forget(1), ERR_PROTO); /* no CHANGE began */
	assert_int_equal(commit(1), 0);
	t = find(1);
	assert_string_equal(t->name, "a");
	assert_string_equal(t->instructions, "be careful");
	assert_string_equal(t->view, "sees little");
	assert_string_equal(t->brief, "little");
	assert_int_equal(t->tool_count, 2);
	assert_string_equal(t->tools[1]->name, "cli_command");
	assert_true(settings_token_from(t, BYTES_LIT("10.1.2.3")));
	assert_false(settings_token_from(t, BYTES_LIT("11.1.2.3")));
	assert_null(find(3));
	/* a whole one has only what it names */
	begin(2);
	assert_int_equal(add(2, "b", 6), 0);
	assert_int_equal(commit(2), 0);
	assert_null(find(1));
	assert_true(find(2)->policy_changed);
}

static void
test_change(void **state)
{
	const struct settings_token *kept;

	(void)state;
	begin(1);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(add(i, "t", 1), 0);
	assert_int_equal(commit(1), 0);
	kept = find(50);
	assert_int_equal(change(2, 3), ERR_PROTO); /* never was in force */
	assert_int_equal(change(1, 2), 0);
	assert_true(settings_is_change(s));
	assert_int_equal(forget(0), 0);
	assert_int_equal(forget(0), ERR_PROTO);
	assert_int_equal(forget(99), 0);
	assert_int_equal(forget(98), 0);
	assert_int_equal(add(1, "other", 2), 0); /* instead of 1 */
	assert_int_equal(add(200, "new", 1), 0);
	assert_int_equal(add(0, "again", 1), 0);
	assert_non_null(find(99)); /* not before the COMMIT */
	assert_string_equal(find(1)->name, "t");
	assert_int_equal(commit(2), 0);
	assert_false(settings_is_change(s));
	assert_int_equal(settings_now(s)->token_count, 99);
	assert_int_equal(settings_now(s)->limits.calls, 7);
	assert_null(find(99));
	assert_null(find(98));
	assert_string_equal(find(0)->name, "again");
	assert_string_equal(find(1)->name, "other");
	assert_string_equal(find(200)->name, "new");
	assert_ptr_equal(find(50), kept);
	assert_false(find(50)->policy_changed);
	assert_true(find(1)->policy_changed);
	for (uint32_t i = 2; i < 98; i++)
		assert_non_null(find(i));
	/* given up for another one */
	assert_int_equal(change(2, 3), 0);
	assert_int_equal(forget(50), 0);
	assert_int_equal(change(2, 4), 0);
	assert_int_equal(commit(4), 0);
	assert_ptr_equal(find(50), kept);
}

static void
test_most(void **state)
{
	(void)state;
	begin(1);
	for (uint32_t i = 0; i < SETTINGS_MAX_TOKENS; i++)
		assert_int_equal(add(i, "t", 1), 0);
	assert_int_equal(add(SETTINGS_MAX_TOKENS, "t", 1), ERR_BUSY);
	assert_int_equal(commit(1), 0);
	for (uint32_t i = 0; i < SETTINGS_MAX_TOKENS; i++)
		assert_non_null(find(i));
	assert_null(find(SETTINGS_MAX_TOKENS));
	/* one goes and one comes */
	assert_int_equal(change(1, 2), 0);
	assert_int_equal(forget(17), 0);
	assert_int_equal(add(SETTINGS_MAX_TOKENS, "t", 1), 0);
	assert_int_equal(add(17, "t", 1), ERR_BUSY);
}

/* Tools that were there before the first token are whole. */
static void
test_tools_first(void **state)
{
	const struct msg_tool a = { .name = BYTES_LIT("a") };
	const struct msg_tool b = { .name = BYTES_LIT("b") };
	const struct settings_token *t;
	struct err e;

	(void)state;
	begin(1);
	assert_int_equal(settings_add_tool(s, &a, &e), 0);
	assert_int_equal(settings_add_tool(s, &b, &e), 0);
	assert_int_equal(commit(1), 0);
	assert_int_equal(change(1, 2), 0);
	assert_int_equal(add_offering(1, "t", 5, "a b"), 0);
	assert_int_equal(commit(2), 0);
	t = find(1);
	assert_int_equal(t->tool_count, 2);
	for (size_t i = 0; i < t->tool_count; i++)
		assert_non_null(t->tools[i]->input_schema);
}

static int
name(unsigned kind, const char *value)
{
	const struct msg_name m = { .kind = (uint8_t)kind,
		.value = bytes_of(value) };
	struct err e = { 0 };

	return settings_add_name(s, &m, &e);
}

static int
tool(unsigned form, const char *is_called)
{
	const struct msg_tool m = { .name = bytes_of(is_called),
		.form = (uint8_t)form };
	struct err e = { 0 };

	return settings_add_tool(s, &m, &e);
}

static int
param(unsigned kind, const char *is_called)
{
	const struct msg_param m = {
		.name = bytes_of(is_called), .kind = (uint8_t)kind, .max_len = 1
	};
	struct err e = { 0 };

	return settings_add_param(s, &m, &e);
}

static int
schema(unsigned more, const char *text)
{
	const struct msg_schema m = { .more = (uint8_t)more,
		.text = bytes_of(text) };
	struct err e = { 0 };

	return settings_add_schema(s, &m, &e);
}

/* Each frame where it has no place; the frontend ends at the first. */
static void
test_out_of_place(void **state)
{
	const struct msg_penalties penalties = { .failure_ms = 1 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(name(PROTO_NAME_HOST, "a.example"), ERR_PROTO);
	assert_int_equal(settings_set_penalties(s, &penalties, &e), ERR_PROTO);
	assert_int_equal(tool(PROTO_FORM_TEXT, "a"), ERR_PROTO);
	assert_int_equal(param(PROTO_STRING, "p"), ERR_PROTO);
	assert_int_equal(schema(0, "{}"), ERR_PROTO);
	assert_int_equal(add(1, "t", 5), ERR_PROTO);
	assert_int_equal(commit(1), ERR_PROTO);
	begin(1);
	assert_int_equal(param(PROTO_STRING, "p"), ERR_PROTO); /* no TOOL */
	assert_int_equal(schema(0, "{}"), ERR_PROTO);
	assert_int_equal(settings_set_penalties(s, &penalties, &e), 0);
	assert_int_equal(commit(2), ERR_PROTO); /* another generation */
	assert_int_equal(add(1, "t", 5), 0);
	assert_int_equal(tool(PROTO_FORM_TEXT, "a"), ERR_PROTO);
	assert_int_equal(param(PROTO_STRING, "p"), ERR_PROTO);
	assert_int_equal(commit(1), 0);
	assert_int_equal(change(1, 2), 0);
	assert_int_equal(tool(PROTO_FORM_TEXT, "a"), ERR_PROTO);
	assert_int_equal(param(PROTO_STRING, "p"), ERR_PROTO);
	assert_int_equal(forget(7), ERR_PROTO); /* it is not there */
	assert_int_equal(commit(2), 0);
}

/* What the executor never sends. */
static void
test_cannot_be(void **state)
{
	char text[SETTINGS_MAX_NAME + 1];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	begin(1);
	assert_int_equal(name(PROTO_NAME_HOST, text), ERR_BAD);
	assert_int_equal(name(PROTO_NAME_PATH, text), ERR_BAD);
	assert_int_equal(name(PROTO_NAME_PROXY, "10.0.0.0/99"), ERR_BAD);
	assert_int_equal(tool(PROTO_FORM_RESOURCE + 1, "a"), ERR_PROTO);
	assert_int_equal(tool(PROTO_FORM_TEXT, text), ERR_BAD);
	assert_int_equal(tool(PROTO_FORM_JSON, "a"), 0);
	assert_int_equal(param(PROTO_BOOL + 1, "p"), ERR_PROTO);
	begin(1);
	assert_int_equal(tool(PROTO_FORM_JSON, "a"), 0);
	assert_int_equal(param(PROTO_BOOL, "p q"), ERR_PROTO);
	begin(1);
	assert_int_equal(tool(PROTO_FORM_JSON, "a"), 0);
	assert_int_equal(schema(2, "{"), ERR_PROTO);
	assert_int_equal(schema(1, "{"), 0);
	assert_int_equal(commit(1), ERR_PROTO); /* not all of it came */
	assert_int_equal(tool(PROTO_FORM_TEXT, "b"), ERR_PROTO);
	assert_int_equal(schema(0, "}"), 0);
	assert_int_equal(schema(0, "}"), ERR_PROTO);
	assert_int_equal(add_offering(1, "t", 5, "a"), 0);
	assert_int_equal(add_offering(2, text, 5, "a"), ERR_BAD);
	assert_int_equal(commit(1), 0);
	assert_non_null(find(1));
	assert_null(find(2));
}

/* As many as there may be of each, and not one more. */
static void
test_bounds(void **state)
{
	char text[4 * (SETTINGS_MAX_OFFERED + 2)] = "", one[16];
	unsigned n;

	(void)state;
	begin(1);
	for (n = 0; n < SETTINGS_MAX_NAMES; n++)
		assert_int_equal(name(PROTO_NAME_HOST, "a.example"), 0);
	assert_int_equal(name(PROTO_NAME_HOST, "a.example"), ERR_BUSY);
	for (n = 0; n < SETTINGS_MAX_NETS; n++)
		assert_int_equal(name(PROTO_NAME_PROXY, "10.0.0.0/8"), 0);
	assert_int_equal(name(PROTO_NAME_PROXY, "10.0.0.0/8"), ERR_BUSY);
	assert_int_equal(name(PROTO_NAME_EXEMPT, "10.0.0.0/8"), 0);
	for (n = 0; n < SETTINGS_MAX_TOOLS; n++) {
		(void)snprintf(one, sizeof(one), "t%02x", n);
		assert_int_equal(tool(PROTO_FORM_TEXT, one), 0);
	}
	assert_int_equal(tool(PROTO_FORM_TEXT, "u"), ERR_BUSY);
	for (n = 0; n < DEFINED_MAX_PARAMS; n++)
		assert_int_equal(param(PROTO_STRING, "p"), 0);
	assert_int_equal(param(PROTO_STRING, "p"), ERR_BUSY);
	for (n = 0; n < SETTINGS_MAX_OFFERED; n++) {
		(void)snprintf(one, sizeof(one), "t%02x ", n);
		(void)strcat(text, one);
	}
	assert_int_equal(add_offering(1, "t", 5, text), 0);
	(void)strcat(text, "tff");
	assert_int_equal(add_offering(2, "u", 5, text), ERR_PROTO);
}

static void
test_sources(void **state)
{
	char text[12 * (SETTINGS_MAX_SOURCES + 1)] = "";
	struct msg_token m = { .name = BYTES_LIT("t"),
		.policy = BYTES_LIT("p"),
		.tools = BYTES_LIT("exec_cmd") };
	struct err e = { 0 };

	(void)state;
	begin(1);
	for (unsigned n = 0; n < SETTINGS_MAX_SOURCES; n++)
		(void)strcat(text, "10.0.0.0/8 ");
	m.sources = bytes_of(text);
	assert_int_equal(settings_add_token(s, &m, &e), 0);
	(void)strcat(text, "11.0.0.0/8");
	m.sources = bytes_of(text);
	m.verifier[0] = 1;
	assert_int_equal(settings_add_token(s, &m, &e), ERR_BUSY);
	m.sources = BYTES_LIT("10.0.0.0/8 anywhere");
	assert_int_equal(settings_add_token(s, &m, &e), ERR_BAD);
	assert_int_equal(commit(1), 0);
	assert_non_null(find(0));
	assert_null(find(1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_most, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_out_of_place, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_cannot_be, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sources, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_tools_first, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
