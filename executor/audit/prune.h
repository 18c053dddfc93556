/* SPDX-License-Identifier: MIT */
/*
 * prune: remove the oldest of the files that mcp-execd rotated.  Executor;
 * never a file that somebody else named.
 */
#ifndef EXECUTOR_PRUNE_H
#define EXECUTOR_PRUNE_H

#include "executor/audit/logfile.h"

struct prune {
	struct logfile_list files;
	size_t from, count; /* these of them go */
};

/* Which files are more than `keep`?  false: none; else prune_fini it. */
bool prune_find(const char *path, uint32_t keep, struct prune *out);
void prune_put(const struct prune *p, struct buf *record);
void prune_remove(const struct prune *p);
void prune_fini(struct prune *p);

#endif
