/* SPDX-License-Identifier: MIT */
/*
 * shelltest: paths that a command line asks its shell about, test -e PATH.
 *
 * The shell answers by itself, without a program and without a word: a path
 * that the policy does not show seems not to exist on the machine.  So the
 * line is read for such tests, after the run and for an explanation only.
 * Of variables those are seen that the line itself sets, each time to a path
 * as it stands: f=/a; for f in /a /b.  Nothing else is expanded.
 */
#ifndef EXECUTOR_SHELLTEST_H
#define EXECUTOR_SHELLTEST_H

#include "executor/run/hints.h"

/* Each is a hint, HINT_ASKED. */
void shelltest_look(struct bytes line, struct hints *h);

#endif
