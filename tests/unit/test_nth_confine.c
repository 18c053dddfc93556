/* SPDX-License-Identifier: MIT */
/*
 * test_nth_confine: what a guard shuts itself in with, of whose calls one after
 * the other fails.
 *
 * A run whose walls could not be built does not begin: the step that failed is
 * named, or the walls are those of a run in which nothing failed, mount by mount.
 * What was made in the host for it is gone afterwards.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "executor/launcher/confine_enter.h"
#include "tests/unit/fixture_executor.h"
#include "tests/unit/fixture_nth.h"
#include "tests/unit/fixture_skip.h"

enum {
	MOST = 4000, /* calls of it */
	REFUSED = 3,
	OVER = 4, /* it ended before that call came */
	WORDLESS = 5,
	NO_NAMESPACE = 6,
	NO_TABLE = 7,
	NOBODY = 65533
};

static struct shared {
	char walls[1 << 16]; /* of the process that built them */
	char call[32]; /* which one failed */
	long number;
} * shared;

static const struct confine *walls;
static struct mounts_ready ready; /* prepared: -1: each run builds its own */
static int proc_dir;

/* --- what it has built --------------------------------------------------------- */

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Not where another mount covers it: nobody gets there. */
static bool
is_reached(const char *at, unsigned long long id)
{
	struct statx st;

	return statx(AT_FDCWD, at, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
		   STATX_MNT_ID, &st) == 0 &&
	       st.stx_mnt_id == id;
}

