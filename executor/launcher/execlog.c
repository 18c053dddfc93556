/* SPDX-License-Identifier: MIT */
/* execlog: each execve held until it is seen what came of it.  Guard. */
#include "executor/launcher/execlog.h"

#include <elf.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	FLAG_WAIT_KILLABLE_RECV = 1 << 5, /* not in libc's headers yet */
	RESTARTS = 512, /* up to 516: the kernel makes the call once more */
	RESTARTS_END = 517
};

bool
execlog_wants(const struct unotify_call *n)
{
	return n->nr == SYS_execve || n->nr == SYS_execveat ||
	       (n->nr == EXECLOG_CONFIRM_NR &&
		   n->args[0] == EXECLOG_CONFIRM_ARG);
}

/*
 * Linux 5.19: a thread whose announcement was received waits in its call
 * whatever signals it gets (common/filter asks for it where it can).
 */
bool
execlog_waits_killable(void)
{
	static enum { UNKNOWN, YES, NO } known;

	if (known == UNKNOWN)
		known = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			    SECCOMP_FILTER_FLAG_NEW_LISTENER |
				FLAG_WAIT_KILLABLE_RECV,
			    NULL) == -1 &&
				errno == EFAULT
			    ? YES
			    : NO;
	return known == YES;
}

void
execlog_init(struct execlog *l, struct exec_event *event,
    void (*tell)(void *arg), void *arg)
{
	l->fd = -1;
	l->event = event;
	l->tell = tell;
	l->arg = arg;
	l->killable = execlog_waits_killable();
}

/* --- the table -------------------------------------------------------- */

static struct exec_call *
find_thread(struct execlog *l, pid_t thread)
{
	size_t i;

	for (i = 0; i < l->used; i++)
		if (l->call[i].state != EXEC_FREE &&
		    l->call[i].notice.pid == thread)
			return &l->call[i];
	return NULL;
}

/* The first of a process that is in this state. */
static struct exec_call *
find_state(struct execlog *l, pid_t process, enum exec_call_state state)
{
	size_t i;

	for (i = 0; i < l->used; i++)
		if (l->call[i].state == state && l->call[i].process == process)
			return &l->call[i];
	return NULL;
}

static struct exec_call *
find_free(struct execlog *l)
{
	size_t i;

	for (i = 0; i < l->used; i++)
		if (l->call[i].state == EXEC_FREE)
			return &l->call[i];
	if (l->used == EXECLOG_MAX_CALLS)
		return NULL;
	if (l->most == l->used)
		l->most++;
	return &l->call[l->used++];
}

static void
drop_call(struct execlog *l, struct exec_call *c)
{
	if (c->state == EXEC_KEPT)
		l->kept--;
	c->state = EXEC_FREE;
	while (l->used > 0 && l->call[l->used - 1].state == EXEC_FREE)
		l->used--;
}

/* --- what came of a call ---------------------------------------------- */

static void
begin_event(struct execlog *l, pid_t process, enum exec_outcome outcome)
{
	memset(l->event, 0, sizeof(*l->event));
	l->event->pid = process;
	l->event->outcome = outcome;
}

/* Where the program may not be read, the path is what was announced. */
static void
keep_asked(struct exec_event *e, const struct exec_call *c)
{
	if (e->image.asked[0] == '\0' && c != NULL)
		memcpy(e->image.asked, c->asked, sizeof(c->asked));
}

/* It did not start, or nobody knows. */
static void
tell_end(struct execlog *l, struct exec_call *c, enum exec_outcome outcome,
    int error)
{
	begin_event(l, c->process, outcome);
	l->event->error = error;
	l->event->unconfirmed = c->state == EXEC_UNHELD;
	l->event->traced = l->event->unconfirmed && c->traced;
	keep_asked(l->event, c);
	drop_call(l, c);
	l->tell(l->arg);
}

