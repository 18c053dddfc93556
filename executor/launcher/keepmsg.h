/* SPDX-License-Identifier: MIT */
/*
 * keepmsg: what executor and keeper say to each other, over a SEQPACKET pair:
 * one struct a message, and descriptors with it.  Both are of one build; the
 * plan says whether they are.
 *
 * The executor gives its power away and the keeper has it still.  So what may
 * be started is fixed before that, in a plan that nobody can change any more:
 * a path, words, and where each descriptor goes.  An order names a row of it.
 */
#ifndef EXECUTOR_KEEPMSG_H
#define EXECUTOR_KEEPMSG_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	KEEPMSG_FD = 3, /* of the keeper's end */
	KEEPMSG_PLAN_FD = 4, /* until it has read it */
	KEEPMSG_FACTS_FD = 5, /* for the loader: what was found at the start */
	KEEPMSG_STALL_FD = 6, /* stallpage.h */
	KEEPMSG_FDS = 16, /* of one order */
	KEEPMSG_PLACES = 20,
	KEEPMSG_WORDS = 16,
	KEEPMSG_WORD = 32,
	KEEPMSG_ADOPTED = 64, /* launchers of executors before */
	KEEPMSG_SPARED = 2 * 4096 + 128, /* processes of END_STRAYS */
	KEEPMSG_FORMAT = 5 /* of another build, this or a size differs */
};

/* The rows of a plan. */
enum keepmsg_program {
	KEEPMSG_LAUNCHER,
	KEEPMSG_FRONTEND,
	KEEPMSG_CHECK, /* of a certificate */
	KEEPMSG_ACCOUNTS, /* names of users and groups */
	KEEPMSG_SCREEN, /* of a terminal */
	KEEPMSG_LOADER, /* of plans: one at a time */
	KEEPMSG_PROGRAMS
};

/*
 * What the keeper adds to the descriptors of an order, and the executor never
 * has: an end of the pair that plans come by, another for each launcher.
 */
enum keepmsg_adds {
	KEEPMSG_NOTHING,
	KEEPMSG_LAUNCHERS_END,
	KEEPMSG_LOADERS_END /* and FACTS_FD; the configuration is its last word */
};

/* A descriptor that comes with the order, and where the program has it. */
struct keepmsg_place {
	uint8_t from, to;
};

/* stdin is /dev/null and what is said goes to our stderr, if no place is. */
struct keepmsg_row {
	uint32_t words, fds, places;
	uint32_t adds; /* enum keepmsg_adds; their numbers follow `fds` */
	char path[PATH_MAX];
	char word[KEEPMSG_WORDS][KEEPMSG_WORD];
	char last[PATH_MAX]; /* a further word; "": none */
	struct keepmsg_place place[KEEPMSG_PLACES];
};

struct keepmsg_plan {
	uint32_t format, size;
	char version[48];
	char config[PATH_MAX]; /* its path */
	struct keepmsg_row row[KEEPMSG_PROGRAMS];
	int32_t adopted[KEEPMSG_ADOPTED]; /* with runs that are ours; 0: none */
};

enum keepmsg_kind {
	/* to the keeper */
	KEEPMSG_START = 1, /* a program, with the descriptors of its row */
	KEEPMSG_SIGNAL, /* a pidfd comes with it */
	KEEPMSG_END_STRAYS, /* and spare these */
	KEEPMSG_PEER, /* who is that? */
	KEEPMSG_WATCH, /* look at the stallpage from now on; no answer */
	KEEPMSG_END_RUN, /* all below a guard, whose pidfd comes with it, and that */
	/* to the executor */
	KEEPMSG_READY,
	KEEPMSG_STARTED, /* or not: error; the executor's child, and its pidfd */
	KEEPMSG_KNOWN, /* answers PEER */
	KEEPMSG_ENDED /* answers END_STRAYS: what is started from now on is none */
};

/* Of END_STRAYS, `count` of spared follow; of the others, none. */
struct keepmsg_order {
	uint32_t kind;
	uint32_t program;
	int32_t pid;
	int32_t sig;
	uint32_t count;
	int32_t spared[KEEPMSG_SPARED];
};

struct keepmsg_answer {
	uint32_t kind;
	int32_t pid;
	int32_t error; /* an errno; 0: none */
	uint32_t ours; /* PEER: the executor, or it descends from that */
	uint32_t login; /* its audit login uid, or UINT32_MAX */
	char name[16];
};

#endif
