/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/recording/spool and ledger: real files in a real
 * directory, with limits that are soon reached.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "executor/recording/ledger.h"
#include "tests/unit/fixture_executor.h"

static struct {
	struct audit *audit;
	struct recordings *recordings;
	struct loop *loop;
	struct ledger *ledger;
	struct spools *spools;
	unsigned news, gone;
} b;

static const uint8_t alice[DIGEST_BYTES] = { 1 }, bob[DIGEST_BYTES] = { 2 };

static void
limit_bytes(uint64_t bytes)
{
	struct recordings_limits l = { .bytes = bytes };

	recordings_adjust(b.recordings, &l);
}

static int
setup(void **state)
{
	struct err e = { 0 };

	if (fixture_setup(state) != 0)
		return -1;
	memset(&b, 0, sizeof(b));
	b.audit = audit_open(fixture_path("audit.jsonl"), &e);
	b.recordings = recordings_new(b.audit, &e);
	b.loop = loop_new(&e);
	if (recordings_open(b.recordings, fixture_path("rec"), &e) != 0)
		fail_msg("%s", e.what);
	limit_bytes(1 << 20);
	b.spools = spool_store_new(b.recordings, &e);
	b.ledger = ledger_new(b.loop, b.recordings, &e);
	return b.ledger != NULL && b.spools != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	struct err e;

	ledger_free(b.ledger);
	spool_store_free(b.spools);
	loop_free(b.loop);
	assert_int_equal(audit_flush(b.audit, &e), 0);
	recordings_free(b.recordings);
	audit_close(b.audit);
	return fixture_teardown(state);
}

/* --- spool ---------------------------------------------------------------- */

static struct spool *
make_spool(const uint8_t *owner, uint64_t max)
{
	struct err e = { 0 };
	static unsigned runs;
	char id[ASCIICAST_ID];
	struct spool *s;

	(void)snprintf(id, sizeof(id), "%032x", ++runs);
	s = spool_new(b.spools, id, owner, max, &e);

	assert_non_null(s);
	return s;
}

/* Bytes of which each tells its own number. */
static void
put_bytes(struct spool *s, unsigned stream, size_t n)
{
	static uint8_t part[1 << 17];
	uint64_t at = spool_total(s);

	for (size_t i = 0; i < n; i++)
		part[i] = (uint8_t)((at + i) * 7 + (at + i) / 251);
	spool_put(s, stream, bytes_make(part, n));
}

static uint64_t
check_from(const struct spool *s, uint64_t at)
{
	uint8_t part[5000];
	uint64_t lost, passed = 0;
	unsigned stream;
	size_t n;

	while (
	    (n = spool_read(s, &at, part, sizeof(part), &lost, &stream)) > 0) {
		passed += lost;
		for (size_t i = 0; i < n; i++)
			assert_int_equal(
			    part[i], (uint8_t)((at + i) * 7 + (at + i) / 251));
		at += n;
	}
	assert_int_equal(at, spool_total(s));
	return passed + lost;
}

static void
test_spool_keeps_the_last(void **state)
{
	struct spool *s = make_spool(alice, SPOOL_LEAST);
	uint64_t total = 0;
	(void)state;

	assert_int_equal(check_from(s, 0), 0);
	for (unsigned i = 0; i < 100; i++) {
		put_bytes(s, 1, 1 + i * 37);
		total += 1 + i * 37;
		assert_int_equal(spool_total(s), total);
		assert_int_equal(check_from(s, spool_first(s)), 0);
	}
	assert_int_equal(spool_first(s), total - SPOOL_LEAST);
	assert_int_equal(check_from(s, 0), total - SPOOL_LEAST);
	assert_int_equal(
	    spool_store_used(b.spools), SPOOL_LEAST + SPOOLHEAD_PIECE);
	put_bytes(s, 1, SPOOL_LEAST + 5); /* more than all of it at once */
	assert_int_equal(check_from(s, 0), spool_total(s) - SPOOL_LEAST);
	assert_int_equal(check_from(s, UINT64_MAX / 2), 0);
	spool_free(s);
	assert_int_equal(spool_store_used(b.spools), 0);
}

