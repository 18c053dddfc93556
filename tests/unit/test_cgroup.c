/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/confine/cgroup in a directory that has the files of a
 * control group: what is written where, and what it does when that fails.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "executor/confine/cgroup.h"
#include "tests/unit/fixture_executor.h"

#define RUN   "0123456789abcdef"
#define OTHER "fedcba9876543210"

static bool bare; /* a group that is made has no files, so it has no limits */
static bool busy; /* a group has processes */
static const char *refused; /* a group of that name cannot be made */

static const char *const files[] = { "cgroup.procs", "cgroup.controllers",
	"cgroup.subtree_control", "cgroup.kill", "pids.max", "memory.max",
	"memory.swap.max", "memory.oom.group", "cpu.max", "cpu.weight" };

static void
put(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
}

/* A group that is made has its files, as the kernel has it. */
int
mkdirat(int dir, const char *name, mode_t mode)
{
	int fd, rc;

	if (refused != NULL && strcmp(name, refused) == 0) {
		errno = EACCES;
		return -1;
	}
	rc = (int)syscall(SYS_mkdirat, dir, name, mode);
	if (rc == -1 || bare)
		return rc;
	fd = openat(dir, name, O_PATH | O_DIRECTORY);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		put(fd, files[i],
		    strcmp(files[i], "cgroup.controllers") == 0
			? "cpuset cpu memory pids"
			: "");
	(void)close(fd);
	return 0;
}

