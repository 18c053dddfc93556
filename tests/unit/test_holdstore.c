/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/launcher/holdstore and holdpeer: what is held, who may
 * take it over, what that one is told, and when all of it ends.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "common/fdpass.h"
#include "executor/launcher/holdmsg.h"
#include "executor/launcher/holdpeer.h"
#include "executor/launcher/holdstore.h"
#include "tests/unit/fixture_executor.h"
#include "tests/unit/fixture_fds.h"
#include "tests/unit/fixture_skip.h"

enum {
	NEEDS = 1 << HOLD_STATE | 1 << HOLD_CTL,
	GRACE_MS = 600000,
	OF_RUN = 3 /* descriptors that a run has here */
};

/* The other ends of what is held, which tell whether it is open yet. */
struct ends {
	int fd[OF_RUN];
};

static void
begin(uint32_t grace_ms)
{
	holdstore_init(fixture_top, grace_ms);
	assert_int_equal(holdstore_count(), 0);
}

/* Whether somebody still has what `end` is the other end of. */
static bool
is_held(int end)
{
	char c;

	return recv(end, &c, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN;
}

static void
make_ends(struct ends *e, int fd[OF_RUN])
{
	int pair[2];

	for (int i = 0; i < OF_RUN; i++) {
		assert_int_equal(
		    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair),
		    0);
		e->fd[i] = pair[0];
		fd[i] = pair[1];
	}
}

static void
close_ends(struct ends *e, bool held)
{
	for (int i = 0; i < OF_RUN; i++) {
		assert_int_equal(is_held(e->fd[i]), held);
		(void)close(e->fd[i]);
	}
}

/* A run with state, ctl and input; NULL if it is held. */
static const char *
hold(struct ends *e, uint64_t run, pid_t guard)
{
	int fd[OF_RUN];

	make_ends(e, fd);
	return holdstore_hold(run, guard, NEEDS | 1U << HOLD_IN, fd, OF_RUN);
}

/* Sockets in the directory; the path of the last one. */
static size_t
sockets(char path[200])
{
	DIR *d = opendir(fixture_top);
	const struct dirent *e;
	size_t n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.') {
			n++;
			(void)snprintf(
			    path, 200, "%s/%.60s", fixture_top, e->d_name);
		}
	(void)closedir(d);
	return n;
}

