/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/recorder and executor/recordings: real files in a real
 * directory, with limits that are soon reached.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include "executor/recording/asciicast_read.h"
#include "executor/recording/recorder.h"
#include "tests/unit/fixture_executor.h"
#include "tests/unit/set_clock.h"

static struct {
	struct audit *audit;
	struct recordings *recordings;
	struct buf got[ASCIICAST_STREAMS];
	struct asciicast_head head;
	bool ended;
} b;

static const uint8_t alice[DIGEST_BYTES] = { 1 }, bob[DIGEST_BYTES] = { 2 };

static void
open_keep(void)
{
	struct err e = { 0 };

	b.audit = audit_open(fixture_path("audit.jsonl"), &e);
	assert_non_null(b.audit);
	b.recordings = recordings_new(b.audit, &e);
	assert_non_null(b.recordings);
	if (recordings_open(b.recordings, fixture_path("rec"), &e) != 0)
		fail_msg("%s", e.what);
}

static void
close_keep(void)
{
	struct err e;

	assert_int_equal(audit_flush(b.audit, &e), 0);
	(void)recordings_sweep(b.recordings);
	recordings_free(b.recordings);
	audit_close(b.audit);
}

static int
setup(void **state)
{
	if (fixture_setup(state) != 0)
		return -1;
	open_keep();
	return 0;
}

static int
teardown(void **state)
{
	close_keep();
	return fixture_teardown(state);
}

static struct recorder_setup
setup_of(enum recorder_mode mode, uint32_t max, unsigned n)
{
	struct recorder_setup s = { .mode = mode, .max = max };

	(void)snprintf(s.head.run, sizeof(s.head.run), "%032x", n);
	recordings_owner(alice, s.head.owner);
	(void)strcpy(s.head.token, "alice");
	(void)strcpy(s.head.policy, "p");
	(void)strcpy(s.head.tool, "exec_cmd");
	s.head.begin_s = (uint64_t)time(NULL);
	return s;
}

static struct recorder *
begin(enum recorder_mode mode, uint32_t max, unsigned n)
{
	struct recorder_setup s = setup_of(mode, max, n);
	struct err e = { 0 };
	struct recorder *r = recorder_new(b.recordings, &s, &e);

	if (r == NULL)
		fail_msg("%s", e.what);
	return r;
}

static void
end(struct recorder *r)
{
	static const struct asciicast_end done = { PROTO_EXITED, 0, 0,
		{ 3, 4 } };

	recorder_end(r, &done);
	recorder_free(r);
}

static const struct recordings_run *
find(unsigned n, const uint8_t verifier[DIGEST_BYTES])
{
	uint8_t owner[DIGEST_BYTES];
	char id[ASCIICAST_ID];

	(void)snprintf(id, sizeof(id), "%032x", n);
	recordings_owner(verifier, owner);
	return recordings_find(b.recordings, bytes_of(id), owner);
}

static void
on_head(void *arg, const struct asciicast_head *h)
{
	(void)arg;
	b.head = *h;
}

static void
on_output(void *arg, uint64_t at_us, unsigned stream, struct bytes data)
{
	(void)arg;
	(void)at_us;
	buf_put_bytes(&b.got[stream - 1], data);
}

static void
on_end(void *arg, uint64_t at_us, const struct asciicast_end *e)
{
	(void)arg;
	(void)at_us;
	(void)e;
	b.ended = true;
}

/* The recording as it is in the file. */
static void
read_back(unsigned n)
{
	static const struct asciicast_read_ops ops = { on_head, on_output,
		on_end };
	const struct recordings_run *r = find(n, alice);
	static uint8_t part[4096];
	struct asciicast_read c;
	struct err e = { 0 };
	ssize_t got;
	int fd;

	assert_non_null(r);
	b.ended = false;
	for (int s = 0; s < ASCIICAST_STREAMS; s++) {
		buf_fini(&b.got[s]);
		buf_init(&b.got[s], 1 << 20);
	}
	fd = recordings_read(b.recordings, r, &e);
	assert_true(fd >= 0);
	asciicast_read_init(&c, &ops, NULL);
	while ((got = read(fd, part, sizeof(part))) > 0)
		assert_int_equal(
		    asciicast_read_feed(&c, bytes_make(part, (size_t)got), &e),
		    0);
	asciicast_read_fini(&c);
	(void)close(fd);
}

