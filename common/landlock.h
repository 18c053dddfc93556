/* SPDX-License-Identifier: MIT */
/*
 * landlock: rulesets negotiated by the kernel's ABI, landlock(7).
 *
 * Debian 12's headers stop at ABI 2, so the access bits stand here by number.
 * The ABI is probed by system call, never inferred from a kernel version.
 * landlock_open_*, _allow_* may fail and say why; landlock_restrict is
 * async-signal-safe.
 */
#ifndef COMMON_LANDLOCK_H
#define COMMON_LANDLOCK_H

#include <stdint.h>

#include "common/err.h"

/* File access, LANDLOCK_ACCESS_FS_*. */
enum landlock_fs {
	LANDLOCK_EXECUTE = 1 << 0,
	LANDLOCK_WRITE_FILE = 1 << 1,
	LANDLOCK_READ_FILE = 1 << 2,
	LANDLOCK_READ_DIR = 1 << 3,
	LANDLOCK_REMOVE_DIR = 1 << 4,
	LANDLOCK_REMOVE_FILE = 1 << 5,
	LANDLOCK_MAKE_CHAR = 1 << 6,
	LANDLOCK_MAKE_DIR = 1 << 7,
	LANDLOCK_MAKE_REG = 1 << 8,
	LANDLOCK_MAKE_SOCK = 1 << 9,
	LANDLOCK_MAKE_FIFO = 1 << 10,
	LANDLOCK_MAKE_BLOCK = 1 << 11,
	LANDLOCK_MAKE_SYM = 1 << 12,
	LANDLOCK_REFER = 1 << 13, /* ABI 2 */
	LANDLOCK_TRUNCATE = 1 << 14, /* ABI 3 */
	LANDLOCK_IOCTL_DEV = 1 << 15 /* ABI 5 */
};

enum {
	LANDLOCK_READ = LANDLOCK_READ_FILE | LANDLOCK_READ_DIR,
	/* all that changes files, but for making device nodes */
	LANDLOCK_WRITE = LANDLOCK_WRITE_FILE | LANDLOCK_REMOVE_DIR |
			 LANDLOCK_REMOVE_FILE | LANDLOCK_MAKE_DIR |
			 LANDLOCK_MAKE_REG | LANDLOCK_MAKE_SOCK |
			 LANDLOCK_MAKE_FIFO | LANDLOCK_MAKE_SYM |
			 LANDLOCK_REFER | LANDLOCK_TRUNCATE,
	/* what may be asked for a file that is no directory */
	LANDLOCK_FILE = LANDLOCK_EXECUTE | LANDLOCK_WRITE_FILE |
			LANDLOCK_READ_FILE | LANDLOCK_TRUNCATE |
			LANDLOCK_IOCTL_DEV
};

enum landlock_net {
	LANDLOCK_BIND_TCP = 1 << 0, /* ABI 4 */
	LANDLOCK_CONNECT_TCP = 1 << 1
};

enum landlock_scope {
	LANDLOCK_SCOPE_ABSTRACT = 1 << 0, /* ABI 6 */
	LANDLOCK_SCOPE_SIGNAL = 1 << 1
};

struct landlock_set {
	int fd; /* ruleset, owned; -1: none */
	int abi;
	uint64_t fs, net, scoped; /* what the kernel handles of it */
};

/* Highest ABI of this kernel; 0: no Landlock here. */
int landlock_abi(void);
/*
 * A ruleset that handles every file access this kernel knows, and of net and
 * scoped what it knows.  ERR_SYS if there is no Landlock.
 */
int landlock_open(uint64_t net, uint64_t scoped, struct landlock_set *out,
    struct err *e) MUST_CHECK;
void landlock_close(struct landlock_set *s);
/* Allow fs access beneath path_fd (O_PATH), or to it if it is a file. */
int landlock_allow(const struct landlock_set *s, int path_fd, uint64_t fs,
    struct err *e) MUST_CHECK;
/* Put it on this process (no_new_privs is set); 0 or a negative errno. */
int landlock_restrict(int ruleset_fd);

#endif