/* It is over, and nobody saw how; what was not let go did not begin. */
static void
tell_over(struct execlog *l, struct exec_call *c)
{
	if (c->state == EXEC_HELD || c->state == EXEC_UNHELD)
		tell_end(l, c, EXEC_UNKNOWN, 0);
	else
		drop_call(l, c);
}

/*
 * Has another image come into its place since it was announced?  No image can
 * be seen of what has exited, or of what made itself not dumpable.
 */
static bool
has_started(const struct exec_call *c)
{
	struct image_id now;

	image_id(c->process, &now);
	return now.began != 0 && now.began == c->before.began &&
	       now.stack != 0 && c->before.stack != 0 &&
	       !image_same(&now, &c->before);
}

/* Those of a process that another program has taken the place of. */
static void
drop_process(struct execlog *l, pid_t process)
{
	size_t i;

	for (i = l->used; i > 0; i--)
		if (i <= l->used && l->call[i - 1].process == process)
			drop_call(l, &l->call[i - 1]);
}

/* Before it does anything, where it is held. */
static void
tell_start(struct execlog *l, pid_t process)
{
	l->tell(l->arg);
	if (l->may_start != NULL && !l->may_start(l->arg))
		(void)kill(process, SIGKILL);
}

/*
 * An unheld one, once it is seen that it started.  Where several threads
 * called, it was one of them: the others are gone.  It is seen whole if a
 * thread of the process has waited with its notice meanwhile: execve ends all
 * threads before it makes the new image.
 */
static void
tell_unheld(
    struct execlog *l, const struct exec_call *c, const struct unotify_call *n)
{
	pid_t process = c->process;

	begin_event(l, process, EXEC_STARTED);
	l->event->unconfirmed = true;
	l->event->traced = c->traced;
	(void)image_look(process, &l->event->image);
	keep_asked(l->event, c);
	if (!unotify_valid(l->fd, n))
		return;
	drop_process(l, process);
	tell_start(l, process);
}

/* As far as that can be seen now. */
static void
settle_unheld(struct execlog *l, pid_t process, const struct unotify_call *n)
{
	struct exec_call *c;
	size_t i;

	for (i = l->used; i > 0; i--) {
		c = &l->call[i - 1];
		if (i > l->used || c->state != EXEC_UNHELD ||
		    c->process != process)
			continue;
		if (has_started(c))
			tell_unheld(l, c, n);
		else if (c->notice.pid == n->pid) /* it is back */
			tell_end(l, c, EXEC_UNKNOWN, 0);
	}
}

/* --- an announcement -------------------------------------------------- */

/*
 * To trace a thread waits for an execve of its process, and an execve for the
 * threads that are traced: with one of them held at a time neither does.
 */
static bool
hold_call(struct execlog *l, struct exec_call *c)
{
	pid_t thread = c->notice.pid;

	if (find_state(l, c->process, EXEC_UNHELD) != NULL ||
	    (!c->seized &&
		ptrace(PTRACE_SEIZE, thread, NULL, PTRACE_O_TRACEEXEC) == -1))
		return false;
	c->state = EXEC_HELD;
	l->holds = true;
	if (l->killable)
		(void)ptrace(PTRACE_INTERRUPT, thread, NULL, NULL);
	return true;
}

/* A first thread that has exited shows no memory; the age is the process's. */
static void
look_before(struct exec_call *c)
{
	struct image_id first;

	image_id(c->notice.pid, &c->before);
	if (c->notice.pid == c->process)
		return;
	image_id(c->process, &first);
	c->before.began = first.began;
}

/* Another process that traces it could hide what it starts from us. */
static int
refuse_unheld(struct execlog *l, struct exec_call *c)
{
	const struct unotify_call n = c->notice;

	if (unotify_valid(l->fd, &n)) /* or it was killed meanwhile */
		l->refused(l->arg, &n, c->asked);
	drop_call(l, c);
	return unotify_answer(l->fd, &n, EPERM);
}

