/* SPDX-License-Identifier: MIT */
/*
 * inject: system calls inside another process, as code of an attacker in it
 * would make them.  For tests/hostile, on our own programs; x86-64 only.
 *
 *   inject PID
 *   inject PID NUMBER SIGNAL
 *
 * A line of standard input is one call: its number, then up to six arguments:
 * a number (0x..., -1), or = and the hex digits of bytes that are put into the
 * process's memory and pointed to.  A line of standard output is what it
 * returned, or "killed SIGNAL", or "exited STATUS".  At the end of the input
 * the process goes on where it was.
 *
 * With a call's number: the process goes on until it enters that call, prints
 * "entered", and gets the signal there, as from a fault of its own.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#ifndef __x86_64__
int
main(void)
{
	fprintf(stderr, "inject: only x86-64 is known\n");
	return 77;
}
#else

enum { ROOM = 0x4000, /* below the stack */ INSN = 2 /* bytes of syscall */ };

static struct {
	pid_t pid;
	uint64_t room; /* where the next bytes go */
} self;

static void
die(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void
put(uint64_t at, const void *p, size_t n)
{
	struct iovec from = { (void *)(uintptr_t)p, n };
	struct iovec to = { (void *)(uintptr_t)at, n };

	if (process_vm_writev(self.pid, &from, 1, &to, 1, 0) != (ssize_t)n)
		die("process_vm_writev");
}

static uint64_t
argument(const char *s)
{
	uint8_t b[2048];
	size_t n = 0;
	uint64_t at = self.room;
	unsigned v;

	if (*s != '=')
		return strtoull(s, NULL, 0);
	for (s++; n < sizeof(b) && sscanf(s, "%2x", &v) == 1; s += 2)
		b[n++] = (uint8_t)v;
	put(at, b, n);
	self.room = (at + n + 15) & ~15ULL;
	return at;
}

static void
stop(struct user_regs_struct *r)
{
	uint8_t code[INSN];
	struct iovec to = { code, INSN };
	int status;

	if (ptrace(PTRACE_ATTACH, self.pid, 0, 0) == -1)
		die("attaching");
	if (waitpid(self.pid, &status, __WALL) == -1 || !WIFSTOPPED(status))
		die("waiting");
	if (ptrace(PTRACE_GETREGS, self.pid, 0, r) == -1)
		die("registers");
	struct iovec from = { (void *)(uintptr_t)(r->rip - INSN), INSN };
	if (process_vm_readv(self.pid, &to, 1, &from, 1, 0) != INSN ||
	    code[0] != 0x0f || code[1] != 0x05) {
		fprintf(stderr, "inject: it is not in a system call\n");
		ptrace(PTRACE_DETACH, self.pid, 0, 0);
		exit(3);
	}
}

/* Does the filter's SIGSYS wait behind the step's own signal? */
static bool
is_refused(void)
{
	struct __ptrace_peeksiginfo_args from = { .nr = 1 };
	siginfo_t info;

	return ptrace(PTRACE_PEEKSIGINFO, self.pid, &from, &info) == 1 &&
	       info.si_signo == SIGSYS;
}

/* false: the process is no more. */
static bool
call(const struct user_regs_struct *old, const uint64_t a[7])
{
	struct user_regs_struct r = *old;
	bool refused = false;
	int status, sig;

	r.rip = old->rip - INSN;
	r.orig_rax = (uint64_t)-1;
	r.rax = a[0];
	r.rdi = a[1];
	r.rsi = a[2];
	r.rdx = a[3];
	r.r10 = a[4];
	r.r8 = a[5];
	r.r9 = a[6];
	if (ptrace(PTRACE_SETREGS, self.pid, 0, &r) == -1 ||
	    ptrace(PTRACE_SINGLESTEP, self.pid, 0, 0) == -1)
		die("stepping");
	for (;;) {
		if (waitpid(self.pid, &status, __WALL) == -1)
			die("waiting");
		if (!WIFSTOPPED(status))
			break;
		sig = WSTOPSIG(status) == SIGSYS ? SIGSYS : 0;
		refused |= sig != 0 || is_refused();
		if (!refused)
			break;
		/* it is told of the refusal, and shall hear of it */
		if (ptrace(PTRACE_CONT, self.pid, 0, sig) == -1)
			die("going on");
	}
	if (WIFSIGNALED(status))
		printf("killed %s\n", sigabbrev_np(WTERMSIG(status)));
	else if (WIFEXITED(status))
		printf("exited %d\n", WEXITSTATUS(status));
	if (!WIFSTOPPED(status))
		return false;
	if (ptrace(PTRACE_GETREGS, self.pid, 0, &r) == -1)
		die("registers");
	printf("%lld\n", (long long)r.rax);
	return true;
}

/* A fault in the middle of its work. */
static int
crash(uint64_t number, int sig)
{
	struct user_regs_struct r;
	int status;

	printf("waiting\n");
	do {
		if (ptrace(PTRACE_SYSCALL, self.pid, 0, 0) == -1 ||
		    waitpid(self.pid, &status, __WALL) == -1 ||
		    !WIFSTOPPED(status) ||
		    ptrace(PTRACE_GETREGS, self.pid, 0, &r) == -1)
			die("going on");
	} while (r.orig_rax != number);
	printf("entered\n");
	if (ptrace(PTRACE_DETACH, self.pid, 0, sig) == -1)
		die("detaching");
	kill(self.pid, sig);
	return 0;
}

int
main(int argc, char **argv)
{
	struct user_regs_struct old;
	char line[8192];

	if (argc != 2 && argc != 4)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	self.pid = atoi(argv[1]);
	stop(&old);
	if (argc == 4)
		return crash(strtoull(argv[2], NULL, 0), atoi(argv[3]));
	while (fgets(line, sizeof(line), stdin) != NULL) {
		uint64_t a[7] = { 0 };
		size_t n = 0;

		self.room = (old.rsp - ROOM) & ~0xfffULL;
		for (char *w = strtok(line, " \n"); w != NULL && n < 7;
		     w = strtok(NULL, " \n"))
			a[n++] = argument(w);
		if (n > 0 && !call(&old, a))
			return 0;
	}
	/* what was interrupted is not begun again by a step over it */
	if ((int64_t)old.rax < 0)
		old.rax = (uint64_t)-EINTR;
	old.orig_rax = (uint64_t)-1;
	ptrace(PTRACE_SETREGS, self.pid, 0, &old);
	ptrace(PTRACE_DETACH, self.pid, 0, 0);
	return 0;
}
#endif
