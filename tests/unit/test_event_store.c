/* SPDX-License-Identifier: MIT */
/* Unit tests of frontend/event_store: lines, cuts and what is kept. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frontend/session/event_store.h"

static const struct event_store_rules polling = { .ids = true,
	.polling = true };
static const struct event_store_rules plain = { .ids = true };
static const struct event_store_rules none = { 0 };

static const uint8_t alice[DIGEST_BYTES] = { 1 }, bob[DIGEST_BYTES] = { 2 };

static struct event_store_all all;
static struct event_store box;
static struct sse one, two;
static struct event_stream *writing; /* has a writer: this test */
static unsigned wakes;

static void
on_wake(void *arg)
{
	(void)arg;
	wakes++;
}

static int
setup(void **state)
{
	struct err e;

	(void)state;
	memset(&box, 0, sizeof(box));
	all.max = 1 << 20;
	all.shares = shares_new(32, &e);
	assert_non_null(all.shares);
	sse_init(&one, 1 << 20, on_wake, NULL);
	sse_init(&two, 1 << 20, on_wake, NULL);
	wakes = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	event_store_fini(&box);
	if (writing != NULL)
		event_store_drop(writing);
	writing = NULL;
	sse_fini(&one);
	sse_fini(&two);
	assert_int_equal(shares_used(all.shares), 0);
	assert_int_equal(shares_joined(all.shares), 0);
	shares_free(all.shares);
	return 0;
}

/* All that waits on a stream; it is taken. */
static const char *
taken(struct sse *s)
{
	static char text[65536];
	size_t n = sse_take(s, text, sizeof(text) - 1);

	text[n] = '\0';
	return text;
}

/* "1,2,*": the events of a text by the last part of their ids; *: empty. */
static const char *
ids(const char *text)
{
	static char out[1024];
	const char *at = text;
	size_t n = 0;

	out[0] = '\0';
	while ((at = strstr(at, "id: ")) != NULL) {
		const char *seq = strchr(strchr(at, '-') + 1, '-') + 1;
		const char *data = strstr(at, "\ndata: ");

		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%ld%s",
		    n > 0 ? "," : "", strtol(seq, NULL, 10),
		    data != NULL && data[7] == '\n' ? "*" : "");
		at += 4;
	}
	return out;
}

static struct bytes
id_of(uint64_t line, uint64_t seq)
{
	static char id[EVENT_STORE_ID];

	(void)snprintf(id, sizeof(id), "%s-%llu-%llu", box.key,
	    (unsigned long long)line, (unsigned long long)seq);
	return bytes_of(id);
}

static bool
resume(uint64_t line, uint64_t seq)
{
	return event_store_resume(&box, id_of(line, seq), &two, true, 100);
}

static struct event_stream *
begin(const struct event_store_rules *rules, size_t max)
{
	struct event_stream *l;

	event_store_begin(&box, rules, max, &all, alice);
	l = event_store_open(&box, BYTES_LIT("\"r\""));
	assert_non_null(l);
	writing = l;
	event_store_attach(l, &one, 1);
	return l;
}

static void
finish(struct event_stream *l, struct bytes answer, uint64_t now_ms)
{
	writing = NULL;
	event_store_finish(l, answer, now_ms);
}

static void
push(struct event_stream *l, const char *text)
{
	event_store_push(l, bytes_of(text), 1);
}

static void
test_rules(void **state)
{
	struct event_stream *l;

	(void)state;
	l = begin(&polling, 4096);
	push(l, "{}");
	assert_string_equal(ids(taken(&one)), "0*,1");
	finish(l, bytes_of("{\"a\":1}"), 2);
	assert_true(one.closed);
	assert_string_equal(ids(taken(&one)), "2");
	event_store_fini(&box);
	sse_fini(&one);
	sse_init(&one, 4096, on_wake, NULL);
	l = begin(&plain, 4096);
	push(l, "{}");
	assert_string_equal(ids(taken(&one)), "1");
	finish(l, bytes_of(""), 2);
	event_store_fini(&box);
	sse_fini(&one);
	sse_init(&one, 4096, on_wake, NULL);
	l = begin(&none, 4096);
	push(l, "{}");
	assert_string_equal(taken(&one), "event: message\ndata: {}\n\n");
	assert_int_equal(box.bytes, 0);
	finish(l, bytes_of("{}"), 2);
	assert_null(box.lines);
}

