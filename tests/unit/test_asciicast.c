/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/asciicast and executor/asciicast_read: whatever both streams
 * held comes back, however it was cut; what was changed is refused.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/json.h"
#include "executor/recording/asciicast_read.h"

static uint64_t seed = 88172645463325252ULL;

static size_t
below(size_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (size_t)(seed >> 16) % n;
}

struct got {
	struct buf stream[ASCIICAST_STREAMS];
	struct asciicast_head head;
	struct asciicast_end end;
	unsigned heads, ends;
	uint64_t last_us;
};

static void
on_head(void *arg, const struct asciicast_head *h)
{
	struct got *g = arg;

	g->head = *h;
	g->heads++;
}

static void
on_output(void *arg, uint64_t at_us, unsigned stream, struct bytes data)
{
	struct got *g = arg;

	assert_true(stream == 1 || stream == 2);
	assert_true(at_us >= g->last_us);
	assert_in_range(data.len, 1, ASCIICAST_MAX_PIECE);
	g->last_us = at_us;
	buf_put_bytes(&g->stream[stream - 1], data);
}

static void
on_end(void *arg, uint64_t at_us, const struct asciicast_end *end)
{
	struct got *g = arg;

	(void)at_us;
	g->end = *end;
	g->ends++;
}

static const struct asciicast_read_ops ops = { on_head, on_output, on_end };

static const struct asciicast_head head = {
	.run = "0123456789abcdef0123456789abcdef",
	.owner = { 1, 2, 3 },
	.token = "agent",
	.policy = "build",
	.tool = "exec_cmd",
	.begin_s = 1700000000,
	.skipped = { 5, 0 }
};

static void
got_init(struct got *g)
{
	memset(g, 0, sizeof(*g));
	buf_init(&g->stream[0], 8 << 20);
	buf_init(&g->stream[1], 8 << 20);
}

static void
got_fini(struct got *g)
{
	buf_fini(&g->stream[0]);
	buf_fini(&g->stream[1]);
}

/* Bytes that are hard to keep: text, line ends, broken characters. */
static size_t
fill(uint8_t *p, size_t most)
{
	static const char *const bits[] = { "plain text ", "\n", "\r\n", "\r",
		"\r\r\n", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
		"\xff\xfe", "\xc3", "\xe2\x82", "\xf0\x9f", "\x1b[31m", "\"",
		"\\", "\x7f", "\xe2\x80\xae", "\xed\xa0\x80" };
	size_t n = 0, want = below(most), k;
	const char *s;

	while (n < want) {
		s = bits[below(sizeof(bits) / sizeof(bits[0]))];
		k = strlen(s) < most - n ? strlen(s) : most - n;
		memcpy(p + n, s, k);
		n += k;
		if (n < most && below(8) == 0)
			p[n++] = (uint8_t)below(256); /* NUL too */
	}
	return n;
}

static void
read_all(struct bytes file, size_t most, struct got *g)
{
	struct asciicast_read r;
	struct err e = { 0 };
	size_t n;

	asciicast_read_init(&r, &ops, g);
	while (file.len > 0) {
		n = 1 + below(most);
		if (n > file.len)
			n = file.len;
		if (asciicast_read_feed(&r, bytes_make(file.p, n), &e) != 0)
			fail_msg("%s", e.what);
		file = bytes_make(file.p + n, file.len - n);
	}
	asciicast_read_fini(&r);
}

/* Every line is a JSON value of the kind that asciicast v2 asks for. */
static void
check_lines(struct bytes file)
{
	const uint8_t *nl;
	struct json_doc *doc;
	struct err e;
	bool first = true;

	for (; file.len > 0; first = false) {
		nl = memchr(file.p, '\n', file.len);
		assert_non_null(nl);
		assert_true((size_t)(nl - file.p) < ASCIICAST_MAX_LINE);
		assert_int_equal(
		    json_parse(bytes_make(file.p, (size_t)(nl - file.p)),
			JSON_STRICT, &doc, &e),
		    0);
		assert_int_equal(
		    json_root(doc)->type, first ? JSON_OBJECT : JSON_ARRAY);
		json_free(doc);
		file = bytes_make(nl + 1, file.len - (size_t)(nl - file.p) - 1);
	}
}

static void
round_trip(void)
{
	static uint8_t data[40000];
	static struct asciicast_held held[ASCIICAST_STREAMS];
	struct asciicast_end end = { PROTO_SIGNALLED, -1, 9, { 7, 8 } };
	struct buf want[ASCIICAST_STREAMS], file;
	uint64_t at = 0;
	struct got g;

	memset(held, 0, sizeof(held));
	buf_init(&file, 64 << 20);
	got_init(&g);
	for (unsigned s = 0; s < ASCIICAST_STREAMS; s++)
		buf_init(&want[s], 8 << 20);
	asciicast_put_head(&file, &head);
	for (size_t i = below(30); i > 0; i--) {
		unsigned s = 1 + (unsigned)below(2);
		struct bytes rest =
		    bytes_make(data, fill(data, 1 + below(sizeof(data))));

		buf_put_bytes(&want[s - 1], rest);
		while (rest.len > 0)
			(void)asciicast_put(&file, &held[s - 1], s, at, &rest);
		at += below(3000000);
	}
	for (unsigned s = 1; s <= ASCIICAST_STREAMS; s++)
		(void)asciicast_put_held(&file, &held[s - 1], s, at);
	asciicast_put_end(&file, at, &end);
	assert_false(file.overflow);
	check_lines(buf_bytes(&file));
	read_all(buf_bytes(&file), 1 + below(10000), &g);
	for (unsigned s = 0; s < ASCIICAST_STREAMS; s++) {
		assert_true(
		    bytes_eq(buf_bytes(&g.stream[s]), buf_bytes(&want[s])));
		buf_fini(&want[s]);
	}
	assert_int_equal(g.heads, 1);
	assert_int_equal(g.ends, 1);
	assert_memory_equal(&g.head, &head, sizeof(head));
	assert_memory_equal(&g.end.total, &end.total, sizeof(end.total));
	assert_int_equal(g.end.state, PROTO_SIGNALLED);
	assert_int_equal(g.end.exit_code, -1);
	assert_int_equal(g.end.signal, 9);
	got_fini(&g);
	buf_fini(&file);
}

