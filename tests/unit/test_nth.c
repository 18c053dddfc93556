/* SPDX-License-Identifier: MIT */
/*
 * test_nth: one call of the C library after the other fails, in a process that
 * has everything else.
 *
 * What each scenario does is done again and again: of its allocations the first
 * finds no memory, then the second, until it ends before that one comes; so with
 * its system calls, and with those that a signal interrupts.  Whatever failed:
 * there is an error with words, or the very same result as without, and nothing
 * is left open.  tests/kernel/nth does this to mcp-execctl as a whole; memory,
 * and what only the server does, is tried here.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>

#include "common/cleanup.h"
#include "executor/audit/audit.h"
#include "executor/audit/receiver.h"
#include "executor/audit/redact.h"
#include "executor/audit/resume.h"
#include "executor/conf/accountdb.h"
#include "executor/policy/store.h"
#include "executor/recording/ledger.h"
#include "executor/run/job.h"
#include "tests/unit/fixture_executor.h"
#include "tests/unit/fixture_nth_each.h"

/* --- policies, tokens and tools ------------------------------------------------ */

static const char digits[] =
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static void
make_dirs(void)
{
	static const char *const names[] = { "policies.d", "tokens.d",
		"tools.d", "work", "work/in" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(mkdir(fixture_path(names[i]), 0755), 0);
}

static void
write_config(void)
{
	char text[4096];

	(void)snprintf(text, sizeof(text),
	    "{\"cgroup\":\"off\",\"listen\":[\"127.0.0.1:8001\"],"
	    "\"allowed_hosts\":[\"a.example\"],"
	    "\"audit\":{\"file\":\"log/a.jsonl\",\"redact\":[{\"name\":\"k\","
	    "\"keys\":[\"token\"]},{\"name\":\"p\",\"pattern\":\"AKIA[0-9]+\"}]},"
	    "\"frontend\":{\"path\":\"/bin/sh\"%s}}",
	    geteuid() == 0 ? ",\"user\":65534" : "");
	fixture_write(fixture_path("c.json"), text, 0600);
	(void)snprintf(text, sizeof(text),
	    "{\"user\":%u,\"group\":%u,\"directory\":\"%s/work\",\"posture\":"
	    "\"kernel\",\"files\":{\"read\":[\"@system\",\"/tmp\"],"
	    "\"write\":[\"%s/work/in\"],\"protect\":[\".env\"],"
	    "\"hide\":[\"/etc/ssl\"]},"
	    "\"environment\":{\"set\":{\"LANG\":\"C\"},\"allow\":[\"CI\"]},"
	    "\"limits\":{\"runs\":2,\"processes\":64},"
	    "\"tools\":[\"exec_cmd\",\"t\"],\"jobs\":{\"at_once\":2}}",
	    (unsigned)geteuid(), (unsigned)getegid(), fixture_top, fixture_top);
	fixture_write(fixture_path("policies.d/p.json"), text, 0600);
	fixture_write(fixture_path("tools.d/t.json"),
	    "{\"description\":\"says\",\"parameters\":{\"n\":{\"type\":"
	    "\"integer\",\"minimum\":1,\"maximum\":9,\"default\":1},\"s\":{\"type\":\"string\",\"default\":"
	    "\"a\",\"pattern\":\"[a-z]+\"}},\"argv\":[\"/bin/echo\",\"{n}\","
	    "\"{s}\"]}",
	    0600);
	(void)snprintf(text, sizeof(text),
	    "{\"verifier\":\"%s\",\"policy\":\"p\",\"directory\":\"%s/work/in\","
	    "\"sources\":[\"10.0.0.0/8\"],\"created\":\"2026-01-01T00:00:00Z\","
	    "\"expires\":\"2036-01-01T00:00:00Z\",\"comment\":\"c\"}",
	    digits, fixture_top);
	fixture_write(fixture_path("tokens.d/t.json"), text, 0600);
}

static void
show_policy(struct buf *b, const struct policy *p)
{
	const struct confine *c = &p->confine;

	buf_printf(b, "%s %s %zu %zu %zu %zu %u %u %d %x %x %x %u\n", p->name,
	    p->directory, p->tool_count, p->env_count, p->env_allowed_count,
	    p->rlimit_count, p->runs, p->jobs.at_once,
	    p->filter.prog.len > 0, /* folded or not is the same to a run */
	    c->layers, c->asked, c->missing, c->network);
	for (size_t i = 0; i < c->mounts.count; i++)
		buf_printf(
		    b, "%u %s\n", c->mounts.op[i].kind, c->mounts.op[i].path);
	for (size_t i = 0; c->socket[i] != NULL; i++)
		buf_printf(b, "%s\n", c->socket[i]);
}

static int
load(struct buf *says, struct err *e)
{
	static struct store s;
	struct conf_report r;
	int rc;

	conf_report_init(&r);
	memset(&s, 0, sizeof(s));
	rc = store_load(&s, fixture_path("c.json"), &r, e);
	for (size_t i = 0; rc == 0 && i < s.policies.count; i++)
		show_policy(says, s.policies.p[i]);
	for (size_t i = 0; rc == 0 && i < s.tokens.count; i++) {
		const struct token *t = s.tokens.t[i];

		buf_printf(says, "%s %zu %llu %s\n", t->name, t->source_count,
		    (unsigned long long)t->expires, t->directory);
		show_policy(says, t->policy);
	}
	if (r.count > 0 && !nth.armed)
		fail_msg("%s", buf_cstr(&r.text));
	if (rc == 0 && r.count > 0) /* as of a token, that no other misses */
		rc = err_set(e, ERR_BAD, "%u findings", r.count);
	conf_report_fini(&r);
	store_fini(&s);
	accountdb_end();
	return rc;
}

/* --- the log ------------------------------------------------------------------- */

/* Two executors: the second finds a run that the first has left open. */
static int
one_log(const char *path, const char *id, struct err *e)
{
	struct audit_setup s = {
		.path = path, .rotate_bytes = 1 << 20, .reserve_bytes = 1 << 16
	};
	struct audit *a = audit_new(&s, e);
	struct buf *b;
	int rc;

	if (a == NULL) /* which is an error, also where none is set */
		return e->code != 0 ? e->code : ERR_BAD;
	b = audit_begin(a, "run-intent");
	audit_put_str(b, "run.id", id);
	audit_end(a, true);
	rc = audit_flush(a, e);
	if (rc == 0)
		audit_rotate(a);
	audit_close(a);
	return rc;
}

static int
log_runs(struct buf *says, struct err *e)
{
	char path[96];
	int rc;

	(void)snprintf(path, sizeof(path), "%s/log.XXXXXX", fixture_top);
	if (mkdtemp(path) == NULL)
		return err_sys(e, "mkdtemp");
	(void)strcat(path, "/a.jsonl");
	rc = one_log(path, "00000000000000000000000000000001", e);
	if (rc == 0)
		rc = one_log(path, "00000000000000000000000000000002", e);
	buf_printf(says, "%d", rc);
	return rc;
}

/* --- what records must not say -------------------------------------------------- */

static int
make_rules(struct redact *r, struct err *e)
{
	int rc = redact_add_key(r, "key", BYTES_LIT("password"), e);

	if (rc == 0)
		rc = redact_add_key(r, "key", BYTES_LIT("PGPASSWORD"), e);
	if (rc == 0)
		rc = redact_add_pattern(r, "p", BYTES_LIT("AKIA[0-9]+"), e);
	return rc == 0 ? redact_ready(r, e) : rc;
}

static int
hide_secrets(struct buf *says, struct err *e)
{
	static const struct bytes texts[] = {
		BYTES_LIT("PGPASSWORD='hunter2 x' AKIA12 make"),
		BYTES_LIT("sh -c 'cd /; PG\"PASSWORD\"=hunter2\\ y z'"),
		BYTES_LIT("$'PASSWORD=AKIA12\\u00e9 hunter2'"),
		BYTES_LIT("{\"password\": [\"hunter2\", \"AKIA12\"]}"),
		BYTES_LIT("http://a/?p%61ssword=hunter2&x=AK%49A12"),
	};
	CLEANUP_BUF struct buf b;
	struct redact *r = redact_new(e);
	int rc = r == NULL ? e->code : make_rules(r, e);
	bool told;

	buf_init(&b, 1 << 16);
	for (size_t i = 0; rc == 0 && i < sizeof(texts) / sizeof(texts[0]);
	     i++) {
		redact_put(r, &b, "c", texts[i], false);
		redact_put_words(r, &b, "a", texts[i], false);
	}
	told = strstr(buf_cstr(&b), "hunter2") != NULL ||
	       strstr(buf_cstr(&b), "AKIA12") != NULL;
	buf_put_str(says, told ? "it is told" : "it is hidden");
	if (told && !nth.armed)
		rc = err_set(e, ERR_BAD, "told: %s", buf_cstr(&b));
	redact_free(r);
	return rc;
}

/* --- tables of the executor ---------------------------------------------------- */

static int
open_jobs(struct buf *says, struct err *e)
{
	static const struct job_ops ops = { .done = NULL };
	struct loop *l = loop_new(e);
	struct recordings *k = l == NULL ? NULL : recordings_new(NULL, e);
	struct jobs *j =
	    k == NULL ? NULL : jobs_new(l, NULL, k, 4, &ops, NULL, e);
	int rc = j == NULL ? e->code : 0;

	if (j != NULL) { /* all that it has is there */
		jobs_cancel_all(j, "the test ends", true);
		buf_printf(says, "%zu %zu", jobs_counts(j).now,
		    jobs_counts(j).turns.queued);
		jobs_free(j);
	}
	recordings_free(k);
	if (l != NULL)
		loop_free(l);
	return rc;
}

static int
keep_output(
    struct ledger *l, const uint8_t *owner, struct buf *says, struct err *e)
{
	struct ledger_begin x = { .id = "00000000000000000000000000000007",
		.token = "t",
		.tool = "exec_cmd",
		.verifier = owner,
		.name = BYTES_LIT("build"),
		.command = BYTES_LIT("make all"),
		.key = { .given = true },
		.most_ms = 1000,
		.keep_s = 100,
		.keep = 3,
		.output_bytes = 1 << 16 };
	struct ledger_entry *run = ledger_begin(l, &x, e);

	if (run == NULL)
		return e->code;
	run->job = true;
	ledger_keep(l, run);
	ledger_output(run, 1, BYTES_LIT("said"));
	run->state = PROTO_EXITED;
	ledger_end(l, run);
	buf_printf(says, "%zu ", ledger_count(l));
	return 0;
}

/* Kept, and read by the next executor. */
static int
keep_job(struct buf *says, struct err *e)
{
	static const uint8_t owner[1][DIGEST_BYTES] = { { 1 } };
	struct recordings_limits most = { .bytes = 8 << 20 };
	char dir[96];
	int rc = 0;

	(void)snprintf(dir, sizeof(dir), "%s/rec.XXXXXX", fixture_top);
	if (mkdtemp(dir) == NULL)
		return err_sys(e, "mkdtemp");
	for (unsigned round = 0; rc == 0 && round < 2; round++) {
		struct loop *l = loop_new(e);
		struct recordings *k =
		    l == NULL ? NULL : recordings_new(NULL, e);
		struct ledger *x = NULL;

		if (k != NULL) {
			recordings_adjust(k, &most);
			rc = recordings_open(k, dir, e);
		}
		if (k != NULL && rc == 0)
			x = ledger_new(l, k, e);
		if (x == NULL)
			rc = e->code;
		else if (round == 0)
			rc = keep_output(x, owner[0], says, e);
		else
			ledger_load(x, owner, 1);
		ledger_free(x);
		recordings_free(k);
		if (l != NULL)
			loop_free(l);
	}
	return rc;
}

EACH(load)
EACH(log_runs)
EACH_MEMORY(hide_secrets)
EACH(open_jobs)
EACH(keep_job)

static int
setup(void **state)
{
	if (fixture_setup(state) != 0)
		return -1;
	(void)alarm(500); /* with sanitizers, next to others */
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	make_dirs();
	write_config();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = { ROWS(load), ROWS(log_runs),
		cmocka_unit_test(test_hide_secrets_memory), ROWS(open_jobs),
		ROWS(keep_job) };

	return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
