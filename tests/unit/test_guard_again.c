/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of guards that have one run after another (executor/launcher: guard,
 * asborn, serve): real guards of real commands of an unprivileged user with all
 * layers.  Nothing of the first run is to be seen by the second.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <linux/sockios.h>
#include <linux/securebits.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "common/clock.h"
#include "executor/launcher/asborn.h"
#include "executor/launcher/keptroot.h"
#include "executor/launcher/launchplan.h"
#include "executor/launcher/loginuid_set.h"
#include "executor/run/spawn.h"
#include "tests/unit/fixture_executor.h"
#include "tests/unit/fixture_skip.h"

#define NOBODY ",\"user\":65534,\"group\":65534,\"groups\":[64123]"

enum {
	WAIT_MS = 20000, /* for anything that must happen */
	TEXT = 65536,
	BOTH = LAUNCHPLAN_TEMPLATES | LAUNCHPLAN_GUARDS
};

struct run {
	struct plan plan;
	struct spawned sp;
	char text[TEXT];
	size_t len;
	struct guard_report report; /* the last one */
	bool exited, ended;
};

static struct policy *policy;
static int group = -1; /* of the next run */
static uint16_t columns; /* of its terminal; 0: it has none */
static uint8_t caller; /* likewise */
static uint64_t number; /* of the last run */

/* --- one run -------------------------------------------------------------- */

static void
begin_with(struct run *r, const char *command, uint32_t login)
{
	struct err e = { 0 };

	memset(r, 0, sizeof(*r));
	fixture_plan(&r->plan, policy, command, NULL);
	r->plan.login_uid = login;
	r->plan.verifier[DIGEST_BYTES - 1] = caller;
	r->plan.cgroup_fd = group;
	r->plan.terminal.columns = columns;
	r->plan.terminal.rows = columns;
	if (spawn_run(&r->plan, ++number, &r->sp, &e) != 0 ||
	    spawn_await(&r->sp, number, &e) != 0)
		fail_msg("%s", e.what);
	spawn_go(&r->sp);
}

static bool
take_text(struct run *r, int fd)
{
	ssize_t n = read(fd, r->text + r->len, TEXT - 1 - r->len);

	if (n > 0)
		r->len += (size_t)n;
	r->text[r->len] = '\0';
	return n != 0;
}

static void
take_reports(struct run *r)
{
	struct guard_report report;

	while (spawn_receive(&r->sp, &report) > 0) {
		r->report = report;
		r->exited |= report.event == GUARD_EXITED;
	}
}

static void
take_ends(struct run *r)
{
	struct launch_event ev;

	while (launch_next(&ev) > 0) {
		if (ev.pidfd != -1)
			(void)close(ev.pidfd);
		r->ended |= ev.what == LAUNCH_ENDED && ev.run == number;
	}
}

/* Until the launcher says so; our end of its pair is open still. */
static void
await_end(struct run *r)
{
	uint64_t end = clock_mono_ms() + WAIT_MS;
	bool out = r->sp.out != -1, err = r->sp.err != -1;

	while ((out || err || !r->ended) && clock_mono_ms() < end) {
		struct pollfd p[] = {
			{ .fd = out ? r->sp.out : -1, .events = POLLIN },
			{ .fd = err ? r->sp.err : -1, .events = POLLIN },
			{ .fd = r->ended ? -1 : r->sp.ctl, .events = POLLIN },
			{ .fd = launch_fd(), .events = POLLIN },
		};

		(void)poll(p, 4, 1000);
		if (p[0].revents != 0)
			out = take_text(r, r->sp.out);
		if (p[1].revents != 0)
			err = take_text(r, r->sp.err);
		if (p[2].revents != 0)
			take_reports(r);
		if (p[3].revents != 0)
			take_ends(r);
	}
	take_reports(r);
	assert_true(r->ended && !out && !err);
}

static void
release(struct run *r)
{
	(void)close(r->sp.pidfd);
	(void)close(r->sp.ctl);
	if (r->sp.in != -1) /* a terminal, in place of all three */
		(void)close(r->sp.in);
	if (r->sp.out != -1)
		(void)close(r->sp.out);
	if (r->sp.err != -1)
		(void)close(r->sp.err);
	plan_fini(&r->plan);
}

/* Its guard. */
static pid_t
run_with(struct run *r, const char *command, uint32_t login)
{
	begin_with(r, command, login);
	await_end(r);
	if (!r->exited)
		fail_msg("%s: %s %s", command, r->report.step,
		    strerror(r->report.sysno));
	assert_int_equal(r->report.left, 0);
	release(r);
	return r->sp.guard;
}

static pid_t
run(struct run *r, const char *command)
{
	return run_with(r, command, 1000000);
}

/* --- guards --------------------------------------------------------------- */

static void
pause_shortly(void)
{
	const struct timespec t = { .tv_nsec = 1000000 };

	(void)nanosleep(&t, NULL);
}

static bool
is_there(pid_t pid)
{
	char path[40], text[64] = "";
	const char *p;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	(void)snprintf(text, sizeof(text), "%.63s", fixture_read(path));
	p = strrchr(text, ')');
	return p != NULL && p[2] != 'Z';
}

/* It waits for a message: only for that of a run, if it has had one. */
static bool
is_idle(pid_t pid)
{
	char path[40];

	(void)snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	return atoi(fixture_read(path)) == SYS_recvmsg;
}

/* false: it has ended. */
static bool
becomes_idle(pid_t pid)
{
	uint64_t end = clock_mono_ms() + WAIT_MS;

	while (clock_mono_ms() < end) {
		if (is_idle(pid))
			return true;
		if (!is_there(pid))
			return false;
		pause_shortly();
	}
	fail_msg("guard %d is neither idle nor gone", (int)pid);
	return false;
}

static void
await_gone(pid_t pid)
{
	uint64_t end = clock_mono_ms() + WAIT_MS;

	while (is_there(pid) && clock_mono_ms() < end)
		pause_shortly();
	assert_false(is_there(pid));
}

/*
 * The only one that waits for a run: there is one once a root is prepared.  That
 * of the test before may be about to wait, and would have the next run.
 */
