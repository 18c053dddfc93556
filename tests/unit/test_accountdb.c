/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/conf/accountdb: who is asked, and what is made of an
 * answer to another question, and of none.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <sys/wait.h>

#include "executor/conf/account.h"
#include "tests/unit/fixture_executor.h"

/* As accountdb.c sends it. */
struct question {
	uint32_t kind, id;
	char name[64];
};

static pid_t server;
static int ours;

static void
begin(void)
{
	int pair[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	server = fork();
	if (server == 0) {
		(void)close(pair[0]);
		_exit(accountdb_serve(pair[1]));
	}
	(void)close(pair[1]);
	ours = pair[0];
	accountdb_use(ours);
}

static void
end(void)
{
	accountdb_end(); /* closes ours */
	assert_int_equal(waitpid(server, NULL, 0), server);
}

static void
test_asked(void **state)
{
	struct account who;
	gid_t gid;

	(void)state;
	begin();
	assert_int_equal(accountdb_user("root", &who), ACCOUNTDB_FOUND);
	assert_int_equal(who.uid, 0);
	assert_string_equal(who.name, "root");
	assert_int_equal(accountdb_user_by_id(0, &who), ACCOUNTDB_FOUND);
	assert_int_equal(accountdb_user("no-such-user", &who), ACCOUNTDB_NONE);
	assert_int_equal(accountdb_group("root", &gid), ACCOUNTDB_FOUND);
	assert_int_equal(gid, 0);
	assert_int_equal(accountdb_group("no-such", &gid), ACCOUNTDB_NONE);
	assert_int_equal(accountdb_groups("no-such", 1, &gid, 1), 0);
	end();
}

/* A child that shares the socket asked, and ended before the answer came. */
static void
test_answers_of_others(void **state)
{
	struct question nobody = { .kind = 1, .name = "no-such-user" };
	struct account who;
	gid_t gid;

	(void)state;
	begin();
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    send(ours, &nobody, sizeof(nobody), 0), sizeof(nobody));
	assert_int_equal(accountdb_user("root", &who), ACCOUNTDB_FOUND);
	assert_int_equal(who.uid, 0);
	assert_int_equal(
	    send(ours, &nobody, sizeof(nobody), 0), sizeof(nobody));
	assert_int_equal(accountdb_group("root", &gid), ACCOUNTDB_FOUND);
	end();
}

/* Not "there is none": a load is refused, with what to do. */
static void
test_nobody_answers(void **state)
{
	static const struct json_value name = { .type = JSON_STRING,
		.text = BYTES_LIT("root") };
	struct conf_report r;
	struct keys k = { .path = "a.json", .report = &r };
	struct account who;
	char text[512];
	gid_t gid;

	(void)state;
	begin();
	assert_int_equal(kill(server, SIGKILL), 0);
	assert_int_equal(accountdb_user("root", &who), ACCOUNTDB_UNKNOWN);
	assert_int_equal(waitpid(server, NULL, 0), server);
	begin();
	assert_int_equal(kill(server, SIGKILL), 0);
	assert_int_equal(accountdb_groups("root", 1, &gid, 1), -2);
	assert_int_equal(waitpid(server, NULL, 0), server);
	begin();
	assert_int_equal(kill(server, SIGKILL), 0);
	conf_report_init(&r);
	assert_false(account_user(&k, &name, &who));
	assert_int_equal(r.count, 1);
	(void)snprintf(text, sizeof(text), "%.*s", (int)r.text.len,
	    (const char *)r.text.p);
	assert_non_null(strstr(text, "could not be looked up"));
	assert_null(strstr(text, "there is no"));
	conf_report_fini(&r);
	assert_int_equal(waitpid(server, NULL, 0), server);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asked),
		cmocka_unit_test(test_answers_of_others),
		cmocka_unit_test(test_nobody_answers),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
