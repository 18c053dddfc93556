/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/guard, spawn and child: real guards of real
 * commands, each under a bare policy and under one with all layers.
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
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "common/fdio.h"
#include "executor/launcher/proctree.h"
#include "executor/run/spawn.h"
#include "tests/unit/fixture_executor.h"
#include "tests/unit/fixture_skip.h"

#define BARE                                                                   \
	",\"syscalls\":{\"profile\":\"none\"},\"network\":\"host\""            \
	",\"disable\":[\"mounts\","                                            \
	"\"pids\",\"ipc\",\"network\",\"user\",\"landlock\","                  \
	"\"seccomp\",\"loginuid\"]"

enum {
	WAIT_MS = 20000, /* for anything that must happen */
	TEXT = 16384
};

struct sse {
	int fd;
	char text[TEXT];
	size_t len;
	bool end; /* EOF: nobody has the other end any more */
};

struct run {
	struct policy *policy;
	struct plan plan;
	struct spawned sp;
	struct sse out, err;
	struct guard_report report; /* the last one */
	bool started, failed, exited;
	pid_t command; /* once it has started */
	bool exposed; /* with the place in the first such report */
	char place[PATH_MAX];
	bool gone; /* the guard itself */
	bool held; /* it is not told to go on */
	unsigned execs_failed, denials; /* that were told */
	int exec_error; /* of all that failed; -1: of different kinds */
};

static uint64_t number; /* of the last run */

/* What r->plan says. */
static void
start_planned(struct run *r, struct policy *p)
{
	struct err e = { 0 };

	r->policy = p;
	if (spawn_run(&r->plan, ++number, &r->sp, &e) != 0 ||
	    spawn_await(&r->sp, number, &e) != 0)
		fail_msg("%s", e.what);
	if (!r->held)
		spawn_go(&r->sp);
	r->out.fd = r->sp.out;
	r->err.fd = r->sp.err;
}

static void
start_as(
    struct run *r, struct policy *p, const char *command, const char *input)
{
	memset(r, 0, sizeof(*r));
	fixture_plan(&r->plan, p, command, input);
	start_planned(r, p);
}

static void
start(struct run *r, const char *flavour, const char *command)
{
	start_as(r, fixture_policy(fixture_top, flavour), command, NULL);
}

static void
take_stream(struct sse *s)
{
	ssize_t n = read(s->fd, s->text + s->len, TEXT - 1 - s->len);

	if (n > 0)
		s->len += (size_t)n;
	s->text[s->len] = '\0';
	if (n == 0)
		s->end = true;
}

static void
take_report(struct run *r)
{
	struct guard_report report;

	while (spawn_receive(&r->sp, &report) > 0) {
		r->report = report;
		r->started |= report.event == GUARD_STARTED;
		if (report.event == GUARD_STARTED)
			r->command = report.pid;
		r->failed |= report.event == GUARD_FAILED;
		r->exited |= report.event == GUARD_EXITED;
		if (report.event == GUARD_EXPOSED)
			(void)snprintf(
			    r->place, sizeof(r->place), "%s", report.place);
		r->exposed |= report.event == GUARD_EXPOSED;
		r->denials += report.event == GUARD_DENIED;
		if (report.event == GUARD_EXEC &&
		    report.exec.outcome == EXEC_FAILED)
			r->exec_error =
			    r->execs_failed++ == 0 ||
				    r->exec_error == report.exec.error
				? report.exec.error
				: -1;
	}
}

/* One wait for anything of the run. */
static void
turn(struct run *r, int ms)
{
	struct pollfd p[] = {
		{ .fd = r->gone ? -1 : r->sp.pidfd, .events = POLLIN },
		{ .fd = r->gone ? -1 : r->sp.ctl, .events = POLLIN },
		{ .fd = r->out.end ? -1 : r->out.fd, .events = POLLIN },
		{ .fd = r->err.end ? -1 : r->err.fd, .events = POLLIN },
	};

	(void)poll(p, 4, ms);
	if (p[2].revents != 0)
		take_stream(&r->out);
	if (p[3].revents != 0)
		take_stream(&r->err);
	if (p[1].revents != 0)
		take_report(r);
	if (p[0].revents != 0) {
		take_report(r);
		r->gone = true;
	}
}

/* Until the guard is gone and nobody holds an output pipe. */
static bool
all_over(const struct run *r)
{
	return r->gone && r->out.end && r->err.end;
}

static void
wait_over(struct run *r)
{
	uint64_t end = clock_mono_ms() + WAIT_MS;

	while (!all_over(r) && clock_mono_ms() < end)
		turn(r, 100);
	assert_true(r->gone);
	assert_true(r->out.end && r->err.end);
}

static void
wait_text(struct run *r, const char *text)
{
	uint64_t end = clock_mono_ms() + WAIT_MS;

	while (strstr(r->out.text, text) == NULL && !all_over(r) &&
	       clock_mono_ms() < end)
		turn(r, 100);
	if (strstr(r->out.text, text) == NULL)
		fail_msg("no \"%s\" in \"%s\" \"%s\"", text, r->out.text,
		    r->err.text);
}

static void
order(struct run *r, char what)
{
	assert_int_equal(send(r->sp.ctl, &what, 1, MSG_NOSIGNAL), 1);
}

static void
done(struct run *r)
{
	(void)close(r->sp.pidfd);
	if (r->sp.ctl >= 0)
		(void)close(r->sp.ctl);
	if (r->sp.in >= 0)
		(void)close(r->sp.in);
	(void)close(r->sp.out);
	(void)close(r->sp.err);
	plan_fini(&r->plan);
	policy_unref(r->policy);
}

