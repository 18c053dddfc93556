/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/launcher/mountattr: what it does where the kernel has
 * no mount_setattr(2) is what that call does to the same mounts.  A filter
 * plays such a kernel; all in a mount namespace of a child's own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/filter.h"
#include "executor/launcher/mountattr.h"
#include "tests/unit/fixture_skip.h"

enum {
	MANY = 48, /* whose lines are more than one read of the table */
	ALL = MOUNTATTR_RDONLY | MOUNTATTR_NOSUID | MOUNTATTR_NODEV |
	      MOUNTATTR_NOEXEC | MOUNTATTR_NOSYMFOLLOW
};

/* Ends the child: its exit status names the line. */
#define MUST(x)                                                                \
	do {                                                                   \
		if (!(x))                                                      \
			_exit(__LINE__ % 250 + 1);                             \
	} while (0)

static char top[] = "/tmp/test_mountattr.XXXXXX";
static struct filter old_kernel, refusing_kernel;

static void
compile(struct filter *f, int error)
{
	const struct filter_rule rule = { .syscall = "mount_setattr",
		.verdict = FILTER_ERRNO,
		.error = error };
	struct err e = { 0 };

	if (filter_compile(&rule, 1, FILTER_ALLOW, 0, FILTER_ENFORCE, f, &e) !=
	    0)
		fail_msg("%s", e.what);
}

static int
setup(void **state)
{
	(void)state;
	compile(&old_kernel, ENOSYS);
	compile(&refusing_kernel, EPERM);
	return mkdtemp(top) == NULL ? -1 : chmod(top, 0755);
}

static int
teardown(void **state)
{
	(void)state;
	filter_fini(&old_kernel);
	filter_fini(&refusing_kernel);
	return rmdir(top);
}

static void
be_old(const struct filter *f)
{
	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	MUST(filter_load(f) == 0);
}

static void
put(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CLOEXEC);

	MUST(fd != -1);
	MUST(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	(void)close(fd);
}

/* As root, or as one in a user namespace. */
static void
enter_namespace(bool user)
{
	char map[64];
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWNS | (user ? CLONE_NEWUSER : 0)) == -1)
		_exit(255);
	if (user) {
		put("/proc/self/setgroups", "deny");
		(void)snprintf(map, sizeof(map), "0 %u 1", (unsigned)uid);
		put("/proc/self/uid_map", map);
		(void)snprintf(map, sizeof(map), "0 %u 1", (unsigned)gid);
		put("/proc/self/gid_map", map);
	}
	MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
}

/* Exit status 255: it may not, or nothing can be compared here. */
static void
in_child(void (*body)(void), bool user)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)alarm(60);
		enter_namespace(user);
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 255) {
		print_message("no mount namespace of its own\n");
		skip();
	}
	if (status != 0)
		fail_msg("status %#x: exit code is line %% 250 + 1", status);
}

static const char *
at(const char *tree, const char *name)
{
	static char path[4][4096];
	static unsigned next;
	char *p = path[next++ % 4];

	assert_in_range(
	    snprintf(p, sizeof(path[0]), "%s/%s%s", top, tree, name), 1,
	    sizeof(path[0]) - 1);
	return p;
}

static void
mount_at(const char *path, unsigned long flags)
{
	(void)mkdir(path, 0755);
	MUST(mount("none", path, "tmpfs", flags, "size=64k") == 0);
}

/* Mounts with every kind of flag, of name and of place, twice the same. */
static void
build(const char *tree)
{
	char name[300];

	mount_at(at(tree, ""), 0);
	mount_at(at(tree, "/a"), MS_NOSUID | MS_NODEV);
	mount_at(at(tree, "/a/b"), MS_NOEXEC | MS_NOATIME);
	mount_at(at(tree, "/a/ro"), MS_NOSUID);
	mount_at(at(tree, "/ab"), MS_RELATIME | MS_NODIRATIME);
	mount_at(at(tree, "/o d\td\\040\n#"), MS_NOSUID);
	MUST(mknod(at(tree, "/file"), S_IFREG | 0644, 0) == 0);
	MUST(mount(at(tree, "/file"), at(tree, "/file"), NULL, MS_BIND, NULL) ==
	     0);
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "/%0*d", 150 + i, i);
		mount_at(at(tree, name), i % 2 == 0 ? MS_NOSUID : 0);
	}
	MUST(mount(NULL, at(tree, "/a/ro"), NULL,
		 MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID, NULL) == 0);
}

/* "PLACE OPTIONS" of each mount of the tree, in the order of the kernel. */
static const char *
options_of(const char *tree)
{
	static char text[2][64 << 10];
	static char line[16384];
	static unsigned next;
	char *out = text[next++ % 2], *place, *options, *rest;
	const char *prefix = at(tree, "");
	size_t n = 0, len = strlen(prefix);
	FILE *f = fopen("/proc/self/mountinfo", "r");

	MUST(f != NULL);
	out[0] = '\0';
	while (fgets(line, sizeof(line), f) != NULL) {
		(void)strtok_r(line, " ", &rest);
		for (int i = 0; i < 3; i++)
			(void)strtok_r(NULL, " ", &rest);
		place = strtok_r(NULL, " ", &rest);
		options = strtok_r(NULL, " ", &rest);
		if (strncmp(place, prefix, len) == 0 &&
		    (place[len] == '\0' || place[len] == '/'))
			n += (size_t)snprintf(out + n, sizeof(text[0]) - n,
			    "%s %s\n", place + len, options);
	}
	(void)fclose(f);
	MUST(n < sizeof(text[0]));
	return out;
}

