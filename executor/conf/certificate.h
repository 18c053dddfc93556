/* SPDX-License-Identifier: MIT */
/*
 * certificate: the server's certificate and key, held for the frontend.
 *
 * Executor and mcp-execctl.  Nothing here parses them: the frontend's program
 * does (--check-tls), confined, before they are put in force.  The key lies
 * in memory that no process of a run inherits, madvise(2).
 */
#ifndef EXECUTOR_CERTIFICATE_H
#define EXECUTOR_CERTIFICATE_H

#include "executor/conf/conf.h"

enum {
	CERTIFICATE_SOON_DAYS = 14, /* an end within is worth a word */
	CERTIFICATE_MAX_REMARKS = 4096 /* bytes */
};

struct certificate {
	struct bytes chain, key; /* PEM; empty: none is configured */
	int64_t from, until; /* of the whole chain, Unix seconds */
	char remarks[CERTIFICATE_MAX_REMARKS]; /* see certificate_remark() */
	/* private */
	uint8_t *memory;
};

enum certificate_state {
	CERTIFICATE_GOOD,
	CERTIFICATE_SOON,
	CERTIFICATE_EARLY, /* not valid yet */
	CERTIFICATE_EXPIRED
};

/*
 * Load what c names (nothing if it names none) and have it checked.  ERR_BAD
 * with words for the administrator; ERR_AGAIN: see pemfile_path().
 */
int certificate_load(
    const struct conf *c, struct certificate *out, struct err *e) MUST_CHECK;
/* Wipes the key. */
void certificate_fini(struct certificate *c);

enum certificate_state certificate_state_at(
    const struct certificate *c, int64_t now_s);
/* "ends in 3 days, at 2026-11-26T10:00:00Z"; none configured: "". */
void certificate_describe(
    const struct certificate *c, int64_t now_s, char *out, size_t size);
/*
 * What clients will not like about it, such as names that it is not for: the
 * next remark at *at (first c->remarks), one line; false: no more.
 */
bool certificate_remark(const char **at, char *out, size_t size);
/* A line in the log for each remark, and if something is wrong with the time. */
void certificate_warn(const struct certificate *c);

#endif
