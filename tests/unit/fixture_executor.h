/* SPDX-License-Identifier: MIT */
/*
 * fixture_executor: what tests of the executor share: a directory of their own, a policy
 * for the user who runs the test, requests and plans.  Real modules throughout.
 */
#ifndef TESTS_UNIT_FIXTURE_EXECUTOR_H
#define TESTS_UNIT_FIXTURE_EXECUTOR_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executor/run/launch.h"
#include "executor/run/request.h"

#define FIXTURE __attribute__((unused)) static

enum { FIXTURE_NOBODY = 65534 };

/* The test's own directory, made by fixture_setup. */
FIXTURE char fixture_top[64];

FIXTURE int
fixture_setup(void **state)
{
	(void)state;
	(void)umask(022);
	(void)alarm(120); /* a test that hangs ends itself */
	(void)strcpy(fixture_top, "/tmp/test_rig.XXXXXX");
	if (mkdtemp(fixture_top) == NULL)
		return -1;
	return chmod(fixture_top, 0755);
}

/* The launcher of this build. */
FIXTURE void
fixture_launcher(void)
{
	struct err e = { 0 };

	if (launch_open(launch_beside(), &e) != 0)
		fail_msg("%s", e.what);
}

FIXTURE int
fixture_remove(const char *path, const struct stat *st, int kind, struct FTW *f)
{
	(void)st;
	(void)kind;
	(void)f;
	return remove(path);
}

FIXTURE int
fixture_teardown(void **state)
{
	(void)state;
	return nftw(fixture_top, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* A path below the test's directory; sixteen may be in use. */
FIXTURE const char *
fixture_path(const char *name)
{
	static char path[16][256];
	static unsigned next;
	char *p = path[next++ % 16];

	(void)snprintf(p, sizeof(path[0]), "%s/%s", fixture_top, name);
	return p;
}

FIXTURE void
fixture_write(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* The whole of a file as text, in one buffer that the next call reuses. */
FIXTURE const char *
fixture_read(const char *path)
{
	static char text[8 << 20];
	FILE *f = fopen(path, "r");
	size_t n;

	if (f == NULL)
		return "";
	n = fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	text[n] = '\0';
	return text;
}

/*
 * A policy named "p" for the user who runs the test, working in dir; `more` is
 * put among its keys and begins with a comma, or is empty.
 */
FIXTURE struct policy *
fixture_policy(const char *dir, const char *more)
{
	const char *user = geteuid() == 0 && strstr(more, "\"user\":") == NULL
			       ? ",\"user\":\"root\""
			       : "";
	struct conf_report r;
	struct policy *p = NULL;
	struct err e = { 0 };
	char text[4096];

	(void)snprintf(text, sizeof(text),
	    "{\"streams\":\"separate\",\"directory\":\"%s\"%s%s}", dir, user,
	    more);
	conf_report_init(&r);
	if (policy_parse("p.json", "p", bytes_of(text), NULL, &p, &r, &e) != 0)
		fail_msg("policy: %.*s", (int)r.text.len, (char *)r.text.p);
	conf_report_fini(&r);
	return p;
}

/* A token of that policy; takes the reference over. */
FIXTURE void
fixture_token(struct token *t, struct policy *p)
{
	static struct cidr net;

	memset(t, 0, sizeof(*t));
	(void)strcpy(t->name, "t");
	t->policy = p;
	t->refs = 1;
	t->directory = t->comment = "";
	t->sources = &net;
}

FIXTURE void
fixture_token_fini(struct token *t)
{
	policy_unref(t->policy);
}

FIXTURE void
fixture_begin(struct request *r, const char *tool)
{
	struct msg_call m = { .call = 1,
		.peer = BYTES_LIT("127.0.0.1"),
		.tool = bytes_of(tool),
		.window = 1 << 20 };
	struct err e = { 0 };

	request_init(r);
	assert_int_equal(request_begin(r, &m, &e), 0);
}

/* One whole argument; what request_add says. */
FIXTURE int
fixture_arg(struct request *r, const char *name, enum proto_kind kind,
    struct bytes value, struct err *e)
{
	struct msg_arg m = {
		.call = r->call, .name = bytes_of(name), .kind = (uint8_t)kind
	};
	int rc;

	do {
		m.value = value;
		if (m.value.len > PROTO_MAX_DATA)
			m.value.len = PROTO_MAX_DATA;
		value.len -= m.value.len;
		value.p = value.len > 0 ? value.p + m.value.len : NULL;
		m.more = value.len > 0;
		rc = request_add(r, &m, e);
	} while (rc == 0 && m.more == 1);
	return rc;
}

FIXTURE void
fixture_text(struct request *r, const char *name, const char *value)
{
	struct err e = { 0 };

	assert_int_equal(
	    fixture_arg(r, name, PROTO_STRING, bytes_of(value), &e), 0);
}

/* The plan of a shell line under p. */
FIXTURE void
fixture_plan(
    struct plan *out, struct policy *p, const char *command, const char *input)
{
	struct request r;
	struct token t;
	struct err e = { 0 };

	fixture_token(&t, policy_ref(p));
	fixture_begin(&r, "exec_cmd");
	fixture_text(&r, "command", command);
	if (input != NULL)
		fixture_text(&r, "stdin", input);
	if (request_plan(&r, &t, out, &e) != 0)
		fail_msg("plan: %s", e.what);
	request_fini(&r);
	fixture_token_fini(&t);
}

#endif