static bool
same(void)
{
	return strcmp(options_of("new"), options_of("old")) == 0;
}

/* The call itself, at tree "new": 0 or an errno. */
static int
by_kernel(const char *name, uint64_t set, uint64_t clear, bool recursive)
{
	const uint64_t attr[4] = { set, clear, 0, 0 };

	return syscall(SYS_mount_setattr, AT_FDCWD, at("new", name),
		   recursive ? 0x8000U : 0U, attr, sizeof(attr)) == 0
		   ? 0
		   : errno;
}

/* Ours at tree "old", in a child as a filter stays: 0 or an errno. */
static int
by_us(const struct filter *kernel, const char *name, uint64_t set,
    uint64_t clear, bool recursive)
{
	int status, r;
	pid_t pid = fork();

	MUST(pid >= 0);
	if (pid == 0) {
		(void)alarm(60);
		be_old(kernel);
		r = clear != 0 ? mountattr_clear(at("old", name), clear)
			       : mountattr_set(at("old", name), set, recursive);
		mountattr_done();
		MUST(r <= 0 && r > -200);
		_exit(-r);
	}
	MUST(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
make_trees(void)
{
	mount_at(top, 0);
	build("new");
	build("old");
	MUST(same());
	if (by_kernel("", 0, 0, true) != 0)
		_exit(255); /* there is nothing to compare with */
}

/* Set where some have it, and only there; cleared again; kept elsewhere. */
static void
like_the_kernel(void)
{
	static const struct {
		const char *name;
		uint64_t set, clear;
		bool recursive;
	} rows[] = {
		{ "/ab", MOUNTATTR_RDONLY, 0, true },
		{ "/a", MOUNTATTR_NOEXEC, 0, false },
		{ "/file", MOUNTATTR_NODEV, 0, true },
		{ "/o d\td\\040\n#", MOUNTATTR_NOSYMFOLLOW, 0, false },
		{ "/a", MOUNTATTR_NODEV | MOUNTATTR_RDONLY, 0, true },
		{ "", MOUNTATTR_NOSYMFOLLOW, 0, false },
		{ "/a", 0, MOUNTATTR_NOEXEC | MOUNTATTR_RDONLY, true },
		{ "", MOUNTATTR_NOSYMFOLLOW | MOUNTATTR_NOSUID, 0, true },
		{ "", 0, MOUNTATTR_NOSYMFOLLOW, true },
		{ "", ALL, 0, true },
	};

	make_trees();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		MUST(by_kernel(rows[i].name, rows[i].set, rows[i].clear,
			 rows[i].recursive) == 0);
		MUST(!same()); /* each row changes something */
		MUST(by_us(&old_kernel, rows[i].name, rows[i].set,
			 rows[i].clear, rows[i].recursive) == 0);
		MUST(same());
	}
	MUST(mkdir(at("old", "/a/b/x"), 0755) == -1 && errno == EROFS);
}

/* A place without a mount, or none; and EPERM is not gone round. */
static void
fails_like_the_kernel(void)
{
	make_trees();
	MUST(mkdir(at("new", "/a/b/dir"), 0755) == 0);
	MUST(mkdir(at("old", "/a/b/dir"), 0755) == 0);
	MUST(by_kernel("/a/b/dir", MOUNTATTR_RDONLY, 0, true) == EINVAL);
	MUST(by_us(&old_kernel, "/a/b/dir", MOUNTATTR_RDONLY, 0, true) ==
	     EINVAL);
	MUST(by_kernel("/none", MOUNTATTR_RDONLY, 0, true) == ENOENT);
	MUST(by_us(&old_kernel, "/none", MOUNTATTR_RDONLY, 0, true) != 0);
	MUST(same());
	MUST(by_us(&refusing_kernel, "", MOUNTATTR_RDONLY, 0, true) == EPERM);
	MUST(same());
}

/* A mount that another one covers is not looked for without end. */
static void
covered(void)
{
	make_trees();
	mount_at(at("old", "/ab"), 0);
	mount_at(at("old", "/ab/within"), 0);
	MUST(by_us(&old_kernel, "", ALL, 0, true) == 0);
	MUST(mkdir(at("old", "/ab/x"), 0755) == -1 && errno == EROFS);
	MUST(mkdir(at("old", "/ab/within/x"), 0755) == -1 && errno == EROFS);
	MUST(mkdir(at("old", "/a/b/x"), 0755) == -1 && errno == EROFS);
}

/* What root locked, no user namespace takes away; one may still add. */
static void
locked(void)
{
	make_trees();
	MUST(by_kernel("", ALL & ~MOUNTATTR_NOSYMFOLLOW, 0, true) == 0);
	MUST(
	    by_us(&old_kernel, "", ALL & ~MOUNTATTR_NOSYMFOLLOW, 0, true) == 0);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == -1)
		_exit(255);
	MUST(by_kernel("", 0, MOUNTATTR_RDONLY, true) == EPERM);
	MUST(by_us(&old_kernel, "", 0, MOUNTATTR_RDONLY, true) == EPERM);
	MUST(same());
	MUST(by_kernel("", MOUNTATTR_NOSYMFOLLOW, 0, true) == 0);
	MUST(by_us(&old_kernel, "", MOUNTATTR_NOSYMFOLLOW, 0, true) == 0);
	MUST(same());
}