static int
let_go(struct execlog *l, struct exec_call *c)
{
	bool held = hold_call(l, c);
	int r;

	if (!held && l->strict && l->holds)
		return refuse_unheld(l, c);
	if (!held) {
		c->state = EXEC_UNHELD;
		c->traced =
		    unotify_status_number(c->notice.pid, "\nTracerPid:\t") != 0;
		look_before(c);
	}
	r = unotify_answer(l->fd, &c->notice, 0);
	if (held && !l->killable)
		(void)ptrace(PTRACE_INTERRUPT, c->notice.pid, NULL, NULL);
	if (r != 0 && held)
		c->state = EXEC_LEFT;
	else if (r != 0)
		drop_call(l, c);
	return r;
}

/* The next thread of a process whose call is over. */
static void
let_next_go(struct execlog *l, pid_t process)
{
	struct exec_call *c;

	while (find_state(l, process, EXEC_HELD) == NULL &&
	       (c = find_state(l, process, EXEC_QUEUED)) != NULL)
		(void)let_go(l, c);
}

static int
announce_call(struct execlog *l, const struct unotify_call *n)
{
	pid_t process = n->pid == l->command ? n->pid : unotify_process(n->pid);
	struct exec_call *c;
	bool seized;

	settle_unheld(l, process, n);
	c = find_thread(l, n->pid);
	/* Ours still: before 5.19 its stop for the call before may yet come. */
	seized = c != NULL && (c->state == EXEC_KEPT || c->state == EXEC_HELD ||
				  c->state == EXEC_LEFT);
	if (c != NULL && c->state == EXEC_KEPT)
		drop_call(l, c);
	else if (c != NULL &&
		 c->state == EXEC_HELD) /* before 5.19: it is back */
		tell_end(l, c, EXEC_FAILED, 0);
	else if (c != NULL) /* of a thread that had the same id */
		tell_over(l, c);
	c = find_free(l);
	if (c == NULL)
		return unotify_answer(l->fd, n, EAGAIN);
	c->notice = *n;
	c->process = process;
	c->seized = seized;
	unotify_read_text(n->pid, n->args[n->nr == SYS_execveat ? 1 : 0],
	    c->asked, sizeof(c->asked));
	if (find_state(l, process, EXEC_HELD) == NULL)
		return let_go(l, c);
	c->state = EXEC_QUEUED;
	return 0;
}

/*
 * Its announcement had to make room for others, or nothing was to be seen of
 * what it was before.
 */
static void
look_again(struct execlog *l, const struct unotify_call *n)
{
	begin_event(l, n->pid, EXEC_STARTED);
	(void)image_look(n->pid, &l->event->image);
	if (unotify_valid(l->fd, n) && !l->may_start(l->arg))
		(void)kill(n->pid, SIGKILL);
}

/* Any call of that kind later in a program's life was not announced. */
static int
confirm_call(struct execlog *l, const struct unotify_call *n)
{
	struct exec_call *c = find_state(l, n->pid, EXEC_UNHELD);

	if (c != NULL && has_started(c))
		tell_unheld(l, c, n);
	else if (l->strict && !l->holds)
		look_again(l, n);
	return unotify_answer(l->fd, n, 0);
}

bool
execlog_holds_command(struct execlog *l)
{
	return l->command != 0 && find_state(l, l->command, EXEC_HELD) != NULL;
}

int
execlog_take(struct execlog *l, const struct unotify_call *n)
{
	return n->nr == EXECLOG_CONFIRM_NR ? confirm_call(l, n)
					   : announce_call(l, n);
}

static bool
is_gone(const struct execlog *l, const struct exec_call *c)
{
	struct image_id now;

	if (c->state == EXEC_QUEUED)
		return !unotify_valid(l->fd, &c->notice);
	if (c->state != EXEC_UNHELD)
		return false;
	image_id(c->process, &now);
	return now.began != c->before.began;
}

/*
 * Still in the table are threads that have gone while they waited, and unheld
 * processes that another one than the guard has waited for.
 */
