/* SPDX-License-Identifier: MIT */
/*
 * plannames: which plan a name means now.  Launcher.
 *
 * A name is of the text that root wrote, a policy's file and those of its
 * tools, and of the layers that are made from it, so that executor and loader
 * come to the same one (executor/run/plansend).  The plan also has the places
 * that the text names, as the loader found them, and may be another one after
 * each load.  What a load brings counts once it is committed.
 */
#ifndef EXECUTOR_PLANNAMES_H
#define EXECUTOR_PLANNAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/digest.h"

struct planstore_plan;

/* This load says that it is that plan.  false: there are too many names. */
bool plannames_stage(
    const uint8_t name[DIGEST_BYTES], struct planstore_plan *p);
/* What was staged counts from now on. */
void plannames_commit(void);
/* What was staged is forgotten. */
void plannames_begin(void);
/* NULL: none. */
struct planstore_plan *plannames_find(const uint8_t name[DIGEST_BYTES]);
/* It goes, and its names with it. */
void plannames_forget(const struct planstore_plan *p);

#endif
