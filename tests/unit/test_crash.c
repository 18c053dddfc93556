/* SPDX-License-Identifier: MIT */
/* crash and waits: who waits after a frontend's death; and its note. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "executor/channel/crash.h"
#include "frontend/gate/waits.h"
#include "proto/note.h"

static const uint8_t one[DIGEST_BYTES] = { 1 }, two[DIGEST_BYTES] = { 2 };

struct told {
	struct waits *waits;
	uint64_t now_ms;
	size_t count;
};

static void
take(void *arg, const struct msg *m)
{
	struct told *t = arg;
	struct err e;

	assert_int_equal(m->code, PROTO_WAIT);
	assert_int_equal(waits_add(t->waits, &m->wait, t->now_ms, &e), 0);
	t->count++;
}

static void
test_grows(void **state)
{
	struct err e;
	struct crash *c = crash_new(&e);
	struct bytes peer = bytes_of("192.0.2.1");
	uint64_t now = 1000;
	uint32_t want = CRASH_FIRST_MS;

	(void)state;
	assert_non_null(c);
	for (int i = 0; i < 12; i++) {
		assert_int_equal(crash_source(c, peer, now), want);
		assert_int_equal(crash_token(c, one, now), want);
		now += 1000;
		want = 2 * want < CRASH_MOST_MS ? 2 * want : CRASH_MOST_MS;
	}
	assert_int_equal(crash_token(c, two, now), CRASH_FIRST_MS);
	now += CRASH_FORGET_MS + 1000;
	assert_int_equal(crash_source(c, peer, now), CRASH_FIRST_MS);
	crash_free(c);
}

static void
test_told(void **state)
{
	struct err e;
	struct crash *c = crash_new(&e);
	struct told t = { waits_new(&e), 50, 0 };
	bool shut;

	(void)state;
	assert_non_null(c);
	assert_non_null(t.waits);
	(void)crash_source(c, bytes_of("192.0.2.1"), 50);
	(void)crash_source(c, bytes_of("2001:db8::1"), 50);
	(void)crash_source(c, bytes_of("2001:db8::2"), 50); /* the same /64 */
	(void)crash_token(c, one, 50);
	crash_tell(c, 50, take, &t);
	assert_int_equal(t.count, 3);
	assert_int_equal(
	    waits_source(t.waits, bytes_of("192.0.2.1"), 50, &shut),
	    CRASH_FIRST_MS);
	assert_false(shut); /* told once why */
	assert_int_equal(
	    waits_source(t.waits, bytes_of("::ffff:192.0.2.1"), 1050, &shut),
	    CRASH_FIRST_MS - 1000);
	assert_int_equal(
	    waits_source(t.waits, bytes_of("2001:db8::3"), 50, &shut),
	    2 * CRASH_FIRST_MS);
	assert_true(shut);
	assert_int_equal(
	    waits_source(t.waits, bytes_of("192.0.2.2"), 50, &shut), 0);
	assert_int_equal(waits_token(t.waits, one, 50), CRASH_FIRST_MS);
	assert_int_equal(waits_token(t.waits, two, 50), 0);
	assert_int_equal(waits_token(t.waits, one, 50 + CRASH_FIRST_MS), 0);
	waits_free(t.waits);
	crash_free(c);
}

static void
test_full(void **state)
{
	struct err e;
	struct crash *c = crash_new(&e);
	struct told t = { waits_new(&e), 0, 0 };
	struct msg_wait bad = { .kind = 2 };
	char peer[32];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(
		    peer, sizeof(peer), "10.0.%d.%d", i / 256, i % 256);
		(void)crash_source(c, bytes_of(peer), 10);
	}
	crash_tell(c, 10, take, &t);
	assert_int_equal(t.count, 256);
	assert_int_equal(waits_add(t.waits, &bad, 0, &e), ERR_PROTO);
	waits_free(t.waits);
	crash_free(c);
}

/* A process that dies leaves its note; a blank page is left. */
static void
test_note(void **state)
{
	struct err e;
	struct note n, *page;
	char place[NOTE_PLACE];
	int fd, status;
	pid_t pid;

	(void)state;
	page = note_new(&fd, &e);
	assert_non_null(page);
	pid = fork();
	if (pid == 0) {
		note_attach(fd);
		note_modules();
		note_source("192.0.2.7");
		note_proof(one);
		note_trapped(99, (uint64_t)(uintptr_t)test_note);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	note_take(page, &n);
	assert_true(n.in_hand && n.has_proof && n.trapped);
	assert_string_equal(n.peer, "192.0.2.7");
	assert_memory_equal(n.proof, one, sizeof(one));
	assert_int_equal(n.nr, 99);
	note_place(&n, place);
	assert_non_null(strstr(place, "mcp-execd-frontend+0x"));
	n.address = 1;
	note_place(&n, place);
	assert_string_equal(place, "0x1");
	note_take(page, &n);
	assert_false(n.in_hand || n.has_proof || n.trapped);
	assert_string_equal(n.peer, "");
	/* text of a hostile page ends */
	memset(page, 'x', sizeof(*page));
	note_take(page, &n);
	assert_int_equal(strlen(n.peer), NOTE_PEER - 1);
	assert_int_equal(strlen(n.module[3].name), NOTE_MODULE - 1);
	note_free(page);
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_note),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