static void
sweep_calls(struct execlog *l)
{
	size_t i;

	for (i = l->used; i > 0; i--)
		if (i <= l->used && is_gone(l, &l->call[i - 1]))
			tell_over(l, &l->call[i - 1]);
}

bool
execlog_full(struct execlog *l)
{
	size_t i;

	if (l->used < EXECLOG_MAX_CALLS)
		return false;
	sweep_calls(l);
	for (i = 0; i < l->used; i++)
		if (l->call[i].state == EXEC_FREE)
			return false;
	for (i = 0; i < l->used; i++)
		if (l->call[i].state == EXEC_UNHELD) {
			tell_end(l, &l->call[i], EXEC_UNKNOWN, 0);
			return false;
		}
	return true;
}

/* --- stops ------------------------------------------------------------ */

/* Result of the call after which it stopped; 1: unknown. */
static long
returned_value(pid_t thread)
{
	struct user_regs_struct r;
	struct iovec v = { &r, sizeof(r) };

	if (ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &v) == -1)
		return 1;
#if defined(__x86_64__)
	return (long)r.rax;
#elif defined(__aarch64__)
	return (long)r.regs[0];
#elif defined(__riscv)
	return (long)r.a0;
#else
	return 1;
#endif
}

static void
release_thread(pid_t thread, int sig)
{
	(void)ptrace(PTRACE_DETACH, thread, NULL, (void *)(intptr_t)sig);
}

static void
look_at_process(struct execlog *l, pid_t process)
{
	begin_event(l, process, EXEC_STARTED);
	l->event->unconfirmed = !image_look(process, &l->event->image);
	keep_asked(l->event, find_state(l, process, EXEC_HELD));
}

/* Go on holding it, for the stop on its exit. */
static bool
keep_process(struct execlog *l, pid_t process)
{
	struct exec_call *c;

	if (l->keeps == NULL || l->kept == EXECLOG_MAX_KEPT ||
	    !l->keeps(l->arg, process) || (c = find_free(l)) == NULL)
		return false;
	*c = (struct exec_call){ .state = EXEC_KEPT, .process = process };
	c->notice.pid = process;
	l->kept++;
	memcpy(c->asked, l->event->image.asked, sizeof(c->asked));
	if (ptrace(PTRACE_SETOPTIONS, process, NULL,
		PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT) == 0 &&
	    ptrace(PTRACE_CONT, process, NULL, NULL) == 0)
		return true;
	drop_call(l, c);
	return false;
}

/*
 * All other threads of the process are gone, and their calls.  Told before the
 * program does anything: it may be one that takes away what there is to see.
 */
static void
take_start(struct execlog *l, pid_t process)
{
	look_at_process(l, process);
	drop_process(l, process);
	tell_start(l, process);
	if (!keep_process(l, process))
		release_thread(process, 0);
}

/* Of a process that is kept: its exit, a signal, or that it is to stop. */
static void
take_kept(struct execlog *l, struct exec_call *c, int status)
{
	int event = status >> 16, sig = WSTOPSIG(status);
	unsigned long code = 0;

	if (event == PTRACE_EVENT_EXIT) {
		(void)ptrace(
		    PTRACE_GETEVENTMSG, c->process, NULL, (void *)&code);
		if (WIFEXITED((int)code) && WEXITSTATUS((int)code) != 0)
			l->failed(l->arg, c->process, c->asked);
		release_thread(c->process, 0);
		drop_call(l, c);
	} else if (event == PTRACE_EVENT_STOP && sig != SIGTRAP) {
		(void)ptrace(PTRACE_LISTEN, c->process, NULL, NULL);
	} else {
		(void)ptrace(PTRACE_CONT, c->process, NULL,
		    (void *)(intptr_t)(event == 0 ? sig : 0));
	}
}