/* And goes with them, unless a process is in it. */
int
unlinkat(int dir, const char *name, int flags)
{
	int fd = openat(dir, name, O_PATH | O_DIRECTORY);

	if (busy) {
		(void)close(fd);
		errno = EBUSY;
		return -1;
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		(void)syscall(SYS_unlinkat, fd, files[i], 0);
	(void)close(fd);
	return (int)syscall(SYS_unlinkat, dir, name, flags);
}

static char base[128];

/* --- a machine with control groups, of a process's own ---------------------- */

enum { NO_GROUPS, UNIFIED, HYBRID };

static struct scene {
	int mount; /* where version 2 is */
	const char *text; /* what /proc says of us; NULL: all is as it is */
	const char *delegated; /* the path of the group below the mount */
	const char *mark; /* by this attribute; if it ends in =, of no bytes */
	const char *used; /* which one is taken; NULL: none */
	bool room; /* it may have processes as well as groups */
} scene;

static const char *
place_of(const char *path, char out[PATH_MAX])
{
	const char *mount =
	    scene.mount == HYBRID ? CGROUP_HYBRID : "/sys/fs/cgroup";

	if (scene.text == NULL || strncmp(path, mount, strlen(mount)) != 0)
		return path;
	(void)snprintf(
	    out, PATH_MAX, "%s%s", fixture_top, path + strlen(mount));
	return out;
}

int
statfs(const char *path, struct statfs *fs)
{
	if (scene.text == NULL)
		return (int)syscall(SYS_statfs, path, fs);
	memset(fs, 0, sizeof(*fs));
	if (strcmp(path, CGROUP_HYBRID) == 0 ? scene.mount == HYBRID
					     : scene.mount == UNIFIED)
		fs->f_type = 0x63677270;
	return 0;
}

int
openat(int dir, const char *path, int flags, ...)
{
	char place[PATH_MAX];
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if ((flags & O_CREAT) != 0)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	if (scene.text != NULL && strncmp(path, "/proc/", 6) == 0 &&
	    strstr(path, "/cgroup") != NULL)
		path = fixture_path("proc");
	return (int)syscall(
	    SYS_openat, dir, place_of(path, place), flags, mode);
}

int
open(const char *path, int flags, ...)
{
	char place[PATH_MAX];
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if ((flags & O_CREAT) != 0)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	return (int)syscall(
	    SYS_openat, AT_FDCWD, place_of(path, place), flags, mode);
}

int
stat(const char *path, struct stat *st)
{
	char place[PATH_MAX];

	return fstatat(AT_FDCWD, place_of(path, place), st, 0);
}

ssize_t
getxattr(const char *path, const char *name, void *value, size_t size)
{
	char place[PATH_MAX], want[PATH_MAX];
	size_t len = strcspn(scene.mark, "=");

	(void)snprintf(want, sizeof(want), "%s%s", fixture_top,
	    scene.delegated != NULL ? scene.delegated : "/none");
	(void)size;
	if (strcmp(place_of(path, place), want) != 0 || strlen(name) != len ||
	    strncmp(name, scene.mark, len) != 0) {
		errno = ENODATA;
		return -1;
	}
	if (scene.mark[len] == '=')
		return 0;
	memcpy(value, "1", 1);
	return 1;
}

static const char *
path_of(const char *name)
{
	static char path[4][256];
	static unsigned next;
	char *p = path[next++ % 4];

	(void)snprintf(p, sizeof(path[0]), "%s/%s", base, name);
	return p;
}

static bool
is_there(const char *name)
{
	return access(path_of(name), F_OK) == 0;
}

/* What was written last; a file that cannot be cut keeps the rest. */
static void
has(const char *name, const char *want)
{
	char text[64];
	int fd = open(path_of(name), O_RDONLY);
	ssize_t n;

	assert_int_not_equal(fd, -1);
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	assert_true(n >= 0);
	text[n] = '\0';
	if (want[0] == '+')
		text[strlen(want)] = '\0';
	assert_string_equal(text, want);
}

static void
test_look(void **state)
{
	char path[PATH_MAX], nowhere[160];
	unsigned bits = 99;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(cgroup_look("off", path, &bits, &e), 0);
	assert_true(path[0] == '\0' && bits == 0);
	assert_int_equal(cgroup_look(base, path, &bits, &e), 0);
	assert_string_equal(path, base);
	assert_int_equal(bits, CGROUP_MEMORY | CGROUP_PIDS);
	(void)snprintf(nowhere, sizeof(nowhere), "%s/none", base);
	assert_int_not_equal(cgroup_look(nowhere, path, &bits, &e), 0);
	assert_true(path[0] == '\0' && bits == 0);
	assert_non_null(strstr(e.what, nowhere));
	/* no group, but a directory */
	assert_int_equal(syscall(SYS_mkdirat, AT_FDCWD, nowhere, 0755), 0);
	assert_int_not_equal(cgroup_look(nowhere, path, &bits, &e), 0);
	assert_int_equal(rmdir(nowhere), 0);
	assert_false(cgroup_ready());
	assert_int_equal(cgroup_fd(), -1);
}

/* In a child, because it is for good: what is wrong there by number. */
static int
find_group_of(const struct scene *s)
{
	char path[PATH_MAX], place[PATH_MAX], want[PATH_MAX];
	unsigned bits;
	struct err e = { 0 };

	fixture_write(fixture_path("proc"), s->text, 0600);
	scene = *s;
	(void)snprintf(want, sizeof(want), "%s%s", fixture_top,
	    s->used != NULL ? s->used : "");
	if (cgroup_look("auto", path, &bits, &e) != 0)
		return 1;
	if (s->used == NULL && (path[0] != '\0' || bits != 0))
		return 2;
	if (s->used != NULL && strcmp(place_of(path, place), want) != 0)
		return 3;
	if (cgroup_setup("auto", &e) != 0 ||
	    cgroup_ready() != (s->used != NULL))
		return 4;
	if (s->used != NULL && (!is_there("runs") || !is_there("supervisor")))
		return 5;
	if (cgroup_has_room() != s->room)
		return 6;
	if (s->used != NULL && cgroup_setup("auto", &e) != 0) /* it is so */
		return 7;
	return 0;
}

static int
in_child(int (*what)(const struct scene *), const struct scene *s)
{
	static const char *const made[] = { "supervisor", "runs", "guards" };
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(what(s));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		(void)unlinkat(AT_FDCWD, path_of(made[i]), AT_REMOVEDIR);
	return WEXITSTATUS(status);
}

static void
each_scene(
    int (*look)(const struct scene *s), const struct scene *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int wrong = in_child(look, &cases[i]);

		if (wrong != 0)
			fail_msg("case %zu: %d", i, wrong);
	}
}

#define USER    "user.delegate"
#define TRUSTED "trusted.delegate"

