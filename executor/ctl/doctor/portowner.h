/* SPDX-License-Identifier: MIT */
/*
 * portowner: which process listens on a TCP port, from proc_net(5) and the
 * descriptors of processes.  mcp-execctl.
 */
#ifndef EXECUTOR_CTL_PORTOWNER_H
#define EXECUTOR_CTL_PORTOWNER_H

#include "executor/conf/conf.h"

enum { PORTOWNER_TEXT = 96 /* bytes, with the NUL */ };

/*
 * "nginx, process 123"; "" if it cannot be told: other users' processes are
 * shown to root alone.
 */
void portowner_find(const struct conf_listener *l, char out[PORTOWNER_TEXT]);

#endif
