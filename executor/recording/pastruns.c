/* SPDX-License-Identifier: MIT */
/* pastruns: from files to entries.  Executor; files may be damaged. */
#include "executor/recording/pastruns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/plural.h"
#include "common/sort.h"
#include "executor/recording/jobfile.h"

enum { COMPLAINTS = 5 /* lines in the log; the rest is counted */ };

/* An entry whose output is looked for next. */
struct found {
	struct ledger_entry *entry;
	uint64_t output; /* bytes there were at its end */
};

/* Of one reading. */
struct reading {
	struct spools *spools;
	struct found *found;
	size_t found_count;
	struct spooldir_list list;
	const uint8_t (*verifier)[DIGEST_BYTES];
	uint8_t (*owner)[DIGEST_BYTES]; /* of each */
	size_t count;
	size_t unusable, foreign;
};

static void
remove_files(const struct reading *r, const char *id)
{
	struct spooldir *d = spool_store_dir(r->spools);

	spooldir_remove(d, id, SPOOLDIR_JOB);
	spooldir_remove(d, id, SPOOLDIR_OUTPUT);
}

static void
free_entry(struct ledger_entry *x)
{
	buf_fini(&x->denials);
	buf_fini(&x->view);
	free(x);
}

static void
tell_loss(
    struct reading *r, const char *id, const char *what, const struct err *e)
{
	if (r->unusable++ < COMPLAINTS)
		log_warn("jobs: %s of run %s is kept no longer: %s", what, id,
		    e->what);
}

/* NULL: there is no such token any more. */
static const uint8_t *
find_verifier(const struct reading *r, const uint8_t owner[DIGEST_BYTES])
{
	for (size_t i = 0; i < r->count; i++)
		if (memcmp(r->owner[i], owner, DIGEST_BYTES) == 0)
			return r->verifier[i];
	return NULL;
}

/* jobs.survive alone does not tell its caller why it is gone. */
static const char *const mortal[] = {
	[LEDGER_MORTAL_UNSAID] = "",
	[LEDGER_MORTAL_TAIL] =
	    " (jobs.survive does not hold for it: the tail of its output was recorded, which is in memory, see audit.output)",
	[LEDGER_MORTAL_TERMINAL] =
	    " (jobs.survive does not hold for it: its terminal was recorded, see audit.output)",
};

/* Says what it is at its end, if that did not come. */
static void
mark_open(struct ledger_entry *x, const struct jobfile_rest *rest)
{
	x->open = true;
	(void)snprintf(x->message, sizeof(x->message),
	    "the %s was restarted while it ran, which ended it%s; its output up to then is kept%s",
	    rest->rebooted ? "machine" : "server",
	    rest->rebooted ? "" : mortal[x->mortal],
	    x->key.given && x->key.window_ms == 0
		? ". It was not run again: see what it did, then use a new idempotency_key to run it again"
		: "");
}

/* Where its output cannot be used, how it ended is told anyway. */
static bool
add_output(struct reading *r, const struct found *f)
{
	struct ledger_entry *x = f->entry;
	bool has_file = spooldir_lists(&r->list, SPOOLDIR_OUTPUT, x->id);
	struct err e = { 0 };

	x->spool =
	    spool_load(r->spools, x->id, x->verifier, has_file, f->output, &e);
	if (x->spool == NULL && has_file) {
		tell_loss(r, x->id, "the output", &e);
		spooldir_remove(
		    spool_store_dir(r->spools), x->id, SPOOLDIR_OUTPUT);
		x->spool = spool_load(
		    r->spools, x->id, x->verifier, false, f->output, &e);
	}
	if (x->spool != NULL)
		spool_charge(x->spool, jobfile_bytes());
	if (x->spool != NULL && x->over)
		spool_close(x->spool); /* it may make room for the next */
	return x->spool != NULL;
}

/* false: it cannot be read, or its token is gone. */
static bool
read_entry(struct reading *r, const char *id, struct found *out, struct err *e)
{
	struct ledger_entry *x = err_alloc(1, sizeof(*x), e);
	struct jobfile_rest rest;
	const uint8_t *verifier;

	if (x == NULL)
		return false;
	*out = (struct found){ .entry = x };
	if (jobfile_read(spool_store_dir(r->spools), id, x, &rest, e) != 0)
		return false;
	verifier = find_verifier(r, rest.owner);
	if (verifier == NULL) {
		r->foreign++;
		return false;
	}
	memcpy(x->verifier, verifier, DIGEST_BYTES);
	out->output = rest.output;
	if (!x->over)
		mark_open(x, &rest);
	return true;
}

