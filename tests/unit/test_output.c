/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/output: what comes out of random writes through a
 * real pipe is compared with a model of head, gap and tail.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "executor/run/output.h"
#include "tests/unit/fixture_fds.h"

enum {
	MOST = 200000 /* bytes that one test writes */
};

static uint64_t seed = 88172645463325252ULL;

static size_t
below(size_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (size_t)(seed >> 16) % n;
}

/* A stream under test, and what was forwarded of it. */
struct bench {
	struct output o;
	int wr;
	uint8_t wrote[MOST], got[MOST];
	size_t written, got_len;
	uint64_t skipped, skipped_at; /* bytes left out, and after how many */
};

static void
bench_init(struct bench *b, uint32_t cap)
{
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	b->wr = p[1];
	b->written = b->got_len = 0;
	b->skipped = b->skipped_at = 0;
	output_init(&b->o, 1, p[0], cap);
	assert_int_equal(b->o.stream, 1);
}

static void
bench_fini(struct bench *b)
{
	if (b->wr >= 0)
		(void)close(b->wr);
	output_fini(&b->o);
	assert_int_equal(b->o.fd, -1);
}

static void
write_some(struct bench *b, size_t len)
{
	size_t i;
	ssize_t n;

	assert_true(b->written + len <= MOST);
	for (i = 0; i < len; i++)
		b->wrote[b->written + i] = (uint8_t)below(256);
	n = write(b->wr, b->wrote + b->written, len);
	if (n > 0) /* the rest does not fit: as if it was not said */
		b->written += (size_t)n;
}

static void
take(struct bench *b, const struct output_piece *p)
{
	if (p->skipped > 0) {
		assert_int_equal(b->skipped, 0);
		b->skipped = p->skipped;
		b->skipped_at = b->got_len;
	}
	assert_true(p->data.len <= OUTPUT_MAX_PIECE);
	memcpy(b->got + b->got_len, p->data.p, p->data.len);
	b->got_len += p->data.len;
}

static int
read_once(struct bench *b, uint32_t credit)
{
	struct output_piece p = { 0 };
	struct err e = { 0 };
	int rc = output_read(&b->o, credit, &p, &e);

	if (rc == 0) {
		assert_true(p.data.len <= credit);
		assert_int_equal(p.skipped, 0);
		take(b, &p);
	}
	return rc;
}

static void
read_all(struct bench *b, uint32_t credit)
{
	int rc;

	do
		rc = read_once(b, credit);
	while (rc == 0);
	assert_true(rc == ERR_AGAIN || rc == ERR_EOF);
}

static void
take_tail(struct bench *b, uint32_t piece)
{
	struct output_piece p;
	uint64_t left = output_tail_left(&b->o);

	while (output_tail(&b->o, piece, &p)) {
		assert_true(p.data.len > 0 && p.data.len <= piece);
		take(b, &p);
		assert_int_equal(output_tail_left(&b->o), left - p.data.len);
		left -= p.data.len;
	}
	assert_int_equal(left, 0);
}

/* The first (cap + 1) / 2 bytes, then the last cap / 2 of the others. */
static void
check_model(struct bench *b, uint32_t cap)
{
	size_t head = cap - cap / 2, tail = cap / 2, rest;
	uint8_t sum[DIGEST_BYTES], all[DIGEST_BYTES];

	if (head > b->written)
		head = b->written;
	rest = b->written - head;
	if (tail > rest)
		tail = rest;
	assert_int_equal(b->o.total, b->written);
	assert_int_equal(b->o.sent, head + tail);
	assert_int_equal(b->got_len, head + tail);
	assert_memory_equal(b->got, b->wrote, head);
	assert_memory_equal(b->got + head, b->wrote + b->written - tail, tail);
	if (tail > 0) {
		assert_int_equal(b->skipped, rest - tail);
		if (b->skipped > 0)
			assert_int_equal(b->skipped_at, head);
	}
	digest_final(&b->o.digest, sum);
	digest_sha256(bytes_make(b->wrote, b->written), all);
	assert_memory_equal(sum, all, sizeof(sum));
}

