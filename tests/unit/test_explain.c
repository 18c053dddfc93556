/* SPDX-License-Identifier: MIT */
/* test_explain: policy explain and policy test on a policy in /tmp. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "executor/policy/policydir.h"
#include "executor/ctl/policy/dry_run.h"
#include "executor/ctl/wrapped_text.h"
#include "executor/ctl/policy/filter_eval.h"
#include "executor/ctl/policy/sandbox_path.h"
#include "executor/confine/probe.h"
#include "tests/unit/fixture_ctl.h"
#include "tests/unit/fixture_skip.h"

#define EXPLAIN(...)                                                           \
	run(policy_explain_run, (const char *const[]){ __VA_ARGS__, NULL })
#define TEST_RUN(...)                                                          \
	run(policy_try_run, (const char *const[]){ __VA_ARGS__, NULL })

static struct policy *
load(struct policy_table *t)
{
	struct conf_report r;
	char dir[128];
	struct err e;

	(void)snprintf(dir, sizeof(dir), "%s/policies.d", fix.dir);
	conf_report_init(&r);
	if (policydir_load(dir, NULL, t, &r, &e) != 0)
		fail_msg("%s", buf_cstr(&r.text));
	conf_report_fini(&r);
	return t->p[0];
}

/* Every word comes out as it went in, whatever it holds. */
static void
test_words_survive(void **state)
{
	static const char *const words[] = { "echo", "", "a b", "it's", "\"q\"",
		"\\", "$x", "*", "'", "\n\t", "\xff\xfe", "--", NULL };
	struct dry_run c = {
		.verb = "t", .policy = "p", .words = (char **)(uintptr_t)words
	};
	struct policy_table t = { .count = 0 };
	struct policy *p = load(&t);
	struct plan plan;
	struct err e;
	size_t i;

	(void)state;
	if (dry_run_plan(&c, p, false, &plan, &e) != 0)
		fail_msg("%s", e.what);
	for (i = 0; words[i] != NULL; i++)
		assert_string_equal(plan.argv[i], words[i]);
	assert_null(plan.argv[i]);
	assert_false(plan.has_input);
	plan_fini(&plan);
	c.shell = true;
	assert_int_equal(dry_run_plan(&c, p, true, &plan, &e), 0);
	assert_string_equal(plan.argv[0], "/bin/sh");
	assert_true(strncmp(plan.argv[2], "echo  a b it's", 14) == 0);
	assert_true(plan.has_input);
	plan_fini(&plan);
	/* a call's checks hold here as well */
	c.dir = "/etc";
	assert_int_equal(dry_run_plan(&c, p, false, &plan, &e), ERR_DENIED);
	c.dir = NULL;
	c.timeout_ms = "600001";
	assert_int_equal(dry_run_plan(&c, p, false, &plan, &e), ERR_BAD);
	policy_table_fini(&t);
}

static bool
refuses(const struct filter *f, int nr, const uint64_t args[6])
{
	enum filter_eval v = filter_eval_of(f, nr, args);

	return v == FILTER_EVAL_REFUSED || v == FILTER_EVAL_TOLD;
}

static void
test_verdicts(void **state)
{
	const uint64_t none[6] = { 0 };
	struct policy_table t = { .count = 0 };
	const struct filter *f = &load(&t)->filter;
	uint64_t args[6] = { AF_INET };
	struct filter empty = { .prog = { .len = 0 } };

	(void)state;
	assert_int_equal(
	    filter_eval_of(f, SYS_read, none), FILTER_EVAL_ALLOWED);
	assert_true(refuses(f, SYS_mount, none));
	assert_true(refuses(f, SYS_ptrace, none));
	assert_int_equal(
	    filter_eval_of(f, SYS_clone3, none), FILTER_EVAL_MISSING);
	assert_int_equal(filter_eval_of(f, 9999, none), FILTER_EVAL_MISSING);
	assert_true(refuses(f, SYS_socket, args));
	args[0] = AF_UNIX;
	assert_int_equal(
	    filter_eval_of(f, SYS_socketpair, args), FILTER_EVAL_ALLOWED);
	assert_int_equal(
	    filter_eval_of(&empty, SYS_mount, none), FILTER_EVAL_ALLOWED);
	policy_table_fini(&t);
	write_policy(",\"network\":\"host\"");
	f = &load(&t)->filter;
	args[0] = AF_INET;
	assert_int_equal(
	    filter_eval_of(f, SYS_socket, args), FILTER_EVAL_ALLOWED);
	args[0] = AF_PACKET;
	assert_true(refuses(f, SYS_socket, args));
	policy_table_fini(&t);
}

