/* SPDX-License-Identifier: MIT */
/* test_token: tokens, narrowing, reload, and the check of a proof. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <stdbool.h>

#include <cmocka.h>

#include "executor/policy/tokendir.h"
#include "tests/unit/fixture_fds.h"
#include "tests/unit/vectors.h"

static struct {
	char base[64]; /* holds work/, work/sub, workevil/, tokens/ */
	char tokens[80];
	struct policy_table policies;
	struct conf_report report;
	char text[BEARER_TEXT];
	char hex[DIGEST_HEX];
} fix;

/* in the order of removing; the other way round they are made */
static const char *const dirs[] = { "work/sub", "work", "workevil", "tokens" };

static void
in_base(char *out, size_t size, const char *name)
{
	(void)snprintf(out, size, "%s/%s", fix.base, name);
}

static int
group_setup(void **state)
{
	char path[128], text[512];
	uint8_t verifier[DIGEST_BYTES];
	struct policy *p;
	struct err e;

	(void)state;
	(void)strcpy(fix.base, "/tmp/test_token.XXXXXX");
	assert_non_null(mkdtemp(fix.base));
	for (size_t i = 4; i > 0; i--) {
		in_base(path, sizeof(path), dirs[i - 1]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	in_base(fix.tokens, sizeof(fix.tokens), "tokens");
	in_base(path, sizeof(path), "work/out");
	assert_int_equal(symlink("/etc", path), 0);
	(void)snprintf(text, sizeof(text),
	    "{\"user\":%u,\"group\":%u,\"directory\":\"%s/work\"}",
	    (unsigned)geteuid(), (unsigned)getegid(), fix.base);
	conf_report_init(&fix.report);
	assert_int_equal(
	    policy_parse("p", "p", bytes_of(text), NULL, &p, &fix.report, &e),
	    0);
	assert_int_equal(policy_table_add(&fix.policies, p, &e), 0);
	bearer_make(fix.text, verifier);
	digest_hex(verifier, DIGEST_BYTES, fix.hex);
	return 0;
}

static int
group_teardown(void **state)
{
	char path[128];

	(void)state;
	in_base(path, sizeof(path), "work/out");
	(void)unlink(path);
	for (size_t i = 0; i < 4; i++) {
		in_base(path, sizeof(path), dirs[i]);
		assert_int_equal(rmdir(path), 0);
	}
	(void)rmdir(fix.base);
	policy_table_fini(&fix.policies);
	conf_report_fini(&fix.report);
	return 0;
}

/* A token with the fixture's verifier and further keys. */
static struct token *
parse(const char *keys)
{
	char text[2048];

	(void)snprintf(text, sizeof(text),
	    "{\"verifier\":\"%s\",\"policy\":\"p\",\"created\":\"2026-01-01T00:00:00Z\"%s%s}",
	    fix.hex, keys[0] != '\0' ? ",\n" : "", keys);
	conf_report_fini(&fix.report);
	return token_parse(
	    "t", "t", bytes_of(text), &fix.policies, &fix.report);
}

static void
test_plain(void **state)
{
	struct token *t = parse("");

	(void)state;
	assert_non_null(t);
	assert_string_equal(t->name, "t");
	assert_ptr_equal(t->policy, fix.policies.p[0]);
	assert_string_equal(t->directory, "");
	assert_int_equal(t->created, 1767225600);
	assert_int_equal(t->expires, 0);
	assert_int_equal(t->source_count, 0);
	assert_int_equal(fix.policies.p[0]->refs, 3);
	token_free(t);
	assert_int_equal(fix.policies.p[0]->refs, 1);
}

static struct token *
parse_directory(const char *name)
{
	char keys[256];

	(void)snprintf(
	    keys, sizeof(keys), "\"directory\":\"%s/%s\"", fix.base, name);
	return parse(keys);
}

/* Its policy is a narrower one, of the same name, filter and tools. */
static void
check_narrowed(const struct token *t)
{
	const struct policy *whole = fix.policies.p[0], *p = t->policy;

	assert_ptr_not_equal(p, whole);
	assert_int_equal(whole->refs, 2);
	assert_string_equal(p->name, whole->name);
	assert_string_equal(p->directory, t->directory);
	assert_null(strstr(p->directory, "/."));
	assert_true(p->dir_fd >= 0);
	assert_int_equal(p->tool_count, whole->tool_count);
	assert_memory_equal(
	    p->filter.digest, whole->filter.digest, sizeof(p->filter.digest));
	assert_true(mounts_cover(&p->confine.mounts, p->directory) ||
		    (p->confine.layers & CONFINE_MOUNTS) == 0);
}

static void
test_directory(void **state)
{
	static const char *const out[] = { "workevil", "work/..", "work/out",
		"work/../workevil", "work/nothing", "",
		"work/sub/../../tokens" };
	static const char *const in[] = { "work", "work/", "work/sub",
		"work//sub/", "work/sub/..", "work/sub/." };

	(void)state;
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
		struct token *t = parse_directory(in[i]);

		if (t == NULL)
			fail_msg("%s: %s", in[i], buf_cstr(&fix.report.text));
		else
			check_narrowed(t);
		token_free(t);
	}
	for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++) {
		if (parse_directory(out[i]) != NULL)
			fail_msg("%s is accepted", out[i]);
		assert_int_equal(fix.report.count, 1);
	}
	assert_null(parse("\"directory\":\"/proc/self/cwd\""));
	assert_null(parse("\"directory\":\"sub\""));
	assert_int_equal(fix.policies.p[0]->refs, 1);
}

