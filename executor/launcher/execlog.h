/* SPDX-License-Identifier: MIT */
/*
 * execlog: every program that starts in a run's tree.
 *
 * execve(2) is announced by the run's filter and waits there.  The guard takes
 * hold of the calling thread with ptrace(2), PTRACE_SEIZE, and lets the call
 * go on.  One that succeeds stops before the first instruction of the new
 * program: that stop is the kernel's word that the program runs, and what is
 * recorded is read there (executor/launcher/image), where nothing that the
 * program before did can change it.  One that fails stops on its way back,
 * with its error.  Either way the thread is released at once, and between two
 * calls of execve nothing of the run is traced.
 *
 * Why so: it is the one way that an ordinary user has as well, that sees the
 * arguments, that cannot lose an event, and in which the program waits until
 * it has been looked at.  The connector of processes, fanotify(7), perf and
 * audit are root's only; the first two have no arguments, the others are
 * queues that drop what is too much; a first system call of the new program
 * (which this module used to wait for) need not come, and can be forged.
 *
 * What it does not do: a thread that a debugger of the run holds already, or
 * that this process may not trace, goes on unheld.  It is recorded as such:
 * its start is believed when another image is seen in it, and stays unknown
 * until then; where not every program may start it is refused instead, as a
 * tracer keeps it from ever being seen.  While a program is looked at its memory could be written to by
 * another process of the run, as with audit: that is kept away by a /proc
 * that is read-only (layer mounts) or outside of Landlock's rules, and by
 * every profile, as process_vm_writev(2) is in none, and by this hold itself,
 * and there is no second tracer.
 *
 * In the guard; async-signal-safe.
 */
#ifndef EXECUTOR_EXECLOG_H
#define EXECUTOR_EXECLOG_H

#include <sys/syscall.h>

#include "executor/launcher/image.h"
#include "executor/launcher/unotify.h"

/*
 * A call that most programs make when they set themselves up: on x86-64
 * arch_prctl(ARCH_SET_FS), for thread-local storage (C, C++, Rust, Go);
 * elsewhere the first brk(0), of C's start-up.  Where threads may be traced
 * by others it is announced too, and an unheld thread is looked at then.
 */
#ifdef __x86_64__
#define EXECLOG_CONFIRM "arch_prctl"
enum { EXECLOG_CONFIRM_NR = SYS_arch_prctl, EXECLOG_CONFIRM_ARG = 0x1002 };
#else
#define EXECLOG_CONFIRM "brk"
enum { EXECLOG_CONFIRM_NR = SYS_brk, EXECLOG_CONFIRM_ARG = 0 };
#endif

enum {
	EXECLOG_MAX_TOLD = 10000, /* of one run; then only what is new */
	EXECLOG_MAX_FAILED = 1000, /* failures of one run that are told */
	EXECLOG_MAX_CALLS = 128, /* at a time; further ones wait */
	EXECLOG_MAX_KEPT = 8, /* at a time, of those to be seen exit */
	EXECLOG_MAX_FILES = 8192, /* told apart; further ones are always new */
	/* What most runs need of these; a run that needs more costs more. */
	EXECLOG_FEW_CALLS = 4,
	EXECLOG_FEW_FILES = 16
};

enum exec_outcome {
	EXEC_UNKNOWN, /* it was asked for; nobody saw what came of it */
	EXEC_STARTED,
	EXEC_FAILED /* execve returned an error */
};

struct exec_event {
	enum exec_outcome outcome;
	pid_t pid; /* in the run's process ids */
	int error; /* EXEC_FAILED: which, 0: it could not be told */
	bool unconfirmed; /* the thread was not held: not the kernel's word */
	bool traced; /* because another process of the run traces it */
	struct image image; /* EXEC_STARTED; asked always */
};

enum exec_call_state {
	EXEC_FREE,
	EXEC_QUEUED, /* unanswered, as its process has a call in progress */
	EXEC_HELD, /* in the call, and will stop */
	EXEC_UNHELD,
	EXEC_LEFT, /* held, but the call was over before: to be released */
	EXEC_KEPT /* it started, and is held until it exits */
};

/* Between announcement and what came of it. */
struct exec_call {
	enum exec_call_state state;
	bool traced; /* EXEC_UNHELD */
	bool seized; /* it was held already when it made this call */
	pid_t process; /* its first thread's id */
	struct unotify_call notice; /* of the thread */
	struct image_id before; /* EXEC_UNHELD */
	char asked[IMAGE_MAX_PATH];
};

/* A program that was told. */
struct exec_file {
	struct filehash_version version; /* inode 0: free */
	uint64_t sum; /* the start of it, or 0 */
};

struct execlog {
	int fd; /* the listener, -1: none */
	pid_t command; /* no other thread has its id; 0: it is reaped */
	struct exec_event *event; /* what is told */
	void (*tell)(void *arg);
	void *arg;
	/*
	 * Is what becomes of this process to be seen?  And it failed: of a
	 * program that the path names.  NULL: of none.
	 */
	bool (*keeps)(void *arg, pid_t process);
	void (*failed)(void *arg, pid_t process, const char *path);
	/* It was told that this one starts, *event: may it?  NULL: any may. */
	bool (*may_start)(void *arg);
	/*
	 * It may not always: then none starts unseen.  A call that cannot be
	 * held, where others could, is refused, and that was done.
	 */
	bool strict;
	void (*refused)(
	    void *arg, const struct unotify_call *n, const char *path);
	bool holds; /* one was held */
	size_t kept;
	bool killable; /* a held thread does not leave its call */
	size_t used; /* calls from this index are free */
	size_t most; /* that `used` has been */
	size_t files;
	struct exec_file few[EXECLOG_FEW_FILES]; /* the first ones, in turn */
	struct exec_call call[EXECLOG_MAX_CALLS];
	struct exec_file file[EXECLOG_MAX_FILES]; /* the others, by hash */
};

/* Does a call that was received wait until it is answered, or killed? */
bool execlog_waits_killable(void);
/* Events go to *event, and tell is called with arg. */
void execlog_init(struct execlog *l, struct exec_event *event,
    void (*tell)(void *arg), void *arg);
/* Is this notification one for execlog_take? */
bool execlog_wants(const struct unotify_call *n);
/* No place for another announcement: do not receive one now. */
bool execlog_full(struct execlog *l);
/* Will the command stop, when its call has succeeded or failed? */
bool execlog_holds_command(struct execlog *l);
/* Answer it, now or later; as unotify_answer. */
int execlog_take(struct execlog *l, const struct unotify_call *n);
/* Handle a result of waitpid(2); the process or thread continues if it is stopped. */
void execlog_status(struct execlog *l, pid_t pid, int status);
/* At the end: what nobody saw the outcome of. */
void execlog_rest(struct execlog *l);
/* Bytes from its start; all that follows is as it was when it was begun. */
size_t execlog_size(const struct execlog *l);
/* Is the program of the event one that this run has not started before? */
bool execlog_is_new(struct execlog *l, const struct exec_event *e);

#endif
