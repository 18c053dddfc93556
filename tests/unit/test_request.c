/* SPDX-License-Identifier: MIT */
/* Unit tests of executor/request: what a frontend may ask and what not. */
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>

#include "common/cleanup.h"
#include "tests/unit/fixture_executor.h"
#include "tests/unit/vectors.h"

static struct request r;
static struct token t;
static struct plan p;

/* --- helpers ----------------------------------------------------------- */

/* A fresh request for this tool, under a policy with these further keys. */
static void
begin(const char *tool, const char *dir, const char *more)
{
	fixture_token(&t, fixture_policy(dir, more));
	fixture_begin(&r, tool);
}

static void
end(void)
{
	request_fini(&r);
	fixture_token_fini(&t);
}

static void
planned(void)
{
	struct err e = { 0 };

	if (request_plan(&r, &t, &p, &e) != 0)
		fail_msg("%s", e.what);
}

static void
refused(enum err_code code, const char *says)
{
	struct err e = { 0 };

	memset(&p, 0x5a, sizeof(p));
	if (request_plan(&r, &t, &p, &e) == 0)
		fail_msg("\"%s\" was planned", says);
	assert_int_equal(p.timeout_ms, 0x5a5a5a5a); /* left alone */
	assert_int_equal(e.code, code);
	if (strstr(e.what, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", e.what, says);
}

static void
done(void)
{
	plan_fini(&p);
	end();
}

static const char *
variable(const char *name)
{
	size_t n = strlen(name);
	char **v;

	for (v = p.envp; *v != NULL; v++)
		if (strncmp(*v, name, n) == 0 && (*v)[n] == '=')
			return *v + n + 1;
	return NULL;
}

/* --- frames ------------------------------------------------------------ */

static void
arg_frame(
    const char *name, uint8_t kind, uint8_t more, const char *value, int want)
{
	struct msg_arg m = { .call = 1,
		.name = bytes_of(name),
		.kind = kind,
		.more = more,
		.value = bytes_of(value) };
	struct err e = { 0 };

	assert_int_equal(request_add(&r, &m, &e), want);
	if (want != 0)
		assert_int_equal(e.code, want);
}

static void
test_frames(void **state)
{
	(void)state;
	begin("exec_cmd", fixture_top, "");
	arg_frame("command", PROTO_STRING, 1, "echo ", 0);
	arg_frame("command", PROTO_STRING, 1, "", 0);
	arg_frame("command", PROTO_STRING, 0, "hello", 0);
	arg_frame("stdin", PROTO_STRING, 0, "", 0);
	planned();
	assert_true(bytes_eq_str(p.command, "echo hello"));
	assert_true(p.has_input);
	assert_int_equal(p.input.len, 0);
	assert_string_equal(p.argv[0], "/bin/sh");
	assert_string_equal(p.argv[1], "-c");
	assert_string_equal(p.argv[2], "echo hello");
	assert_null(p.argv[3]);
	assert_string_equal(p.path[0], "/bin/sh");
	assert_null(p.path[1]);
	done();
}

static void
test_bad_frames(void **state)
{
	(void)state;
	begin("exec_cmd", fixture_top, "");
	arg_frame("command", PROTO_BOOL + 1, 0, "x", ERR_PROTO);
	arg_frame("command", PROTO_STRING, 2, "x", ERR_PROTO);
	arg_frame("command", PROTO_STRING, 1, "x", 0);
	arg_frame("stdin", PROTO_STRING, 0, "x", ERR_PROTO);
	end();
	begin("exec_cmd", fixture_top, "");
	arg_frame("command", PROTO_STRING, 1, "x", 0);
	arg_frame("command", PROTO_NUMBER, 0, "x", ERR_PROTO);
	end();
}

static void
test_name_with_nul(void **state)
{
	struct msg_arg m = { .call = 1, .name = BYTES_LIT("env\0x") };
	struct err e = { 0 };

	(void)state;
	begin("exec_cmd", fixture_top, "");
	assert_int_equal(request_add(&r, &m, &e), ERR_PROTO);
	assert_int_equal(r.arg_count, 0);
	end();
}

static void
test_too_many_frames(void **state)
{
	static char piece[PROTO_MAX_DATA];
	struct msg_arg m = { .call = 1,
		.name = BYTES_LIT("stdin"),
		.more = 1,
		.value = bytes_make(piece, sizeof(piece)) };
	struct err e = { 0 };
	size_t i;

	(void)state;
	begin("exec_cmd", fixture_top, "");
	for (i = 0; i < REQUEST_MAX_ARGS; i++)
		arg_frame("env", PROTO_STRING, 0, "A=b", 0);
	arg_frame("env", PROTO_STRING, 0, "A=b", ERR_PROTO);
	end();
	begin("exec_cmd", fixture_top, "");
	for (i = 0; i < REQUEST_MAX_BYTES / sizeof(piece); i++)
		assert_int_equal(request_add(&r, &m, &e), 0);
	assert_int_equal(request_add(&r, &m, &e), ERR_PROTO);
	assert_int_equal(e.code, ERR_PROTO);
	end();
}

static void
test_begin(void **state)
{
	struct msg_call m = { .call = 7,
		.tool = BYTES_LIT("exec_cmd"),
		.peer = BYTES_LIT("::1"),
		.session = BYTES_LIT("s\0") };
	struct err e = { 0 };

	(void)state;
	request_init(&r);
	assert_int_equal(request_begin(&r, &m, &e), ERR_PROTO);
	assert_int_equal(e.code, ERR_PROTO);
	m.session = BYTES_LIT("s");
	m.client = BYTES_LIT("c 1");
	assert_int_equal(request_begin(&r, &m, &e), 0);
	assert_int_equal(r.call, 7);
	assert_string_equal(r.client, "c 1");
	request_fini(&r);
}

/* --- arguments --------------------------------------------------------- */

static void
test_tools(void **state)
{
	(void)state;
	begin("rm_rf", fixture_top, "");
	fixture_text(&r, "command", "true");
	refused(ERR_DENIED, "not offered");
	end();
	begin("exec_cmd", fixture_top, ",\"tools\":[\"cli_command\"]");
	fixture_text(&r, "command", "true");
	refused(ERR_DENIED, "key tools");
	end();
	begin("exec_cmd", fixture_top, ",\"shell\":null");
	fixture_text(&r, "command", "true");
	refused(ERR_DENIED, "not offered");
	end();
	begin("", fixture_top, "");
	refused(ERR_DENIED, "not offered");
	end();
}

static void
test_unknown_argument(void **state)
{
	(void)state;
	begin("exec_cmd", fixture_top, "");
	fixture_text(&r, "command", "true");
	fixture_text(&r, "work_dir", "."); /* the other tool's */
	refused(ERR_BAD, "exec_cmd has no argument \"work_dir\"");
	end();
	begin("cli_command", fixture_top, "");
	fixture_text(&r, "command", "true");
	fixture_text(&r, "working_dir", ".");
	refused(ERR_BAD, "cli_command has no argument");
	end();
	begin("exec_cmd", fixture_top, "");
	fixture_text(&r, "Command", "true");
	refused(ERR_BAD, "no argument \"Command\"");
	end();
}

static void
test_wrong_kind(void **state)
{
	struct err e = { 0 };

	(void)state;
	begin("exec_cmd", fixture_top, "");
	assert_int_equal(
	    fixture_arg(&r, "command", PROTO_BOOL, BYTES_LIT("true"), &e), 0);
	refused(ERR_BAD, "wrong type");
	end();
	begin("exec_cmd", fixture_top, "");
	fixture_text(&r, "command", "true");
	fixture_text(&r, "timeout_ms", "1000"); /* a string */
	refused(ERR_BAD, "\"timeout_ms\" has the wrong type");
	end();
}

static void
test_twice(void **state)
{
	static const char *const names[] = { "command", "working_dir",
		"stdin" };
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		begin("exec_cmd", fixture_top, "");
		fixture_text(&r, "command", "true");
		fixture_text(&r, names[i], ".");
		if (i > 0)
			fixture_text(&r, names[i], ".");
		refused(ERR_BAD, "twice");
		end();
	}
}

static void
too_long(const char *tool, const char *name, size_t most)
{
	static char text[REQUEST_MAX_STDIN + 2];
	struct err e = { 0 };

	memset(text, 'x', sizeof(text));
	begin(tool, fixture_top, "");
	if (strcmp(name, "command") != 0)
		fixture_text(&r, "command", "true");
	assert_int_equal(
	    fixture_arg(&r, name, PROTO_STRING, bytes_make(text, most + 1), &e),
	    0);
	refused(ERR_BAD, "is the most");
	end();
}

static void
test_too_long(void **state)
{
	(void)state;
	too_long("exec_cmd", "command", REQUEST_MAX_COMMAND);
	too_long("cli_command", "command", REQUEST_MAX_COMMAND);
	too_long("exec_cmd", "working_dir", PATH_MAX - 1);
	too_long("exec_cmd", "stdin", REQUEST_MAX_STDIN);
	too_long("exec_cmd", "env", REQUEST_MAX_COMMAND);
}

/* The most of everything at once is still planned. */
static void
test_largest(void **state)
{
	static char text[REQUEST_MAX_STDIN];
	struct err e = { 0 };

	(void)state;
	memset(text, 'x', sizeof(text));
	begin("cli_command", fixture_top, "");
	assert_int_equal(fixture_arg(&r, "command", PROTO_STRING,
			     bytes_make(text, REQUEST_MAX_COMMAND), &e),
	    0);
	assert_int_equal(fixture_arg(&r, "stdin", PROTO_STRING,
			     bytes_make(text, sizeof(text)), &e),
	    0);
	planned();
	assert_int_equal(p.input.len, sizeof(text));
	assert_int_equal(strlen(p.argv[0]), REQUEST_MAX_COMMAND);
	done();
}

static void
test_no_command(void **state)
{
	struct err e = { 0 };

	(void)state;
	begin("exec_cmd", fixture_top, "");
	refused(ERR_BAD, "command is required");
	fixture_text(&r, "command", "");
	refused(ERR_BAD, "command is required");
	end();
	begin("cli_command", fixture_top, "");
	fixture_text(&r, "command", " \t ");
	refused(ERR_BAD, "command is empty");
	end();
	begin("cli_command", fixture_top, "");
	fixture_text(&r, "command", "'' x");
	refused(ERR_BAD, "command is empty");
	end();
	begin("exec_cmd", fixture_top, "");
	assert_int_equal(
	    fixture_arg(&r, "command", PROTO_STRING, BYTES_LIT("a\0b"), &e), 0);
	refused(ERR_BAD, "NUL");
	end();
	begin("cli_command", fixture_top, "");
	fixture_text(&r, "command", "echo 'x");
	refused(ERR_BAD, "quote");
	end();
}

static void
test_many_words(void **state)
{
	static char text[2 * REQUEST_MAX_WORDS + 3];
	size_t i;

	(void)state;
	for (i = 0; i + 1 < sizeof(text); i++)
		text[i] = i % 2 == 0 ? 'a' : ' ';
	text[2 * REQUEST_MAX_WORDS - 1] = '\0';
	begin("cli_command", fixture_top, "");
	fixture_text(&r, "command", text);
	planned();
	assert_string_equal(p.argv[REQUEST_MAX_WORDS - 1], "a");
	assert_null(p.argv[REQUEST_MAX_WORDS]);
	done();
	text[2 * REQUEST_MAX_WORDS - 1] = ' ';
	begin("cli_command", fixture_top, "");
	fixture_text(&r, "command", text);
	refused(ERR_BAD, "words");
	end();
}

/* --- the working directory ---------------------------------------------- */

/* Where the run would go, which alone looks. */
static void
cwd_is(const char *jail, const char *asked, const char *want)
{
	char link[64], got[PATH_MAX];
	ssize_t n;
	int fd;

	begin("exec_cmd", jail, "");
	fixture_text(&r, "command", "true");
	if (asked != NULL)
		fixture_text(&r, "working_dir", asked);
	planned();
	fd = plan_open_directory(&p, p.policy->dir_fd);
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, got, sizeof(got) - 1);
	assert_true(n > 0);
	got[n] = '\0';
	(void)close(fd);
	assert_string_equal(got, want);
	assert_string_equal(variable("PWD"), p.cwd);
	done();
}

