/* SPDX-License-Identifier: MIT */
/*
 * mountattr: change attributes of mounts, all at once or, where the kernel has
 * no mount_setattr(2), one after the other by mount(2).
 *
 * The second way reads /proc/self/mountinfo, of the machine's /proc at /old or
 * of the run's own.  Async-signal-safe; not for two threads.
 */
#ifndef EXECUTOR_MOUNTATTR_H
#define EXECUTOR_MOUNTATTR_H

#include <stdbool.h>
#include <stdint.h>

/* MOUNT_ATTR_* */
enum {
	MOUNTATTR_RDONLY = 0x1,
	MOUNTATTR_NOSUID = 0x2,
	MOUNTATTR_NODEV = 0x4,
	MOUNTATTR_NOEXEC = 0x8,
	MOUNTATTR_NOSYMFOLLOW = 0x200000
};

/* Of the mount at path, and of all below it; 0, or a negative errno. */
int mountattr_set(const char *path, uint64_t set, bool recursive);
/* The same of a tree that is not mounted yet, with all below it; -ENOSYS. */
int mountattr_set_tree(int tree, uint64_t set);
/* As above, always recursive. */
int mountattr_clear(const char *path, uint64_t clear);
/* The root is another now: nothing of the old one is kept open. */
void mountattr_done(void);

#endif