static void
put(struct recorder *r, unsigned stream, const char *text)
{
	struct err e = { 0 };

	if (recorder_put(r, stream, bytes_of(text), &e) != 0)
		fail_msg("%s", e.what);
}

static void
test_all(void **state)
{
	struct recorder *r = begin(RECORDER_ALL, 8192, 1);
	struct err e = { 0 };
	uint64_t bytes;
	uint8_t sum[DIGEST_BYTES], again[DIGEST_BYTES];
	struct buf record;
	char hex[DIGEST_HEX], id[ASCIICAST_ID];
	(void)state;

	put(r, 1, "out");
	/* it is there before anything else happens */
	read_back(1);
	assert_true(bytes_eq_str(buf_bytes(&b.got[0]), "out"));
	assert_false(b.ended);
	put(r, 2, "err!");
	recorder_end(
	    r, &(struct asciicast_end){ PROTO_EXITED, 0, 0, { 3, 4 } });
	assert_int_equal(recorder_kept(r, 1), 3);
	assert_int_equal(recorder_kept(r, 2), 4);
	buf_init(&record, 4096);
	recorder_put_result(r, &record);
	recorder_free(r);
	read_back(1);
	assert_true(b.ended);
	assert_true(bytes_eq_str(buf_bytes(&b.got[1]), "err!"));
	/* the digest of the record is that of the file */
	(void)snprintf(id, sizeof(id), "%032x", 1);
	assert_true(recordings_digest(b.recordings, id, &bytes, sum));
	digest_hex(sum, sizeof(sum), hex);
	assert_non_null(strstr(buf_cstr(&record), hex));
	assert_int_equal(bytes, find(1, alice)->file->bytes);
	digest_sha256(bytes_of(fixture_read(fixture_path(
			  "rec/00000000000000000000000000000001.cast"))),
	    again);
	assert_memory_equal(sum, again, sizeof(sum));
	buf_fini(&record);
	(void)e;
}

/* One byte too much: it is not written, nor is anything after it. */
static void
test_bound(void **state)
{
	static char big[8193];
	struct recorder *r = begin(RECORDER_ALL, 8192, 2);
	struct err e = { 0 };
	(void)state;

	memset(big, 'x', sizeof(big) - 1);
	put(r, 1, big);
	assert_int_equal(recorder_put(r, 1, BYTES_LIT("y"), &e), ERR_BUSY);
	assert_non_null(strstr(e.what, "8192"));
	assert_int_equal(recorder_put(r, 2, BYTES_LIT("z"), &e), ERR_BUSY);
	end(r);
	read_back(2);
	assert_int_equal(b.got[0].len, 8192);
	assert_int_equal(b.got[1].len, 0);
}

static void
test_tail(void **state)
{
	struct recorder *r = begin(RECORDER_TAIL, 8192, 3);
	char line[32];
	uint64_t total = 0;
	(void)state;

	for (int i = 0; i < 20000; i++) {
		(void)snprintf(line, sizeof(line), "line %d\n", i);
		put(r, i % 7 == 0 ? 2 : 1, line);
		total += strlen(line);
	}
	end(r);
	read_back(3);
	assert_true(b.ended);
	assert_true(b.head.tail);
	assert_int_equal(
	    b.head.skipped[0] + b.head.skipped[1] + b.got[0].len + b.got[1].len,
	    total);
	assert_in_range(b.got[0].len + b.got[1].len, 1000, 8192 + 4096);
	assert_non_null(strstr(buf_cstr(&b.got[1]), "line 19999\n"));

	r = begin(RECORDER_TAIL, 8192, 4); /* as large as the pieces come */
	total = 0;
	for (int i = 0; i < 300; i++) {
		static char big[16385];

		memset(big, 'a' + i % 26, sizeof(big) - 1);
		put(r, 1, big);
		total += sizeof(big) - 1;
	}
	end(r);
	read_back(4);
	assert_in_range(b.got[0].len, 8192, 8192 + 4096);
	assert_int_equal(b.head.skipped[0] + b.got[0].len, total);
}

