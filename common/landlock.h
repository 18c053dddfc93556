/* SPDX-License-Identifier: MIT */
/*
 * landlock: rulesets of what the kernel takes, landlock(7).
 *
 * Debian 12's headers stop at ABI 2, so the access bits stand here by number.
 * What a kernel enforces is asked for bit by bit, never inferred: neither from
 * its version nor from the ABI that it claims, as those of distributions have
 * parts of later ABIs (RHEL 9.7 claims 6 and refuses one scope of it).
 * landlock_open, _allow and _restrict are async-signal-safe: they return 0 or
 * a negative errno.
 */
#ifndef COMMON_LANDLOCK_H
#define COMMON_LANDLOCK_H

#include <stdbool.h>
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
	/* all that changes files, except making device nodes */
	LANDLOCK_WRITE = LANDLOCK_WRITE_FILE | LANDLOCK_REMOVE_DIR |
			 LANDLOCK_REMOVE_FILE | LANDLOCK_MAKE_DIR |
			 LANDLOCK_MAKE_REG | LANDLOCK_MAKE_SOCK |
			 LANDLOCK_MAKE_FIFO | LANDLOCK_MAKE_SYM |
			 LANDLOCK_REFER | LANDLOCK_TRUNCATE,
	/* what ABI 1 has */
	LANDLOCK_LEAST = (1 << 13) - 1,
	/* what may be asked for a file that is not a directory */
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

/* Rights and scopes that this kernel enforces. */
struct landlock_support {
	int abi; /* that it claims; 0: it has no Landlock that is of use */
	int error; /* why it has not: an errno; 0: a right of ABI 1 is missing */
	uint64_t fs, net, scoped;
};

struct landlock_set {
	int fd; /* ruleset, owned; -1: none */
	uint64_t fs; /* rights that it handles */
};

/* Ask this kernel, by rulesets that are made and thrown away. */
void landlock_probe(struct landlock_support *out);
/*
 * A ruleset that handles every file access of s, and of net and scoped what s
 * has.  -ENOSYS if there is no Landlock.
 */
int landlock_open(const struct landlock_support *s, uint64_t net,
    uint64_t scoped, struct landlock_set *out) MUST_CHECK;
void landlock_close(struct landlock_set *s);
/* Allow fs access beneath path_fd (O_PATH), or to it if it is a file. */
int landlock_allow(
    const struct landlock_set *s, int path_fd, uint64_t fs) MUST_CHECK;
/* Put it on this process (no_new_privs is set). */
int landlock_restrict(int ruleset_fd);

#endif
