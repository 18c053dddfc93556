/* SPDX-License-Identifier: MIT */
/*
 * auditcast: the recording of a run's output, as the audit log knows it.
 * mcp-execctl.
 *
 * The log has its size and digest; a file that differs is never shown as the
 * run's output.
 */
#ifndef EXECUTOR_CTL_AUDITCAST_H
#define EXECUTOR_CTL_AUDITCAST_H

#include <limits.h>

#include "executor/recording/asciicast_read.h"
#include "executor/ctl/audit/auditlog.h"
#include "executor/audit/logline.h"

struct auditcast {
	char run[ASCIICAST_ID];
	char path[PATH_MAX];
	int fd; /* owned; -1: not open */
	uint64_t bytes; /* as the log says; UINT64_MAX: it says nothing */
	char sum[DIGEST_HEX]; /* SHA-256, likewise */
};

void auditcast_init(struct auditcast *c);
void auditcast_fini(struct auditcast *c);
/* What a run-result says of its recording; false: nothing was recorded. */
bool auditcast_take(struct auditcast *c, const struct logline *result);
/*
 * Take the result of the run whose id begins so from this log.  ERR_BAD:
 * there is none, there are several, or it has no recording; *e says which.
 */
int auditcast_find(struct auditcast *c, const char *path, const char *prefix,
    struct err *e) MUST_CHECK;
/* Open it in this directory. */
int auditcast_open(
    struct auditcast *c, const char *dir, struct err *e) MUST_CHECK;
/* Is the file what the log says?  ERR_BAD if not. */
int auditcast_verify(struct auditcast *c, struct err *e) MUST_CHECK;
/* Read all of the file, event by event, through *ops. */
int auditcast_read(struct auditcast *c, const struct asciicast_read_ops *ops,
    void *arg, struct err *e) MUST_CHECK;

/*
 * Append what a command wrote so that it cannot act on a terminal: line ends
 * and tabs stay, all else that is not printable comes out as an escape.
 */
void auditcast_put_safe(struct buf *out, struct bytes data);

#endif
