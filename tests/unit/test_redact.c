/* SPDX-License-Identifier: MIT */
/* Tests of executor/redact: what is taken out of commands, and what is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "executor/audit/audit.h"
#include "executor/audit/redact.h"
#include "tests/unit/fixture_fds.h"

#define KEY_OF_FF                                                              \
	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\n"

static char key_path[64];

static struct redact *
rules(bool with_key)
{
	static const char *const keys[] = { "password", "PGPASSWORD", "-p",
		"--token", "api.key", "Authorization" };
	struct err e = { 0 };
	struct redact *r = redact_new(&e);
	size_t i;

	assert_non_null(r);
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_int_equal(
		    redact_add_key(r, "key", bytes_of(keys[i]), &e), 0);
	assert_int_equal(
	    redact_add_pattern(r, "aws", BYTES_LIT("AKIA[0-9A-Z]{4,16}"), &e),
	    0);
	assert_int_equal(redact_add_pattern(r, "pem",
			     BYTES_LIT("(?s)-----BEGIN.*-----END"), &e),
	    0);
	assert_int_equal(redact_add_pattern(r, "url",
			     BYTES_LIT("[a-z]://[^:/@\\s]*:\\K[^@/\\s]+@"), &e),
	    0);
	assert_int_equal(redact_ready(r, &e), 0);
	if (with_key)
		assert_int_equal(redact_load_key(r, key_path, &e), 0);
	return r;
}

static void
expect(const char *what, struct buf *b, const char *want)
{
	if (strstr(buf_cstr(b), want) == NULL)
		fail_msg("%s: no %s in\n%s", what, want, buf_cstr(b));
}

static const struct {
	const char *text, *want;
} texts[] = {
	{ "make install", "{\"c\":\"make install\"" },
	{ "PGPASSWORD=s3 psql", "\"PGPASSWORD=[redacted:key] psql\"" },
	{ "pgpassword=s3;psql", "\"pgpassword=[redacted:key];psql\"" },
	{ "x --password s3 y", "\"x --password s3 y\"" }, /* not as --key */
	{ "x --password=s3 y", "\"x --password=[redacted:key] y\"" },
	{ "x --token s3 y", "\"x --token [redacted:key] y\"" },
	{ "x --token='a b' y", "\"x --token=[redacted:key] y\"" },
	{ "x --token 'a b", "\"x --token [redacted:key]\"" },
	{ "{\"password\": \"a b\"}", "{\\\"password\\\": [redacted:key]}" },
	{ "{'password':'x'}", "{'password':[redacted:key]}" },
	{ "api.key: abc", "\"api.key: [redacted:key]\"" },
	{ "apixkey: abc", "\"apixkey: abc\"" },
	{ "mypassword=x", "\"mypassword=x\"" },
	{ "my_password=x", "\"my_password=[redacted:key]\"" },
	{ "mysql -p s3 -px", "\"mysql -p [redacted:key] -px\"" },
	{ "k AKIA12345 AKIA99999",
	    "\"k [redacted:aws] [redacted:aws]\",\"c.redacted\":[\"aws 9\",\"aws 9\"]" },
	{ "password=AKIA12345", "\"password=[redacted:" },
	{ "-----BEGIN x -----END y", "\"[redacted:pem] y\"" },
};

static void
test_texts(void **state)
{
	struct redact *r = rules(false);
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b, 1 << 20);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		buf_reset(&b);
		buf_put_u8(&b, '{');
		redact_put(r, &b, "c", bytes_of(texts[i].text), false);
		expect(texts[i].text, &b, texts[i].want);
	}
	buf_fini(&b);
	redact_free(r);
}

