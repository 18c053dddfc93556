/* SPDX-License-Identifier: MIT */
/*
 * launchmsg: what executor and launcher say to each other, over a SEQPACKET
 * pair: one struct a message, the bytes of a small order after it, and
 * descriptors with it.  Both are built together and run on one machine:
 * HELLO, which the launcher begins with, says whether they were.
 *
 *   executor                             launcher
 *      |  <-- HELLO ------------------------ |   started
 *      |  --- RUN -------------------------> |   a guard is made
 *      |  <-- STARTED, its pidfd ----------- |   or NOT_STARTED
 *      |  <-- ENDED, its wait status ------- |   its run is over, at least
 *      |  --- RETIRE ----------------------> |   what the last load left out
 *      |  --- HOLD ------------------------> |   the run outlives the executor
 *      |  --- RELEASE ---------------------> |   it does not any more
 *
 * Plans come over a pair of their own, whose other end the keeper has and gives
 * to the loader alone (executor/service/plans):
 *
 *   loader                               launcher
 *      |  --- BEGIN -----------------------> |   forget what one before left
 *      |  --- PLAN, HELD... ---------------> |   of each policy
 *      |  --- COMMIT ----------------------> |   runs may name them from here on
 *      |  <-- LOADED ----------------------- |
 *
 * Where there is no keeper (mcp-execctl, tests), PLAN and HELD come from who
 * started it, before the first run of it, and DROP when nobody will name it.
 */
#ifndef EXECUTOR_LAUNCHMSG_H
#define EXECUTOR_LAUNCHMSG_H

#include "executor/launcher/filehash.h"
#include "executor/launcher/guard.h"
#include "executor/launcher/launchplan.h"

enum {
	LAUNCHMSG_FD = 3, /* of the launcher's end */
	LAUNCHMSG_PLANS_FD = 4, /* the same of the pair with the loader */
	LAUNCHMSG_INLINE =
	    GUARD_INLINE, /* bytes of an order; a larger one is a file */
	LAUNCHMSG_FDS = 250, /* of one message; the kernel takes 253 */
	/* Told apart: of another build, one of these differs. */
	LAUNCHMSG_FORMAT = 10
};

enum launchmsg_kind {
	/* to the launcher */
	LAUNCHMSG_PLAN = 1, /* a sealed file, the directory, held files */
	LAUNCHMSG_HELD, /* more held files of the plan before */
	LAUNCHMSG_DROP,
	LAUNCHMSG_RUN, /* the descriptors of enum launchmsg_run */
	LAUNCHMSG_REMEMBER, /* a program's digest */
	LAUNCHMSG_RETIRE, /* what the last load did not bring; run: asked when */
	LAUNCHMSG_BEGIN, /* from here on of the loader's alone; run: begun when */
	LAUNCHMSG_COMMIT, /* size: how many plans it sent */
	LAUNCHMSG_HOLD, /* descriptors of enum holdmsg_fd, as flags say */
	LAUNCHMSG_EOF, /* its input is closed: not held any more */
	LAUNCHMSG_RELEASE,
	/* to the executor */
	LAUNCHMSG_HELLO,
	LAUNCHMSG_STARTED,
	LAUNCHMSG_NOT_STARTED,
	LAUNCHMSG_ENDED,
	LAUNCHMSG_LOADED /* to the loader: value, an errno or 0 */
};

/* Descriptors of a run, in this order; the later two where flags say so. */
enum launchmsg_run { RUN_CTL, RUN_OUT, RUN_ERR, RUN_MORE };

enum {
	LAUNCHMSG_INPUT = 1, /* a descriptor for standard input */
	LAUNCHMSG_GROUP = 2, /* one of the run's control group */
	LAUNCHMSG_FILE = 4 /* a sealed file with the order's bytes */
};

struct launchmsg_order {
	uint32_t kind;
	uint32_t flags;
	uint64_t run; /* the executor's number of it */
	/* PLAN: SHA-256 of its bytes; RUN: likewise, or its name if it has one */
	uint8_t plan[DIGEST_BYTES];
	uint8_t name[DIGEST_BYTES]; /* PLAN of a loader, see plannames.h */
	uint32_t size; /* of the plan's bytes, or the order's */
	uint32_t held; /* PLAN: descriptors of it, in all messages together */
	struct filehash_version version; /* REMEMBER */
	uint8_t sum[DIGEST_BYTES];
	uint8_t caller[DIGEST_BYTES]; /* RUN: a guard has those of one caller */
};

struct launchmsg_answer {
	uint32_t kind;
	int32_t pid; /* of the guard */
	uint64_t run;
	int32_t value; /* errno, or wait status */
	uint32_t format; /* HELLO: LAUNCHMSG_FORMAT, sizes, and */
	uint32_t sizes[4];
	char version[48]; /* the program's */
};

/* What HELLO says. */
void launchmsg_hello(struct launchmsg_answer *a);

#endif