static void
test_spool_knows_streams(void **state)
{
	struct spool *s = make_spool(alice, SPOOL_LEAST);
	uint8_t part[64];
	uint64_t at = 0, lost;
	unsigned stream;
	(void)state;

	spool_put(s, 1, BYTES_LIT("out"));
	spool_put(s, 2, BYTES_LIT("error"));
	spool_put(s, 1, BYTES_LIT("more"));
	assert_int_equal(spool_read(s, &at, part, 64, &lost, &stream), 3);
	assert_int_equal(stream, 1);
	at += 3;
	assert_int_equal(spool_read(s, &at, part, 64, &lost, &stream), 5);
	assert_int_equal(stream, 2);
	assert_memory_equal(part, "error", 5);
	at += 5;
	assert_int_equal(spool_read(s, &at, part, 64, &lost, &stream), 4);
	assert_int_equal(stream, 1);
	for (unsigned i = 0; i < 3 * SPOOL_SEGMENTS; i++)
		put_bytes(s, 1 + i % 2, 1);
	at = spool_total(s) - 1;
	assert_int_equal(spool_read(s, &at, part, 64, &lost, &stream), 1);
	assert_int_equal(stream, 2);
	spool_free(s);
}

/* All together may have 1 MiB: what runs keeps its own, the rest gives way. */
static void
test_spool_makes_room(void **state)
{
	struct spool *old = make_spool(alice, 400 << 10);
	struct spool *mine = make_spool(alice, 800 << 10);
	(void)state;

	for (int i = 0; i < 4; i++)
		put_bytes(old, 1, 100 << 10);
	for (int i = 0; i < 7; i++)
		put_bytes(mine, 1, 100 << 10);
	assert_int_equal(spool_lost(old), 0);
	assert_true(spool_lost(mine) > 0); /* it is no one's turn to give way */
	assert_true(spool_store_used(b.spools) <= 1 << 20);
	assert_int_equal(check_from(mine, 0), spool_lost(mine));
	spool_close(old);
	put_bytes(mine, 1, 100 << 10);
	assert_int_equal(check_from(old, 0), 400 << 10);
	assert_true(spool_store_used(b.spools) <= 1 << 20);
	spool_free(old);
	spool_free(mine);
}

static void
test_spool_without_a_disk(void **state)
{
	struct spool *s = make_spool(alice, SPOOL_LEAST);
	(void)state;

	put_bytes(s, 1, 1000);
	limit_bytes(1000);
	put_bytes(s, 1, 500);
	put_bytes(s, 1, 500);
	limit_bytes(1 << 20);
	put_bytes(s, 1, 700);
	assert_int_equal(spool_lost(s), 1000);
	assert_int_equal(check_from(s, 0), 1000);
	assert_int_equal(check_from(s, 1200), 800);
	assert_int_equal(check_from(s, 2000), 0);
	for (unsigned i = 0; i < 2 * SPOOL_GAPS; i++) {
		limit_bytes(1);
		put_bytes(s, 1, 10);
		limit_bytes(1 << 20);
		put_bytes(s, 1, 10);
	}
	assert_int_equal(check_from(s, spool_first(s)), 10 * SPOOL_GAPS);
	spool_free(s);
}

static void
test_spool_files_are_bounded(void **state)
{
	static struct spool *all[SPOOL_FILES + 20];
	(void)state;

	for (size_t i = 0; i < SPOOL_FILES + 20; i++) {
		all[i] = make_spool(i % 2 != 0 ? alice : bob, SPOOL_LEAST);
		put_bytes(all[i], 1, 10);
		spool_close(all[i]);
	}
	assert_int_equal(spool_store_used(b.spools), SPOOL_FILES * 10);
	assert_int_equal(check_from(all[0], 0), 10);
	assert_int_equal(check_from(all[SPOOL_FILES + 19], 0), 0);
	for (size_t i = 0; i < SPOOL_FILES + 20; i++)
		spool_free(all[i]);
}

/* --- one room with the recordings ------------------------------------------- */

/* A recording of so many KiB; how many of them are written. */
static unsigned
record(const uint8_t *owner, unsigned n, unsigned kib, bool ends,
    struct recordings_run **out)
{
	static uint8_t part[1024];
	static const struct asciicast_end end = { .state = PROTO_EXITED };
	struct asciicast_head h = { .begin_s = 1 };
	struct err e = { 0 };
	unsigned written = 0;
	int fd;

