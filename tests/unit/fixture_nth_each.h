/* SPDX-License-Identifier: MIT */
/*
 * fixture_nth_each: a scenario again and again, of whose calls one after the
 * other fails; whatever failed, there is an error with words, or the very same
 * result as without, and nothing is left open.
 */
#ifndef TESTS_UNIT_FIXTURE_NTH_EACH_H
#define TESTS_UNIT_FIXTURE_NTH_EACH_H

#include <sys/mman.h>
#include <sys/wait.h>

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "tests/unit/fixture_fds.h"
#include "tests/unit/fixture_nth.h"

/* What is done; what came of it goes into says. */
typedef int scenario(struct buf *says, struct err *e);

enum { MOST = 20000 /* calls of one scenario */ };
enum { FINE = 40, OVER /* it ended before that call came */ };

/* As the whole of a child; what is wrong is said. */
static int
once(scenario *run, struct bytes want, size_t open)
{
	CLEANUP_BUF struct buf says;
	struct err e = { 0 };
	unsigned n = nth.left;
	int rc;

	buf_init(&says, 1 << 20);
	buf_expect(&says, 1 << 16); /* not when it is filled */
	nth.armed = true;
	rc = run(&says, &e);
	nth.armed = false;
	if (nth.name == NULL)
		return OVER;
	if (rc != 0 && e.what[0] == '\0')
		print_error(
		    "%s, call %u: an error without words\n", nth.name, n);
	else if (rc == 0 && !bytes_eq(want, buf_bytes(&says)))
		differ(n, buf_cstr(&says), (const char *)want.p);
	else if (open_fds() != open)
		print_error(
		    "%s, call %u: descriptors are left open\n", nth.name, n);
	else
		return FINE;
	return 1;
}

/* With the next call each time, until one is over or wrong. */
static int
go_on(scenario *run, struct bytes want, size_t open, unsigned *n)
{
	int verdict = FINE;

	while (verdict == FINE && ++*n < MOST) {
		nth.left = *n;
		nth.name = NULL;
		verdict = once(run, want, open);
	}
	return verdict;
}

/*
 * In a child, and after each fatal() in another one: JSON and the log end so
 * where they have no memory.
 */
static int
apart(scenario *run, struct bytes want, size_t open, unsigned *n)
{
	int status;
	pid_t pid;

	do {
		pid = fork();
		if (pid == 0)
			_exit(go_on(run, want, open, n));
		assert_int_equal(waitpid(pid, &status, 0), pid);
	} while (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void
each(scenario *run, enum kind kind, int error)
{
	unsigned *n = mmap(NULL, sizeof(*n), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CLEANUP_BUF struct buf want;
	struct err e = { 0 };
	size_t open;

	assert_ptr_not_equal(n, MAP_FAILED);
	*n = 0;
	buf_init(&want, 1 << 20);
	if (run(&want, &e) != 0)
		fail_msg("without a failure: %s", e.what);
	open = open_fds();
	(void)buf_cstr(&want);
	nth.kind = kind;
	nth.error = error;
	assert_int_equal(
	    (kind == MEMORY ? apart : go_on)(run, buf_bytes(&want), open, n),
	    OVER);
	assert_true(*n > 1); /* something has failed */
	(void)munmap(n, sizeof(*n));
}

#define EACH_MEMORY(run)                                                       \
	static void test_##run##_memory(void **state)                          \
	{                                                                      \
		(void)state;                                                   \
		each(run, MEMORY, ENOMEM);                                     \
	}
#define EACH(run)                                                              \
	EACH_MEMORY(run)                                                       \
	static void test_##run##_calls(void **state)                           \
	{                                                                      \
		(void)state;                                                   \
		each(run, CALL, EIO);                                          \
	}                                                                      \
	static void test_##run##_signals(void **state)                         \
	{                                                                      \
		(void)state;                                                   \
		each(run, CALL, EINTR);                                        \
	}

#define ROWS(run)                                                              \
	cmocka_unit_test(test_##run##_memory),                                 \
	    cmocka_unit_test(test_##run##_calls),                              \
	    cmocka_unit_test(test_##run##_signals)

#endif
