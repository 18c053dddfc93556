/* SPDX-License-Identifier: MIT */
/* fetch: reading for a token's holder.  Executor; asked by the frontend. */
#include "executor/channel/fetch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/log_limit.h"
#include "executor/recording/asciicast_read.h"
#include "executor/channel/describe.h"

enum {
	SLICE = 64 << 10, /* bytes of a file that are read at once */
	TEXT_MAX = 256 << 10, /* bytes of a policy or a list */
	PATIENCE_MS = 30000, /* for a frontend that gives no credit */
	READS_A_MINUTE = 600, /* that are recorded */
	PLACES = 16 /* remembered, so that reading goes on quickly */
};

_Static_assert(SLICE >= ASCIICAST_MAX_LINE + 1, "a slice holds a line");

struct fetch {
	uint64_t id; /* 0: free */
	uint8_t verifier[DIGEST_BYTES];
	uint32_t credit; /* bytes that may be sent */
	uint32_t left; /* bytes that are wanted still */
	struct buf ready; /* to be sent */
	/* of output */
	int fd; /* -1: all is in ready */
	char run[ASCIICAST_ID];
	unsigned stream;
	uint64_t offset; /* next byte of the stream that is wanted */
	uint64_t file_at, at[ASCIICAST_STREAMS]; /* read so far */
	uint64_t first_byte; /* of the stream, that is there */
	uint64_t sent_from;
	struct asciicast_read reader;
	struct msg_fetched end; /* how it ends if nothing happens */
	uint64_t since_ms; /* of the last thing sent */
	struct fetches *all;
};

/* Where in a recording a line begins, and what was before it. */
struct place {
	char run[ASCIICAST_ID];
	uint64_t file_at, at[ASCIICAST_STREAMS];
};

struct fetches {
	struct loop *loop;
	struct audit *audit;
	struct recordings *recordings;
	const struct fetch_ops *ops;
	void *arg;
	struct loop_timer step, patience;
	struct log_limit reads;
	size_t turn; /* whose slice is next */
	size_t next_place;
	struct place place[PLACES];
	struct fetch fetch[FETCH_MAX];
};

/* --- the end -------------------------------------------------------------- */

static void
release_fetch(struct fetch *f)
{
	cleanup_fd(&f->fd);
	buf_fini(&f->ready);
	asciicast_read_fini(&f->reader);
	memset(f, 0, sizeof(*f));
	f->fd = -1;
}

static void
finish_fetch(struct fetch *f)
{
	struct fetches *all = f->all;
	struct msg_fetched end = f->end;

	end.fetch = f->id;
	release_fetch(f);
	all->ops->fetched(all->arg, &end);
}

static void
refuse_fetch(struct fetch *f, enum proto_fetched state, const char *why)
{
	f->end = (struct msg_fetched){ .state = (uint8_t)state,
		.message = bytes_of(why) };
	finish_fetch(f);
}

/* --- output ------------------------------------------------------------------ */

/* Bytes of a stream, from their place in it: those that are wanted. */
static void
on_output(void *arg, uint64_t at_us, unsigned stream, struct bytes data)
{
	struct fetch *f = arg;
	uint64_t begin = f->at[stream - 1], skip;

	(void)at_us;
	f->at[stream - 1] += data.len;
	if (stream != f->stream || begin + data.len <= f->offset)
		return;
	skip = begin < f->offset ? f->offset - begin : 0;
	data = bytes_make(data.p + skip, data.len - (size_t)skip);
	if (data.len > f->left) {
		data.len = f->left;
		f->end.more = 1;
	}
	buf_put_bytes(&f->ready, data);
	f->left -= (uint32_t)data.len;
	f->offset += data.len;
}

static void
on_head(void *arg, const struct asciicast_head *h)
{
	struct fetch *f = arg;

	memcpy(f->at, h->skipped, sizeof(f->at));
	f->first_byte = h->skipped[f->stream - 1];
	if (f->offset < f->first_byte)
		f->offset = f->first_byte;
	f->sent_from = f->offset;
}

static void
remember_fetch(struct fetch *f)
{
	struct place *p = NULL;
	size_t i;

	/* only between events, and not behind what may be asked for next */
	if (f->file_at == 0 || f->reader.has_exact || f->reader.stream != 1 ||
	    f->at[f->stream - 1] > f->offset)
		return;
	for (i = 0; i < PLACES; i++)
		if (strcmp(f->all->place[i].run, f->run) == 0)
			p = &f->all->place[i];
	if (p == NULL)
		p = &f->all->place[f->all->next_place++ % PLACES];
	memcpy(p->run, f->run, sizeof(p->run));
	p->file_at = f->file_at;
	memcpy(p->at, f->at, sizeof(p->at));
}

