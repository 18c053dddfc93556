/* SPDX-License-Identifier: MIT */
/* test_explain: policy explain and policy test on a policy in /tmp. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/caps.h"
#include "executor/ctl/call.h"
#include "executor/ctl/text.h"
#include "executor/ctl/verdict.h"
#include "executor/ctl/view.h"

static struct {
	char dir[64];
	char config[80];
	char out[1 << 16]; /* standard output of the last verb */
	char err[1 << 14]; /* and what it said besides */
} fix;

static void
write_file(const char *name, mode_t mode, const char *text)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", fix.dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void
write_policy(const char *more)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
	    "{\"user\":%u,\"group\":%u,\"directory\":\"%s/work\"%s}",
	    (unsigned)geteuid(), (unsigned)getegid(), fix.dir, more);
	write_file("policies.d/p.json", 0600, text);
}

static int
setup(void **state)
{
	static const char *const dirs[] = { "policies.d", "tokens.d", "work" };
	char path[128], text[512];

	(void)state;
	(void)strcpy(fix.dir, "/tmp/test_explain.XXXXXX");
	assert_non_null(mkdtemp(fix.dir));
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", fix.dir, dirs[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	(void)snprintf(
	    fix.config, sizeof(fix.config), "%s/mcp-execd.json", fix.dir);
	(void)snprintf(text, sizeof(text),
	    "{\"frontend\":{\"path\":\"/bin/true\"%s}}",
	    caps_can_change_ids() ? ",\"user\":64123" : "");
	write_file("mcp-execd.json", 0600, text);
	write_policy("");
	return 0;
}

static int
teardown(void **state)
{
	static const char *const files[] = { "mcp-execd.json",
		"policies.d/p.json", "work/script", "work/plain", "out", "err",
		"first", "second", "in", "policies.d", "tokens.d", "work" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", fix.dir, files[i]);
		if (unlink(path) != 0)
			(void)rmdir(path);
	}
	assert_int_equal(rmdir(fix.dir), 0);
	return 0;
}

static void
swap_fd(int fd, const char *name, int flags)
{
	char path[128];
	int file;

	(void)snprintf(path, sizeof(path), "%s/%s", fix.dir, name);
	file = open(path, flags, 0600);
	assert_true(file >= 0);
	assert_true(dup2(file, fd) >= 0);
	(void)close(file);
}

static void
read_back(const char *name, char *text, size_t size)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", fix.dir, name);
	f = fopen(path, "r");
	assert_non_null(f);
	text[fread(text, 1, size - 1, f)] = '\0';
	assert_int_equal(fclose(f), 0);
}

/* In a process of its own, as main() would; words end with NULL. */
static int
run(int (*verb)(struct ctl *, int, char **), const char *const *words)
{
	static struct ctl c;
	char *argv[32] = { (char *)(uintptr_t) "verb" };
	int argc = 1, status;
	pid_t pid;

	for (; *words != NULL; words++)
		argv[argc++] = (char *)(uintptr_t)*words;
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		swap_fd(STDOUT_FILENO, "out", O_WRONLY | O_CREAT | O_TRUNC);
		swap_fd(STDERR_FILENO, "err", O_WRONLY | O_CREAT | O_TRUNC);
		c.config = fix.config;
		conf_report_init(&c.report);
		optind = 0;
		status = verb(&c, argc, argv);
		ctl_fini(&c);
		_exit(fflush(stdout) == 0 ? status : 99);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	read_back("out", fix.out, sizeof(fix.out));
	read_back("err", fix.err, sizeof(fix.err));
	return WEXITSTATUS(status);
}

#define EXPLAIN(...)                                                           \
	run(policy_explain_run, (const char *const[]){ __VA_ARGS__, NULL })
#define TEST_RUN(...)                                                          \
	run(policy_test_run, (const char *const[]){ __VA_ARGS__, NULL })