/* Where keys of several rules fit, the longest has its name; either order. */
static void
test_longest_key(void **state)
{
	static const char *const order[][2] = { { "PASSWORD", "PASS" },
		{ "PASS", "PASSWORD" } };
	struct redact *r;
	struct buf b;
	struct err e = { 0 };

	(void)state;
	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < 2; i++) {
		r = redact_new(&e);
		assert_non_null(r);
		for (size_t n = 0; n < 2; n++)
			assert_int_equal(redact_add_key(r, order[i][n],
					     bytes_of(order[i][n]), &e),
			    0);
		assert_int_equal(redact_ready(r, &e), 0);
		buf_reset(&b);
		buf_put_u8(&b, '{');
		redact_put(r, &b, "c", BYTES_LIT("PASSWORD=x PASS=y"), false);
		expect(order[i][0], &b,
		    "PASSWORD=[redacted:PASSWORD] PASS=[redacted:PASS]");
		redact_free(r);
	}
	buf_fini(&b);
}

static const struct {
	struct bytes words;
	const char *want;
} lists[] = {
	{ BYTES_LIT("mysql\0--token\0a b\0x\0"),
	    "[\"mysql\",\"--token\",\"[redacted:key]\",\"x\"]" },
	{ BYTES_LIT("mysql\0--token=a b\0x\0"),
	    "[\"mysql\",\"--token=[redacted:key]\",\"x\"]" },
	{ BYTES_LIT("sh\0-c\0PGPASSWORD=x psql\0"),
	    "[\"sh\",\"-c\",\"PGPASSWORD=[redacted:key]\"]" },
	{ BYTES_LIT("sh\0-c\0cd /; PGPASSWORD=x psql\0"),
	    "[\"sh\",\"-c\",\"cd /; PGPASSWORD=[redacted:key] psql\"]" },
	{ BYTES_LIT("-----BEGIN\0s3\0-----END\0x\0"),
	    "[\"[redacted:pem]\",\"[redacted:pem]\",\"[redacted:pem]\",\"x\"]" },
	{ BYTES_LIT("a\0\0b"), "[\"a\",\"\",\"b\"]" },
};

static void
test_lists(void **state)
{
	struct redact *r = rules(false);
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b, 1 << 20);
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		buf_reset(&b);
		buf_put_u8(&b, '{');
		redact_put_words(r, &b, "a", lists[i].words, false);
		expect((const char *)lists[i].words.p, &b, lists[i].want);
	}
	buf_fini(&b);
	redact_free(r);
}

/*
 * A secret however it is spelled: of "hunter2" and "SECRET", which is its end,
 * nothing may come through, and "public" must.
 */