static pid_t
idle_guard(void)
{
	uint64_t end = clock_mono_ms() + WAIT_MS;
	static struct run r;

	launch_retire();
	while (clock_mono_ms() < end) {
		pid_t pid = run(&r, "true");

		if (becomes_idle(pid))
			return pid;
		pause_shortly();
	}
	fail_msg("no guard has become idle");
	return 0;
}

/* --- tests ---------------------------------------------------------------- */

static void
test_same_guard(void **state)
{
	static struct run r;
	pid_t pid = idle_guard();
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_int_equal(run(&r, "echo out; exit 7"), pid);
		assert_string_equal(r.text, "out\n");
		assert_int_equal(WEXITSTATUS(r.report.status), 7);
		assert_true(becomes_idle(pid));
	}
}

/* What a command can see of where it is; numbers of mounts are of the boot. */
static const char view[] =
    "echo pid $$; umask; ulimit -a; ls -A /tmp /var/tmp /dev/shm /dev/pts; "
    "set -- /proc/[0-9]*; echo $#; " /* of a pipe the other end may be late */
    "cat /proc/sysvipc/* | wc -l; "
    "awk '{$1=$2=$3=\"\"; print}' /proc/self/mountinfo | sort; "
    "grep -vE 'Pid|Rss|Vm|ctxt|Cpus|Mems|SigQ|FDSize|PPid|NStgid|NSpgid' "
    "/proc/self/status; cat /proc/self/oom_score_adj; "
    "for f in /proc/self/fd/*; do echo $f; done; "
    "readlink /proc/self/cwd; cat /proc/self/attr/current 2>&1; env | sort; "
    "sleep 0 & echo $!; wait; cat /proc/net/unix | wc -l";

static const char hostile[] =
    "for d in /tmp /var/tmp /dev/shm; do echo secret >$d/secret; done; "
    "i=0; while [ $i -lt 40 ]; do (:); i=$((i+1)); done; "
    "umask 0; ulimit -n 17; echo 900 >/proc/self/oom_score_adj; "
    "ipcmk -M 4096 -Q -S 1 2>&1; "
    "setsid sh -c 'trap \"\" TERM HUP INT; sleep 1000' & "
    "exec 9</dev/null; sleep 0.1; echo done";

/* As in a guard that had none before. */
static void
test_view(void **state)
{
	static struct run first, second, r;
	pid_t pid = idle_guard();

	(void)state;
	launch_retire();
	assert_int_not_equal(run(&first, view), pid);
	pid = first.sp.guard;
	assert_true(
	    becomes_idle(pid)); /* control: it was a guard of the kind */
	assert_int_equal(run(&r, hostile), pid);
	assert_non_null(strstr(r.text, "queue id"));
	assert_non_null(strstr(r.text, "done"));
	assert_true(becomes_idle(pid));
	assert_int_equal(run(&second, view), pid);
	assert_string_equal(first.text, second.text);
	assert_null(strstr(second.text, "secret"));
}

static size_t
count_open(pid_t pid)
{
	char path[300];
	size_t n = 0;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return n;
}

static size_t
open_after(pid_t pid, const char *command)
{
	static struct run r;

	assert_int_equal(run(&r, command), pid);
	assert_true(becomes_idle(pid));
	return count_open(pid);
}

/* Nothing stays that a run was given, or that its guard has opened for it. */
static void
test_descriptors(void **state)
{
	pid_t pid = idle_guard();
	size_t kept = count_open(pid), left = open_after(pid, hostile);

	(void)state;
	assert_true(kept > left); /* those of a root that is kept */
	assert_int_equal(open_after(pid, hostile), left);
	assert_int_equal(open_after(pid, "no-such-program"), kept);
	assert_int_equal(open_after(pid, "mount /x; dmesg; exit 3"), kept);
	columns = 80;
	assert_int_equal(open_after(pid, "tty"), left);
	columns = 0;
	assert_int_equal(open_after(pid, hostile), left);
}

/* What waits in the machine's mounts has left the root of its run. */
static bool
keeps_root(pid_t guard)
{
	char path[40], its[64] = "", ours[64] = "";

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)guard);
	(void)!readlink(path, its, sizeof(its) - 1);
	(void)!readlink("/proc/self/ns/mnt", ours, sizeof(ours) - 1);
	return strncmp(its, "mnt:", 4) == 0 && strcmp(its, ours) != 0;
}

/* A pause first: a time of change may be as coarse as 10 ms. */
#define LATER "sleep 0.05; "

static const struct {
	const char *command;
	bool kept;
} done_by_run[] = {
	{ "true", true },
	{ LATER "ls /tmp /dev/shm; cat /etc/passwd; (:) & wait", true },
	{ "echo >/tmp/file", false },
	{ LATER "echo >/tmp/file; rm /tmp/file", false },
	{ "mkdir /dev/shm/directory", false },
	{ "ln -s / /var/tmp/link", false },
	{ LATER "touch /tmp", false },
	{ "exec 3>/tmp/file; rm /tmp/file; head -c 9999 /dev/zero >&3", false },
	{ "ipcmk -M 4096", false },
	{ "ipcmk -S 1", false },
	{ "ipcmk -Q", false },
};

static bool
keeps_after(const char *command)
{
	static struct run r;
	pid_t pid = idle_guard();

	while (!keeps_root(pid)) /* others have mounted something */
		pid = idle_guard();
	assert_int_equal(run(&r, command), pid);
	assert_int_equal(WEXITSTATUS(r.report.status), 0);
	assert_true(becomes_idle(pid));
	return keeps_root(pid);
}

/* What a run has changed is not the next one's. */
static void
test_root(void **state)
{
	static struct run r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(done_by_run) / sizeof(done_by_run[0]); i++) {
		if (keeps_after(done_by_run[i].command) != done_by_run[i].kept)
			fail_msg("%s", done_by_run[i].command);
		(void)run(&r, "find /tmp /dev/shm /var/tmp -mindepth 1 "
			      "-uid 65534; ipcs | grep -c 65534");
		assert_string_equal(r.text, "0\n");
	}
}

