/* SPDX-License-Identifier: MIT */
/*
 * ownpaths: what this configuration keeps from every run, wherever it is.
 *
 * Executor and mcp-execctl.  The configuration, its directories of policies,
 * tokens and tools, certificate and keys, the log and its state, recordings
 * and the sockets that we listen on are hidden where a policy's view would
 * show them; our programs cannot be changed where it would let them be
 * written (executor/confine/places).
 */
#ifndef EXECUTOR_OWNPATHS_H
#define EXECUTOR_OWNPATHS_H

#include "executor/conf/conf.h"

enum ownpath_how {
	OWNPATH_HIDE,
	OWNPATH_KEEP /* may be read */
};

struct ownpath {
	enum ownpath_how how;
	bool replaced; /* by rename(2), as a log that is rotated */
	char path[PATH_MAX];
	/*
	 * Of a file in a directory that is closed to others that directory,
	 * to be hidden as a whole; empty: none.
	 */
	char directory[PATH_MAX];
};

/* Those of c from now on; before policies are loaded. */
void ownpaths_set(const struct conf *c);
/* The i-th, from 0; NULL after the last. */
const struct ownpath *ownpaths_get(size_t i);

#endif