/* Run it to its end; a step that failed is shown. */
static void
run_as(struct run *r, struct policy *p, const char *command)
{
	start_as(r, p, command, NULL);
	wait_over(r);
	if (r->failed)
		fail_msg("%s %s: %s", r->report.step, r->report.place,
		    strerror(r->report.sysno));
	assert_true(r->started && r->exited);
	assert_int_equal(r->report.left, 0);
}

static void
run(struct run *r, const char *flavour, const char *command)
{
	run_as(r, fixture_policy(fixture_top, flavour), command);
}

/* --- ends -------------------------------------------------------------- */

static void
exit_status(const char *flavour)
{
	struct run r;

	run(&r, flavour, "echo out; echo err >&2; exit 7");
	assert_string_equal(r.out.text, "out\n");
	assert_string_equal(r.err.text, "err\n");
	assert_true(WIFEXITED(r.report.status));
	assert_int_equal(WEXITSTATUS(r.report.status), 7);
	assert_true(r.report.usage.ru_maxrss > 0);
	done(&r);
	run(&r, flavour, "kill -USR1 $$");
	assert_true(WIFSIGNALED(r.report.status));
	assert_int_equal(WTERMSIG(r.report.status), SIGUSR1);
	done(&r);
}

static void
input(const char *flavour)
{
	struct run r;

	start_as(&r, fixture_policy(fixture_top, flavour), "cat; echo end",
	    "hello ");
	assert_int_equal(write(r.sp.in, "hello ", 6), 6);
	(void)close(r.sp.in);
	r.sp.in = -1;
	wait_over(&r);
	assert_string_equal(r.out.text, "hello end\n");
	done(&r);
	start_as(
	    &r, fixture_policy(fixture_top, flavour), "cat; echo end", NULL);
	assert_int_equal(r.sp.in, -1); /* /dev/null */
	wait_over(&r);
	assert_string_equal(r.out.text, "end\n");
	done(&r);
}

/* --- the tree ---------------------------------------------------------- */

#define DAEMONS                                                                \
	"daemon() { setsid sh -c 'trap \"\" TERM HUP INT; "                    \
	"(sleep 1000 & echo up; wait) & wait; sleep 1000' & }; "               \
	"daemon; (daemon; (daemon)); "

/* They hold stdout, so its end says that they are gone. */
static void
daemons_are_gone(const char *flavour)
{
	struct run r;

	start(&r, flavour,
	    DAEMONS
	    "while [ \"$go\" != 3 ]; do sleep 0.1; go=3; done; sleep 0.5; exit 3");
	wait_over(&r);
	assert_non_null(strstr(r.out.text, "up\nup\nup\n"));
	assert_int_equal(WEXITSTATUS(r.report.status), 3);
	assert_int_equal(r.report.left, 0);
	done(&r);
}

static void
kill_ends_all(const char *flavour)
{
	struct run r;
	int i;

	start(&r, flavour,
	    "trap '' TERM HUP INT; " DAEMONS
	    "echo ready; while :; do sleep 1; done");
	wait_text(&r, "ready");
	wait_text(&r, "up\n");
	order(&r, GUARD_TERM);
	for (i = 0; i < 5; i++)
		turn(&r, 50);
	assert_false(r.exited || r.gone); /* it ignores TERM */
	order(&r, GUARD_KILL);
	wait_over(&r);
	assert_true(r.exited);
	assert_true(WIFSIGNALED(r.report.status));
	assert_int_equal(WTERMSIG(r.report.status), SIGKILL);
	done(&r);
}

/* TERM reaches everyone, and who handles it has time to end. */
static void
term_is_kind(const char *flavour)
{
	struct run r;

	start(&r, flavour,
	    "sh -c 'trap \"echo child; exit\" TERM; echo c1; while :; do sleep 0.1; done' & trap 'wait; echo parent; exit 5' TERM; echo c2; wait");
	wait_text(&r, "c1");
	wait_text(&r, "c2");
	order(&r, GUARD_TERM);
	wait_over(&r);
	assert_non_null(strstr(r.out.text, "child\nparent\n"));
	assert_int_equal(WEXITSTATUS(r.report.status), 5);
	done(&r);
}

static pid_t
parent_of(pid_t pid)
{
	char path[64], line[256] = "";
	int parent = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f != NULL && fgets(line, sizeof(line), f) != NULL)
		(void)sscanf(line, "%*d (sleep) S %d", &parent);
	if (f != NULL)
		(void)fclose(f);
	return parent;
}

/* By an id of ours, in process ids of its own too. */
static void
command_is_known(const char *flavour)
{
	uint64_t end = clock_mono_ms() + WAIT_MS;
	struct run r;

	start(&r, flavour, "exec sleep 1000");
	while ((r.command == 0 || parent_of(r.command) != r.sp.guard) &&
	       clock_mono_ms() < end)
		turn(&r, 10);
	assert_true(r.command > 0);
	assert_int_equal(parent_of(r.command), r.sp.guard);
	order(&r, GUARD_KILL);
	wait_over(&r);
	assert_true(r.exited);
	done(&r);
}

/* Our end of the control socket is all that the guard knows of us. */
static void
executor_is_gone(const char *flavour)
{
	struct run r;

	start(&r, flavour, DAEMONS "echo ready; sleep 1000");
	wait_text(&r, "ready");
	wait_text(&r, "up\n");
	(void)close(r.sp.ctl);
	r.sp.ctl = -1;
	wait_over(&r);
	done(&r);
}

static void
closed_at_once(const char *flavour)
{
	struct run r;
	int i;

	for (i = 0; i < 20; i++) {
		start(&r, flavour, "sleep 1000");
		(void)close(r.sp.ctl);
		r.sp.ctl = -1;
		wait_over(&r);
		done(&r);
	}
}

