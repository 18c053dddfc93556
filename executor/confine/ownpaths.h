/* SPDX-License-Identifier: MIT */
/*
 * ownpaths: what this configuration keeps from every run, wherever it is.
 *
 * Executor and mcp-execctl.  The log and its state, the control socket, the
 * directories of policies and tokens, recordings and the key of TLS: hidden
 * where a policy's view would show them.  The usual places are hidden anyway
 * (executor/confine/confine_load.c).
 */
#ifndef EXECUTOR_OWNPATHS_H
#define EXECUTOR_OWNPATHS_H

#include "executor/conf/conf.h"

/* Those of c from now on; before policies are loaded. */
void ownpaths_set(const struct conf *c);
/*
 * The i-th, from 0; NULL behind the last.  Of a file in a directory that is
 * closed to others it is that directory, as log and state are replaced by
 * rename(2), which takes a mount off a file.
 */
const char *ownpaths_get(size_t i);

#endif
