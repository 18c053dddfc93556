/* SPDX-License-Identifier: MIT */
/* modules: which struct is in use.  Launcher and guard. */
#include "executor/launcher/modules.h"

#include <stddef.h>

static struct {
	struct modules first, *now;
} self = { .first = { .own_proc = -1, .looked_up = -1, .table = -1 } };

struct modules *
modules(void)
{
	return self.now == NULL ? &self.first : self.now;
}

void
modules_use(struct modules *m)
{
	m->own_proc = m->looked_up = m->table = -1;
	if (self.now != m) /* the page stays as it is, for a run */
		self.now = m;
}