	(void)snprintf(h.run, sizeof(h.run), "%031x0", n);
	recordings_owner(owner, h.owner);
	*out = recordings_begin(b.recordings, &h);
	fd = recordings_create(b.recordings, *out, &h, &e);
	assert_true(fd >= 0);
	while (written < kib && recordings_write(b.recordings, *out, fd,
				    bytes_make(part, sizeof(part)), &e) == 0)
		written++;
	(void)close(fd);
	if (ends)
		recordings_end(b.recordings, *out, &end, 1);
	return written;
}

/* However much a token prints, another below its share keeps what it has. */
static void
test_room_many_spools(void **state)
{
	static struct spool *all[64];
	struct recordings_run *r;
	(void)state;

	assert_int_equal(record(bob, 1, 200, true, &r), 200);
	for (size_t i = 0; i < 64; i++) { /* 4 MiB, and 1 is there */
		all[i] = make_spool(alice, 64 << 10);
		put_bytes(all[i], 1, 64 << 10);
		spool_close(all[i]);
	}
	assert_true(r->kept);
	assert_int_equal(check_from(all[0], 0), 64 << 10);
	assert_int_equal(check_from(all[63], 0), 0);
	assert_true(spool_store_used(b.spools) + (200 << 10) <= 1 << 20);
	/* control: its own recording, older than all of them, goes */
	for (size_t i = 0; i < 64; i++)
		spool_free(all[i]);
	assert_int_equal(record(alice, 2, 200, true, &r), 200);
	for (size_t i = 0; i < 12; i++) {
		all[i] = make_spool(alice, 64 << 10);
		put_bytes(all[i], 1, 64 << 10);
		spool_close(all[i]);
	}
	assert_false(r->kept);
	for (size_t i = 0; i < 12; i++)
		spool_free(all[i]);
}

/* A recording ends no run for what another token's jobs hold while they run. */
static void
test_room_live_spools(void **state)
{
	static struct spool *all[20];
	struct recordings_run *r;
	struct err e = { 0 };
	uint64_t held;
	(void)state;

	for (size_t i = 0; i < 20; i++) {
		all[i] = make_spool(alice, 64 << 10);
		put_bytes(all[i], 1, 60 << 10);
		assert_int_equal(i > 0 ? 0 : spool_keep(all[i], &e), 0);
	}
	assert_true(spool_lost(all[19]) > 0); /* the room is full */
	held = spool_store_used(b.spools);
	assert_int_equal(record(bob, 1, 400, false, &r), 400);
	assert_true(spool_store_used(b.spools) + (400 << 10) <= 1 << 20);
	assert_true(spool_store_used(b.spools) < held);
	assert_int_equal(check_from(all[0], 0), 60 << 10);
	/* the oldest went, and go on as far as there is room */
	put_bytes(all[0], 2, 100);
	assert_int_equal(check_from(all[0], spool_total(all[0])), 0);
	/* bob has most by and by: then it is its own recording's turn */
	assert_in_range(record(bob, 2, 700, false, &r), 1, 400);
	for (size_t i = 0; i < 20; i++)
		spool_free(all[i]);
}

/* Of one token, its recording comes before its jobs' output. */
static void
test_room_of_its_own(void **state)
{
	struct spool *mine = make_spool(alice, 900 << 10);
	uint8_t part[100];
	struct recordings_run *r;
	uint64_t lost, at;
	unsigned stream;
	(void)state;

	for (int i = 0; i < 9; i++)
		put_bytes(mine, 1, 100 << 10);
	assert_int_equal(spool_lost(mine), 0);
	assert_int_equal(record(alice, 1, 500, false, &r), 500);
	assert_int_equal(check_from(mine, 0), 900 << 10);
	/* it goes on, in a new file, with both of its streams */
	spool_put(mine, 2, BYTES_LIT("error"));
	spool_put(mine, 1, BYTES_LIT("out"));
	at = 900 << 10;
	assert_int_equal(spool_read(mine, &at, part, 100, &lost, &stream), 5);
	assert_int_equal(stream, 2);
	spool_free(mine);
	assert_int_equal(spool_store_used(b.spools), 0);
}