static int
connect_to(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	if (connect(fd, (const struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static int
join(void)
{
	char path[200];
	int fd;

	assert_int_equal(sockets(path), 1);
	fd = connect_to(path);
	assert_int_not_equal(fd, -1);
	return fd;
}

static void
serve(bool executor)
{
	struct pollfd p[HOLDSTORE_POLL];

	holdstore_poll(p);
	(void)poll(p, HOLDSTORE_POLL, 0);
	holdstore_serve(p, executor);
}

/* The next message and its descriptors; their number, -1 at the end. */
static int
hear(int peer, struct holdmsg *m, int fd[HOLD_FDS])
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(HOLD_FDS * sizeof(int))];
	} control;
	struct iovec iov = { m, sizeof(*m) };
	struct msghdr h = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(peer, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	size_t count;

	if (n <= 0)
		return n == 0 ? -1 : -2;
	assert_int_equal(n, sizeof(*m));
	assert_int_equal(m->format, HOLDMSG_FORMAT);
	if (CMSG_FIRSTHDR(&h) == NULL)
		return 0;
	count = (CMSG_FIRSTHDR(&h)->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fd, CMSG_DATA(CMSG_FIRSTHDR(&h)), count * sizeof(int));
	return (int)count;
}

static void
order(int peer, enum holdmsg_kind kind, uint64_t run)
{
	const struct holdmsg m = { .kind = kind, .run = run };

	assert_int_equal(send(peer, &m, sizeof(m), 0), sizeof(m));
	serve(false);
}

/* All runs, whose descriptors are closed again; their number. */
static size_t
hear_all(int peer)
{
	struct holdmsg m;
	int fd[HOLD_FDS], n;
	size_t runs = 0;

	for (;;) {
		n = hear(peer, &m, fd);
		assert_true(n >= 0);
		while (n > 0)
			(void)close(fd[--n]);
		if (m.kind == HOLDMSG_ALL)
			return runs;
		assert_int_equal(m.kind, HOLDMSG_RUN);
		runs++;
	}
}

/* By one that is let in, and has heard of so many runs. */
static int
take_over(size_t runs)
{
	int peer = join();

	serve(false);
	assert_int_equal(hear_all(peer), runs);
	return peer;
}

/* --- what is held --------------------------------------------------------- */

static void
test_refused(void **state)
{
	const uint32_t in = 1U << HOLD_IN;
	const struct {
		uint64_t run;
		pid_t guard;
		uint32_t has;
		size_t count;
	} rows[] = {
		{ 2, 1, 1U << HOLD_STATE | in | 1U << HOLD_OUT, OF_RUN },
		{ 2, 1, 1U << HOLD_CTL | in | 1U << HOLD_OUT, OF_RUN },
		{ 2, 1, NEEDS | 1U << HOLD_GUARD, OF_RUN },
		{ 2, 1, NEEDS | 1U << 31, OF_RUN },
		{ 2, 1, NEEDS | in, OF_RUN - 1 }, { 2, 1, NEEDS, OF_RUN },
		{ 2, 0, NEEDS | in, OF_RUN }, /* nobody knows its guard */
		{ 1, 1, NEEDS | in, OF_RUN }, /* held already */
	};
	struct ends e, first;
	char path[200];
	int fd[OF_RUN];

	(void)state;
	begin(GRACE_MS);
	assert_int_equal(sockets(path), 0);
	assert_null(hold(&first, 1, getpid()));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make_ends(&e, fd);
		assert_non_null(holdstore_hold(rows[i].run, rows[i].guard,
		    rows[i].has, fd, rows[i].count));
		for (size_t n = rows[i].count; n < OF_RUN; n++)
			(void)close(fd[n]);
		close_ends(&e, false);
		assert_int_equal(holdstore_count(), 1);
	}
	holdstore_release(2); /* there is none such */
	assert_int_equal(holdstore_count(), 1);
	assert_true(is_held(first.fd[0]));
	holdstore_release(1);
	close_ends(&first, false);
	assert_int_equal(holdstore_count(), 0);
	holdstore_fini();
	assert_int_equal(sockets(path), 0);
}

/* Who asks for it did not know yet: what it left is held, once. */
static void
test_ended_before(void **state)
{
	struct ends e, again;
	struct holdmsg m;
	int peer, fd[HOLD_FDS];
	(void)state;

	begin(GRACE_MS);
	holdstore_ended(7);
	for (uint64_t run = 1000; run < 5000; run++) /* many others do */
		holdstore_ended(run);
	assert_null(hold(&e, 7, 0));
	assert_non_null(hold(&again, 7, 0));
	close_ends(&again, false);
	assert_non_null(hold(&again, 8, 0));
	close_ends(&again, false);
	assert_int_equal(holdstore_count(), 1);
	peer = join();
	serve(false);
	assert_int_equal(hear(peer, &m, fd), OF_RUN); /* no pidfd of nobody */
	assert_true(m.kind == HOLDMSG_RUN && m.run == 7 && m.pid == 0);
	for (int i = 0; i < OF_RUN; i++)
		(void)close(fd[i]);
	holdstore_release(7);
	close_ends(&e, false);
	(void)close(peer);
	serve(false);
	for (uint64_t run = 10000; run < 14096; run++) /* it is forgotten */
		holdstore_ended(run);
	assert_non_null(hold(&e, 7, 0));
	close_ends(&e, false);
	holdstore_fini();
}

/* Without a directory of its own nothing is held: a link is none. */
static void
test_no_directory(void **state)
{
	struct ends e;
	size_t before;

	(void)state;
	assert_int_equal(symlink(fixture_top, fixture_path("link")), 0);
	holdstore_init(fixture_path("link"), GRACE_MS);
	assert_int_equal(unlink(fixture_path("link")), 0);
	before = open_fds();
	assert_null(hold(&e, 1, getpid())); /* not a line for each job */
	close_ends(&e, false);
	assert_int_equal(open_fds(), before);
	assert_int_equal(holdstore_count(), 0);
	holdstore_init(fixture_path("none"), GRACE_MS);
	assert_null(hold(&e, 1, getpid()));
	close_ends(&e, false);
	assert_int_equal(holdstore_count(), 0);
	assert_int_equal(mkdir(fixture_path("gone"), 0700), 0);
	holdstore_init(fixture_path("gone"), GRACE_MS);
	assert_int_equal(rmdir(fixture_path("gone")), 0);
	before = open_fds();
	assert_non_null(hold(&e, 1, getpid())); /* no socket can be there */
	close_ends(&e, false);
	assert_int_equal(open_fds(), before);
	assert_int_equal(holdstore_count(), 0);
}

/* Its input alone, once. */
static void
test_eof(void **state)
{
	struct ends e, other;

	(void)state;
	begin(GRACE_MS);
	assert_null(hold(&e, 1, getpid()));
	assert_null(hold(&other, 2, getpid()));
	holdstore_eof(3);
	holdstore_eof(1);
	holdstore_eof(1);
	assert_true(is_held(e.fd[0]) && is_held(e.fd[1]));
	assert_false(is_held(e.fd[2]));
	assert_true(is_held(other.fd[2]));
	holdstore_release(1);
	holdstore_release(2);
	close_ends(&e, false);
	close_ends(&other, false);
	holdstore_fini();
}

/* A run that holds its lock makes nobody wait: a process of its own closes it. */
static void
test_pipes(void **state)
{
	struct ends e;
	int fd[OF_RUN], pipes[2];
	char c;

	(void)state;
	begin(GRACE_MS);
	for (uint64_t run = 1; run <= 2; run++) {
		make_ends(&e, fd);
		(void)close(fd[2]);
		assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
		fd[2] = pipes[1];
		assert_null(holdstore_hold(
		    run, getpid(), NEEDS | 1U << HOLD_IN, fd, OF_RUN));
		assert_int_equal(wait(NULL), -1);
		if (run == 1)
			holdstore_eof(run);
		else
			holdstore_release(run);
		assert_int_equal(read(pipes[0], &c, 1), 0);
		assert_true(wait(NULL) > 0);
		assert_int_equal(wait(NULL), -1);
		holdstore_release(run);
		(void)close(pipes[0]);
		close_ends(&e, false);
	}
	holdstore_fini();
}

/* --- who takes it over ----------------------------------------------------- */

static void
test_taken_over(void **state)
{
	struct ends e, gone;
	struct holdmsg m;
	struct stat st;
	char path[200];
	int peer, fd[HOLD_FDS];
	size_t before;

	(void)state;
	begin(GRACE_MS);
	before = open_fds();
	assert_null(hold(&e, 1, getpid()));
	assert_null(hold(&gone, 2, getpid()));
	assert_int_equal(umask(022), 022);
	holdstore_ended(2);
	holdstore_ended(3);
	assert_int_equal(sockets(path), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	peer = join(); /* while the executor is there */
	serve(true);
	assert_int_equal(hear(peer, &m, fd), -1);
	(void)close(peer);

	peer = join();
	serve(false);
	assert_int_equal(hear(peer, &m, fd), OF_RUN + 1);
	assert_true(m.kind == HOLDMSG_RUN && m.run == 1 && m.pid == getpid());
	assert_int_equal(m.has, NEEDS | 1U << HOLD_IN | 1U << HOLD_GUARD);
	for (int i = 0; i < OF_RUN; i++) { /* each in its place */
		assert_int_equal(send(fd[i], &(char){ (char)i }, 1, 0), 1);
		assert_int_equal(recv(e.fd[i], path, 1, 0), 1);
		assert_int_equal(path[0], i);
		(void)close(fd[i]);
	}
	(void)close(fd[OF_RUN]);
	assert_int_equal(hear(peer, &m, fd), OF_RUN); /* no pidfd of nobody */
	assert_true(m.kind == HOLDMSG_RUN && m.run == 2 && m.pid == 0);
	assert_int_equal(m.has, NEEDS | 1U << HOLD_IN);
	for (int i = 0; i < OF_RUN; i++)
		(void)close(fd[i]);
	assert_int_equal(hear(peer, &m, fd), 0);
	assert_int_equal(m.kind, HOLDMSG_ALL);
	assert_int_equal(hear(peer, &m, fd), -2); /* and nothing after it */

	int second = join(); /* one at a time */
	serve(false);
	assert_int_equal(hear(second, &m, fd), -1);
	(void)close(second);
	assert_int_equal(hear(peer, &m, fd), -2);

	order(peer, HOLDMSG_EOF, 1);
	assert_true(is_held(e.fd[1]));
	assert_false(is_held(e.fd[2]));
	order(peer, HOLDMSG_RELEASE, 1);
	close_ends(&e, false);
	assert_int_equal(holdstore_count(), 1);
	order(peer, (enum holdmsg_kind)99, 2);
	order(peer, HOLDMSG_RUN, 2);
	assert_true(is_held(gone.fd[0]));
	order(peer, HOLDMSG_STOP, 0);
	close_ends(&gone, false);
	assert_int_equal(holdstore_count(), 0);
	(void)close(peer);
	serve(false);
	holdstore_fini();
	assert_int_equal(open_fds(), before);
}

/* A child that has connected `peer`, a copy of which we have. */
static pid_t
child_connects(int peer)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char path[200];
	int pair[2];
	pid_t child;

	assert_int_equal(sockets(path), 1);
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%.100s", path);
	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		if (connect(peer, (const struct sockaddr *)&un, sizeof(un)) ==
		    0)
			(void)!write(pair[1], "", 1);
		(void)pause();
		_exit(0);
	}
	(void)close(pair[1]);
	assert_int_equal(read(pair[0], path, 1), 1);
	(void)close(pair[0]);
	return child;
}

