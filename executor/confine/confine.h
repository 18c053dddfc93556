/* SPDX-License-Identifier: MIT */
/*
 * confine: which layers confine a policy's runs.
 *
 * Planned when a policy is loaded: what the policy asks for is compared with
 * what this machine can enforce (executor/probe), and what is not available is a
 * finding, never left out in silence.  Carried out by confine_enter in the
 * guard, between fork and exec; confine_command is the part that the command
 * itself puts on.
 */
#ifndef EXECUTOR_CONFINE_H
#define EXECUTOR_CONFINE_H

#include "executor/confine/mounts.h"
#include "executor/launcher/confine_enter.h"

void confine_init(struct confine *c);
void confine_fini(struct confine *c);
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
/*
 * The layer that keeps it for runs of this policy, "" if none does; NULL: the
 * policy allows what Landlock would have kept.
 */
const char *confine_gap_keeper(
    const struct confine *c, const struct confine_gap *g);
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