static const char *const spellings[] = {
	"PGPASSWORD=hunter2SECRET public",
	"public; export PGPASSWORD='hunter2 SECRET' public",
	"PGPASSWORD=\"hunter2 \\\"x SECRET\" public",
	"PGPASSWORD=hunter2\\ SECRET public",
	"PGPASSWORD='hunter2''SECRET' public",
	"PGPASSWORD=hunter2\"\"'SECRET' public",
	"PGPASSWORD=''hunter2SECRET public",
	"PGPASSWORD=$'hunter2\\tSECRET' public",
	"PGPASSWORD=\\\nhunter2SECRET public",
	"PGPASSWORD=hunter2\\\nSECRET public",
	"PGPASSWORD=$(printf '%s SECRET' hunter2) public",
	"PGPASSWORD=`printf '%s SECRET' hunter2` public",
	"PGPASS'WORD'='hunter2 SECRET' public",
	"PG\"PASS\"WORD=hunter2' SECRET' public",
	"\"PGPASSWORD\"=hunter2' SECRET' public",
	"PGPASS\\WORD=hunter2\\ SECRET public",
	"$'PGPASS\\x57ORD=hunter2 SECRET' public",
	"$'PGPASS\\127ORD'=hunter2' SECRET' public",
	"PGPASS\\\nWORD=hunter2SECRET public",
	"env \"PGPASSWORD=hunter2 SECRET\" public",
	"echo 'PGPASSWORD=hunter2&SECRET' public",
	"echo 'PGPASSWORD=hunter2;SECRET' public",
	"sh -c 'cd /; PGPASSWORD=\"hunter2 SECRET\" public'",
	"sh -c \"cd /; PGPASSWORD=\\\"hunter2 SECRET\\\" public\"",
	"sh -c \"cd /; PGPASSWORD='hunter2 SECRET' public\"",
	"sh -c 'cd /; PG\"PASSWORD\"=hunter2\\ SECRET public'",
	"ssh h \"sh -c 'cd /; PGPASSWORD=\\\"hunter2 SECRET\\\" public'\"",
	"sh -c \"sh -c \\\"cd /; PGPASSWORD=\\\\\\\"hunter2 SECRET\\\\\\\" public\\\"\"",
	"curl --token hunter2SECRET public",
	"curl --token 'hunter2 SECRET' public",
	"curl --token=\"hunter2 SECRET\" public",
	"curl --to\"\"ken hunter2' SECRET' public",
	"curl \"--token\" hunter2' SECRET' public",
	"curl '--token' \"hunter2 SECRET\" public",
	"curl --token \\\n  hunter2SECRET public",
	"curl '--token=hunter2 SECRET' public",
	"{\"public\":1,\"password\":\"hunter2 \\\"SECRET\"}",
	"{\"public\":1,\"password\" : \"hunter2 SECRET\",\"user\":1}",
	"echo public '{\"password\":\"hunter2 SECRET\"}'",
	"echo public '{\\\"password\\\":\\\"hunter2 SECRET\\\"}'",
	"echo public \"{\\\"password\\\":\\\"hunter2 SECRET\\\"}\"",
	"echo public {\\\"password\\\":\\\"hunter2SECRET\\\"}",
	"echo public '{\"pass\\u0077ord\":\"hunter2SECRET\"}'",
	"echo public {\"password\":[\"hunter2\",\"SECRET\"]}",
	"echo public {\"password\":{\"a\":\"hunter2 SECRET\"}}",
	"echo public \"{'password': 'hunter2 SECRET'}\"",
	"public: 1\npassword: hunter2SECRET\n",
	"public: 1\npassword:\n  \"hunter2 SECRET\"\n",
	"PGPASSWORD=(hunter2 SECRET) public",
	"PGPASSWORD+=hunter2SECRET public",
	"PGPASSWORD=${X:-hunter2 SECRET} public",
	"PGPASSWORD=\"${X:-\"hunter2 SECRET\"}\" public",
	"PGPASSWORD=<(echo hunter2 SECRET) public",
	"{\"public\":1,\"password\":{\"a\":\"}hunter2 SECRET\"}}",
	"public: 1\npassword: hunter2 SECRET\nx: y",
	"public: 1\npassword: |\n  hunter2\n  SECRET\nx: y",
	"$public['password'] => 'hunter2 SECRET'",
	"public\nPASSWORD := hunter2SECRET\n",
	"http://public/?password=hunter2SECRET&user=x",
	"http://public/?password%3Dhunter2SECRET",
	"curl -H 'Authorization: Bearer hunter2SECRET' public",
	"curl -H Authorization:\\ Bearer\\ hunter2SECRET public",
	"curl -H \"Author\"ization:' Basic hunter2SECRET' public",
	"printf 'public\\nAuthorization: Bearer hunter2SECRET\\n'",
	"public\r\nAuthorization: Bearer hunter2SECRET\r\n",
	"curl https://x:hunter2SECRET@public/",
	"curl https://x:hunter2\"SECRET\"@public/",
	"it's PGPASSWORD=hunter2SECRET public",
	"echo AKIA12''34SECRETS public",
	"echo AK\\\nIA1234SECRETS public",
	"echo 'AKIA1234'\"SECRETS\" public",
	"echo $'\\x41KIA1234SECRETS' public",
	/* further escapes, and what has no end */
	"$'PGPASS\\u0057ORD=hunter2SECRET' public",
	"$'PGPASS\\U00000057ORD=hunter2SECRET' public",
	"$\"PGPASSWORD\"=hunter2SECRET public",
	"PGPASSWORD=$\"hunter2 SECRET\" public",
	"$'\\120GPASSWORD=hunter2 SECRET' public",
	"$'PGPASSWORD=hunter2\\u00e9 SECRET' public",
	"$'PGPASSWORD=hunter2\\u20ac SECRET' public",
	"$'PGPASSWORD=hunter2\\U0001f600 SECRET' public",
	"$'PGPASSWORD=hunter2\\q SECRET' public",
	"$'PGPASSWORD=hunter2\\x SECRET' public",
	"$'PGPASSWORD=hunter2\\UFFFFFFFF SECRET' public",
	"$'PGPASSWORD=hunter2\\\nSECRET' public",
	"$'PGPASSWORD=hunter2\\08 SECRET' public",
	"{\"public\":1,\"password\":hunter2SECRET}",
	"{\"public\":1,\"password\": hunter2SECRET, \"x\":1}",
	"{\"public\":1,\"password\":12SECRET}",
	"echo public {\\\"password\\\":[\\\"hunter2\\\",{\\\"a\\\":\\\"SECRET\\\"}]}",
	"{\"public\":1,\"password\":[\"hunter2\",\"x] SECRET\"]}",
	"{\"public\":1,\"password\":[\"hunter2 SECRET\"",
	"{\"public\":1,\"password\":\"hunter2 SECRET",
	"public\n  - password: hunter2 SECRET\nx: y",
	"public\n\tpassword: >\n  hunter2\n  SECRET\nx: y",
	"public\n  password: |\n  hunter2\n  SECRET",
	"PGPASSWORD=$(echo $(echo hunter2) SECRET) public",
	"PGPASSWORD=${X:-${Y:-hunter2} SECRET} public",
	"PGPASSWORD=>(cat hunter2 SECRET) public",
	"public PGPASSWORD=$(echo hunter2 SECRET",
	"http://public/?p%61ssword=hunter2SECRET",
	"public PGPASSWORD=hunter2SECRET\\",
	"public PGPASSWORD='hunter2 SECRET",
	"public PGPASSWORD=\"hunter2 SECRET\\",
	"public $'PGPASSWORD=hunter2 SECRET\\",
	"public PGPASSWORD=`echo hunter2 SECRET",
};

