/* SPDX-License-Identifier: MIT */
/* runstate: the state of a run.  Executor. */
#include "executor/run/runstate.h"

/* A place that is free may be all 0. */
bool
job_minds(const struct job *j, enum event ev)
{
	const struct step *s;

	if (j->state == FREE)
		return false;
	s = &j->jobs->life[j->state][ev];
	return s->act != NULL || s->next != FREE;
}

void
job_event(struct job *j, enum event ev)
{
	const struct step *s;

	if (!job_minds(j, ev))
		return;
	s = &j->jobs->life[j->state][ev];
	j->state = s->next;
	if (s->act != NULL)
		s->act(j);
}

bool
job_is_active(const struct job *j)
{
	return j->state != FREE && j->state != LEAVING;
}

bool
job_is_running(const struct job *j)
{
	return j->state >= RUNNING && j->state <= KILLING;
}

bool
job_is_decided(const struct job *j)
{
	return j->verdict != PROTO_EXITED;
}
