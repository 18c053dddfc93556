/* SPDX-License-Identifier: MIT */
/*
 * auditrec: which records a query asks for, and what a record says.
 * mcp-execctl.
 *
 * Values are compared as they are written in the log, and a line is searched
 * for the texts that it must hold before it is parsed.
 */
#ifndef EXECUTOR_CTL_AUDITREC_H
#define EXECUTOR_CTL_AUDITREC_H

#include <stdbool.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "executor/audit/logline.h"

enum {
	AUDITREC_MAX_TERM = 1024 /* bytes of a term as it is written */
};

/* A text that a line must hold. */
struct auditrec_term {
	char s[AUDITREC_MAX_TERM];
	size_t len; /* 0: no such term */
};

struct auditrec_query {
	struct auditrec_term token, policy, run, event; /* of each record */
	struct auditrec_term user, text; /* of one record of a run */
	bool failed;
	bool has_exit;
	int64_t exit;
	char since[CLOCK_MAX_TEXT], until[CLOCK_MAX_TEXT]; /* "": any */
};

/* "token.name":"VALUE" and so on; ERR_BAD if it is too long. */
int auditrec_term(struct auditrec_term *t, const char *key, const char *value,
    bool prefix, struct err *e) MUST_CHECK;
/* VALUE anywhere inside a value. */
int auditrec_text(
    struct auditrec_term *t, const char *value, struct err *e) MUST_CHECK;
/* A date, a time, or how long ago: 2026-11-22, ...T10:00:00Z, 90m, 12h, 3d. */
int auditrec_time(
    const char *text, char out[CLOCK_MAX_TEXT], struct err *e) MUST_CHECK;

bool auditrec_holds(struct bytes line, const struct auditrec_term *t);
/* The terms of each record, fast, on a line that is not parsed. */
bool auditrec_maybe(const struct auditrec_query *q, struct bytes line);
/* The same and the time on a record. */
bool auditrec_fits(const struct auditrec_query *q, const struct logline *l);
/* Is it so old that none before it can be of interest? */
bool auditrec_too_old(const struct auditrec_query *q, const struct logline *l);
/* Does a value of it hold the text?  Keys do not count. */
bool auditrec_has_text(const struct logline *l, const struct auditrec_term *t);
/* As `failed` and `exit` ask of a record with an outcome. */
bool auditrec_outcome(const struct auditrec_query *q, const struct logline *l);

/* Members of an array of strings joined by spaces, as they are written. */
void auditrec_words(const struct logline *l, const char *key, struct buf *out);
/* Microseconds of a timestamp, 0 if it is not a timestamp. */
uint64_t auditrec_when(struct bytes text);
/*
 * How a run ended, of its result: "ok", "exit 3", "signal 9", "timed out",
 * ...; true if well.
 */
bool auditrec_result(const struct logline *l, char out[24]);
/* One line about any record but a run's intent, as values are written. */
void auditrec_summary(const struct logline *l, struct buf *out);

#endif
