/* SPDX-License-Identifier: MIT */
/*
 * auditsum: the audit log added up, in bounded memory.  mcp-execctl.
 *
 * Records come oldest first.  Of single runs it keeps the newest, the longest
 * and those that wrote most.
 */
#ifndef EXECUTOR_CTL_AUDITSUM_H
#define EXECUTOR_CTL_AUDITSUM_H

#include "executor/ctl/audit/auditrun.h"

enum {
	AUDITSUM_NAMES = 512, /* of a table; the rest is one row */
	AUDITSUM_TOP = 10, /* runs that are kept as the longest, the noisiest */
	AUDITSUM_SLOTS = 512, /* of time */
	AUDITSUM_RECENT = 5000 /* runs kept at most */
};

enum auditsum_by {
	AUDITSUM_TOKEN,
	AUDITSUM_POLICY,
	AUDITSUM_RESULT,
	AUDITSUM_EVENT,
	AUDITSUM_DENIED, /* system calls */
	AUDITSUM_SOURCE, /* of failed authentications */
	AUDITSUM_TABLES
};

struct auditsum_row {
	char name[AUDITRUN_NAME];
	uint64_t count; /* of runs, records, ... */
	uint64_t failed, denials, bytes, duration_ns;
};

struct auditsum_table {
	struct auditsum_row row[AUDITSUM_NAMES + 1]; /* the last: others */
	size_t count;
};

struct auditsum_slot {
	uint64_t runs, failed;
};

struct auditsum {
	struct auditrec_query q; /* since and until */
	struct auditrun_limits limits; /* of what is kept of a run */
	struct auditsum_table table[AUDITSUM_TABLES];
	uint64_t records, damaged, runs, failed, denials, bytes;
	uint64_t refused, unauthenticated, open;
	char first[CLOCK_MAX_TEXT], last[CLOCK_MAX_TEXT];
	struct auditrun *longest[AUDITSUM_TOP],
	    *noisiest[AUDITSUM_TOP]; /* held */
	struct auditrun **recent; /* owned; a ring */
	size_t recent_max, recent_at, recent_count;
	bool lacks; /* of a run, for lack of memory */
	uint64_t slot_first_us, slot_us; /* time of the first, and of each */
	struct auditsum_slot slot[AUDITSUM_SLOTS];
	struct auditrun_map *pending; /* owned; runs without a result so far */
};

/* Keep the newest `recent` runs; 0: none, nor their processes. */
int auditsum_init(struct auditsum *s, size_t recent, struct err *e) MUST_CHECK;
void auditsum_fini(struct auditsum *s);
/* Read a whole log, and put the tables in order. */
int auditsum_read(
    struct auditsum *s, const char *path, struct err *e) MUST_CHECK;
/* The i-th newest of the runs kept, or NULL. */
struct auditrun *auditsum_recent(const struct auditsum *s, size_t i);

#endif