static unsigned
files(void)
{
	DIR *d = opendir(fixture_path("rec"));
	unsigned n = 0;

	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n - 2;
}

/* The disk does not take it: no half line, no more output. */
static void
test_disk_full(void **state)
{
	struct rlimit old, few = { 2000, RLIM_INFINITY };
	struct recorder *r = begin(RECORDER_ALL, 1 << 20, 5);
	struct recorder_setup next = setup_of(RECORDER_ALL, 1 << 20, 6);
	static char big[1001];
	struct err e = { 0 };
	(void)state;

	memset(big, 'x', sizeof(big) - 1);
	(void)signal(SIGXFSZ, SIG_IGN);
	put(r, 1, big);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	few.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
	memset(big, 'y', sizeof(big) - 1);
	assert_true(recorder_put(r, 1, bytes_of(big), &e) != 0);
	/* not even the header of another: it does not run, and has no file */
	few.rlim_cur = 10;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
	assert_null(recorder_new(b.recordings, &next, &e));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_non_null(strstr(e.what, "cannot be recorded"));
	assert_int_equal(files(), 1);
	assert_true(recorder_put(r, 1, BYTES_LIT("z"), &e) != 0);
	end(r);
	read_back(5);
	assert_int_equal(b.got[0].len, 1000);
	assert_int_equal(find(5, alice)->file->bytes,
	    strlen(fixture_read(
		fixture_path("rec/00000000000000000000000000000005.cast"))));
}

/* The oldest goes first, is recorded first, and never one that goes on. */
static void
test_room(void **state)
{
	struct recordings_limits l = { .bytes = 100000 };
	static char big[16385];
	struct recorder *open, *r;
	struct err e = { 0 };
	const char *log;
	(void)state;

	recordings_adjust(b.recordings, &l);
	memset(big, 'x', sizeof(big) - 1);
	open = begin(RECORDER_ALL, 1 << 20, 10);
	put(open, 1, big);
	for (unsigned n = 11; n < 20; n++) {
		r = begin(RECORDER_ALL, 1 << 20, n);
		put(r, 1, big);
		end(r);
	}
	assert_false(find(11, alice)->kept);
	assert_true(find(10, alice)->kept);
	assert_true(find(19, alice)->kept);
	assert_memory_equal(find(11, alice)->file,
	    &(struct recordings_file){ 0 }, sizeof(struct recordings_file));
	assert_int_equal(files(), 10); /* not before it is on record */
	assert_int_equal(audit_flush(b.audit, &e), 0);
	assert_false(recordings_sweep(b.recordings));
	assert_in_range(files(), 3, 6);
	log = fixture_read(fixture_path("audit.jsonl"));
	assert_non_null(strstr(log, "recording-remove"));
	assert_non_null(strstr(log, "0000000b\""));
	assert_null(strstr(log, "0000000a\""));
	/* what runs has the room: then it is full */
	for (int i = 0; i < 5 && e.code == 0; i++)
		(void)!recorder_put(open, 1, bytes_of(big), &e);
	assert_int_equal(recorder_put(open, 1, bytes_of(big), &e), ERR_BUSY);
	assert_non_null(strstr(e.what, "recordings.max_bytes"));
	end(open);
}

static void
record_as(const uint8_t verifier[DIGEST_BYTES], enum recorder_mode mode,
    unsigned n, const char *text)
{
	struct recorder_setup s = setup_of(mode, 1 << 20, n);
	struct err e = { 0 };
	struct recorder *r;

	recordings_owner(verifier, s.head.owner);
	r = recorder_new(b.recordings, &s, &e);
	if (r == NULL)
		fail_msg("%s", e.what);
	put(r, 1, text);
	end(r);
}

