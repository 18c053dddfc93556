/* SPDX-License-Identifier: MIT */
/* auditsum: the audit log added up.  mcp-execctl. */
#include "executor/ctl/audit/auditsum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/sort.h"
#include "executor/ctl/audit/auditlog.h"

enum {
	MAX_PENDING = 4096,
	KEPT_EXECS = 200,
	KEPT_DENIALS = 16,
	KEPT_TEXT = 24 << 10,
	KEPT_VALUE = 400,
	MINUTE_US = 60000000
};

int
auditsum_init(struct auditsum *s, size_t recent, struct err *e)
{
	memset(s, 0, sizeof(*s));
	s->limits = (struct auditrun_limits){ 0, 0, KEPT_TEXT, KEPT_VALUE };
	if (recent > 0) {
		s->limits.execs = KEPT_EXECS;
		s->limits.denials = KEPT_DENIALS;
	}
	s->recent_max = recent < AUDITSUM_RECENT ? recent : AUDITSUM_RECENT;
	s->recent = calloc(s->recent_max + 1, sizeof(struct auditrun *));
	s->pending = auditrun_map_new(MAX_PENDING);
	s->slot_us = MINUTE_US;
	if (s->recent != NULL && s->pending != NULL)
		return 0;
	auditsum_fini(s);
	return err_memory(e);
}

void
auditsum_fini(struct auditsum *s)
{
	size_t i;

	for (i = 0; i < AUDITSUM_TOP; i++) {
		auditrun_drop(s->longest[i]);
		auditrun_drop(s->noisiest[i]);
	}
	for (i = 0; s->recent != NULL && i < s->recent_max; i++)
		auditrun_drop(s->recent[i]);
	free(s->recent);
	auditrun_map_free(s->pending);
	s->recent = NULL;
	s->pending = NULL;
}

/* --- tables ------------------------------------------------------------ */

static struct auditsum_row *
row_of(struct auditsum *s, enum auditsum_by by, struct bytes name)
{
	struct auditsum_table *t = &s->table[by];
	struct auditsum_row *r;
	size_t i;

	if (name.len >= AUDITRUN_NAME)
		name.len = AUDITRUN_NAME - 1;
	for (i = 0; i < t->count; i++)
		if (bytes_eq_str(name, t->row[i].name))
			return &t->row[i];
	r = &t->row[t->count];
	if (t->count == AUDITSUM_NAMES) {
		(void)snprintf(r->name, sizeof(r->name), "(all others)");
		return r;
	}
	t->count++;
	if (name.len > 0)
		memcpy(r->name, name.p, name.len);
	if (name.len == 0)
		(void)snprintf(r->name, sizeof(r->name), "(none)");
	return r;
}

static void
add_run(struct auditsum_row *row, const struct auditrun *r)
{
	row->count++;
	row->failed += r->good ? 0 : 1;
	row->denials += r->denials;
	row->bytes += r->out_bytes + r->err_bytes;
	row->duration_ns += r->duration_ns;
}

