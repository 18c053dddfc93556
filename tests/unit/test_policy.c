/* SPDX-License-Identifier: MIT */
/* test_policy: policies, what they refuse, and the table. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/caps.h"
#include "executor/confine/confine_load.h"
#include "executor/confine/probe.h"
#include "executor/policy/policydir.h"
#include "tests/unit/fixture_skip.h"

static struct conf_report report;

static int
setup(void **state)
{
	(void)state;
	conf_report_init(&report);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	conf_report_fini(&report);
	return 0;
}

/* A policy for this process's own account, in /tmp, with further keys. */
static int
parse(const char *keys, struct policy **out)
{
	char text[8192];
	struct err e;

	(void)snprintf(text, sizeof(text),
	    "{\"user\":%u,\"group\":%u,\"directory\":\"/tmp\"\n%s%s}",
	    (unsigned)geteuid(), (unsigned)getegid(),
	    keys[0] != '\0' ? "," : "", keys);
	conf_report_fini(&report);
	return policy_parse(
	    "p.json", "p", bytes_of(text), NULL, out, &report, &e);
}

static void
test_defaults(void **state)
{
	struct policy *p;

	(void)state;
	assert_int_equal(parse("", &p), 0);
	assert_int_equal(report.count, 0);
	assert_string_equal(p->name, "p");
	assert_int_equal(p->uid, geteuid());
	assert_int_equal(p->gid, getegid());
	assert_string_equal(p->directory, "/tmp");
	assert_int_equal(fcntl(p->dir_fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_string_equal(p->shell, "/bin/sh");
	assert_int_equal(p->tool_count, 2);
	assert_true(policy_offers(p, BYTES_LIT("exec_cmd")));
	assert_true(policy_offers(p, BYTES_LIT("cli_command")));
	assert_false(policy_offers(p, BYTES_LIT("exec_cm")));
	assert_int_equal(p->timeout_ms, 50000);
	assert_int_equal(p->timeout_max_ms, 600000);
	assert_int_equal(p->umask, 0077);
	assert_int_equal(p->rlimit_count, 2);
	assert_string_equal(p->rlimits[0].key, "open_files");
	assert_int_equal(p->rlimits[1].resource, RLIMIT_CORE);
	assert_int_equal(p->rlimits[1].value, 1); /* core(5) */
	assert_string_equal(p->profile, "default");
	assert_true(p->filter.prog.len > 0);
	policy_unref(p);
}

static void
test_values(void **state)
{
	struct policy *p;

	(void)state;
	assert_int_equal(
	    parse(
		"\"shell\":null,\"umask\":\"027\",\"description\":\"d\",\"environment\":{\"set\":{\"LANG\":\"C\",\"PATH\":\"/bin\"},\"allow\":[\"CI\",\"TERM\"]},\"limits\":{\"timeout_ms\":100,\"cpu_seconds\":5,\"open_files\":64,\"runs_per_minute\":0},\"syscalls\":{\"profile\":\"none\"}",
		&p),
	    0);
	assert_string_equal(p->shell, "");
	assert_int_equal(p->tool_count, 1);
	assert_string_equal(p->tools[0], "cli_command");
	assert_int_equal(p->umask, 027);
	assert_int_equal(p->env_count, 2);
	assert_string_equal(p->env[0], "LANG=C");
	assert_int_equal(p->env_allowed_count, 2);
	assert_int_equal(p->timeout_ms, 100);
	assert_int_equal(p->runs_per_minute, 0);
	assert_int_equal(p->rlimit_count, 3);
	assert_int_equal(p->rlimits[1].resource, RLIMIT_CPU);
	assert_int_equal(p->rlimits[1].value, 5);
	assert_int_equal(p->filter.prog.len, 0);
	policy_unref(p);
}

/* false: "protect" does not take that name. */
static bool
protects(const char *name)
{
	struct policy *p;
	char keys[128];
	int rc;

	(void)snprintf(keys, sizeof(keys),
	    "\"files\":{\"write\":[\"/tmp\"],\"protect\":[\"%s\"]}", name);
	rc = parse(keys, &p);
	if (rc == 0)
		policy_unref(p);
	else if (strstr(buf_cstr(&report.text),
		     "names inside what may be written") == NULL)
		fail_msg("%s: %s", name, buf_cstr(&report.text));
	return rc == 0;
}

/* One that leads elsewhere would leave what was meant without protection. */
static void
test_protected_names(void **state)
{
	static const char *const good[] = { "a", ".a", "..a", "...", "a.", "ab",
		"a/b", ".a/.b", "a/..b" };
	static const char *const bad[] = { ".", "..", "a/.", "./a", "../a",
		"a/../b", "/a", "a//b", "a/" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!protects(good[i]))
			fail_msg("%s is refused", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (protects(bad[i]))
			fail_msg("%s is taken", bad[i]);
}

static void
test_findings(void **state)
{
	static const char *const bad[][2] = {
		{ "\"elevates\":1", "\"elevates\" must be true or false" },
		{ "\"files\":{\"noexec\":\"yes\"}",
		    "\"noexec\" must be true or false" },
		{ "\"shel\":\"/bin/sh\"", "did you mean \"shell\"" },
		{ "\"limits\":{\"zzzzzz\":1}", "see mcp-execd-policy(5)" },
		{ "\"shell\":\"/nonexistent\"", "No such file" },
		{ "\"shell\":\"sh\"", "absolute" },
		{ "\"shell\":\"/etc/passwd\"", "not an executable" },
		{ "\"shell\":\"/tmp\"", "not an executable" },
		{ "\"shell\":null,\"tools\":[\"exec_cmd\"]", "needs a shell" },
		{ "\"tools\":[]", "at least one" },
		{ "\"tools\":[\"exec_cm\"]", "did you mean" },
		{ "\"tools\":[\"restart_service\"]",
		    "mcp-execctl tools enable" },
		{ "\"tools\":[\"rm\"]", "no tool" },
		{ "\"tools\":[\"exec_cmd\",\"exec_cmd\"]", "twice" },
		{ "\"tools\":\"exec_cmd\"", "list" },
		{ "\"environment\":{\"set\":{\"LD_PRELOAD\":\"/x\"}}",
		    "never set" },
		{ "\"environment\":{\"set\":{\"A-B\":\"/x\"}}",
		    "not a variable name" },
		{ "\"environment\":{\"set\":{\"A\":1}}", "string" },
		{ "\"environment\":{\"set\":[]}", "must be" },
		{ "\"syscalls\":{\"allow\":[\"@sockt\"]}",
		    "did you mean \"@socket\"?" },
		{ "\"syscalls\":{\"deny\":[\"ptrce\"]}", "\"ptrace\"?" },
		{ "\"syscalls\":{\"deny\":[\"qqqqqqqq\"]}",
		    "mcp-execd-policy(5) lists those" },
		{ "\"environment\":{\"allow\":[\"LD_AUDIT\"]}", "caller" },
		{ "\"environment\":{\"allow\":[\"PATH\"]}", "caller" },
		{ "\"environment\":{\"allow\":[\"GIT_SSH\"]}", "caller" },
		{ "\"environment\":{\"allow\":[\"\"]}", "empty" },
		{ "\"limits\":{\"timeout_ms\":600001}",
		    "(600001) is above \"timeout_max_ms\" (600000, the default)" },
		{ "\"limits\":{\"timeout_max_ms\":30000}",
		    "\"timeout_ms\" (50000, the default) is above" },
		{ "\"limits\":{\"timeout_ms\":60,\"timeout_max_ms\":3600}",
		    "\"timeout_ms\" must be from" },
		{ "\"limits\":{\"memory\":1}",
		    "did you mean \"memory_bytes\"" },
		{ "\"limits\":{\"runs\":0}", "from 1" },
		{ "\"limits\":{\"memory_bytes\":1}", "from 16777216" },
		{ "\"umask\":63", "octal" },
		{ "\"umask\":\"888\"", "octal" },
		{ "\"umask\":\"7777\"", "above" },
		{ "\"syscalls\":{\"profile\":\"nothing\"}", "one of none" },
		{ "\"groups\":\"adm\"", NULL },
	};
	struct policy *p = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(bad[i][0], &p), ERR_BAD);
		assert_true(report.count >= 1);
		if (bad[i][1] != NULL &&
		    (report.count != 1 ||
			strstr(buf_cstr(&report.text), bad[i][1]) == NULL))
			fail_msg("%s -> %s", bad[i][0], buf_cstr(&report.text));
		assert_non_null(strstr(buf_cstr(&report.text), "p.json:2:"));
	}
	assert_null(p);
}

static void
expect_bad(const char *text, const char *words)
{
	struct policy *p;
	struct err e;

	conf_report_fini(&report);
	assert_int_equal(
	    policy_parse("p.json", "p", bytes_of(text), NULL, &p, &report, &e),
	    ERR_BAD);
	if (strstr(buf_cstr(&report.text), words) == NULL)
		fail_msg("%s -> %s", text, buf_cstr(&report.text));
}

static void
test_directory(void **state)
{
	(void)state;
	expect_bad("{\"user\":0}", "\"directory\" is missing");
	expect_bad("{\"directory\":\"tmp\"}", "absolute");
	expect_bad("{\"directory\":\"/nonexistent\"}", "No such file");
	expect_bad("{\"directory\":\"/etc/passwd\"}", "Not a directory");
	/* a magic link is not followed */
	expect_bad("{\"directory\":\"/proc/self/cwd\"}", "symbolic links");
	expect_bad("[]", "object");
	expect_bad("{", "");
}

static void
test_identity(void **state)
{
	struct policy *p;
	struct err e;
	const char *named = "{\"user\":\"nobody\",\"directory\":\"/tmp\"}";

	(void)state;
	expect_bad(
	    "{\"user\":\"no-such-user\",\"directory\":\"/tmp\"}", "no user");
	expect_bad("{\"user\":-1,\"directory\":\"/tmp\"}", "number from 0");
	expect_bad(
	    "{\"user\":4294967295,\"directory\":\"/tmp\"}", "number from 0");
	expect_bad(
	    "{\"user\":64999,\"directory\":\"/tmp\"}", "\"group\" is needed");
	if (!caps_can_change_ids()) {
		expect_bad(named, "only root");
		expect_bad(
		    "{\"directory\":\"/tmp\",\"groups\":[0]}", "only root");
		return;
	}
	/* root must be asked for */
	expect_bad("{\"directory\":\"/tmp\"}", "\"user\" is missing");
	conf_report_fini(&report);
	assert_int_equal(
	    policy_parse("p.json", "p", bytes_of(named), NULL, &p, &report, &e),
	    0);
	assert_int_not_equal(p->uid, 0);
	assert_int_not_equal(p->gid, 0);
	assert_int_equal(p->group_count, 0);
	assert_string_equal(p->user, "nobody");
	policy_unref(p);
}

/* A policy without the shell does not get it by listing other programs. */
static void
test_shell_is_listed(void **state)
{
	static const struct {
		const char *tools;
		bool listed;
	} rows[] = { { "[\"cli_command\"]", false },
		{ "[\"exec_cmd\",\"cli_command\"]", true } };
	const struct mounts_op *op;
	char keys[256], shell[PATH_MAX];
	struct policy *p;

	(void)state;
	if ((probe_get()->layers & CONFINE_WALLS) != CONFINE_WALLS)
		SKIP("mounts and landlock are not both there");
	assert_non_null(realpath("/bin/sh", shell));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(keys, sizeof(keys),
		    "\"programs\":[\"/usr/bin/env\"],\"tools\":%s",
		    rows[i].tools);
		assert_int_equal(parse(keys, &p), 0);
		op = mounts_decider(&p->confine.mounts, shell);
		assert_non_null(op);
		assert_int_equal(op->kind == MOUNTS_PROGRAM, rows[i].listed);
		policy_unref(p);
	}
}

