/* SPDX-License-Identifier: MIT */
/* procdir: getdents64(2).  Guard and executor; async-signal-safe. */
#include "executor/launcher/procdir.h"

#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* struct linux_dirent64 of getdents64(2). */
struct entry {
	uint64_t ino;
	int64_t off;
	unsigned short len;
	unsigned char type;
	char name[];
};

bool
procdir_find(int fd, bool (*is_it)(void *arg, const char *name), void *arg)
{
	union {
		char raw[4096];
		struct entry align;
	} dir;
	long n, at;

	while ((n = syscall(SYS_getdents64, fd, dir.raw, sizeof(dir.raw))) > 0)
		for (at = 0; at < n;) {
			const struct entry *d = (const void *)(dir.raw + at);

			if (d->name[0] != '.' && is_it(arg, d->name))
				return true;
			at += d->len;
		}
	return false;
}
