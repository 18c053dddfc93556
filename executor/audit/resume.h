/* SPDX-License-Identifier: MIT */
/*
 * resume: what the executor before left in the audit log.  Executor, once.
 *
 * The log is written and synced before the state of its seal is replaced, so
 * that after a crash the state may be behind the log, never ahead: from the
 * record that the state names, each seal is checked and the key moved on, to
 * the end.  A log that this does not explain was tampered with, or lost.
 */
#ifndef EXECUTOR_RESUME_H
#define EXECUTOR_RESUME_H

#include "executor/audit/logfile.h"
#include "executor/audit/runset.h"
#include "executor/audit/seal.h"

enum resume_gap {
	RESUME_FITS, /* or nothing is sealed */
	RESUME_LACKS, /* the record that the state names is not there */
	RESUME_FOREIGN, /* records follow it that are not ours */
	RESUME_UNSEALED /* the log is sealed, and there is no state */
};

struct resume {
	uint64_t sequence; /* of the last record; 0: there is none */
	char action[32], when[32]; /* of it */
	uint64_t born_us; /* time of the live file's first record, or 0 */
	bool empty; /* the live file is */
	bool cut; /* of its first records, open runs are missing */
	bool sealed; /* the last record was */
	struct logfile_torn torn; /* a last line that is not a record */
	bool newline; /* the last line is closed by one */
	enum resume_gap gap;
	uint64_t bytes; /* of the live file, and its SHA-256 */
	uint8_t sum[DIGEST_BYTES];
	struct runset open; /* intents without result */
};

/* Read the log; p (NULL: nothing is sealed) is moved on to its end. */
int resume_read(const char *path, int fd, struct seal_point *p,
    struct resume *out, struct err *e) MUST_CHECK;
void resume_fini(struct resume *r);
/* In words, for a record. */
const char *resume_gap_text(enum resume_gap gap);

#endif