static void
cwd_refused(
    const char *jail, const char *asked, enum err_code code, const char *says)
{
	struct err e = { 0 };
	int fd;

	begin("exec_cmd", jail, "");
	fixture_text(&r, "command", "true");
	fixture_text(&r, "working_dir", asked);
	if (request_plan(&r, &t, &p, &e) == 0) {
		fd = plan_open_directory(&p, p.policy->dir_fd);
		assert_int_equal(fd, -1);
		assert_int_equal(plan_refuse_directory(&p, errno, &e), code);
		plan_fini(&p);
	}
	assert_int_equal(e.code, code);
	assert_non_null(strstr(e.what, says));
	end();
}

static void
make_tree(void)
{
	assert_int_equal(mkdir(fixture_path("work"), 0755), 0);
	assert_int_equal(mkdir(fixture_path("work/sub"), 0755), 0);
	assert_int_equal(mkdir(fixture_path("work/sub/deep"), 0755), 0);
	assert_int_equal(mkdir(fixture_path("workevil"), 0755), 0);
	fixture_write(fixture_path("work/file"), "x", 0644);
	assert_int_equal(symlink("sub", fixture_path("work/in")), 0);
	assert_int_equal(symlink("../workevil", fixture_path("work/out")), 0);
	assert_int_equal(
	    symlink(fixture_path("workevil"), fixture_path("work/absolute")),
	    0);
	assert_int_equal(
	    symlink(fixture_path("work/sub"), fixture_path("work/absin")), 0);
	assert_int_equal(
	    symlink("/proc/self/cwd", fixture_path("work/magic")), 0);
	assert_int_equal(symlink("loop", fixture_path("work/loop")), 0);
	assert_int_equal(mkfifo(fixture_path("work/fifo"), 0644), 0);
}

