/* SPDX-License-Identifier: MIT */
/* Unit tests of common/fdio, in a directory of their own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <signal.h>

#include <time.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fdio.h"
#include "tests/unit/fixture_fds.h"
#include "tests/unit/fixture_skip.h"

static char top[64];

static const char *
path_of(const char *name)
{
	static char path[4][512];
	static unsigned next;
	char *p = path[next++ % 4];

	(void)snprintf(p, sizeof(path[0]), "%s/%s", top, name);
	return p;
}

static int
setup(void **state)
{
	(void)state;
	(void)umask(077);
	(void)strcpy(top, "/tmp/test_fdio.XXXXXX");
	return mkdtemp(top) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	struct dirent *d;
	DIR *dir = opendir(top);

	(void)state;
	while (dir != NULL && (d = readdir(dir)) != NULL)
		if (unlink(path_of(d->d_name)) != 0)
			(void)rmdir(path_of(d->d_name));
	if (dir != NULL)
		(void)closedir(dir);
	return rmdir(top);
}

static int
count_entries(void)
{
	struct dirent *d;
	DIR *dir = opendir(top);
	int n = 0;

	assert_non_null(dir);
	while ((d = readdir(dir)) != NULL)
		n += d->d_name[0] != '.' || strlen(d->d_name) > 2;
	(void)closedir(dir);
	return n;
}

static void
put(const char *name, const char *text, mode_t mode)
{
	struct err e;

	assert_int_equal(
	    fdio_write_file(path_of(name), mode, bytes_of(text), false, &e), 0);
}

/* Result of reading; the text must be `text` when it is 0. */
static int
get(const char *name, bool trusted, size_t max, const char *text, struct err *e)
{
	CLEANUP_BUF struct buf b;
	int r;

	buf_init(&b, max);
	r = fdio_read_file(path_of(name), trusted, &b, e);
	if (r == 0)
		assert_string_equal(buf_cstr(&b), text);
	else
		assert_int_equal(r, e->code);
	return r;
}

