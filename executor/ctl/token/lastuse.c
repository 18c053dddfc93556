/* SPDX-License-Identifier: MIT */
/* lastuse: the newest record of each token's use. */
#include "executor/ctl/token/lastuse.h"

#include <stdlib.h>
#include <string.h>

#include "executor/audit/logline.h"
#include "executor/ctl/audit/auditlog.h"

/* What a client did; others name a token too, such as a file's removal. */
static const char *const uses[] = { "run-intent", "run-refused",
	"session-begin", "job-input", "job-stop", "job-join", "recording-read",
	"recording-refused" };

struct reading {
	struct lastuse *u;
	const struct token_table *t;
	uint64_t back_to; /* when the oldest token without a use was created */
};

static bool
is_use(const struct logline *l)
{
	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
		if (logline_is(l, uses[i]))
			return true;
	return false;
}

/* Records before that are of no interest. */
static uint64_t
find_oldest(const struct reading *r)
{
	uint64_t oldest = UINT64_MAX;

	for (size_t i = 0; i < r->t->count; i++)
		if (r->u->used[i] == 0 && r->t->t[i]->created < oldest)
			oldest = r->t->t[i]->created;
	return oldest;
}

/* Newest first: the first use that is seen is the last one. */
static void
take_use(struct reading *r, const struct logline *l, uint64_t when)
{
	struct bytes name = logline_get(l, "token.name");

	for (size_t i = 0; i < r->t->count; i++) {
		if (!bytes_eq_str(name, r->t->t[i]->name))
			continue;
		if (r->u->used[i] == 0 && when >= r->t->t[i]->created) {
			r->u->used[i] = when;
			r->back_to = find_oldest(r);
		}
		return;
	}
}

static int
read_uses(struct reading *r, struct auditlog *log, struct err *e)
{
	struct logline l;
	struct bytes line;
	int rc = 0;

	while (r->back_to != UINT64_MAX &&
	       (rc = auditlog_next(log, &line, e)) == 1) {
		if (!logline_parse(line, &l)) {
			r->u->damaged++;
			continue;
		}
		r->u->first = logline_wall_us(&l) / 1000000;
		if (r->u->first < r->back_to)
			return 0;
		if (is_use(&l))
			take_use(r, &l, r->u->first);
	}
	return rc < 0 ? rc : 0;
}

int
lastuse_read(struct lastuse *u, const struct token_table *t, const char *path,
    struct err *e)
{
	struct reading r = { u, t, 0 };
	struct auditlog *log;
	int rc;

	memset(u, 0, sizeof(*u));
	if (t->count == 0)
		return 0;
	u->used = err_alloc(t->count, sizeof(*u->used), e);
	if (u->used == NULL)
		return e->code;
	log = auditlog_open(path, AUDITLOG_NEWEST, "", e);
	if (log == NULL)
		return e->code;
	r.back_to = find_oldest(&r);
	rc = read_uses(&r, log, e);
	auditlog_close(log);
	return rc;
}

void
lastuse_fini(struct lastuse *u)
{
	free(u->used);
	u->used = NULL;
}
