/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/run/adopt: what a launcher says that is not as it
 * should be makes no run, is not held any more, and keeps no descriptor.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executor/run/adopt.h"
#include "executor/run/launch.h"
#include "tests/unit/fixture_fds.h"
#include "tests/unit/fixture_skip.h"

enum {
	MORE_FDS = HOLD_FDS + 2,
	HEARD = 10 /* a launcher's exit status, and how many it is to release */
};

#define NEEDED (1U << HOLD_STATE | 1U << HOLD_CTL)

static char dir[] = "/tmp/test_adopt.XXXXXX";
static char program[PATH_MAX];
static int state_fd = -1; /* of a run that can be taken over */

int
launch_keep(
    uint64_t run, uint32_t has, const int *fds, size_t count, struct err *e)
{
	(void)run;
	(void)has;
	(void)e;
	assert_true(count > 0);
	state_fd = dup(fds[0]); /* HOLD_STATE comes first */
	return 0;
}

void
launch_hold_eof(uint64_t run)
{
	(void)run;
}

void
launch_release(uint64_t run)
{
	(void)run;
}

/* --- a launcher ----------------------------------------------------------- */

struct saying {
	const char *what;
	uint32_t kind, format, has;
	size_t size; /* 0: that of the message */
	size_t fds; /* the first is the state, others are not of any use */
	bool no_state; /* nor is the first */
	bool then_gone; /* without ALL */
	size_t launchers, runs; /* that come of it */
	size_t released; /* runs that it is not to hold any more */
};

