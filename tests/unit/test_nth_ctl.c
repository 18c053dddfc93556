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

#include "executor/audit/audit.h"
#include "executor/ctl/audit/audit.h"
#include "tests/unit/fixture_ctl.h"
#include "tests/unit/fixture_nth.h"

#define RUN "000000000000000000000000000000ab"

enum { MOST = 5000 /* allocations of a verb */ };

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
write_log(void)
{
	char path[128];
	struct err e = { 0 };
	struct audit *a;
	struct buf *b;

	(void)snprintf(path, sizeof(path), "%s/log", fix.dir);
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
		if (status == right && strcmp(fix.out, want) != 0) {
			nth.name = "an allocation"; /* of a child */
			differ(n, fix.out, want);
			fail_msg("nothing is said: %s", fix.err);
		}
	}
	assert_in_range(n, 2, MOST - 1);
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
VERB(list, token_list_run, NULL)

static int
begin(void **state)
{
	const struct rlimit none = { 0, 0 };

	(void)alarm(500); /* with sanitizers, next to others */
	(void)setrlimit(RLIMIT_CORE, &none);
	came = mmap(NULL, sizeof(*came), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (came == MAP_FAILED || setup(state) != 0)
		return -1;
	write_policy(",\"syscalls\":{\"profile\":\"none\"}");
	write_log();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_show),
		cmocka_unit_test(test_show_json),
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, begin, teardown);
}