/* One that was killed has nothing, even if another has a copy of its link. */
static void
test_copied_link(void **state)
{
	int peer = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), next;
	const struct holdmsg m[] = { { .kind = HOLDMSG_EOF, .run = 1 },
		{ .kind = HOLDMSG_EOF, .run = 3 },
		{ .kind = HOLDMSG_RELEASE, .run = 2 } };
	struct ends e, other;
	struct holdmsg none;
	size_t before;
	pid_t child;

	(void)state;
	begin(GRACE_MS);
	before = open_fds();
	assert_null(hold(&e, 1, getpid()));
	assert_null(hold(&other, 2, getpid()));
	child = child_connects(peer);
	serve(false);
	assert_int_equal(hear_all(peer), 2);
	next = join(); /* control: it is there */
	serve(false);
	assert_int_equal(hear(next, &none, NULL), -1);
	(void)close(next);
	for (size_t i = 0; i < sizeof(m) / sizeof(m[0]); i++)
		assert_int_equal(
		    send(peer, &m[i], sizeof(m[i]), 0), sizeof(m[i]));
	(void)kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	next = take_over(1);
	close_ends(&other, false);
	assert_true(is_held(e.fd[0]));
	assert_false(is_held(e.fd[2]));
	order(next, HOLDMSG_RELEASE, 1);
	close_ends(&e, false);
	(void)close(peer);
	(void)close(next);
	serve(false);
	holdstore_fini();
	assert_int_equal(open_fds(), before - 1); /* peer */
}

