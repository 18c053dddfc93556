/* SPDX-License-Identifier: MIT */
/*
 * test_nth_ctl: verbs of mcp-execctl, of whose allocations one after the other
 * finds no memory.
 *
 * Whatever it is for: the verb says that it failed, or the very same as with all
 * memory.  Its system calls are those of tests/kernel/nth.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "common/bearer.h"
#include "executor/audit/audit.h"
#include "executor/ctl/audit/audit.h"
#include "tests/unit/fixture_ctl.h"
#include "tests/unit/fixture_nth.h"

#define RUN "000000000000000000000000000000ab"

enum { MOST = 5000 /* allocations of a verb */ };

static char other[128]; /* a log that nobody adds to */
static bool same = true; /* it says the same each time */
static bool *came; /* the one that is to fail; of the child */

/* --- a log with a run in it ----------------------------------------------------- */

static void
add_exec(struct audit *a, unsigned pid, unsigned parent, const char *path)
{
	struct buf *b = audit_begin(a, "process-exec");

	audit_put_str(b, "run.id", RUN);
	audit_put_own(b, "event.outcome", "success");
	audit_put_i64(b, "process.namespace_pid", pid);
	audit_put_i64(b, "process.parent.namespace_pid", parent);
	audit_put_str(b, "process.executable", path);
	audit_put_words(
	    b, "process.args", bytes_make(path, strlen(path) + 1), false);
	audit_end(a, false);
}

static void
write_log(const char *name, char *path)
{
	struct err e = { 0 };
	struct audit *a;
	struct buf *b;

	(void)snprintf(path, 128, "%s/%s", fix.dir, name);
	a = audit_open(path, &e);
	assert_non_null(a);
	b = audit_begin(a, "run-intent");
	audit_put_str(b, "run.id", RUN);
	audit_put_str(b, "token.name", "t");
	audit_put_str(b, "policy.name", "p");
	audit_put_str(b, "mcp.tool", "exec_cmd");
	audit_put_str(b, "process.command_line", "make all");
	audit_end(a, false);
	add_exec(a, 2, 1, "/bin/sh");
	add_exec(a, 3, 2, "/usr/bin/make");
	b = audit_begin(a, "run-result");
	audit_put_str(b, "run.id", RUN);
	audit_put_str(b, "run.state", "exited");
	audit_put_i64(b, "process.exit_code", 3);
	audit_put_i64(b, "event.duration", 1000000);
	audit_end(a, true);
	assert_int_equal(audit_flush(a, &e), 0);
	audit_close(a);
}

static void
write_token(void)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
	    "{\"verifier\":\"%064d\",\"policy\":\"p\",\"created\":"
	    "\"2026-01-01T00:00:00Z\",\"comment\":\"c\"}",
	    7);
	write_file("tokens.d/t.json", 0600, text);
}

/* --- a verb, without one allocation -------------------------------------------- */

typedef int verb(struct ctl *, int, char **);

static int
in_child(verb *v, char **argv, int argc)
{
	static const int caught[] = { SIGSEGV, SIGBUS, SIGFPE,
		SIGILL }; /* by cmocka */
	static struct ctl c;
	int status;

	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		(void)signal(caught[i], SIG_DFL);
	swap_fd(STDOUT_FILENO, "out", O_WRONLY | O_CREAT | O_TRUNC);
	swap_fd(STDERR_FILENO, "err", O_WRONLY | O_CREAT | O_TRUNC);
	c.config = fix.config;
	c.unrecorded = true;
	conf_report_init(&c.report);
	optind = 0;
	nth.armed = true;
	status = v(&c, argc, argv);
	ctl_fini(&c);
	nth.armed = false;
	*came = nth.name != NULL;
	return fflush(stdout) == 0 ? status : 99;
}

/* Its exit status; that of one which ends by fatal() is 127. */
static int
without(verb *v, const char *const *words, unsigned n)
{
	char *argv[32] = { (char *)(uintptr_t) "verb" };
	int argc = 1, status;
	pid_t pid;

	for (; *words != NULL; words++)
		argv[argc++] = (char *)(uintptr_t)*words;
	nth.kind = MEMORY;
	nth.error = ENOMEM;
	nth.left = n;
	nth.name = NULL;
	*came = true; /* unless it says something else */
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(in_child(v, argv, argc));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	read_back("out", fix.out, sizeof(fix.out));
	read_back("err", fix.err, sizeof(fix.err));
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
		return 127;
	if (!WIFEXITED(status))
		fail_msg("allocation %u: signal %d: %s", n, WTERMSIG(status),
		    fix.err);
	return WEXITSTATUS(status);
}

static void
each(verb *v, const char *const *words)
{
	static char want[sizeof(fix.out)];
	int status, right = without(v, words, 0);
	unsigned n;

	assert_false(*came);
	(void)strcpy(want, fix.out);
	for (n = 1; n < MOST; n++) {
		status = without(v, words, n);
		if (!*came)
			break;
		if (status != right && fix.err[0] == '\0' && fix.out[0] == '\0')
			fail_msg("allocation %u: status %d without words", n,
			    status);
		if (same && status == right && strcmp(fix.out, want) != 0 &&
		    (status == 0 || fix.err[0] == '\0')) {
			nth.name = "an allocation"; /* of a child */
			differ(n, fix.out, want);
			fail_msg("nothing is said: %s", fix.err);
		}
	}
	assert_in_range(n, 2, MOST - 1);
}

