/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/seal: the chain against an independent calculation,
 * keys as text, the state file through crashes at each of its writes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "executor/audit/seal.h"
#include "tests/unit/fixture_executor.h"
#include "tests/unit/fixture_fds.h"
#include "tests/unit/vectors.h"

static const uint8_t first_key[DIGEST_BYTES] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
	11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
	29, 30, 31, 32 };

static void
is_hex(const uint8_t *p, size_t len, const char *want)
{
	char hex[DIGEST_HEX];

	digest_hex(p, len, hex);
	assert_string_equal(hex, want);
}

/*
 * The values are python's: hashlib.sha256(label + key), and
 * hmac.new(key, last + record, "sha256").
 */
static void
test_chain(void **state)
{
	uint8_t one[DIGEST_BYTES], two[DIGEST_BYTES];
	struct seal_point p;

	(void)state;
	seal_start(&p, first_key);
	is_hex(p.chain, sizeof(p.chain), "0354bc304f517c29f7672906b7536bb5");
	seal_make(&p, BYTES_LIT("{\"v\":1"), one);
	is_hex(one, sizeof(one),
	    "28e97605a7d4225838f1a44faf50e6d6466d43ff49c5f295c6331184ec1ca9c3");
	seal_step(&p, 7, one);
	assert_int_equal(p.index, 1);
	assert_int_equal(p.sequence, 7);
	seal_make(&p, BYTES_LIT("{\"v\":2"), two);
	is_hex(two, sizeof(two),
	    "42b76fbeb4923aeb64051cf63e39e2c84593b2bf0d5caa2d3914636315b25951");
	assert_null(memmem(&p, sizeof(p), first_key, sizeof(first_key)));
}

static void
test_check(void **state)
{
	struct bytes record = BYTES_LIT("{\"v\":1,\"x\":\"y\"");
	uint8_t sum[DIGEST_BYTES], changed[32];
	struct seal_point p, other;
	char hex[DIGEST_HEX];
	size_t i;

	(void)state;
	seal_start(&p, first_key);
	other = p;
	seal_make(&p, record, sum);
	digest_hex(sum, sizeof(sum), hex);
	assert_true(seal_check(&p, record, bytes_make(hex, 64)));
	for (i = 0; i < record.len; i++) {
		memcpy(changed, record.p, record.len);
		changed[i] ^= 1;
		assert_false(seal_check(
		    &p, bytes_make(changed, record.len), bytes_make(hex, 64)));
	}
	assert_false(seal_check(&p, record, bytes_make(hex, 63)));
	other.last[31] ^= 1;
	assert_false(seal_check(&other, record, bytes_make(hex, 64)));
	seal_skip(&p, 1);
	assert_false(seal_check(&p, record, bytes_make(hex, 64)));
	for (i = 0; hex[i] < 'a'; i++)
		;
	hex[i] = (char)(hex[i] - 'a' + 'A'); /* one text only */
	other.last[31] ^= 1;
	assert_false(seal_check(&other, record, bytes_make(hex, 64)));
}

static void
test_skip(void **state)
{
	struct seal_point a, b;
	uint8_t sum[DIGEST_BYTES] = { 0 };
	int i;

	(void)state;
	seal_start(&a, first_key);
	seal_start(&b, first_key);
	for (i = 0; i < 1000; i++)
		seal_step(&a, 1, sum);
	seal_skip(&b, 1000);
	assert_int_equal(b.index, 1000);
	assert_memory_equal(a.key, b.key, sizeof(a.key));
	seal_skip(&b, 5); /* never back */
	assert_memory_equal(a.key, b.key, sizeof(a.key));
}

static void
test_key_text(void **state)
{
	uint8_t key[DIGEST_BYTES], back[DIGEST_BYTES];
	char text[SEAL_KEY_TEXT], spaced[2 * SEAL_KEY_TEXT], wrong;
	struct err e;
	size_t i, n = 0;

	(void)state;
	for (i = 0; i < 200; i++) {
		digest_random(key, sizeof(key));
		seal_key_format(key, text);
		assert_int_equal(strlen(text), 74);
		assert_int_equal(seal_key_parse(bytes_of(text), back, &e), 0);
		assert_memory_equal(key, back, sizeof(key));
	}
	for (i = 0; text[i] != '\0'; i++) {
		spaced[n++] = (char)(text[i] >= 'A' ? text[i] | 0x20 : text[i]);
		spaced[n++] = i % 7 == 0 ? '\n' : ' ';
	}
	assert_int_equal(seal_key_parse(bytes_make(spaced, n), back, &e), 0);
	assert_memory_equal(key, back, sizeof(key));
	for (i = 0; text[i] != '\0'; i++) {
		if (text[i] == '-')
			continue;
		wrong = text[i];
		text[i] = wrong == 'A' ? 'B' : 'A';
		assert_int_equal(
		    seal_key_parse(bytes_of(text), back, &e), ERR_BAD);
		text[i] = '1';
		assert_int_equal(
		    seal_key_parse(bytes_of(text), back, &e), ERR_BAD);
		text[i] = wrong;
	}
	assert_int_equal(
	    seal_key_parse(bytes_make(text, 73), back, &e), ERR_BAD);
	assert_int_equal(seal_key_parse(bytes_of(""), back, &e), ERR_BAD);
	text[74] = '!'; /* the whole of one, and what is not a digit */
	assert_int_equal(
	    seal_key_parse(bytes_make(text, 75), back, &e), ERR_BAD);
	text[74] = '\n'; /* control */
	assert_int_equal(seal_key_parse(bytes_make(text, 75), back, &e), 0);
	text[74] = '\0';
	(void)strcat(text, "A");
	assert_int_equal(seal_key_parse(bytes_of(text), back, &e), ERR_BAD);
}