/* Of that text, with these tools to choose from; its digest. */
static void
digest_with(const char *text, struct tooldef_table *known, uint8_t *out)
{
	struct policy *p;
	struct err e;

	conf_report_fini(&report);
	if (policy_parse(
		"p.json", "p", bytes_of(text), known, &p, &report, &e) != 0)
		fail_msg("%s", buf_cstr(&report.text));
	memcpy(out, p->text_digest, DIGEST_BYTES);
	policy_unref(p);
}

/* A policy is another one when one of its tools is: also the last of many. */
static void
test_digest_of_tools(void **state)
{
	static struct tooldef tool[POLICY_MAX_TOOLS];
	static struct tooldef_table known;
	uint8_t before[DIGEST_BYTES], after[DIGEST_BYTES];
	char text[2048];
	size_t n;

	(void)state;
	n = (size_t)snprintf(text, sizeof(text),
	    "{\"user\":%u,\"group\":%u,\"directory\":\"/tmp\",\"tools\":[",
	    (unsigned)geteuid(), (unsigned)getegid());
	for (size_t i = 0; i < POLICY_MAX_TOOLS; i++) {
		(void)snprintf(tool[i].name, sizeof(tool[i].name), "t%02zu", i);
		tool[i].refs = 1;
		known.t[known.count++] = &tool[i];
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    "%s\"t%02zu\"", i > 0 ? "," : "", i);
	}
	(void)snprintf(text + n, sizeof(text) - n, "]}");
	digest_with(text, &known, before);
	digest_with(text, &known, after);
	assert_memory_equal(before, after, DIGEST_BYTES);
	for (size_t i = 0; i < POLICY_MAX_TOOLS; i++) {
		tool[i].text_digest[DIGEST_BYTES - 1]++;
		digest_with(text, &known, after);
		assert_memory_not_equal(before, after, DIGEST_BYTES);
		tool[i].text_digest[DIGEST_BYTES - 1]--;
	}
	digest_with(text, &known, after);
	assert_memory_equal(before, after, DIGEST_BYTES);
}

