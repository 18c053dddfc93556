/* SPDX-License-Identifier: MIT */
/*
 * layers: what each layer of confinement costs a run.
 *
 * Measures, interleaved in one process, a command that does nothing: raw
 * fork and exec, posix_spawn(3), spawn_run with one layer more in each row,
 * and bubblewrap with comparable isolation.  The executor's own modules and
 * policies as the loader reads them; nothing is simulated.  No part of the
 * product: `make bench-layers`, or bench_layers [SECONDS [ROWS NAMED SO]].
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "executor/confine/cgroup.h"
#include "executor/audit/loginuid.h"
#include "executor/confine/probe.h"
#include "executor/run/spawn.h"

enum {
	ROUNDS = 1000,
	WARM_UP = 5, /* rounds that are not counted */
	SECONDS = 30, /* unless the command line says otherwise */
	NOBODY = 65534
};

#define COMMAND "/bin/true"
enum special {
	NO_IDENTITY = 1, /* as root, without resource limits */
	AUDIT /* no layer, but what the default policy records */
};

static const char *const words[] = { COMMAND, NULL };
static const char *const empty[] = { NULL };

struct row {
	const char *name;
	/* One command from start to its end; false if it did not do well. */
	bool (*run)(const struct row *r);
	const char *keys; /* of a policy, begins with a comma */
	unsigned layer; /* that this row adds and must have */
	enum special special;
	bool shares; /* its difference to the row before is shown */
	struct policy *policy;
	uint64_t *ns; /* until the result, of each round */
	uint64_t *exit_ns; /* of the guard, after it */
};

static uint64_t result_ns; /* when a run's result was there; 0: at its end */

static bool run_raw(const struct row *r);
static bool run_spawn(const struct row *r);
static bool run_policy(const struct row *r);
static bool run_bwrap(const struct row *r);

#define OFF(layers) ",\"disable\":[" layers "]"
#define NO_FILTER   ",\"syscalls\":{\"profile\":\"none\"},\"network\":\"host\""
#define NO_EXECS    ",\"audit\":{\"exec\":false}"
#define NO_WALLS                                                               \
	OFF("\"mounts\",\"pids\",\"ipc\",\"network\",\"landlock\","            \
	    "\"cgroup\"")

