/* SPDX-License-Identifier: MIT */
/*
 * planstore: the plans that were handed over, by digest.  Launcher.
 *
 * Each is checked once, whole, when it comes: that its file can change no
 * more, that it has the digest that it is named by, and that it can be read.
 * What is here is read again, without a question, by each guard.
 */
#ifndef EXECUTOR_PLANSTORE_H
#define EXECUTOR_PLANSTORE_H

#include "executor/launcher/launchmsg.h"

enum {
	PLANSTORE_MAX = 4096,
	PLANSTORE_RETIRED_MS = 600000, /* for runs that wait for their turn */
	PLANSTORE_NETWORKS = 64, /* kept by a plan, */
	PLANSTORE_NETWORKS_IN_ALL = 128 /* and by all together */
};

struct planstore_plan {
	uint64_t serial; /* no other one has or had it */
	uint8_t digest[DIGEST_BYTES];
	const void *bytes; /* mapped; NULL: this place is free */
	size_t size;
	unsigned users; /* policies that it was handed over for */
	bool whole; /* all of its descriptors are here */
	bool staged; /* by a load that is not committed */
	bool in_force; /* runs may name it */
	uint64_t load; /* the last one that brought it */
	uint64_t until_ms; /* it is retired, and freed then; 0: it is not */
	bool keeps_network;
	bool templates; /* roots are prepared for its runs */
	bool guards; /* they have one run of it after another */
	uint64_t namespaces; /* of its runs' guards */
	int *fds;
	size_t fd_count, fd_want;
	/* network namespaces that no run is in */
	int networks[PLANSTORE_NETWORKS];
	size_t network_count;
};

/*
 * Take one over, with its descriptors: fds[0] is the file.  They are closed
 * if it is not taken.  NULL, or what is wrong with it.
 */
const char *planstore_add(
    const struct launchmsg_order *m, const int *fds, size_t count);
/* Further descriptors of the plan that came last. */
const char *planstore_hold(const int *fds, size_t count);
void planstore_drop(const uint8_t digest[DIGEST_BYTES]);
/*
 * Plans come from loaders: none is in force before its load is committed, and
 * only RETIRE ends what is.  Cannot be undone.
 */
void planstore_use_loads(void);
/* A load begins: what one before it left without a commit goes. */
void planstore_begin(void);
/*
 * What it brought is in force, at once, if it was that many; or what is wrong.
 * began_ns: when its loader began to send, by clock_mono_ns().
 */
const char *planstore_commit(size_t count, uint64_t began_ns);
/*
 * What the last load did not bring is retired: runs that were accepted before
 * may name it for some time yet.  Nothing is if that began after asked_ns: it
 * is not what was asked about, and has a RETIRE of its own once it is in force.
 */
void planstore_retire(uint64_t asked_ns);
/* Until the next retired plan is to be freed; -1: there is none. */
int planstore_wait_ms(void);
void planstore_tidy(void);
/*
 * Whole, and in force; NULL: it is not here.  By its digest or, where plans
 * come from loaders, its name.
 */
struct planstore_plan *planstore_find(const uint8_t by[DIGEST_BYTES]);
/*
 * To make a network namespace takes almost as long as fork and exec.  With
 * "none" and privileges, those that runs leave are kept for the next runs of
 * the plan: nothing can be set in them without privilege, and what was open
 * in one ended with its run's last process.  No two runs are in one at the
 * same time.  Each costs a descriptor and some 100 KiB of the kernel's memory,
 * so their number is bounded.  -1: there is none.
 */
int planstore_take_network(struct planstore_plan *p);
/* For the plan of that serial; closed if it is not kept. */
void planstore_keep_network(struct planstore_plan *p, uint64_t serial, int net);

#endif