static int
more_first(const void *a, const void *b)
{
	const struct auditsum_row *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void
sort_tables(struct auditsum *s)
{
	struct auditsum_table *t;

	for (t = s->table; t < s->table + AUDITSUM_TABLES; t++) {
		sort_items(t->row, t->count, sizeof(t->row[0]), more_first);
		if (t->row[AUDITSUM_NAMES].count > 0)
			t->count = AUDITSUM_NAMES + 1;
	}
}

/* --- single runs ------------------------------------------------------- */

static uint64_t
duration_of(const struct auditrun *r)
{
	return r->duration_ns;
}

static uint64_t
noise_of(const struct auditrun *r)
{
	return r->out_bytes + r->err_bytes;
}

static void
rank_run(struct auditrun *top[AUDITSUM_TOP], struct auditrun *r,
    uint64_t (*value)(const struct auditrun *))
{
	size_t at = AUDITSUM_TOP;

	while (at > 0 && (top[at - 1] == NULL || value(top[at - 1]) < value(r)))
		at--;
	if (at == AUDITSUM_TOP || value(r) == 0)
		return;
	auditrun_drop(top[AUDITSUM_TOP - 1]);
	memmove(top + at + 1, top + at,
	    (AUDITSUM_TOP - 1 - at) * sizeof(struct auditrun *));
	top[at] = auditrun_hold(r);
}

static void
keep_recent(struct auditsum *s, struct auditrun *r)
{
	if (s->recent_max == 0)
		return;
	auditrun_drop(s->recent[s->recent_at]);
	s->recent[s->recent_at] = auditrun_hold(r);
	s->recent_at = (s->recent_at + 1) % s->recent_max;
	if (s->recent_count < s->recent_max)
		s->recent_count++;
}

struct auditrun *
auditsum_recent(const struct auditsum *s, size_t i)
{
	if (i >= s->recent_count)
		return NULL;
	return s
	    ->recent[(s->recent_at + s->recent_max - 1 - i) % s->recent_max];
}

/* --- over time --------------------------------------------------------- */

/* Twice as long each, half as many. */
static void
widen_range(struct auditsum *s)
{
	size_t i;

	for (i = 0; i < AUDITSUM_SLOTS / 2; i++) {
		s->slot[i].runs = s->slot[2 * i].runs + s->slot[2 * i + 1].runs;
		s->slot[i].failed =
		    s->slot[2 * i].failed + s->slot[2 * i + 1].failed;
	}
	memset(s->slot + i, 0, (AUDITSUM_SLOTS - i) * sizeof(s->slot[0]));
	s->slot_us *= 2;
}

static void
count_time(struct auditsum *s, const struct auditrun *r)
{
	uint64_t when = auditrec_when(bytes_of(r->when)), n;

	if (when == 0)
		return;
	if (s->slot_first_us == 0)
		s->slot_first_us = when - when % MINUTE_US;
	when = when > s->slot_first_us ? when - s->slot_first_us : 0;
	while (when / s->slot_us >= AUDITSUM_SLOTS)
		widen_range(s);
	n = when / s->slot_us;
	s->slot[n].runs++;
	s->slot[n].failed += r->good ? 0 : 1;
}

/* --- records ----------------------------------------------------------- */

static void
finish_run(struct auditsum *s, struct auditrun *r)
{
	s->runs++;
	s->failed += r->good ? 0 : 1;
	s->denials += r->denials;
	s->bytes += r->out_bytes + r->err_bytes;
	add_run(row_of(s, AUDITSUM_TOKEN, bytes_of(r->token)), r);
	add_run(row_of(s, AUDITSUM_POLICY, bytes_of(r->policy)), r);
	add_run(row_of(s, AUDITSUM_RESULT, bytes_of(r->result)), r);
	rank_run(s->longest, r, duration_of);
	rank_run(s->noisiest, r, noise_of);
	keep_recent(s, r);
	count_time(s, r);
}

static void
add_of_run(struct auditsum *s, const struct logline *l)
{
	struct bytes id = logline_get(l, "run.id");
	struct auditrun *r = auditrun_map_get(s->pending, id);

	/* Others name runs that have ended, or none: recording-read, control. */
	if (r == NULL && !auditrun_is_part(l))
		return;
	if (r == NULL) {
		r = auditrun_new(id, &s->limits);
		if (r == NULL) {
			s->lacks = true;
			return;
		}
		s->lacks |= !auditrun_map_put(s->pending, r);
	}
	auditrun_add(r, &s->limits, l);
	s->lacks |= r->text.overflow;
	if (logline_is(l, "run-denial"))
		row_of(s, AUDITSUM_DENIED, logline_get(l, "denial.syscall"))
		    ->count++;
	if (!logline_is(l, "run-result"))
		return;
	r = auditrun_map_take(s->pending, id);
	if (r == NULL)
		return;
	if (r->when[0] == '\0') /* its intent is before the time looked at */
		(void)snprintf(r->when, sizeof(r->when), "%.*s",
		    (int)l->when.len, (const char *)l->when.p);
	finish_run(s, r);
	auditrun_drop(r);
}

static void
note_time(struct auditsum *s, const struct logline *l)
{
	char *out = s->first[0] == '\0' ? s->first : s->last;

	(void)snprintf(out, CLOCK_MAX_TEXT, "%.*s", (int)l->when.len,
	    (const char *)l->when.p);
}

static void
add_line(struct auditsum *s, struct bytes line)
{
	struct logline l;
	struct auditsum_row *row;

	if (!logline_parse(line, &l)) {
		s->damaged++;
		return;
	}
	if (!auditrec_fits(&s->q, &l))
		return;
	s->records++;
	note_time(s, &l);
	row = row_of(s, AUDITSUM_EVENT, l.action);
	row->count++;
	if (bytes_eq_str(logline_get(&l, "event.outcome"), "failure"))
		row->failed++;
	if (logline_is(&l, "run-refused")) {
		s->refused++;
	} else if (logline_is(&l, "auth-failure")) {
		uint64_t n = logline_get_u64(&l, "event.count", 1);

		s->unauthenticated += n;
		row_of(s, AUDITSUM_SOURCE, logline_get(&l, "source.ip"))
		    ->count += n;
	} else if (logline_get(&l, "run.id").len > 0) {
		add_of_run(s, &l);
	}
}

int
auditsum_read(struct auditsum *s, const char *path, struct err *e)
{
	struct auditlog *log;
	struct bytes line;
	int rc;

	log = auditlog_open(path, AUDITLOG_OLDEST, s->q.since, e);
	if (log == NULL)
		return e->code;
	while ((rc = auditlog_next(log, &line, e)) == 1)
		add_line(s, line);
	auditlog_close(log);
	while (auditrun_map_at(s->pending, (size_t)s->open) != NULL)
		s->open++;
	sort_tables(s);
	return rc == 0 && s->lacks ? err_memory(e) : rc;
}