static struct row rows[] = {
	{ .name = "raw fork + execve", .run = run_raw },
	{ .name = "posix_spawn", .run = run_spawn },
	{ .name = "guard, pipes, watched tree",
	    .run = run_policy,
	    .special = NO_IDENTITY,
	    .keys = NO_FILTER NO_WALLS },
	{ .name = "+ uid, groups, rlimits",
	    .run = run_policy,
	    .shares = true,
	    .keys = NO_FILTER NO_WALLS },
	{ .name = "+ seccomp, explained",
	    .run = run_policy,
	    .shares = true,
	    .layer = CONFINE_SECCOMP,
	    .keys = NO_EXECS NO_WALLS },
	{ .name = "+ pids",
	    .run = run_policy,
	    .shares = true,
	    .layer = CONFINE_PIDS,
	    .keys = NO_EXECS OFF(
		"\"mounts\",\"ipc\",\"network\",\"landlock\",\"cgroup\"") },
	{ .name = "+ ipc",
	    .run = run_policy,
	    .shares = true,
	    .layer = CONFINE_IPC,
	    .keys = NO_EXECS OFF(
		"\"mounts\",\"network\",\"landlock\",\"cgroup\"") },
	{ .name = "+ network none",
	    .run = run_policy,
	    .shares = true,
	    .layer = CONFINE_NET,
	    .keys = NO_EXECS OFF("\"mounts\",\"landlock\",\"cgroup\"") },
	{ .name = "+ mounts",
	    .run = run_policy,
	    .shares = true,
	    .layer = CONFINE_MOUNTS,
	    .keys = NO_EXECS OFF("\"landlock\",\"cgroup\"") },
	{ .name = "+ landlock",
	    .run = run_policy,
	    .shares = true,
	    .layer = CONFINE_LANDLOCK,
	    .keys = NO_EXECS OFF("\"cgroup\"") },
	{ .name = "+ cgroup: all layers",
	    .run = run_policy,
	    .shares = true,
	    .layer = CONFINE_CGROUP,
	    .keys = NO_EXECS },
	{ .name = "+ each program recorded",
	    .run = run_policy,
	    .shares = true,
	    .special = AUDIT,
	    .keys = "" },
	{ .name = "all, network loopback",
	    .run = run_policy,
	    .keys = ",\"network\":\"loopback\"" },
	{ .name = "bubblewrap", .run = run_bwrap },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static char directory[] = "/tmp/bench-layers.XXXXXX";
static const char group[] = "mcp-execd-bench";
static char group_path[128];

static _Noreturn void
die(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench_layers: %s: %s\n", what, why);
	exit(1);
}

/* --- one run ---------------------------------------------------------- */

static bool
ended_well(pid_t pid)
{
	int status;

	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool
run_raw(const struct row *r)
{
	pid_t pid = fork();
	(void)r;

	if (pid == 0) {
		(void)execve(COMMAND, (char **)(uintptr_t)words,
		    (char **)(uintptr_t)empty);
		_exit(127);
	}
	return ended_well(pid);
}

static bool
spawn_words(const char *path, const char *const *argv)
{
	pid_t pid;

	return posix_spawn(&pid, path, NULL, NULL, (char **)(uintptr_t)argv,
		   (char **)(uintptr_t)empty) == 0 &&
	       ended_well(pid);
}

static bool
run_spawn(const struct row *r)
{
	(void)r;
	return spawn_words(COMMAND, words);
}

/* The files of the default policy, and its namespaces. */
static bool
run_bwrap(const struct row *r)
{
	const char *const argv[] = { "bwrap", "--unshare-pid", "--unshare-ipc",
		"--unshare-net", "--die-with-parent", "--new-session",
		"--cap-drop", "ALL", "--ro-bind", "/usr", "/usr", "--ro-bind",
		"/etc", "/etc", "--ro-bind", "/opt", "/opt", "--symlink",
		"usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin",
		"--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64",
		"/lib64", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
		"--tmpfs", "/var/tmp", "--bind", directory, directory,
		"--chdir", directory, COMMAND, NULL };

	(void)r;
	return spawn_words("/usr/bin/bwrap", argv);
}

/* As the executor does: until the guard has reported that it is alone. */
static bool
wait_for_end(struct spawned *sp)
{
	struct guard_report rep = { 0 };
	struct pollfd told = { .fd = sp->ctl, .events = POLLIN };

	do
		if (poll(&told, 1, 10000) != 1 || spawn_receive(sp, &rep) <= 0)
			die("the guard", "is lost");
	while (rep.event != GUARD_EXITED && rep.event != GUARD_FAILED);
	if (rep.event == GUARD_FAILED)
		(void)fprintf(stderr, "bench_layers: %s: %s\n", rep.step,
		    strerror(rep.sysno));
	return rep.event == GUARD_EXITED && rep.status == 0 && rep.left == 0;
}

/* What comes after the result and is not waited for: the guard's own exit. */
static void
reap_guard(struct spawned *sp, const char *id, bool grouped)
{
	struct pollfd gone = { .fd = sp->pidfd, .events = POLLIN };

	if (poll(&gone, 1, 10000) != 1)
		die("the guard", "does not end");
	if (grouped)
		cgroup_remove(id);
	cleanup_fd(&sp->ctl);
	cleanup_fd(&sp->pidfd);
	cleanup_fd(&sp->out);
	cleanup_fd(&sp->err);
}

static bool
run_policy(const struct row *r)
{
	static struct plan plan;
	static unsigned count;
	char id[32];
	bool grouped = (r->policy->confine.layers & CONFINE_CGROUP) != 0, well;
	struct cgroup_usage usage;
	struct spawned sp;
	struct err e = { 0 };

	plan = (struct plan){ .policy = r->policy,
		.cgroup_fd = -1,
		.cwd = "",
		.relative = ".",
		.argv = (char **)(uintptr_t)words,
		.envp = (char **)(uintptr_t)empty,
		.path = { COMMAND } };
	(void)snprintf(id, sizeof(id), "bench%u", count++);
	if (grouped &&
	    (plan.cgroup_fd = cgroup_make(id, &r->policy->cgroup, &e)) < 0)
		die("cgroup", e.what);
	plan.login_uid = LOGINUID_FIRST;
	if (spawn_run(&plan, count, &sp, &e) != 0 ||
	    spawn_await(&sp, count, &e) != 0)
		die(r->name, e.what);
	spawn_go(&sp);
	well = wait_for_end(&sp);
	if (grouped) {
		cgroup_end(id, &usage);
		(void)close(plan.cgroup_fd);
	}
	result_ns = clock_mono_ns();
	reap_guard(&sp, id, grouped);
	return well;
}

/* --- preparing -------------------------------------------------------- */

static struct policy *
load_policy(const struct row *r)
{
	uid_t uid =
	    geteuid() == 0 && r->special != NO_IDENTITY ? NOBODY : geteuid();
	struct conf_report report;
	struct policy *p = NULL;
	struct err e = { 0 };
	char text[1024];

	(void)snprintf(text, sizeof(text),
	    "{\"directory\":\"%s\",\"user\":%u,\"group\":%u,\"require\":[]%s}",
	    directory, uid, geteuid() == 0 ? uid : getegid(), r->keys);
	conf_report_init(&report);
	if (policy_parse("bench.json", "bench", bytes_of(text), NULL, &p,
		&report, &e) != 0) {
		(void)fprintf(stderr, "%.*s", (int)report.text.len,
		    (const char *)report.text.p);
		die("policy", e.what);
	}
	conf_report_fini(&report);
	if (r->special == NO_IDENTITY)
		p->rlimit_count = 0;
	return p;
}

/* A group beneath the top one, where no other is delegated to us. */
static void
make_group(void)
{
	static const char *const tops[] = { "/sys/fs/cgroup",
		"/sys/fs/cgroup/unified" };
	struct err e = { 0 };
	size_t i;

	if (cgroup_setup("auto", &e) != 0 || cgroup_ready())
		return;
	for (i = 0; i < 2 && !cgroup_ready(); i++) {
		(void)snprintf(
		    group_path, sizeof(group_path), "%s/%s", tops[i], group);
		if (access(tops[i], W_OK) == 0 &&
		    mkdir(group_path, 0755) == 0 &&
		    cgroup_setup(group_path, &e) != 0)
			(void)rmdir(group_path);
	}
	if (!cgroup_ready())
		group_path[0] = '\0';
}

static void
drop_group(void)
{
	static const char *const inner[] = { "/runs", "/guards", "/supervisor",
		"" };
	char path[160];
	size_t i;
	FILE *f;

	if (group_path[0] == '\0')
		return;
	cgroup_sweep();
	(void)snprintf(path, sizeof(path), "%.*s/cgroup.procs",
	    (int)(strlen(group_path) - strlen(group) - 1), group_path);
	if ((f = fopen(path, "w")) != NULL) {
		(void)fprintf(f, "%d\n", (int)getpid());
		(void)fclose(f);
	}
	for (i = 0; i < sizeof(inner) / sizeof(inner[0]); i++) {
		(void)snprintf(
		    path, sizeof(path), "%s%s", group_path, inner[i]);
		if (rmdir(path) == -1)
			(void)fprintf(stderr, "bench_layers: %s: %s\n", path,
			    strerror(errno));
	}
}

static void
clean_up(void)
{
	drop_group();
	(void)rmdir(directory);
}

/* What is not available on this machine leaves the table, and says so. */
static void
prepare(struct row *r)
{
	if (r->run == run_bwrap && access("/usr/bin/bwrap", X_OK) != 0) {
		printf("%s: is not installed\n", r->name);
		r->run = NULL;
	}
	if (r->run == run_policy)
		r->policy = load_policy(r);
	if (r->run == run_policy &&
	    (r->policy->confine.layers & r->layer) != r->layer) {
		printf("%s: is not available here\n", r->name);
		r->run = NULL;
	}
	r->ns = calloc(ROUNDS, sizeof(*r->ns));
	r->exit_ns = calloc(ROUNDS, sizeof(*r->exit_ns));
	if (r->ns == NULL || r->exit_ns == NULL)
		die(r->name, "out of memory");
}

/* --- the table -------------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double
mean(const struct row *r, size_t n)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		sum += (double)r->ns[i];
	return sum / (double)n / 1000;
}

static double
median(const struct row *r, size_t n)
{
	return (double)r->ns[n / 2] / 1000;
}

static double
exit_median(const struct row *r, size_t n)
{
	return (double)r->exit_ns[n / 2] / 1000;
}

static void
print_table(size_t n)
{
	double raw = 0, before = 0, now;
	size_t i;

	printf("%-28s %8s %8s %8s %7s %7s %7s\n", "us, of " COMMAND, "least",
	    "median", "mean", "layer", "x raw", "exit");
	for (i = 0; i < ROWS; i++) {
		struct row *r = &rows[i];

		if (r->run == NULL)
			continue;
		qsort(r->ns, n, sizeof(*r->ns), compare);
		qsort(r->exit_ns, n, sizeof(*r->exit_ns), compare);
		now = median(r, n);
		raw = i == 0 ? now : raw;
		printf("%-28s %8.0f %8.0f %8.0f ", r->name,
		    (double)r->ns[0] / 1000, now, mean(r, n));
		if (r->shares)
			printf("%+7.0f ", now - before);
		else
			printf("%7s ", "");
		printf("%7.2f %7.0f\n", now / raw, exit_median(r, n));
		before = now;
	}
}

/* The goals, as the policy with all of this machine's layers meets them. */
static void
print_goals(size_t n)
{
	const struct row *all = NULL, *none = NULL, *bwrap = NULL;
	const struct row *whole = NULL;
	double layers;
	size_t i;

	for (i = 0; i < ROWS; i++) {
		if (rows[i].run == run_policy && none == NULL)
			none = &rows[i];
		if (rows[i].run == run_policy && rows[i].shares) {
			whole = &rows[i];
			all = rows[i].special == AUDIT ? all : whole;
		}
		if (rows[i].run == run_bwrap)
			bwrap = &rows[i];
	}
	if (all == NULL || none == NULL || rows[0].run == NULL)
		return;
	layers = median(all, n) - median(none, n);
	printf("all layers: %.0f us, %.2f of a raw fork + execve", layers,
	    layers / median(&rows[0], n));
	layers += exit_median(all, n) - exit_median(none, n);
	printf(
	    "; with the guard's own exit %.2f\n", layers / median(&rows[0], n));
	if (bwrap != NULL)
		printf("a whole run, default policy: %.2f of bubblewrap\n",
		    median(whole, n) / median(bwrap, n));
}

/* One raw run for each byte of standard input: its time in ns, on a line. */
static int
on_request(void)
{
	uint64_t start;

	while (getchar() != EOF) {
		start = clock_mono_ns();
		if (!run_raw(NULL))
			die(COMMAND, "the command failed");
		printf("%llu\n", (unsigned long long)(clock_mono_ns() - start));
		(void)fflush(stdout);
	}
	return 0;
}

static void
one_round(size_t at)
{
	uint64_t start, end;
	size_t i;

	for (i = 0; i < ROWS; i++) {
		if (rows[i].run == NULL)
			continue;
		result_ns = 0;
		start = clock_mono_ns();
		if (!rows[i].run(&rows[i]))
			die(rows[i].name, "the command failed");
		end = clock_mono_ns();
		if (result_ns == 0)
			result_ns = end;
		rows[i].ns[at] = result_ns - start;
		rows[i].exit_ns[at] = end - result_ns;
	}
}

int
main(int argc, char **argv)
{
	uint64_t end;
	long seconds = argc > 1 ? strtol(argv[1], NULL, 10) : SECONDS;
	struct err e = { 0 };
	size_t i, n = 0;

	if (argc == 2 && strcmp(argv[1], "on-request") == 0)
		return on_request();
	(void)umask(022);
	log_set_level(LOG_LEVEL_WARN);
	if (mkdtemp(directory) == NULL || chmod(directory, 0755) == -1)
		die(directory, strerror(errno));
	make_group();
	(void)atexit(clean_up);
	if (launch_open(launch_beside(), &e) != 0)
		die("launcher", e.what);
	for (i = 0; i < ROWS; i++)
		prepare(&rows[i]);
	for (i = 0; i < ROWS; i++)
		if (argc > 2 && strstr(rows[i].name, argv[2]) == NULL)
			rows[i].run = NULL;
	for (i = 0; i < WARM_UP; i++)
		one_round(0);
	end = clock_mono_ns() + (uint64_t)seconds * 1000000000;
	while (n < ROUNDS && clock_mono_ns() < end)
		one_round(n++);
	printf("%zu rounds, rows in turn\n", n);
	print_table(n);
	print_goals(n);
	for (i = 0; i < ROWS; i++) {
		policy_unref(rows[i].policy);
		free(rows[i].ns);
		free(rows[i].exit_ns);
	}
	(void)launch_close();
	return 0;
}
