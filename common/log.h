/* SPDX-License-Identifier: MIT */
/*
 * log: one line per event on stderr, for the journal.
 *
 * "<prio>module: event key=value ..." with sd-daemon(3)'s priority prefix
 * when stderr is not a terminal.  Untrusted text goes through log_text(),
 * which escapes and cuts it.  Never log argument values or tokens.
 * Logging is not auditing (executor/audit).
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdint.h>

#include "common/bytes.h"

enum log_level {
	LOG_LEVEL_ERR = 3, /* syslog(3) priorities */
	LOG_LEVEL_WARN = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

enum {
	LOG_MAX_TEXT = 160 /* bytes of an escaped value, with the NUL */
};

struct log_text {
	char s[LOG_MAX_TEXT];
};

void log_set_name(const char *name); /* static string: "executor"; first */
void log_set_level(enum log_level max); /* default LOG_LEVEL_INFO */
/*
 * Every line goes through it before it is written, `len` bytes of a text of
 * which size bytes are room: secrets can be taken out.  Returns how many are
 * left.  NULL: lines are written as they are.
 */
void log_set_filter(size_t (*fn)(char *line, size_t len, size_t size));
void log_err(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_warn(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_notice(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_info(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Of another process, whose lines we read: its name instead of ours. */
void log_as(const char *name, enum log_level level, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* Printable ASCII of b, other bytes as \xNN, cut with "..." at the maximum. */
struct log_text log_text(struct bytes b);

/* Our own invariant is broken: log and abort.  Never reached by input. */
_Noreturn void fatal(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
