/* SPDX-License-Identifier: MIT */
/* Which plans have a prepared root, and that its maker holds no place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "executor/confine/mounts.h"
#include "executor/launcher/mounts_ready.h"

enum {
	PATIENCE_S = 20, /* of a maker that waits for a lock */
	OTHER = 126
};

static char dir[64], name[80];

static int
make_dir(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/test_mounts_ready.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(name, sizeof(name), "%s/.ssh", dir);
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	(void)unlink(name);
	(void)rmdir(name);
	return rmdir(dir);
}

/* The system's programs, a writable directory, and a name in it. */
static void
make_plan(struct mounts *m)
{
	struct err e = { 0 };

	mounts_init(m);
	if (mounts_add(m, MOUNTS_READ, "/usr", false, &e) != 0 ||
	    mounts_add(m, MOUNTS_WRITE, dir, false, &e) != 0 ||
	    mounts_add_protected(m, name, &e) != 0 || mounts_done(m, &e) != 0)
		fail_msg("%s", e.what);
}

static int
ready_make(const struct mounts *m)
{
	static struct mounts_records records;

	return mounts_ready_make(m, &records);
}

/* A private directory in another: neither is there when a run goes in. */
static int
enter_nested(const struct mounts *unused)
{
	static struct mounts_records records;
	struct mounts_ready t = { .records = &records,
		.prepared = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC),
		.host = -1 };
	struct err e = { 0 };
	const char *failed;
	struct mounts m;
	struct stat st;

	(void)unused;
	mounts_init(&m);
	if (mounts_add(&m, MOUNTS_READ, "/usr", false, &e) != 0 ||
	    mounts_add(&m, MOUNTS_TMPFS, "/tmp", false, &e) != 0 ||
	    mounts_add(&m, MOUNTS_TMPFS, dir, false, &e) != 0 ||
	    mounts_done(&m, &e) != 0 || mounts_ready_make(&m, &records) != 0 ||
	    mounts_ready_enter(&m, &t, &failed) != 0)
		return -EINVAL;
	return records.stale ? -ESTALE : stat(dir, &st) == 0 ? 0 : -errno;
}

static int
prepare(const struct mounts *m)
{
	const char *failed;

	return mounts_prepare(m, &failed);
}

/* In a mount namespace of its own: 0 or an errno; SIGALRM if it waits. */
static int
try_in_fork(int (*make)(const struct mounts *m))
{
	struct mounts m;
	int status, r;
	pid_t pid;

	make_plan(&m);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		(void)alarm(PATIENCE_S);
		r = unshare(CLONE_NEWNS) == 0 ? -make(&m) : OTHER;
		_exit(r >= 0 && r < OTHER ? r : OTHER);
	}
	mounts_fini(&m);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		fail_msg("it was ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static void
need_namespaces(void)
{
	pid_t pid;
	int status;

	if (geteuid() == 0) {
		pid = fork();
		assert_int_not_equal(pid, -1);
		if (pid == 0)
			_exit(unshare(CLONE_NEWNS) == 0 ? 0 : 1);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			return;
	}
	print_message("no mount namespace: only root may make one\n");
	skip();
}

/*
 * The last run that holds a place takes it away, and knows by its lock that it
 * is the last.  Anyone who takes a lock as well, if only for a moment, makes that
 * run believe that another one goes on.
 */
static void
test_no_lock_on_a_place(void **state)
{
	struct stat st;
	int fd;

	(void)state;
	need_namespaces();
	assert_int_equal(mkdir(name, 0), 0);
	fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_not_equal(fd, -1);
	assert_int_equal(flock(fd, LOCK_EX), 0); /* who wants one waits */
	assert_int_equal(try_in_fork(ready_make), ENOTSUP);
	/* and if it came after the look at the host */
	assert_int_equal(try_in_fork(prepare), EAGAIN);
	(void)close(fd);
	assert_int_equal(try_in_fork(ready_make), ENOTSUP);
	assert_int_equal(lstat(name, &st), 0); /* it is not the maker's */
	assert_int_equal(st.st_mode, S_IFDIR);
}

static void
test_no_place_is_made(void **state)
{
	struct stat st;

	(void)state;
	need_namespaces();
	assert_int_equal(try_in_fork(ready_make), ENOTSUP);
	assert_int_equal(lstat(name, &st), -1);
	assert_int_equal(errno, ENOENT);
}

/* What is really there is bound, be it a file or a directory. */
static void
test_name_that_is_there(void **state)
{
	int fd;

	(void)state;
	need_namespaces();
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_int_not_equal(fd, -1);
	(void)close(fd);
	assert_int_equal(try_in_fork(ready_make), 0);
	assert_int_equal(try_in_fork(prepare), 0);
	assert_int_equal(unlink(name), 0);
	/* a directory that may be entered is not a place */
	assert_int_equal(mkdir(name, 0700), 0);
	assert_int_equal(try_in_fork(ready_make), 0);
}

static void
test_private_in_private(void **state)
{
	(void)state;
	need_namespaces();
	assert_int_equal(try_in_fork(enter_nested), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_private_in_private, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
		    test_no_lock_on_a_place, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
		    test_no_place_is_made, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
		    test_name_that_is_there, make_dir, remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