/* What lies in a tree of the host's is where it was; the run's own is not. */
static void
test_root_of_tree(void **state)
{
	static const char made[] = LATER "stat -c %z /tmp";
	struct policy *other = policy;
	static struct run before, after;
	pid_t pid;

	(void)state;
	policy =
	    fixture_policy(fixture_top, NOBODY ",\"files\":{\"read\":[\"/\"]}");
	assert_true(keeps_after(made));
	pid = run(&before, made);
	assert_true(becomes_idle(pid) && keeps_root(pid));
	assert_int_equal(run(&after, made), pid);
	assert_string_equal(before.text, after.text);
	assert_false(keeps_after("echo >/tmp/file"));
	policy_unref(policy);
	policy = other;
}

/*
 * Without a name in the run's root: a queue of POSIX, mq_open(2).  Landlock may
 * refuse to open what was made.
 */
static void
test_queue(void **state)
{
	static const char open_queue[] =
	    "$n = \"left\"; $r = syscall(%d, $n, %d, 0600, 0); "
	    "print $r == -1 && $!{ENOENT} ? \"none\" : \"there\";";
	char make[256], look[256], command[600];
	struct policy *other = policy;
	static struct run r;

	(void)state;
	policy = fixture_policy(
	    fixture_top, NOBODY ",\"syscalls\":{\"allow\":[\"mq_open\"]}");
	(void)snprintf(
	    make, sizeof(make), open_queue, SYS_mq_open, O_RDWR | O_CREAT);
	(void)snprintf(look, sizeof(look), open_queue, SYS_mq_open, O_RDWR);
	(void)snprintf(
	    command, sizeof(command), "perl -e 'use POSIX; %s %s'", make, look);
	(void)run(&r, command);
	assert_string_equal(r.text, "therethere"); /* control */
	assert_false(keeps_after(command));
	(void)snprintf(
	    command, sizeof(command), "perl -e 'use POSIX; %s'", look);
	(void)run(&r, command);
	assert_string_equal(r.text, "none");
	policy_unref(policy);
	policy = other;
}

/* Each has guards of its own. */
static void
test_callers(void **state)
{
	static struct run r;
	pid_t pid = idle_guard();

	(void)state;
	caller = 1;
	assert_int_not_equal(run(&r, "true"), pid);
	assert_true(becomes_idle(r.sp.guard));
	caller = 0;
	policy->name[0] ^= 1; /* of the same plan */
	assert_int_not_equal(run(&r, "true"), pid);
	assert_true(becomes_idle(r.sp.guard));
	policy->name[0] ^= 1;
	assert_int_equal(run(&r, "true"), pid);
	assert_true(becomes_idle(pid));
}

/* All that it can read of its guard, except for what the kernel counts of that. */
static const char guards_view[] =
    "cd /proc/1; cat limits cgroup cpuset oom_score_adj autogroup; "
    "cat attr/current 2>&1; grep -vE 'State|Vm|Rss|ctxt|SigQ|FDSize' status; "
    "cat environ io 2>&1; readlink cwd root ns/ipc; "
    "cut -d' ' -f4-9,18-22 stat";

/* Of its children, which mcp-execd.json(5) says. */
static const char guards_ticks[] = "cut -d' ' -f16,17 /proc/1/stat | tr ' ' +";

static long
ticks_of_guard(struct run *r)
{
	char *end = NULL;
	long user, system;

	(void)run(r, guards_ticks);
	user = strtol(r->text, &end, 10);
	assert_int_equal(*end, '+');
	system = strtol(end + 1, NULL, 10);
	return user + system;
}

/* That a guard had others before, and what time they took, is to be seen. */
static void
test_view_of_guard(void **state)
{
	static struct run before, after, r;
	pid_t pid = idle_guard();
	long ticks = ticks_of_guard(&r), now;

	(void)state;
	assert_int_equal(r.sp.guard, pid);
	assert_true(becomes_idle(pid));
	assert_int_equal(run(&before, guards_view), pid);
	assert_non_null(strstr(before.text, "Name:\tmcp-execd-guard"));
	assert_true(becomes_idle(pid));
	assert_int_equal(run(&r, hostile), pid);
	assert_true(becomes_idle(pid));
	assert_int_equal(
	    run(&r, "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"), pid);
	assert_true(becomes_idle(pid));
	assert_int_equal(run(&after, guards_view), pid);
	assert_string_equal(before.text, after.text);
	assert_true(becomes_idle(pid));
	now = ticks_of_guard(&r);
	assert_int_equal(r.sp.guard, pid); /* else it says nothing of it */
	assert_in_range(
	    now, ticks + 1, LONG_MAX); /* control: it was looked at */
}

/* Into the keyring of its session, and what is found of it there. */
/*
 * asborn.h: a run with another user and no capability changes nothing of its
 * guard.  Here $p is a process and $w "guard" or "own".
 */
static const char reaches[] =
    "try() { n=$1; shift; \"$@\" >/dev/null 2>&1 && echo $w $n; }; "
    "put() { echo \"$2\" >/proc/$p/\"$1\"; }; "
    "all() { try limit prlimit --pid $p --nofile=1000:1000; "
    "try nice renice -n 19 -p $p; try processor taskset -p 1 $p; "
    "try class chrt -b -p 0 $p; try disk ionice -c 3 -p $p; "
    "try slack put timerslack_ns 777777; try oom put oom_score_adj 900; "
    "try name put comm other; try core put coredump_filter 0; "
    "try login put loginuid 1; try share put autogroup 7; "
    "try stop kill -CONT $p; }; "
    "w=guard p=1; all; sh -c 'sleep 30' & w=own p=$!; all; kill $p; "
    "exit 0";

