/* SPDX-License-Identifier: MIT */
/* hearing: what was done to a listener is undone, and said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "executor/service/listen_health.h"

static struct sockaddr_in at;

static void
name(int fd)
{
	socklen_t len = sizeof(at);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
}

static int
listener(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	at = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 4), 0);
	name(fd);
	return fd;
}

/* A client's descriptor, or -1 if nobody answers it. */
static int
client(void)
{
	struct timeval wait = { .tv_usec = 200000 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)), 0);
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static void
shut(int fd)
{
	assert_int_equal(shutdown(fd, SHUT_RD), 0);
}

static void
block(int fd)
{
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
}

static void
shrink(int fd)
{
	int one = 1;

	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &one, sizeof(one)), 0);
}

static void
linger(int fd)
{
	struct linger l = { .l_onoff = 1 };

	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
}

static void
drop(int fd)
{
	struct sock_filter all = { .code = BPF_RET | BPF_K };
	struct sock_fprog p = { .len = 1, .filter = &all };

	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)), 0);
}

static void
test_mended(void **state)
{
	static const struct {
		void (*what)(int fd);
		const char *text;
		bool deaf; /* until it is mended */
	} rows[] = {
		{ shut, "shut down", true },
		{ block, "file flags", false },
		{ shrink, "SO_RCVBUF", false },
		{ linger, "SO_LINGER", false },
		{ drop, "filter", true },
	};
	struct listen_health h;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fd = listener(), c;

		listen_health_begin(&h, &fd, 1);
		assert_true(listen_health_mend(&h, &e));
		rows[i].what(fd);
		c = client();
		assert_int_equal(c == -1, rows[i].deaf);
		(void)close(c);
		assert_false(listen_health_mend(&h, &e));
		assert_int_equal(e.code, ERR_BAD);
		assert_non_null(strstr(e.what, rows[i].text));
		assert_true(listen_health_mend(&h, &e));
		name(fd); /* shut down, a port that nobody chose is another */
		c = client();
		assert_true(c >= 0);
		(void)close(c);
		(void)close(fd);
	}
}

/* A filter that is locked cannot be taken off: that is said as such. */
static void
test_lost(void **state)
{
	int fd = listener(), one = 1;
	struct listen_health h;
	struct err e;

	(void)state;
	listen_health_begin(&h, &fd, 1);
	drop(fd);
	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &one, sizeof(one)), 0);
	assert_false(listen_health_mend(&h, &e));
	assert_int_equal(e.code, ERR_SYS);
	(void)close(fd);
}

/* Nor does a UNIX socket that was shut down listen again. */
static void
test_unix(void **state)
{
	struct sockaddr_un here = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct listen_health h;
	struct err e;

	(void)state;
	/* a name that the kernel chooses */
	assert_int_equal(
	    bind(fd, (struct sockaddr *)&here, sizeof(here.sun_family)), 0);
	assert_int_equal(listen(fd, 4), 0);
	listen_health_begin(&h, &fd, 1);
	assert_true(listen_health_mend(&h, &e));
	shut(fd);
	assert_false(listen_health_mend(&h, &e));
	assert_int_equal(e.code, ERR_SYS);
	(void)close(fd);
}

static void
test_unheard(void **state)
{
	int fd = listener(), c;
	struct listen_health h;
	struct err e;

	(void)state;
	listen_health_begin(&h, &fd, 1);
	for (int i = 0; i < 10; i++)
		assert_true(listen_health_look(&h, 0, false, &e));
	c = client();
	assert_true(c >= 0);
	for (int i = 0; i < 10; i++) {
		assert_true(listen_health_look(&h, 1, false, &e)); /* accepts */
		assert_true(
		    listen_health_look(&h, 0, true, &e)); /* has no room */
	}
	for (int i = 1; i < LISTEN_HEALTH_PATIENCE; i++)
		assert_true(listen_health_look(&h, 0, false, &e));
	assert_false(listen_health_look(&h, 0, false, &e));
	assert_non_null(strstr(e.what, "nobody accepts"));
	(void)close(c);
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mended),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_unix),
		cmocka_unit_test(test_unheard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
