/* SPDX-License-Identifier: MIT */
/*
 * decimal: a number as text and back, where snprintf(3) and strtoul(3) may
 * not be called.
 *
 * Async-signal-safe: between fork and execve, and in what looks into other
 * processes for a run's guard.
 */
#ifndef COMMON_DECIMAL_H
#define COMMON_DECIMAL_H

#include <stdint.h>
#include <sys/types.h>

enum { DECIMAL_MAX = 21 }; /* bytes that it writes at most, with the NUL */

/* Write n and a NUL at p, which has room for them; returns the NUL's place. */
char *decimal_put(char *p, uint64_t n);
/* The digits at *text, none: 0; *text is moved past them. */
uint64_t decimal_take(const char **text);
/* A process id, as proc(5) names it; 0: the text is another one. */
pid_t decimal_pid(const char *text);

#endif