static void
test_cwd_inside(void **state)
{
	const char *work = fixture_path("work"),
		   *sub = fixture_path("work/sub");
	char slashes[300];

	(void)state;
	cwd_is(work, NULL, work);
	cwd_is(work, "", work);
	cwd_is(work, ".", work);
	cwd_is(work, "sub", sub);
	cwd_is(work, "./sub/", sub);
	cwd_is(work, "sub/deep/..", sub);
	cwd_is(work, "in", sub);
	cwd_is(work, work, work);
	cwd_is(work, sub, sub);
	(void)snprintf(slashes, sizeof(slashes), "%s///sub", work);
	cwd_is(work, slashes, sub);
	(void)snprintf(slashes, sizeof(slashes), "%s/", work);
	cwd_is(work, slashes, work);
	/* written with a slash at its end, the jail is the same */
	cwd_is(slashes, sub, sub);
	cwd_is(slashes, work, work);
	cwd_is("/", sub, sub);
	cwd_is("/", "/", "/");
	cwd_is("/", "tmp", "/tmp");
}

static void
test_cwd_outside(void **state)
{
	const char *work = fixture_path("work");
	char text[300];

	(void)state;
	cwd_refused(work, "..", ERR_DENIED, "key directory");
	cwd_refused(work, "sub/../..", ERR_DENIED, "leads out of");
	cwd_refused(work, "../work", ERR_DENIED, "leads out of");
	cwd_refused(work, "/", ERR_DENIED, "leads out of");
	cwd_refused(work, "/etc", ERR_DENIED, "leads out of");
	cwd_refused(work, fixture_path("workevil"), ERR_DENIED, "leads out of");
	(void)snprintf(text, sizeof(text), "%s/../workevil", work);
	cwd_refused(work, text, ERR_DENIED, "leads out of");
	(void)snprintf(text, sizeof(text), "/%s", work);
	cwd_refused(work, text, ERR_DENIED, "leads out of"); /* "//tmp/..." */
	cwd_refused(work, "out", ERR_DENIED, "leads out of");
	cwd_refused(work, "absolute", ERR_DENIED, "leads out of");
	cwd_refused(work, "absin", ERR_DENIED, "leads out of");
	cwd_refused(work, "magic", ERR_DENIED, "leads out of");
	cwd_refused(work, "loop", ERR_DENIED, "link that is not followed");
}