/* Go on where an earlier fetch of this run was, if that is not too far. */
static void
resume_fetch(struct fetch *f)
{
	const struct place *p;
	size_t i;

	for (i = 0; i < PLACES; i++) {
		p = &f->all->place[i];
		if (strcmp(p->run, f->run) != 0 ||
		    p->at[f->stream - 1] > f->offset)
			continue;
		f->file_at = p->file_at;
		memcpy(f->at, p->at, sizeof(f->at));
		f->reader.has_head = true;
		f->sent_from = f->offset;
		return;
	}
}

/*
 * Read the next whole lines of the file; false: there are no more, or
 * enough.  What a crash, or a run that goes on, left of a line is not read.
 */
static bool
read_slice(struct fetch *f)
{
	static uint8_t part[SLICE];
	const uint8_t *nl;
	struct err e;
	size_t lines;
	ssize_t n;

	remember_fetch(f);
	n = pread(f->fd, part, sizeof(part), (off_t)f->file_at);
	nl = n > 0 ? memrchr(part, '\n', (size_t)n) : NULL;
	if (nl == NULL)
		return false;
	lines = (size_t)(nl - part) + 1;
	if (asciicast_read_feed(&f->reader, bytes_make(part, lines), &e) != 0) {
		log_err("fetch: run=%s: %s", f->run, e.what);
		f->end.state = PROTO_NOT_KEPT;
		f->end.message = BYTES_LIT(
		    "its recording is damaged; tell the administrator of this server");
		return false;
	}
	f->file_at += lines;
	return f->left > 0;
}

/* --- sending ------------------------------------------------------------------ */

static void
send_ready(struct fetch *f)
{
	struct fetches *all = f->all;
	size_t n;

	while (f->ready.len > 0 && f->credit > 0) {
		n = f->ready.len;
		if (n > PROTO_MAX_DATA)
			n = PROTO_MAX_DATA;
		if (n > f->credit)
			n = f->credit;
		all->ops->part(all->arg, f->id, bytes_make(f->ready.p, n));
		buf_consume(&f->ready, n);
		f->credit -= (uint32_t)n;
		f->since_ms = clock_mono_ms();
	}
}

static void
close_file(struct fetch *f)
{
	cleanup_fd(&f->fd);
	f->fd = -1;
	f->end.from = f->sent_from;
	/* a whole line may have ended just where enough was read */
	if (f->left == 0 && (f->end.total > f->offset || f->end.total == 0))
		f->end.more = 1;
}

/* One slice of one fetch, or what waits of it. */
static bool
step_one(struct fetch *f)
{
	bool worked = false;

	if (f->fd >= 0 && f->ready.len == 0 && f->credit > 0) {
		worked = true;
		if (!read_slice(f))
			close_file(f);
	}
	send_ready(f);
	if (f->fd == -1 && f->ready.len == 0)
		finish_fetch(f);
	return worked;
}

static bool
can_go_on(const struct fetch *f)
{
	return f->id != 0 && f->credit > 0;
}

/* One slice a turn, so that runs go on between them. */
static void
on_step(void *arg)
{
	struct fetches *all = arg;
	bool again = false;
	size_t i;

	for (i = 0; i < FETCH_MAX; i++) {
		struct fetch *f = &all->fetch[all->turn++ % FETCH_MAX];

		if (can_go_on(f) && step_one(f))
			break;
	}
	for (i = 0; i < FETCH_MAX; i++)
		again |= can_go_on(&all->fetch[i]);
	if (again)
		loop_timer_set(all->loop, &all->step, 0);
}

static void
on_patience(void *arg)
{
	struct fetches *all = arg;
	uint64_t now = clock_mono_ms();
	bool any = false;
	size_t i;

	for (i = 0; i < FETCH_MAX; i++) {
		struct fetch *f = &all->fetch[i];

		if (f->id != 0 && now - f->since_ms >= PATIENCE_MS)
			refuse_fetch(f, PROTO_DENIED, "nobody took it in");
		any |= f->id != 0;
	}
	if (any)
		loop_timer_set(all->loop, &all->patience, PATIENCE_MS);
}