/* An order that is cut, or brings a descriptor, is none, and the last one. */
static void
test_cut_order(void **state)
{
	struct {
		struct holdmsg m;
		char more;
	} longer = { .m = { .kind = HOLDMSG_STOP } };
	const struct iovec part = { &longer.m, sizeof(longer.m) };
	struct ends e;
	struct holdmsg m;
	int peer, fd[HOLD_FDS];
	size_t before;

	(void)state;
	begin(GRACE_MS);
	before = open_fds();
	assert_null(hold(&e, 1, getpid()));
	for (int i = 0; i < 3; i++) {
		peer = take_over(1);
		if (i == 0)
			assert_int_equal(send(peer, &longer, sizeof(longer), 0),
			    sizeof(longer));
		else if (i == 1)
			assert_int_equal(send(peer, &longer, sizeof(m) - 1, 0),
			    sizeof(m) - 1);
		else
			assert_int_equal(
			    fdpass_send(peer, &part, 1, &peer, 1, 0),
			    sizeof(m));
		serve(false);
		assert_int_equal(hear(peer, &m, fd), -1); /* it hung up */
		(void)close(peer);
		assert_int_equal(holdstore_count(), 1);
	}
	peer = take_over(1); /* the control */
	assert_int_equal(
	    fdpass_send(peer, &part, 1, NULL, 0, 0), (ssize_t)sizeof(m));
	serve(false);
	assert_int_equal(holdstore_count(), 0);
	close_ends(&e, false);
	(void)close(peer);
	serve(false);
	holdstore_fini();
	assert_int_equal(open_fds(), before);
}