/* --- the state file ---------------------------------------------------- */

static void
must_create(const char *path, bool replace)
{
	struct err e = { 0 };

	if (seal_create(path, first_key, replace, &e) != 0)
		fail_msg("%s", e.what);
}

static struct seal *
must_open(const char *path)
{
	struct err e = { 0 };
	struct seal *s = NULL;

	if (seal_open(path, &s, &e) != 0)
		fail_msg("%s", e.what);
	assert_non_null(s);
	return s;
}

static void
must_store(struct seal *s)
{
	struct err e = { 0 };

	if (seal_store(s, &e) != 0)
		fail_msg("%s", e.what);
}

static void
test_state(void **state)
{
	const char *path = fixture_path("state");
	uint8_t sum[DIGEST_BYTES] = { 9 };
	struct seal_point p;
	struct err e = { 0 };
	struct stat st;
	struct seal *s;
	bool there;
	int i;

	(void)state;
	assert_int_equal(seal_open(path, &s, &e), 0);
	assert_null(s);
	assert_int_equal(seal_read(path, &p, &there, &e), 0);
	assert_false(there);
	must_create(path, false);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(seal_create(path, first_key, false, &e), ERR_BAD);
	s = must_open(path);
	for (i = 1; i <= 5; i++) {
		seal_step(seal_point(s), (uint64_t)i + 10, sum);
		must_store(s);
		assert_int_equal(seal_read(path, &p, &there, &e), 0);
		assert_int_equal(p.index, i);
		assert_int_equal(p.sequence, i + 10);
		assert_memory_equal(p.key, seal_point(s)->key, sizeof(p.key));
	}
	seal_close(s);
	s = must_open(path);
	assert_memory_equal(seal_point(s), &p, sizeof(p));
	seal_close(s);
}

/* Nothing of an older key stays in the file. */
static void
test_wiped(void **state)
{
	const char *path = fixture_path("wiped");
	uint8_t text[2 * SEAL_SLOT], sum[DIGEST_BYTES] = { 0 };
	uint8_t old[8][DIGEST_BYTES];
	struct seal *s;
	size_t i, k;
	int fd;

	(void)state;
	must_create(path, false);
	s = must_open(path);
	for (i = 0; i < 8; i++) {
		memcpy(old[i], seal_point(s)->key, DIGEST_BYTES);
		seal_step(seal_point(s), i, sum);
		must_store(s);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_int_equal(
		    read(fd, text, sizeof(text)), (ssize_t)sizeof(text));
		(void)close(fd);
		for (k = 0; k <= i; k++)
			assert_null(
			    memmem(text, sizeof(text), old[k], DIGEST_BYTES));
		assert_non_null(memmem(
		    text, sizeof(text), seal_point(s)->key, DIGEST_BYTES));
	}
	seal_close(s);
}

/* A crash inside either write: the other copy counts. */
static void
test_torn(void **state)
{
	const char *path = fixture_path("torn");
	uint8_t sum[DIGEST_BYTES] = { 0 }, junk[700];
	struct seal_point p;
	struct err e = { 0 };
	bool there;
	struct seal *s;
	int fd, copy;

	(void)state;
	memset(junk, 0xee, sizeof(junk));
	must_create(path, false);
	for (copy = 0; copy < 2; copy++) {
		s = must_open(path);
		seal_step(seal_point(s), 1, sum);
		must_store(s);
		p = *seal_point(s);
		seal_close(s);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		assert_int_equal(pwrite(fd, junk, sizeof(junk), copy * 4096),
		    (ssize_t)sizeof(junk));
		(void)close(fd);
		s = must_open(path);
		assert_memory_equal(seal_point(s), &p, sizeof(p));
		must_store(s); /* makes both whole again */
		seal_close(s);
	}
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "x", 1, 100), 1);
	assert_int_equal(pwrite(fd, "x", 1, 4196), 1);
	(void)close(fd);
	assert_int_equal(seal_read(path, &p, &there, &e), ERR_BAD);
	assert_non_null(strstr(e.what, "damaged"));
}

