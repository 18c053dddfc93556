/* SPDX-License-Identifier: MIT */
/*
 * verify: was the audit log tampered with?  mcp-execctl.
 *
 * Reads record after record and reports the first that the chain contradicts,
 * and what was done to it as far as that can be told.  The attacker is assumed
 * to have today's key and the state of the seal, and to have written any bytes
 * into any of the files.  The chain is described in executor/audit/seal.h.
 */
#ifndef EXECUTOR_CTL_VERIFY_H
#define EXECUTOR_CTL_VERIFY_H

#include "executor/audit/logline.h"
#include "executor/audit/seal.h"

enum verify_what {
	VERIFY_FINE,
	VERIFY_CHANGED,
	VERIFY_INSERTED,
	VERIFY_DELETED,
	VERIFY_REORDERED,
	VERIFY_CUT, /* at the end */
	VERIFY_MISSING, /* a whole file, or the first ones */
	VERIFY_OTHER, /* of another host or chain, or the wrong key */
	VERIFY_STATE, /* the state of the seal was replaced or removed */
	VERIFY_BROKEN /* the executor itself found the log tampered with */
};

struct verify_setup {
	const uint8_t *key; /* DIGEST_BYTES; NULL: structure and numbers only */
	const struct seal_point *state; /* NULL: not compared */
	uint64_t expect; /* the last number that there must be; 0: not said */
	uint64_t first; /* nothing before it is missed; 0: 1 */
	bool pruned; /* what log-prune names is not missed either */
};

struct verify_result {
	enum verify_what what;
	char file[256]; /* where it shows first; may be empty */
	uint64_t line, sequence; /* 0: unknown */
	char text[512];
	uint64_t records, sealed, begin, end;
	char from[40], to[40]; /* times of the first and the last record */
	struct buf notes; /* owned; lines about what is not tampering */
};

struct verify;

struct verify *verify_new(
    const struct verify_setup *s, struct err *e) MUST_CHECK;
/* The next file in order begins. */
void verify_file(struct verify *v, const char *path);
/* Its next line; whole: it ended with a newline. */
void verify_line(struct verify *v, struct bytes line, bool whole);
/* Has something been found?  Further lines do not change it. */
bool verify_done(const struct verify *v);
/* After the last line; borrowed until verify_free. */
const struct verify_result *verify_end(struct verify *v);
void verify_free(struct verify *v);
/* "changed", "tail cut", ... */
const char *verify_name(enum verify_what what);

#endif
