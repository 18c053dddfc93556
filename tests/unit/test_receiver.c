/* SPDX-License-Identifier: MIT */
/*
 * Tests of executor/receiver with a receiver of their own, and of the forms
 * that to_journal, to_syslog and to_kernel give a record.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "executor/audit/to_journal.h"
#include "executor/audit/to_kernel.h"
#include "executor/audit/to_syslog.h"
#include "tests/unit/fixture_fds.h"

#define HEAD                                                                   \
	"{\"v\":1,\"event.sequence\":7,\"@timestamp\":"                        \
	"\"2026-01-02T03:04:05.000006Z\",\"monotonic_ns\":9,"                  \
	"\"event.action\":\"run-intent\""
#define REST                                                                   \
	",\"run.id\":\"ab\",\"token.name\":\"alice\",\"list\":[\"x,]\",{}],"   \
	"\"n\":-1,\"process.command_line\":\"a\\n\\\"b\",\"source.ip\":"       \
	"\"10.0.0.1\",\"process.working_directory\":\"/srv\"}"

static struct {
	int opened, rc; /* what `send` answers */
	bool absent; /* `open` fails */
	char got[4096];
} told;

static int
tell_open(const char *path, struct err *e)
{
	(void)path;
	told.opened++;
	if (told.absent)
		return err_set(e, ERR_SYS, "it is not there");
	return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static int
tell_send(int fd, struct bytes line, const struct logline *l, struct err *e)
{
	size_t n = strlen(told.got);

	(void)line;
	assert_true(fd >= 0);
	if (told.rc != 0)
		return err_set(e, (enum err_code)told.rc, "not now");
	(void)snprintf(told.got + n, sizeof(told.got) - n, "%llu ",
	    (unsigned long long)l->sequence);
	return 0;
}

static const struct receiver_kind kind = { "test", tell_open, tell_send };

static struct receivers *
fresh(enum receiver_mode mode)
{
	struct err e = { 0 };
	struct receivers *r = receivers_new(&e);

	assert_non_null(r);
	memset(&told, 0, sizeof(told));
	receivers_use(r, &kind, mode, NULL);
	return r;
}

static void
take(struct receivers *r, int from, int to)
{
	char text[8192];
	size_t n = 0;

	for (; from <= to; from++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    "{\"v\":1,\"event.sequence\":%d,\"@timestamp\":\"x\",\"monotonic_ns\":9,\"event.action\":\"a\"}\n",
		    from);
	receivers_take(r, bytes_make(text, n));
}

static void
test_passed_on(void **state)
{
	struct receivers *r = fresh(RECEIVER_ON);

	(void)state;
	take(r, 1, 3);
	take(r, 4, 4);
	assert_string_equal(told.got, "1 2 3 4 ");
	assert_int_equal(told.opened, 1);
	assert_int_equal(receivers_wait_ms(r), -1);
	receivers_use(r, &kind, RECEIVER_OFF, NULL);
	take(r, 5, 5);
	assert_string_equal(told.got, "1 2 3 4 ");
	receivers_free(r);
}

/* What it does not take comes later, in order and once. */
static void
fails_and_recovers(int rc, bool absent, int opened)
{
	struct timespec pause = {
		rc == ERR_AGAIN ? 0 : RECEIVER_AGAIN_MS / 1000, 50000000
	};
	struct receivers *r = fresh(RECEIVER_REQUIRED);
	struct err e = { 0 };

	take(r, 1, 1);
	assert_int_equal(receivers_ready(r, &e), 0);
	receivers_use(r, &kind, RECEIVER_REQUIRED, "/elsewhere");
	told.rc = rc;
	told.absent = absent;
	take(r, 2, 3);
	take(r, 4, 4);
	assert_true(receivers_wait_ms(r) > 0);
	assert_int_equal(
	    receivers_ready(r, &e), rc == ERR_AGAIN ? ERR_AGAIN : ERR_BUSY);
	assert_non_null(strstr(e.what, "test"));
	told.rc = 0;
	told.absent = false;
	receivers_again(r);
	assert_string_equal(told.got, "1 "); /* not that soon */
	assert_int_equal(nanosleep(&pause, NULL), 0);
	receivers_again(r);
	assert_string_equal(told.got, "1 2 3 4 ");
	assert_int_equal(receivers_ready(r, &e), 0);
	assert_int_equal(told.opened, opened);
	receivers_free(r);
}

static void
test_busy(void **state)
{
	(void)state;
	fails_and_recovers(ERR_AGAIN, false, 2);
}

static void
test_gone(void **state)
{
	(void)state;
	fails_and_recovers(ERR_SYS, false, 3);
	fails_and_recovers(0, true, 3);
}

/* One that it never takes does not hold up the others. */
static void
test_not_this_one(void **state)
{
	struct receivers *r = fresh(RECEIVER_REQUIRED);
	struct err e = { 0 };

	(void)state;
	told.rc = ERR_BAD;
	take(r, 1, 1);
	told.rc = 0;
	take(r, 2, 2);
	assert_string_equal(told.got, "2 ");
	assert_int_equal(receivers_ready(r, &e), 0);
	receivers_free(r);
}

static void
test_too_much(void **state)
{
	struct receivers *r = fresh(RECEIVER_ON);
	size_t i;

	(void)state;
	told.absent = true;
	for (i = 0; i < RECEIVER_MAX_WAITING / 4000 + 10; i++)
		take(r, 1, 50);
	assert_true(receivers_wait_ms(r) > 0);
	receivers_free(r);
}

static void
parse(struct bytes line, struct logline *l)
{
	assert_true(logline_parse(line, l));
}

static void
test_members(void **state)
{
	static const char *const want[] = { "run.id", "\"ab\"", "token.name",
		"\"alice\"", "list", "[\"x,]\",{}]", "n", "-1" };
	struct bytes at, key, value;
	struct logline l;
	size_t i;

	(void)state;
	parse(BYTES_LIT(HEAD REST), &l);
	at = l.rest;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i += 2) {
		assert_true(logline_next(&at, &key, &value));
		assert_true(bytes_eq_str(key, want[i]));
		assert_true(bytes_eq_str(value, want[i + 1]));
	}
	for (i = 0; logline_next(&at, &key, &value); i++)
		;
	assert_int_equal(i, 3);
	assert_int_equal(at.len, 0);
	at = BYTES_LIT(",\"open\":\"x");
	assert_false(logline_next(&at, &key, &value));
	at = BYTES_LIT(",\"open\":[[1]");
	assert_false(logline_next(&at, &key, &value));
	at = BYTES_LIT(",\"none\":");
	assert_false(logline_next(&at, &key, &value));
}