static struct policy *
load(struct policy_table *t)
{
	struct conf_report r;
	char dir[128];
	struct err e;

	(void)snprintf(dir, sizeof(dir), "%s/policies.d", fix.dir);
	conf_report_init(&r);
	if (policy_load_dir(dir, t, &r, &e) != 0)
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
	struct call c = {
		.verb = "t", .policy = "p", .words = (char **)(uintptr_t)words
	};
	struct policy_table t = { .count = 0 };
	struct policy *p = load(&t);
	struct plan plan;
	struct err e;
	size_t i;

	(void)state;
	if (call_plan(&c, p, false, &plan, &e) != 0)
		fail_msg("%s", e.what);
	for (i = 0; words[i] != NULL; i++)
		assert_string_equal(plan.argv[i], words[i]);
	assert_null(plan.argv[i]);
	assert_false(plan.has_input);
	plan_fini(&plan);
	c.shell = true;
	assert_int_equal(call_plan(&c, p, true, &plan, &e), 0);
	assert_string_equal(plan.argv[0], "/bin/sh");
	assert_true(strncmp(plan.argv[2], "echo  a b it's", 14) == 0);
	assert_true(plan.has_input);
	plan_fini(&plan);
	/* a call's checks hold here as well */
	c.dir = "/etc";
	assert_int_equal(call_plan(&c, p, false, &plan, &e), ERR_DENIED);
	c.dir = NULL;
	c.timeout_ms = "600001";
	assert_int_equal(call_plan(&c, p, false, &plan, &e), ERR_BAD);
	policy_table_fini(&t);
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
	assert_int_equal(verdict_of(f, SYS_read, none), VERDICT_ALLOWED);
	assert_int_equal(verdict_of(f, SYS_mount, none), VERDICT_REFUSED);
	assert_int_equal(verdict_of(f, SYS_ptrace, none), VERDICT_REFUSED);
	assert_int_equal(verdict_of(f, SYS_clone3, none), VERDICT_MISSING);
	assert_int_equal(verdict_of(f, 9999, none), VERDICT_MISSING);
	assert_int_equal(verdict_of(f, SYS_socket, args), VERDICT_REFUSED);
	args[0] = AF_UNIX;
	assert_int_equal(verdict_of(f, SYS_socketpair, args), VERDICT_ALLOWED);
	assert_int_equal(verdict_of(&empty, SYS_mount, none), VERDICT_ALLOWED);
	policy_table_fini(&t);
	write_policy(",\"network\":\"host\"");
	f = &load(&t)->filter;
	args[0] = AF_INET;
	assert_int_equal(verdict_of(f, SYS_socket, args), VERDICT_ALLOWED);
	args[0] = AF_PACKET;
	assert_int_equal(verdict_of(f, SYS_socket, args), VERDICT_REFUSED);
	policy_table_fini(&t);
}

static void
expect_view(const struct policy *p, const char *path, bool there, bool runs)
{
	struct view v;

	view_find(&p->confine, path, &v);
	if (v.there != there)
		fail_msg("%s: there %d, %s", path, v.there, v.why);
	if (view_executable(p, &v) != runs)
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
		skip();
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
	assert_true(view_interpreter(path, interpreter));
	assert_string_equal(interpreter, "/bin/sh");
	assert_false(view_interpreter("/bin/sh", interpreter));
	policy_table_fini(&t);
	write_policy(",\"files\":{\"noexec\":true,\"hide\":[\"/usr/share\"]}");
	p = load(&t);
	expect_view(p, path, true, false);
	expect_view(p, "/usr/share/doc", false, false);
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
	text_row(&b, "Label", "%s %d", "word", 7);
	assert_string_equal(buf_cstr(&b), "Label        word 7\n");
	buf_reset(&b);
	for (int i = 0; i < 20; i++)
		text_item(&b, "item%d", i);
	assert_non_null(strstr(buf_cstr(&b), "item0, item1, "));
	assert_true(bytes_starts(buf_bytes(&b), "item0"));
	buf_fini(&b);
	buf_init(&b, 4096);
	text_put(&b, "",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
	    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb cc");
	assert_string_equal(buf_cstr(&b),
	    "             aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
	    "             bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb cc\n");
	buf_fini(&b);
}

static void
test_explain(void **state)
{
	(void)state;
	write_policy(",\"description\":\"For trying.\",\"shell\":null,"
		     "\"environment\":{\"set\":{\"A\":\"b\"},"
		     "\"allow\":[\"CI\"]},\"limits\":{\"open_files\":77}");
	assert_int_equal(EXPLAIN("p"), CTL_OK);
	assert_non_null(strstr(fix.out, "For trying."));
	assert_non_null(strstr(fix.out, "set: A=b"));
	assert_non_null(strstr(fix.out, "a caller may set: CI"));
	assert_non_null(strstr(fix.out, "open_files: 77"));
	assert_non_null(strstr(fix.out, "none: no address"));
	assert_non_null(strstr(fix.out, "@mount"));
	assert_null(strstr(fix.out, "exec_cmd"));
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
	assert_int_equal(EXPLAIN("p", "--shell"), CTL_USAGE);
	assert_int_equal(EXPLAIN("--nothing", "p"), CTL_USAGE);
}

static void
test_test(void **state)
{
	(void)state;
	assert_int_equal(TEST_RUN("p", "--", "sh", "-c",
			     "echo out; echo err "
			     ">&2; exit 7"),
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