/* Output that is younger, or has a time of its own, is not in the way. */
static void
test_room_by_age(void **state)
{
	struct recordings_limits l = { .bytes = 1 << 20, .seconds = 1 };
	struct spool *s = make_spool(bob, SPOOL_LEAST);
	struct recordings_run *r;
	struct err e;
	(void)state;

	put_bytes(s, 1, 1000);
	spool_close(s);
	(void)record(alice, 1, 1, true, &r);
	r->begin_us = 1;
	assert_true(r->kept);
	recordings_adjust(b.recordings, &l);
	(void)recordings_sweep(b.recordings);
	assert_false(r->kept);
	assert_int_equal(check_from(s, 0), 0);
	assert_int_equal(audit_flush(b.audit, &e), 0);
	spool_free(s);
}

/* --- ledger --------------------------------------------------------------- */

static struct ledger_entry *
begin(unsigned n, const uint8_t *owner, const char *key, struct err *e)
{
	char id[ASCIICAST_ID];
	struct ledger_begin x = { .id = id,
		.token = "t",
		.tool = "exec_cmd",
		.verifier = owner,
		.name = BYTES_LIT("n\x1b\nx"),
		.command = BYTES_LIT("sleep 1"),
		.keep_s = 100,
		.keep = 3,
		.output_bytes = SPOOL_LEAST };

	(void)snprintf(id, sizeof(id), "%032x", n);
	x.key.given = key != NULL;
	if (key != NULL)
		digest_sha256(bytes_of(key), x.key.key);
	return ledger_begin(b.ledger, &x, e);
}

static struct ledger_entry *
find(unsigned n, const uint8_t *owner)
{
	char id[ASCIICAST_ID];

	(void)snprintf(id, sizeof(id), "%032x", n);
	return ledger_find(b.ledger, bytes_of(id), owner);
}

static void
test_ledger_is_by_owner(void **state)
{
	struct err e = { 0 };
	uint8_t key[DIGEST_BYTES];
	(void)state;

	assert_non_null(begin(1, alice, "k", &e));
	assert_non_null(begin(2, bob, NULL, &e));
	assert_non_null(find(1, alice));
	assert_null(find(1, bob));
	assert_null(find(3, alice));
	assert_null(ledger_find(b.ledger, BYTES_LIT(""), alice));
	assert_null(ledger_find(b.ledger, BYTES_LIT("0000"), alice));
	assert_string_equal(find(1, alice)->name, "n  x");
	digest_sha256(BYTES_LIT("k"), key);
	assert_ptr_equal(ledger_find_key(b.ledger, key, alice), find(1, alice));
	assert_null(ledger_find_key(b.ledger, key, bob));
	assert_ptr_equal(ledger_before(b.ledger, NULL, bob), find(2, bob));
	assert_null(ledger_before(b.ledger, find(2, bob), bob));
}

/* Those that were not jobs first, then the oldest; never what runs or has a key. */
static void
test_ledger_gives_way(void **state)
{
	struct err e = { 0 };
	struct ledger_entry *x;
	(void)state;

	x = begin(1, alice, NULL, &e);
	x->job = true;
	ledger_end(b.ledger, x);
	ledger_end(b.ledger, begin(2, alice, "k", &e));
	assert_non_null(begin(3, alice, NULL, &e));
	for (unsigned i = 4; i < 10; i++)
		ledger_end(b.ledger, begin(i, alice, NULL, &e));
	assert_non_null(find(1, alice));
	assert_non_null(find(2, alice));
	assert_non_null(find(3, alice));
	assert_null(find(7, alice));
	assert_non_null(find(8, alice));
	assert_non_null(find(9, alice));
	ledger_end(b.ledger, begin(20, bob, NULL, &e));
	assert_non_null(find(9, alice));
}

static void
test_ledger_is_bounded(void **state)
{
	struct err e = { 0 };
	char key[32];
	unsigned i;
	(void)state;

	for (i = 0; i < LEDGER_KEYS; i++) {
		(void)snprintf(key, sizeof(key), "%u", i);
		assert_non_null(begin(i, alice, key, &e));
	}
	assert_null(begin(9999, alice, "one more", &e));
	assert_non_null(strstr(e.what, "idempotency_key"));
	assert_non_null(begin(9999, bob, "one more", &e));
	for (i = 10000; ledger_count(b.ledger) < LEDGER_MAX; i++)
		assert_non_null(begin(i, bob, NULL, &e));
	assert_null(begin(1, alice, NULL, &e));
	assert_non_null(strstr(e.what, "its limit"));
	ledger_end(b.ledger, find(10000, bob));
	assert_non_null(begin(1, alice, NULL, &e));
	assert_null(find(10000, bob));
}