static void
test_round_trips(void **state)
{
	(void)state;
	for (int i = 0; i < 150; i++)
		round_trip();
}

/* As written here: players and other readers rely on it. */
static void
test_form(void **state)
{
	static struct asciicast_held held;
	struct bytes rest = BYTES_LIT("a\n\xc3\xa9\xff");
	struct buf b;
	(void)state;

	buf_init(&b, 4096);
	held.len = 0;
	assert_int_equal(asciicast_put(&b, &held, 1, 1500000, &rest), 5);
	rest = BYTES_LIT("\xe2\x82");
	assert_int_equal(asciicast_put(&b, &held, 2, 2000001, &rest), 0);
	rest = BYTES_LIT("\xac\n");
	assert_int_equal(asciicast_put(&b, &held, 2, 2000001, &rest), 4);
	asciicast_put_end(&b, 3000000,
	    &(struct asciicast_end){ PROTO_EXITED, 0, 0, { 5, 4 } });
	assert_string_equal(buf_cstr(&b),
	    "[1.500000,\"x\",\"1 YQrDqf8=\"]\n"
	    "[1.500000,\"o\",\"a\\r\\n\xc3\xa9\xef\xbf\xbd\"]\n"
	    "[2.000001,\"x\",\"2\"]\n"
	    "[2.000001,\"o\",\"\xe2\x82\xac\\r\\n\"]\n"
	    "[3.000000,\"x\",\"end exited 0 0 5 4\"]\n");
	buf_fini(&b);
}

/* Between output, which comes back as it was. */
static void
test_input(void **state)
{
	struct buf b;
	(void)state;

	buf_init(&b, 4096);
	asciicast_put_input(&b, 1500000, bytes_of("ls\r"));
	asciicast_put_input(&b, 2000001, bytes_make(NULL, 0));
	assert_string_equal(buf_cstr(&b),
	    "[1.500000,\"i\",\"ls\\r\"]\n[2.000001,\"x\",\"withheld\"]\n");
	buf_fini(&b);
}

static void
test_refused(void **state)
{
	static const char *const bad[] = { "", "{}", "[1.0,\"o\",\"x\"]",
		"[1.000000,\"o\"]", "[1.000000,\"m\",\"x\"]", "[1,\"o\",\"x\"]",
		"[-1.000000,\"o\",\"x\"]", "[1.000000,\"o\",7]",
		"[1.000000,\"x\",\"3\"]", "[1.000000,\"x\",\"\"]",
		"[1.000000,\"x\",\"1 ZZ\"]",
		"[1.000000,\"x\",\"end exited 0\"]",
		"[1.000000,\"x\",\"end exited 0 0 1 2 3\"]",
		"[1.000000,\"x\",\"end gone 0 0 1 2\"]",
		"[1.000000,\"x\",\"end exited 999 0 1 2\"]",
		"[1.000000,\"o\",\"x\"] [2]", "no json" };
	struct asciicast_read r;
	struct got g;
	struct err e;
	struct buf line;
	(void)state;

	got_init(&g);
	buf_init(&line, 4096);
	asciicast_put_head(&line, &head);
	line.len--; /* the newline */
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		asciicast_read_init(&r, &ops, &g);
		assert_int_equal(
		    asciicast_read_line(&r, bytes_of(bad[i]), &e), ERR_BAD);
		assert_int_equal(
		    asciicast_read_line(&r, buf_bytes(&line), &e), 0);
		assert_int_equal(
		    asciicast_read_line(&r, bytes_of(bad[i]), &e), ERR_BAD);
		/* the positive control */
		assert_int_equal(asciicast_read_line(&r,
				     BYTES_LIT("[1.000000,\"o\",\"x\"]"), &e),
		    0);
		asciicast_read_fini(&r);
	}
	/* nothing follows the end, and a line that was cut is passed over */
	asciicast_read_init(&r, &ops, &g);
	assert_int_equal(asciicast_read_line(&r, buf_bytes(&line), &e), 0);
	assert_int_equal(
	    asciicast_read_feed(&r,
		BYTES_LIT(
		    "[1.000000,\"x\",\"end lost -1 0 1 2\"]\n[2.000000,\"o\""),
		&e),
	    0);
	assert_true(r.has_end);
	assert_int_equal(
	    asciicast_read_line(&r, BYTES_LIT("[1.000000,\"o\",\"x\"]"), &e),
	    ERR_BAD);
	asciicast_read_fini(&r);
	buf_fini(&line);
	got_fini(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_input),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