static void
go_on(struct fetches *all)
{
	if (all->step.at_ms == 0)
		loop_timer_set(all->loop, &all->step, 0);
	if (all->patience.at_ms == 0)
		loop_timer_set(all->loop, &all->patience, PATIENCE_MS);
}

/* --- what is asked ------------------------------------------------------------- */

/* "RUN STDOUT STDERR": bytes that can be read, "?" if that is unknown. */
static void
put_id(struct fetch *f, const struct recordings_run *r)
{
	int s;

	buf_put_str(&f->ready, r->id);
	for (s = 0; s < ASCIICAST_STREAMS; s++)
		if (r->file->held[s] == UINT64_MAX)
			buf_put_str(&f->ready, " ?");
		else
			buf_printf(&f->ready, " %llu",
			    (unsigned long long)r->file->held[s]);
	buf_put_u8(&f->ready, '\n');
}

static void
put_runs(struct fetch *f, const struct msg_fetch *m, const struct token *t)
{
	bool ids = m->what == PROTO_FETCH_IDS;
	uint8_t owner[DIGEST_BYTES];
	const struct recordings_run *r;
	uint32_t n = 0;

	recordings_owner(t->verifier, owner);
	for (r = recordings_before(f->all->recordings, NULL, owner); r != NULL;
	     r = recordings_before(f->all->recordings, r, owner)) {
		if (m->run.len > 0 &&
		    (m->run.len >= ASCIICAST_ID ||
			memcmp(r->id, m->run.p, m->run.len) != 0))
			continue;
		if (ids && !r->kept)
			continue;
		if (n == m->length || n == FETCH_RUNS) {
			f->end.more = 1;
			break;
		}
		n++;
		if (ids)
			put_id(f, r);
		else
			describe_run(r, &f->ready);
	}
	f->end.total = n;
}

static void
record_read(struct fetches *all, const struct msg_fetch *m,
    const struct token *t, const struct recordings_run *r)
{
	uint32_t dropped = 0;
	struct buf *b;

	if (!log_limit_allows(&all->reads, &dropped))
		return;
	b = audit_begin(all->audit, "recording-read");
	if (dropped > 0)
		audit_put_i64(b, "event.suppressed", dropped);
	audit_put_own(b, "run.id", r->id);
	audit_put_own(b, "token.name", t->name);
	audit_put_own(b, "policy.name", t->policy->name);
	audit_put(b, "source.ip", m->peer);
	audit_put_own(
	    b, "recording.stream", m->stream == 1 ? "stdout" : "stderr");
	audit_put_i64(b, "recording.offset", (int64_t)m->offset);
	audit_put_i64(b, "recording.length", m->length);
	audit_end(all->audit, false);
}

static void
open_output(struct fetch *f, const struct msg_fetch *m, const struct token *t)
{
	static const struct asciicast_read_ops ops = { on_head, on_output,
		NULL };
	uint8_t owner[DIGEST_BYTES];
	const struct recordings_run *r;
	struct err e;

	recordings_owner(t->verifier, owner);
	r = recordings_find(f->all->recordings, m->run, owner);
	if (r == NULL) {
		refuse_fetch(
		    f, PROTO_ABSENT, "there is no such run of this token");
		return;
	}
	f->fd = recordings_read(f->all->recordings, r, &e);
	if (f->fd < 0) {
		refuse_fetch(f, PROTO_NOT_KEPT,
		    t->policy->output == RECORDER_OFF
			? "its output is not kept: the policy does not ask for it (key audit.output)"
			: "its output is not kept any more, or was not then");
		return;
	}
	record_read(f->all, m, t, r);
	memcpy(f->run, r->id, sizeof(f->run));
	f->stream = m->stream;
	f->offset = m->offset;
	f->left = m->length;
	if (r->over && r->end.state != PROTO_LOST)
		f->end.total = r->end.total[m->stream - 1];
	asciicast_read_init(&f->reader, &ops, f);
	resume_fetch(f);
}

static void
put_policy(struct fetch *f, const struct msg_fetch *m, const struct token *t)
{
	(void)m;
	describe_policy(t, &f->ready);
	f->end.total = f->ready.len;
}

static const struct {
	enum proto_fetch what;
	void (*begin)(
	    struct fetch *f, const struct msg_fetch *m, const struct token *t);
} kinds[] = {
	{ PROTO_FETCH_POLICY, put_policy },
	{ PROTO_FETCH_RUNS, put_runs },
	{ PROTO_FETCH_IDS, put_runs },
	{ PROTO_FETCH_OUTPUT, open_output },
};