/* Of each mount where it is, what is there, and how; not its numbers. */
static int
look_at_mounts(void)
{
	static char text[1 << 18];
	static char one[512][1300];
	char *line, *save = NULL, *p = shared->walls;
	size_t count = 0;
	int fd = openat(proc_dir, "self/mountinfo", O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	while (
	    fd != -1 && (n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	if (len == 0)
		return -1;
	for (line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		char root[512], at[512], how[128], type[64];
		const char *rest = strstr(line, " - ");
		unsigned long long id;

		if (sscanf(line, "%llu %*s %*s %511s %511s %127s", &id, root,
			at, how) != 4 ||
		    rest == NULL || sscanf(rest, " - %63s", type) != 1)
			return -1;
		if (!is_reached(at, id))
			continue;
		/* a private directory is the next that is free */
		if (strcmp(type, "tmpfs") == 0)
			root[0] = '\0';
		if (count == 512)
			return -1;
		(void)snprintf(one[count++], sizeof(one[0]), "%s %s %s %s\n",
		    at, root, how, type);
	}
	(void)close(fd);
	qsort(one, count, sizeof(one[0]), by_text);
	for (size_t i = 0; i < count; i++)
		p += snprintf(p,
		    sizeof(shared->walls) - (size_t)(p - shared->walls), "%s",
		    one[i]);
	return 0;
}

/* As a guard does it, in namespaces of its own. */
static int
build(unsigned n, int error)
{
	struct confine_failure f;
	int r, ruleset;

	if (unshare(CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
		return NO_NAMESPACE;
	nth.kind = CALL;
	nth.error = error;
	nth.left = n;
	nth.armed = true;
	r = confine_enter(walls, -1, ready.prepared == -1 ? NULL : &ready,
	    NOBODY, NOBODY, &ruleset, &f);
	nth.armed = false;
	if (nth.name != NULL)
		(void)snprintf(
		    shared->call, sizeof(shared->call), "%s", nth.name);
	shared->number = nth.number;
	if (r == 0 && look_at_mounts() != 0)
		return NO_TABLE;
	mounts_leave(); /* as a guard ends, whatever happened */
	if (r != 0)
		return f.step == NULL || f.sysno <= 0 ? WORDLESS : REFUSED;
	if (n > 0 && nth.name == NULL)
		return OVER;
	return (walls->layers & CONFINE_LANDLOCK) != 0 && ruleset == -1
		   ? WORDLESS
		   : 0;
}

/* How it ended. */
static int
try(unsigned n, int error)
{
	int status;
	pid_t pid;

	memset(shared, 0, sizeof(*shared));
	if (ready.records != NULL)
		ready.records->stale = false;
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(build(n, error));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status))
		fail_msg("call %u: signal %d", n, WTERMSIG(status));
	return WEXITSTATUS(status);
}

/* Does it end with the process, or is it one whose failure leaves something? */
static bool
cleans_up(const char *name)
{
	static const char *const last[] = { "rmdir", "flock", "umount2",
		"fchdir", "openat", "fstat", "lstat" };

	for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); i++)
		if (strcmp(name, last[i]) == 0)
			return true;
	return false;
}

/* Not seen in the mounts: that no link is followed, and Landlock's rules. */
static bool
must_refuse(int error)
{
	if (strcmp(shared->call, "syscall") != 0 || ready.prepared != -1 ||
	    (error != EPERM && error != EIO))
		return false;
	return shared->number == SYS_mount_setattr ||
	       shared->number == SYS_landlock_create_ruleset ||
	       shared->number == SYS_landlock_add_rule;
}

static void
each(int error)
{
	static char right[sizeof(shared->walls)], built[sizeof(right)];
	const char *held = fixture_path("work/.held");
	const struct mounts_ready as_is = ready;
	int how = try(0, 0);
	unsigned n, refused = 0;

	if (how == NO_NAMESPACE)
		SKIP("no mount namespace: only root may make one");
	assert_int_equal(how, 0);
	(void)strcpy(right, shared->walls);
	ready.prepared = -1; /* what there is if that one cannot be used */
	assert_int_equal(try(0, 0), 0);
	ready = as_is;
	(void)strcpy(built, shared->walls);
	assert_non_null(strstr(right, "/work"));
	for (n = 1; n < MOST; n++) {
		how = try(n, error);
		if (how == OVER)
			break;
		if (access(held, F_OK) == 0) {
			if (!cleans_up(shared->call))
				fail_msg("call %u, %s %ld: a place is left", n,
				    shared->call, shared->number);
			assert_int_equal(rmdir(held), 0);
		}
		if (how == REFUSED) {
			refused++;
			continue;
		}
		if (how != 0 || must_refuse(error))
			fail_msg("call %u, %s %ld: %d", n, shared->call,
			    shared->number, how);
		if (strcmp(shared->walls, right) != 0 &&
		    strcmp(shared->walls, built) != 0) {
			nth.name = shared->call;
			differ(n, shared->walls, right);
			fail_msg("call %u, %s %ld: it begins behind others", n,
			    shared->call, shared->number);
		}
	}
	assert_int_equal(how, OVER);
	assert_true(ready.prepared != -1 || refused > 10); /* or another way */
}

/* --- of policies ---------------------------------------------------------------- */

/* As the launcher has it made: by a process of its own. */
static void
prepare_root(void)
{
	char path[64];
	int r = -1, come[2];
	pid_t pid;

	ready.records = mmap(NULL, sizeof(*ready.records),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(ready.records, MAP_FAILED);
	assert_int_equal(pipe2(come, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		r = unshare(CLONE_NEWNS) == -1
			? -errno
			: mounts_ready_make(&walls->mounts, ready.records);
		(void)!write(come[1], &r, sizeof(r));
		(void)pause();
	}
	assert_int_equal(read(come[0], &r, sizeof(r)), sizeof(r));
	assert_int_equal(r, 0);
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
	ready.prepared = open(path, O_RDONLY | O_CLOEXEC);
	ready.host = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	assert_true(ready.prepared != -1 && ready.host != -1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)close(come[0]);
	(void)close(come[1]);
}

static void
leave_prepared(void)
{
	if (ready.prepared == -1)
		return;
	(void)close(ready.prepared);
	(void)close(ready.host);
	(void)munmap(ready.records, sizeof(*ready.records));
	ready = (struct mounts_ready){ .prepared = -1, .host = -1 };
}

static void
with_policy(
    const char *files, const char *writes, const char *names, bool prepared)
{
	static const int errors[] = { EPERM, EINVAL, EIO, ENOSYS };
	char more[1024];
	struct policy *p;

	(void)snprintf(more, sizeof(more),
	    ",\"user\":%u,\"group\":%u,\"disable\":[\"seccomp\"],"
	    "\"files\":{%s,\"write\":[%s\"%s/work\"],\"hide\":[\"%s/hidden\"],"
	    "\"protect\":[%s],\"private_tmp\":true}",
	    NOBODY, NOBODY, files, writes, fixture_top, fixture_top, names);
	p = fixture_policy(fixture_path("work"), more);
	if ((p->confine.layers & CONFINE_MOUNTS) == 0) {
		policy_unref(p);
		SKIP("no layer mounts here");
	}
	walls = &p->confine;
	if (prepared)
		prepare_root();
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		each(errors[i]);
	leave_prepared();
	policy_unref(p);
}

static void
test_own_root(void **state)
{
	(void)state;
	with_policy("\"read\":[\"@system\"]", "", "\".held\",\"kept\"", false);
}

static void
test_prepared_root(void **state)
{
	(void)state;
	with_policy("\"read\":[\"@system\"]", "", "\"kept\"", true);
}

static void
test_whole_root(void **state)
{
	(void)state;
	with_policy("\"read\":[\"/\"]", "", "\".held\",\"kept\"", false);
}

/* Where it begins, a private directory can be made in the host's root as well. */
static void
test_prepared_whole_root(void **state)
{
	(void)state;
	with_policy("\"read\":[\"/\"]", "\"/\",", "", true);
}

/*
 * What others mount and remove meanwhile is not seen: in a namespace of its own,
 * and without those mounts whose place may go with a directory.
 */
static void
leave_others(void)
{
	static const char *const stay[] = { "/proc/", "/sys/", "/dev/",
		"/usr/" };
	char *text, *line, *save = NULL;
	bool keeps;

	if (unshare(CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
		return; /* each try says so */
	text = strdup(fixture_read("/proc/self/mountinfo"));
	assert_non_null(text);
	for (line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		char at[512];

		if (sscanf(line, "%*s %*s %*s %*s %511s", at) != 1)
			continue;
		keeps = strchr(at + 1, '/') == NULL;
		for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++)
			keeps =
			    keeps || strncmp(at, stay[i], strlen(stay[i])) == 0;
		if (!keeps)
			(void)umount2(at, MNT_DETACH);
	}
	free(text);
}

static int
setup(void **state)
{
	leave_others();
	if (fixture_setup(state) != 0)
		return -1;
	(void)alarm(500); /* with sanitizers, next to others */
	ready = (struct mounts_ready){ .prepared = -1, .host = -1 };
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	proc_dir = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (shared == MAP_FAILED || proc_dir == -1 ||
	    mkdir(fixture_path("work"), 0755) == -1 ||
	    mkdir(fixture_path("hidden"), 0700) == -1 ||
	    chown(fixture_path("work"), NOBODY, NOBODY) == -1)
		return geteuid() == 0 ? -1 : 0;
	fixture_write(fixture_path("work/kept"), "text", 0600);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_root),
		cmocka_unit_test(test_whole_root),
		cmocka_unit_test(test_prepared_root),
		cmocka_unit_test(test_prepared_whole_root),
	};

	if (geteuid() != 0)
		return 0; /* it becomes another user's */
	return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
