/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/launcher/keeper_serve against orders of an executor
 * that was taken over: of every size, with every number of descriptors, about
 * processes of others.  After each the keeper answers, and has kept nothing.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "executor/launcher/proctree.h"
#include "executor/power/keeper.h"
#include "executor/power/ownchild.h"
#include "executor/run/launch.h"
#include "tests/unit/fixture_executor.h"
#include "tests/unit/fixture_fds.h"

enum { PATIENCE_MS = 20000, MANY = KEEPMSG_FDS + 8 };

static struct keepmsg_order o;

/* Each program is sleep(1), and the loader's last word says how long. */
static void
begin_with(pid_t adopted)
{
	static struct keepmsg_plan p;
	const char *words[] = { "sleep", "1000" };
	struct err e = { 0 };
	int i, facts = open("/dev/null", O_RDONLY | O_CLOEXEC);

	memset(&p, 0, sizeof(p));
	(void)strcpy(p.config, "1000");
	for (i = 0; i < KEEPMSG_PROGRAMS; i++)
		keeper_add(&p, (enum keepmsg_program)i, "/bin/sleep", words,
		    i == KEEPMSG_LOADER ? 1 : 2);
	keeper_place(&p, KEEPMSG_LAUNCHER, 0, 3);
	keeper_adds(&p, KEEPMSG_LAUNCHER, KEEPMSG_LAUNCHERS_END);
	keeper_place(&p, KEEPMSG_LAUNCHER, 1, 4);
	keeper_adds(&p, KEEPMSG_LOADER, KEEPMSG_LOADERS_END);
	keeper_place(&p, KEEPMSG_LOADER, 0, 3);
	keeper_place(&p, KEEPMSG_LOADER, 1, 4);
	keeper_place(&p, KEEPMSG_CHECK, 0, 0);
	p.adopted[1] = adopted;
	if (keeper_open(launch_beside(), &p, facts, &e) != 0)
		fail_msg("%s", e.what);
	(void)close(facts);
}

static void
begin(void)
{
	begin_with(0);
}

static size_t
count_fds(pid_t pid)
{
	char path[40];
	size_t n = 0;
	DIR *d;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	if (d == NULL)
		return 0; /* only root may look */
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n;
}

/* `size` bytes of the order, with descriptors of /dev/null, or `fd`. */
static void
send_raw(const void *bytes, size_t size, size_t fds, int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(MANY * sizeof(int))];
	} control = { .head = { .cmsg_len = CMSG_LEN(fds * sizeof(int)),
			  .cmsg_level = SOL_SOCKET,
			  .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { (void *)(uintptr_t)bytes, size };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	for (size_t i = 0; i < fds; i++)
		memcpy(CMSG_DATA(&control.head) + i * sizeof(int), &fd,
		    sizeof(fd));
	if (fds > 0) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(fds * sizeof(int));
	}
	assert_int_equal(
	    syscall(SYS_sendmsg, keeper_fd(), &m, MSG_NOSIGNAL), (long)size);
}

static void
send_head(size_t fds)
{
	send_raw(&o, offsetof(struct keepmsg_order, spared), fds, STDIN_FILENO);
}

/* The next answer; its descriptor is closed. */
static struct keepmsg_answer
hear(void)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct keepmsg_answer a = { .kind = 0 };
	struct iovec iov = { &a, sizeof(a) };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct pollfd p = { .fd = keeper_fd(), .events = POLLIN };
	int fd;

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_int_equal(
	    recvmsg(keeper_fd(), &m, MSG_CMSG_CLOEXEC), (long)sizeof(a));
	if (CMSG_FIRSTHDR(&m) != NULL) {
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
		(void)close(fd);
	}
	return a;
}

/* Nothing was said meanwhile, as the answer is to this. */
static void
answers(void)
{
	char name[16];
	uint32_t login;
	bool ours = false;

	assert_true(keeper_ask_peer(getpid(), &ours, name, &login));
	assert_true(ours);
}

static int
started(enum keepmsg_program program, size_t fds, pid_t *pid)
{
	struct keepmsg_answer a;

	o = (struct keepmsg_order){ .kind = KEEPMSG_START,
		.program = (uint32_t)program };
	send_head(fds);
	a = hear();
	assert_int_equal(a.kind, KEEPMSG_STARTED);
	*pid = a.pid;
	return a.error;
}