static void
test_unreached(void **state)
{
	static struct run before, after, r;
	pid_t pid = idle_guard();

	(void)state;
	assert_int_equal(run(&before, guards_view), pid);
	assert_true(becomes_idle(pid));
	assert_int_equal(run(&r, reaches), pid);
	if (strstr(r.text, "guard ") != NULL)
		fail_msg("%s", r.text);
	/* control; the filter and /proc refuse the others of its own, too */
	assert_non_null(strstr(r.text, "own nice\n"));
	assert_non_null(strstr(r.text, "own class\nown disk\n"));
	assert_non_null(strstr(r.text, "own stop\n"));
	assert_true(becomes_idle(pid));
	assert_int_equal(run(&after, guards_view), pid);
	assert_string_equal(before.text, after.text);
}

static void
test_keyring(void **state)
{
	static const char code[] =
	    "perl -e '$t = \"user\"; $n = \"left\"; $v = \"secret\"; "
	    "if (@ARGV) { print syscall(%d, $t, $n, $v, 6, -3) > 0 ? \"put \" "
	    ": \"$! \"; } print syscall(%d, 10, -3, $t, $n, 0) > 0 ? "
	    "\"found\" : \"none\"' %s";
	struct policy *other = policy;
	static struct run r;
	char command[1024];
	pid_t pid;

	(void)state;
	policy = fixture_policy(fixture_top,
	    NOBODY ",\"syscalls\":{\"allow\":[\"add_key\",\"keyctl\"]}");
	pid = idle_guard();
	(void)snprintf(
	    command, sizeof(command), code, SYS_add_key, SYS_keyctl, "1");
	assert_int_equal(run(&r, command), pid);
	assert_string_equal(r.text, "put found"); /* control */
	assert_true(becomes_idle(pid));
	(void)snprintf(
	    command, sizeof(command), code, SYS_add_key, SYS_keyctl, "");
	assert_int_equal(run(&r, command), pid);
	assert_string_equal(r.text, "none");
	policy_unref(policy);
	policy = other;
}

static int64_t
to_us(const struct timeval *t)
{
	return (int64_t)t->tv_sec * 1000000 + t->tv_usec;
}

static void
test_usage(void **state)
{
	const struct rusage *a, *b;
	static struct run big, small;
	pid_t pid = idle_guard();

	(void)state;
	assert_int_equal(
	    run(&big, "x=$(head -c 30000000 /dev/zero | tr '\\0' x); "
		      "head -c 2000000000 /dev/zero >/dev/null; "
		      "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"),
	    pid);
	assert_true(becomes_idle(pid));
	assert_int_equal(run(&small, "true"), pid);
	a = &big.report.usage;
	b = &small.report.usage;
	assert_true(a->ru_maxrss > 20000);
	assert_in_range(b->ru_maxrss, 1, 10000);
	assert_true(a->ru_minflt > 5000);
	assert_in_range(b->ru_minflt, 1, 4000);
	assert_true(to_us(&a->ru_utime) > 20000);
	assert_in_range(to_us(&b->ru_utime), 0, to_us(&a->ru_utime) / 2);
	assert_true(to_us(&a->ru_stime) > 20000);
	assert_in_range(to_us(&b->ru_stime), 0, to_us(&a->ru_stime) / 2);
	assert_true(a->ru_nvcsw > 100);
	assert_in_range(b->ru_nvcsw, 0, a->ru_nvcsw / 2);
}

/* All that is told, but what differs from run to run. */
static void
keep_alike(struct guard_report *r)
{
	assert_int_not_equal(r->audit_session, 0);
	memset(&r->usage, 0, sizeof(r->usage));
	r->audit_session = 0;
	r->exec.image.remember = false;
}

static void
test_report(void **state)
{
	static struct run first, second, r;
	pid_t pid = idle_guard();

	(void)state;
	launch_retire();
	assert_int_not_equal(run(&first, "exec sleep 0"), pid);
	pid = first.sp.guard;
	assert_true(becomes_idle(pid));
	assert_int_equal(
	    run(&r,
		"cd /dev/shm; cp /bin/true .; ./true; mount -t tmpfs none /mnt; "
		"unshare -U true; head -c 200000000 /dev/zero >/tmp/full; "
		"for i in 1 2 3; do setsid sleep 1000 & done; ls / /none; exit 3"),
	    pid);
	assert_true(r.report.denials > 0);
	assert_true(r.report.execs > 3);
	assert_true(r.report.findings.tmp_full);
	assert_true(r.report.findings.ended > 0);
	assert_true(becomes_idle(pid));
	assert_int_equal(run(&second, "exec sleep 0"), pid);
	keep_alike(&first.report);
	keep_alike(&second.report);
	assert_memory_equal(
	    &first.report, &second.report, sizeof(first.report));
}

/* Is it anywhere in what this process may write to? */
static bool
remembers(pid_t pid, const char *word)
{
	static char piece[1 << 20];
	unsigned long at, end;
	char path[64], line[512], how[8];
	bool found = false;
	FILE *maps;
	ssize_t n;
	int mem;

	(void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	assert_true(mem != -1 && maps != NULL);
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%lx-%lx %7s", &at, &end, how) != 3 ||
		    how[1] != 'w')
			continue;
		for (; at < end; at += (unsigned long)n) {
			n = pread(mem, piece,
			    end - at < sizeof(piece) ? end - at : sizeof(piece),
			    (off_t)at);
			if (n <= 0)
				break; /* never touched */
			found |= memmem(piece, (size_t)n, word, strlen(word)) !=
				 NULL;
		}
	}
	(void)fclose(maps);
	(void)close(mem);
	return found;
}

/*
 * A small order is cleared by hand, a large one by the kernel: of neither is
 * anything there when the next one is waited for.
 */
static void
test_forgets(void **state)
{
#if defined(__SANITIZE_ADDRESS__)
	(void)state;
	(void)remembers;
	SKIP("the sanitizer's memory is too large to be searched");
#else
	static const char word[] = "order-of-the-run-before";
	static const int pad[] = { 1, 1000, 4000, 12000 };
	static char command[16 << 10];
	static struct run r;
	pid_t pid = idle_guard();
	uint64_t end;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pad) / sizeof(pad[0]); i++) {
		(void)snprintf(command, sizeof(command),
		    ": %s; sleep 1 # %0*d%s", word, pad[i], 0, word);
		assert_false(remembers(pid, word));
		begin_with(&r, command, 1000000);
		end = clock_mono_ms() + WAIT_MS;
		while (!remembers(pid, word)) /* the control */
			assert_true(clock_mono_ms() < end);
		await_end(&r);
		assert_int_equal(r.sp.guard, pid);
		release(&r);
		assert_true(becomes_idle(pid));
	}
	assert_false(remembers(pid, word));
