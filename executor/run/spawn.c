/* SPDX-License-Identifier: MIT */
/* spawn: pipes, and a guard at their other ends.  Executor and mcp-execctl. */
#include "executor/run/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/fdpass.h"
#include "common/log.h"
#include "common/told.h"
#include "executor/run/pathwords.h"
#include "executor/run/unseen.h"

/* Both ends of one channel of the run. */
struct ends {
	int ours, theirs;
};

static void
ends_fini(struct ends *p)
{
	cleanup_fd(&p->ours);
	cleanup_fd(&p->theirs);
}

#define CLEANUP_ENDS __attribute__((cleanup(ends_fini)))

/* One call, as a pipe or socket that was just made has no other flag. */
static int
unblock_new(int fd, struct err *e)
{
	return fcntl(fd, F_SETFL, O_NONBLOCK) == 0
		   ? 0
		   : err_sys(e, "cannot make a descriptor non-blocking");
}

/*
 * A pipe that the run writes to (or, with `input`, reads from).  It may also
 * open it once more in its own direction, as "> /dev/stderr" does, whatever
 * its uid; only who may trace the run finds the pipe at all (/proc/PID/fd).
 */
static int
make_pipe(struct ends *p, bool input, struct err *e)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC) == -1)
		return err_sys(e, "pipe");
	p->ours = fd[input ? 1 : 0];
	p->theirs = fd[input ? 0 : 1];
	if (fchmod(p->theirs, input ? 0444 : 0222) == -1)
		return err_sys(e, "fchmod of a pipe");
	return unblock_new(p->ours, e);
}

/*
 * Standard error: a pipe of its own, or that of standard output (`shared`),
 * which alone keeps the order in which the two were written.
 */
static int
make_errors(struct ends *p, int shared, struct err *e)
{
	if (shared == -1)
		return make_pipe(p, false, e);
	p->theirs = fcntl(shared, F_DUPFD_CLOEXEC, 0);
	return p->theirs == -1 ? err_sys(e, "standard error") : 0;
}

/* A terminal takes the place of all three once there is a root for it. */
static int
make_pipes(const struct plan *plan, struct ends *in, struct ends *out,
    struct ends *errors, struct err *e)
{
	if (plan->terminal.columns == 0)
		return (plan->has_input && make_pipe(in, true, e) != 0) ||
			       make_pipe(out, false, e) != 0 ||
			       make_errors(errors,
				   plan->one_stream ? out->theirs : -1, e) != 0
			   ? e->code
			   : 0;
	out->theirs = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (out->theirs == -1)
		return err_sys(e, "/dev/null");
	return make_errors(errors, out->theirs, e);
}

static int
make_control(struct ends *p, struct err *e)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) == -1)
		return err_sys(e, "socketpair");
	p->ours = fd[0];
	p->theirs = fd[1];
	if (fdpass_want_process(p->ours, true) == -1)
		return err_sys(e, "SO_PASSCRED");
	return unblock_new(p->ours, e);
}

int
spawn_run(
    const struct plan *plan, uint64_t run, struct spawned *out, struct err *e)
{
	CLEANUP_ENDS struct ends in = { -1, -1 };
	CLEANUP_ENDS struct ends o = { -1, -1 };
	CLEANUP_ENDS struct ends err = { -1, -1 };
	CLEANUP_ENDS struct ends ctl = { -1, -1 };
	struct launch_fds fds;

	if (make_pipes(plan, &in, &o, &err, e) != 0 ||
	    make_control(&ctl, e) != 0)
		return e->code;
	fds = (struct launch_fds){ .ctl = ctl.theirs,
		.out = o.theirs,
		.err = err.theirs,
		.in = in.theirs };
	if (launch_run(plan, run, &fds, e) != 0)
		return e->code;
	*out = (struct spawned){
		.live = true,
		.pidfd = -1,
		.ctl = steal_fd(&ctl.ours),
		.in = steal_fd(&in.ours),
		.out = steal_fd(&o.ours),
		.err = steal_fd(&err.ours),
		.terminal = plan->terminal.columns != 0,
	};
	return 0;
}