static void
test_resume(void **state)
{
	struct event_stream *l = begin(&polling, 4096);

	(void)state;
	push(l, "{\"n\":1}");
	push(l, "{\"n\":2}");
	assert_string_equal(ids(taken(&one)), "0*,1,2");
	sse_fini(&one); /* cut */
	push(l, "{\"n\":3}");
	assert_false(event_store_is_open(&box));
	assert_true(event_store_has_room(l));
	assert_true(resume(1, 1));
	assert_true(event_store_is_open(&box));
	assert_string_equal(ids(taken(&two)), "1*,2,3");
	push(l, "{\"n\":4}");
	assert_string_equal(ids(taken(&two)), "4");
	finish(l, bytes_of("{\"answer\":1}"), 5);
	assert_true(two.closed);
	assert_string_equal(ids(taken(&two)), "5");
}

static void
test_answer_waits(void **state)
{
	struct event_stream *l = begin(&plain, 4096);

	(void)state;
	push(l, "{}");
	sse_fini(&one);
	finish(l, bytes_of("{\"answer\":1}"), 5);
	for (int i = 0; i < 3; i++) {
		assert_true(resume(1, 1));
		assert_non_null(strstr(taken(&two), "answer"));
		assert_true(two.closed);
		sse_fini(&two);
		sse_init(&two, 4096, on_wake, NULL);
	}
	/* seen to its end: nothing follows */
	assert_true(resume(1, 2));
	assert_true(two.closed);
	assert_string_equal(taken(&two), "");
}

static void
test_wrong_ids(void **state)
{
	struct event_stream *l = begin(&polling, 4096);
	static const char *const tails[] = { "", "-", "-1", "-1-", "--", "-1-x",
		"-1-1-1", "-1-+1", "-1- 1", "-2-1", "-1-99", "-0-0",
		"-1-18446744073709551616", "-1-1 " };
	char id[EVENT_STORE_ID + 32];

	(void)state;
	push(l, "{}");
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		(void)snprintf(id, sizeof(id), "%s%s", box.key, tails[i]);
		assert_false(
		    event_store_resume(&box, bytes_of(id), &two, true, 1));
	}
	assert_false(event_store_resume(
	    &box, BYTES_LIT("0123456789abcdef-1-1"), &two, true, 1));
	assert_false(event_store_resume(&box, BYTES_LIT("x"), &two, true, 1));
	assert_null(two.held);
	assert_true(resume(1, 1)); /* control */
	/* a line without a connection yet gave no id to anybody */
	l = event_store_open(&box, BYTES_LIT("2"));
	assert_false(resume(2, 0));
	event_store_drop(l);
}

static void
test_taken_over(void **state)
{
	struct event_stream *l = begin(&polling, 4096);

	(void)state;
	push(l, "{}");
	assert_true(resume(1, 0));
	assert_true(one.closed);
	assert_int_equal(one.out.len, 0); /* nobody reads it */
	assert_null(one.held);
	assert_string_equal(ids(taken(&two)), "0*,1");
}

/* The oldest goes; the gap is told in its place. */
static void
test_bounded(void **state)
{
	struct event_stream *l = begin(&plain, 4096);
	const char *text;

	(void)state;
	sse_fini(&one);
	for (int i = 0; i < 100; i++) {
		push(l,
		    "{\"pad\":\"0123456789012345678901234567890123456789\"}");
		assert_true(box.bytes <= 4096);
	}
	assert_true(resume(1, 1));
	text = taken(&two);
	assert_non_null(strstr(text, "notifications/message"));
	assert_non_null(strstr(text, "\"warning\""));
	assert_string_equal(strstr(ids(text), ",100"), ",100");
	/* told once: its id is that of the last that is missing */
	assert_true(event_store_resume(&box, id_of(1, 100), &two, true, 1));
	assert_string_equal(taken(&two), "");
}

static void
test_quiet(void **state)
{
	struct event_stream *l = begin(&plain, 1000);

	(void)state;
	sse_fini(&one);
	for (int i = 0; i < 10; i++)
		push(l, "{}");
	assert_true(event_store_resume(&box, id_of(1, 0), &two, false, 1));
	assert_null(strstr(taken(&two), "notifications/message"));
}