static void
say(int link, const struct saying *s)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(MORE_FDS * sizeof(int))];
	} control = { .head = {
			  .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	struct holdmsg m = {
		.kind = s->kind, .format = s->format, .run = 7, .has = s->has
	};
	struct iovec iov = { &m, s->size != 0 ? s->size : sizeof(m) };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fd[MORE_FDS];

	for (size_t i = 0; i < s->fds; i++)
		fd[i] = i == 0 && !s->no_state ? state_fd : STDIN_FILENO;
	if (s->fds > 0) {
		control.head.cmsg_len = CMSG_LEN(s->fds * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fd, s->fds * sizeof(int));
		h.msg_control = &control;
		h.msg_controllen = CMSG_SPACE(s->fds * sizeof(int));
	}
	/* not the frontend's sendmsg(), which is among the tests' libraries */
	if (syscall(SYS_sendmsg, link, &h, MSG_NOSIGNAL) == -1)
		_exit(1);
}

/* It says that, and ALL, and listens until the other is gone. */
static _Noreturn void
be_launcher(int listener, int ready, const struct saying *s)
{
	static const struct saying all = { .kind = HOLDMSG_ALL,
		.format = HOLDMSG_FORMAT };
	struct holdmsg m;
	int link, released = 0;

	if (listen(listener, 1) != 0 || write(ready, "", 1) != 1)
		_exit(1);
	link = accept(listener, NULL, NULL);
	if (link == -1)
		_exit(1);
	if (s->kind != 0)
		say(link, s);
	if (!s->then_gone) {
		say(link, &all);
		while (recv(link, &m, sizeof(m), 0) > 0)
			released += m.kind == HOLDMSG_RELEASE && m.run == 7;
	}
	_exit(HEARD + released);
}

static pid_t
begin_launcher(const struct saying *s)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int ready[2];
	char c;
	pid_t pid;

	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s/1.a", dir);
	(void)unlink(un.sun_path);
	assert_int_equal(
	    bind(listener, (const struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0)
		be_launcher(listener, ready[1], s);
	(void)close(listener);
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	(void)close(ready[0]);
	return pid;
}

/* --- what comes of it ----------------------------------------------------- */

static size_t
count_fds(void)
{
	DIR *all = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(all) != NULL)
		n++;
	(void)closedir(all);
	return n;
}

static const struct saying sayings[] = {
	{ .what = "a run",
	    .kind = HOLDMSG_RUN,
	    .format = HOLDMSG_FORMAT,
	    .has = NEEDED,
	    .fds = 2,
	    .launchers = 1,
	    .runs = 1 },
	{ .what = "nothing but ALL", .launchers = 1 },
	{ .what = "a run of which no more is said",
	    .kind = HOLDMSG_RUN,
	    .format = HOLDMSG_FORMAT,
	    .has = NEEDED,
	    .fds = 2,
	    .then_gone = true },
	{ .what = "a message that is cut",
	    .kind = HOLDMSG_RUN,
	    .format = HOLDMSG_FORMAT,
	    .has = NEEDED,
	    .fds = 2,
	    .size = sizeof(struct holdmsg) - 1 },
	{ .what = "a format to come",
	    .kind = HOLDMSG_RUN,
	    .format = HOLDMSG_FORMAT + 1,
	    .has = NEEDED,
	    .fds = 2 },
	{ .what = "too few descriptors",
	    .kind = HOLDMSG_RUN,
	    .format = HOLDMSG_FORMAT,
	    .has = NEEDED,
	    .fds = 1,
	    .launchers = 1,
	    .released = 1 },
	{ .what = "one too many",
	    .kind = HOLDMSG_RUN,
	    .format = HOLDMSG_FORMAT,
	    .has = NEEDED,
	    .fds = 3,
	    .launchers = 1,
	    .released = 1 },
	{ .what = "more than there can be",
	    .kind = HOLDMSG_RUN,
	    .format = HOLDMSG_FORMAT,
	    .has = UINT32_MAX,
	    .fds = MORE_FDS },
	{ .what = "no way to its guard",
	    .kind = HOLDMSG_RUN,
	    .format = HOLDMSG_FORMAT,
	    .has = 1U << HOLD_STATE,
	    .fds = 1,
	    .launchers = 1,
	    .released = 1 },
	{ .what = "a state that is not one",
	    .kind = HOLDMSG_RUN,
	    .format = HOLDMSG_FORMAT,
	    .has = NEEDED,
	    .fds = 2,
	    .no_state = true,
	    .launchers = 1,
	    .released = 1 },
};

static void
expect(const struct saying *s, const char *path, size_t launchers, size_t runs)
{
	size_t before = count_fds();
	pid_t pid = begin_launcher(s);
	struct adopt a;
	int status;

	adopt_find(&a, dir, path);
	if (a.launchers != launchers || a.count != runs)
		fail_msg("%s: %zu launchers, %zu runs", s->what, a.launchers,
		    a.count);
	if (runs > 0)
		assert_string_equal(held_fixed(a.run[0].held)->id, "r");
	adopt_fini(&a);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (launchers > 0 &&
	    (!WIFEXITED(status) ||
		WEXITSTATUS(status) != HEARD + (int)s->released))
		fail_msg("%s: %d, and what is released", s->what,
		    WEXITSTATUS(status));
	if (count_fds() != before)
		fail_msg("%s: descriptors are left", s->what);
}

static void
test_sayings(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sayings) / sizeof(sayings[0]); i++)
		expect(&sayings[i], program, sayings[i].launchers,
		    sayings[i].runs);
}

/* Whose socket it is does not matter, but what that one executes. */
static void
test_another_program(void **state)
{
	(void)state;
	if (geteuid() != 0) /* who may not look into its own processes */
		SKIP("only root may look into another's process");
	expect(&sayings[0], "/bin/true", 0, 0);
	expect(&sayings[0], program, 1, 1);
}

static int
begin(void **state)
{
	const int stream[HELD_STREAMS] = { STDIN_FILENO, -1 };
	const struct held_fixed f = { .id = "r" };
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	struct err e = { 0 };
	struct held *h = held_new(&f, bytes_make("", 0), stream, &e);

	(void)state;
	if (h == NULL || n == -1 || mkdtemp(dir) == NULL)
		return 1;
	program[n] = '\0';
	if (held_give(h, 7, STDIN_FILENO, -1, stream, &e) != 0)
		return 1;
	held_free(h);
	return 0;
}

static int
end(void **state)
{
	char path[64];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/1.a", dir);
	(void)unlink(path);
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FDS_KEPT(test_sayings),
		FDS_KEPT(test_another_program),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