static void
run_random(struct bench *b, uint32_t cap, size_t most)
{
	uint32_t piece = (uint32_t)(1 + below(below(2) == 0 ? 40000 : 100));

	bench_init(b, cap);
	while (b->written < most && below(50) != 0) {
		size_t len = 1 + below(below(3) == 0 ? 30000 : 60);

		if (len > most - b->written)
			len = most - b->written;
		write_some(b, len);
		if (below(2) == 0)
			read_all(b, 1 + (uint32_t)below(20000));
	}
	(void)close(b->wr);
	b->wr = -1;
	read_all(b, UINT32_MAX);
	take_tail(b, piece);
	check_model(b, cap);
	bench_fini(b);
}

static void
test_model(void **state)
{
	static const uint32_t caps[] = { 0, 1, 2, 3, 4, 5, 7, 8, 1023, 1024,
		1025, 16383, 16384, 16385, 32767, 32769, 65536, 99991, MOST,
		2 * MOST };
	static struct bench b;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		for (n = 0; n < 25; n++)
			run_random(
			    &b, caps[i], below(2) == 0 ? MOST : 1 + below(200));
}

/* Sizes right at the edges of head and ring. */
static void
test_edges(void **state)
{
	static struct bench b;
	uint32_t cap, len;

	(void)state;
	for (cap = 0; cap < 10; cap++)
		for (len = 0; len < 24; len++) {
			bench_init(&b, cap);
			if (len > 0)
				write_some(&b, len);
			(void)close(b.wr);
			b.wr = -1;
			read_all(&b, 1 + len % 3);
			take_tail(&b, 1 + cap % 4);
			check_model(&b, cap);
			bench_fini(&b);
		}
}

/* Without credit the head waits in the pipe; past it, none is needed. */
static void
test_credit(void **state)
{
	static struct bench b;

	(void)state;
	bench_init(&b, 8); /* 4 and 4 */
	write_some(&b, 20);
	assert_true(output_needs_credit(&b.o));
	assert_int_equal(read_once(&b, 0), ERR_AGAIN);
	assert_int_equal(b.o.total, 0);
	assert_int_equal(read_once(&b, 3), 0);
	assert_int_equal(b.got_len, 3);
	assert_true(output_needs_credit(&b.o));
	assert_int_equal(read_once(&b, 0), ERR_AGAIN);
	assert_int_equal(read_once(&b, 1), 0);
	assert_false(output_needs_credit(&b.o));
	assert_int_equal(read_once(&b, 0), 0);
	assert_int_equal(b.o.total, 20);
	assert_int_equal(b.got_len, 4);
	assert_int_equal(read_once(&b, 0), ERR_AGAIN);
	take_tail(&b, 1);
	check_model(&b, 8);
	bench_fini(&b);
}

static ssize_t
read_some(void *arg, unsigned stream, int fd, uint8_t *out, size_t max)
{
	(void)stream;
	*(size_t *)arg = max;
	return read(fd, out, max);
}

/* What is sent fits a frame; what is held back is read in bulk. */
static void
test_bulk(void **state)
{
	static struct bench b;
	struct output_piece p;
	struct err e;
	size_t asked = 0;

	(void)state;
	bench_init(&b, 40000);
	write_some(&b, 65536);
	assert_int_equal(read_once(&b, UINT32_MAX), 0);
	assert_int_equal(b.got_len, OUTPUT_MAX_PIECE);
	assert_int_equal(read_once(&b, UINT32_MAX), 0);
	assert_int_equal(b.got_len, 20000);
	assert_int_equal(output_read(&b.o, 0, &p, &e), 0);
	assert_int_equal(p.data.len, 0);
	assert_int_equal(p.all.len, 65536 - 2 * OUTPUT_MAX_PIECE);
	b.o.read = read_some;
	b.o.read_arg = &asked;
	write_some(&b, 65536);
	assert_int_equal(output_read(&b.o, 0, &p, &e), 0);
	assert_int_equal(asked, OUTPUT_MAX_PIECE);
	b.o.read = NULL;
	read_all(&b, 0);
	take_tail(&b, 100000);
	check_model(&b, 40000);
	bench_fini(&b);
}