/* A tree that is not mounted yet: this kernel cannot, and it is said. */
static void
detached(void)
{
	make_trees();
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, at("old", ""),
	    1U | 0x8000U); /* OPEN_TREE_CLONE, AT_RECURSIVE */
	MUST(tree != -1);
	MUST(mountattr_set_tree(tree, MOUNTATTR_RDONLY) == 0);
	MUST(mkdirat(tree, "x", 0755) == -1 && errno == EROFS);
	be_old(&old_kernel);
	MUST(mountattr_set_tree(tree, MOUNTATTR_RDONLY) == -ENOSYS);
	MUST(mountattr_set_tree(-1, MOUNTATTR_RDONLY) == -ENOSYS);
}

/* Five directories of as many spaces as that, a mount in the last. */
static void
mount_far(const char *tree, int spaces)
{
	char name[4096];
	size_t n = 0;

	for (int i = 0; i < 5; i++) {
		n += (size_t)snprintf(
		    name + n, sizeof(name) - n, "/%*s", spaces, "");
		MUST(mkdir(at(tree, name), 0755) == 0);
	}
	mount_at(at(tree, name), 0);
}

/* Lines that the kernel hands out in pieces; one that is longer than ours. */
static void
long_lines(void)
{
	make_trees();
	mount_far("new", 216); /* a space is four bytes there */
	mount_far("old", 216);
	mount_at(at("new", "/last"), 0);
	mount_at(at("old", "/last"), 0);
	MUST(by_kernel("", ALL, 0, true) == 0);
	MUST(by_us(&old_kernel, "", ALL, 0, true) == 0);
	MUST(same());
}

static void
too_long(void)
{
	make_trees();
	mount_far("old", 255);
	MUST(by_us(&old_kernel, "", ALL, 0, true) == EIO);
}

/* While a root is built the table is that of /old; it does not stay open. */
static void
table_of_old(void)
{
	int free_fd;

	make_trees();
	MUST(mkdir(at("", "old/root"), 0755) == 0);
	MUST(mkdir(at("", "old/root/old"), 0755) == 0);
	mount_at(at("", "old/root/new"), 0);
	MUST(mount("/", at("", "old/root/old"), NULL, MS_BIND | MS_REC, NULL) ==
	     0);
	MUST(chroot(at("", "old/root")) == 0 && chdir("/") == 0);
	be_old(&old_kernel);
	free_fd = dup(0);
	(void)close(free_fd);
	MUST(mountattr_set("/new", MOUNTATTR_RDONLY, true) == 0);
	MUST(mkdir("/new/x", 0755) == -1 && errno == EROFS);
	MUST(fcntl(free_fd, F_GETFD) == FD_CLOEXEC);
	mountattr_done();
	MUST(fcntl(free_fd, F_GETFD) == -1);
	mountattr_done();
	MUST(umount2("/old", MNT_DETACH) == 0);
	MUST(mountattr_clear("/new", MOUNTATTR_RDONLY) == -ENOENT);
	MUST(mkdir("/old/proc", 0755) == 0 &&
	     mkdir("/old/proc/self", 0755) == 0);
	MUST(mkdir("/old/proc/self/mountinfo", 0755) == 0); /* EISDIR */
	MUST(mountattr_clear("/new", MOUNTATTR_RDONLY) == -EIO);
}

#define BOTH(name)                                                                  \
	static void test_##name(void **state)                                       \
	{                                                                           \
		(void)state;                                                        \
		if (geteuid() != 0)                                                 \
			SKIP(                                                       \
			    "only root; the next one does it in a user namespace"); \
		in_child(name, false);                                              \
	}                                                                           \
	static void test_##name##_as_user(void **state)                             \
	{                                                                           \
		(void)state;                                                        \
		in_child(name, true);                                               \
	}

BOTH(like_the_kernel)
BOTH(fails_like_the_kernel)
BOTH(covered)
BOTH(locked)
BOTH(detached)
BOTH(long_lines)
BOTH(too_long)
BOTH(table_of_old)

#define BOTH_ROWS(name)                                                        \
	cmocka_unit_test(test_##name), cmocka_unit_test(test_##name##_as_user)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_ROWS(like_the_kernel),
		BOTH_ROWS(fails_like_the_kernel),
		BOTH_ROWS(covered),
		BOTH_ROWS(locked),
		BOTH_ROWS(detached),
		BOTH_ROWS(long_lines),
		BOTH_ROWS(too_long),
		BOTH_ROWS(table_of_old),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
