/* SPDX-License-Identifier: MIT */
/*
 * confine_enter: put on a run's layers, as its policy plans them: the part of
 * executor/confine that runs in a guard, between fork and exec.
 */
#ifndef EXECUTOR_CONFINE_ENTER_H
#define EXECUTOR_CONFINE_ENTER_H

#include <sys/types.h>

#include "common/landlock.h"
#include "executor/launcher/mounts_ready.h"

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

enum { CONFINE_MAX_SOCKETS = 32 };

struct confine {
	unsigned layers; /* enum confine_layer bits in force */
	unsigned asked; /* of them, those that "require" names */
	unsigned missing; /* strict would want these, and they are not there */
	enum confine_posture posture;
	enum confine_network network;
	bool sockets; /* AF_UNIX may be used: others' sockets are named */
	char *socket[CONFINE_MAX_SOCKETS + 1]; /* owned: their paths */
	bool no_sockets; /* the list is there, and names none */
	bool datagrams; /* one of them is for datagrams */
	uint32_t watched; /* enum rights_call: what its filter only reports */
	bool own_sockets; /* of AF_UNIX its own, and of others' those named */
	bool processes; /* those of the machine can be seen */
	bool withheld; /* they would be, with a layer that this machine lacks */
	bool noexec; /* nothing writable executes */
	bool net_changeable; /* by a run: no other one gets its network */
	bool listed_programs; /* only MOUNTS_PROGRAM rows execute */
	struct landlock_support landlock; /* all 0 without that layer */
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

/*
 * A child as by fork(2), in new namespaces (CLONE_NEW*).  clone3(2), or
 * clone(2) where a filter answers for it that there is none, as systemd does
 * for RestrictNamespaces=.  *pidfd: of the child, or NULL.
 */
pid_t confine_clone(uint64_t flags, int *pidfd);
/*
 * A child as by fork(2) in a control group from its first moment, which only
 * clone3(2) can: ENOSYS where a filter hides that.
 */
pid_t confine_clone_into(uint64_t flags, int group, int *pidfd);
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
 * ready: NULL: it is in a mount namespace of its own, and builds its root.
 * 0, or -1 and *f.  Async-signal-safe.
 */
int confine_enter(const struct confine *c, int net,
    const struct mounts_ready *ready, uid_t uid, gid_t gid, int *ruleset,
    struct confine_failure *f);

#endif