/* The group that systemd gave us, and never one that it did not. */
static void
test_discovery(void **state)
{
	static const struct scene cases[] = {
		{ UNIFIED, "0::/group\n", "/group", USER, "/group", false },
		{ UNIFIED, "1:name=x:/y\n0::/group\n", "/group", TRUSTED,
		    "/group", false },
		{ HYBRID, "0::/group\n", "/group", TRUSTED, "/group", false },
		/* in the leaf of one */
		{ UNIFIED, "0::/group/supervisor\n", "/group", USER, "/group",
		    true },
		/* without a line's end */
		{ UNIFIED, "0::/group", "/group", USER, "/group", false },
		{ UNIFIED, "0::/group\n", NULL, USER, NULL, true },
		{ UNIFIED, "0::/group\n", "/group", "user.other", NULL, true },
		{ UNIFIED, "0::/group\n", "/group", USER "=", NULL, true },
		{ UNIFIED, "0::/group\n", "/group", TRUSTED "=", NULL, true },
		{ UNIFIED, "0::/group/inside\n", "/group", USER, NULL, true },
		{ UNIFIED, "0::/supervisor\n", "/group", USER, NULL, true },
		{ UNIFIED, "0::/\n", "/group", USER, NULL, true },
		{ UNIFIED, "0::", "/group", USER, NULL, true },
		{ UNIFIED, "1:name=x:/group\n", "/group", USER, NULL, true },
		{ UNIFIED, "", "/group", USER, NULL, true },
		{ NO_GROUPS, "0::/group\n", "/group", USER, NULL, true },
	};

	(void)state;
	each_scene(find_group_of, cases, sizeof(cases) / sizeof(cases[0]));
}

/* As of a unit's ExecReload=, or of a shell: the service's, if it has one. */
static int
look_for_service(const struct scene *s)
{
	char path[PATH_MAX], place[PATH_MAX], want[PATH_MAX];
	unsigned bits;
	struct err e = { 0 };

	fixture_write(fixture_path("proc"), s->text, 0600);
	scene = *s;
	(void)snprintf(want, sizeof(want), "%s%s", fixture_top,
	    s->used != NULL ? s->used : "");
	cgroup_of_instance("two");
	if (cgroup_look("auto", path, &bits, &e) !=
	    (s->used != NULL && access(want, F_OK) != 0 ? ERR_SYS : 0))
		return 1;
	if (e.code != 0)
		return strstr(e.what, s->used) != NULL ? 0 : 2;
	if (s->used == NULL ? path[0] != '\0'
			    : strcmp(place_of(path, place), want) != 0)
		return 3;
	return 0;
}

#define SERVICE "/system.slice/mcp-execd@two.service"

static void
test_service_group(void **state)
{
	static const struct scene cases[] = {
		{ UNIFIED, "0::/group/.control\n", "/group", USER, "/group",
		    false },
		{ UNIFIED, "0::/group/.control\n", NULL, USER, NULL, false },
		/* it is found where systemd puts it, and cannot be used here */
		{ UNIFIED, "0::/user.slice\n", SERVICE, TRUSTED, SERVICE,
		    false },
		{ UNIFIED, "0::/user.slice\n",
		    "/system.slice/mcp-execd.service", TRUSTED, NULL, false },
		{ NO_GROUPS, "0::/user.slice\n", SERVICE, TRUSTED, NULL,
		    false },
	};

	(void)state;
	each_scene(look_for_service, cases, sizeof(cases) / sizeof(cases[0]));
}

/* Of another process: the group around its leaf. */
static int
ask_service(const struct scene *s)
{
	char path[PATH_MAX], place[PATH_MAX], want[PATH_MAX];

	fixture_write(fixture_path("proc"), s->text, 0600);
	scene = *s;
	(void)snprintf(want, sizeof(want), "%s%s", fixture_top,
	    s->used != NULL ? s->used : "");
	if (cgroup_of_service(getppid(), path) != (s->used != NULL))
		return 1;
	return s->used == NULL || strcmp(place_of(path, place), want) == 0 ? 0
									   : 2;
}

static void
test_of_service(void **state)
{
	static const struct scene cases[] = {
		{ UNIFIED, "0::/group/supervisor\n", NULL, USER, "/group",
		    false },
		{ UNIFIED, "0::/group\n", NULL, USER, NULL, false },
		{ UNIFIED, "0::/supervisor\n", NULL, USER, "", false },
		{ UNIFIED, "0::/group/mysupervisor\n", NULL, USER, NULL,
		    false },
		{ UNIFIED, "2:cpu:/a\n", NULL, USER, NULL, false },
	};

	(void)state;
	each_scene(ask_service, cases, sizeof(cases) / sizeof(cases[0]));
}

