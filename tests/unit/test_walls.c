/* SPDX-License-Identifier: MIT */
/*
 * test_walls: Landlock alone refuses what the filter refuses too.
 *
 * Behind the filter nobody would notice that this layer is not there: so it is
 * put on by itself, in a child, of the frontend and of a run.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

/* for its static functions: the layer itself */
#include "frontend/process/lockdown.c"

#include "executor/confine/confine.h"
#include "executor/launcher/confine_enter.h"
#include "tests/unit/fixture_skip.h"

static int listener, abstract;
static struct sockaddr_in address;
static struct sockaddr_un name;
static struct landlock_support has;

static int
setup(void **state)
{
	socklen_t len = sizeof(address);

	(void)state;
	landlock_probe(&has);
	address = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
	    bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 4), 0);
	assert_int_equal(
	    getsockname(listener, (struct sockaddr *)&address, &len), 0);
	name = (struct sockaddr_un){ .sun_family = AF_UNIX };
	(void)snprintf(&name.sun_path[1], sizeof(name.sun_path) - 1,
	    "mcp-execd-test-walls-%d", (int)getpid());
	abstract = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
	    bind(abstract, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(listen(abstract, 4), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)close(listener);
	(void)close(abstract);
	return 0;
}

/* What is tried: 0 or an errno. */
static int
try_bind(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0 ? 0 : errno;
}

static int
try_connect(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0
		   ? 0
		   : errno;
}

static int
try_abstract(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0 ? 0
									: errno;
}

static int
try_signal(void)
{
	return kill(getppid(), 0) == 0 ? 0 : errno;
}

static int
try_open(void)
{
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	return fd == -1 ? errno : 0;
}

/* In a child, behind what `put_on` puts on, which may be NULL: its errno. */
static int
in_child(int (*put_on)(void), int (*attempt)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(put_on != NULL && put_on() != 0 ? 255 : attempt());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), 255);
	return WEXITSTATUS(status);
}

static int
put_on_frontend(void)
{
	bool in_force;
	struct err e;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    restrict_landlock(&in_force, &e) != 0)
		return -1;
	return in_force ? 0 : -1;
}

static int
put_on_run(void)
{
	struct confine_failure f;
	struct confine c;
	int ruleset;

	confine_init(&c);
	c.layers = CONFINE_LANDLOCK;
	c.network = CONFINE_NONE;
	c.landlock = has;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    confine_enter(&c, -1, NULL, getuid(), getgid(), &ruleset, &f) != 0)
		return -1;
	return landlock_restrict(ruleset);
}

static void
check(int (*put_on)(void))
{
	const struct {
		int (*attempt)(void);
		bool refused; /* by this kernel's Landlock */
		int error;
	} rows[] = {
		{ try_open, true, EACCES },
		{ try_bind, (has.net & LANDLOCK_BIND_TCP) != 0, EACCES },
		{ try_connect, (has.net & LANDLOCK_CONNECT_TCP) != 0, EACCES },
		{ try_abstract, (has.scoped & LANDLOCK_SCOPE_ABSTRACT) != 0,
		    EPERM },
		{ try_signal, (has.scoped & LANDLOCK_SCOPE_SIGNAL) != 0,
		    EPERM },
	};

	if (has.abi == 0)
		SKIP("this kernel has no Landlock");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(in_child(NULL, rows[i].attempt), 0);
		assert_int_equal(in_child(put_on, rows[i].attempt),
		    rows[i].refused ? rows[i].error : 0);
	}
}

static void
test_frontend(void **state)
{
	(void)state;
	check(put_on_frontend);
}

static void
test_run(void **state)
{
	(void)state;
	check(put_on_run);
}

/* --- the empty root ---------------------------------------------------- */

enum { EMPTY = 1, AS_IT_WAS, HALF };

/* What the root is now, after a change that said it went well, or failed. */
static int
told_root(int rc)
{
	bool empty = access("/etc", F_OK) == -1;

	return rc == 0 && empty ? EMPTY : rc != 0 && !empty ? AS_IT_WAS : HALF;
}

static int
try_root(void)
{
	struct err e;

	return told_root(change_root(&e));
}

/* Where the directory was made and cannot be opened, "." is another. */
static int
no_descriptor(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == -1)
		return -1;
	r.rlim_cur = 0;
	return setrlimit(RLIMIT_NOFILE, &r);
}

static int
no_capability(void)
{
	return geteuid() == 0 ? setresuid(65534, 65534, 65534) : 0;
}

static void
test_root(void **state)
{
	(void)state;
	if (geteuid() == 0)
		assert_int_equal(in_child(NULL, try_root), EMPTY);
	assert_int_equal(in_child(no_descriptor, try_root), AS_IT_WAS);
	assert_int_equal(in_child(no_capability, try_root), AS_IT_WAS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frontend),
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_root),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