static void
killed_at_once(const char *flavour)
{
	struct run r;
	int i;

	for (i = 0; i < 20; i++) {
		start(&r, flavour, "sleep 1000");
		order(&r, i % 2 == 0 ? GUARD_KILL : GUARD_TERM);
		if (i % 2 != 0) /* TERM before exec may be lost, or do */
			(void)!send(r.sp.ctl, "K", 1, MSG_NOSIGNAL);
		wait_over(&r);
		assert_true(r.exited || r.failed);
		done(&r);
	}
}

static void
begin_held(struct run *r, const char *flavour, const char *command)
{
	struct policy *p = fixture_policy(fixture_top, flavour);

	memset(r, 0, sizeof(*r));
	r->held = true;
	fixture_plan(&r->plan, p, command, NULL);
	start_planned(r, p);
}

/* Of the guard's only thread, as /proc shows them to us. */
static bool
has_children(pid_t guard)
{
	char path[64], c;
	FILE *f;
	bool has;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children",
	    (int)guard, (int)guard);
	f = fopen(path, "re");
	has = f != NULL && fread(&c, 1, 1, f) == 1;
	if (f != NULL)
		(void)fclose(f);
	return has;
}

/* Until the process is there that is to become the command. */
static void
start_held(struct run *r, const char *flavour, const char *command)
{
	int i;

	begin_held(r, flavour, command);
	for (i = 0; i < WAIT_MS / 10 && !has_children(r->sp.guard); i++)
		turn(r, 10);
}

static void
never_began(struct run *r)
{
	wait_over(r);
	assert_false(r->started);
	assert_int_equal(r->out.len, 0);
	done(r);
}

/* Whatever comes instead of GUARD_GO, the command does not begin. */
static void
waits_for_go(const char *flavour)
{
	struct run r;
	int i;

	start_held(&r, flavour, "echo began");
	for (i = 0; i < 10; i++)
		turn(&r, 10);
	assert_false(r.started || r.gone);
	assert_int_equal(r.out.len, 0);
	spawn_go(&r.sp);
	wait_over(&r);
	assert_string_equal(r.out.text, "began\n");
	done(&r);

	for (i = 0; i < 2; i++) {
		start_held(&r, flavour, "echo began");
		order(&r, i == 0 ? GUARD_KILL : GUARD_TERM);
		if (i == 0)
			spawn_go(&r.sp);
		never_began(&r);
		assert_true(r.failed);
		assert_string_equal(r.report.step, "start");
		assert_int_equal(r.report.sysno, ECANCELED);
	}

	start_held(&r, flavour, "echo began");
	(void)close(r.sp.ctl);
	r.sp.ctl = -1;
	never_began(&r);

	start_held(&r, flavour, "echo began");
	assert_int_equal(kill(r.sp.guard, SIGKILL), 0);
	never_began(&r);
}

/* The same, mostly before that process is there; then GUARD_GO is too late. */
static void
never_after_order(const char *flavour)
{
	struct run r;
	int i;

	for (i = 0; i < 30; i++) {
		begin_held(&r, flavour, "echo began");
		if (i % 3 == 0) {
			order(&r, GUARD_KILL);
			spawn_go(&r.sp);
		} else if (i % 3 == 1) {
			order(&r, GUARD_TERM);
		} else {
			(void)close(r.sp.ctl);
			r.sp.ctl = -1;
		}
		never_began(&r);
	}
}

/* GUARD_GO is there long before the command is ready for it. */
static void
test_many_go(void **state)
{
	struct run r;
	int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		run(&r, i % 2 == 0 ? "" : BARE, "echo began");
		assert_string_equal(r.out.text, "began\n");
		done(&r);
	}
}

/* Until the launcher says that this run's guard has ended. */
static bool
is_ended(uint64_t run)
{
	uint64_t end = clock_mono_ms() + WAIT_MS;
	struct pollfd p = { .fd = launch_fd(), .events = POLLIN };
	struct launch_event ev;
	bool ended = false;

	while (!ended && clock_mono_ms() < end) {
		(void)poll(&p, 1, 1000);
		while (launch_next(&ev) > 0) {
			ended |= ev.what == LAUNCH_ENDED && ev.run == run;
			if (ev.pidfd != -1)
				(void)close(ev.pidfd);
		}
	}
	return ended;
}

/* A reload sends guards away, and the end of one with a run is still told. */
static void
test_reload_meanwhile(void **state)
{
	struct run r, other;
	uint64_t its;

	(void)state;
	start_as(
	    &r, fixture_policy(fixture_top, BARE), "cat; echo end", "input");
	its = number;
	launch_retire();
	run(&other, BARE, "true"); /* it has been read, as this was */
	done(&other);
	(void)close(r.sp.in);
	r.sp.in = -1;
	wait_over(&r);
	assert_string_equal(r.out.text, "end\n");
	assert_true(is_ended(its));
	done(&r);
}

/* An order that is too large for a message goes as a sealed file. */
static void
test_long_command(void **state)
{
	static char command[2 * GUARD_INLINE];
	struct run r;

	(void)state;
	memset(command, ' ', sizeof(command) - 1);
	memcpy(command, "echo", 4);
	memcpy(command + sizeof(command) - 6, "whole", 5);
	for (int i = 0; i < 2; i++) {
		run(&r, i == 0 ? "" : BARE, command);
		assert_string_equal(r.out.text, "whole\n");
		done(&r);
	}
}