/* One that is ours and cannot be used: none, and that is said. */
static int
find_unusable(const struct scene *s)
{
	struct err e = { 0 };

	fixture_write(fixture_path("proc"), s->text, 0600);
	scene = *s;
	if (cgroup_setup("auto", &e) != 0 || cgroup_ready())
		return 1;
	return cgroup_setup(base, &e) == 0 || e.what[0] == '\0' ? 2 : 0;
}

static void
test_unusable(void **state)
{
	static const struct scene s = { UNIFIED, "0::/group\n", "/group", USER,
		NULL, false };
	static const char *const names[] = { "supervisor", "runs", "guards" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		refused = names[i];
		assert_int_equal(in_child(find_unusable, &s), 0);
	}
	refused = NULL;
	bare = true;
	assert_int_equal(in_child(find_unusable, &s), 0);
	bare = false;
}

/* Who plans for a service: as if, and never after it is so. */
static void
test_assumed(void **state)
{
	(void)state;
	cgroup_suppose(CGROUP_PIDS);
	assert_true(cgroup_supposed() && cgroup_ready());
	assert_int_equal(cgroup_controllers(), CGROUP_PIDS);
	cgroup_assume(false, CGROUP_PIDS);
	assert_false(cgroup_supposed() || cgroup_ready());
	assert_int_equal(cgroup_controllers(), 0);
}

/* In a child, because it is for good: what is wrong there by number. */
static int
only_look(void)
{
	struct err e = { 0 };

	cgroup_only_look();
	if (cgroup_setup("/nowhere", &e) == 0 || cgroup_ready())
		return 1;
	if (cgroup_setup(base, &e) != 0 || !cgroup_ready())
		return 2;
	if (cgroup_controllers() != (CGROUP_MEMORY | CGROUP_PIDS))
		return 3;
	return is_there("runs") || is_there("supervisor") ? 4 : 0;
}

