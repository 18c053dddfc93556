/* SPDX-License-Identifier: MIT */
/* doctor_survive: the place for jobs that go on is there, or it is not. */
#include "executor/ctl/doctor/doctor_survive.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "executor/launcher/holdmsg.h"

static const struct policy *
who_lasts(const struct policy_table *t)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->p[i]->jobs.survive)
			return t->p[i];
	return NULL;
}

/* The executor makes it, and removes it where jobs end with it. */
static bool
has_place(const struct conf *c)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s" HOLDMSG_PLACE, c->control) <
		   (int)sizeof(path) &&
	       access(path, F_OK) == 0;
}

void
doctor_survive(struct report *r)
{
	const struct conf *c = &r->ctl->conf;
	const struct policy *p = who_lasts(&r->ctl->policies);

	if (p == NULL)
		return;
	if (c->survive_grace_ms > 0 && has_place(c))
		report_say(r, REPORT_OK, "survive", NULL,
		    "jobs of policy %s go on for the next mcp-execd, for %u ms without one",
		    p->name, c->survive_grace_ms);
	else
		report_say(r, REPORT_WARN, "survive",
		    c->survive_grace_ms == 0
			? "set survive_grace_ms, and restart mcp-execd"
			: "add examples/systemd/survive.conf to the unit (systemd 254 or later), and restart mcp-execd; its journal says more",
		    "jobs of policy %s end with mcp-execd, although its jobs.survive is true",
		    p->name);
}