/* The owner that records most loses recordings, and nobody who has fewer. */
static void
test_fair_room(void **state)
{
	struct recordings_limits l = { .bytes = 300000 };
	struct recorder *r;
	static char big[16385];
	struct err e = { 0 };
	(void)state;

	recordings_adjust(b.recordings, &l);
	memset(big, 'x', sizeof(big) - 1);
	for (unsigned n = 100; n < 103; n++)
		record_as(bob, RECORDER_ALL, n, big);
	for (unsigned n = 200; n < 240; n++)
		record_as(alice, RECORDER_ALL, n, big);
	for (unsigned n = 100; n < 103; n++)
		assert_true(find(n, bob)->kept);
	assert_false(find(230, alice)->kept);
	assert_true(find(232, alice)->kept);
	/* one run of alice's fills it all: it ends, bob's are still there */
	r = begin(RECORDER_ALL, 1 << 20, 300);
	for (int i = 0; i < 20 && e.code == 0; i++)
		(void)!recorder_put(r, 1, bytes_of(big), &e);
	assert_int_equal(e.code, ERR_BUSY);
	for (unsigned n = 100; n < 103; n++)
		assert_true(find(n, bob)->kept);
	end(r);
	/* bob has less: alice's makes room for bob, until both have as much */
	record_as(bob, RECORDER_ALL, 110, big);
	assert_false(find(300, alice)->kept);
	for (unsigned n = 111; n < 140; n++)
		record_as(bob, RECORDER_ALL, n, big);
	assert_false(find(100, bob)->kept);
	assert_true(find(139, bob)->kept);
	/* a lower limit: the same */
	record_as(alice, RECORDER_ALL, 301, big);
	l.bytes = 60000;
	recordings_adjust(b.recordings, &l);
	assert_int_equal(audit_flush(b.audit, &e), 0);
	(void)recordings_sweep(b.recordings);
	assert_true(find(301, alice)->kept);
	assert_true(find(139, bob)->kept);
	assert_false(find(138, bob)->kept);
}

/* Many small runs push out no recording of others either. */
static void
test_fair_places(void **state)
{
	struct err e;
	(void)state;

	record_as(bob, RECORDER_ALL, 1, "bob");
	record_as(bob, RECORDER_OFF, 2, "");
	record_as(alice, RECORDER_ALL, 3, "alice");
	record_as(alice, RECORDER_ALL, 4, "alice");
	for (unsigned n = 0; n < RECORDINGS_MAX - 3; n++)
		end(begin(RECORDER_OFF, 0, 1000 + n));
	assert_null(find(3, alice)); /* one too many, and alice has most */
	assert_true(find(4, alice)->kept);
	for (unsigned n = 0; n < RECORDINGS_MAX; n++)
		end(begin(RECORDER_OFF, 0, 20000 + n));
	assert_true(find(1, bob)->kept);
	assert_non_null(find(2, bob));
	assert_null(find(4, alice));
	assert_null(find(20000 + 1, alice));
	assert_non_null(find(20000 + 2, alice));
	assert_int_equal(files(), 3);
	assert_int_equal(audit_flush(b.audit, &e), 0);
	assert_false(recordings_sweep(b.recordings));
	assert_int_equal(files(), 1);
}

/* Owners who come and go: their oldest go, and never what is new. */
static void
test_many_owners(void **state)
{
	struct recordings_limits l = { .bytes = 400000 };
	uint8_t owner[DIGEST_BYTES] = { 7 };
	static char text[5000];
	unsigned n;
	(void)state;

	recordings_adjust(b.recordings, &l);
	memset(text, 'x', sizeof(text) - 1);
	for (n = 1; n <= 100; n++) {
		owner[1] = (uint8_t)n;
		/* every fourth is larger than the others */
		record_as(owner, RECORDER_ALL, n,
		    text + (n % 4 == 0 ? 0 : sizeof(text) - 1000));
	}
	for (n = 1; n <= 100; n++) {
		owner[1] = (uint8_t)n;
		if (find(n, owner)->kept)
			break;
	}
	assert_in_range(n, 50, 70);
	for (; n <= 100; n++) {
		owner[1] = (uint8_t)n;
		assert_true(find(n, owner)->kept);
	}
}

