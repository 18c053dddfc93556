/* SPDX-License-Identifier: MIT */
/* reload_preview: what a reload would change.  mcp-execctl. */
#ifndef EXECUTOR_CTL_RELOAD_PREVIEW_H
#define EXECUTOR_CTL_RELOAD_PREVIEW_H

#include "executor/ctl/ctl.h"

/* Check the files, ask the mcp-execd that runs, and print what differs. */
int reload_preview(struct ctl *c);

#endif
