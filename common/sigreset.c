/* SPDX-License-Identifier: MIT */
/*
 * sigreset: signals as a new program expects them.
 *
 * By the kernel's own call, as libc keeps two signals (32 and 33) to itself;
 * they may come ignored from a parent that used posix_spawn(3), as make(1)
 * does.
 */
#include "common/sigreset.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

int
sigreset_all(void)
{
	/* the kernel's struct sigaction: all zero is SIG_DFL everywhere */
	static const unsigned long dfl[8];
	int sig;

	for (sig = 1; sig < _NSIG; sig++)
		(void)syscall(SYS_rt_sigaction, sig, dfl, NULL, _NSIG / 8);
	return sigreset_mask();
}

int
sigreset_mask(void)
{
	static const unsigned long none[8];

	return syscall(
		   SYS_rt_sigprocmask, SIG_SETMASK, none, NULL, _NSIG / 8) == -1
		   ? -errno
		   : 0;
}