static void
end_child(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
test_sizes(void **state)
{
	const size_t head = offsetof(struct keepmsg_order, spared);
	size_t i, before;

	(void)state;
	begin();
	answers();
	answers();
	before = count_fds(keeper_pid());
	o = (struct keepmsg_order){ .kind = KEEPMSG_END_STRAYS };
	for (i = 1; i < head; i++)
		send_raw(&o, i, i % 3, STDIN_FILENO);
	for (i = 1; i < 20; i++)
		send_raw(&o, head + i, 0, -1); /* more than it says */
	o.count = 2;
	send_raw(&o, head + sizeof(o.spared[0]), 0, -1);
	o.count = KEEPMSG_SPARED + 1;
	send_raw(&o, sizeof(o), 0, -1);
	o.count = UINT32_MAX;
	send_raw(&o, head, 0, -1);
	o.count = 1U << 30; /* times four: nothing, in 32 bits */
	send_raw(&o, head, 0, -1);
	for (i = 0; i < 40; i++) {
		o = (struct keepmsg_order){
			.kind = i < 5 ? 0 : KEEPMSG_PEER + (uint32_t)i
		};
		send_head(i % 4);
	}
	answers();
	answers();
	assert_int_equal(count_fds(keeper_pid()), before);
	assert_int_equal(keeper_close(), 0);
}

static void
test_descriptors(void **state)
{
	size_t i, before;
	pid_t pid, seen[8];

	(void)state;
	begin();
	answers();
	answers();
	before = count_fds(keeper_pid());
	for (i = 0; i <= KEEPMSG_FDS; i++)
		if (i != 1)
			assert_int_equal(
			    started(KEEPMSG_CHECK, i, &pid), EBADMSG);
	for (i = 0; i < 4; i++)
		assert_int_equal(
		    started((enum keepmsg_program)(KEEPMSG_PROGRAMS + i * 77),
			i, &pid),
		    EBADMSG);
	o = (struct keepmsg_order){ .kind = KEEPMSG_START,
		.program = KEEPMSG_CHECK };
	send_head(MANY); /* cut, and refused without an answer */
	answers();
	answers();
	assert_int_equal(count_fds(keeper_pid()), before);
	assert_int_equal(started(KEEPMSG_CHECK, 1, &pid), 0); /* the control */
	assert_int_equal(proctree_all(seen, 8), 2); /* it and the keeper */
	end_child(pid);
	assert_int_equal(keeper_close(), 0);
}

/* One at a time, with nothing of ours, and not without a launcher. */
static void
test_loader(void **state)
{
	pid_t launcher, loader, none;
	size_t i, before;

	(void)state;
	begin();
	answers();
	assert_int_equal(started(KEEPMSG_LOADER, 0, &none), ENOTCONN);
	for (i = 1; i < 4; i++)
		assert_int_equal(started(KEEPMSG_LOADER, i, &none), EBADMSG);
	assert_int_equal(started(KEEPMSG_LAUNCHER, 1, &launcher), 0);
	assert_int_equal(started(KEEPMSG_LAUNCHER, 2, &none), EBADMSG);
	assert_int_equal(started(KEEPMSG_LOADER, 0, &loader), 0);
	answers();
	before = count_fds(keeper_pid());
	for (i = 0; i < 100; i++)
		assert_int_equal(started(KEEPMSG_LOADER, 0, &none), EBUSY);
	answers();
	assert_int_equal(count_fds(keeper_pid()), before);
	end_child(loader);
	assert_int_equal(started(KEEPMSG_LOADER, 0, &loader), 0);
	answers();
	assert_int_equal(count_fds(keeper_pid()), before);
	end_child(loader);
	end_child(launcher);
	assert_int_equal(keeper_close(), 0);
}

/* A process that does not descend from us any more. */
static pid_t
foreign(void)
{
	int said[2];
	pid_t pid = -1, between;

	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	between = fork();
	if (between == 0) {
		pid = fork();
		if (pid == 0) {
			(void)execl("/bin/sleep", "sleep", "60", (char *)NULL);
			_exit(127);
		}
		_exit(write(said[1], &pid, sizeof(pid)) != sizeof(pid));
	}
	assert_int_equal(read(said[0], &pid, sizeof(pid)), sizeof(pid));
	assert_int_equal(waitpid(between, NULL, 0), between);
	(void)close(said[0]);
	(void)close(said[1]);
	return pid;
}

static void
order_signal(int fd, int sig, size_t fds)
{
	o = (struct keepmsg_order){ .kind = KEEPMSG_SIGNAL, .sig = sig };
	send_raw(&o, offsetof(struct keepmsg_order, spared), fds, fd);
	answers();
}

static void
signal_it(pid_t pid, int sig)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	assert_int_not_equal(fd, -1);
	order_signal(fd, sig, 1);
	order_signal(fd, sig, 2);
	(void)close(fd);
}