/* A hundred processes that each have a hundred milliseconds of children. */
static void
many(const char *flavour)
{
	struct run r;

	start(&r, flavour,
	    "i=0; while [ $i -lt 100 ]; do (while :; do sleep 0.1; done) & i=$((i+1)); done; echo ready; wait");
	wait_text(&r, "ready");
	order(&r, GUARD_KILL);
	wait_over(&r);
	assert_int_equal(r.report.left, 0);
	done(&r);
}

/*
 * The guard is killed, as a command of the same user may do without process
 * ids of its own: what is left becomes the launcher's, which ends it.
 */
static void
test_guard_killed(void **state)
{
	struct run r;

	(void)state;
	start(&r, BARE, DAEMONS "echo ready; kill -9 $PPID; sleep 1000");
	wait_text(&r, "ready");
	wait_over(&r);
	assert_false(r.exited);
	done(&r);
}

/* --- what the command has ---------------------------------------------- */

/* Descriptors, by asking for each number without opening one. */
static void
descriptors(const char *flavour)
{
	int leak[8], i;
	struct run r;

	for (i = 0; i < 8; i++) /* without CLOEXEC */
		leak[i] = open("/dev/null", O_RDWR);
	assert_int_equal(dup2(leak[0], 200), 200);
	run(&r, flavour,
	    "i=0; while [ $i -lt 300 ]; do [ -e /proc/self/fd/$i ] && echo $i; i=$((i+1)); done; true");
	assert_string_equal(r.out.text, "0\n1\n2\n");
	for (i = 0; i < 8; i++)
		(void)close(leak[i]);
	(void)close(200);
	done(&r);
}

static const char *
status_field(const struct run *r, const char *name)
{
	static char value[256];
	const char *p = strstr(r->out.text, name);

	if (p == NULL)
		fail_msg("no %s in %s", name, r->out.text);
	p += strlen(name);
	p += strspn(p, ":\t ");
	(void)snprintf(value, sizeof(value), "%.*s", (int)strcspn(p, "\n"), p);
	return value;
}

/* Nothing of ours is ignored, blocked or handled in the command. */
static void
signals(const char *flavour)
{
	sigset_t set, old;
	struct run r;
	int sig;

	(void)sigfillset(&set);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	for (sig = 1; sig <= SIGRTMAX; sig++)
		if (sig != SIGCHLD)
			(void)signal(sig, SIG_IGN);
	run(&r, flavour, "exec cat /proc/self/status");
	for (sig = 1; sig <= SIGRTMAX; sig++)
		if (sig != SIGCHLD)
			(void)signal(sig, SIG_DFL);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	assert_string_equal(status_field(&r, "SigBlk"), "0000000000000000");
	assert_string_equal(status_field(&r, "SigIgn"), "0000000000000000");
	assert_string_equal(status_field(&r, "SigCgt"), "0000000000000000");
	done(&r);
}

static void
privileges(const char *flavour)
{
	struct run r;

	run(&r, flavour, "exec cat /proc/self/status");
	assert_string_equal(status_field(&r, "CapInh"), "0000000000000000");
	assert_string_equal(status_field(&r, "CapPrm"), "0000000000000000");
	assert_string_equal(status_field(&r, "CapEff"), "0000000000000000");
	assert_string_equal(status_field(&r, "CapAmb"), "0000000000000000");
	if (geteuid() == 0)
		assert_string_equal(
		    status_field(&r, "CapBnd"), "0000000000000000");
	assert_string_equal(status_field(&r, "NoNewPrivs"), "1");
	done(&r);
}

static void
place(const char *flavour)
{
	char more[512];
	struct run r;

	(void)snprintf(more, sizeof(more), "%s,\"umask\":\"0027\"", flavour);
	run(&r, more, "umask; pwd; ps -o sid= -p $$ 2>/dev/null || true");
	assert_true(strncmp(r.out.text, "0027\n", 5) == 0);
	assert_true(
	    strncmp(r.out.text + 5, fixture_top, strlen(fixture_top)) == 0);
	done(&r);
}

/* Of its own session: nothing of the terminal's reaches it. */
static void
session(const char *flavour)
{
	char comm[64];
	int pid, ppid, pgid, sid;
	struct run r;

	run(&r, flavour, "exec cat /proc/self/stat");
	assert_int_equal(sscanf(r.out.text, "%d %63s %*c %d %d %d", &pid, comm,
			     &ppid, &pgid, &sid),
	    5);
	assert_int_equal(sid, pid);
	assert_int_equal(pgid, pid);
	done(&r);
}

/* --- failures ---------------------------------------------------------- */

static void
fails(struct run *r, const char *step, int sysno)
{
	wait_over(r);
	assert_true(r->failed);
	assert_false(r->started || r->exited);
	assert_string_equal(r->report.step, step);
	assert_int_equal(r->report.sysno, sysno);
	assert_int_equal(r->out.len, 0);
	done(r);
}

static void
step_failures(const char *flavour)
{
	struct policy *p = fixture_policy(fixture_top, flavour);
	const char *dir = fixture_path("shut"), *file = fixture_path("file");
	struct run r;

	assert_true(p->rlimit_count > 0);
	p->rlimits[0].resource = RLIMIT_NOFILE; /* beyond fs.nr_open */
	p->rlimits[0].value = 1UL << 40;
	start_as(&r, p, "echo never", NULL);
	fails(&r, "rlimits", EPERM);

	p = fixture_policy(fixture_top, flavour);
	(void)strcpy(p->shell, "/nonexistent/sh");
	start_as(&r, p, "echo never", NULL);
	fails(&r, "execve", ENOENT);

	fixture_write(file, "no program", 0644);
	p = fixture_policy(fixture_top, flavour);
	(void)strcpy(p->shell, file);
	start_as(&r, p, "echo never", NULL);
	fails(&r, "execve", EACCES);

	assert_int_equal(mkdir(dir, 0755), 0);
	p = fixture_policy(dir, flavour);
	memset(&r, 0, sizeof(r));
	fixture_plan(&r.plan, p, "echo never", NULL);
	assert_int_equal(chmod(dir, 0), 0);
	start_planned(&r, p);
	fails(&r, "directory", EACCES);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(unlink(file), 0);
}