/* Small ones are bounded by what they take on disk, not by their length. */
static void
test_small_ones(void **state)
{
	struct recordings_limits l = { .bytes = 1 << 20 };
	unsigned kept = 0;
	(void)state;

	recordings_adjust(b.recordings, &l);
	for (unsigned n = 1; n <= 300; n++)
		record_as(alice, RECORDER_ALL, n, "x");
	for (unsigned n = 1; n <= 300; n++)
		kept += find(n, alice)->kept;
	assert_in_range(kept, 100, (1 << 20) / 8192);
}

static void
test_owner(void **state)
{
	uint8_t owner[DIGEST_BYTES];
	const struct recordings_run *r;
	unsigned n = 0;
	(void)state;

	end(begin(RECORDER_OFF, 0, 30));
	assert_memory_equal(find(30, alice)->file,
	    &(struct recordings_file){ 0 }, sizeof(struct recordings_file));
	end(begin(RECORDER_ALL, 8192, 31));
	assert_non_null(find(30, alice));
	assert_null(find(30, bob));
	assert_null(find(31, bob));
	assert_null(find(32, alice));
	recordings_owner(alice, owner);
	for (r = recordings_before(b.recordings, NULL, owner); r != NULL;
	     r = recordings_before(b.recordings, r, owner))
		n++;
	assert_int_equal(n, 2);
	r = recordings_before(b.recordings, NULL, owner);
	assert_non_null(strstr(r->id, "1f"));
	recordings_owner(bob, owner);
	assert_null(recordings_before(b.recordings, NULL, owner));
}

/* By age, also where the clock was a day ahead when the first one began. */
static void
test_age(void **state)
{
	struct recordings_limits l = { .bytes = 1 << 20, .seconds = 3600 };
	struct err e = { 0 };
	(void)state;

	recordings_adjust(b.recordings, &l);
	set_clock.wall_s = 86400;
	end(begin(RECORDER_ALL, 8192, 60));
	set_clock.wall_s = 0;
	end(begin(RECORDER_ALL, 8192, 61));
	assert_false(recordings_sweep(b.recordings));
	set_clock.wall_s = 3500;
	end(begin(RECORDER_ALL, 8192, 62));
	assert_false(recordings_sweep(b.recordings));
	set_clock.wall_s = 3700;
	assert_true(recordings_sweep(b.recordings));
	assert_int_equal(audit_flush(b.audit, &e), 0);
	assert_false(recordings_sweep(b.recordings));
	set_clock.wall_s = 0;
	assert_false(find(60, alice)->kept);
	assert_false(find(61, alice)->kept);
	assert_true(find(62, alice)->kept);
	assert_int_equal(files(), 1);
}

/* Of one second, in which order they ended is known at the next start. */
static void
test_restart_order(void **state)
{
	const struct recordings_run *r = NULL;
	uint8_t owner[DIGEST_BYTES];
	struct recorder *one;
	struct err e;
	char path[64];
	(void)state;

	for (unsigned n = 0; n < 16; n++) {
		struct recorder_setup s = setup_of(RECORDER_ALL, 8192, 100 + n);

		s.head.begin_s = 1000;
		one = recorder_new(b.recordings, &s, &e);
		assert_non_null(one);
		end(one);
	}
	close_keep();
	for (unsigned n = 0; n < 16; n++) {
		const struct timespec at[2] = { { 0, UTIME_OMIT },
			{ 1000, 1000 * (n * 7 % 16) } };

		(void)snprintf(path, sizeof(path), "rec/%032x.cast", 100 + n);
		assert_int_equal(
		    utimensat(AT_FDCWD, fixture_path(path), at, 0), 0);
	}
	open_keep();
	recordings_owner(alice, owner);
	for (unsigned n = 16; n-- > 0;) {
		r = recordings_before(b.recordings, r, owner);
		assert_non_null(r);
		assert_int_equal(
		    strtoul(r->id + 24, NULL, 16), 100 + n * 7 % 16);
	}
}