static void
holds(struct buf *b, const char *text)
{
	if (strstr(buf_cstr(b), text) == NULL)
		fail_msg("not in it: %s\n%s", text, buf_cstr(b));
}

static void
test_journal(void **state)
{
	struct bytes line = BYTES_LIT(HEAD REST);
	struct logline l;
	struct buf b;

	(void)state;
	parse(line, &l);
	buf_init(&b, 65536);
	to_journal_format(&b, line, &l);
	holds(&b, "MESSAGE=run-intent token.name=alice source.ip=10.0.0.1 ");
	holds(&b, "\nPRIORITY=5\n");
	holds(&b, "\nMCP_RUN_ID=ab\n");
	holds(&b, "\nMCP_LIST=[\"x,]\",{}]\n");
	holds(&b, "\nMCP_PROCESS_COMMAND_LINE=a\\n\\\"b\n");
	holds(&b, "\nMCP_RECORD=" HEAD REST "\n");
	buf_fini(&b);
}

static void
test_syslog(void **state)
{
	CLEANUP_BUF struct buf big;
	struct bytes line = BYTES_LIT(HEAD REST);
	struct logline l;
	struct buf b;
	size_t i;

	(void)state;
	parse(line, &l);
	buf_init(&b, 65536);
	buf_init(&big, 65536);
	assert_int_equal(setenv("TZ", "UTC", 1), 0);
	to_syslog_format(&b, line, &l, 86400 * 31 + 3661);
	holds(&b, "<85>Feb  1 01:01:01 mcp-execd[");
	holds(&b, "]: @cee: " HEAD REST);
	buf_put_str(&big, HEAD ",\"run.state\":\"");
	for (i = 0; i < TO_SYSLOG_MAX; i++)
		buf_put_u8(&big, 'x');
	buf_put_str(&big, "\"}");
	parse(buf_bytes(&big), &l);
	to_syslog_format(&b, buf_bytes(&big), &l, 0);
	assert_true(b.len < TO_SYSLOG_MAX);
	holds(&b, "audit log only");
	buf_fini(&b);
}

static void
test_kernel(void **state)
{
	struct logline l;
	struct buf b;

	(void)state;
	buf_init(&b, 8192);
	parse(BYTES_LIT(HEAD REST), &l);
	assert_true(to_kernel_format(&b, &l));
	assert_string_equal(buf_cstr(&b),
	    "cwd=2F737276 cmd=610A2262 acct=alice exe=mcp-execd run=ab addr=10.0.0.1 terminal=? res=success");
	parse(BYTES_LIT(HEAD
		  ",\"token.name\":\"a b\",\"source.ip\":\"x res=success\"}"),
	    &l);
	assert_true(to_kernel_format(&b, &l));
	holds(&b, " acct=? ");
	holds(&b, " addr=? ");
	l.action = BYTES_LIT("run-result");
	assert_false(to_kernel_format(&b, &l));
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FDS_KEPT(test_passed_on),
		FDS_KEPT(test_busy),
		FDS_KEPT(test_gone),
		FDS_KEPT(test_not_this_one),
		FDS_KEPT(test_too_much),
		FDS_KEPT(test_members),
		FDS_KEPT(test_journal),
		FDS_KEPT(test_syslog),
		FDS_KEPT(test_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
