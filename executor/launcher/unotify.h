/* SPDX-License-Identifier: MIT */
/*
 * unotify: notifications of a run's seccomp filter, seccomp_unotify(2).
 *
 * In the guard; async-signal-safe.  The filter has decided already: a call
 * that it refuses is answered with an error, one that it allows and that is
 * only watched is let go on.  Nothing rests on what is read of the process.
 */
#ifndef EXECUTOR_UNOTIFY_H
#define EXECUTOR_UNOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { UNOTIFY_PATH = 64 };

struct unotify_call {
	uint64_t id; /* to answer */
	int nr; /* of the system call */
	uint64_t args[6];
	pid_t pid; /* of the caller, in the run's process ids */
};

/* 0; -EAGAIN: the caller is gone meanwhile; else the listener is useless. */
int unotify_receive(int fd, struct unotify_call *out);
/* Answer with an error (positive errno), or with 0 to let it go on. */
int unotify_answer(int fd, const struct unotify_call *n, int error);
/* Answer that it succeeded, with what it returns. */
int unotify_answer_value(int fd, const struct unotify_call *n, int64_t value);
/* Is the caller still waiting, so that what was read of it is its own? */
bool unotify_valid(int fd, const struct unotify_call *n);
/* Copy of a process's memory, and how much that was. */
size_t unotify_read_memory(pid_t pid, uint64_t address, void *out, size_t size);
/* Copy a text of its memory, cut to fit; "" if it cannot be read. */
void unotify_read_text(pid_t pid, uint64_t address, char *out, size_t size);
/* Where processes of the run are found from now on, if /proc is not the place; -1: it is. */
void unotify_use_proc(int fd);
/* The directory in which they are, to list it; -1: it cannot be opened. */
int unotify_open_proc(void);
/* For openat(2): returned is the directory, out "PID/NAME" or "/proc/PID/NAME"; name is short, and ours. */
int unotify_proc_path(pid_t pid, const char *name, char out[UNOTIFY_PATH]);
/* Read a file of /proc: at most size - 1 bytes and a NUL; bytes read. */
size_t unotify_read_file(const char *path, char *out, size_t size);
/* Read the file NAME of /proc/PID: at most size - 1 bytes and a NUL; bytes read. */
size_t unotify_read_proc(pid_t pid, const char *name, char *out, size_t size);
/* A number of /proc/PID/status, by its "\nKey:\t"; 0 if it is not there. */
pid_t unotify_status_number(pid_t pid, const char *key);
/* The process that a thread is of. */
pid_t unotify_process(pid_t thread);
/* Where the link NAME of /proc/PID leads; "" if it cannot be read. */
void unotify_read_link(pid_t pid, const char *name, char *out, size_t size);

#endif
