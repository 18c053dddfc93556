/* SPDX-License-Identifier: MIT */
/*
 * launchplan: what a run is started from, as the executor hands it over.
 *
 * A plan is what all runs of a policy have in common, compiled when its first
 * run is started, sealed, and known by its digest; an order is what is one
 * run's own.  Both are flat: values one after the other, read once from the
 * front by launchplan_read and launchplan_read_order, which believe no length
 * and no count of them.  Texts stay where they are, so what was read is good
 * as long as the bytes are.
 *
 * Launcher and guard; async-signal-safe.  executor/run/launchblob writes them.
 */
#ifndef EXECUTOR_LAUNCHPLAN_H
#define EXECUTOR_LAUNCHPLAN_H

#include <stddef.h>
#include <sys/resource.h>

#include "common/filter.h"
#include "executor/launcher/confine_enter.h"
#include "executor/launcher/terminal.h"

enum {
	LAUNCHPLAN_MAGIC = 0x4d58504c,
	LAUNCHPLAN_ORDER = 0x4d584f52,
	LAUNCHPLAN_GROUPS = 32,
	/* Kept from one run of a policy for the next: */
	LAUNCHPLAN_TEMPLATES = 1 << 0,
	LAUNCHPLAN_GUARDS = 1 << 1,
	LAUNCHPLAN_RLIMITS = 16,
	LAUNCHPLAN_FDS = 1 + MOUNTS_MAX, /* the directory, then held files */
	LAUNCHPLAN_PATHS = 32, /* places where a program is looked for */
	LAUNCHPLAN_ARGS = 4099, /* words, and a shell's */
	LAUNCHPLAN_ENV = 192,
	LAUNCHPLAN_MAX_BYTES = 8 << 20 /* of either */
};

struct launchplan {
	uid_t uid;
	gid_t gid;
	gid_t groups[LAUNCHPLAN_GROUPS];
	size_t group_count;
	uint64_t capabilities; /* kept, by number */
	mode_t umask;
	struct {
		int resource; /* RLIMIT_* */
		rlim_t value; /* soft and hard */
	} rlimits[LAUNCHPLAN_RLIMITS];
	size_t rlimit_count;
	bool explained; /* refusals of the filter are told */
	bool records_execs; /* and the programs that start */
	bool keeps_network; /* a run may have the one that another left */
	bool templates; /* a root may be prepared for its runs */
	bool guards; /* a guard may have one of them after another */
	struct filter filter; /* its programs are in the bytes; len 0: none */
	const char *directory; /* of the policy */
	struct confine confine; /* texts are in the bytes, held an index */
};

struct launchplan_order {
	uint32_t login_uid; /* the token's, for the kernel's audit */
	uint16_t columns, rows; /* of its terminal; 0: it has none */
	const char *cwd; /* as asked for, absolute */
	const char *relative; /* the same, from the directory */
	const char *path[LAUNCHPLAN_PATHS + 1]; /* tried in turn, NULL ends */
	char *envp[LAUNCHPLAN_ENV + 1];
	char *argv[LAUNCHPLAN_ARGS + 1]; /* last, as it is mostly empty */
};

/* false: these are not the bytes of one, or it says more than may be said. */
bool launchplan_read(
    const void *bytes, size_t size, size_t fds, struct launchplan *out);
bool launchplan_read_order(
    void *bytes, size_t size, struct launchplan_order *out);
/* From indices to descriptors; [0] is the directory's. */
void launchplan_hold(struct launchplan *p, const int *fds);

#endif