/* In a child, as limits cannot be taken back: what the run came to. */
static int
run_under_nproc(const char *flavour, rlim_t more)
{
	struct rlimit r = { more, more };
	struct policy *p = fixture_policy(fixture_top, flavour);
	struct spawned sp;
	struct plan plan;
	struct guard_report report = { 0 };
	struct pollfd gone = { .events = POLLIN };
	struct err e = { 0 };
	int rc = 100;

	fixture_plan(&plan, p, "echo never", NULL);
	if (setrlimit(RLIMIT_NPROC, &r) == -1 ||
	    launch_open(launch_beside(), &e) != 0 ||
	    spawn_run(&plan, 1, &sp, &e) != 0)
		return 1;
	if (spawn_await(&sp, 1, &e) != 0) {
		(void)launch_close();
		return e.code == ERR_SYS && e.sysno == EAGAIN ? 10 : 2;
	}
	gone.fd = sp.pidfd;
	(void)poll(&gone, 1, WAIT_MS);
	if (spawn_receive(&sp, &report) != (ssize_t)sizeof(report))
		return 3;
	if (report.event == GUARD_FAILED && report.sysno == EAGAIN &&
	    strcmp(report.step, "fork") == 0)
		rc = 11;
	(void)launch_close();
	return rc;
}

/* Whether a process has this real uid, which is whose processes are counted. */
static bool
has_process(uid_t uid)
{
	DIR *proc = opendir("/proc");
	const struct dirent *d;
	char name[300], line[256];
	unsigned real;
	bool found = false;

	assert_non_null(proc);
	while (!found && (d = readdir(proc)) != NULL) {
		(void)snprintf(
		    name, sizeof(name), "/proc/%s/status", d->d_name);
		FILE *f = d->d_name[0] >= '0' && d->d_name[0] <= '9'
			      ? fopen(name, "r")
			      : NULL;
		while (f != NULL && fgets(line, sizeof(line), f) != NULL)
			if (sscanf(line, "Uid: %u", &real) == 1)
				found = found || real == uid;
		if (f != NULL)
			(void)fclose(f);
	}
	(void)closedir(proc);
	return found;
}

/*
 * A uid that nobody has, and no other test that runs meanwhile: its name as an
 * abstract socket, until this process is gone, is the claim to it.
 */
static uid_t
unused_uid(void)
{
	enum { FIRST = 60600, COUNT_OF = 4400 };
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uid_t uid;

	assert_true(fd >= 0);
	for (int i = 0; i < COUNT_OF; i++) {
		uid = FIRST + (uid_t)((getpid() + i) % COUNT_OF);
		(void)snprintf(&name.sun_path[1], sizeof(name.sun_path) - 1,
		    "mcp-execd-test-uid-%u", (unsigned)uid);
		if (bind(fd, (const struct sockaddr *)&name, sizeof(name)) ==
			0 &&
		    !has_process(uid))
			return uid;
		(void)close(fd);
		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		assert_true(fd >= 0);
	}
	fail_msg("no uid is unused");
	return 0;
}

/* Two at once are never of one uid, whose limits they would share. */
static void
test_unused_uid(void **state)
{
	uid_t first, second;

	(void)state;
	assert_true(has_process(getuid()));
	first = unused_uid();
	second = unused_uid();
	assert_int_not_equal(first, second);
	assert_false(has_process(first) || has_process(second));
}

/* Out of processes: the run is refused, with the reason. */
static void
test_no_processes(void **state)
{
	int want, status;
	uid_t uid;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		SKIP("only root may take a uid that has no other process");
	for (want = 10; want <= 11; want++) {
		uid = unused_uid();
		pid = fork();
		if (pid == 0) {
			assert_int_equal(setgroups(0, NULL), 0);
			assert_int_equal(setresgid(uid, uid, uid), 0);
			assert_int_equal(setresuid(uid, uid, uid), 0);
			/* itself, the launcher, and perhaps the guard */
			_exit(run_under_nproc(BARE, (rlim_t)(want - 8)));
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, want << 8);
	}
}

