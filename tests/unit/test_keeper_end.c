/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of what the executor waits for when it ends a process, with a
 * keeper that starts programs and then ends none of them: this program.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "executor/conf/accountdb.h"
#include "executor/launcher/launchmsg.h"
#include "executor/power/keeper.h"
#include "executor/service/loader.h"
#include "tests/unit/fixture_executor.h"

static bool in_vain; /* what is waited for does not end */
static int waited_ms; /* for that */

/* As poll(2); what would be a wait in vain is none. */
static __attribute__((noinline)) int
wait_for(struct pollfd *p, nfds_t n, int ms)
{
	struct timespec t = { .tv_sec = ms / 1000 };
	char link[64], to[64] = "";
	ssize_t len;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", p->fd);
	len = readlink(link, to, sizeof(to) - 1);
	if (in_vain && ms > 0 && len != -1 && strstr(to, "pidfd") != NULL) {
		waited_ms = ms;
		t.tv_sec = 0;
	}
	return (int)syscall(SYS_ppoll, p, n, ms < 0 ? NULL : &t, NULL, 0);
}

/* The modules'. */
int
poll(struct pollfd *p, nfds_t n, int ms)
{
	return wait_for(p, n, ms);
}

/* --- the keeper ----------------------------------------------------------- */

static void
say(int fd, const void *message, size_t size)
{
	if (send(fd, message, size, MSG_NOSIGNAL) != (ssize_t)size)
		_exit(1);
}

/* As the launcher does, and never ends. */
static _Noreturn void
be_program(int fd)
{
	struct launchmsg_answer hello;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	launchmsg_hello(&hello);
	if (fd != -1) /* who asked may be gone by now */
		(void)send(fd, &hello, sizeof(hello), MSG_NOSIGNAL);
	(void)close(KEEPMSG_FD);
	for (;;)
		(void)pause();
}

static void
start(int fd)
{
	struct keepmsg_answer a = { .kind = KEEPMSG_STARTED };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)),
			  .cmsg_level = SOL_SOCKET,
			  .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { &a, sizeof(a) };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	int pidfd;

	a.pid = (pid_t)syscall(
	    SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
	if (a.pid == 0)
		be_program(fd);
	pidfd = (int)syscall(SYS_pidfd_open, a.pid, 0);
	memcpy(CMSG_DATA(&control.head), &pidfd, sizeof(pidfd));
	/* by its number: the frontend's own sendmsg() is linked too */
	if (pidfd == -1 ||
	    syscall(SYS_sendmsg, KEEPMSG_FD, &m, MSG_NOSIGNAL) == -1)
		_exit(1);
	(void)close(pidfd);
}

static int
be_keeper(void)
{
	const struct keepmsg_answer ready = { .kind = KEEPMSG_READY };
	static struct keepmsg_order o;
	struct iovec iov = { &o, sizeof(o) };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fd;

	say(KEEPMSG_FD, &ready, sizeof(ready));
	for (;;) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		if (recvmsg(KEEPMSG_FD, &m, 0) <= 0)
			return 0;
		fd = -1;
		if (CMSG_FIRSTHDR(&m) != NULL)
			memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
		if (o.kind == KEEPMSG_START)
			start(fd);
		if (fd != -1)
			(void)close(fd);
	}
}

/* --- the executor --------------------------------------------------------- */

static int
open_keeper(const char *path, struct err *e)
{
	static struct keepmsg_plan p;
	const char *words[] = { "sleep", "1000" };
	int i, rc, facts = open("/dev/null", O_RDONLY | O_CLOEXEC);

	memset(&p, 0, sizeof(p));
	(void)strcpy(p.config, "1000");
	for (i = 0; i < KEEPMSG_PROGRAMS; i++)
		keeper_add(&p, (enum keepmsg_program)i, "/bin/sleep", words, 2);
	rc = keeper_open(path, &p, facts, e);
	(void)close(facts);
	return rc;
}

static void
begin(const char *path, bool vain)
{
	struct err e = { 0 };

	if (open_keeper(path, &e) != 0)
		fail_msg("%s", e.what);
	in_vain = vain;
	waited_ms = 0;
}