#endif
}

/* Each its own, and its own session. */
static void
test_login(void **state)
{
	static struct run one, two;
	static const char ask[] =
	    "cat /proc/self/loginuid; echo; cat /proc/self/sessionid";
	pid_t pid;

	(void)state;
	if ((policy->confine.layers & CONFINE_LOGINUID) == 0)
		SKIP("a login uid cannot be set here");
	pid = idle_guard();
	assert_int_equal(run_with(&one, ask, 1000001), pid);
	assert_true(becomes_idle(pid));
	assert_int_equal(run_with(&two, ask, 1000002), pid);
	assert_int_equal(atoi(one.text), 1000001);
	assert_int_equal(atoi(two.text), 1000002);
	assert_int_equal(
	    atoi(strchr(one.text, '\n')), one.report.audit_session);
	assert_int_equal(
	    atoi(strchr(two.text, '\n')), two.report.audit_session);
	assert_int_not_equal(
	    one.report.audit_session, two.report.audit_session);
}

/* Without the layer it stays the launcher's, in the first run and in the next. */
static void
test_login_off(void **state)
{
	struct policy *on = policy;
	char want[32];
	static struct run r;
	pid_t pid;

	(void)state;
	if ((policy->confine.layers & CONFINE_LOGINUID) == 0)
		SKIP("a login uid cannot be set here");
	(void)snprintf(
	    want, sizeof(want), "%.31s", fixture_read("/proc/self/loginuid"));
	policy =
	    fixture_policy(fixture_top, NOBODY ",\"disable\":[\"loginuid\"]");
	pid = idle_guard();
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    run_with(&r, "cat /proc/self/loginuid", 1000001), pid);
		assert_string_equal(r.text, want);
		assert_int_equal(r.report.audit_session, LOGINUID_UNSET);
		assert_true(becomes_idle(pid));
	}
	policy_unref(policy);
	policy = on;
}

/* Its second child, which is not the command; 0: there is none. */
static pid_t
find_helper(pid_t guard)
{
	char path[64], text[256];
	char *next;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children",
	    (int)guard, (int)guard);
	(void)snprintf(text, sizeof(text), "%.255s", fixture_read(path));
	(void)strtol(text, &next, 10);
	return (pid_t)strtol(next, NULL, 10);
}

/* Whose connect(2) waits: its own listener takes no more until it may. */
static const char waits_to_connect[] =
    "perl -MSocket -e '$a = pack_sockaddr_un(\"/tmp/s\"); "
    "socket($_, AF_UNIX, SOCK_STREAM, 0) for *L, *A, *S; "
    "bind(L, $a); listen(L, 0); connect(A, $a); "
    "if (!fork) { select(undef, undef, undef, 0.01) until -e \"%s\"; "
    "accept(B, L); accept(C, L); exit } "
    "connect(S, $a) && print \"up\"'";

static uint32_t
login_of_helper(pid_t guard)
{
	pid_t helper = find_helper(guard);
	char file[64];

	(void)snprintf(file, sizeof(file), "/proc/%d/loginuid", (int)helper);
	return helper == 0 ? 0
			   : (uint32_t)strtoul(fixture_read(file), NULL, 10);
}