/* Links of /proc that lead anywhere, even where "/" is the jail. */
static void
test_cwd_magic(void **state)
{
	char text[64];

	(void)state;
	(void)snprintf(text, sizeof(text), "/proc/%d/root", (int)getpid());
	cwd_refused("/", text, ERR_DENIED, "not followed");
	(void)snprintf(text, sizeof(text), "/proc/%d/cwd", (int)getpid());
	cwd_refused("/", text, ERR_DENIED, "not followed");
	(void)snprintf(text, sizeof(text), "/proc/%d/fd/0", (int)getpid());
	cwd_refused("/", text, ERR_DENIED, "not followed");
	cwd_refused("/", "/proc/self/cwd", ERR_DENIED, "not followed");
	cwd_refused("/", "/proc/thread-self/cwd", ERR_DENIED, "not followed");
}

static void
test_cwd_no_directory(void **state)
{
	const char *work = fixture_path("work");
	struct err e = { 0 };

	(void)state;
	cwd_refused(work, "file", ERR_BAD, "Not a directory");
	cwd_refused(work, "fifo", ERR_BAD, "Not a directory");
	cwd_refused(work, "none", ERR_BAD, "No such file");
	cwd_refused(work, "file/x", ERR_BAD, "Not a directory");
	begin("exec_cmd", work, "");
	fixture_text(&r, "command", "true");
	assert_int_equal(fixture_arg(&r, "working_dir", PROTO_STRING,
			     BYTES_LIT("sub\0/.."), &e),
	    0);
	refused(ERR_BAD, "NUL");
	end();
}