/* Who is there gets it; who was cut off is told that it is gone. */
static void
answer_is_not_kept(struct event_stream *l, size_t size)
{
	static char big[5000];

	assert_true(size <= sizeof(big));
	memset(big, 'x', size);
	push(l, "{}");
	(void)taken(&one);
	finish(l, bytes_make(big, size), 5);
	assert_true(strlen(taken(&one)) > size);
	assert_true(resume(1, 1));
	assert_non_null(strstr(taken(&two), "\"id\":\"r\",\"error\":"));
	assert_true(two.closed);
	assert_int_equal(box.bytes, 0);
}

static void
test_large_answer(void **state)
{
	(void)state;
	answer_is_not_kept(begin(&plain, 2000), 5000);
}

static void
test_session_over(void **state)
{
	struct event_stream *l = begin(&polling, 4096);
	struct sse general;

	(void)state;
	sse_init(&general, 4096, on_wake, NULL);
	assert_true(event_store_listen(&box, &general, 1));
	(void)taken(&one);
	event_store_fini(&box);
	assert_true(general.closed);
	assert_false(one.closed);
	/* the writer goes on to its answer, which has no id */
	push(l, "{}");
	finish(l, bytes_of("{\"a\":1}"), 1);
	assert_true(one.closed);
	assert_string_equal(taken(&one),
	    "event: message\ndata: {}\n\nevent: message\ndata: {\"a\":1}\n\n");
	sse_fini(&general);
}

static void
test_general(void **state)
{
	struct sse s[EVENT_STORE_MAX_GENERAL + 1];
	const size_t n = EVENT_STORE_MAX_GENERAL + 1;

	(void)state;
	event_store_begin(&box, &plain, 4096, &all, alice);
	assert_false(event_store_say(&box, bytes_of("{}"), 1));
	for (size_t i = 0; i < n; i++) {
		sse_init(&s[i], 4096, on_wake, NULL);
		assert_true(event_store_listen(&box, &s[i], 1));
	}
	/* one too many: the oldest was closed */
	for (size_t i = 0; i < n; i++)
		assert_int_equal(s[i].closed, i == 0);
	assert_true(event_store_say(&box, bytes_of("{}"), 1));
	for (size_t i = 0; i < n; i++)
		assert_int_equal(s[i].out.len > 0, i == n - 1);
	/* cut: the newest of those that are there */
	sse_fini(&s[n - 1]);
	assert_true(event_store_say(&box, bytes_of("{}"), 1));
	assert_true(s[n - 2].out.len > 0);
	for (size_t i = 0; i < n - 1; i++)
		sse_fini(&s[i]);
	/* nobody there: it waits for who comes back */
	assert_true(event_store_say(&box, bytes_of("{\"late\":1}"), 1));
	assert_true(resume(n, 1));
	assert_non_null(strstr(taken(&two), "late"));
}

static void
test_time(void **state)
{
	struct event_stream *l = begin(&polling, 4096);

	(void)state;
	push(l, "{}");
	event_store_tend(&box, 500, 400);
	assert_false(one.closed);
	event_store_tend(&box, 500, 501);
	assert_true(one.closed);
	push(l, "{}"); /* not sent yet: it is kept */
	event_store_tend(&box, 0, EVENT_STORE_KEEP_MS + 1);
	assert_int_equal(box.bytes, 2 + EVENT_STORE_OVERHEAD);
	assert_true(resume(1, 1));
	assert_string_equal(ids(taken(&two)), "1*,2");
	finish(l, bytes_of("{}"), 200);
	event_store_tend(&box, 0, EVENT_STORE_KEEP_MS + 199);
	assert_non_null(box.lines);
	event_store_tend(&box, 0, EVENT_STORE_KEEP_MS + 200);
	assert_null(box.lines);
	assert_int_equal(box.bytes, 0);
	assert_false(resume(1, 1));
}

/* An answer that nobody has had waits as long as its session. */
static void
test_unseen_answer_stays(void **state)
{
	struct event_stream *l = begin(&plain, 4096);

	(void)state;
	push(l, "{}");
	sse_fini(&one);
	finish(l, bytes_of("{\"answer\":1}"), 1);
	event_store_tend(&box, 0, 100 * (uint64_t)EVENT_STORE_KEEP_MS);
	assert_true(resume(1, 1));
	assert_non_null(strstr(taken(&two), "answer"));
}