static void
make_owner(uint8_t owner[DIGEST_BYTES], unsigned n)
{
	memset(owner, 0, DIGEST_BYTES);
	owner[DIGEST_BYTES - 1] = (uint8_t)n;
	owner[0] = 7;
}

static struct ledger_entry *
begin_task(unsigned n, const uint8_t *owner, struct err *e)
{
	char id[ASCIICAST_ID];
	struct ledger_begin x = { .id = id,
		.token = "t",
		.tool = "exec_cmd",
		.verifier = owner,
		.task = LEDGER_TASK,
		.keep_s = 100,
		.keep = 3,
		.output_bytes = SPOOL_LEAST };

	(void)snprintf(id, sizeof(id), "%032x", n);
	return ledger_begin(b.ledger, &x, e);
}

/* As many as it may: tasks, as a key waits for the disk. */
static unsigned
fill_share(const uint8_t *owner, unsigned *id, struct err *e)
{
	unsigned n = 0;

	while (begin_task(*id, owner, e) != NULL) {
		(*id)++;
		n++;
	}
	return n;
}

/* However many fill theirs, the next one has some, and runs without a key. */
static void
test_ledger_shares(void **state)
{
	uint8_t owner[DIGEST_BYTES];
	struct err e = { 0 };
	unsigned id = 1, n, all = 0;
	(void)state;

	limit_bytes((uint64_t)LEDGER_MAX << 20);
	for (unsigned i = 0; i < 60; i++) {
		make_owner(owner, i);
		n = fill_share(owner, &id, &e);
		assert_true(n >= 4 && n <= LEDGER_KEYS);
		assert_non_null(
		    strstr(e.what, n == LEDGER_KEYS ? "the most of one token"
						    : "this token's share"));
		assert_non_null(strstr(e.what, "make it a plain call"));
		assert_non_null(begin(id++, owner, NULL, &e));
		all += n;
	}
	assert_true(all > LEDGER_MAX / 4 * 3); /* it is not left unused */
	assert_true(all < LEDGER_MAX - 100);
	make_owner(owner, 0);
	for (unsigned i = 1; i <= LEDGER_KEYS; i++)
		assert_non_null(find(i, owner)); /* nobody's was taken */
}

/* One that has few loses none to one that has many. */
static void
test_ledger_displaces_its_own(void **state)
{
	struct err e = { 0 };
	unsigned i;
	(void)state;

	limit_bytes((uint64_t)LEDGER_MAX << 20);
	for (i = 0; i < 3; i++)
		ledger_end(b.ledger, begin(i, alice, NULL, &e));
	for (i = 10; ledger_count(b.ledger) < LEDGER_MAX; i++)
		assert_non_null(begin(i, bob, NULL, &e));
	ledger_end(b.ledger, find(10, bob));
	ledger_end(b.ledger, find(11, bob));
	assert_non_null(
	    begin(9000, bob, NULL, &e)); /* the oldest of all is not */
	assert_non_null(find(0, alice));
	assert_null(find(10, bob));
	assert_non_null(begin(9001, alice, NULL, &e));
	assert_non_null(find(0, alice));
	assert_null(find(11, bob));
	assert_non_null(
	    begin(9002, bob, NULL, &e)); /* it has none that may go */
	assert_null(find(0, alice));
	assert_non_null(find(1, alice));
}

/* With a key that was made from its request. */
static struct ledger_entry *
begin_made(unsigned n, const char *key, uint32_t window_ms, struct err *e)
{
	char id[ASCIICAST_ID];
	struct ledger_begin x = { .id = id,
		.token = "t",
		.tool = "exec_cmd",
		.verifier = alice,
		.key = { .given = true, .window_ms = window_ms },
		.keep_s = 100,
		.keep = 3,
		.output_bytes = SPOOL_LEAST };

	(void)snprintf(id, sizeof(id), "%032x", n);
	digest_sha256(bytes_of(key), x.key.key);
	return ledger_begin(b.ledger, &x, e);
}

static struct ledger_entry *
find_made(const char *key)
{
	uint8_t sum[DIGEST_BYTES];

	digest_sha256(bytes_of(key), sum);
	return ledger_find_key(b.ledger, sum, alice);
}