static void
expect_view(const struct policy *p, const char *path, bool there, bool runs)
{
	struct sandbox_path v;

	sandbox_path_find(&p->confine, path, &v);
	if (v.there != there)
		fail_msg("%s: there %d, %s", path, v.there, v.why);
	if (sandbox_path_executable(p, &v) != runs)
		fail_msg("%s: %s", path, v.why);
}

static void
test_views(void **state)
{
	struct policy_table t = { .count = 0 };
	const struct policy *p;
	char path[128], interpreter[PATH_MAX];

	(void)state;
	write_file("work/script", 0755, "#! /bin/sh -e\ntrue\n");
	write_file("work/plain", 0644, "text\n");
	p = load(&t);
	if ((p->confine.layers & CONFINE_MOUNTS) == 0) {
		policy_table_fini(&t);
		SKIP("mounts are not there for a policy");
	}
	expect_view(p, "/bin/sh", true, true);
	expect_view(p, "/bin/../bin//./sh", true, true);
	expect_view(p, "/usr", true, false);
	expect_view(p, "/nonexistent", false, false);
	expect_view(p, "/root", false, false);
	expect_view(p, "/tmp/other", false, false);
	expect_view(p, "/dev/null", true, false);
	(void)snprintf(path, sizeof(path), "%s/work/plain", fix.dir);
	expect_view(p, path, true, false);
	(void)snprintf(path, sizeof(path), "%s/work/script", fix.dir);
	expect_view(p, path, true, true);
	assert_true(sandbox_path_interpreter(path, interpreter));
	assert_string_equal(interpreter, "/bin/sh");
	assert_false(sandbox_path_interpreter("/bin/sh", interpreter));
	policy_table_fini(&t);
	write_policy(",\"files\":{\"noexec\":true,\"hide\":[\"/usr/share\"]}");
	p = load(&t);
	expect_view(p, path, true, false);
	expect_view(p, "/usr/share/doc", false, false);
	policy_table_fini(&t);
	/* the usual places and one more; without them, only that one */
	write_policy(",\"files\":{\"read\":[\"@system\",\"/root\"]}");
	p = load(&t);
	expect_view(p, "/root", true, false);
	expect_view(p, "/bin/sh", true, true);
	policy_table_fini(&t);
	write_policy(",\"shell\":null,\"files\":{\"read\":[\"/root\"]}");
	p = load(&t);
	expect_view(p, "/root", true, false);
	expect_view(p, "/bin/sh", false, false);
	policy_table_fini(&t);
}

/* A listed program is reached through all links that lead to it. */
static void
test_links(void **state)
{
	struct policy_table t = { .count = 0 };
	const struct policy *p;
	char first[128], text[512];

	(void)state;
	(void)snprintf(first, sizeof(first), "%s/first", fix.dir);
	(void)snprintf(text, sizeof(text), "%s/second", fix.dir);
	assert_int_equal(symlink("second", first), 0);
	assert_int_equal(symlink("/bin/echo", text), 0);
	(void)snprintf(
	    text, sizeof(text), ",\"shell\":null,\"programs\":[\"%s\"]", first);
	write_policy("");
	p = load(&t);
	if ((p->confine.layers & CONFINE_MOUNTS) != 0 &&
	    (p->confine.layers & CONFINE_LANDLOCK) != 0) {
		policy_table_fini(&t);
		write_policy(text);
		p = load(&t);
		expect_view(p, first, true, true);
		expect_view(p, "/bin/cat", false, false);
		assert_int_equal(TEST_RUN("p", "--", first, "hi"), 0);
		assert_string_equal(fix.out, "hi\n");
		assert_int_equal(TEST_RUN("p", "--", "/bin/cat"), 127);
	}
	policy_table_fini(&t);
}

