/* SPDX-License-Identifier: MIT */
/*
 * test_nth_frontend: the frontend's tables, of whose allocations one after the
 * other finds no memory.
 *
 * What the executor has sent is in force as a whole, or not at all and with an
 * error: the frontend ends then, and another one begins.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "common/param.h"
#include "frontend/link/defined.h"
#include "frontend/mcp/subscribe.h"
#include "frontend/session/session.h"
#include "proto/chan.h"
#include "tests/unit/fixture_nth_each.h"

/* --- what the executor sends ----------------------------------------------------- */

static int
send_tool(struct settings *s, struct err *e)
{
	const struct msg_tool tool = { .name = BYTES_LIT("greet"),
		.title = BYTES_LIT("Greet"),
		.description = BYTES_LIT("says so"),
		.form = PROTO_FORM_JSON };
	const struct msg_param word = { .name = BYTES_LIT("word"),
		.kind = PROTO_STRING,
		.flags = PROTO_PARAM_REQUIRED,
		.max_len = 20,
		.pattern = BYTES_LIT("[a-z]+"),
		.choices = BYTES_LIT("hi\nhello\n"),
		.description = BYTES_LIT("which") };
	const struct msg_param many = { .name = BYTES_LIT("many"),
		.kind = PROTO_NUMBER,
		.flags = PROTO_PARAM_DEFAULT,
		.minimum = 1,
		.maximum = 9,
		.by_default = BYTES_LIT("1") };
	struct msg_schema schema = { .more = 1,
		.text = BYTES_LIT("{\"type\":") };
	int rc = settings_add_tool(s, &tool, e);

	if (rc == 0)
		rc = settings_add_param(s, &word, e);
	if (rc == 0)
		rc = settings_add_param(s, &many, e);
	if (rc == 0)
		rc = settings_add_schema(s, &schema, e);
	schema = (struct msg_schema){ .text = BYTES_LIT("\"object\"}") };
	return rc == 0 ? settings_add_schema(s, &schema, e) : rc;
}

static int
send_token(struct settings *s, unsigned n, struct err *e)
{
	struct msg_token m = { .name = BYTES_LIT("t"),
		.policy = BYTES_LIT("p"),
		.tools = BYTES_LIT("exec_cmd greet"),
		.sources = BYTES_LIT("10.0.0.0/8 ::1"),
		.instructions = BYTES_LIT("be careful"),
		.view = BYTES_LIT("sees little"),
		.brief = BYTES_LIT("little"),
		.policy_mark = n };

	m.verifier[0] = (uint8_t)n;
	return settings_add_token(s, &m, e);
}

static int
send_all(struct settings *s, struct err *e)
{
	const struct msg_config config = { .generation = 1, .calls = 7 };
	const struct msg_name host = { .kind = PROTO_NAME_HOST,
		.value = BYTES_LIT("a.example") };
	const struct msg_commit commit = { .generation = 1 };
	int rc = settings_begin(s, &config, e);

	if (rc == 0)
		rc = settings_add_name(s, &host, e);
	if (rc == 0)
		rc = send_tool(s, e);
	for (unsigned n = 1; rc == 0 && n <= 3; n++)
		rc = send_token(s, n, e);
	return rc == 0 ? settings_commit(s, &commit, e) : rc;
}

static int
send_change(struct settings *s, struct err *e)
{
	const struct msg_change change = { .from = 1, .generation = 2 };
	const struct msg_commit commit = { .generation = 2 };
	struct msg_forget gone = { .verifier = { 1 } };
	int rc = settings_change(s, &change, e);

	if (rc == 0)
		rc = settings_forget(s, &gone, e);
	if (rc == 0)
		rc = send_token(s, 4, e);
	return rc == 0 ? settings_commit(s, &commit, e) : rc;
}

static void
show_settings(const struct settings *s, struct buf *says)
{
	const struct settings_set *set = settings_now(s);
	const struct catalog_tool *tool = defined_tool(set->tools[0]);

	buf_printf(says, "%zu %zu %s %s %s\n", set->name_count, set->tool_count,
	    tool->name, tool->input_schema, tool->output_schema);
	for (unsigned n = 1; n <= 4; n++) {
		const uint8_t verifier[DIGEST_BYTES] = { (uint8_t)n };
		const struct settings_token *t =
		    settings_token_find(set, verifier);

		if (t != NULL)
			buf_printf(says, "%u %s %s %s %s %s %zu %zu %d\n", n,
			    t->name, t->policy, t->instructions, t->view,
			    t->brief, t->tool_count, t->source_count,
			    settings_token_from(t, BYTES_LIT("10.1.2.3")));
	}
}

static int
take_settings(struct buf *says, struct err *e)
{
	struct settings *s = settings_new(e);
	int rc = s == NULL ? e->code : send_all(s, e);

	if (rc == 0)
		show_settings(s, says);
	else if (s != NULL && settings_now(s) != NULL)
		rc = 0; /* that is wrong: a part of it is in force */
	if (rc == 0)
		rc = send_change(s, e);
	if (rc == 0)
		show_settings(s, says);
	settings_free(s);
	return rc;
}

/* --- tables of its own -------------------------------------------------------------- */

static void
ignore_end(void *arg, const struct err *why)
{
	(void)arg;
	(void)why;
}

struct tables {
	struct loop *loop;
	struct ipc *ipc;
	struct calls *calls;
	struct fetcher *fetcher;
	struct subscribe_table *subscriptions;
	struct mcp *mcp;
	struct session_table *sessions;
};

static int
make_tables(struct tables *t, int fd, struct err *e)
{
	if ((t->loop = loop_new(e)) == NULL ||
	    (t->ipc = ipc_new(t->loop, fd, ignore_end, NULL, e)) == NULL ||
	    (t->calls = calls_new(t->ipc, e)) == NULL ||
	    (t->fetcher = fetcher_new(t->ipc, e)) == NULL ||
	    (t->subscriptions = subscribe_table_new(t->loop, e)) == NULL ||
	    (t->mcp = mcp_new(
		 t->loop, t->calls, t->fetcher, t->subscriptions, e)) == NULL ||
	    (t->sessions = session_table_new(t->loop, t->ipc, t->mcp, e)) ==
		NULL)
		return e->code;
	return 0;
}

static int
begin_frontend(struct buf *says, struct err *e)
{
	struct tables t = { .loop = NULL };
	int fds[2];
	int rc = chan_pair(fds, e);

	if (rc != 0)
		return rc;
	rc = make_tables(&t, fds[0], e);
	session_table_free(t.sessions);
	mcp_free(t.mcp);
	subscribe_table_free(t.subscriptions);
	fetcher_free(t.fetcher);
	calls_free(t.calls);
	if (t.ipc != NULL)
		ipc_free(t.ipc);
	else
		(void)close(fds[0]);
	if (t.loop != NULL)
		loop_free(t.loop);
	(void)close(fds[1]);
	buf_printf(says, "%d", rc);
	return rc;
}

EACH_MEMORY(take_settings)
EACH(begin_frontend)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take_settings_memory),
		ROWS(begin_frontend),
	};

	(void)alarm(500); /* with sanitizers, next to others */
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	return cmocka_run_group_tests(tests, NULL, NULL);
}
