/* SPDX-License-Identifier: MIT */
/* tools: what "setup" and "tools enable" share.  mcp-execctl. */
#ifndef EXECUTOR_CTL_SETUP_TOOLS_H
#define EXECUTOR_CTL_SETUP_TOOLS_H

#include "executor/ctl/ctl.h"

/* Reload a running mcp-execd, or say that none runs; the exit status. */
int tools_reload(struct ctl *c);

#endif