/* Who makes plans finds the group that the service uses, and makes none. */
static void
test_only_look(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(only_look());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* The service keeps a part of everything that no run gets. */
static void
test_setup(void **state)
{
	char pid[16];
	struct err e = { 0 };

	(void)state;
	assert_int_equal(cgroup_setup("off", &e), 0);
	assert_false(cgroup_ready());
	assert_int_not_equal(cgroup_setup("/nowhere", &e), 0);
	assert_false(cgroup_ready());
	bare = true; /* it cannot be moved into */
	assert_int_not_equal(cgroup_setup(base, &e), 0);
	assert_false(cgroup_ready());
	assert_int_equal(rmdir(path_of("supervisor")), 0);
	assert_int_equal(rmdir(path_of("runs")), 0);
	bare = false;
	assert_int_equal(cgroup_setup(base, &e), 0);
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	has("supervisor/cgroup.procs", pid);
	has("supervisor/cpu.weight", "1000");
	has("cgroup.subtree_control", "+pids"); /* of two, the last */
	has("runs/cgroup.subtree_control", "+cpu");
	has("runs/pids.max", "700");
	has("runs/memory.max", "7000");
	assert_int_equal(cgroup_fair_processes(), 175);
	assert_int_equal(
	    cgroup_controllers(), CGROUP_MEMORY | CGROUP_PIDS | CGROUP_CPU);
	assert_true(cgroup_ready());
	assert_int_not_equal(cgroup_fd(), -1);
	cgroup_assume(false, 0); /* it is known better */
	assert_true(cgroup_ready());
}

static int
make(const struct cgroup_limits *l, struct err *e)
{
	int fd = cgroup_make(RUN, l, e);

	if (fd >= 0)
		(void)close(fd);
	return fd;
}

static void
test_limits(void **state)
{
	const struct cgroup_limits all = { .memory_bytes = 4096,
		.processes = 7,
		.cpu_percent = 250 },
				   none = { 0 };
	struct cgroup_limits one;
	struct err e = { 0 };

	(void)state;
	assert_true(make(&all, &e) >= 0);
	has("runs/" RUN "/memory.max", "4096");
	has("runs/" RUN "/memory.swap.max", "0");
	has("runs/" RUN "/memory.oom.group", "1");
	has("runs/" RUN "/pids.max", "8"); /* and its guard */
	has("runs/" RUN "/cpu.max", "250000 100000");
	assert_true(make(&all, &e) < 0); /* it is another's */
	assert_int_not_equal(e.code, 0);
	assert_true(is_there("runs/" RUN));
	cgroup_remove(RUN);
	assert_false(is_there("runs/" RUN));

	assert_true(make(&none, &e) >= 0);
	has("runs/" RUN "/memory.max", "");
	has("runs/" RUN "/pids.max", "");
	has("runs/" RUN "/cpu.max", "");
	cgroup_remove(RUN);

	/* a limit that cannot be set: no run, and no group is left */
	bare = true;
	for (int i = 0; i < 3; i++) {
		one = none;
		if (i == 0)
			one.memory_bytes = 4096;
		else if (i == 1)
			one.processes = 7;
		else
			one.cpu_percent = 1;
		e = (struct err){ .code = 0 };
		assert_true(make(&one, &e) < 0);
		assert_int_not_equal(e.code, 0);
		assert_false(is_there("runs/" RUN));
	}
	assert_true(make(&none, &e) >= 0);
	cgroup_remove(RUN);
	bare = false;
}

/* Each process in it is ended, and what it used is read. */
static void
test_end(void **state)
{
	const struct cgroup_limits none = { 0 };
	struct cgroup_usage u = { .memory_peak = 1 };
	struct err e = { 0 };
	int fd = cgroup_make(RUN, &none, &e);

	(void)state;
	assert_true(fd >= 0);
	put(fd, "memory.peak", "12345\n");
	put(fd, "cpu.stat", "usage_usec 678\nuser_usec 9\n");
	put(fd, "memory.events", "low 1\nmax 2\noom 3\noom_kill 4\n");
	put(fd, "pids.events", "max 5\n");
	cgroup_end(RUN, &u);
	has("runs/" RUN "/cgroup.kill", "1");
	assert_int_equal(u.memory_peak, 12345);
	assert_int_equal(u.cpu_us, 678);
	assert_int_equal(u.memory_full, 3);
	assert_int_equal(u.oom_kills, 4);
	assert_int_equal(u.pids_denied, 5);
	(void)syscall(SYS_unlinkat, fd, "memory.peak", 0);
	(void)syscall(SYS_unlinkat, fd, "cpu.stat", 0);
	(void)syscall(SYS_unlinkat, fd, "memory.events", 0);
	(void)syscall(SYS_unlinkat, fd, "pids.events", 0);
	(void)close(fd);

	busy = true; /* they are on their way out */
	cgroup_remove(RUN);
	cgroup_sweep();
	assert_true(is_there("runs/" RUN));
	busy = false;
	cgroup_sweep();
	assert_false(is_there("runs/" RUN));
	cgroup_end(RUN, &u); /* of one that is gone nothing is known */
	assert_int_equal(u.memory_peak, 0);
	assert_int_equal(u.oom_kills, 0);
}

static bool
spare_other(const char *id)
{
	return strcmp(id, OTHER) == 0;
}

/* What an executor before left ends, except for what it is to keep. */
static void
test_clear(void **state)
{
	const struct cgroup_limits none = { 0 };
	struct err e = { 0 };
	int run = cgroup_make(RUN, &none, &e), other;

	(void)state;
	other = cgroup_make(OTHER, &none, &e);
	assert_true(run >= 0 && other >= 0);
	(void)close(run);
	(void)close(other);
	busy = true;
	cgroup_clear(spare_other);
	has("runs/" RUN "/cgroup.kill", "1");
	has("runs/" OTHER "/cgroup.kill", "");
	busy = false;
	cgroup_sweep();
	assert_false(is_there("runs/" RUN));
	assert_true(is_there("runs/" OTHER));
	cgroup_clear(NULL);
	assert_false(is_there("runs/" OTHER));
}

static int
setup(void **state)
{
	int dir;

	if (fixture_setup(state) != 0)
		return -1;
	(void)snprintf(base, sizeof(base), "%s/group", fixture_top);
	if (mkdirat(AT_FDCWD, base, 0755) != 0)
		return -1;
	dir = open(base, O_PATH | O_DIRECTORY);
	put(dir, "cgroup.controllers", "memory pids");
	put(dir, "pids.max", "800\n");
	put(dir, "memory.max", "8000\n");
	(void)close(dir);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_look),
		cmocka_unit_test(test_discovery),
		cmocka_unit_test(test_service_group),
		cmocka_unit_test(test_of_service),
		cmocka_unit_test(test_unusable),
		cmocka_unit_test(test_assumed),
		cmocka_unit_test(test_only_look),
		cmocka_unit_test(test_setup), /* in use from here on */
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_clear),
	};

	return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