static void
check_hidden(const char *text, struct buf *b)
{
	static const char *const never[] = { "hunter2", "SECRET", "AKIA" };
	size_t i;

	for (i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (strstr(buf_cstr(b), never[i]) != NULL)
			fail_msg("%s:\n%s", text, buf_cstr(b));
	if (strstr(buf_cstr(b), "public") == NULL)
		fail_msg("%s: too much is gone:\n%s", text, buf_cstr(b));
}

static void
test_spellings(void **state)
{
	struct redact *r = rules(false);
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b, 1 << 20);
	for (i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		buf_reset(&b);
		redact_put(r, &b, "c", bytes_of(spellings[i]), false);
		check_hidden(spellings[i], &b);
	}
	buf_fini(&b);
	redact_free(r);
}

/* The same in the words that a program gets. */
static const struct bytes word_spellings[] = {
	BYTES_LIT("sh\0-c\0PGPASSWORD=hunter2 SECRET\0public\0"),
	BYTES_LIT("sh\0-c\0true; PGPASSWORD='hunter2 SECRET' public\0"),
	BYTES_LIT("sh\0-c\0true; PG''PASSWORD=hunter2' SECRET' public\0"),
	BYTES_LIT("sh\0-c\0true; PGPASSWORD=\\\nhunter2SECRET public\0"),
	BYTES_LIT("sh\0-c\0true public 'PGPASSWORD=hunter2&SECRET'\0"),
	BYTES_LIT("sh\0-c\0public 'PGPASSWORD=hunter2;SECRET'\0"),
	BYTES_LIT("sh\0-c\0public \"PGPASSWORD\"=hunter2' SECRET'\0"),
	BYTES_LIT("sh\0-c\0public --token 'hunter2 SECRET'\0"),
	BYTES_LIT("x\0--token\0hunter2 SECRET\0public\0"),
	BYTES_LIT("x\0--token=hunter2 SECRET\0public\0"),
	BYTES_LIT("x\0-H\0Authorization: Bearer hunter2 SECRET\0public\0"),
	BYTES_LIT("x\0Authorization:\0Bearer\0hunter2SECRET\0public\0"),
	BYTES_LIT("x\0{\"public\":1,\"password\":\"hunter2 SECRET\"}\0"),
	BYTES_LIT("x\0{\"public\": 1, \"password\": \"hunter2 SECRET\"}\0"),
	BYTES_LIT("x\0PGPASSWORD=\0hunter2SECRET\0public\0"),
	BYTES_LIT("x\0AK\0AKIA12345SECRET\0public\0"),
	BYTES_LIT("x\0https://x:hunter2SECRET@public/\0"),
};