/* Any other stop is behind the call: nothing stops inside of it. */
static void
take_return(struct execlog *l, pid_t thread, int sig)
{
	struct exec_call *c = find_thread(l, thread);
	long value = returned_value(thread);
	bool again = value <= -RESTARTS && value > -RESTARTS_END;
	pid_t process = c != NULL ? c->process : 0;

	release_thread(thread, sig);
	if (c == NULL)
		return;
	if (c->state != EXEC_HELD || again)
		drop_call(l, c);
	else
		tell_end(l, c, EXEC_FAILED, value < 0 ? (int)-value : 0);
	let_next_go(l, process);
}

/* A thread, or with its first thread the whole process. */
static void
take_death(struct execlog *l, pid_t thread)
{
	struct exec_call *c = find_thread(l, thread);
	pid_t process = c != NULL ? c->process : thread;
	size_t i;

	if (c != NULL)
		tell_over(l, c);
	for (i = l->used; i > 0; i--)
		if (i <= l->used && l->call[i - 1].state != EXEC_FREE &&
		    l->call[i - 1].process == thread)
			tell_over(l, &l->call[i - 1]);
	let_next_go(l, process);
}

void
execlog_status(struct execlog *l, pid_t pid, int status)
{
	struct exec_call *c = l->kept > 0 ? find_thread(l, pid) : NULL;

	if (!WIFSTOPPED(status) && pid == l->command)
		l->command = 0;
	if (!WIFSTOPPED(status))
		take_death(l, pid);
	else if (c != NULL && c->state == EXEC_KEPT &&
		 status >> 16 != PTRACE_EVENT_EXEC)
		take_kept(l, c, status);
	else if (status >> 16 == PTRACE_EVENT_EXEC)
		take_start(l, pid);
	else
		take_return(l, pid, status >> 16 == 0 ? WSTOPSIG(status) : 0);
}

void
execlog_rest(struct execlog *l)
{
	while (l->used > 0)
		tell_over(l, &l->call[l->used - 1]);
}

/* --- programs that were told ------------------------------------------ */

static size_t
place_of(const struct filehash_version *v)
{
	uint64_t h = (v->inode ^ v->device << 32) * 0x9e3779b97f4a7c15;

	return (size_t)(h >> 40) % EXECLOG_MAX_FILES;
}

static bool
is_file(
    const struct exec_file *f, const struct filehash_version *v, uint64_t sum)
{
	return f->sum == sum && filehash_same(&f->version, v);
}

static bool
is_among_few(
    const struct execlog *l, const struct filehash_version *v, uint64_t sum)
{
	size_t i;

	for (i = 0; i < EXECLOG_FEW_FILES && i < l->files; i++)
		if (is_file(&l->few[i], v, sum))
			return true;
	return false;
}

/*
 * Where it is, or its place: open addressing.  A table that is three quarters
 * full takes no more, and then what is not in it is always new.
 */
static struct exec_file *
find_file(struct execlog *l, const struct filehash_version *v, uint64_t sum)
{
	size_t i = place_of(v);

	while (l->file[i].version.inode != 0 && !is_file(&l->file[i], v, sum))
		i = (i + 1) % EXECLOG_MAX_FILES;
	return &l->file[i];
}

bool
execlog_is_new(struct execlog *l, const struct exec_event *e)
{
	const struct filehash_version *v = &e->image.file;
	struct exec_file *f;
	uint64_t sum;

	if (v->inode == 0) /* it could not be looked at */
		return true;
	memcpy(&sum, e->image.sum, sizeof(sum));
	if (is_among_few(l, v, sum))
		return false;
	f = l->files < EXECLOG_FEW_FILES ? &l->few[l->files]
					 : find_file(l, v, sum);
	if (f->version.inode != 0)
		return false;
	if (l->files < EXECLOG_MAX_FILES / 4 * 3) {
		*f = (struct exec_file){ *v, sum };
		l->files++;
	}
	return true;
}

size_t
execlog_size(const struct execlog *l)
{
	return l->most > EXECLOG_FEW_CALLS || l->files > EXECLOG_FEW_FILES
		   ? sizeof(*l)
		   : offsetof(struct execlog, call[EXECLOG_FEW_CALLS]);
}