/* What connects for a run has its login uid. */
static void
test_login_of_connect(void **state)
{
	const char *go = fixture_path("go");
	uint64_t end = clock_mono_ms() + WAIT_MS;
	char command[sizeof(waits_to_connect) + PATH_MAX];
	static struct run r;
	pid_t guard;

	(void)state;
	if ((policy->confine.layers & CONFINE_LOGINUID) == 0 ||
	    !policy->confine.own_sockets)
		return;
	(void)snprintf(command, sizeof(command), waits_to_connect, go);
	guard = idle_guard();
	begin_with(&r, command, 1000001);
	assert_int_equal(r.sp.guard, guard);
	while (login_of_helper(guard) != 1000001 && clock_mono_ms() < end)
		pause_shortly();
	assert_int_equal(login_of_helper(guard), 1000001);
	(void)close(open(go, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	await_end(&r);
	assert_string_equal(r.text, "up");
	release(&r);
	assert_false(becomes_idle(guard)); /* it has listened */
}

/* Its network while it waits for the file, held open: no other has its number. */
static int
network_of(const char *command, const char *go, struct run *r)
{
	char path[64];
	int net;

	begin_with(r, command, 1000000);
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)r->sp.guard);
	net = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_not_equal(net, -1);
	(void)close(open(go, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	await_end(r);
	release(r);
	assert_int_equal(unlink(go), 0);
	return net;
}

/*
 * Who listens may have handed out what leads into its namespaces: no other run
 * has them.
 */
static void
test_listened(void **state)
{
	static const char code[] =
	    "perl -MSocket -e 'socket(L, AF_UNIX, SOCK_STREAM, 0); "
	    "bind(L, pack_sockaddr_un(\"/tmp/l\")); %s; "
	    "select(undef, undef, undef, 0.01) until -e \"%s\"'";
	const char *go = fixture_path("listened");
	char command[512], name[64];
	static struct run r, next;
	struct stat st;
	int listens, net;

	(void)state;
	for (listens = 0; listens < 2; listens++) {
		(void)idle_guard();
		(void)snprintf(command, sizeof(command), code,
		    listens ? "listen(L, 1)" : "1", go);
		net = network_of(command, go, &r);
		assert_int_equal(becomes_idle(r.sp.guard), !listens);
		(void)run(&next, "readlink /proc/self/ns/net");
		assert_int_equal(fstat(net, &st), 0);
		(void)snprintf(name, sizeof(name), "net:[%lu]\n",
		    (unsigned long)st.st_ino);
		assert_int_equal(strcmp(next.text, name) == 0, !listens);
		(void)close(net);
	}
}

/* What a run hands out by a socket of others would be the next one's too. */
static void
test_hands_out(void **state)
{
	static const char *const more[] = { "a socket of others",
		",\"syscalls\":{\"profile\":\"none\"}",
		",\"syscalls\":{\"log_only\":true}",
		",\"syscalls\":{\"allow\":[\"socketpair\"]}",
		",\"syscalls\":{\"allow\":[\"socket\"]}",
		",\"syscalls\":{\"allow\":[\"io_uring_setup\"]}" };
	const char *path = fixture_path("socket");
	struct policy *other = policy;
	char text[256];
	static struct run r;
	size_t i;
	int n;

	(void)state;
	assert_int_equal(mknod(path, S_IFSOCK | 0666, 0), 0);
	(void)idle_guard(); /* control */
	for (i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		if (i == 0)
			(void)snprintf(text, sizeof(text),
			    "%s,\"unix_sockets\":[\"%s\"]", NOBODY, path);
		else
			(void)snprintf(
			    text, sizeof(text), "%s%s", NOBODY, more[i]);
		policy = fixture_policy(fixture_top, text);
		for (n = 0; n < 6; n++)
			if (becomes_idle(run(&r, "true")))
				fail_msg("%s", more[i]);
		policy_unref(policy);
	}
	policy = other;
}

/* One of a hierarchy that only this test has; NULL: there is none. */
static const char *
make_group(void)
{
	const char *top = fixture_path("cgroup");
	const char *path = fixture_path("cgroup/mcp-execd-test");

	assert_int_equal(mkdir(top, 0755), 0);
	if (mount("none", top, "cgroup2", 0, NULL) == -1)
		return NULL;
	(void)rmdir(path);
	assert_int_equal(mkdir(path, 0755), 0);
	group = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_not_equal(group, -1);
	return path;
}

/* The command, and what connects for it; its guard has others after it. */
static void
test_group(void **state)
{
	char file[64], its[256];
	const char *path = make_group();
	static struct run r;
	pid_t pid;

	(void)state;
	if (path == NULL)
		SKIP("no control group can be made here");
	pid = idle_guard();
	(void)snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)pid);
	(void)snprintf(its, sizeof(its), "%.255s", fixture_read(file));
	assert_null(strstr(its, "mcp-execd-test"));
	/* ended first if memory runs out, also after one whose guard was spared */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    run(&r,
			"cat /proc/self/cgroup; cat /proc/self/oom_score_adj"),
		    pid);
		assert_non_null(strstr(r.text, "0::/mcp-execd-test\n"));
		assert_non_null(strstr(r.text, "\n500\n"));
		assert_true(becomes_idle(pid));
	}
	assert_string_equal(fixture_read(file), its);
	(void)close(group);
	group = -1;
	assert_int_equal(rmdir(path), 0); /* nobody is in it */
	assert_int_equal(umount(fixture_path("cgroup")), 0);
}

/* Who has its pair may kill it by its pidfd. */
static void
test_not_released(void **state)
{
	static struct run r, next;
	pid_t pid = idle_guard(), other;

	(void)state;
	begin_with(&r, "true", 1);
	await_end(&r);
	assert_int_equal(r.sp.guard, pid);
	other = run(&next, "true");
	assert_int_not_equal(other, pid);
	assert_false(is_idle(pid));
	assert_true(is_there(pid));
	release(&r);
	assert_true(becomes_idle(pid)); /* and then */
}

/* An end that was ordered is the guard's too. */
static void
test_ordered(void **state)
{
	static struct run r, next;
	struct pollfd out = { .events = POLLIN };
	pid_t pid = idle_guard();
	char kill_it = GUARD_KILL;

	(void)state;
	begin_with(&r, "echo up; exec sleep 1000", 1);
	assert_int_equal(r.sp.guard, pid);
	out.fd = r.sp.out;
	assert_int_equal(poll(&out, 1, WAIT_MS), 1);
	assert_int_equal(send(r.sp.ctl, &kill_it, 1, MSG_NOSIGNAL), 1);
	await_end(&r);
	release(&r);
	assert_false(becomes_idle(pid));
	assert_int_not_equal(run(&next, "echo on"), pid);
	assert_string_equal(next.text, "on\n");
}

/* It crosses the end of the run, and a signal may follow it. */
static void
test_ordered_late(void **state)
{
	static struct run r;
	pid_t pid = idle_guard();
	char kill_it = GUARD_KILL;

	(void)state;
	begin_with(&r, "true", 1);
	await_end(&r);
	assert_int_equal(r.sp.guard, pid);
	assert_int_equal(send(r.sp.ctl, &kill_it, 1, MSG_NOSIGNAL), 1);
	release(&r);
	assert_false(becomes_idle(pid));
}

static void
test_step_fails(void **state)
{
	static struct run r, next;
	pid_t pid = idle_guard();

	(void)state;
	begin_with(&r, "true", 1);
	await_end(&r);
	release(&r);
	assert_true(becomes_idle(pid));
	memset(&r, 0, sizeof(r));
	fixture_plan(&r.plan, policy, "true", NULL);
	r.plan.path[0] = NULL; /* nowhere to be found */
	{
		struct err e = { 0 };

		assert_int_equal(spawn_run(&r.plan, ++number, &r.sp, &e), 0);
		assert_int_equal(spawn_await(&r.sp, number, &e), 0);
	}
	assert_int_equal(r.sp.guard, pid);
	spawn_go(&r.sp);
	await_end(&r);
	assert_int_equal(r.report.event, GUARD_FAILED);
	release(&r);
	assert_false(becomes_idle(pid));
	(void)run(&next, "echo on");
	assert_string_equal(next.text, "on\n");
}

static void
test_killed_while_idle(void **state)
{
	static struct run r;
	pid_t pid = idle_guard();

	(void)state;
	assert_int_equal(kill(pid, SIGKILL), 0);
	await_gone(pid);
	assert_int_not_equal(run(&r, "echo on"), pid);
	assert_string_equal(r.text, "on\n");
}