/* As a reload does with a token whose file has not changed. */
static void
test_bound_again(void **state)
{
	struct token *t = parse_directory("work/sub"), *again;
	char path[128];

	(void)state;
	assert_non_null(t);
	again = token_rebind(t, &fix.policies);
	assert_non_null(again);
	assert_ptr_not_equal(again->policy, t->policy);
	assert_string_equal(again->directory, t->directory);
	in_base(path, sizeof(path), "work/sub");
	assert_int_equal(rmdir(path), 0);
	assert_null(token_rebind(t, &fix.policies));
	assert_int_equal(mkdir(path, 0700), 0);
	token_free(t);
	check_narrowed(again);
	token_free(again);
	assert_int_equal(fix.policies.p[0]->refs, 1);
}

static void
test_findings(void **state)
{
	static const char *const bad[][2] = {
		{ "\"expires\":\"2026-02-30T00:00:00Z\"", "calendar" },
		{ "\"expires\":\"2026-02-20\"", "not a valid time" },
		{ "\"expires\":5", "in quotes" },
		{ "\"sources\":[]", "leave it out" },
		{ "\"sources\":[\"10.0.0.1/8\"]", "10.0.0.1/8" },
		{ "\"sources\":[\"host\"]", "host" },
		{ "\"sources\":\"10.0.0.0/8\"", "list" },
		{ "\"structured\":1", "true or false" },
		{ "\"timeout_max_ms\":600001", "above" },
		{ "\"timeout_max_ms\":1", "from 100" },
		{ "\"source\":[]", "did you mean \"sources\"" },
		{ "\"zzzzzz\":[]", "see mcp-execd-token(5)" },
		{ "\"comment\":\"a\\u001bb\"", "control" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(parse(bad[i][0]));
		if (fix.report.count != 1 ||
		    strstr(buf_cstr(&fix.report.text), bad[i][1]) == NULL ||
		    strstr(buf_cstr(&fix.report.text), "t:2:") == NULL)
			fail_msg(
			    "%s -> %s", bad[i][0], buf_cstr(&fix.report.text));
	}
	conf_report_fini(&fix.report);
	assert_null(
	    token_parse("t", "t", BYTES_LIT("{}"), &fix.policies, &fix.report));
	assert_int_equal(fix.report.count, 3);
	assert_null(token_parse("t", "t",
	    BYTES_LIT(
		"{\"verifier\":\"00\",\"policy\":\"q\",\"created\":\"2026-01-01T00:00:00Z\"}"),
	    &fix.policies, &fix.report));
	assert_int_equal(fix.report.count, 5);
}

/* As many networks as there may be, and one more. */
static void
test_most_sources(void **state)
{
	char keys[512];

	(void)state;
	for (size_t n = TOKEN_MAX_SOURCES; n <= TOKEN_MAX_SOURCES + 1; n++) {
		size_t len = (size_t)snprintf(
		    keys, sizeof(keys), "\"sources\":[\"10.0.0.0/8\"");
		struct token *t;

		for (size_t i = 1; i < n; i++)
			len += (size_t)snprintf(keys + len, sizeof(keys) - len,
			    ",\"10.%zu.0.0/16\"", i);
		(void)snprintf(keys + len, sizeof(keys) - len, "]");
		t = parse(keys);
		if ((t != NULL) != (n == TOKEN_MAX_SOURCES))
			fail_msg("%zu: %s", n, buf_cstr(&fix.report.text));
		if (t != NULL) {
			assert_int_equal(t->source_count, n);
			assert_string_equal(t->source_text[0], "10.0.0.0/8");
			assert_string_equal(
			    t->source_text[n - 1], "10.15.0.0/16");
		}
		token_free(t);
	}
}

static void
test_time(void **state)
{
	static const struct {
		const char *text;
		uint64_t seconds; /* 0: refused */
	} rows[] = {
		{ "1970-01-01T00:00:01Z", 1 },
		{ "2026-01-01T00:00:00Z", 1767225600 },
		{ "2026-01-01T00:00:00.123456Z", 1767225600 },
		{ "2026-01-01T02:00:00+02:00", 1767225600 },
		{ "2025-12-31T19:00:00-05:00", 1767225600 },
		{ "2026-01-02T00:00:00+23:59", 1767225660 },
		{ "2026-01-02T00:00:00+24:00", 0 },
		{ "2026-01-01T00:59:00+00:59", 1767225600 },
		{ "2026-01-01T01:00:00+00:60", 0 },
		{ "2028-02-29T00:00:00Z", 1835395200 },
		{ "2027-02-29T00:00:00Z", 0 },
		{ "2026-01-01T24:00:00Z", 0 },
		{ "2026-13-01T00:00:00Z", 0 },
		{ "2026-01-01T00:00:00", 0 },
		{ "2026-01-01T00:00:00+2:00", 0 },
		{ "2026-01-01T00:00:00Zx", 0 },
		{ "2026-01-01T00:00:00z", 1767225600 },
		{ "2026-01-01T00:00:00x", 0 },
		{ "2026-01-01T00:00:00+", 0 },
		{ "2026-01-01 00:00:00Z", 0 },
		{ "1969-12-31T23:59:59Z", 0 },
		{ "", 0 },
		{ "2026-01-01T00:00:00.1111111111111111111111111111111Z", 0 },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t got = 7;
		int rc = token_parse_time(bytes_of(rows[i].text), &got, &e);

		assert_int_equal(rc, rows[i].seconds == 0 ? ERR_BAD : 0);
		assert_int_equal(
		    got, rows[i].seconds == 0 ? 7 : rows[i].seconds);
	}
}

static void
test_check(void **state)
{
	static struct token_table t;
	struct token *made;
	struct err e;
	const struct token *who = NULL;
	uint8_t proof[DIGEST_BYTES];
	struct bytes home = BYTES_LIT("10.1.2.3");

	(void)state;
	made = parse(
	    "\"expires\":\"2026-01-02T00:00:00Z\",\"sources\":[\"10.0.0.0/8\",\"::1\"]");
	assert_non_null(made);
	assert_int_equal(token_table_add(&t, made, &e), 0);
	bearer_proof(bytes_of(fix.text), proof);
	assert_int_equal(
	    token_check(&t, proof, home, 1767225600, &who), TOKEN_OK);
	assert_ptr_equal(who, t.t[0]);
	assert_int_equal(
	    token_check(&t, proof, BYTES_LIT("::1"), 1, &who), TOKEN_OK);
	assert_int_equal(token_check(&t, proof, BYTES_LIT("11.0.0.1"), 1, &who),
	    TOKEN_WRONG_SOURCE);
	assert_int_equal(token_check(&t, proof, BYTES_LIT("unix"), 1, &who),
	    TOKEN_WRONG_SOURCE);
	assert_int_equal(
	    token_check(&t, proof, home, 1767312000, &who), TOKEN_EXPIRED);
	who = NULL;
	/* the verifier, which files and the frontend hold, opens nothing */
	assert_int_equal(
	    token_check(&t, t.t[0]->verifier, home, 1, &who), TOKEN_UNKNOWN);
	proof[31] ^= 1;
	assert_int_equal(token_check(&t, proof, home, 1, &who), TOKEN_UNKNOWN);
	assert_null(who);
	token_table_fini(&t);
}

static void
write_token(const char *name, const char *verifier, const char *keys)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s.json", fix.tokens, name);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fprintf(f,
	    "{\"verifier\":\"%s\",\"policy\":\"p\",\"created\":\"2026-01-01T00:00:00Z\"%s}",
	    verifier, keys);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static void
