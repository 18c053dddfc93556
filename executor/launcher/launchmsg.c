/* SPDX-License-Identifier: MIT */
/* launchmsg: are these two of one build?  Executor and launcher. */
#include "executor/launcher/launchmsg.h"

#include <string.h>

void
launchmsg_hello(struct launchmsg_answer *a)
{
	memset(a, 0, sizeof(*a));
	a->kind = LAUNCHMSG_HELLO;
	a->format = LAUNCHMSG_FORMAT;
	a->sizes[0] = sizeof(struct launchmsg_order);
	a->sizes[1] = sizeof(struct launchmsg_answer);
	a->sizes[2] = sizeof(struct guard_report);
	a->sizes[3] = sizeof(struct launchplan);
	memcpy(a->version, MCP_EXECD_VERSION, sizeof(MCP_EXECD_VERSION));
}