/* As without the key, and what else it names. */
static void
test_system_is_read(void **state)
{
	struct policy *p, *q;

	(void)state;
	assert_int_equal(parse("", &p), 0);
	assert_int_equal(parse("\"files\":{\"read\":[\"@system\"]}", &q), 0);
	assert_true(p->confine.mounts.count > 0);
	assert_int_equal(q->confine.mounts.count, p->confine.mounts.count);
	for (size_t i = 0; i < p->confine.mounts.count; i++) {
		const struct mounts_op *a = &p->confine.mounts.op[i];
		const struct mounts_op *b = &q->confine.mounts.op[i];

		assert_string_equal(b->path, a->path);
		assert_int_equal(b->kind, a->kind);
	}
	assert_non_null(mounts_decider(&q->confine.mounts, "/usr/bin/env"));
	policy_unref(q);
	assert_int_equal(parse("\"files\":{\"read\":[\"/dev/null\"]}", &q), 0);
	assert_true(q->confine.mounts.count < p->confine.mounts.count);
	policy_unref(q);
	policy_unref(p);
}

/* In a child, as an ordinary user in that many groups from 70000 on: are these
 * keys refused with that word? */
static bool
refused_in_groups(const char *keys, const char *word, size_t groups)
{
	gid_t gid[64];

	struct policy *p;
	char text[256];
	struct err e;
	int status;
	pid_t pid = fork();

	for (size_t i = 0; i < groups; i++)
		gid[i] = (gid_t)(70000 + i);
	if (pid == 0) {
		if (geteuid() == 0 &&
		    (setgroups(groups, gid) == -1 || setgid(65534) == -1 ||
			setuid(65534) == -1))
			_exit(2);
		(void)snprintf(
		    text, sizeof(text), "{\"directory\":\"/tmp\"%s}", keys);
		_exit(policy_parse("p.json", "p", bytes_of(text), NULL, &p,
			  &report, &e) != 0 &&
		      strstr(buf_cstr(&report.text), word) != NULL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
	return WEXITSTATUS(status) == 1;
}

static bool
refused_to_user(const char *keys, const char *word)
{
	return refused_in_groups(keys, word, 0);
}

static void
test_identity_of_user(void **state)
{
	(void)state;
	assert_false(refused_to_user("", "only root"));
	assert_true(refused_to_user(",\"user\":1", "commands as"));
	assert_true(refused_to_user(",\"group\":1", "in group 1"));
	assert_true(refused_to_user(",\"groups\":[1]", "supplementary groups"));
	if (geteuid() != 0)
		return; /* groups of our own, whatever they are */
	/* None besides is what it has; otherwise a list is just what it has. */
	assert_false(refused_to_user(",\"groups\":[]", ""));
	assert_false(refused_to_user(",\"groups\":[65534]", ""));
	assert_true(refused_in_groups(",\"groups\":[]", "\"account\"", 2));
	assert_true(refused_in_groups(",\"groups\":[70000]", "\"account\"", 2));
	assert_false(refused_in_groups(",\"groups\":[70001,70000]", "", 2));
	assert_false(refused_in_groups("", "", 32));
	assert_true(refused_in_groups("", "more than 32 groups", 33));
}

static void
test_env_ok(void **state)
{
	static const char *const never[] = { "LD_PRELOAD", "LD_AUDIT",
		"LD_LIBRARY_PATH", "PATH", "IFS", "BASH_ENV", "ENV",
		"SHELLOPTS", "BASHOPTS", "PS4", "PYTHONPATH", "PYTHONSTARTUP",
		"PERL5OPT", "PERL5LIB", "RUBYOPT", "NODE_OPTIONS", "GIT_DIR",
		"GIT_SSH_COMMAND", "GLIBC_TUNABLES", "GCONV_PATH", "HOME",
		"BASH_FUNC_x", "JAVA_TOOL_OPTIONS", "", "A=B", "1A", "a b" };
	char long_name[200];
	struct policy p = { .env_allowed_count = 1 };

	(void)state;
	/* even if it were in the list, which loading refuses */
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "%s", never[i]);
		p.env_allowed[0] = name;
		if (policy_env_ok(&p, bytes_of(never[i])))
			fail_msg("%s may be set", never[i]);
	}
	memset(long_name, 'A', sizeof(long_name));
	assert_false(policy_env_ok(&p, bytes_make(long_name, 200)));
	p.env_allowed[0] = (char[]){ "CI" };
	assert_true(policy_env_ok(&p, BYTES_LIT("CI")));
	assert_false(policy_env_ok(&p, BYTES_LIT("C")));
	assert_false(policy_env_ok(&p, BYTES_LIT("CI\0")));
	assert_false(policy_env_ok(&p, BYTES_LIT("TERM")));
	p.env_allowed_count = 0; /* what is after the last is not there */
	assert_false(policy_env_ok(&p, BYTES_LIT("CI")));
}