/* Out of descriptors: an error, and none is left open. */
static void
test_no_descriptors(void **state)
{
	struct rlimit old, low;
	struct spawned sp;
	struct plan plan;
	struct policy *p = fixture_policy(fixture_top, BARE);
	struct err e = { 0 };
	int free_fd = dup(0), failed = 0, i;

	(void)state;
	fixture_plan(&plan, p, "echo never", NULL);
	(void)close(free_fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	for (i = 0; i < 9; i++) {
		low.rlim_cur = (rlim_t)(free_fd + 1 + i);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
		if (spawn_run(&plan, ++number, &sp, &e) == 0)
			break;
		assert_int_equal(e.code, ERR_SYS);
		failed++;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
		int fd = dup(0);
		assert_true(fd <= free_fd + 1); /* except for the plan's own */
		(void)close(fd);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_true(failed >= 5);
	if (i < 9) {
		(void)close(sp.ctl);
		assert_int_equal(spawn_await(&sp, number, &e), 0);
		(void)close(sp.pidfd);
		(void)close(sp.out);
		(void)close(sp.err);
	}
	plan_fini(&plan);
	policy_unref(p);
}

/* --- root only --------------------------------------------------------- */

/* A program that is looked for in many places is told of none of them. */
static void
test_failed_execs(void **state)
{
	const unsigned each = EXECLOG_MAX_FAILED + 1;
	char command[256];
	struct run r;

	(void)state;
	(void)snprintf(command, sizeof(command),
	    "exec perl -e 'no warnings; $p = q(/etc/passwd); "
	    "for $i (1..%u) { exec {$_} q(x) for qq(/nowhere/$i), qq($p/$i), $p }'",
	    each);
	run(&r, "", command);
	assert_true(r.report.execs >= 2);
	/* and where the shell has looked for perl */
	assert_in_range(r.report.execs_failed, 3 * each, 3 * each + 16);
	assert_int_equal(r.execs_failed, EXECLOG_MAX_FAILED);
	assert_int_equal(r.exec_error, EACCES);
	done(&r);
}

static void
test_many_denials(void **state)
{
	const unsigned each = DENIAL_MAX_TOLD + 1;
	char command[256];
	struct run r;

	(void)state;
	(void)snprintf(command, sizeof(command),
	    "exec perl -e 'syscall(%d, -1, 0) for 1..%u'", SYS_setns, each);
	run(&r, "", command);
	assert_int_equal(r.report.denials, each);
	assert_int_equal(r.denials, DENIAL_MAX_TOLD);
	done(&r);
}

#define NOBODY ",\"user\":65534,\"group\":65534,\"groups\":[64123]"

struct planted {
	const char *key, *name; /* what the policy says about own/a/NAME */
	const char *more, *step; /* further keys; what refuses the run */
};

/* own/a becomes a link to victim; the policy was loaded before. */
/* late: it was put there after the guard had looked what is there. */
static void
plant(
    const struct planted *t, const char *prefix, const char *target, bool late)
{
	char keys[512], link[256];
	struct policy *p;
	struct run r;

	assert_int_equal(mkdir(fixture_path("victim"), 0755), 0);
	assert_int_equal(mkdir(fixture_path("own/a"), 0755), 0);
	assert_int_equal(mkdir(fixture_path("own/a/b"), 0755), 0);
	fixture_write(fixture_path("own/a/file"), "x", 0644);
	(void)snprintf(keys, sizeof(keys),
	    NOBODY "%s,\"files\":{\"%s\":[\"%s/%s\"]}", t->more, t->key,
	    fixture_path("own/a"), t->name);
	p = fixture_policy(fixture_path("own"), keys);
	assert_int_equal(
	    rename(fixture_path("own/a"), fixture_path("moved")), 0);
	(void)snprintf(link, sizeof(link), "%s%s", prefix, target);
	assert_int_equal(symlink(link, fixture_path("own/a")), 0);
	for (size_t i = 0; late && i < p->confine.mounts.count; i++)
		p->confine.mounts.op[i].ino = 0;
	start_as(&r, p, "echo never", NULL);
	wait_over(&r);
	if (!r.failed || r.started)
		fail_msg("%s of %s through %s: was run", t->key, t->name, link);
	if (late) {
		assert_string_equal(r.report.step, t->step);
		assert_int_equal(r.report.sysno, ELOOP);
	} else {
		assert_string_equal(r.report.step, CONFINE_STEP_PLACES);
		assert_true(
		    r.report.sysno == ESTALE || r.report.sysno == ENOENT);
	}
	done(&r);
	assert_int_equal(
	    rmdir(fixture_path("victim")), 0); /* nothing is in it */
	assert_int_equal(unlink(fixture_path("own/a")), 0);
	assert_int_equal(unlink(fixture_path("moved/file")), 0);
	assert_int_equal(rmdir(fixture_path("moved/b")), 0);
	assert_int_equal(rmdir(fixture_path("moved")), 0);
}

/*
 * A command that owns a directory replaces one with a link that the
 * policy has something to say about: privileged steps do not follow it.
 */
static void
test_planted_link(void **state)
{
	static const struct planted t[] = {
		{ "hide", "file", "", "mounts" },
		{ "hide", "b", "", "mounts" },
		{ "write", "b", "", "mounts" },
		{ "read", "b", "", "mounts" },
		{ "write", "b", ",\"disable\":[\"mounts\"]", "landlock" },
	};
	size_t i;

	(void)state;
	if (geteuid() != 0)
		SKIP("only root may take another uid");
	assert_int_equal(mkdir(fixture_path("own"), 0755), 0);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		for (int late = 0; late < 2; late++) {
			plant(&t[i], "/old", fixture_path("victim"), late);
			plant(&t[i], "", fixture_path("victim"), late);
			plant(&t[i], "", "../victim", late);
		}
	}
}

/*
 * The host puts something else where a hidden file was: another file is hidden
 * as well; a link cannot be, and the run is ended.
 */
static void
test_exposed(void **state)
{
	char keys[512], env[200], go[200], old[200];
	struct run r;
	(void)state;

	if (geteuid() != 0)
		SKIP("only root may take another uid");
	assert_int_equal(mkdir(fixture_path("seen"), 0777), 0);
	assert_int_equal(chmod(fixture_path("seen"), 0777), 0);
	(void)snprintf(env, sizeof(env), "%s/seen/env", fixture_top);
	(void)snprintf(go, sizeof(go), "%s/seen/go", fixture_top);
	(void)snprintf(old, sizeof(old), "%s/seen/old", fixture_top);
	(void)snprintf(keys, sizeof(keys),
	    NOBODY ",\"files\":{\"write\":[\"%s\"],\"hide\":[\"%s\"]}",
	    fixture_path("seen"), env);
	for (int link = 0; link < 2; link++) {
		fixture_write(env, "secret\n", 0644);
		start_as(&r, fixture_policy(fixture_path("seen"), keys),
		    "echo up; until [ -e go ]; do sleep 0.05; done; cat env; echo went on; exit 3",
		    NULL);
		wait_text(&r, "up");
		assert_int_equal(rename(env, old), 0);
		if (link) {
			assert_int_equal(symlink("old", env), 0);
		} else {
			fixture_write(env, "secret\n", 0644);
			fixture_write(go, "", 0644);
		}
		wait_over(&r);
		assert_int_equal(r.exposed, link);
		assert_string_equal(r.place, link ? env : "");
		assert_int_equal(WIFSIGNALED(r.report.status), link);
		assert_string_equal(
		    r.out.text, link ? "up\n" : "up\nwent on\n");
		done(&r);
		assert_int_equal(unlink(env), 0);
		assert_int_equal(unlink(link ? old : go), 0);
	}
}

/* A run with a held place, which ends now. */
static void
start_holding(struct run *r, const char *protected, const char *place)
{
	char keys[512];
	struct stat st;

	(void)snprintf(keys, sizeof(keys),
	    NOBODY ",\"files\":{\"write\":[\"%s\"],\"protect\":[\"%s\"]}",
	    fixture_path("held"), protected);
	start_as(r, fixture_policy(fixture_path("held"), keys),
	    "echo up; exec sleep 1000", NULL);
	wait_text(r, "up");
	assert_int_equal(lstat(place, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0);
}

static void
end_holding(struct run *r)
{
	if (!r->gone)
		(void)send(r->sp.ctl, "K", 1, MSG_NOSIGNAL);
	wait_over(r);
	done(r);
}

static bool
is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/*
 * What a run's end takes away is what its guard made, whatever has that name
 * by then, or the name of a directory above.
 */
static void
test_held_place(void **state)
{
	struct run r;

	(void)state;
	if (geteuid() != 0)
		SKIP("only root may take another uid");
	assert_int_equal(mkdir(fixture_path("held"), 0755), 0);
	assert_int_equal(mkdir(fixture_path("held/a"), 0755), 0);
	assert_int_equal(mkdir(fixture_path("outside"), 0755), 0);
	assert_int_equal(mkdir(fixture_path("outside/.k"), 0), 0);

	start_holding(&r, ".k", fixture_path("held/.k"));
	end_holding(&r);
	assert_false(is_there(fixture_path("held/.k"))); /* the control */

	assert_int_equal(mkdir(fixture_path("held/was"), 0755), 0);
	start_holding(&r, ".k", fixture_path("held/.k"));
	/* at once: the guard makes again what is not there */
	assert_int_equal(renameat2(AT_FDCWD, fixture_path("held/.k"), AT_FDCWD,
			     fixture_path("held/was"), RENAME_EXCHANGE),
	    0);
	end_holding(&r);
	assert_true(is_there(fixture_path("held/.k")));
	assert_int_equal(rmdir(fixture_path("held/.k")), 0);
	(void)rmdir(fixture_path("held/was"));

	start_holding(&r, "a/.k", fixture_path("held/a/.k"));
	assert_int_equal(rename(fixture_path("held/a"), fixture_path("b")), 0);
	assert_int_equal(
	    symlink(fixture_path("outside"), fixture_path("held/a")), 0);
	end_holding(&r);
	assert_true(is_there(fixture_path("outside/.k")));
	assert_false(is_there(fixture_path("b/.k")));
}

/* "/" is not a mount there, and what leads out of it is not the run's. */
static int
run_in_chroot(void)
{
	struct policy *p;
	struct run r;
	char command[256];

	(void)snprintf(command, sizeof(command),
	    "[ -e %s ] || echo in; echo x >made; cat made", fixture_top);
	if (unshare(CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("/", fixture_path("root"), NULL, MS_BIND | MS_REC, NULL) ==
		-1 ||
	    mount("none", fixture_path("root/tmp"), "tmpfs", 0, NULL) == -1 ||
	    mkdir(fixture_path("root/tmp/work"), 0755) == -1 ||
	    chmod(fixture_path("root/tmp/work"), 0777) == -1 ||
	    chroot(fixture_path("root")) == -1 || chdir("/") == -1)
		return 77;
	fixture_launcher();
	p = fixture_policy("/tmp/work",
	    NOBODY ",\"files\":{\"read\":[\"/\"],\"write\":[\"/tmp/work\"]}");
	if ((p->confine.layers & CONFINE_MOUNTS) == 0)
		return 77;
	start_as(&r, p, command, NULL);
	wait_over(&r);
	if (r.failed)
		return 2;
	return strcmp(r.out.text, "in\nx\n") == 0 ? 0 : 3;
}

static void
test_in_chroot(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		SKIP("only root may change its root");
	assert_int_equal(mkdir(fixture_path("root"), 0755), 0);
	pid = fork();
	if (pid == 0)
		_exit(run_in_chroot());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		SKIP("no root to change to could be made");
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define WHICH_NETWORK "readlink /proc/self/ns/net"

/* Kept for the next run of the policy, never shared, never the host's. */
static void
test_network(void **state)
{
	struct policy *p;
	struct run r, other;
	char first[64], host[64];

	(void)state;
	if (geteuid() != 0)
		SKIP("only root makes a network of its own");
	memset(host, 0, sizeof(host));
	assert_true(readlink("/proc/self/ns/net", host, sizeof(host) - 1) > 0);
	p = fixture_policy(fixture_top, NOBODY);
	if ((p->confine.layers & CONFINE_NET) == 0) {
		policy_unref(p);
		SKIP("a run has no network of its own here");
	}
	run_as(&r, policy_ref(p), WHICH_NETWORK);
	(void)snprintf(first, sizeof(first), "%.60s", r.out.text);
	assert_true(strncmp(first, host, strlen(host)) != 0);
	done(&r);

	start_as(&r, policy_ref(p), WHICH_NETWORK "; sleep 60", NULL);
	wait_text(&r, first); /* it was kept */
	run_as(&other, policy_ref(p), WHICH_NETWORK);
	assert_string_not_equal(other.out.text, first);
	done(&other);
	order(&r, GUARD_KILL);
	wait_over(&r);
	done(&r);
	policy_unref(p);

	p = fixture_policy(fixture_top, NOBODY ",\"network\":\"loopback\"");
	run_as(&r, policy_ref(p), WHICH_NETWORK);
	(void)snprintf(first, sizeof(first), "%.60s", r.out.text);
	done(&r);
	run_as(&r, policy_ref(p), WHICH_NETWORK "; sleep 0.1");
	assert_string_not_equal(r.out.text, first); /* it may be set */
	done(&r);
	policy_unref(p);
}

static void
test_other_user(void **state)
{
	static const char *const flavours[] = { NOBODY BARE, NOBODY };
	struct run r;
	size_t i;

	(void)state;
	if (geteuid() != 0)
		SKIP("only root may take another uid");
	for (i = 0; i < 2; i++) {
		run(&r, flavours[i], "exec cat /proc/self/status");
		assert_string_equal(
		    status_field(&r, "Uid"), "65534\t65534\t65534\t65534");
		assert_string_equal(
		    status_field(&r, "Gid"), "65534\t65534\t65534\t65534");
		assert_string_equal(status_field(&r, "Groups"), "64123 ");
		assert_string_equal(
		    status_field(&r, "CapPrm"), "0000000000000000");
		assert_string_equal(
		    status_field(&r, "CapBnd"), "0000000000000000");
		done(&r);
	}
}

/* An executor that is not root but may change ids, as under systemd. */
static int
keep_two_capabilities(uid_t uid)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = { 0 };

	data[0].permitted = data[0].effective =
	    1U << CAP_SETUID | 1U << CAP_SETGID;
	if (prctl(PR_SET_KEEPCAPS, 1) == -1 || setresgid(uid, uid, uid) == -1 ||
	    setresuid(uid, uid, uid) == -1)
		return -1;
	return (int)syscall(SYS_capset, &head, data);
}

static void
test_capable_executor(void **state)
{
	struct run r;
	int status;
	uid_t uid;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		SKIP("only root may give up a part of its rights");
	uid = unused_uid();
	pid = fork();
	if (pid == 0) {
		assert_int_equal(keep_two_capabilities(uid), 0);
		(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
		fixture_launcher();
		start(&r, NOBODY BARE, "exec cat /proc/self/status");
		wait_over(&r);
		if (!r.started)
			_exit(1);
		if (strcmp(status_field(&r, "Uid"),
			"65534\t65534\t65534\t65534") != 0)
			_exit(2);
		if (strcmp(status_field(&r, "CapPrm"), "0000000000000000") != 0)
			_exit(3);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Every test twice: without any layer, and with all that are available. */
#define BOTH(name)                                                             \
	static void test_bare_##name(void **state)                             \
	{                                                                      \
		(void)state;                                                   \
		name(BARE);                                                    \
	}                                                                      \
	static void test_full_##name(void **state)                             \
	{                                                                      \
		(void)state;                                                   \
		name("");                                                      \
	}

BOTH(exit_status)
BOTH(input)
BOTH(daemons_are_gone)
BOTH(kill_ends_all)
BOTH(term_is_kind)
BOTH(command_is_known)
BOTH(executor_is_gone)
BOTH(closed_at_once)
BOTH(killed_at_once)
BOTH(waits_for_go)
BOTH(never_after_order)
BOTH(many)
BOTH(descriptors)
BOTH(signals)
BOTH(privileges)
BOTH(place)
BOTH(session)
BOTH(step_failures)

#define BOTH_ROWS(name)                                                        \
	cmocka_unit_test(test_bare_##name), cmocka_unit_test(test_full_##name)

/* As the executor is: what it may do as an ordinary user depends on it. */
static int
setup(void **state)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 ||
	    fixture_setup(state) != 0)
		return -1;
	fixture_launcher();
	return 0;
}

static int
teardown(void **state)
{
	(void)launch_close();
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* a leak check needs it */
	return fixture_teardown(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_ROWS(exit_status),
		BOTH_ROWS(input),
		BOTH_ROWS(daemons_are_gone),
		BOTH_ROWS(kill_ends_all),
		BOTH_ROWS(term_is_kind),
		BOTH_ROWS(command_is_known),
		BOTH_ROWS(executor_is_gone),
		BOTH_ROWS(closed_at_once),
		BOTH_ROWS(killed_at_once),
		BOTH_ROWS(waits_for_go),
		BOTH_ROWS(never_after_order),
		cmocka_unit_test(test_many_go),
		cmocka_unit_test(test_reload_meanwhile),
		cmocka_unit_test(test_long_command),
		BOTH_ROWS(many),
		BOTH_ROWS(descriptors),
		BOTH_ROWS(signals),
		BOTH_ROWS(privileges),
		BOTH_ROWS(place),
		BOTH_ROWS(session),
		BOTH_ROWS(step_failures),
		cmocka_unit_test(test_failed_execs),
		cmocka_unit_test(test_many_denials),
		cmocka_unit_test(test_guard_killed),
		cmocka_unit_test(test_unused_uid),
		cmocka_unit_test(test_no_processes),
		cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_planted_link),
		cmocka_unit_test(test_exposed),
		cmocka_unit_test(test_held_place),
		cmocka_unit_test(test_network),
		cmocka_unit_test(test_other_user),
		cmocka_unit_test(test_capable_executor),
		cmocka_unit_test(test_in_chroot),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