static void
test_processes_of_others(void **state)
{
	pid_t other = foreign(), ours;
	char name[16];
	uint32_t login;
	bool is_ours = true;
	int status;

	(void)state;
	begin();
	signal_it(other, SIGKILL);
	signal_it(getpid(), SIGKILL);
	signal_it(keeper_pid(), SIGKILL);
	order_signal(STDIN_FILENO, SIGKILL, 1);
	order_signal(STDIN_FILENO, SIGKILL, 0);
	assert_int_equal(kill(other, 0), 0);
	assert_true(keeper_ask_peer(other, &is_ours, name, &login));
	assert_false(is_ours);
	for (pid_t pid = -2; pid < 2; pid++) {
		assert_true(keeper_ask_peer(pid, &is_ours, name, &login));
		if (pid < 1) /* nobody's is not root's, which is 0 */
			assert_int_equal(login, UINT32_MAX);
	}

	/* the control: what descends from us, by the two signals alone */
	ours = fork();
	if (ours == 0) {
		(void)execl("/bin/sleep", "sleep", "60", (char *)NULL);
		_exit(127);
	}
	signal_it(ours, SIGTERM);
	signal_it(ours, SIGSTOP);
	signal_it(ours, 0);
	assert_int_equal(waitpid(ours, &status, WNOHANG), 0);
	signal_it(ours, SIGKILL);
	assert_int_equal(waitpid(ours, &status, 0), ours);
	assert_int_equal(WTERMSIG(status), SIGKILL);

	/* and all of them, but neither us nor others */
	ours = fork();
	if (ours == 0) {
		(void)execl("/bin/sleep", "sleep", "60", (char *)NULL);
		_exit(127);
	}
	keeper_end_strays(&other, 1);
	assert_int_equal(waitpid(ours, &status, 0), ours);
	answers();
	assert_int_equal(kill(other, SIGKILL), 0);
	assert_int_equal(keeper_close(), 0);
}

static bool
is_own(pid_t pid)
{
	pid_t own[OWNCHILD_MOST];
	size_t n = ownchild_list(own);

	while (n > 0 && own[n - 1] != pid)
		n--;
	return n > 0;
}

/* What we fork after the order is none of its strays, however late it is. */
static void
test_strays_of_before(void **state)
{
	char name[16];
	uint32_t login;
	bool is_ours;
	int status;
	pid_t next = 0;

	(void)state;
	begin();
	for (int i = 0; i < 20; i++) {
		keeper_end_strays(&next, 0);
		next = fork();
		if (next == 0) {
			(void)execl("/bin/sleep", "sleep", "60", (char *)NULL);
			_exit(127);
		}
		/* it has taken every order before this one */
		assert_true(keeper_ask_peer(next, &is_ours, name, &login));
		assert_int_equal(waitpid(next, &status, WNOHANG), 0);
		assert_int_equal(kill(next, SIGKILL), 0);
		assert_int_equal(waitpid(next, &status, 0), next);
	}
	assert_int_equal(keeper_close(), 0);
}

/* What the keeper starts is spared for as long as it is not reaped. */
static void
test_own_children(void **state)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), pidfd, status;
	pid_t keeper, pid, spared[OWNCHILD_MOST];
	struct err e;

	(void)state;
	begin();
	keeper = keeper_pid();
	assert_true(is_own(keeper));
	pid = keeper_run(KEEPMSG_CHECK, &null, 1, &pidfd, &e);
	assert_true(pid > 0);
	assert_true(is_own(pid));
	keeper_end_strays(spared, ownchild_list(spared));
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_true(keeper_end(pid, pidfd, "it", &status));
	assert_false(is_own(pid));
	(void)close(pidfd);
	(void)close(null);
	assert_int_equal(keeper_close(), 0);
	assert_false(is_own(keeper));
}

