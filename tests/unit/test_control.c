/* SPDX-License-Identifier: MIT */
/* Unit tests of executor/control_request and executor/control_socket. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "executor/control/control_request.h"
#include "executor/control/control_socket.h"
#include "executor/control/peer.h"
#include "executor/launcher/proctree.h"
#include "tests/unit/fixture_fds.h"

static int
parse(const char *text, struct control_request *r, struct err *e)
{
	memset(e, 0, sizeof(*e));
	return control_request_parse(bytes_of(text), r, e);
}

static void
test_requests(void **state)
{
	struct control_request r;
	struct err e;
	(void)state;

	assert_int_equal(parse("{\"v\":1,\"verb\":\"status\"}", &r, &e), 0);
	assert_int_equal(r.verb, CONTROL_STATUS);
	assert_int_equal(
	    parse("{\"verb\":\"kill\",\"run\":\"0af\",\"v\":1}", &r, &e), 0);
	assert_int_equal(r.verb, CONTROL_KILL);
	assert_string_equal(r.run, "0af");
	assert_int_equal(
	    parse(
		"{\"v\":1,\"verb\":\"note\",\"what\":\"show\",\"filter\":\"\"}",
		&r, &e),
	    0);
	assert_int_equal(r.verb, CONTROL_NOTE);
	assert_string_equal(r.what, "show");
	assert_int_equal(parse("{\"v\":1,\"verb\":\"hand-over\"}", &r, &e), 0);
	assert_int_equal(r.verb, CONTROL_HAND_OVER);
}

static void
test_bad_requests(void **state)
{
	static const char *const bad[] = { "", "{", "[]", "1", "null",
		"{\"v\":1}", "{\"verb\":\"status\"}",
		"{\"v\":2,\"verb\":\"status\"}",
		"{\"v\":\"1\",\"verb\":\"status\"}",
		"{\"v\":1,\"verb\":\"nope\"}", "{\"v\":1,\"verb\":0}",
		"{\"v\":1,\"verb\":\"status\",\"x\":0}",
		"{\"v\":1,\"verb\":\"status\",\"run\":\"0\"}",
		"{\"v\":1,\"verb\":\"kill\"}",
		"{\"v\":1,\"verb\":\"kill\",\"run\":\"\"}",
		"{\"v\":1,\"verb\":\"kill\",\"run\":7}",
		"{\"v\":1,\"verb\":\"hand-over\",\"run\":\"0\"}",
		"{\"v\":1,\"verb\":\"kill\",\"run\":\"0g\"}",
		"{\"v\":1,\"verb\":\"kill\",\"run\":\"0A\"}",
		"{\"v\":1,\"verb\":\"kill\",\"run\":\"0\\u0000\"}",
		"{\"v\":1,\"verb\":\"kill\",\"run\":\"000000000000000000000000000000000\"}",
		"{\"v\":1,\"verb\":\"note\",\"what\":\"x\"}",
		"{\"v\":1,\"verb\":\"status\"} ,", NULL };
	struct control_request r = { .verb = CONTROL_VERBS };
	struct err e;
	size_t i;
	(void)state;

	for (i = 0; bad[i] != NULL; i++) {
		assert_int_equal(parse(bad[i], &r, &e), ERR_BAD);
		assert_true(e.what[0] != '\0');
		assert_int_equal(r.verb, CONTROL_VERBS); /* left alone */
	}
}

static void
test_lengths(void **state)
{
	struct control_request r = { .verb = CONTROL_NOTE };
	const uint8_t head[] = { 0x04, 0x03, 0x02, 0x01 };
	CLEANUP_BUF struct buf b;
	(void)state;

	assert_int_equal(control_request_length(head), 0x01020304);
	memset(r.what, 'w', sizeof(r.what) - 1);
	memset(r.filter, '"', sizeof(r.filter) - 1); /* two bytes each */
	buf_init(&b, CONTROL_HEAD + CONTROL_MAX_REQUEST);
	control_request_put(&b, &r);
	assert_false(b.overflow); /* the longest that is plain text fits */
	assert_int_equal(control_request_length(b.p), b.len - CONTROL_HEAD);
}