static void
test_many_lines(void **state)
{
	struct event_stream *l;

	(void)state;
	event_store_begin(&box, &plain, 1 << 20, &all, alice);
	for (int i = 0; i < 3 * EVENT_STORE_MAX_STREAMS; i++) {
		struct sse s;

		sse_init(&s, 4096, on_wake, NULL);
		l = event_store_open(&box, BYTES_LIT("1"));
		event_store_attach(l, &s, 1);
		event_store_finish(l, BYTES_LIT("{}"), 1);
		sse_fini(&s);
	}
	assert_int_equal(box.bytes,
	    EVENT_STORE_MAX_STREAMS * (2 + (size_t)EVENT_STORE_OVERHEAD));
	assert_false(resume(1, 0));
	assert_true(resume(3 * EVENT_STORE_MAX_STREAMS, 0));
}

/* --- all sessions together ------------------------------------------------ */

/* Another session, with one line whose client was cut off at once. */
static struct event_stream *
cut_off(struct event_store *o, const uint8_t verifier[DIGEST_BYTES])
{
	struct event_stream *l;
	struct sse s;

	event_store_begin(o, &plain, 1 << 20, &all, verifier);
	l = event_store_open(o, BYTES_LIT("1"));
	assert_non_null(l);
	sse_init(&s, 4096, on_wake, NULL);
	event_store_attach(l, &s, 1);
	sse_fini(&s);
	return l;
}

/* What a client of that session gets that comes back with nothing seen. */
static const char *
back(struct event_store *o)
{
	char id[EVENT_STORE_ID];

	sse_fini(&two);
	sse_init(&two, 1 << 20, on_wake, NULL);
	(void)snprintf(id, sizeof(id), "%s-1-0", o->key);
	assert_true(event_store_resume(
	    (struct event_store *)o, bytes_of(id), &two, true, 100));
	return taken(&two);
}

/* A token's hunger costs its own sessions, however many, and no other's. */
static void
test_hunger(void **state)
{
	enum { HUNGRY = 20, EVENT = 100 + EVENT_STORE_OVERHEAD };
	struct event_store modest, hungry[HUNGRY];
	struct event_stream *m, *l[HUNGRY];
	static char event[101];
	const char *text;

	(void)state;
	memset(event, '7', sizeof(event) - 1);
	all.max = 100 * EVENT;
	m = cut_off(&modest, bob);
	for (int i = 0; i < 10; i++)
		push(m, event);
	for (int i = 0; i < HUNGRY; i++)
		l[i] = cut_off(&hungry[i], alice);
	for (int i = 0; i < 50 * HUNGRY; i++) {
		push(l[i % HUNGRY], event);
		assert_true(shares_used(all.shares) <= all.max);
	}
	assert_int_equal(shares_used(all.shares), 100 * EVENT);
	/* the oldest of that token went, in turn: 90 are left of 20 sessions */
	for (int i = 0; i < HUNGRY; i++)
		assert_in_range(hungry[i].bytes, 4 * EVENT, 5 * EVENT);
	assert_string_equal(ids(back(&modest)), "1,2,3,4,5,6,7,8,9,10");
	text = back(&hungry[0]);
	assert_non_null(strstr(text, "replay_total_bytes"));
	assert_non_null(strstr(text, "\"warning\""));
	/* as much for each: then its own is what goes */
	for (int i = 0; i < 200; i++)
		push(m, event);
	assert_int_equal(modest.bytes, 50 * EVENT);
	for (int i = 0; i < HUNGRY; i++) {
		event_store_fini(&hungry[i]);
		event_store_drop(l[i]);
	}
	assert_int_equal(shares_used(all.shares), 50 * EVENT);
	/* less is allowed from now on */
	all.max = 3 * EVENT + 1;
	event_store_yield(&all);
	assert_int_equal(modest.bytes, 3 * EVENT);
	text = back(&modest);
	assert_string_equal(ids(text), "207,208,209,210");
	assert_non_null(strstr(text, "some messages are missing"));
	event_store_fini(&modest);
	event_store_drop(m);
}

/* More than all may keep: as if it were more than the session may. */
static void
test_more_than_all(void **state)
{
	struct event_stream *l = begin(&plain, 1 << 20);

	(void)state;
	all.max = 2000;
	answer_is_not_kept(l, 3000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_rules),
		T(test_resume),
		T(test_answer_waits),
		T(test_wrong_ids),
		T(test_taken_over),
		T(test_bounded),
		T(test_quiet),
		T(test_large_answer),
		T(test_session_over),
		T(test_general),
		T(test_time),
		T(test_unseen_answer_stays),
		T(test_many_lines),
		T(test_hunger),
		T(test_more_than_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