static void
test_tail_without_credit(void **state)
{
	static struct bench b;
	struct output_piece p;

	(void)state;
	bench_init(&b, 8);
	write_some(&b, 20);
	read_all(&b, 100);
	assert_int_equal(output_tail_left(&b.o), 4);
	assert_false(output_tail(&b.o, 0, &p));
	assert_int_equal(output_tail_left(&b.o), 4);
	bench_fini(&b);
}

static void
test_end(void **state)
{
	static struct bench b;

	(void)state;
	bench_init(&b, 8);
	assert_int_equal(read_once(&b, 1), ERR_AGAIN);
	(void)close(b.wr);
	b.wr = -1;
	assert_int_equal(read_once(&b, 1), ERR_EOF);
	assert_int_equal(output_tail_left(&b.o), 0);
	output_close(&b.o);
	output_close(&b.o); /* harmless twice */
	assert_int_equal(b.o.fd, -1);
	assert_int_equal(read_once(&b, 1), ERR_SYS);
	bench_fini(&b);
}

/* Random lines, of which some are failures. */
static void
write_lines(struct bench *b, size_t most)
{
	char line[128];

	while (b->written + sizeof(line) < most) {
		int n = snprintf(line, sizeof(line), "%s%zu%.*s\n",
		    below(60) == 0 ? "error: " : "", b->written, (int)below(90),
		    "............................................................................................");

		assert_int_equal(write(b->wr, line, (size_t)n), n);
		memcpy(b->wrote + b->written, line, (size_t)n);
		b->written += (size_t)n;
		if (below(4) == 0)
			read_all(b, 1 + (uint32_t)below(300));
	}
}

/* What came is where it says; of the rest no line is a failure. */
static void
check_shown(struct bench *b, const struct failure *f)
{
	struct output_piece p;
	uint64_t at = b->got_len;
	size_t sent = b->got_len, last = 0;
	static uint8_t seen[MOST];

	memset(seen, 0, sizeof(seen));
	memset(seen, 1, sent);
	assert_memory_equal(b->got, b->wrote, sent);
	while (output_tail(&b->o, 1 + (uint32_t)below(700), &p)) {
		at += p.skipped;
		if (p.skipped > 0)
			last = at;
		assert_memory_equal(b->wrote + at, p.data.p, p.data.len);
		memset(seen + at, 1, p.data.len);
		at += p.data.len;
		sent += p.data.len;
	}
	assert_int_equal(at, b->written);
	assert_int_equal(b->o.sent, sent);
	if (last > 0 && b->wrote[last - 1] != '\n')
		fail_msg(
		    "what follows the last gap begins mid-line at %zu", last);
	for (size_t from = 0, to; from < b->written; from = to) {
		to = (size_t)((uint8_t *)memchr(
				  b->wrote + from, '\n', b->written - from) -
			      b->wrote) +
		     1;
		if (failure_is(f, bytes_make(b->wrote + from, to - from)) &&
		    memchr(seen + from, 0, to - from) != NULL)
			fail_msg("a failure at %zu is not shown", from);
	}
}

/* However it is read: each failure is shown as a whole. */
static void
test_failures(void **state)
{
	static struct bench b;
	struct failure f;

	(void)state;
	failure_init(&f, bytes_of("x"));
	for (size_t i = 0; i < 300; i++) {
		bench_init(&b, 16384);
		output_show_failures(&b.o, &f);
		write_lines(&b, below(40000));
		(void)close(b.wr);
		b.wr = -1;
		read_all(&b, UINT32_MAX);
		output_end(&b.o);
		check_shown(&b, &f);
		bench_fini(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FDS_KEPT(test_model),
		FDS_KEPT(test_edges),
		FDS_KEPT(test_credit),
		FDS_KEPT(test_bulk),
		FDS_KEPT(test_tail_without_credit),
		FDS_KEPT(test_end),
		FDS_KEPT(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