/* Of a plan that is not in force any more, as it ends. */
/* The launcher has what it was told: it comes before what it reads later. */
static void
await_read(void)
{
	uint64_t end = clock_mono_ms() + WAIT_MS;
	int left = 1;

	while (ioctl(launch_fd(), SIOCOUTQ, &left) == 0 && left > 0 &&
	       clock_mono_ms() < end)
		pause_shortly();
	assert_int_equal(left, 0);
}

static void
test_retired_meanwhile(void **state)
{
	static struct run r;
	pid_t pid = idle_guard();
	const char *path = fixture_path("retired");

	(void)state;
	begin_with(&r, "until [ -e retired ]; do sleep 0.01; done", 1);
	assert_int_equal(r.sp.guard, pid);
	launch_retire();
	await_read();
	fixture_write(path, "", 0644);
	await_end(&r);
	release(&r);
	/* it may wait until the launcher ends it, but has no run more */
	(void)becomes_idle(pid);
	assert_int_not_equal(run(&r, "true"), pid);
	await_gone(pid);
	assert_int_equal(unlink(path), 0);
}

/* The host has another root now. */
static void
test_mounted(void **state)
{
	const char *place = fixture_path("mounted");
	static struct run r;
	pid_t pid;

	(void)state;
	assert_int_equal(mkdir(place, 0755), 0);
	pid = idle_guard();
	assert_int_equal(mount("none", place, "tmpfs", 0, NULL), 0);
	assert_int_not_equal(run(&r, "echo on"), pid);
	assert_int_equal(umount(place), 0);
	assert_string_equal(r.text, "on\n");
	assert_int_not_equal(idle_guard(), pid); /* in another root */
}

enum { IDLE_MS = 5000 /* as serve.c has it */ };

/* How long it waits when something is unmounted; longer is later. */
static uint64_t
waits_for_unmount(const char *place)
{
	uint64_t since;
	pid_t pid;

	assert_int_equal(mount("none", place, "tmpfs", 0, NULL), 0);
	pid = idle_guard();
	since = clock_mono_ms();
	while (!keeps_root(pid)) {
		pid = idle_guard();
		since = clock_mono_ms();
	}
	assert_int_equal(umount(place), 0);
	await_gone(pid);
	return clock_mono_ms() - since;
}

/*
 * What the machine unmounts does not go on in the root of one that waits: it
 * ends at once.  A machine that was slow to look says nothing, and is asked
 * again.
 */
static void
test_unmounted(void **state)
{
	const char *place = fixture_path("unmounted");
	int i;

	(void)state;
	assert_int_equal(mkdir(place, 0755), 0);
	for (i = 0; i < 8; i++)
		if (waits_for_unmount(place) < IDLE_MS - 1000)
			return;
	fail_msg("it goes on waiting");
}

static void
test_waits_no_longer(void **state)
{
	pid_t pid = idle_guard();

	(void)state;
	await_gone(pid); /* of itself */
}

/* Off: each run has its own guard, which ends with it. */
static void
test_off(void **state)
{
	struct policy *on = policy;
	static struct run r;
	int i;

	(void)state;
	launch_keep_for_runs(LAUNCHPLAN_TEMPLATES);
	policy = fixture_policy(fixture_top, NOBODY);
	for (i = 0; i < 8; i++)
		assert_false(becomes_idle(run(&r, "true")));
	launch_keep_for_runs(BOTH);
	policy_unref(policy);
	policy = on;
}

/* However its guards end, the launcher has no more descriptors than before. */
static void
test_launcher_descriptors(void **state)
{
	uint64_t end;
	static struct run r;
	size_t before;
	pid_t pid;

	(void)state;
	(void)idle_guard();
	(void)idle_guard();
	before = count_open(launch_pid());
	for (int i = 0; i < 8; i++) {
		pid = idle_guard();
		if (i % 2 == 0) {
			(void)kill(pid, SIGKILL);
			await_gone(pid);
		}
		launch_keep_for_runs(0);
		(void)run(&r, "true");
		launch_keep_for_runs(BOTH);
	}
	(void)idle_guard();
	end = clock_mono_ms() + WAIT_MS;
	while (count_open(launch_pid()) != before && clock_mono_ms() < end)
		pause_shortly();
	assert_int_equal(count_open(launch_pid()), before);
}

/* The last test: the launcher goes. */
static void
test_executor_gone(void **state)
{
	uint64_t begin;
	pid_t pid = idle_guard();

	(void)state;
	begin = clock_mono_ms();
	(void)launch_close();
	await_gone(pid);
	assert_true(clock_mono_ms() - begin < 5000); /* not of itself */
}

/* --- asborn --------------------------------------------------------------- */

static bool
changes_nothing(void)
{
	return true;
}

static bool
sets_umask(void)
{
	(void)umask(0123);
	return true;
}

static bool
sets_limit(void)
{
	struct rlimit l = { 17, 17 };

	return setrlimit(RLIMIT_CORE, &l) == 0;
}

static bool
has_signal(void)
{
	return kill(getpid(), SIGUSR1) == 0;
}

static bool
opens_mask(void)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigaddset(&none, SIGUSR2);
	return sigprocmask(SIG_UNBLOCK, &none, NULL) == 0;
}

static bool
joins_keyring(void)
{
	return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) != -1;
}

static bool
sets_securebits(void)
{
	return prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) == 0;
}

static bool
has_group(void)
{
	const gid_t id = 64123;

	return setgroups(1, &id) == 0;
}

static bool
has_no_new_privs(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static bool
is_nice(void)
{
	int now = getpriority(PRIO_PROCESS, 0);

	return setpriority(PRIO_PROCESS, 0, now == 5 ? 6 : 5) == 0;
}

static bool
has_death_signal(void)
{
	return prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0) == 0;
}

static bool
can_be_dumped(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0;
}

static bool
is_slack(void)
{
	return prctl(PR_SET_TIMERSLACK, 777777, 0, 0, 0) == 0;
}

static bool
has_login(void)
{
	return loginuid_set(1000003) == 0;
}

static bool
has_child(void)
{
	if (fork() != 0)
		return true;
	(void)pause();
	_exit(0);
}