static void
test_flags(void **state)
{
	int p[2];
	struct err e;

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(fdio_set_nonblock(p[0], &e), 0);
	assert_true(fcntl(p[0], F_GETFL) & O_NONBLOCK);
	assert_int_equal(fdio_set_cloexec(p[0], true, &e), 0);
	assert_true(fcntl(p[0], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fdio_set_cloexec(p[0], false, &e), 0);
	assert_false(fcntl(p[0], F_GETFD) & FD_CLOEXEC);
	(void)close(p[0]);
	(void)close(p[1]);
	assert_int_equal(fdio_set_nonblock(p[0], &e), ERR_SYS);
	assert_int_equal(fdio_set_cloexec(p[0], true, &e), ERR_SYS);
	assert_int_equal(e.sysno, EBADF);
}

static void
test_write_all(void **state)
{
	enum { BIG = 1 << 20 };
	char *out = malloc(BIG), chunk[8192];
	size_t got = 0;
	struct err e;
	int p[2], status;
	ssize_t n;
	pid_t pid;

	(void)state;
	assert_non_null(out);
	memset(out, 'q', BIG);
	assert_int_equal(pipe(p), 0);
	if ((pid = fork()) == 0)
		_exit(fdio_write_all(p[1], out, BIG, &e) == 0 ? 0 : 1);
	(void)close(p[1]);
	while ((n = read(p[0], chunk, sizeof(chunk))) > 0)
		got += (size_t)n;
	assert_int_equal(got, BIG);
	assert_true(waitpid(pid, &status, 0) == pid);
	assert_int_equal(status, 0);
	(void)close(p[0]);
	assert_int_equal(fdio_write_all(-1, "x", 1, &e), ERR_SYS);
	assert_int_equal(fdio_write_all(-1, NULL, 0, &e), 0);
	free(out);
}

static void
test_round_trip(void **state)
{
	char big[40000];
	struct stat st;
	struct err e;

	(void)state;
	memset(big, 'b', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	put("f", big, 0640);
	assert_int_equal(get("f", true, sizeof(big), big, &e), 0);
	assert_int_equal(stat(path_of("f"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	put("f", "", 0600);
	assert_int_equal(get("f", true, 0, "", &e), 0);
	assert_int_equal(count_entries(), 1);
}

static void
test_read_bound(void **state)
{
	struct err e;

	(void)state;
	put("f", "12345", 0600);
	assert_int_equal(get("f", false, 5, "12345", &e), 0);
	assert_int_equal(get("f", false, 4, "", &e), ERR_BAD);
	assert_non_null(strstr(e.what, "too large"));
}

static void
test_read_refuses(void **state)
{
	struct err e;

	(void)state;
	put("f", "x", 0600);
	assert_int_equal(symlink("f", path_of("link")), 0);
	assert_int_equal(get("link", false, 9, "", &e), ERR_BAD);
	assert_non_null(strstr(e.what, "symbolic link"));
	assert_int_equal(mkdir(path_of("dir"), 0700), 0);
	assert_int_equal(get("dir", false, 9, "", &e), ERR_BAD);
	/* must not wait for somebody to write */
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	assert_int_equal(get("fifo", false, 9, "", &e), ERR_BAD);
	assert_non_null(strstr(e.what, "regular"));
	assert_int_equal(get("none", false, 9, "", &e), ERR_SYS);
	assert_int_equal(e.sysno, ENOENT);
	assert_non_null(strstr(e.what, "/none: "));
	assert_int_equal(get("none/x", false, 9, "", &e), ERR_SYS);
	assert_int_equal(get("f/x", false, 9, "", &e), ERR_SYS);
	assert_int_equal(get("", false, 9, "", &e), ERR_SYS);
}

static void
test_trust(void **state)
{
	static const mode_t bad[] = { 0620, 0602, 0666 };
	struct err e;

	(void)state;
	put("f", "x", 0644);
	assert_int_equal(get("f", true, 9, "x", &e), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(chmod(path_of("f"), bad[i]), 0);
		assert_int_equal(get("f", true, 9, "x", &e), ERR_BAD);
		assert_non_null(strstr(e.what, "chmod go-w"));
		assert_int_equal(get("f", false, 9, "x", &e), 0);
	}
	assert_int_equal(chmod(path_of("f"), 0600), 0);
	assert_int_equal(chmod(top, 0720), 0);
	assert_int_equal(get("f", true, 9, "x", &e), ERR_BAD);
	assert_non_null(strstr(e.what, "its directory"));
	assert_int_equal(get("f", false, 9, "x", &e), 0);
	/* sticky does not help: others may still create the name */
	assert_int_equal(chmod(top, 01777), 0);
	assert_int_equal(get("f", true, 9, "x", &e), ERR_BAD);
	assert_int_equal(chmod(top, 0700), 0);
	assert_int_equal(get("f", true, 9, "x", &e), 0);
}

static void
test_trust_owner(void **state)
{
	struct err e;

	(void)state;
	if (geteuid() != 0)
		SKIP("only root may give a file to another");
	put("f", "x", 0600);
	assert_int_equal(chown(path_of("f"), 12345, 0), 0);
	assert_int_equal(get("f", true, 9, "x", &e), ERR_BAD);
	assert_non_null(
	    strstr(e.what, "belongs to uid 12345: chown it to root"));
	assert_null(strstr(e.what, " or ")); /* it is ours already */
	assert_int_equal(chmod(path_of("f"), 0644), 0);
	assert_int_equal(chmod(top, 0755), 0);
	assert_int_equal(seteuid(54321), 0);
	assert_int_equal(get("f", true, 9, "x", &e), ERR_BAD);
	assert_int_equal(seteuid(0), 0);
	assert_non_null(strstr(e.what, "chown it to root or to uid 54321"));
	assert_int_equal(get("f", false, 9, "x", &e), 0);
}

static void
test_join(void **state)
{
	char out[8];
	struct err e;

	(void)state;
	assert_int_equal(fdio_join(out, sizeof(out), "a", "b", &e), 0);
	assert_string_equal(out, "a/b");
	assert_int_equal(fdio_join(out, sizeof(out), "a/", "b", &e), 0);
	assert_string_equal(out, "a/b");
	assert_int_equal(fdio_join(out, sizeof(out), "abc", "/b", &e), 0);
	assert_string_equal(out, "/b");
	assert_int_equal(fdio_join(out, sizeof(out), "", "b", &e), 0);
	assert_string_equal(out, "b");
	assert_int_equal(fdio_join(out, sizeof(out), "/", "b", &e), 0);
	assert_string_equal(out, "/b");
	assert_int_equal(fdio_join(out, sizeof(out), "abc", "def", &e), 0);
	assert_string_equal(out, "abc/def");
	assert_int_equal(
	    fdio_join(out, sizeof(out), "abcd", "def", &e), ERR_BAD);
	assert_string_equal(out, "abc/def");
	assert_int_equal(
	    fdio_join(out, sizeof(out), "a", "/1234567", &e), ERR_BAD);
	assert_int_equal(fdio_join(out, 0, "", "", &e), ERR_BAD);
	/* in place: the second part lies in the result */
	(void)strcpy(out, "xy");
	assert_int_equal(fdio_join(out, sizeof(out), "abc", out, &e), 0);
	assert_string_equal(out, "abc/xy");
}

static void
test_exclusive(void **state)
{
	struct err e;

	(void)state;
	(void)unlink(path_of("new"));
	assert_int_equal(
	    fdio_write_file(path_of("new"), 0600, BYTES_LIT("1"), true, &e), 0);
	assert_int_equal(
	    fdio_write_file(path_of("new"), 0600, BYTES_LIT("2"), true, &e),
	    ERR_BAD);
	assert_non_null(strstr(e.what, "exists already"));
	assert_int_equal(get("new", true, 9, "1", &e), 0);
}

static void
test_write_fails_clean(void **state)
{
	int before = count_entries();
	struct err e;

	(void)state;
	assert_int_equal(fdio_write_file(path_of("no/such"), 0600,
			     BYTES_LIT("1"), false, &e),
	    ERR_SYS);
	/* a directory stands in the way: nothing is left behind */
	(void)mkdir(path_of("way"), 0700);
	assert_int_equal(
	    fdio_write_file(path_of("way"), 0600, BYTES_LIT("1"), false, &e),
	    ERR_SYS);
	assert_int_equal(rmdir(path_of("way")), 0);
	assert_int_equal(count_entries(), before);
}

static void
test_write_replaces_link(void **state)
{
	struct stat st;
	struct err e;

	(void)state;
	put("target", "old", 0600);
	assert_int_equal(symlink("target", path_of("alias")), 0);
	put("alias", "new", 0600);
	assert_int_equal(lstat(path_of("alias"), &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(get("target", true, 9, "old", &e), 0);
}

static void
test_relative(void **state)
{
	CLEANUP_BUF struct buf b;
	char cwd[PATH_MAX];
	struct err e;

	(void)state;
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(chdir(top), 0);
	buf_init(&b, 9);
	assert_int_equal(
	    fdio_write_file("rel", 0600, BYTES_LIT("r"), false, &e), 0);
	assert_int_equal(fdio_read_file("rel", true, &b, &e), 0);
	assert_string_equal(buf_cstr(&b), "r");
	assert_int_equal(chdir(cwd), 0);
}

static void
test_root_directory(void **state)
{
	CLEANUP_BUF struct buf b;
	struct err e = { 0 };

	(void)state;
	buf_init(&b, 9);
	assert_int_equal(
	    fdio_read_file("/there-is-no-such-file", false, &b, &e), ERR_SYS);
	assert_int_equal(e.sysno, ENOENT);
	assert_non_null(strstr(e.what, "cannot open"));
}

static void
ignore(int sig)
{
	(void)sig;
}

/* Signals come first, then a byte. */
static void
test_await(void **state)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	struct sigaction act = { .sa_handler = ignore };
	int ends[2];
	pid_t pid;

	(void)state;
	assert_int_equal(sigaction(SIGUSR1, &act, NULL), 0);
	assert_int_equal(pipe(ends), 0);
	assert_false(fdio_await(ends[0], 1));
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 5; i++) {
			(void)nanosleep(&pause, NULL);
			(void)kill(getppid(), SIGUSR1);
		}
		(void)nanosleep(&pause, NULL);
		_exit(write(ends[1], "x", 1) != 1);
	}
	assert_true(fdio_await(ends[0], 20000));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)close(ends[1]);
	(void)close(ends[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FDS_KEPT(test_flags),
		FDS_KEPT(test_write_all),
		FDS_KEPT(test_round_trip),
		FDS_KEPT(test_read_bound),
		FDS_KEPT(test_read_refuses),
		FDS_KEPT(test_trust),
		FDS_KEPT(test_trust_owner),
		FDS_KEPT(test_join),
		FDS_KEPT(test_exclusive),
		FDS_KEPT(test_write_fails_clean),
		FDS_KEPT(test_write_replaces_link),
		FDS_KEPT(test_relative),
		FDS_KEPT(test_root_directory),
		FDS_KEPT(test_await),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