static void
test_word_spellings(void **state)
{
	struct redact *r = rules(false);
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b, 1 << 20);
	for (i = 0; i < sizeof(word_spellings) / sizeof(word_spellings[0]);
	     i++) {
		buf_reset(&b);
		redact_put_words(r, &b, "a", word_spellings[i], false);
		check_hidden((const char *)word_spellings[i].p + 2, &b);
	}
	buf_fini(&b);
	redact_free(r);
}

/* Cut before it was given: what may yet be a secret at the end is taken. */
static void
test_given_cut(void **state)
{
	struct redact *r = rules(false);
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	buf_put_u8(&b, '{');
	redact_put(r, &b, "c", BYTES_LIT("public AKIA1"), false);
	expect("whole", &b, "\"public AKIA1\"");
	redact_put(r, &b, "c", BYTES_LIT("public AKIA1"), true);
	expect("cut", &b, "\"public [redacted:aws]\"");
	redact_put(r, &b, "c", BYTES_LIT("public AK''IA1"), true);
	expect("cut, in quotes", &b, ",\"c\":\"public [redacted:aws]\"");
	redact_put(r, &b, "d", BYTES_LIT("public AKIA1..."), true);
	expect("cut with dots", &b, "\"d\":\"public [redacted:aws]...\"");
	redact_put_words(r, &b, "e", BYTES_LIT("public\0AKIA1"), true);
	expect("words", &b, "\"e\":[\"public\",\"[redacted:aws]\"]");
	buf_fini(&b);
	redact_free(r);
}

/* Digests under the key: of what was taken, and of a value that was cut. */
static void
test_digests(void **state)
{
	struct redact *r = rules(true);
	char *text = malloc(20000);
	struct stat st;
	struct buf b;

	(void)state;
	assert_non_null(text);
	assert_int_equal(stat(key_path, &st), 0);
	buf_init(&b, 1 << 20);
	redact_put(r, &b, "c", BYTES_LIT("password=s3cret"), false);
	/* printf s3cret | openssl dgst -sha256 -mac hmac -macopt hexkey:ff... */
	expect("of a span", &b,
	    "\"c.redacted\":[\"key 6 c591ab7133463c9dbce3b7fc529478f8ce89b7efce00acc4ae6ba367dc2df2e8\"]");
	buf_reset(&b);
	redact_put_digest(r, &b, "stdin", BYTES_LIT("s3cret"));
	expect("of all", &b, "\"stdin.hmac_sha256\":\"c591ab71");
	memset(text, 'x', 20000);
	buf_reset(&b);
	redact_put(r, &b, "c", bytes_make(text, 20000), false);
	expect("a cut one", &b, "\"c.length\":20000,\"c.hmac_sha256\":\"");
	assert_null(strstr(buf_cstr(&b), "c.sha256"));
	redact_put_digest(NULL, &b, "stdin", BYTES_LIT("s3cret"));
	expect("without rules", &b, ",\"stdin.sha256\":\"");
	free(text);
	buf_fini(&b);
	redact_free(r);
}