/* Until its answer was told, or its time after the end is over. */
static void
test_ledger_made_keys(void **state)
{
	struct err e = { 0 };
	struct ledger_entry *x = begin_made(1, "k", 60000, &e);
	(void)state;

	assert_ptr_equal(find_made("k"), x);
	ledger_end(b.ledger, x);
	assert_ptr_equal(find_made("k"), x);
	ledger_told(b.ledger, x);
	assert_null(find_made("k"));
	assert_ptr_equal(find(1, alice), x);
	x = begin_made(2, "k", 1, &e);
	ledger_end(b.ledger, x);
	x->end_ms -= 1;
	assert_null(find_made("k"));
	x = begin(3, alice, "k", &e); /* a client's own stays */
	ledger_told(b.ledger, x);
	ledger_end(b.ledger, x);
	assert_ptr_equal(find_made("k"), x);
}

/* What was told of, or is over for too long, takes no room of others. */
static void
test_ledger_made_keys_are_bounded(void **state)
{
	struct err e = { 0 };
	char key[32];
	(void)state;

	for (unsigned i = 0; i < LEDGER_KEYS; i++) {
		(void)snprintf(key, sizeof(key), "%u", i);
		assert_non_null(begin_made(i, key, 60000, &e));
	}
	assert_null(begin_made(9999, "one more", 60000, &e));
	assert_non_null(strstr(e.what, "wait until the first are forgotten"));
	assert_null(strstr(e.what, "plain call"));
	assert_non_null(begin(9998, bob, "one more", &e));
	ledger_told(b.ledger, find(0, alice));
	assert_non_null(begin_made(9999, "one more", 60000, &e));
	assert_null(begin_made(10000, "another", 60000, &e));
	ledger_end(b.ledger, find(1, alice));
	find(1, alice)->end_ms -= 60000;
	assert_non_null(begin_made(10000, "another", 60000, &e));
}

static void
limit_files(rlim_t bytes)
{
	struct rlimit r = { bytes, RLIM_INFINITY };

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

/* What cannot be on disk before it runs does not run. */
static void
test_ledger_made_keys_are_durable(void **state)
{
	struct err e = { 0 };
	(void)state;

	(void)signal(SIGXFSZ, SIG_IGN);
	limit_files(0);
	assert_null(begin_made(1, "k", 60000, &e));
	limit_files(RLIM_INFINITY);
	assert_non_null(strstr(e.what, "cannot remember calls now"));
	assert_null(strstr(e.what, "idempotency_key"));
	assert_null(find_made("k"));
	assert_non_null(begin_made(1, "k", 60000, &e));
}

static void
count_news(void *arg)
{
	(void)arg;
	b.news++;
}

static void
count_gone(void *arg, const char *why)
{
	(void)arg;
	assert_string_equal(why, "refused");
	b.gone++;
}

static void
test_ledger_tells_who_waits(void **state)
{
	struct ledger_waiter w[3] = { 0 };
	struct err e = { 0 };
	struct ledger_entry *x = begin(1, alice, NULL, &e);
	(void)state;

	for (size_t i = 0; i < 3; i++) {
		w[i].news = count_news;
		w[i].gone = count_gone;
		ledger_wait(x, &w[i]);
	}
	ledger_output(x, 1, BYTES_LIT("a"));
	assert_int_equal(b.news, 3);
	ledger_leave(&w[1]);
	ledger_leave(&w[1]);
	ledger_output(x, 1, BYTES_LIT("b"));
	assert_int_equal(b.news, 5);
	ledger_withdraw(b.ledger, x, "refused");
	assert_int_equal(b.gone, 2);
	assert_null(w[0].entry);
	assert_int_equal(ledger_count(b.ledger), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_spool_keeps_the_last),
		TEST(test_spool_knows_streams),
		TEST(test_spool_makes_room),
		TEST(test_spool_without_a_disk),
		TEST(test_spool_files_are_bounded),
		TEST(test_room_many_spools),
		TEST(test_room_live_spools),
		TEST(test_room_of_its_own),
		TEST(test_room_by_age),
		TEST(test_ledger_is_by_owner),
		TEST(test_ledger_gives_way),
		TEST(test_ledger_is_bounded),
		TEST(test_ledger_shares),
		TEST(test_ledger_displaces_its_own),
		TEST(test_ledger_made_keys),
		TEST(test_ledger_made_keys_are_bounded),
		TEST(test_ledger_made_keys_are_durable),
		TEST(test_ledger_tells_who_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