static void
take_entry(struct reading *r, const char *id)
{
	struct found *f = &r->found[r->found_count];
	struct err e = { 0 };

	*f = (struct found){ 0 };
	if (r->found_count == PASTRUNS_MAX)
		(void)err_set(
		    &e, ERR_BUSY, "there are more than %d", PASTRUNS_MAX);
	else if (read_entry(r, id, f, &e)) {
		r->found_count++;
		return;
	}
	if (e.code != 0)
		tell_loss(r, id, "all", &e);
	if (f->entry != NULL)
		free_entry(f->entry);
	remove_files(r, id);
}

static int
by_age(const void *a, const void *b)
{
	const struct ledger_entry *x = ((const struct found *)a)->entry;
	const struct ledger_entry *y = ((const struct found *)b)->entry;

	return x->begin_us < y->begin_us ? -1 : x->begin_us > y->begin_us;
}

/* A run that was cut off before it was a job: nobody knows its id. */
static void
remove_orphans(const struct reading *r)
{
	const struct spooldir_list *list = &r->list;
	struct spooldir *d = spool_store_dir(r->spools);

	for (size_t i = 0; i < list->count[SPOOLDIR_OUTPUT]; i++)
		if (!spooldir_lists(
			list, SPOOLDIR_JOB, list->id[SPOOLDIR_OUTPUT][i]))
			spooldir_remove(
			    d, list->id[SPOOLDIR_OUTPUT][i], SPOOLDIR_OUTPUT);
}

static void
sum_up(const struct reading *r)
{
	if (r->unusable > COMPLAINTS)
		log_warn("jobs: kept no longer: %zu more run%s",
		    r->unusable - COMPLAINTS,
		    plural_s(r->unusable - COMPLAINTS));
	if (r->foreign > 0)
		log_notice(
		    "jobs: kept no longer: %zu run%s of tokens that are no more",
		    r->foreign, plural_s(r->foreign));
}

static void
read_all(struct reading *r, struct pastruns *out)
{
	for (size_t i = 0; i < r->list.count[SPOOLDIR_JOB]; i++)
		take_entry(r, r->list.id[SPOOLDIR_JOB][i]);
	if (r->found_count > 0)
		sort_items(
		    r->found, r->found_count, sizeof(r->found[0]), by_age);
	for (size_t i = 0; i < r->found_count; i++) {
		if (add_output(r, &r->found[i]))
			out->entry[out->count++] = r->found[i].entry;
		else
			free_entry(r->found[i].entry);
	}
	remove_orphans(r);
	sum_up(r);
}

static int
make_tables(struct reading *r, struct pastruns *out, struct err *e)
{
	r->owner = err_alloc(r->count + 1, sizeof(*r->owner), e);
	r->found = err_alloc(PASTRUNS_MAX + 1, sizeof(*r->found), e);
	out->entry = err_alloc(PASTRUNS_MAX, sizeof(*out->entry), e);
	if (r->owner == NULL || r->found == NULL || out->entry == NULL)
		return e->code;
	for (size_t i = 0; i < r->count; i++)
		recordings_owner(r->verifier[i], r->owner[i]);
	return 0;
}

int
pastruns_read(struct spools *all, const uint8_t (*verifier)[DIGEST_BYTES],
    size_t count, struct pastruns *out, struct err *e)
{
	struct reading r = {
		.spools = all, .verifier = verifier, .count = count
	};
	int rc;

	memset(out, 0, sizeof(*out));
	/* now and not with the first job, where there may be one */
	rc = spooldir_list(spool_store_dir(all), count > 0, &r.list, e);
	if (rc == 0)
		rc = make_tables(&r, out, e);
	if (rc == 0)
		read_all(&r, out);
	else
		pastruns_fini(out);
	free(r.owner);
	free(r.found);
	spooldir_list_fini(&r.list);
	return rc;
}

void
pastruns_fini(struct pastruns *p)
{
	free(p->entry);
	memset(p, 0, sizeof(*p));
}