static void
begin_narrow(const char *dir, const char *sub)
{
	int fd = open(sub, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct policy *whole, *narrow;
	struct err e = { 0 };

	begin("cli_command", dir, "");
	whole = t.policy;
	if (policy_narrow(whole, sub, fd, &narrow, &e) != 0)
		fail_msg("%s", e.what);
	policy_unref(whole);
	t.policy = narrow;
}

/* A token may have a smaller jail of its own. */
static void
test_cwd_of_token(void **state)
{
	const char *sub = fixture_path("work/sub");

	(void)state;
	begin_narrow(fixture_path("work"), sub);
	fixture_text(&r, "command", "true");
	planned();
	assert_string_equal(p.cwd, sub);
	plan_fini(&p);
	fixture_text(&r, "work_dir", fixture_path("work"));
	refused(ERR_DENIED, "leads out of");
	end();
	begin_narrow(fixture_path("work"), sub);
	fixture_text(&r, "command", "true");
	fixture_text(&r, "work_dir", "..");
	planned();
	assert_int_equal(plan_open_directory(&p, p.policy->dir_fd), -1);
	assert_int_equal(errno, EXDEV);
	done();
}

/* The directory was opened at load: a link put there later is nothing. */
static void
test_cwd_replaced(void **state)
{
	char moved[300], link[64], got[300];
	ssize_t n;
	int fd;

	(void)state;
	assert_int_equal(mkdir(fixture_path("jail"), 0755), 0);
	begin("exec_cmd", fixture_path("jail"), "");
	fixture_text(&r, "command", "true");
	assert_int_equal(
	    rename(fixture_path("jail"), fixture_path("moved")), 0);
	assert_int_equal(symlink("/etc", fixture_path("jail")), 0);
	planned();
	fd = plan_open_directory(&p, p.policy->dir_fd);
	(void)snprintf(moved, sizeof(moved), "%s", fixture_path("moved"));
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, got, sizeof(got) - 1);
	assert_int_equal(n, strlen(moved));
	assert_memory_equal(got, moved, (size_t)n);
	(void)close(fd);
	done();
}

/* --- time -------------------------------------------------------------- */

static void
timeout_is(
    const char *more, uint32_t token_max, const char *asked, uint32_t want)
{
	struct err e = { 0 };

	begin("exec_cmd", fixture_top, more);
	t.timeout_max_ms = token_max;
	fixture_text(&r, "command", "true");
	if (asked != NULL)
		assert_int_equal(fixture_arg(&r, "timeout_ms", PROTO_NUMBER,
				     bytes_of(asked), &e),
		    0);
	if (want == 0) {
		refused(ERR_BAD, "limits.timeout_max_ms");
		end();
		return;
	}
	planned();
	assert_int_equal(p.timeout_ms, want);
	done();
}

static void
test_timeout(void **state)
{
	static const char lim[] =
	    ",\"limits\":{\"timeout_ms\":5000,\"timeout_max_ms\":9000}";

	(void)state;
	timeout_is("", 0, NULL, 50000);
	timeout_is(lim, 0, NULL, 5000);
	timeout_is(lim, 0, "9000", 9000);
	timeout_is(lim, 0, "1", 1);
	timeout_is(lim, 0, "9001", 0);
	timeout_is(lim, 7000, "7000", 7000); /* the token narrows */
	timeout_is(lim, 7000, "7001", 0);
	timeout_is(lim, 3000, NULL, 3000); /* the default as well */
	timeout_is(lim, 60000, "9001", 0); /* and never widens */
	timeout_is(lim, 60000, NULL, 5000);
	timeout_is(lim, 0, "0", 0);
	timeout_is(lim, 0, "", 0);
	timeout_is(lim, 0, "-1", 0);
	timeout_is(lim, 0, "1.5", 0);
	timeout_is(lim, 0, "1e3", 0);
	timeout_is(lim, 0, " 5", 0);
	timeout_is(lim, 0, "4294967297", 0);
	timeout_is(lim, 0, "18446744073709551617", 0);
}

