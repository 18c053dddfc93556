/* SPDX-License-Identifier: MIT */
/*
 * confine: which layers confine a policy's runs.
 *
 * Planned when a policy is loaded: what the policy asks for is compared with
 * what this machine can enforce (executor/probe), and what cannot be had is a
 * finding, never left out in silence.  Carried out by confine_enter in the
 * guard, between fork and exec; confine_command is the part that the command
 * itself puts on.
 */
#ifndef EXECUTOR_CONFINE_H
#define EXECUTOR_CONFINE_H

#include <sys/types.h>

#include "common/landlock.h"
#include "executor/confine/mounts.h"

enum confine_layer {
	CONFINE_MOUNTS = 1 << 0, /* a root of its own */
	CONFINE_PIDS = 1 << 1, /* process ids of its own */
	CONFINE_IPC = 1 << 2, /* System V and POSIX IPC of its own */
	CONFINE_NET = 1 << 3, /* a network stack of its own */
	CONFINE_USER = 1 << 4, /* in a user namespace */
	CONFINE_LANDLOCK = 1 << 5,
	CONFINE_SECCOMP = 1 << 6,
	CONFINE_CGROUP = 1 << 7,
	CONFINE_LOGINUID = 1 << 8 /* an audit login uid of the token's */
};

enum {
	CONFINE_LAYERS = 9,
	CONFINE_WALLS = CONFINE_MOUNTS | CONFINE_LANDLOCK /* around files */
};

enum confine_network {
	CONFINE_NONE, /* no address at all */
	CONFINE_LOOPBACK, /* 127.0.0.1 of its own */
	CONFINE_LOOK, /* the host's can be listed, and no socket of it made */
	CONFINE_HOST /* as the host's */
};

/* What must be there for a policy to be loaded at all. */
enum confine_posture {
	CONFINE_STRICT, /* all that a current kernel has */
	CONFINE_KERNEL /* the strongest that this kernel has, and a wall */
};

/* Network namespaces kept by a policy, and by all policies together. */
enum { CONFINE_SPARES = 64, CONFINE_SPARES_IN_ALL = 128 };

struct confine {
	unsigned layers; /* enum confine_layer bits in force */
	unsigned asked; /* of them, those that "require" names */
	unsigned missing; /* strict would want these, and they are not there */
	enum confine_posture posture;
	enum confine_network network;
	bool sockets; /* AF_UNIX may be used */
	bool processes; /* those of the machine can be seen */
	bool withheld; /* they would be, with a layer that this machine lacks */
	bool noexec; /* nothing writable executes */
	bool net_changeable; /* by a run: no other one gets its network */
	bool listed_programs; /* only MOUNTS_PROGRAM rows execute */
	struct landlock_support landlock; /* all 0 without that layer */
	int net_spares
	    [CONFINE_SPARES]; /* network namespaces that no run is in */
	unsigned net_spare_count;
	struct mounts mounts;
};

/* The step that finds a place of the plan gone, or another one there. */
#define CONFINE_STEP_PLACES "places"

/* Texts for steps of the guard that failed. */
struct confine_failure {
	const char *step; /* static */
	const char *path; /* it was about, borrowed from the plan, or NULL */
	int sysno;
};

void confine_init(struct confine *c);
void confine_fini(struct confine *c);
/*
 * To make a network namespace takes almost as long as fork and exec.  With a
 * privileged executor and "none", those that runs leave are kept for the next
 * runs of the policy: nothing can be set in them without privilege, and what
 * was open in one ended with its run's last process.  No two runs are in one
 * at the same time.  Each costs a descriptor and some 100 KiB of the kernel's
 * memory, so their number is bounded.
 *
 * Take one that is kept, -1: there is none and the run gets a new one; find
 * that, by its guard; keep one when the run has no process any more.
 */
int confine_take_network(struct confine *c);
int confine_find_network(const struct confine *c, pid_t guard);
void confine_keep_network(struct confine *c, int net);
/*
 * A child as by fork(2), in new namespaces (CLONE_NEW*).  clone3(2), or
 * clone(2) where a filter answers for it that there is none, as systemd does
 * for RestrictNamespaces=.  *pidfd: of the child, or NULL.
 */
pid_t confine_clone(uint64_t namespaces, int *pidfd);
/* Namespaces for confine_clone of the guard, which enters net if that is not -1. */
uint64_t confine_clone_flags(const struct confine *c, int net);
/*
 * Before that, with what the executor has open: is each place of the plan the
 * one that was loaded?  If not, *f says which.  Async-signal-safe.
 */
bool confine_changed(const struct confine *c, struct confine_failure *f);
/*
 * In the guard, first thing in its namespaces: user map, network, mounts,
 * Landlock ruleset (its descriptor in *ruleset, -1 without that layer).
 * 0, or -1 and *f.  Async-signal-safe.
 */
int confine_enter(const struct confine *c, int net, uid_t uid, gid_t gid,
    int *ruleset, struct confine_failure *f);
/* What Landlock does not keep on some kernels. */
struct confine_gap {
	const char *name; /* as in records */
	const char *what; /* in words */
	uint64_t fs, net, scoped; /* the bit that is missing */
	unsigned cover; /* layer that keeps it as well, or 0 */
};

/* The i-th that this support leaves open; NULL: no more. */
const struct confine_gap *confine_gap(
    const struct landlock_support *s, size_t i);
/* "mounts", ...; NULL if layer is not a single known bit. */
const char *confine_layer_name(unsigned layer);
/* The bit of that name, 0 if there is none. */
unsigned confine_layer_find(struct bytes name);
/* Is a row of the plan in force, and more than a way to another one? */
bool confine_shows(const struct confine *c, const struct mounts_op *op);
const char *confine_network_name(enum confine_network n);
/* Is it in the host's network namespace, by what the policy says? */
bool confine_shares_network(const struct confine *c);
/* Whose processes a run sees, "own" or "see", by the layers in force. */
const char *confine_processes_name(const struct confine *c);
const char *confine_posture_name(enum confine_posture p);
/* The posture of that name; false: there is none. */
bool confine_posture_find(struct bytes name, enum confine_posture *out);

#endif