/* It describes the machine, which others use. */
static void
test_doctor(void **state)
{
	(void)state;
	same = false;
	each(doctor_run, (const char *const[]){ NULL });
	same = true;
}

/* A token that was made is told, and one that was not leaves no file. */
static void
test_add(void **state)
{
	static const char *const words[] = { "--policy", "p", "--expires",
		"30d", "--from", "10.0.0.0/8", "--comment", "c", "new", NULL };
	char path[128];
	unsigned n, made = 0;
	int status;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/tokens.d/new.json", fix.dir);
	for (n = 1; n < MOST; n++) {
		bool is_there;

		status = without(token_add_run, words, n);
		is_there = access(path, F_OK) == 0;
		if (is_there)
			assert_int_equal(unlink(path), 0);
		if (is_there != (status == CTL_OK))
			fail_msg("allocation %u: status %d, file %d: %s", n,
			    status, is_there, fix.err);
		if (is_there && strstr(fix.out, BEARER_PREFIX) == NULL)
			fail_msg(
			    "allocation %u: it is not told: %s", n, fix.out);
		made += is_there;
		if (!*came)
			break;
	}
	assert_in_range(n, 2, MOST - 1);
	assert_true(made > 0);
}

/* Its page is what it says, without when that was. */
static int
report_run(struct ctl *c, int argc, char **argv)
{
	static char page[1 << 16];
	int status = audit_report_run(c, argc, argv);
	char *made;

	nth.armed = false;
	if (status != CTL_OK)
		return status;
	read_back("first", page, sizeof(page));
	made = strstr(page, ". Made ");
	assert_non_null(made);
	*made = '\0';
	(void)printf("%s%s", page, strstr(made + 1, "UTC.</p>"));
	return status;
}

static void
test_report(void **state)
{
	char path[128];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/first", fix.dir);
	each(report_run,
	    (const char *const[]){ "--html", path, "--log", other, NULL });
}

#define VERB(name, v, ...)                                                     \
	static void test_##name(void **state)                                  \
	{                                                                      \
		(void)state;                                                   \
		each(v, (const char *const[]){ __VA_ARGS__ });                 \
	}

VERB(show, audit_show_run, RUN, NULL)
VERB(show_json, audit_show_run, "--json", RUN, NULL)
VERB(search, audit_search_run, "make", NULL)
VERB(search_json, audit_search_run, "--json", "--tool", "exec_cmd", NULL)
VERB(stats, audit_stats_run, "--log", other, NULL)
VERB(stats_json, audit_stats_run, "--json", "--log", other, NULL)
VERB(verify, audit_verify_run, "--no-state", other, NULL)
VERB(explain, policy_explain_run, "p", NULL)
VERB(explain_command, policy_explain_run, "p", "--shell", "--",
    "echo a | cat > b", NULL)
VERB(check, check_run, NULL)
VERB(replay, audit_replay_run, "--list", NULL)
VERB(
    follow, audit_search_run, "--failed", "--since", "3d", "--log", other, NULL)
VERB(tools, tools_list_run, "--from", "packaging/tools.d", NULL)
VERB(client, client_config_run, "--client", "codex", "t", NULL)
VERB(setup, setup_run, "--dry-run", "--force", "--do", "everything", "--user",
    "root", "--listen", "loopback", "--seal", "no", "--token", "t", "--expires",
    "never", "--client", "codex", "--from", "packaging/examples", NULL)
VERB(setup_build, setup_run, "--dry-run", "--force", "--do", "build",
    "--directory", fix.dir, "--user", "root", "--listen", "proxy",
    "--public-url", "https://a.example/mcp", "--seal", "yes", "--token", "t",
    "--expires", "30d", "--client", "codex", "--from", "packaging/examples",
    NULL)
VERB(list, token_list_run, NULL)

static int
begin(void **state)
{
	const struct rlimit none = { 0, 0 };
	char path[128];

	(void)alarm(500); /* with sanitizers, next to others */
	(void)setrlimit(RLIMIT_CORE, &none);
	came = mmap(NULL, sizeof(*came), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (came == MAP_FAILED || setup(state) != 0)
		return -1;
	write_policy(",\"syscalls\":{\"profile\":\"none\"}");
	write_log("log", path);
	write_log("second", other);
	write_token();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_show),
		cmocka_unit_test(test_show_json),
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_search_json),
		cmocka_unit_test(test_stats),
		cmocka_unit_test(test_stats_json),
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_explain_command),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_doctor),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_follow),
		cmocka_unit_test(test_tools),
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_setup),
		cmocka_unit_test(test_setup_build),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_add),
	};

	return cmocka_run_group_tests(tests, begin, teardown);
}