/* A secret that begins in what is kept and ends beyond what is looked at. */
static void
test_cut(void **state)
{
	struct redact *r = rules(false);
	char *text = malloc(1 << 20);
	struct buf b;

	(void)state;
	assert_non_null(text);
	memset(text, 's', 1 << 20);
	memcpy(text, "x -----BEGIN ", 13);
	buf_init(&b, 1 << 20);
	buf_put_u8(&b, '{');
	redact_put(r, &b, "c", bytes_make(text, 1 << 20), false);
	expect("open", &b, "\"c\":\"x [redacted:pem]\"");
	memcpy(text, "x password=  ", 13);
	memset(text + 8000, '\n', 10);
	buf_reset(&b);
	redact_put(r, &b, "c", bytes_make(text, 1 << 20), false);
	expect("key", &b, "\"x password=  [redacted:key]\\n");
	/* shown: no more than was asked for, and no beginning of a secret */
	memcpy(text, "x -----BEGIN ", 13);
	buf_reset(&b);
	redact_show(r, &b, bytes_make(text, 1 << 20), 100);
	expect("shown", &b, "x [redacted:pem]");
	assert_true(b.len < 100);
	memcpy(text, "x password=  ", 13);
	buf_reset(&b);
	redact_show(r, &b, bytes_make(text, 1 << 20), 16);
	expect("shown", &b, "x password=  [redacted:key]");
	buf_reset(&b);
	redact_show(NULL, &b, bytes_make(text, 1 << 20), 16);
	assert_true(bytes_eq_str(buf_bytes(&b), "x password=  sss"));
	free(text);
	buf_fini(&b);
	redact_free(r);
}

/* More than can be listed: nothing comes through. */
static void
test_many(void **state)
{
	struct redact *r = rules(false);
	struct buf b, text;
	int i;

	(void)state;
	buf_init(&b, 1 << 20);
	buf_init(&text, 1 << 20);
	for (i = 0; i < 200; i++)
		buf_put_str(&text, i % 2 ? "password=s3cret " : "AKIA5S3CRET ");
	redact_put(r, &b, "c", buf_bytes(&text), false);
	assert_null(strstr(buf_cstr(&b), "s3cret"));
	assert_null(strstr(buf_cstr(&b), "AKIA"));
	buf_fini(&b);
	buf_fini(&text);
	redact_free(r);
}

static void
test_key_file(void **state)
{
	struct err e = { 0 };
	struct redact *r = redact_new(&e);
	char path[80];
	struct stat st;
	FILE *f;

	(void)state;
	assert_non_null(r);
	(void)snprintf(path, sizeof(path), "%s.new", key_path);
	assert_int_equal(redact_load_key(r, path, &e), 0); /* made */
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, DIGEST_HEX);
	assert_int_equal(redact_load_key(r, path, &e), 0); /* read */
	assert_int_equal(chmod(path, 0666), 0); /* anybody's key */
	assert_int_not_equal(redact_load_key(r, path, &e), 0);
	assert_int_equal(chmod(path, 0600), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 65534, 65534), 0);
		assert_int_not_equal(redact_load_key(r, path, &e), 0);
		assert_int_equal(chown(path, 0, 0), 0);
	}
	assert_int_equal(redact_load_key(r, path, &e), 0);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fputs("no key\n", f);
	(void)fclose(f);
	assert_int_equal(redact_load_key(r, path, &e), ERR_BAD);
	assert_int_equal(unlink(path), 0);
	assert_int_not_equal(redact_load_key(r, "/nonexistent/x", &e), 0);
	redact_free(r);
}

