/* SPDX-License-Identifier: MIT */
/* tools: what setup has in common with enabling a pack; mcp-execctl. */
#ifndef EXECUTOR_CTL_SETUP_TOOLS_H
#define EXECUTOR_CTL_SETUP_TOOLS_H

#include "executor/ctl/ctl.h"

/* Reload where mcp-execd runs, or say that it does not. */
int tools_reload(struct ctl *c);

#endif