/* Another executor finds what this one left. */
static void
test_restart(void **state)
{
	struct recorder *r = begin(RECORDER_ALL, 8192, 40);
	const struct recordings_run *k;
	(void)state;

	put(r, 1, "before");
	end(begin(RECORDER_ALL, 8192, 41));
	recorder_free(r); /* as if it had been killed */
	close_keep();
	fixture_write(fixture_path("rec/notes.txt"), "not ours", 0600);
	fixture_write(fixture_path("rec/0000000000000000000000000000002a.cast"),
	    "{\"version\":2", 0600);
	open_keep();
	k = find(41, alice);
	assert_non_null(k);
	assert_int_equal(k->end.state, PROTO_EXITED);
	assert_int_equal(k->end.total[1], 4);
	assert_true(k->kept && k->over);
	assert_string_equal(k->file->token, "alice");
	k = find(40, alice);
	assert_non_null(k);
	assert_int_equal(k->end.state, PROTO_LOST);
	read_back(40);
	assert_true(bytes_eq_str(buf_bytes(&b.got[0]), "before"));
	assert_null(find(42, alice)); /* nobody's, but it will be removed */
	assert_null(find(41, bob));
	assert_int_equal(files(), 4);
}

/* What the next executor does to go on with run n, which stood at s. */
static struct recorder *
resume(const struct recorder_state *s, unsigned n, struct err *e)
{
	struct recorder_setup of = setup_of(RECORDER_ALL, 0, n);

	return recorder_resume(b.recordings, &of, s, e);
}

static void
check_digest(struct recorder *r, const char *file)
{
	struct buf record;
	uint8_t sum[DIGEST_BYTES];
	char hex[DIGEST_HEX];

	buf_init(&record, 4096);
	recorder_put_result(r, &record);
	digest_sha256(bytes_of(fixture_read(fixture_path(file))), sum);
	digest_hex(sum, sizeof(sum), hex);
	assert_non_null(strstr(buf_cstr(&record), hex));
	assert_null(strstr(buf_cstr(&record), "recording.error"));
	buf_fini(&record);
}

/* What was written and did not count comes again, and is there once. */
static void
test_resumed(void **state)
{
	static const char file[] = "rec/0000000000000000000000000000003c.cast";
	struct recorder *r = begin(RECORDER_ALL, 8192, 60);
	struct recorder_state s;
	struct err e = { 0 };
	(void)state;

	put(r, 1, "one caf\303");
	put(r, 2, "\342\202");
	for (int round = 0; round < 3; round++) {
		recorder_save(r, &s);
		put(r, 1, "\251 two");
		recorder_free(r); /* as if it had been killed */
		close_keep();
		open_keep();
		r = resume(&s, 60, &e);
		if (r == NULL)
			fail_msg("%s", e.what);
		assert_false(find(60, alice)->over);
		assert_null(resume(&s, 60, &e)); /* it has one writer */
	}
	put(r, 1, "\251 two");
	put(r, 2, "\254");
	recorder_end(
	    r, &(struct asciicast_end){ PROTO_EXITED, 0, 0, { 13, 3 } });
	assert_int_equal(recorder_kept(r, 1), 13);
	assert_int_equal(recorder_kept(r, 2), 3);
	check_digest(r, file);
	recorder_free(r);
	read_back(60);
	assert_true(b.ended);
	assert_true(bytes_eq_str(buf_bytes(&b.got[0]), "one caf\303\251 two"));
	assert_true(bytes_eq_str(buf_bytes(&b.got[1]), "\342\202\254"));
	/* the characters are whole: no bytes of theirs stand in base64 */
	assert_null(strstr(fixture_read(fixture_path(file)), "\"1 "));
	assert_null(strstr(fixture_read(fixture_path(file)), "\"2 "));
}