/* It is there, and nobody waited for it for longer than is said. */
static void
is_left(pid_t pid)
{
	assert_in_range(waited_ms, 1000, 30000);
	waited_ms = 0;
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
ended(void)
{
}

static void
test_refused(void **state)
{
	struct loop *loop;
	struct loader_deps d = { .ended = ended, .again = ended };
	struct err e = { 0 };
	int status = 1, pidfd;
	pid_t pid;

	(void)state;
	begin("/proc/self/exe", true);
	loop = loop_new(&e);
	assert_non_null(loop);
	pid = keeper_run(KEEPMSG_CHECK, NULL, 0, &pidfd, &e);
	if (pid <= 0)
		fail_msg("%s", e.what);
	assert_false(keeper_end(pid, pidfd, "a program", &status));
	assert_int_equal(status, 0);
	is_left(pid);
	(void)close(pidfd);

	accountdb_give_up();
	assert_int_not_equal(accountdb_share(), -1);
	pid = accountdb_pid();
	accountdb_end();
	assert_int_equal(accountdb_pid(), 0);
	is_left(pid);

	assert_int_equal(launch_open("a launcher", &e), 0);
	pid = launch_pid();
	(void)launch_close();
	assert_false(launch_is_open());
	is_left(pid);

	d.loop = loop;
	loader_begin();
	loader_init(&d);
	pid = loader_pid();
	assert_true(pid > 0);
	loader_stop();
	assert_int_equal(loader_pid(), 0);
	is_left(pid);
	loop_free(loop);
	in_vain = false;
	assert_int_equal(keeper_close(), 0);
}

/* What is killed is waited for, and its status is what there is of it. */
static void
test_ended(void **state)
{
	struct err e = { 0 };
	int status = 0, pidfd;
	pid_t pid;

	(void)state;
	begin(launch_beside(), false);
	pid = keeper_run(KEEPMSG_SCREEN, NULL, 0, &pidfd, &e);
	assert_true(pid > 0);
	assert_true(keeper_end(pid, pidfd, "a program", &status));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	(void)close(pidfd);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
	/* without a descriptor it is found by its number */
	pid = keeper_run(KEEPMSG_SCREEN, NULL, 0, &pidfd, &e);
	assert_true(pid > 0);
	(void)close(pidfd);
	assert_true(keeper_end(pid, -1, "a program", &status));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(keeper_close(), 0);
}

/* Somebody else holds the executor's end, so that the keeper goes on. */
static void
test_keeper(void **state)
{
	pid_t pid;
	int end;

	(void)state;
	begin(launch_beside(), true);
	pid = keeper_pid();
	end = dup(keeper_fd());
	assert_int_not_equal(end, -1);
	assert_int_equal(keeper_close(), 0);
	is_left(pid);
	(void)close(end);
}

/* Without one nothing is started, and nobody is known. */
static void
test_none(void **state)
{
	const char *const paths[] = { "/nowhere", "/bin/true", "/" };
	int fds[KEEPMSG_FDS] = { 0 }, pidfd = 7, status;
	struct err e = { 0 };
	char name[16] = "as it was";
	uint32_t login = 5;
	bool ours = false;

	(void)state;
	in_vain = false;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_not_equal(open_keeper(paths[i], &e), 0);
		assert_non_null(strstr(e.what, paths[i]));
		assert_false(keeper_is_open());
		assert_int_equal(keeper_fd(), -1);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	}
	assert_true(keeper_run(KEEPMSG_SCREEN, NULL, 0, &pidfd, &e) < 0);
	assert_false(keeper_ask_peer(getpid(), &ours, name, &login));
	assert_false(ours);
	assert_string_equal(name, "as it was");
	assert_int_equal(login, 5);
	assert_int_equal(keeper_close(), 0); /* of none */

	begin(launch_beside(), false); /* what is not of its plan */
	assert_true(
	    keeper_run(KEEPMSG_SCREEN, fds, KEEPMSG_FDS, &pidfd, &e) < 0);
	assert_int_equal(pidfd, -1);
	assert_non_null(strstr(e.what, "cannot start a program"));
	assert_true(keeper_ask_peer(getpid(), &ours, name, &login));
	assert_true(ours);
	/* and once it is dead, which the executor sees later */
	assert_int_equal(kill(keeper_pid(), SIGKILL), 0);
	ours = false;
	for (int i = 0; i < 2; i++)
		assert_false(keeper_ask_peer(getpid(), &ours, name, &login));
	assert_false(ours);
	assert_true(keeper_run(KEEPMSG_SCREEN, NULL, 0, &pidfd, &e) < 0);
	status = keeper_close();
	assert_true(WIFSIGNALED(status));
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_keeper),
		cmocka_unit_test(test_none),
	};

	if (argc == 2 && strcmp(argv[1], "--keeper") == 0)
		return be_keeper();
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
