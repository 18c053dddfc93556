/* SPDX-License-Identifier: MIT */
/* posture: what confines a run, appended in words.  mcp-execctl. */
#ifndef EXECUTOR_CTL_POSTURE_H
#define EXECUTOR_CTL_POSTURE_H

#include "executor/run/request.h"

/* In one line: identity, directory, network, layers in force and missing. */
void posture_line(struct buf *b, const struct plan *p);
/* "landlock (ABI 7)", ...: the layers that are in force, or "none". */
void posture_layers(struct buf *b, const struct policy *p);
/* The others, each with the reason; nothing if there is none. */
void posture_missing(struct buf *b, const struct policy *p);

#endif