/* As many as there are places, and not one more. */
static void
test_full(void **state)
{
	enum { MOST = 4096 };
	struct rlimit old, more;
	uint64_t run;
	int pair[2], fd[2];

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	more = old;
	more.rlim_cur = 2 * MOST + 200;
	if (setrlimit(RLIMIT_NOFILE, &more) == -1)
		SKIP("so many descriptors may not be open");
	begin(GRACE_MS);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (run = 1; run <= MOST + 1; run++) {
		fd[0] = dup(pair[0]);
		fd[1] = dup(pair[0]);
		assert_true(fd[0] != -1 && fd[1] != -1);
		if (run <= MOST)
			assert_null(holdstore_hold(run, 1, NEEDS, fd, 2));
		else
			assert_non_null(holdstore_hold(run, 1, NEEDS, fd, 2));
	}
	assert_int_equal(holdstore_count(), MOST);
	while (--run > 0)
		holdstore_release(run);
	assert_int_equal(holdstore_count(), 0);
	(void)close(pair[0]);
	assert_false(is_held(pair[1]));
	(void)close(pair[1]);
	holdstore_fini();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

/* One that goes, or says half an order, leaves all to the next one. */
static void
test_left(void **state)
{
	struct pollfd p[HOLDSTORE_POLL];
	struct ends e;
	int peer;

	(void)state;
	begin(GRACE_MS);
	assert_null(hold(&e, 1, getpid()));
	holdstore_alone();
	peer = join(); /* gone before it was told */
	(void)close(peer);
	serve(false);
	assert_in_range(holdstore_wait_ms(), 1, GRACE_MS);
	assert_in_range(holdstore_wait_ms(), 1, GRACE_MS);
	for (int i = 0; i < 3; i++) {
		peer = take_over(1);
		assert_int_equal(
		    holdstore_wait_ms(), -1); /* as long as it is */
		holdstore_poll(p);
		p[0].revents = 0;
		p[1].revents = POLLIN; /* and yet nothing came */
		holdstore_serve(p, false);
		assert_int_equal(holdstore_wait_ms(), -1);
		if (i == 1)
			assert_int_equal(send(peer, "half", 4, 0), 4);
		if (i != 1)
			(void)close(peer);
		serve(false);
		assert_in_range(holdstore_wait_ms(), 1, GRACE_MS);
		assert_true(is_held(e.fd[0]));
		if (i == 1)
			(void)close(peer);
	}
	holdstore_release(1);
	close_ends(&e, false);
	holdstore_fini();
}

/* The executor is there: no grace ends what it holds. */
static void
test_not_alone(void **state)
{
	struct ends e;
	int peer;

	(void)state;
	begin(0);
	assert_null(hold(&e, 1, getpid()));
	peer = join();
	serve(false);
	(void)close(peer);
	serve(false);
	serve(false);
	assert_int_equal(holdstore_wait_ms(), 0);
	assert_int_equal(holdstore_count(), 1);
	holdstore_release(1);
	close_ends(&e, false);
	holdstore_fini();
}

/* Nobody came: all of them end, but only where no executor is there. */
static void
test_grace(void **state)
{
	struct ends e;

	(void)state;
	begin(0);
	assert_null(hold(&e, 1, getpid()));
	holdstore_alone();
	serve(false);
	close_ends(&e, false);
	assert_int_equal(holdstore_count(), 0);
	assert_int_equal(holdstore_wait_ms(), -1);
	holdstore_fini();
}

/* --- ancestry --------------------------------------------------------------- */

static bool
be_plain(void)
{
	return true;
}

static bool
be_guard(void)
{
	return prctl(PR_SET_NAME, "mcp-execd-guard", 0, 0, 0) == 0;
}

static bool
be_like_a_guard(void)
{
	return prctl(PR_SET_NAME, "mcp-execd-guar", 0, 0, 0) == 0;
}

static bool
be_like_a_guard_too(void)
{
	return prctl(PR_SET_NAME, "cp-execd-guard)", 0, 0, 0) == 0;
}

static bool
be_nobody(void)
{
	return setgroups(0, NULL) == 0 &&
	       setresgid(FIXTURE_NOBODY, FIXTURE_NOBODY, FIXTURE_NOBODY) == 0 &&
	       setresuid(FIXTURE_NOBODY, FIXTURE_NOBODY, FIXTURE_NOBODY) == 0;
}

enum who { CHILD, GRANDCHILD, REAPED };

/* What the check says of a connection by a child, or by a child of that. */
static pid_t
check_of(bool (*become)(void), enum who who, pid_t *child)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), peer;
	pid_t said;

	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s/s", fixture_top);
	assert_int_equal(bind(fd, (const struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(chmod(un.sun_path, 0666), 0);
	assert_int_equal(listen(fd, 4), 0);
	*child = fork();
	if (*child == 0) {
		if (become() && (who != GRANDCHILD || fork() == 0)) {
			if (who == GRANDCHILD)
				(void)prctl(PR_SET_NAME, "sh", 0, 0, 0);
			peer = connect_to(un.sun_path);
			if (who != REAPED)
				(void)!read(
				    peer, &(char){ 0 }, 1); /* its end */
			_exit(0);
		}
		(void)pause();
		_exit(1);
	}
	peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	if (who == REAPED)
		(void)waitpid(*child, NULL, 0);
	said = holdpeer_check(peer);
	(void)close(peer);
	(void)close(fd);
	(void)unlink(un.sun_path);
	if (who != REAPED) {
		(void)kill(*child, SIGKILL);
		(void)waitpid(*child, NULL, 0);
	}
	return said;
}

static bool
is_taken(bool (*become)(void))
{
	pid_t child = -1, said = check_of(become, CHILD, &child);

	return said == child;
}

static void
test_peer(void **state)
{
	size_t before = open_fds();
	int status;
	pid_t child;

	(void)state;
	assert_true(is_taken(be_plain));
	assert_int_equal(check_of(be_plain, REAPED, &child), 0);
	assert_true(check_of(be_plain, GRANDCHILD, &child) > 0);
	assert_true(is_taken(be_like_a_guard));
	assert_true(is_taken(be_like_a_guard_too));
	assert_int_equal(check_of(be_guard, CHILD, &child), 0);
	assert_int_equal(check_of(be_guard, GRANDCHILD, &child), 0);
	assert_int_equal(holdpeer_check(-1), 0);
	assert_int_equal(open_fds(), before);
	if (geteuid() != 0)
		return;
	assert_int_equal(check_of(be_nobody, CHILD, &child), 0);
	assert_int_equal(chmod(fixture_top, 0777), 0);
	child = fork(); /* where the executor is that user */
	if (child == 0)
		_exit(be_nobody() && is_taken(be_plain) ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(chmod(fixture_top, 0755), 0);
}

/* A server that a run began may be held as well: its own guard is above all. */
static void
test_below_one_guard(void **state)
{
	pid_t server, child, guard = fork();
	int status;

	(void)state;
	if (guard == 0) {
		if (!be_guard())
			_exit(1);
		server = fork();
		if (server == 0) {
			(void)prctl(PR_SET_NAME, "server", 0, 0, 0);
			_exit(is_taken(be_plain) && check_of(be_guard,
							GRANDCHILD, &child) == 0
				  ? 0
				  : 2);
		}
		_exit(waitpid(server, &status, 0) == server ? status >> 8 : 3);
	}
	assert_int_equal(waitpid(guard, &status, 0), guard);
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ended_before),
		cmocka_unit_test(test_no_directory),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_eof),
		cmocka_unit_test(test_pipes),
		cmocka_unit_test(test_taken_over),
		cmocka_unit_test(test_copied_link),
		cmocka_unit_test(test_cut_order),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_not_alone),
		cmocka_unit_test(test_left), /* alone from here on */
		cmocka_unit_test(test_grace),
		cmocka_unit_test(test_peer),
		cmocka_unit_test(test_below_one_guard),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