static void
test_name_ok(void **state)
{
	char name[64];

	(void)state;
	memset(name, 'a', sizeof(name));
	assert_true(policy_name_ok(bytes_make(name, 63)));
	assert_false(policy_name_ok(bytes_make(name, 64)));
	assert_true(policy_name_ok(BYTES_LIT("a.b-c_9")));
	assert_false(policy_name_ok(BYTES_LIT("")));
	assert_false(policy_name_ok(BYTES_LIT(".a")));
	assert_false(policy_name_ok(BYTES_LIT("a/b")));
	assert_false(policy_name_ok(BYTES_LIT("a\0")));
}

static void
write_policy(const char *dir, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static void
remove_all(const char *dir, const char *const *names)
{
	char path[128];

	for (; *names != NULL; names++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, *names);
		(void)unlink(path);
	}
	(void)rmdir(dir);
}

static void
test_directory_of_policies(void **state)
{
	static const char *const names[] = { "b.json", "a.json", "x.json~",
		".a.json", "bad name.json", "c.json", NULL };
	char dir[] = "/tmp/test_policy.XXXXXX", good[128];
	struct policy_table t = { .count = 0 };
	struct policy *kept;
	struct err e;

	(void)state;
	(void)snprintf(good, sizeof(good),
	    "{\"user\":%u,\"group\":%u,\"directory\":\"/tmp\"}",
	    (unsigned)geteuid(), (unsigned)getegid());
	assert_non_null(mkdtemp(dir));
	write_policy(dir, "b.json", good);
	write_policy(dir, "a.json", good);
	write_policy(dir, "x.json~", "{");
	write_policy(dir, ".a.json", "{");
	assert_int_equal(policydir_load(dir, NULL, &t, &report, &e), 0);
	assert_int_equal(t.count, 2);
	assert_string_equal(t.p[0]->name, "a");
	assert_string_equal(t.p[1]->name, "b");
	assert_null(policy_find(&t, BYTES_LIT("c")));
	kept = policy_ref(policy_find(&t, BYTES_LIT("b")));
	policy_table_fini(&t);
	/* a run keeps the policy that it began with */
	assert_string_equal(kept->directory, "/tmp");
	policy_unref(kept);
	write_policy(dir, "bad name.json", good);
	write_policy(dir, "c.json", "{}");
	assert_int_equal(policydir_load(dir, NULL, &t, &report, &e), ERR_BAD);
	assert_int_equal(t.count, 0);
	assert_true(report.count >= 2);
	remove_all(dir, names);
	assert_int_equal(policydir_load(dir, NULL, &t, &report, &e), ERR_BAD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_defaults),
		TEST(test_values),
		TEST(test_protected_names),
		TEST(test_findings),
		TEST(test_directory),
		TEST(test_identity),
		TEST(test_identity_of_user),
		TEST(test_shell_is_listed),
		TEST(test_digest_of_tools),
		TEST(test_system_is_read),
		TEST(test_env_ok),
		TEST(test_name_ok),
		TEST(test_directory_of_policies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
