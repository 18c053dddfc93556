/* SPDX-License-Identifier: MIT */
/*
 * edited: files that an editor was started with.
 *
 * One that is given its commands (vim -es, ex -s) ends without a word where it
 * cannot write its file; so each file is a hint of its own, and told where the
 * policy lets nobody write it.  Executor; the words are untrusted.
 */
#ifndef EXECUTOR_EDITED_H
#define EXECUTOR_EDITED_H

#include "executor/launcher/execlog.h"
#include "executor/run/hints.h"

/* Each that a program was started with is a hint, HINT_EDITED. */
void edited_look(const struct image *i, struct hints *h);

#endif
