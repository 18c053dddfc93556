/* SPDX-License-Identifier: MIT */
/* ownchild: a list of process ids.  Executor. */
#include "executor/power/ownchild.h"

#include <string.h>

#include "common/log.h"

static struct {
	pid_t pid[OWNCHILD_MOST];
	size_t count;
} self;

void
ownchild_add(pid_t pid)
{
	if (self.count < OWNCHILD_MOST)
		self.pid[self.count++] = pid;
	else
		log_err(
		    "children: %d is one too many and may be ended as a stray",
		    (int)pid);
}

void
ownchild_remove(pid_t pid)
{
	for (size_t i = self.count; i > 0; i--)
		if (self.pid[i - 1] == pid)
			self.pid[i - 1] = self.pid[--self.count];
}

size_t
ownchild_list(pid_t out[OWNCHILD_MOST])
{
	memcpy(out, self.pid, self.count * sizeof(out[0]));
	return self.count;
}