/* A sum tells who guesses, unless it needs a key: none without one. */
static void
test_sums(void **state)
{
	static const struct {
		bool rules, key;
		const char *has;
	} rows[] = { { false, false, "\"x_sha256\"" },
		{ false, true, "\"x_sha256\"" }, { true, false, NULL },
		{ true, true, "\"x_hmac_sha256\"" } };
	const uint8_t sum[DIGEST_BYTES] = { 1 };
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct redact *r = redact_new(&e);
		struct buf b;

		buf_init(&b, 1024);
		if (rows[i].rules)
			assert_int_equal(
			    redact_add_key(r, "k", BYTES_LIT("k"), &e), 0);
		assert_int_equal(redact_ready(r, &e), 0);
		if (rows[i].key)
			assert_int_equal(redact_load_key(r, key_path, &e), 0);
		redact_put_sum(r, &b, "x", sum);
		if (rows[i].has == NULL)
			assert_int_equal(b.len, 0);
		else
			assert_non_null(strstr(buf_cstr(&b), rows[i].has));
		buf_fini(&b);
		redact_free(r);
	}
}

/* A key that no rule can be made of is refused, at each bound. */
static void
test_bad_keys(void **state)
{
	static uint8_t key[REDACT_MAX_KEY + 1];
	struct redact *r;
	struct err e = { 0 };

	(void)state;
	memset(key, 'k', sizeof(key));
	r = redact_new(&e);
	assert_non_null(r);
	assert_int_equal(
	    redact_add_key(r, "n", bytes_make(key, 0), &e), ERR_BAD);
	assert_non_null(strstr(e.what, "1 to"));
	assert_int_equal(
	    redact_add_key(r, "n", bytes_make(key, REDACT_MAX_KEY + 1), &e),
	    ERR_BAD);
	assert_int_equal(
	    redact_add_key(r, "n", BYTES_LIT("k\xff"), &e), ERR_BAD);
	assert_non_null(strstr(e.what, "not UTF-8"));
	assert_int_equal(
	    redact_add_key(r, "n", bytes_make(key, REDACT_MAX_KEY), &e), 0);
	assert_int_equal(redact_add_key(r, "n", bytes_make(key, 1), &e), 0);
	redact_free(r);
}

static void
test_too_much(void **state)
{
	struct err e = { 0 };
	struct redact *r = redact_new(&e);
	int i, rc = 0;

	(void)state;
	assert_non_null(r);
	for (i = 0; i < 100 && rc == 0; i++)
		rc = redact_add_pattern(r, "x", BYTES_LIT("a{255}"), &e);
	assert_int_equal(rc, ERR_BAD);
	assert_true(i < 80);
	assert_int_equal(redact_add_key(r, "x", bytes_of(""), &e), ERR_BAD);
	redact_free(r);
}

static int
set_up(void **state)
{
	static char dir[] = "/tmp/redact.XXXXXX"; /* only ours to write */
	FILE *f;

	*state = dir;
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(key_path, sizeof(key_path), "%s/key", dir);
	f = fopen(key_path, "w");
	if (f == NULL || fputs(KEY_OF_FF, f) == EOF)
		return -1;
	return fclose(f);
}

static int
tear_down(void **state)
{
	return unlink(key_path) != 0 || rmdir(*state) != 0 ? -1 : 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FDS_KEPT(test_texts),
		FDS_KEPT(test_longest_key),
		FDS_KEPT(test_lists),
		FDS_KEPT(test_spellings),
		FDS_KEPT(test_word_spellings),
		FDS_KEPT(test_given_cut),
		FDS_KEPT(test_digests),
		FDS_KEPT(test_cut),
		FDS_KEPT(test_many),
		FDS_KEPT(test_key_file),
		FDS_KEPT(test_sums),
		FDS_KEPT(test_bad_keys),
		FDS_KEPT(test_too_much),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