static bool
has_zombie(void)
{
	siginfo_t si;

	if (fork() == 0)
		_exit(0);
	return waitid(P_ALL, 0, &si, WEXITED | WNOWAIT) == 0;
}

/* As process 1 of its ids, as a guard is. */
static int
is_as_born(bool (*change)(void))
{
	static struct asborn b;
	sigset_t all;

	(void)syscall(SYS_close_range, 3, ~0U, 0);
	(void)close(0);
	(void)close(1);
	(void)close(2);
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	if (!asborn_note(&b))
		_exit(3);
	if (!change())
		_exit(2);
	_exit(asborn_is(&b, true) ? 0 : 1);
}

static int
try_change(bool (*change)(void))
{
	int status;
	pid_t pid = confine_clone(CLONE_NEWPID, NULL);

	if (pid == 0)
		is_as_born(change);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
test_as_born(void **state)
{
	static bool (*const changes[])(void) = { sets_umask, sets_limit,
		has_signal, opens_mask, joins_keyring, sets_securebits,
		has_group, has_no_new_privs, has_child, has_zombie, has_login,
		is_nice, has_death_signal, can_be_dumped, is_slack };
	size_t i;

	(void)state;
	assert_int_equal(try_change(changes_nothing), 0);
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		if (try_change(changes[i]) != 1)
			fail_msg("change %zu: %d", i, try_change(changes[i]));
}

/*
 * What others have mounted for a moment, in this namespace's copy: when they
 * remove its directory, the kernel takes it from here as well (__detach_mounts),
 * and a table of mounts that changes ends guards that wait.
 */
static bool
leave_mounts_of_others(void)
{
	static const char *const places[] = { "/tmp/", "/var/tmp/", "/run/" };
	FILE *f = fopen("/proc/self/mounts", "re");
	char line[PATH_MAX + 512], place[PATH_MAX];
	size_t i;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
			if (sscanf(line, "%*s %4095s", place) == 1 &&
			    strncmp(place, places[i], strlen(places[i])) == 0)
				(void)umount2(place, MNT_DETACH);
	return f != NULL && fclose(f) == 0;
}

static int
setup(void **state)
{
	/* what others mount would end guards that wait; a service has a keyring */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 ||
	    unshare(CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    !leave_mounts_of_others() || fixture_setup(state) != 0)
		return -1;
	(void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	(void)syscall(
	    SYS_keyctl, KEYCTL_SETPERM, KEY_SPEC_SESSION_KEYRING, 0x3f3f3f3f);
	fixture_launcher();
	launch_keep_for_runs(BOTH);
	policy = fixture_policy(fixture_top, NOBODY);
	return 0;
}

static int
teardown(void **state)
{
	policy_unref(policy);
	(void)launch_close();
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* a leak check needs it */
	return fixture_teardown(state);
}

/* --- keptroot ------------------------------------------------------------- */

/* A terminal whose master is somewhere still, as in a message of a socket. */
static int
try_terminal(void)
{
	static struct mounts m = { .count = 1 };
	struct keptroot k;
	char path[128];
	int ptmx;

	if (unshare(CLONE_NEWNS | CLONE_NEWIPC) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mounts_bind_terminals(fixture_top) != 0)
		return 10;
	m.op[0].kind = MOUNTS_PTS;
	m.op[0].path = fixture_top;
	keptroot_init(&k);
	keptroot_note(&k, &m, -1);
	if (!keptroot_is(&k))
		return 11; /* control */
	(void)snprintf(path, sizeof(path), "%s/ptmx", fixture_top);
	ptmx = open(path, O_RDWR | O_NOCTTY);
	if (ptmx == -1 || keptroot_is(&k))
		return 12;
	(void)close(ptmx);
	if (!keptroot_is(&k))
		return 13;
	keptroot_forget(&k);
	return keptroot_is(&k) ? 14 : 0;
}

static void
test_terminal(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0)
		_exit(try_terminal());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* The host has another directory where the run's own was. */
static void
test_replaced(void **state)
{
	struct policy *others = policy;
	static struct run r;
	pid_t pid;

	(void)state;
	/* nothing of the machine: setup() has a mount namespace of its own */
	assert_int_equal(mount("none", "/var", "tmpfs", 0, "mode=0755"), 0);
	assert_int_equal(mkdir("/var/tmp", 0777), 0);
	policy =
	    fixture_policy(fixture_top, NOBODY ",\"files\":{\"read\":[\"/\"]}");
	assert_true(keeps_after(LATER "true"));
	pid = run(&r, LATER "true");
	assert_true(becomes_idle(pid) && keeps_root(pid));
	assert_int_equal(rename("/var/tmp", "/var/old"), 0);
	assert_int_equal(mkdir("/var/tmp", 0777), 0);
	fixture_write("/var/tmp/of-the-host", "", 0644);
	(void)run(&r, LATER "ls /var/tmp; echo and no more");
	assert_string_equal(r.text, "and no more\n");
	assert_int_equal(umount2("/var", MNT_DETACH), 0);
	policy_unref(policy);
	policy = others;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_born),
		cmocka_unit_test(test_same_guard),
		cmocka_unit_test(test_view),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_root_of_tree),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_callers),
		cmocka_unit_test(test_view_of_guard),
		cmocka_unit_test(test_unreached),
		cmocka_unit_test(test_keyring),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_forgets),
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_login_off),
		cmocka_unit_test(test_login_of_connect),
		cmocka_unit_test(test_listened),
		cmocka_unit_test(test_hands_out),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_not_released),
		cmocka_unit_test(test_ordered),
		cmocka_unit_test(test_ordered_late),
		cmocka_unit_test(test_step_fails),
		cmocka_unit_test(test_killed_while_idle),
		cmocka_unit_test(test_retired_meanwhile),
		cmocka_unit_test(test_mounted),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_unmounted),
		cmocka_unit_test(test_waits_no_longer),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_launcher_descriptors),
		cmocka_unit_test(test_executor_gone),
	};

	if (geteuid() != 0)
		return 0; /* such guards are root's */
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, setup, teardown);
}
