/* SPDX-License-Identifier: MIT */
/* Unit tests of common/notify, against a socket of our own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/notify.h"
#include "tests/unit/fixture_fds.h"

/* A socket bound to name ("@..." is abstract), and NOTIFY_SOCKET set to it. */
static int
receiver(const char *name)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	memcpy(un.sun_path, name, strlen(name));
	if (name[0] == '@')
		un.sun_path[0] = '\0';
	assert_int_equal(
	    bind(fd, (const struct sockaddr *)&un,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			    strlen(name))),
	    0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

static void
expect(int fd, const char *text)
{
	char b[256];
	ssize_t n = recv(fd, b, sizeof(b), 0);

	assert_int_equal(n, strlen(text));
	assert_memory_equal(b, text, strlen(text));
	assert_true(recv(fd, b, sizeof(b), 0) < 0 && errno == EAGAIN);
}

static void
test_abstract(void **state)
{
	CLEANUP_FD int fd = -1;
	char name[64];

	(void)state;
	(void)snprintf(name, sizeof(name), "@test_notify.%d", (int)getpid());
	fd = receiver(name);
	notify_send("READY=1\nSTATUS=x");
	expect(fd, "READY=1\nSTATUS=x");
}

static void
test_path(void **state)
{
	char dir[] = "/tmp/test_notify.XXXXXX", name[64];
	CLEANUP_FD int fd = -1;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(name, sizeof(name), "%s/s", dir);
	fd = receiver(name);
	notify_send("STOPPING=1");
	expect(fd, "STOPPING=1");
	(void)unlink(name);
	/* nobody listens any more: said in the log, and survived */
	notify_send("READY=1");
	(void)rmdir(dir);
}

static void
test_unset_or_odd(void **state)
{
	static const char *const odd[] = { "", "@", "/", "relative",
		"vsock:2:1", "/tmp/none/there" };
	CLEANUP_FD int fd = -1;
	char longer[200], name[64];

	(void)state;
	(void)snprintf(name, sizeof(name), "@test_odd.%d", (int)getpid());
	fd = receiver(name);
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	notify_send("READY=1");
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		assert_int_equal(setenv("NOTIFY_SOCKET", odd[i], 1), 0);
		notify_send("READY=1");
	}
	memset(longer, '/', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(setenv("NOTIFY_SOCKET", longer, 1), 0);
	notify_send("READY=1");
	/* the receiver is still there and got none of it */
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	notify_send("LAST=1");
	expect(fd, "LAST=1");
}

static void
test_reloading(void **state)
{
	CLEANUP_FD int fd = -1;
	char name[64], text[128], *end;
	uint64_t before = clock_mono_ns() / 1000, at;
	ssize_t n;

	(void)state;
	(void)snprintf(name, sizeof(name), "@test_notify.r%d", (int)getpid());
	fd = receiver(name);
	notify_reloading();
	n = recv(fd, text, sizeof(text) - 1, 0);
	assert_true(n > 0);
	text[n] = '\0';
	assert_ptr_equal(strstr(text, "RELOADING=1\nMONOTONIC_USEC="), text);
	at = strtoull(strrchr(text, '=') + 1, &end, 10);
	assert_int_equal(*end, '\0');
	assert_in_range(at, before, clock_mono_ns() / 1000);
}

static void
test_watchdog(void **state)
{
	char own[16];

	(void)state;
	(void)unsetenv("WATCHDOG_PID");
	assert_int_equal(notify_watchdog_ms(), 0);
	(void)setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(notify_watchdog_ms(), 30000);
	(void)snprintf(own, sizeof(own), "%d", (int)getpid());
	(void)setenv("WATCHDOG_PID", own, 1);
	assert_int_equal(notify_watchdog_ms(), 30000);
	(void)setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(notify_watchdog_ms(), 0);
	(void)unsetenv("WATCHDOG_PID");
	(void)setenv("WATCHDOG_USEC", "-1", 1);
	assert_int_equal(notify_watchdog_ms(), 0);
	(void)setenv("WATCHDOG_USEC", "12 s", 1);
	assert_int_equal(notify_watchdog_ms(), 0);
	(void)setenv("WATCHDOG_USEC", "5", 1);
	assert_int_equal(notify_watchdog_ms(), 1);
	(void)unsetenv("WATCHDOG_USEC");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FDS_KEPT(test_abstract),
		FDS_KEPT(test_path),
		FDS_KEPT(test_unset_or_odd),
		FDS_KEPT(test_reloading),
		FDS_KEPT(test_watchdog),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
