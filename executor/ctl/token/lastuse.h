/* SPDX-License-Identifier: MIT */
/*
 * lastuse: when each token was last used, as the audit log tells.  mcp-execctl.
 *
 * A use is a session, a call, whether it ran or was refused, or a read of what
 * a run left.  What was before a token was created is another one's of its name.
 */
#ifndef EXECUTOR_LASTUSE_H
#define EXECUTOR_LASTUSE_H

#include "executor/ctl/ctl.h"

struct lastuse {
	uint64_t *used; /* seconds, of each token; 0: no use was found; owned */
	uint64_t
	    first; /* the log's first record, as far as it was read; 0: none */
	uint64_t damaged; /* lines that are not records */
};

/* The log is read from its end, as far as is needed. */
int lastuse_read(struct lastuse *u, const struct token_table *t,
    const char *log, struct err *e) MUST_CHECK;
void lastuse_fini(struct lastuse *u);

#endif