static void
test_rows(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	wrapped_text_row(&b, "Label", "%s %d", "word", 7);
	assert_string_equal(buf_cstr(&b), "Label        word 7\n");
	buf_reset(&b);
	for (int i = 0; i < 20; i++)
		wrapped_text_item(&b, "item%d", i);
	assert_non_null(strstr(buf_cstr(&b), "item0, item1, "));
	assert_true(bytes_starts(buf_bytes(&b), "item0"));
	buf_fini(&b);
	buf_init(&b, 4096);
	wrapped_text_put(&b, "",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb cc");
	assert_string_equal(buf_cstr(&b),
	    "             aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
	    "             bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb cc\n");
	buf_fini(&b);
}

static void
test_explain(void **state)
{
	(void)state;
	write_policy(
	    ",\"description\":\"For trying.\",\"shell\":null,\"environment\":{\"set\":{\"A\":\"b\"},\"allow\":[\"CI\"]},\"limits\":{\"open_files\":77}");
	assert_int_equal(EXPLAIN("p"), CTL_OK);
	assert_non_null(strstr(fix.out, "For trying."));
	assert_non_null(strstr(fix.out, "set: A=b"));
	assert_non_null(strstr(fix.out, "a caller may set: CI"));
	assert_non_null(strstr(fix.out, "open_files: 77"));
	assert_non_null(strstr(fix.out, "none: no address"));
	assert_non_null(strstr(fix.out, "@mount"));
	assert_null(strstr(fix.out, "exec_cmd"));
	/* programs that start are recorded, not refused */
	assert_null(strstr(fix.out, "execve"));
	assert_null(strstr(fix.out, "brk"));
	assert_null(strstr(fix.out, "Executes"));
	assert_int_equal(
	    EXPLAIN("p", "--timeout-ms", "5000", "--", "sh", "-c", "exit 3"),
	    CTL_OK);
	assert_non_null(strstr(fix.out, "bin/sh"));
	assert_non_null(strstr(fix.out, "5000 ms"));
	assert_int_equal(EXPLAIN("p", "--", "no-such-program"), CTL_FAILED);
	assert_int_equal(EXPLAIN("p", "--dir", "/etc", "--", "sh"), CTL_FAILED);
	assert_non_null(strstr(fix.out, "leads out of"));
	assert_int_equal(EXPLAIN("p", "--shell", "--", "sh"), CTL_FAILED);
	assert_int_equal(EXPLAIN("q"), CTL_FAILED);
	assert_non_null(strstr(fix.err, "no policy \"q\""));
	assert_int_equal(EXPLAIN("../p"), CTL_FAILED);
	/* another that is wrong is not an obstacle, this one is */
	write_file("policies.d/other.json", 0600, "{\"tolls\":1}");
	assert_int_equal(EXPLAIN("p"), CTL_OK);
	assert_int_equal(EXPLAIN("other"), CTL_FAILED);
	assert_non_null(strstr(fix.err, "other.json:1:"));
	assert_int_equal(EXPLAIN("othr"), CTL_FAILED);
	assert_non_null(strstr(fix.err, "did you mean \"other\"?"));
	assert_int_equal(EXPLAIN("p", "--shell"), CTL_USAGE);
	assert_int_equal(EXPLAIN("--nothing", "p"), CTL_USAGE);
}

static void
test_test(void **state)
{
	(void)state;
	assert_int_equal(
	    TEST_RUN("p", "--", "sh", "-c", "echo out; echo err >&2; exit 7"),
	    7);
	assert_string_equal(fix.out, "out\n");
	assert_non_null(strstr(fix.err, "err\n"));
	assert_non_null(strstr(fix.err, "layers: "));
	assert_int_equal(
	    TEST_RUN("p", "--shell", "--", "kill -9 $$"), 128 + SIGKILL);
	assert_int_equal(TEST_RUN("p", "--", "no-such-program"), 127);
	assert_int_equal(TEST_RUN("p", "--", "/etc/passwd"), 126);
	assert_int_equal(
	    TEST_RUN("p", "--timeout-ms", "200", "--", "sleep", "60"), 124);
	assert_non_null(strstr(fix.err, "timed out"));
	/* a refusal is explained, once */
	assert_int_equal(TEST_RUN("p", "--shell", "--",
			     "unshare -n true; unshare -n true; exit 5"),
	    5);
	if (probe_get()->listener) {
		const char *said = strstr(fix.err, "call unshare is refused");

		assert_non_null(said);
		assert_null(strstr(said + 1, "call unshare is refused"));
	}
	assert_int_equal(TEST_RUN("p", "--dir", "/etc", "--", "true"), 125);
	assert_int_equal(TEST_RUN("p"), 125);
	assert_int_equal(TEST_RUN("q", "--", "true"), 125);
}

/* More than a pipe holds, in both directions at once. */
static void
test_input(void **state)
{
	enum { SIZE = 300000 };
	static char text[SIZE + 1];
	int saved = dup(STDIN_FILENO);

	(void)state;
	memset(text, 'x', SIZE);
	write_file("in", 0600, text);
	swap_fd(STDIN_FILENO, "in", O_RDONLY);
	assert_int_equal(
	    TEST_RUN("p", "--shell", "--", "tee /dev/stderr | wc -c"), 0);
	assert_string_equal(fix.out, "300000\n");
	/* one that does not read it */
	assert_int_equal(lseek(STDIN_FILENO, 0, SEEK_SET), 0);
	assert_int_equal(TEST_RUN("p", "--", "true"), 0);
	assert_true(dup2(saved, STDIN_FILENO) >= 0);
	(void)close(saved);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_words_survive),
		TEST(test_verdicts),
		TEST(test_views),
		TEST(test_links),
		TEST(test_rows),
		TEST(test_explain),
		TEST(test_test),
		TEST(test_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