reload(struct token_table *old, struct token_table *fresh, unsigned findings)
{
	struct err e;

	conf_report_fini(&fix.report);
	assert_int_equal(tokendir_load(fix.tokens, &fix.policies, old, fresh,
			     &fix.report, &e),
	    0);
	if (fix.report.count != findings)
		fail_msg("%s", buf_cstr(&fix.report.text));
}

static void
remove_token(const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s.json", fix.tokens, name);
	assert_int_equal(unlink(path), 0);
}

static void
test_directory_of_tokens(void **state)
{
	static struct token_table one, two, three;
	char other[DIGEST_HEX];

	(void)state;
	memset(other, 'a', sizeof(other) - 1);
	other[DIGEST_HEX - 1] = '\0';
	write_token("b", fix.hex, "");
	write_token("a", other, ",\"timeout_max_ms\":500");
	reload(NULL, &one, 0);
	assert_int_equal(one.count, 2);
	assert_string_equal(one.t[0]->name, "a");
	/* bad now: stays as it was; gone: is gone; same secret: one of them */
	write_token("a", other, ",\"timeout_max_ms\":9999999");
	remove_token("b");
	write_token("c", other, "");
	write_token("d", "zz", "");
	reload(&one, &two, 3);
	token_table_fini(&one);
	assert_int_equal(two.count, 1);
	assert_int_equal(two.t[0]->timeout_max_ms, 500);
	assert_null(token_find(&two, BYTES_LIT("b")));
	/* its policy is gone: nothing is left to keep */
	fix.policies.count = 0;
	reload(&two, &three, 4);
	fix.policies.count = 1;
	assert_int_equal(three.count, 0);
	token_table_fini(&two);
	remove_token("a");
	remove_token("c");
	remove_token("d");
}

