/* SPDX-License-Identifier: MIT */
/* survivors: who outlived the executor before.  Executor, at start and end. */
#include "executor/service/survivors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/plural.h"
#include "executor/confine/cgroup.h"
#include "executor/run/adopt.h"

struct survivor {
	char id[ASCIICAST_ID];
	char why[ERR_MAX_WHAT + 64]; /* it is lost; "": it is not */
};

enum { HAND_OVER_MS = 60000 /* a stop after that is one for good */ };

static struct {
	bool crowded; /* jobs would keep the next executor from starting */
	uint64_t handed_until_ms; /* monotonic; 0: nothing is handed over */
	struct adopt found;
	struct programs_held keep;
	struct survivor *run; /* owned: of each, for later questions */
	size_t count;
} self;

/*
 * systemd starts a unit's next process in the unit's group, where jobs in
 * groups below do not let it in (EBUSY).  Rather no jobs than no service.
 */
static bool
keeps_next_out(void)
{
	return getenv("NOTIFY_SOCKET") != NULL && !cgroup_has_room();
}

/* Next to the control socket, whose directory nobody else writes. */
static bool
make_place(const struct conf *c)
{
	struct stat st;
	int n;

	if (c->control[0] != '/' || c->survive_grace_ms == 0)
		return false;
	n = snprintf(self.keep.dir, sizeof(self.keep.dir), "%s" HOLDMSG_PLACE,
	    c->control);
	if (keeps_next_out()) {
		self.crowded = true;
		(void)rmdir(self.keep.dir); /* what doctor looks for */
		return false;
	}
	if (n >= (int)sizeof(self.keep.dir) ||
	    (mkdir(self.keep.dir, 0700) == -1 && errno != EEXIST)) {
		log_err("survivors: %s: %m; jobs end with this process",
		    self.keep.dir);
		return false;
	}
	if (lstat(self.keep.dir, &st) == 0 && S_ISDIR(st.st_mode) &&
	    st.st_uid == geteuid() && (st.st_mode & 077) == 0)
		return true;
	log_err(
	    "survivors: %s is not a directory for this user alone; jobs end with this process",
	    self.keep.dir);
	return false;
}

static void
list_found(void)
{
	size_t i;

	self.run = calloc(self.found.count, sizeof(*self.run));
	if (self.run == NULL)
		return;
	self.count = self.found.count;
	for (i = 0; i < self.count; i++)
		memcpy(self.run[i].id, held_fixed(self.found.run[i].held)->id,
		    sizeof(self.run[i].id));
}

void
survivors_find(const struct conf *c)
{
	if (!make_place(c)) {
		self.keep.dir[0] = '\0';
		return;
	}
	adopt_find(&self.found, self.keep.dir, c->launcher_path);
	list_found();
	memcpy(self.keep.launcher, self.found.launcher,
	    sizeof(self.keep.launcher));
	self.keep.count = self.found.launchers;
}

const struct programs_held *
survivors_keep(void)
{
	return &self.keep;
}

static const char crowded_why[] =
    "jobs with jobs.survive end with this process: it began in the control group that has those of runs, where systemd could not start the next one; examples/systemd/survive.conf, for systemd 254 or later, changes that";

/* Once, to an administrator who has asked for it. */
static void
tell_if_crowded(const struct store *s)
{
	for (size_t i = 0; self.crowded && i < s->policies.count; i++)
		if (s->policies.p[i]->jobs.survive) {
			log_warn("survivors: %s", crowded_why);
			return;
		}
}

static struct survivor *
find_survivor(const char *id)
{
	for (size_t i = 0; i < self.count; i++)
		if (strcmp(self.run[i].id, id) == 0)
			return &self.run[i];
	return NULL;
}

bool
survivors_has(const char *id)
{
	return find_survivor(id) != NULL;
}

const char *
survivors_lost(const char *id)
{
	const struct survivor *s = find_survivor(id);

	return s != NULL && s->why[0] != '\0' ? s->why : NULL;
}

static bool
is_open(const struct runset *open, const char *id)
{
	for (size_t i = 0; i < open->count; i++)
		if (strcmp(open->run[i].id, id) == 0)
			return true;
	return false;
}

static int
adopt_one(
    struct jobs *j, const struct store *s, struct adopt_run *r, struct err *e)
{
	const struct held_fixed *f = held_fixed(r->held);
	struct policy *p = policy_find(&s->policies, bytes_of(f->policy));
	const struct policy *of = p;

	if (f->from[0] != '\0')
		of = policy_find(&s->policies, bytes_of(f->from));
	if (p == NULL || of == NULL)
		return err_set(e, ERR_BAD,
		    "its policy %s is not there any more",
		    p == NULL ? f->policy : f->from);
	if (!of->jobs.survive)
		return err_set(e, ERR_BAD,
		    "policy %s does not let jobs survive a restart any more",
		    of->name);
	return jobs_adopt(j, r, p, &of->jobs, e);
}

/* What is not taken over has nobody else who would end and remove it. */
static void
end_group(const char *id)
{
	struct cgroup_usage unused;

	cgroup_end(id, &unused);
	cgroup_remove(id);
}

void
survivors_adopt(
    struct jobs *j, const struct store *s, const struct runset *open)
{
	struct err e = { 0 };
	size_t i, taken = 0;

	tell_if_crowded(s);
	for (i = 0; i < self.count; i++) {
		struct survivor *v = &self.run[i];

		if (!is_open(open, v->id)) {
			/* only its end was not told to the launcher */
			end_group(v->id);
			continue;
		}
		if (adopt_one(j, s, &self.found.run[i], &e) == 0) {
			taken++;
			continue;
		}
		(void)snprintf(v->why, sizeof(v->why),
		    "executor ended, and the run was ended: %s", e.what);
		end_group(v->id);
		log_err("survivors: run=%s is ended: %s", v->id, e.what);
	}
	adopt_rest(&self.found);
	jobs_cancel_revoked(j, &s->tokens);
	if (taken > 0)
		log_notice(
		    "survivors: of the mcp-execd before, %zu job%s went on",
		    taken, plural_s(taken));
}

int
survivors_hand_over(struct err *e)
{
	if (self.crowded)
		return err_set(e, ERR_BAD, "%s", crowded_why);
	if (self.keep.dir[0] == '\0')
		return err_set(e, ERR_BAD,
		    "no job outlives this mcp-execd: survive_grace_ms is 0, or the journal says why since its start");
	self.handed_until_ms = clock_mono_ms() + HAND_OVER_MS;
	return 0;
}

bool
survivors_are_handed_over(void)
{
	return clock_mono_ms() < self.handed_until_ms;
}

void
survivors_stop(bool ended)
{
	if (ended)
		adopt_stop(&self.found);
	adopt_fini(&self.found);
	free(self.run);
	self.run = NULL;
	self.count = 0;
}