/* What descends from a launcher before is ours too; another's is not. */
static void
test_adopted(void **state)
{
	pid_t adopted = foreign(), other = foreign();
	struct pollfd p = { .fd = (int)syscall(SYS_pidfd_open, adopted, 0),
		.events = POLLIN };
	char name[16];
	uint32_t login;
	bool is_ours = true;

	(void)state;
	begin_with(adopted);
	assert_true(keeper_ask_peer(other, &is_ours, name, &login));
	assert_false(is_ours);
	signal_it(other, SIGKILL);
	assert_int_equal(kill(other, 0), 0);
	assert_true(keeper_ask_peer(adopted, &is_ours, name, &login));
	assert_true(is_ours);
	assert_true(keeper_ask_peer(getpid(), &is_ours, name, &login));
	assert_string_equal(name, "test_keeper"); /* fork is not execve */
	signal_it(adopted, SIGKILL);
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	/* and nobody is, by the number of one that is gone */
	assert_true(keeper_ask_peer(other, &is_ours, name, &login));
	assert_false(is_ours);
	(void)close(p.fd);
	assert_int_equal(kill(other, SIGKILL), 0);
	assert_int_equal(keeper_close(), 0);
}

/* Start a launcher, and leave its pair to another process, `held`. */
static _Noreturn void
leave_launcher(int said, int held)
{
	struct err e = { 0 };
	pid_t pid;

	if (launch_open(launch_beside(), &e) != 0)
		_exit(1);
	pid = launch_pid();
	if (fork() == 0) {
		char c;

		(void)close(said);
		(void)!read(held, &c, 1); /* until the test closes its end */
		_exit(0);
	}
	_exit(write(said, &pid, sizeof(pid)) != sizeof(pid));
}

/* It sees its executor end, also where somebody else has a copy of the pair. */
static void
test_left_launcher(void **state)
{
	int said[2], held[2];
	struct pollfd p = { .events = POLLIN };
	pid_t pid, between;

	(void)state;
	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	assert_int_equal(pipe2(held, O_CLOEXEC), 0);
	between = fork();
	if (between == 0) {
		(void)close(held[1]);
		leave_launcher(said[1], held[0]);
	}
	(void)close(said[1]);
	(void)close(held[0]);
	assert_int_equal(read(said[0], &pid, sizeof(pid)), sizeof(pid));
	p.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (p.fd == -1)
		assert_int_equal(errno, ESRCH); /* already */
	else
		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_int_equal(waitpid(between, NULL, 0), between);
	if (p.fd != -1)
		(void)close(p.fd);
	(void)close(said[0]);
	(void)close(held[1]);
}

/* From this process and what it starts from here on. */
static void
hide_call(unsigned nr)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = sizeof(f) / sizeof(f[0]),
		.filter = f };

	assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog), 0);
}

/* Our children, with the descriptors of their plan, and nothing is kept. */
static void
starts_children(void)
{
	size_t before = 0;
	pid_t pid;

	begin();
	answers();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(started(KEEPMSG_LAUNCHER, 1, &pid), 0);
		answers();
		if (i == 0)
			before = count_fds(keeper_pid());
		assert_int_equal(count_fds(keeper_pid()), before);
		end_child(pid);
	}
	assert_int_equal(keeper_close(), 0);
}

/* As in a container.  What is hidden stays so: the last. */
static void
test_calls_hidden(void **state)
{
	(void)state;
	starts_children();
	hide_call(SYS_clone3);
	starts_children();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FDS_KEPT(test_left_launcher),
		FDS_KEPT(test_sizes),
		FDS_KEPT(test_descriptors),
		FDS_KEPT(test_loader),
		FDS_KEPT(test_processes_of_others),
		FDS_KEPT(test_strays_of_before),
		FDS_KEPT(test_own_children),
		FDS_KEPT(test_adopted),
		FDS_KEPT(test_calls_hidden),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
