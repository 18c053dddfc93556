/* SPDX-License-Identifier: MIT */
/*
 * auditrun: one run put together from its records, and its processes as a
 * tree.  mcp-execctl.
 *
 * All texts are as written in the log: escaped.  What is kept of a run is
 * bounded by auditrun_limits; times are of CLOCK_MONOTONIC, in nanoseconds.
 */
#ifndef EXECUTOR_CTL_AUDITRUN_H
#define EXECUTOR_CTL_AUDITRUN_H

#include "executor/ctl/audit/auditrec.h"

enum {
	AUDITRUN_ID = 40, /* bytes of an id, with the NUL */
	AUDITRUN_NAME = 72, /* of any other name; longer ones are cut */
	AUDITRUN_DEPTH = 24, /* of the tree as it is shown */
	AUDITRUN_TOLD = 8 /* what the caller was told has several lines */
};

struct auditrun_text {
	uint32_t at, len; /* in the run's text */
};

struct auditrun_exec {
	uint64_t mono_ns;
	int64_t pid, parent; /* parent: -1, it is not known */
	struct auditrun_text path, args;
	bool started;
	const char *note; /* for people, before the path; "": none */
	/* made by auditrun_tree */
	int32_t above; /* index of the one that it stems from, or -1 */
	uint32_t depth;
	bool same; /* the process of the one above became this */
	bool last; /* of its siblings */
};

struct auditrun_denial {
	uint64_t mono_ns;
	struct auditrun_text rule, call, path, name;
	int64_t number;
	uint64_t args[6];
	bool more; /* of the same kind followed */
};

struct auditrun {
	char id[AUDITRUN_ID];
	char token[AUDITRUN_NAME], policy[AUDITRUN_NAME], user[AUDITRUN_NAME];
	char source[AUDITRUN_NAME];
	char when[CLOCK_MAX_TEXT]; /* of the intent, or "" */
	char result[24]; /* "" while there is none */
	bool good;
	uint64_t begin_ns; /* monotonic, of the intent */
	uint64_t duration_ns, out_bytes, err_bytes;
	uint64_t execs, denials; /* all of them */
	struct auditrun_text command, reason, told;
	struct auditrun_text line; /* auditrun_keep_line */
	bool noted, outcome_fits; /* the caller's marks */
	struct auditrun_exec *exec; /* owned, what is kept of them */
	size_t exec_count;
	struct auditrun_denial *denial; /* owned */
	size_t denial_count;
	struct buf
	    text; /* owned; overflow: something is missing, for lack of memory */
	unsigned holders; /* auditrun_drop frees with the last */
};

/* How much is kept of a run. */
struct auditrun_limits {
	size_t execs, denials; /* how many */
	size_t text; /* bytes of all texts */
	unsigned value; /* bytes of one text; of what was told, TOLD times */
};

/* With one holder; NULL: out of memory. */
struct auditrun *auditrun_new(
    struct bytes id, const struct auditrun_limits *m) MUST_CHECK;
struct auditrun *auditrun_hold(struct auditrun *r);
void auditrun_drop(struct auditrun *r); /* NULL is fine */
/* Is it one of those from intent to result?  Others only name a run. */
bool auditrun_is_part(const struct logline *l);
/* Take up a record of it, whichever it is. */
void auditrun_add(struct auditrun *r, const struct auditrun_limits *m,
    const struct logline *l);
/* Keep the record as it is, if it is not too long for the limits. */
void auditrun_keep_line(
    struct auditrun *r, const struct auditrun_limits *m, struct bytes line);
struct bytes auditrun_get(const struct auditrun *r, struct auditrun_text t);
/*
 * Find out who stems from whom; order[] (exec_count entries) says in which
 * order to show them.  By pids: what the kernel reused within a run may be
 * put at the later process.
 */
bool auditrun_tree(struct auditrun *r, uint32_t *order);

/* --- runs that are under way, by id ------------------------------------ */

struct auditrun_map;

/* At most `max`; beyond it the one that was asked for longest ago goes. */
struct auditrun_map *auditrun_map_new(size_t max);
void auditrun_map_free(struct auditrun_map *m);
/* NULL if it is not there. */
struct auditrun *auditrun_map_get(struct auditrun_map *m, struct bytes id);
/* Put in (takes over the caller's hold). */
bool auditrun_map_put(struct auditrun_map *m, struct auditrun *r);
/* Take out; the hold is the caller's.  NULL if it is not there. */
struct auditrun *auditrun_map_take(struct auditrun_map *m, struct bytes id);
/* Those that are there, from index 0; NULL after the last. */
struct auditrun *auditrun_map_at(struct auditrun_map *m, size_t i);

#endif