/* The token names a time; it is shorter than the policy's. */
static void
test_vectors_timeout(void **state)
{
	static const struct vector rows[] = {
		{ "F-", 5000 },
		{ "TF", 5000 },
		{ "TT", 4999 },
	};
	static const uint32_t token_max[] = { 0, 5001, 4999 };

	(void)state;
	vectors_complete("executor/run/request.c", "clip_timeout", 2, rows,
	    VECTORS_COUNT(rows));
	for (size_t i = 0; i < VECTORS_COUNT(rows); i++)
		timeout_is(
		    ",\"limits\":{\"timeout_ms\":5000,\"timeout_max_ms\":5000}",
		    token_max[i], NULL, (uint32_t)rows[i].want);
}

/* --- the environment ---------------------------------------------------- */

#define ENV                                                                    \
	",\"environment\":{\"set\":{\"LANG\":\"de_DE.UTF-8\",\"X\":\"1\"},"    \
	"\"allow\":[\"CI\",\"X\",\"EMPTY\"]}"

static void
test_environment(void **state)
{
	char **v;
	int n = 0;

	(void)state;
	assert_int_equal(setenv("SECRET", "ours", 1), 0);
	begin("exec_cmd", fixture_top, ENV);
	fixture_text(&r, "command", "true");
	fixture_text(&r, "env", "CI=a=b c");
	fixture_text(&r, "env", "X=2");
	fixture_text(&r, "env", "EMPTY=");
	fixture_text(&r, "env", "X=3");
	planned();
	assert_string_equal(variable("CI"), "a=b c");
	assert_string_equal(variable("X"), "3");
	assert_string_equal(variable("EMPTY"), "");
	assert_string_equal(variable("LANG"), "de_DE.UTF-8");
	assert_string_equal(variable("PWD"), fixture_top);
	assert_string_equal(variable("SHELL"), "/bin/sh");
	assert_non_null(variable("PATH"));
	assert_non_null(variable("HOME"));
	assert_null(variable("SECRET")); /* built from nothing */
	for (v = p.envp; *v != NULL; v++) {
		assert_non_null(strchr(*v, '='));
		n += strncmp(*v, "X=", 2) == 0;
	}
	assert_int_equal(n, 1);
	done();
}

static void
env_refused(struct bytes pair, enum err_code code, const char *says)
{
	struct err e = { 0 };

	begin("exec_cmd", fixture_top, ENV);
	fixture_text(&r, "command", "true");
	assert_int_equal(fixture_arg(&r, "env", PROTO_STRING, pair, &e), 0);
	refused(code, says);
	end();
}

static void
test_env_refused(void **state)
{
	static char name[400];

	(void)state;
	env_refused(BYTES_LIT("LD_PRELOAD=/tmp/x.so"), ERR_DENIED,
	    "\"LD_PRELOAD\" may not be set");
	env_refused(BYTES_LIT("PATH=/tmp"), ERR_DENIED, "environment.allow");
	env_refused(BYTES_LIT("CI2=x"), ERR_DENIED, "may not be set");
	env_refused(BYTES_LIT("CI2=x"), ERR_DENIED, "a caller may set CI");
	env_refused(BYTES_LIT("ci=x"), ERR_DENIED, "may not be set");
	env_refused(BYTES_LIT("=x"), ERR_DENIED, "may not be set");
	env_refused(BYTES_LIT("CI"), ERR_BAD, "names with values");
	env_refused(BYTES_LIT(""), ERR_BAD, "names with values");
	env_refused(BYTES_LIT("CI=a\0b"), ERR_BAD, "NUL");
	env_refused(BYTES_LIT("C\0I=a"), ERR_BAD, "NUL");
	memset(name, 'A', sizeof(name));
	name[300] = '=';
	env_refused(bytes_make(name, sizeof(name)), ERR_BAD, "env");
}