/* Its bound is of the whole run. */
static void
test_resumed_bound(void **state)
{
	static char most[8192];
	struct recorder *r = begin(RECORDER_ALL, 8192, 61);
	struct recorder_state s;
	struct err e = { 0 };
	(void)state;

	memset(most, 'x', sizeof(most) - 1);
	put(r, 1, most);
	recorder_save(r, &s);
	recorder_free(r);
	close_keep();
	open_keep();
	r = resume(&s, 61, &e);
	assert_non_null(r);
	put(r, 2, "y");
	assert_int_equal(recorder_put(r, 1, BYTES_LIT("z"), &e), ERR_BUSY);
	recorder_save(r, &s);
	recorder_free(r);
	close_keep();
	open_keep();
	assert_null(resume(&s, 61, &e));
	assert_non_null(strstr(e.what, "failed before"));
	read_back(61);
	assert_int_equal(b.got[0].len + b.got[1].len, 8192);
}

static void
refused(const struct recorder_state *s, unsigned n, const char *why)
{
	struct err e = { 0 };

	assert_null(resume(s, n, &e));
	assert_non_null(strstr(e.what, "cannot be gone on with"));
	assert_non_null(strstr(e.what, why));
}

/* Nothing is done to its file then. */
static void
test_not_resumed(void **state)
{
	static const char file[] = "rec/0000000000000000000000000000003e.cast";
	struct recorder *r = begin(RECORDER_ALL, 8192, 62);
	struct recorder_state s, bad;
	struct recorder_setup of = setup_of(RECORDER_ALL, 0, 62);
	struct err e = { 0 };
	(void)state;

	put(r, 1, "out");
	recorder_save(r, &s);
	recorder_free(r);
	close_keep();
	open_keep();
	bad = s;
	bad.bytes++;
	refused(&bad, 62, "changed");
	bad = s;
	bad.waiting[1] = RECORDER_WAITS + 1;
	refused(&bad, 62, "not sound");
	bad = s;
	bad.mode = RECORDER_TAIL;
	refused(&bad, 62, "not sound");
	refused(&s, 63, "not there");
	recordings_owner(bob, of.head.owner);
	assert_null(recorder_resume(b.recordings, &of, &s, &e));
	assert_int_equal(truncate(fixture_path(file), 10), 0);
	refused(&s, 62, "changed");
	assert_int_equal(
	    truncate(fixture_path(file), (off_t)find(62, alice)->file->bytes),
	    0);
	r = resume(&s, 62, &e); /* the control */
	assert_non_null(r);
	recorder_leave(r);
	recorder_free(r);
	assert_true(find(62, alice)->over);
}

static void
test_directory(void **state)
{
	struct recorder_setup s = setup_of(RECORDER_ALL, 8192, 50);
	struct err e = { 0 };
	struct recordings *k;
	(void)state;

	k = recordings_new(b.audit, &e);
	assert_int_equal(recordings_open(k, fixture_path("rec"), &e), ERR_BAD);
	assert_non_null(strstr(e.what, "another mcp-execd"));
	assert_int_equal(mkdir(fixture_path("open"), 0755), 0);
	assert_int_equal(recordings_open(k, fixture_path("open"), &e), ERR_BAD);
	assert_non_null(strstr(e.what, "0700"));
	assert_int_equal(
	    recordings_open(k, fixture_path("no/such"), &e), ERR_SYS);
	assert_int_equal(symlink(fixture_path("rec"), fixture_path("link")), 0);
	assert_int_equal(recordings_open(k, fixture_path("link"), &e), ERR_SYS);
	assert_false(recordings_is_open(k));
	/* then what is to be recorded does not run */
	assert_null(recorder_new(k, &s, &e));
	assert_non_null(strstr(e.what, "cannot be recorded"));
	recordings_free(k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tail, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_disk_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_room, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_fair_room, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_fair_places, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_many_owners, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_small_ones, setup, teardown),
		cmocka_unit_test_setup_teardown(test_owner, setup, teardown),
		cmocka_unit_test_setup_teardown(test_age, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_restart_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resumed, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_resumed_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_not_resumed, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_directory, setup, teardown),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	for (int s = 0; s < ASCIICAST_STREAMS; s++)
		buf_fini(&b.got[s]);
	return rc;
}
