/* SPDX-License-Identifier: MIT */
/*
 * cgroup: a control group (version 2) for each run, beneath our own.
 *
 * Used where the administrator names one or systemd delegates ours
 * (Delegate=, shown by the xattr user.delegate or trusted.delegate), or the one
 * around it with DelegateSubgroup=supervisor.  We move into a leaf,
 * "supervisor", as a group with controllers may hold none but leaves, and make
 * runs/ID for each run, with its guard if that has no other one.  Guards that
 * have one run after another are in "guards", which competes with the runs and
 * not with us (launcher/serve.c: open_home).  One user: the executor.
 */
#ifndef EXECUTOR_CGROUP_H
#define EXECUTOR_CGROUP_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/bytes.h"

/* Version 2 next to version 1, which then has the controllers. */
#define CGROUP_HYBRID "/sys/fs/cgroup/unified"

/* Where a group that the configuration names cannot be used. */
#define CGROUP_ADVICE                                                          \
	"make the group and let mcp-execd write there, or set \"cgroup\" to \"auto\" or \"off\""

enum cgroup_controller {
	CGROUP_MEMORY = 1 << 0,
	CGROUP_PIDS = 1 << 1,
	CGROUP_CPU = 1 << 2
};

/* Limits of one run; 0: none. */
struct cgroup_limits {
	uint64_t memory_bytes;
	uint64_t processes;
	uint32_t cpu_percent; /* of one processor; 200 is two */
};

/* Resources that a run used; unknown ones stay 0. */
struct cgroup_usage {
	uint64_t memory_peak; /* bytes */
	uint64_t cpu_us;
	uint64_t memory_full; /* times that its own limit was reached */
	uint64_t oom_kills; /* processes ended for that, or for the machine's */
	uint64_t pids_denied; /* forks that the limit refused */
};

/* Where version 2 is: /sys/fs/cgroup, CGROUP_HYBRID, or NULL. */
const char *cgroup_mount(void);
/*
 * Prepare.  where: "auto", "off", or the path of a group to use.  ERR_SYS if
 * a named one cannot be used; with auto, 0 also when there is none.
 */
int cgroup_setup(const char *where, struct err *e) MUST_CHECK;
/* cgroup_look is for the service of this account, mcp-execd@NAME.service. */
void cgroup_of_instance(const char *name);
/* A check only: cgroup_setup is to look, and make and move nothing. */
void cgroup_only_look(void);
/*
 * What cgroup_setup would use, or, with auto, mcp-execd.service has, without
 * touching it: *path (empty: none) and the available controllers.
 * ERR_SYS if a named one cannot be used.
 */
int cgroup_look(const char *where, char path[PATH_MAX], unsigned *bits,
    struct err *e) MUST_CHECK;
/*
 * For mcp-execctl, which is not where the service is: plan as if runs could
 * have a group with these controllers, or had none.  None can be made then.
 */
void cgroup_assume(bool there, unsigned bits);
/* The same where nobody knows yet, so that what is said of it is an "if". */
void cgroup_suppose(unsigned bits);
bool cgroup_supposed(void);
/* The group that a running mcp-execd makes its runs' in; false: it has none. */
bool cgroup_of_service(pid_t pid, char path[PATH_MAX]);
bool cgroup_ready(void);
/* Of the directory that runs' groups are made in, borrowed; -1: none. */
int cgroup_fd(void);
/*
 * Could who started us start another one while runs are there?  Not in the
 * group that we began in, if that has handed controllers on by now.
 */
bool cgroup_has_room(void);
/* enum cgroup_controller bits that runs can have. */
unsigned cgroup_controllers(void);
/*
 * Processes of a run whose policy names no limit, so that one run cannot have
 * all that the service has; 0: the service has no limit either.
 */
uint64_t cgroup_fair_processes(void);
/*
 * End and remove what an executor that crashed left, except for runs that
 * `spare`
 * (NULL: none) wants; before the first run.
 */
void cgroup_clear(bool (*spare)(const char *id));

/*
 * Make the group of run id with these limits (those without a controller are
 * left out); a descriptor for CLONE_INTO_CGROUP, owned by the caller.
 */
int cgroup_make(
    const char *id, const struct cgroup_limits *l, struct err *e) MUST_CHECK;
/* End every process in it and read what it used. */
void cgroup_end(const char *id, struct cgroup_usage *u);
/* Remove it; if it is not empty yet, soon (cgroup_sweep). */
void cgroup_remove(const char *id);
/* Remove what could not be removed before; call now and then. */
void cgroup_sweep(void);

#endif