static void
test_many_variables(void **state)
{
	int i;

	(void)state;
	begin("exec_cmd", fixture_top, ENV);
	fixture_text(&r, "command", "true");
	for (i = 0; i < REQUEST_MAX_ENV; i++)
		fixture_text(&r, "env", "CI=1");
	planned();
	plan_fini(&p);
	fixture_text(&r, "env", "CI=1");
	refused(ERR_BAD, "more than 64 variables");
	end();
}

/* --- where a program is looked for --------------------------------------- */

static void
test_lookup(void **state)
{
	int i;

	(void)state;
	begin("cli_command", fixture_top, "");
	fixture_text(&r, "command", "ls -l 'a b'");
	planned();
	assert_false(p.shell);
	assert_string_equal(p.argv[0], "ls");
	assert_string_equal(p.argv[2], "a b");
	for (i = 0; p.path[i] != NULL; i++) {
		assert_int_equal(p.path[i][0], '/');
		assert_string_equal(strrchr(p.path[i], '/'), "/ls");
	}
	assert_true(i >= 4);
	done();
	begin("cli_command", fixture_top, "");
	fixture_text(&r, "command", "./run x");
	planned();
	assert_string_equal(p.path[0], "./run");
	assert_null(p.path[1]);
	done();
}

/* Empty and relative entries of PATH mean the working directory: never. */
static void
test_lookup_not_in_cwd(void **state)
{
	(void)state;
	begin("cli_command", fixture_top,
	    ",\"environment\":{\"set\":{\"PATH\":\":.:bin:/usr/bin::/bin:\"}}");
	fixture_text(&r, "command", "evil");
	planned();
	assert_string_equal(p.path[0], "/usr/bin/evil");
	assert_string_equal(p.path[1], "/bin/evil");
	assert_null(p.path[2]);
	done();
	begin("cli_command", fixture_top,
	    ",\"environment\":{\"set\":{\"PATH\":\".\"}}");
	fixture_text(&r, "command", "evil");
	planned();
	assert_null(p.path[0]);
	done();
}

static void
test_lookup_long_path(void **state)
{
	char more[2048] = ",\"environment\":{\"set\":{\"PATH\":\"/0";
	int i;

	(void)state;
	for (i = 1; i < 60; i++)
		(void)snprintf(more + strlen(more), sizeof(more) - strlen(more),
		    ":/%d", i);
	(void)strcat(more, "\"}}");
	begin("cli_command", fixture_top, more);
	fixture_text(&r, "command", "x");
	planned();
	assert_string_equal(p.path[REQUEST_MAX_PATHS - 2], "/30/x");
	assert_null(p.path[REQUEST_MAX_PATHS - 1]);
	done();
}

/* --- descriptors -------------------------------------------------------- */

/* Neither plans nor refusals leave a descriptor behind. */
static void
test_no_leak(void **state)
{
	int before, after, i;

	(void)state;
	before = dup(0);
	(void)close(before);
	for (i = 0; i < 50; i++) {
		cwd_is(fixture_path("work"), "sub", fixture_path("work/sub"));
		cwd_refused(fixture_path("work"), "..", ERR_DENIED, "out");
		env_refused(BYTES_LIT("A=b"), ERR_DENIED, "A");
	}
	after = dup(0);
	(void)close(after);
	assert_int_equal(before, after);
}

static int
setup(void **state)
{
	if (fixture_setup(state) != 0)
		return -1;
	make_tree();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_bad_frames),
		cmocka_unit_test(test_name_with_nul),
		cmocka_unit_test(test_too_many_frames),
		cmocka_unit_test(test_begin),
		cmocka_unit_test(test_tools),
		cmocka_unit_test(test_unknown_argument),
		cmocka_unit_test(test_wrong_kind),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_no_command),
		cmocka_unit_test(test_many_words),
		cmocka_unit_test(test_cwd_inside),
		cmocka_unit_test(test_cwd_outside),
		cmocka_unit_test(test_cwd_magic),
		cmocka_unit_test(test_cwd_no_directory),
		cmocka_unit_test(test_cwd_of_token),
		cmocka_unit_test(test_cwd_replaced),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_vectors_timeout),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_env_refused),
		cmocka_unit_test(test_many_variables),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_lookup_not_in_cwd),
		cmocka_unit_test(test_lookup_long_path),
		cmocka_unit_test(test_no_leak),
	};

	return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
