/* SPDX-License-Identifier: MIT */
/*
 * execlog: every program that starts in a run's tree.
 *
 * execve is announced by the filter and let go on; what is recorded is read
 * when the new program makes the call with which every loader and runtime
 * sets itself up, before any code of its own: the process waits there, and
 * /proc shows what the kernel really executes, so that nothing rests on
 * arguments that a thread could have changed meanwhile.  An announced program
 * that was never seen to start is told as such.  In the guard;
 * async-signal-safe.
 */
#ifndef EXECUTOR_EXECLOG_H
#define EXECUTOR_EXECLOG_H

#include <sys/syscall.h>

#include "executor/confine/listener.h"

/*
 * That call: on x86-64 arch_prctl(ARCH_SET_FS), for thread-local storage (C,
 * C++, Rust, Go); elsewhere the first brk(0), of C's start-up.
 */
#ifdef __x86_64__
#define EXECLOG_CONFIRM "arch_prctl"
enum { EXECLOG_CONFIRM_NR = SYS_arch_prctl, EXECLOG_CONFIRM_ARG = 0x1002 };
#else
#define EXECLOG_CONFIRM "brk"
enum { EXECLOG_CONFIRM_NR = SYS_brk, EXECLOG_CONFIRM_ARG = 0 };
#endif

enum {
	EXECLOG_MAX_TOLD = 10000, /* of one run; further ones are counted */
	EXECLOG_MAX_PATH = 512, /* bytes kept, with the NUL */
	EXECLOG_MAX_ARGS = 2048, /* bytes kept of argv, NUL between */
	EXECLOG_MAX_PENDING = 64 /* announced and not yet seen */
};

struct exec_event {
	pid_t pid, parent; /* in the run's process ids */
	bool seen; /* the program was seen to start */
	char executable[EXECLOG_MAX_PATH]; /* as the kernel has it */
	char asked[EXECLOG_MAX_PATH]; /* path given to execve, or empty */
	char directory[EXECLOG_MAX_PATH];
	char args[EXECLOG_MAX_ARGS];
	size_t args_len; /* bytes of args, the last NUL too */
	bool args_cut; /* there were more */
	uint64_t device, inode; /* of the executable */
};

struct execlog {
	struct {
		pid_t pid; /* 0: free */
		char asked[EXECLOG_MAX_PATH];
	} pending[EXECLOG_MAX_PENDING];
	unsigned told, untold;
};

/* Is this notification one for execlog_notice? */
bool execlog_wants(const struct notice *n);
/*
 * Look at the process while it waits; true if *out is to be told.  The caller
 * lets the call go on afterwards.
 */
bool execlog_notice(
    struct execlog *l, int fd, const struct notice *n, struct exec_event *out);
/* At the end: what was announced and not seen; call until it says false. */
bool execlog_rest(struct execlog *l, struct exec_event *out);

#endif