/* A guard that is gone has reported why, or is told of by the launcher. */
void
spawn_go(const struct spawned *sp)
{
	char go = GUARD_GO;
	const struct iovec part = { &go, sizeof(go) };

	/* its socket has room: without it a run would wait for its time-out */
	if (fdpass_tell(sp->ctl, &part, 1, NULL, 0) == -1 && errno != EPIPE)
		log_err("spawn: a guard is not told to begin: %m");
}

void
spawn_started(struct spawned *sp, const struct launch_event *ev)
{
	sp->guard = ev->pid;
	sp->pidfd = ev->pidfd;
}

/* Ends of earlier runs come in between. */
int
spawn_await(struct spawned *sp, uint64_t run, struct err *e)
{
	struct pollfd p = { .fd = launch_fd(), .events = POLLIN };
	struct launch_event ev;
	int n;

	while ((n = launch_next(&ev)) >= 0) {
		if (n == 0) {
			(void)poll(&p, 1, -1);
			continue;
		}
		if (ev.run == run && ev.what == LAUNCH_STARTED) {
			spawn_started(sp, &ev);
			return 0;
		}
		cleanup_fd(&ev.pidfd);
		if (ev.run == run && ev.what == LAUNCH_NOT_STARTED) {
			errno = ev.value;
			return err_sys(e, "cannot make a process");
		}
	}
	return err_set(e, ERR_EOF, "the launcher ended");
}

/* What was not sent are zeros then. */
static bool
is_whole(struct guard_report *r, size_t size)
{
	memset((uint8_t *)r + size, 0, sizeof(*r) - size);
	return size >= offsetof(struct guard_report, exec) &&
	       size == guard_report_size(r);
}

/* Texts end, and numbers are of what there is. */
static bool
is_sane(struct guard_report *r)
{
	struct image *i = &r->exec.image;
	size_t n;

	r->step[sizeof(r->step) - 1] = '\0';
	r->place[sizeof(r->place) - 1] = '\0';
	r->denial.comm[sizeof(r->denial.comm) - 1] = '\0';
	r->denial.path[sizeof(r->denial.path) - 1] = '\0';
	i->executable[sizeof(i->executable) - 1] = '\0';
	i->asked[sizeof(i->asked) - 1] = '\0';
	i->directory[sizeof(i->directory) - 1] = '\0';
	for (n = 0; n < FINDINGS_NAMES; n++)
		r->findings.name[n][sizeof(r->findings.name[n]) - 1] = '\0';
	return r->event <= GUARD_EXITED && r->exec.outcome <= EXEC_FAILED &&
	       r->denial.rule < DENIAL_RULES && i->args_len <= sizeof(i->args);
}

/* Once, and before there is any other input. */
static void
keep_terminal(struct spawned *sp, const struct guard_report *r, int fd)
{
	struct err e;

	if (fd == -1)
		return;
	if (r->event != GUARD_TERMINAL || !sp->terminal || sp->in != -1 ||
	    fdio_set_nonblock(fd, &e) != 0)
		(void)close(fd);
	else
		sp->in = fd;
}

/* Only the start is told with the command: nothing else comes with one. */
static void
keep_process(struct spawned *sp, struct guard_report *r, pid_t process)
{
	if (r->pid == GUARD_PID_SENT)
		r->pid = process;
	if (r->event == GUARD_STARTED)
		(void)fdpass_want_process(sp->ctl, false);
}

ssize_t
spawn_receive(struct spawned *sp, struct guard_report *out)
{
	pid_t process;
	int fd;
	ssize_t n = fdpass_receive_process(
	    sp->ctl, out, sizeof(*out), &fd, &process, MSG_DONTWAIT);

	if (n == -1 && errno == EMSGSIZE)
		return 0;
	if (n > 0 && (!is_whole(out, (size_t)n) || !is_sane(out))) {
		cleanup_fd(&fd);
		return 0;
	}
	if (n > 0)
		keep_process(sp, out, process);
	keep_terminal(sp, out, fd);
	return n > 0 ? (ssize_t)sizeof(*out) : n;
}