/* The kernel's audit would take the runs of one for those of the other. */
static void
test_one_login_uid(void **state)
{
	static struct token_table one;
	char other[DIGEST_HEX];

	(void)state;
	memset(other, 'a', sizeof(other) - 1);
	other[DIGEST_HEX - 1] = '\0';
	write_token("a", fix.hex, ",\"login_uid\":1900000001");
	write_token("b", other, ",\"login_uid\":1900000001");
	reload(NULL, &one, 1);
	assert_int_equal(one.count, 1);
	assert_string_equal(one.t[0]->name, "a");
	token_table_fini(&one);
	write_token("b", other, ",\"login_uid\":1900000002");
	reload(NULL, &one, 0);
	assert_int_equal(one.count, 2);
	token_table_fini(&one);
	remove_token("a");
	remove_token("b");
}

/* A verifier of one's own: the number at its end. */
static void
write_numbered(unsigned number, const char *name, unsigned created_s)
{
	char hex[DIGEST_HEX], path[128];
	FILE *f;

	(void)snprintf(hex, sizeof(hex), "%064x", number);
	(void)snprintf(path, sizeof(path), "%s/%s.json", fix.tokens, name);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fprintf(f,
	    "{\"verifier\":\"%s\",\"policy\":\"p\",\"login_uid\":%u,\"created\":\"2026-01-01T00:%02u:%02uZ\"}",
	    hex, 1900000000 + number, created_s / 60, created_s % 60);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

/* What is in force stays so, whatever is added and however it is called. */
static void
test_adding_revokes_nothing(void **state)
{
	static struct token_table one, two, three;

	(void)state;
	write_numbered(1, "m", 10);
	reload(NULL, &one, 0);
	write_numbered(1, "a", 0);
	reload(&one, &two, 1);
	token_table_fini(&one);
	assert_int_equal(two.count, 1);
	assert_string_equal(two.t[0]->name, "m");
	/* at a start nothing is in force: the older one is */
	reload(NULL, &three, 1);
	assert_string_equal(three.t[0]->name, "a");
	token_table_fini(&two);
	token_table_fini(&three);
	remove_token("a");
	remove_token("m");
}

static void
test_too_many(void **state)
{
	static struct token_table one, two, three, again;
	char name[32];

	(void)state;
	for (unsigned i = 0; i < TOKEN_MAX_TOKENS; i++) {
		(void)snprintf(name, sizeof(name), "t%u", i);
		write_numbered(i, name, 100);
	}
	reload(NULL, &one, 0);
	assert_int_equal(one.count, TOKEN_MAX_TOKENS);
	write_numbered(TOKEN_MAX_TOKENS, "a", 0);
	reload(&one, &two, 1);
	assert_non_null(
	    strstr(buf_cstr(&fix.report.text), "more than 10000 tokens"));
	assert_non_null(strstr(buf_cstr(&fix.report.text), "a.json"));
	assert_int_equal(two.count, TOKEN_MAX_TOKENS);
	assert_null(token_find(&two, BYTES_LIT("a")));
	for (size_t i = 0; i < one.count; i++)
		assert_ptr_equal(
		    token_find_verifier(&two, one.t[i]->verifier)->policy,
		    one.t[i]->policy);
	token_table_fini(&one);
	/* at a start, the one that is made last waits: here all but "a" */
	reload(NULL, &again, 1);
	assert_non_null(token_find(&again, BYTES_LIT("a")));
	token_table_fini(&again);
	remove_token("t17");
	reload(&two, &three, 0);
	assert_non_null(token_find(&three, BYTES_LIT("a")));
	token_table_fini(&two);
	token_table_fini(&three);
	remove_token("a");
	for (unsigned i = 0; i < TOKEN_MAX_TOKENS; i++) {
		(void)snprintf(name, sizeof(name), "t%u", i);
		if (i != 17)
			remove_token(name);
	}
}

/* Unchanged files are not read again: the same object stays. */
static void
test_unchanged(void **state)
{
	static struct token_table one, two, three;
	const struct timespec old[2] = { { 1000000000, 0 }, { 1000000000, 0 } };
	char path[128];

	(void)state;
	write_numbered(1, "a", 0);
	(void)snprintf(path, sizeof(path), "%s/a.json", fix.tokens);
	reload(NULL, &one, 0);
	/* its change was just now: another one could look the same */
	reload(&one, &two, 0);
	assert_ptr_not_equal(one.t[0], two.t[0]);
	two.t[0]->stamp.inode = 0;
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	(void)sleep(3);
	reload(&two, &three, 0);
	token_table_fini(&two);
	reload(&three, &two, 0);
	assert_ptr_equal(two.t[0], three.t[0]);
	token_table_fini(&one);
	token_table_fini(&two);
	token_table_fini(&three);
	remove_token("a");
}

static void
test_no_directory(void **state)
{
	static struct token_table t;
	struct err e;

	(void)state;
	assert_int_equal(tokendir_load("/nonexistent", &fix.policies, NULL, &t,
			     &fix.report, &e),
	    ERR_SYS);
}

/* It is not known; it expires; it has; the source may use it. */
static void
test_vectors(void **state)
{
	static const struct vector rows[] = {
		{ "T---", TOKEN_UNKNOWN },
		{ "FF-T", TOKEN_OK },
		{ "FF-F", TOKEN_WRONG_SOURCE },
		{ "FTFT", TOKEN_OK },
		{ "FTFF", TOKEN_WRONG_SOURCE },
		{ "FTT-", TOKEN_EXPIRED },
	};
	static const char *const keys[] = {
		"\"sources\":[\"10.0.0.0/8\"]",
		"\"expires\":\"2026-01-02T00:00:00Z\",\"sources\":[\"10.0.0.0/8\"]",
	};
	const uint64_t expiry = 1767312000;
	const struct token *who;
	uint8_t proof[DIGEST_BYTES];
	struct err e;

	(void)state;
	vectors_complete("executor/policy/token.c", "token_check", 4, rows,
	    VECTORS_COUNT(rows));
	bearer_proof(bytes_of(fix.text), proof);
	for (size_t i = 0; i < VECTORS_COUNT(rows); i++) {
		static struct token_table t;
		const char *is = rows[i].is;
		struct token *made = parse(keys[is[1] == 'T']);

		assert_non_null(made);
		assert_int_equal(token_table_add(&t, made, &e), 0);
		proof[0] ^= is[0] == 'T';
		assert_int_equal(
		    token_check(&t, proof,
			bytes_of(is[3] == 'F' ? "11.0.0.1" : "10.1.2.3"),
			is[2] == 'T' ? expiry : expiry - 1, &who),
		    rows[i].want);
		proof[0] ^= is[0] == 'T';
		token_table_fini(&t);
	}
}

/* It is in one of the networks that are named; none is named. */
static void
test_vectors_source(void **state)
{
	static const struct vector rows[] = {
		{ "T", TOKEN_OK },
		{ "F", TOKEN_WRONG_SOURCE },
	};
	static const char *const keys[] = {
		"\"sources\":[\"192.0.2.0/24\",\"10.0.0.0/8\"]",
		"\"sources\":[\"10.0.0.0/8\",\"192.0.2.0/24\"]", ""
	};
	const struct token *who;
	uint8_t proof[DIGEST_BYTES];
	struct err e;

	(void)state;
	vectors_complete("executor/policy/token.c", "source_ok", 1, rows,
	    VECTORS_COUNT(rows));
	bearer_proof(bytes_of(fix.text), proof);
	for (size_t i = 0; i < 3 * VECTORS_COUNT(rows); i++) {
		static struct token_table t;
		const struct vector *row = &rows[i % 2];
		struct token *made = parse(keys[i / 2]);

		assert_non_null(made);
		assert_int_equal(token_table_add(&t, made, &e), 0);
		assert_int_equal(
		    token_check(&t, proof,
			bytes_of(row->is[0] == 'T' ? "10.1.2.3" : "11.0.0.1"),
			1, &who),
		    i < 4 ? row->want : TOKEN_OK);
		token_table_fini(&t);
	}
}

/* At most the policy's time. */
static void
test_vectors_time(void **state)
{
	static const struct vector rows[] = { { "T", 1 }, { "F", 0 } };

	(void)state;
	vectors_complete("executor/policy/token.c", "check_time", 1, rows,
	    VECTORS_COUNT(rows));
	for (size_t i = 0; i < VECTORS_COUNT(rows); i++) {
		struct token *t =
		    parse(rows[i].is[0] == 'T' ? "\"timeout_max_ms\":600000"
					       : "\"timeout_max_ms\":600001");

		assert_int_equal(t != NULL, rows[i].want);
		token_free(t);
	}
}

/* A policy in which work/sub cannot be used; false: not on this machine. */
static bool
hide_sub(bool hidden)
{
	struct policy *p;
	char text[512];
	struct err e;

	(void)snprintf(text, sizeof(text),
	    "{\"user\":%u,\"group\":%u,\"directory\":\"%s/work\"%s%s%s}",
	    (unsigned)geteuid(), (unsigned)getegid(), fix.base,
	    hidden ? ",\"files\":{\"hide\":[\"" : "", hidden ? fix.base : "",
	    hidden ? "/work/sub\"]}" : "");
	conf_report_fini(&fix.report);
	if (policy_parse("p", "p", bytes_of(text), NULL, &p, &fix.report, &e) !=
	    0)
		return false;
	policy_table_fini(&fix.policies);
	assert_int_equal(policy_table_add(&fix.policies, p, &e), 0);
	return true;
}

/* Not within by its name; a part of it; not to be entered; refused there. */
static void
test_vectors_directory(void **state)
{
	enum { OUTSIDE, PART, ALL, CLOSED, REFUSED };
	static const struct vector rows[] = {
		{ "T---", OUTSIDE },
		{ "FTFF", PART },
		{ "FFFF", ALL },
		{ "FTT-", CLOSED },
		{ "FTFT", REFUSED },
	};
	static const char *const name[] = { "workevil", "work/sub", "work",
		"work/out", "work/sub" };
	static const char *const says[] = { "is not within", "", "",
		"leads out of", "hidden by the policy" };

	(void)state;
	vectors_complete("executor/policy/token.c", "narrow_to_directory", 4,
	    rows, VECTORS_COUNT(rows));
	for (size_t i = 0; i < VECTORS_COUNT(rows); i++) {
		struct token *t;
		char want[128];

		if (!hide_sub(rows[i].want == REFUSED))
			continue;
		t = parse_directory(name[i]);
		in_base(want, sizeof(want), name[i]);
		if (rows[i].want == PART || rows[i].want == ALL)
			assert_string_equal(t->policy->directory, want);
		else if (t != NULL ||
			 strstr(buf_cstr(&fix.report.text), says[i]) == NULL)
			fail_msg("%s: %s", name[i], buf_cstr(&fix.report.text));
		token_free(t);
	}
	assert_true(hide_sub(false));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FDS_KEPT(test_plain),
		FDS_KEPT(test_directory),
		FDS_KEPT(test_bound_again),
		FDS_KEPT(test_findings),
		FDS_KEPT(test_most_sources),
		FDS_KEPT(test_time),
		FDS_KEPT(test_check),
		FDS_KEPT(test_directory_of_tokens),
		FDS_KEPT(test_one_login_uid),
		FDS_KEPT(test_adding_revokes_nothing),
		FDS_KEPT(test_too_many),
		FDS_KEPT(test_unchanged),
		FDS_KEPT(test_no_directory),
		FDS_KEPT(test_vectors),
		FDS_KEPT(test_vectors_source),
		FDS_KEPT(test_vectors_time),
		FDS_KEPT(test_vectors_directory),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
