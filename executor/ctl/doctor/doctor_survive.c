/* SPDX-License-Identifier: MIT */
/* doctor_survive: the place for jobs that go on is there, or it is not. */
#include "executor/ctl/doctor/doctor_survive.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "executor/launcher/holdmsg.h"

/* The first that asks for it, of those whose jobs may have it or may not. */
static const struct policy *
who_asks(const struct policy_table *t, bool may)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->p[i]->jobs.survive &&
		    recorder_may_move(t->p[i]->output) == may)
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

static void
say_place(struct report *r, const struct policy *p)
{
	const struct conf *c = &r->ctl->conf;

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

void
doctor_survive(struct report *r)
{
	const struct policy *p = who_asks(&r->ctl->policies, true);

	if (p != NULL)
		say_place(r, p);
	p = who_asks(&r->ctl->policies, false);
	if (p != NULL) /* see may_survive() */
		report_say(r, REPORT_WARN, "survive",
		    "set its audit.output to \"all\" or \"off\", or remove jobs.survive",
		    "jobs of policy %s end with mcp-execd, although its jobs.survive is true: the tail of their output is recorded (audit.output), which is in memory",
		    p->name);
}