static int
check_fetch(const struct msg_fetch *m, struct err *e)
{
	bool output = m->what == PROTO_FETCH_OUTPUT;

	if (m->what > PROTO_FETCH_OUTPUT || m->length > PROTO_MAX_FETCH ||
	    m->window > PROTO_MAX_FETCH || m->offset > INT64_MAX)
		return err_set(e, ERR_PROTO, "FETCH beyond reason");
	if (output ? m->stream != 1 && m->stream != 2 : m->stream != 0)
		return err_set(e, ERR_PROTO, "FETCH of no stream");
	return 0;
}

static struct fetch *
free_entry(struct fetches *all)
{
	size_t i;

	for (i = 0; i < FETCH_MAX; i++)
		if (all->fetch[i].id == 0)
			return &all->fetch[i];
	return NULL;
}

int
fetches_begin(struct fetches *all, const struct msg_fetch *m,
    const struct token *t, const char *why, struct err *e)
{
	struct msg_fetched no = { .fetch = m->fetch, .state = PROTO_DENIED };
	struct fetch *f = free_entry(all);

	if (check_fetch(m, e) != 0)
		return e->code;
	if (t == NULL || f == NULL) {
		no.message = bytes_of(
		    t == NULL
			? why
			: "too much is read at the same time; try again in a moment");
		all->ops->fetched(all->arg, &no);
		return 0;
	}
	*f = (struct fetch){ .id = m->fetch,
		.all = all,
		.fd = -1,
		.credit = m->window,
		.since_ms = clock_mono_ms() };
	memcpy(f->verifier, t->verifier, sizeof(f->verifier));
	buf_init(&f->ready, TEXT_MAX);
	kinds[m->what].begin(f, m, t);
	go_on(all);
	return 0;
}

/* --- the outside ---------------------------------------------------------------- */

static struct fetch *
find_fetch(struct fetches *all, uint64_t id)
{
	size_t i;

	for (i = 0; id != 0 && i < FETCH_MAX; i++)
		if (all->fetch[i].id == id)
			return &all->fetch[i];
	return NULL;
}

bool
fetches_credit(struct fetches *all, uint64_t id, uint32_t bytes)
{
	struct fetch *f = find_fetch(all, id);

	if (f == NULL)
		return true;
	if (bytes > PROTO_MAX_FETCH || f->credit > PROTO_MAX_FETCH - bytes)
		return false;
	f->credit += bytes;
	f->since_ms = clock_mono_ms();
	go_on(all);
	return true;
}

void
fetches_stop(struct fetches *all, uint64_t id)
{
	struct fetch *f = find_fetch(all, id);

	if (f != NULL)
		refuse_fetch(f, PROTO_DENIED, "stopped");
}

void
fetches_stop_revoked(struct fetches *all, const struct token_table *t)
{
	size_t i;

	for (i = 0; i < FETCH_MAX; i++)
		if (all->fetch[i].id != 0 &&
		    token_find_verifier(t, all->fetch[i].verifier) == NULL)
			refuse_fetch(&all->fetch[i], PROTO_DENIED,
			    "the token was revoked");
}

void
fetches_forget(struct fetches *all)
{
	size_t i;

	for (i = 0; i < FETCH_MAX; i++)
		if (all->fetch[i].id != 0)
			release_fetch(&all->fetch[i]);
	loop_timer_cancel(all->loop, &all->step);
	loop_timer_cancel(all->loop, &all->patience);
}

struct fetches *
fetches_new(struct loop *l, struct audit *a, struct recordings *k,
    const struct fetch_ops *ops, void *arg, struct err *e)
{
	struct fetches *all = err_alloc(1, sizeof(*all), e);

	if (all == NULL)
		return NULL;
	all->loop = l;
	all->audit = a;
	all->recordings = k;
	all->ops = ops;
	all->arg = arg;
	all->reads =
	    (struct log_limit){ .burst = READS_A_MINUTE, .period_ms = 60000 };
	all->step = (struct loop_timer){ .handler = on_step, .arg = all };
	all->patience =
	    (struct loop_timer){ .handler = on_patience, .arg = all };
	return all;
}

void
fetches_free(struct fetches *all)
{
	if (all == NULL)
		return;
	fetches_forget(all);
	free(all);
}
