/* SPDX-License-Identifier: MIT */
/*
 * filter_load: put on what common/filter compiled, without its library.  After
 * fork, and in the frontend's lockdown: async-signal-safe.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/filter.h"

enum {
	FLAG_WAIT_KILLABLE_RECV = 1 << 5 /* not in libc's headers yet */
};

static int
load_one(const struct sock_fprog *prog)
{
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, prog) == 0)
		return 0;
	/* Kernels, and outer filters, that know prctl(2) only. */
	if (errno == ENOSYS &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, prog, 0, 0) == 0)
		return 0;
	return -errno;
}

int
filter_load(const struct filter *f)
{
	/* The allow-list last, as it need not allow seccomp(2). */
	int r = f->refine.len == 0 ? 0 : load_one(&f->refine);

	return r != 0 ? r : load_one(&f->prog);
}

int
filter_load_listener(const struct filter *f)
{
	int r = f->refine.len == 0 ? 0 : load_one(&f->refine);
	long fd;

	if (r != 0)
		return r;
	/* A signal must not make a call ask twice; Linux 5.19. */
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	    SECCOMP_FILTER_FLAG_NEW_LISTENER | FLAG_WAIT_KILLABLE_RECV,
	    &f->prog);
	if (fd == -1 && errno == EINVAL)
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		    SECCOMP_FILTER_FLAG_NEW_LISTENER, &f->prog);
	return fd == -1 ? -errno : (int)fd;
}