/* Words that models begin a line with, and that are not programs. */
static bool
is_of_shells(const char *name)
{
	static const char *const words[] = { ".", "alias", "cd", "eval", "exec",
		"export", "for", "if", "set", "source", "ulimit", "umask",
		"unset", "while" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(name, words[i]) == 0)
			return true;
	return false;
}

/* "NAME=value", in front of a command. */
static bool
is_setting(const char *word)
{
	size_t n = strspn(word,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

	return n > 0 && word[n] == '=' && (word[0] < '0' || word[0] > '9');
}

/* "; " and what the policy makes of the program's path, or nothing. */
static const char *
put_reason(const struct plan *plan, enum hint_kind kind, struct buf *out)
{
	CLEANUP_BUF struct buf text = { 0 };
	struct hints h = { .count = 0 };
	struct bytes said;

	buf_init(&text, ERR_MAX_WHAT);
	buf_init(out, ERR_MAX_WHAT);
	if (plan->argv[0][0] == '/')
		hints_add(&h, kind, bytes_of(plan->argv[0]));
	else if (kind == HINT_ABSENT)
		hints_add(&h, HINT_PROGRAM, bytes_of(""));
	pathwords_put(&h, plan->policy, plan->policy->directory, &text);
	said = buf_bytes(&text);
	if (said.len == 0)
		return "";
	if (bytes_starts(said, TOLD_NOTE))
		said = bytes_make(said.p + sizeof(TOLD_NOTE) - 1,
		    said.len - (sizeof(TOLD_NOTE) - 1));
	buf_put_str(out, "; ");
	buf_put_bytes(out, said);
	return buf_cstr(out);
}

static int
refuse_absent(const struct plan *plan, struct err *e)
{
	CLEANUP_BUF struct buf why = { 0 };
	const char *place = unseen_system(plan->policy);

	if (is_setting(plan->argv[0]))
		return err_set(e, ERR_BAD,
		    "command not found: %s: a variable in front of a command is a part of shells, and there is no shell here: write the program env in front of it, which sets it",
		    plan->argv[0]);
	if (is_of_shells(plan->argv[0]))
		return err_set(e, ERR_BAD,
		    "command not found: %s: it is a part of shells, and there is no shell here%s",
		    plan->argv[0],
		    policy_offers(plan->policy, BYTES_LIT("exec_cmd"))
			? ": exec_cmd has one"
			: "");
	if (place == NULL)
		return err_set(e, ERR_BAD, "command not found: %s%s",
		    plan->argv[0], put_reason(plan, HINT_ABSENT, &why));
	return err_set(e, ERR_BAD,
	    "command not found: %s; policy %s does not show %s, which most programs need: the administrator can add \"@system\" to its key files.read",
	    plan->argv[0], plan->policy->name, place);
}

int
spawn_why(const struct plan *plan, const struct guard_report *r, struct err *e)
{
	const char *place = r->place[0] != '\0' ? r->place : NULL;
	CLEANUP_BUF struct buf why = { 0 };

	if (strcmp(r->step, CHILD_STEP_DIRECTORY) == 0)
		return plan_refuse_directory(plan, r->sysno, e);
	if (strcmp(r->step, CONFINE_STEP_PLACES) == 0 && place != NULL)
		return err_set(e, ERR_DENIED,
		    "the command was not started: %s is %s than when policy %s was loaded; an administrator can put it back, or reload if it is as it should be",
		    place,
		    r->sysno == ESTALE ? "another one" : "not there, other",
		    plan->policy->name);
	if (strcmp(r->step, "execve") != 0)
		return err_set(e, ERR_DENIED,
		    "the command was not started: %s%s%s: %s", r->step,
		    place != NULL ? " " : "", place != NULL ? place : "",
		    strerror(r->sysno));
	if (r->sysno == ENOENT)
		return refuse_absent(plan, e);
	return err_set(e, ERR_BAD, "cannot execute %s: %s%s", plan->argv[0],
	    strerror(r->sysno),
	    r->sysno == EACCES ? put_reason(plan, HINT_DENIED, &why) : "");
}