/* A seal of another length. */
static void
test_vectors_check(void **state)
{
	static const struct vector rows[] = { { "T", 0 }, { "F", 1 } };
	struct bytes record = BYTES_LIT("{\"v\":1");
	uint8_t sum[DIGEST_BYTES];
	struct seal_point p;
	char hex[DIGEST_HEX];

	(void)state;
	vectors_complete("executor/audit/seal.c", "seal_check", 1, rows,
	    VECTORS_COUNT(rows));
	seal_start(&p, first_key);
	seal_make(&p, record, sum);
	digest_hex(sum, sizeof(sum), hex);
	for (size_t i = 0; i < VECTORS_COUNT(rows); i++)
		assert_int_equal(
		    seal_check(&p, record,
			bytes_make(hex, rows[i].is[0] == 'T' ? 63 : 64)),
		    rows[i].want);
}

/* The second copy is short, damaged, not newer; none is whole. */
static void
test_vectors_copies(void **state)
{
	enum { OLD, NEW, NONE };
	static const struct vector rows[] = {
		{ "T--F", OLD },
		{ "FT-F", OLD },
		{ "FFTF", OLD },
		{ "FFFF", NEW },
		{ "---T", NONE },
	};
	const char *path = fixture_path("copies");
	static uint8_t old[SEAL_SLOT], new[SEAL_SLOT], bad[SEAL_SLOT];
	uint8_t sum[DIGEST_BYTES] = { 0 };
	struct err e = { 0 };
	struct seal *s;
	int fd;

	(void)state;
	vectors_complete("executor/audit/seal.c", "load_point", 4, rows,
	    VECTORS_COUNT(rows));
	must_create(path, false);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pread(fd, old, SEAL_SLOT, 0), SEAL_SLOT);
	s = must_open(path);
	seal_step(seal_point(s), 7, sum);
	must_store(s);
	seal_close(s);
	assert_int_equal(pread(fd, new, SEAL_SLOT, 0), SEAL_SLOT);
	memcpy(bad, new, SEAL_SLOT);
	bad[100] ^= 1;
	for (size_t i = 0; i < VECTORS_COUNT(rows); i++) {
		const char *is = rows[i].is;
		const uint8_t *second = is[1] == 'T' || is[3] == 'T' ? bad
					: is[2] == 'T'               ? old
								     : new;
		struct seal_point p = { 0 };
		bool there;

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(
		    pwrite(fd, is[3] == 'T' ? bad : old, SEAL_SLOT, 0),
		    SEAL_SLOT);
		if (is[0] != 'T')
			assert_int_equal(
			    pwrite(fd, second, SEAL_SLOT, SEAL_SLOT),
			    SEAL_SLOT);
		assert_int_equal(seal_read(path, &p, &there, &e),
		    rows[i].want == NONE ? ERR_BAD : 0);
		assert_int_equal(p.sequence, rows[i].want == NEW ? 7 : 0);
	}
	(void)close(fd);
}

static void
test_places(void **state)
{
	const char *path = fixture_path("places"), *link = fixture_path("link");
	struct err e = { 0 };
	struct seal *s, *t;
	struct seal_point p;
	bool there = true;

	(void)state;
	must_create(path, false);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(seal_open(link, &t, &e), ERR_SYS);
	assert_int_equal(seal_read(link, &p, &there, &e), ERR_SYS);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(seal_open(path, &t, &e), ERR_BAD);
	assert_int_equal(seal_read(path, &p, &there, &e), ERR_BAD);
	assert_true(there); /* it was not told that nothing is there */
	assert_int_equal(seal_read(fixture_path("nothing"), &p, &there, &e), 0);
	assert_false(there);
	assert_int_equal(chmod(path, 0600), 0);
	s = must_open(path);
	assert_int_equal(seal_open(path, &t, &e), ERR_BAD);
	assert_non_null(strstr(e.what, "another process"));
	assert_int_equal(seal_create(path, first_key, true, &e), ERR_BAD);
	seal_close(s);
	must_create(path, true);
}

/* A child that is forked finds zeros where the key was. */
static void
test_fork(void **state)
{
	const char *path = fixture_path("fork");
	static const uint8_t none[DIGEST_BYTES];
	struct seal *s;
	int status = 0;
	pid_t pid;

	(void)state;
	must_create(path, false);
	s = must_open(path);
	assert_memory_equal(seal_point(s)->key, first_key, DIGEST_BYTES);
	pid = fork();
	if (pid == 0)
		_exit(memcmp(seal_point(s)->key, none, DIGEST_BYTES) == 0 ? 0
									  : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	seal_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FDS_KEPT(test_chain),
		FDS_KEPT(test_check),
		FDS_KEPT(test_skip),
		FDS_KEPT(test_key_text),
		FDS_KEPT(test_state),
		FDS_KEPT(test_wiped),
		FDS_KEPT(test_torn),
		FDS_KEPT(test_vectors_check),
		FDS_KEPT(test_vectors_copies),
		FDS_KEPT(test_places),
		FDS_KEPT(test_fork),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