/* --- the socket --------------------------------------------------------- */

static char dir[] = "/tmp/test_control.XXXXXX";

static int
make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL;
}

static int
remove_dir(void **state)
{
	char command[128];
	(void)state;

	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static void
test_socket(void **state)
{
	struct control_socket s, second;
	char path[256];
	struct peer p;
	struct stat st;
	struct err e = { 0 };
	int fd, got;
	(void)state;

	/* longer than sockaddr_un has room for, and made */
	(void)snprintf(path, sizeof(path), "%s/%0120d", dir, 7);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)strcat(path, "/new/control.sock");
	assert_int_equal(control_socket_connect(path, &e), ERR_EOF);
	assert_int_equal(control_socket_open(path, &s, &e), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	fd = control_socket_connect(path, &e);
	assert_true(fd >= 0);
	got = accept(s.fd, NULL, NULL);
	assert_true(got >= 0);
	assert_int_equal(peer_read(got, &p, &e), 0);
	assert_int_equal(p.pid, getpid());
	assert_int_equal(p.uid, geteuid());
	assert_string_equal(p.name, "test_control");
	assert_int_equal(peer_check(&p, &e), ERR_DENIED); /* it is ourselves */
	(void)close(got);
	(void)close(fd);
	/* one that answers is not pushed aside */
	assert_int_equal(control_socket_open(path, &second, &e), ERR_BAD);
	assert_non_null(strstr(e.what, "another mcp-execd"));
	/* one that was left behind is */
	(void)close(s.fd);
	s.fd = -1;
	assert_int_equal(control_socket_connect(path, &e), ERR_EOF);
	assert_int_equal(control_socket_open(path, &second, &e), 0);
	control_socket_close(&s); /* not ours any more: it stays */
	assert_int_equal(stat(path, &st), 0);
	control_socket_close(&second);
	assert_int_equal(stat(path, &st), -1);
}

static void
test_wrong_places(void **state)
{
	struct control_socket s;
	char path[256];
	struct err e = { 0 };
	int fd;
	(void)state;

	assert_int_equal(control_socket_open("relative", &s, &e), ERR_BAD);
	assert_int_equal(
	    control_socket_open("/no/such/dir/s", &s, &e), ERR_SYS);
	(void)snprintf(path, sizeof(path), "%s/file", dir);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(control_socket_open(path, &s, &e), ERR_BAD);
	assert_non_null(strstr(e.what, "something else"));
	(void)snprintf(path, sizeof(path), "%s/open", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, 0777), 0);
	(void)strcat(path, "/s");
	assert_int_equal(control_socket_open(path, &s, &e), ERR_BAD);
	assert_non_null(strstr(e.what, "others can write"));
}

static void
test_ancestors(void **state)
{
	pid_t child = fork();
	struct peer p = { .uid = geteuid() };
	struct err e = { 0 };
	(void)state;

	if (child == 0) {
		(void)pause();
		_exit(0);
	}
	assert_true(proctree_has_ancestor(getpid(), getpid()));
	assert_true(proctree_has_ancestor(child, getpid()));
	assert_false(proctree_has_ancestor(getppid(), getpid()));
	assert_false(proctree_has_ancestor(getpid(), child));
	p.pid = child;
	assert_int_equal(peer_check(&p, &e), ERR_DENIED);
	p.pid = getppid();
	assert_int_equal(peer_check(&p, &e), 0);
	p.uid = geteuid() + 1;
	assert_int_equal(peer_check(&p, &e), ERR_DENIED);
	p.uid = geteuid();
	p.pid = 0; /* of a pid namespace that we do not see */
	assert_int_equal(peer_check(&p, &e), ERR_DENIED);
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	assert_true(proctree_has_ancestor(child, getpid())); /* gone */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FDS_KEPT(test_requests),
		FDS_KEPT(test_bad_requests),
		FDS_KEPT(test_lengths),
		FDS_KEPT(test_socket),
		FDS_KEPT(test_wrong_places),
		FDS_KEPT(test_ancestors),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
