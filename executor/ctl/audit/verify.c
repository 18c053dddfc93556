/* SPDX-License-Identifier: MIT */
/* verify: was the audit log tampered with?  mcp-execctl. */
#include "executor/ctl/audit/verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"

enum {
	STEP_US = 2000000, /* of the clock that is told */
	MAX_NOTES = 16384,
	MAX_SKIP = 1 << 30 /* keys derived for a log without its beginning */
};

/* A line that is kept while what follows it is looked at. */
struct held {
	struct buf text;
	uint64_t line; /* 0: none is held */
	bool whole, first; /* of its file */
	char file[256];
};

struct verify {
	struct verify_setup setup;
	struct seal_point point; /* before the next record */
	bool begun; /* point is in the chain */
	uint64_t last; /* sequence of the record before; 0: none */
	char last_seal[LOGLINE_SEAL + 1];
	char file[256];
	uint64_t line;
	struct digest before; /* of what stands before seal-begin */
	struct held torn; /* a line that is not a record */
	struct held bad; /* the first bad one: looking what was done */
	struct bytes bad_seal;
	uint64_t bad_sequence; /* 0: it is not a record */
	uint64_t seen; /* lines since */
	uint64_t missing; /* records before the first */
	uint64_t pruned; /* the last record that log-prune names */
	int64_t offset_us; /* wall clock minus monotonic clock */
	uint64_t wall_us;
	bool clock_known, state_seen;
	struct verify_result result;
};

const char *
verify_name(enum verify_what what)
{
	static const char *const names[] = {
		[VERIFY_FINE] = "fine",
		[VERIFY_CHANGED] = "changed",
		[VERIFY_INSERTED] = "inserted",
		[VERIFY_DELETED] = "deleted",
		[VERIFY_REORDERED] = "reordered",
		[VERIFY_CUT] = "tail cut",
		[VERIFY_MISSING] = "file missing",
		[VERIFY_OTHER] = "other chain",
		[VERIFY_STATE] = "seal state",
		[VERIFY_BROKEN] = "chain broken",
	};

	return names[what];
}

static void compare_state(struct verify *v);

struct verify *
verify_new(const struct verify_setup *s, struct err *e)
{
	struct verify *v = err_alloc(1, sizeof(*v), e);

	if (v == NULL)
		return NULL;
	v->setup = *s;
	if (s->key != NULL) {
		seal_start(&v->point, s->key);
		compare_state(v);
	}
	digest_init(&v->before);
	buf_init(&v->torn.text, LOGLINE_MAX + 1);
	buf_init(&v->bad.text, LOGLINE_MAX + 1);
	buf_init(&v->result.notes, MAX_NOTES);
	return v;
}

void
verify_free(struct verify *v)
{
	if (v == NULL)
		return;
	buf_fini(&v->torn.text);
	buf_fini(&v->bad.text);
	buf_fini(&v->result.notes);
	explicit_bzero(v, sizeof(*v));
	free(v);
}

void
verify_file(struct verify *v, const char *path)
{
	(void)snprintf(v->file, sizeof(v->file), "%s", path);
	v->line = 0;
	if (!v->begun) /* seal-begin describes its own file */
		digest_init(&v->before);
}

/* --- telling ------------------------------------------------------------- */

static void note_text(struct verify *v, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
note_text(struct verify *v, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_printf(&v->result.notes, "%s\n", text);
}

static void add_finding(struct verify *v, enum verify_what what,
    uint64_t sequence, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* Only the first finding counts. */
static void
add_finding(struct verify *v, enum verify_what what, uint64_t sequence,
    const char *fmt, ...)
{
	struct verify_result *r = &v->result;
	bool held = v->bad.line > 0;
	va_list ap;

	if (r->what != VERIFY_FINE)
		return;
	r->what = what;
	r->sequence = sequence;
	r->line = held ? v->bad.line : v->line;
	(void)snprintf(
	    r->file, sizeof(r->file), "%s", held ? v->bad.file : v->file);
	va_start(ap, fmt);
	(void)vsnprintf(r->text, sizeof(r->text), fmt, ap);
	va_end(ap);
}

static bool
is_done(const struct verify *v)
{
	return v->result.what != VERIFY_FINE;
}

bool
verify_done(const struct verify *v)
{
	return is_done(v);
}

/* The record that is expected next. */
static uint64_t
expected_sequence(const struct verify *v)
{
	return v->last + 1;
}

static unsigned long long
as_number(uint64_t n)
{
	return n;
}

/* --- what was done to the first bad line ---------------------------------- */

static void
hold_line(struct verify *v, struct held *h, struct bytes line, bool whole)
{
	buf_reset(&h->text);
	buf_put_bytes(&h->text, line);
	h->line = v->line;
	h->whole = whole;
	h->first = v->line == 1;
	(void)memcpy(h->file, v->file, sizeof(h->file));
}

/* The text of a seal at the end of a line, even one that is not a record. */
static struct bytes
tail_seal(struct bytes line)
{
	struct logline l;

	if (logline_parse(line, &l))
		return l.seal;
	if (line.len > LOGLINE_SEAL + 2)
		return bytes_make(
		    line.p + line.len - LOGLINE_SEAL - 2, LOGLINE_SEAL);
	return bytes_make(NULL, 0);
}

static void
suspect_held(struct verify *v, const struct held *h)
{
	struct logline l;

	hold_line(v, &v->bad, buf_bytes(&h->text), h->whole);
	v->bad.line = h->line;
	v->bad.first = h->first;
	(void)memcpy(v->bad.file, h->file, sizeof(v->bad.file));
	v->bad_sequence =
	    logline_parse(buf_bytes(&v->bad.text), &l) ? l.sequence : 0;
	v->bad_seal = tail_seal(buf_bytes(&v->bad.text));
	v->seen = 0;
}

/* Does l follow the bad line, if that was not there but its seal was? */
static bool
follows_bad(const struct verify *v, const struct logline *l)
{
	uint8_t seal[DIGEST_BYTES];
	struct seal_point p = v->point;
	struct err e;
	bool yes;

	if (l->sequence != expected_sequence(v) + 1 ||
	    digest_unhex(v->bad_seal, seal, sizeof(seal), &e) != 0)
		return false;
	seal_step(&p, expected_sequence(v), seal);
	yes = seal_check(&p, l->sealed, l->seal);
	explicit_bzero(&p, sizeof(p));
	return yes;
}

/* l is the record that was expected in the bad one's place. */
static void
tell_displaced(struct verify *v, const struct logline *l)
{
	struct seal_point p = v->point;
	uint8_t seal[DIGEST_BYTES];
	struct logline bad;
	bool genuine = v->bad_sequence > expected_sequence(v);

	if (v->setup.key != NULL &&
	    v->bad_sequence == expected_sequence(v) + 1 &&
	    logline_parse(buf_bytes(&v->bad.text), &bad)) {
		seal_make(&p, l->sealed, seal);
		seal_step(&p, l->sequence, seal);
		genuine = seal_check(&p, bad.sealed, bad.seal);
	}
	explicit_bzero(&p, sizeof(p));
	if (genuine)
		add_finding(v, VERIFY_REORDERED, v->bad_sequence,
		    "it is before record %llu, which comes %llu lines later",
		    as_number(l->sequence), as_number(v->seen));
	else
		add_finding(v, VERIFY_INSERTED, v->bad_sequence,
		    "%s, and record %llu comes after it",
		    v->bad_sequence == 0
			? "this line is not a record of the log"
			: "it is not part of the chain",
		    as_number(l->sequence));
}

static void
look_on(struct verify *v, struct bytes line)
{
	struct logline l;

	v->seen++;
	if (!logline_parse(line, &l))
		return;
	if (l.sequence == expected_sequence(v) &&
	    (v->setup.key != NULL
		    ? v->begun && seal_check(&v->point, l.sealed, l.seal)
		    : true))
		tell_displaced(v, &l);
	else if (v->seen == 1 && v->setup.key != NULL && v->begun &&
		 v->bad_seal.len > 0 && follows_bad(v, &l))
		add_finding(v, VERIFY_CHANGED, expected_sequence(v),
		    "its seal does not match its bytes; the record after it is in order");
}

/* Nothing that follows made it clear. */
static void
tell_bad(struct verify *v)
{
	uint64_t seq = v->bad_sequence, want = expected_sequence(v);

	if (seq == 0)
		add_finding(v, VERIFY_CHANGED, want,
		    "this line is not a record; record %llu should be here",
		    as_number(want));
	else if (seq > want && v->bad.first)
		add_finding(v, VERIFY_MISSING, want,
		    "records %llu to %llu are not there: the file before this one was removed, or its end was cut",
		    as_number(want), as_number(seq - 1));
	else if (seq > want)
		add_finding(v, VERIFY_DELETED, want,
		    "records %llu to %llu are not there", as_number(want),
		    as_number(seq - 1));
	else if (seq < want)
		add_finding(v, VERIFY_INSERTED, seq,
		    "a record with this number came earlier; record %llu should be here",
		    as_number(want));
	else if (v->setup.key == NULL)
		add_finding(
		    v, VERIFY_CHANGED, seq, "it is not a well-formed record");
	else
		add_finding(v, VERIFY_CHANGED, seq,
		    "its seal does not match its bytes%s",
		    v->bad_seal.len == 0 ? ": it has none" : "");
}

/* --- the clock --------------------------------------------------------------- */

static void
check_clock(struct verify *v, const struct logline *l)
{
	uint64_t wall = logline_wall_us(l);
	int64_t offset = (int64_t)wall - (int64_t)(l->mono_ns / 1000);
	int64_t step = offset - v->offset_us;

	/* After a restart of the machine the monotonic clock starts again. */
	if (logline_is(l, "start")) {
		if (v->wall_us > wall + STEP_US)
			note_text(v,
			    "record %llu: clock step: the start is %.1f s before the record that precedes it",
			    as_number(l->sequence),
			    (double)(v->wall_us - wall) / 1e6);
	} else if (v->clock_known && (step > STEP_US || step < -STEP_US)) {
		note_text(v, "record %llu: clock step of %+.1f s before it",
		    as_number(l->sequence), (double)step / 1e6);
	}
	v->offset_us = offset;
	v->wall_us = wall;
	v->clock_known = true;
}

/* --- the chain ---------------------------------------------------------------- */

/* The state of the seal must be a point of this very chain. */
static void
compare_state(struct verify *v)
{
	const struct seal_point *s = v->setup.state;

	if (s == NULL || v->setup.key == NULL || v->state_seen ||
	    s->index != v->point.index)
		return;
	v->state_seen = true;
	if (memcmp(s->key, v->point.key, sizeof(s->key)) != 0 ||
	    memcmp(s->last, v->point.last, sizeof(s->last)) != 0)
		add_finding(v, VERIFY_STATE, v->last,
		    "the state of the seal is not the one that the log had after this record: the state was forged, or the log's end replaced");
}

static bool
is_ours(const struct verify *v, const struct logline *l)
{
	struct bytes chain = logline_get(l, "seal.chain");
	char hex[SEAL_ID_HEX];

	digest_hex(v->point.chain, SEAL_ID_BYTES, hex);
	return chain.len == 0 || bytes_eq_str(chain, hex);
}

/* Enter a chain, the beginning of which is not here, at a record of it. */
static bool
enter_midway(struct verify *v, const struct logline *l)
{
	uint64_t index = logline_get_u64(l, "seal.index", UINT64_MAX);
	uint8_t last[DIGEST_BYTES];
	struct err e;

	if (index > MAX_SKIP || index < v->point.index ||
	    digest_unhex(logline_get(l, "log.previous.seal"), last,
		sizeof(last), &e) != 0)
		return false;
	seal_skip(&v->point, index);
	memcpy(v->point.last, last, sizeof(last));
	v->begun = true;
	compare_state(v);
	return true;
}

static void
check_before(struct verify *v, const struct logline *l)
{
	uint8_t sum[DIGEST_BYTES];
	struct digest d = v->before;
	char hex[DIGEST_HEX];

	digest_final(&d, sum);
	digest_hex(sum, sizeof(sum), hex);
	if (!bytes_eq_str(logline_get(l, "log.previous.sha256"), hex))
		add_finding(v, VERIFY_CHANGED, l->sequence - 1,
		    "what was written before sealing began, %llu bytes, is not as it was then",
		    as_number(logline_get_u64(l, "log.previous.bytes", 0)));
	else if (l->sequence > 1)
		note_text(v,
		    "record %llu: sealing began here; the records before it are as they were then, which does not prove them",
		    as_number(l->sequence));
}

/* Before the chain has been entered: is it entered here? */
static void
enter_line(struct verify *v, const struct logline *l)
{
	if (l->seal.len == 0)
		return;
	if (!is_ours(v, l)) {
		add_finding(v, VERIFY_OTHER, l->sequence,
		    "it belongs to another chain: another host's log, or the key is not this log's");
		return;
	}
	if (logline_is(l, "seal-begin")) {
		v->begun = true;
		check_before(v, l);
	} else if (!enter_midway(v, l)) {
		add_finding(v, VERIFY_MISSING, l->sequence,
		    "the records before this one are missing, so that it cannot be proven; --first with the number of a log-continue record continues from there");
	}
}

static void
accept_line(struct verify *v, const struct logline *l)
{
	struct verify_result *r = &v->result;
	uint8_t seal[DIGEST_BYTES];
	struct err e;

	if (r->records++ == 0) {
		r->begin = l->sequence;
		v->missing = l->sequence - 1;
		(void)snprintf(r->from, sizeof(r->from), "%.*s",
		    (int)l->when.len, (const char *)l->when.p);
	}
	r->end = v->last = l->sequence;
	(void)snprintf(r->to, sizeof(r->to), "%.*s", (int)l->when.len,
	    (const char *)l->when.p);
	(void)snprintf(v->last_seal, sizeof(v->last_seal), "%.*s",
	    (int)l->seal.len, (const char *)l->seal.p);
	check_clock(v, l);
	if (logline_is(l, "log-prune"))
		v->pruned = logline_get_u64(l, "log.last.sequence", 0);
	if (logline_is(l, "records-lost"))
		note_text(v,
		    "record %llu: records that the executor could not write: %llu",
		    as_number(l->sequence),
		    as_number(logline_get_u64(l, "records", 0)));
	if (!v->begun || digest_unhex(l->seal, seal, sizeof(seal), &e) != 0)
		return;
	r->sealed++;
	seal_step(&v->point, l->sequence, seal);
	compare_state(v);
}

/* Is it the record that must come now, as far as can be said? */
static bool
is_expected(struct verify *v, const struct logline *l, struct bytes line)
{
	struct json_doc *doc;
	struct err e;

	if (v->last > 0 && l->sequence != expected_sequence(v))
		return false;
	if (v->setup.key != NULL)
		return v->begun ? seal_check(&v->point, l->sealed, l->seal)
				: v->result.sealed == 0;
	if (json_parse(line, JSON_STRICT, &doc, &e) != 0)
		return false;
	json_free(doc);
	return !logline_is(l, "log-continue") || v->last_seal[0] == '\0' ||
	       bytes_eq_str(logline_get(l, "log.previous.seal"), v->last_seal);
}

/* Did the executor report the line that is held as torn by a crash? */
static bool
explains_gap(const struct verify *v, const struct logline *l, struct bytes line)
{
	struct bytes torn = buf_bytes(&v->torn.text);
	uint8_t sum[DIGEST_BYTES];
	char hex[DIGEST_HEX];

	/* Taken back in vain, and written again as a whole. */
	if (torn.len > 0 && torn.len < line.len &&
	    memcmp(torn.p, line.p, torn.len) == 0)
		return true;
	digest_sha256(torn, sum);
	digest_hex(sum, sizeof(sum), hex);
	return bytes_eq_str(logline_get(l, "log.torn_sha256"), hex);
}

static void
suspect_line(struct verify *v, struct bytes line, bool whole)
{
	struct held h = { .line = 0 };

	buf_init(&h.text, LOGLINE_MAX + 1);
	hold_line(v, &h, line, whole);
	suspect_held(v, &h);
	buf_fini(&h.text);
}

static void
check_record(struct verify *v, const struct logline *l, struct bytes line)
{
	bool good;

	if (v->setup.key != NULL && !v->begun)
		enter_line(v, l);
	if (is_done(v))
		return;
	good = is_expected(v, l, line);
	if (v->torn.line > 0 && good && explains_gap(v, l, line)) {
		note_text(v, "%s:%llu: a crash tore this line, as the log says",
		    v->torn.file, as_number(v->torn.line));
		v->torn.line = 0;
	}
	if (v->torn.line > 0) {
		suspect_held(v, &v->torn);
		v->torn.line = 0;
		look_on(v, line);
	} else if (!good && v->begun && !is_ours(v, l)) {
		add_finding(v, VERIFY_OTHER, l->sequence,
		    "it belongs to another chain: another host's log, or made with another first key");
	} else if (!good) {
		suspect_line(v, line, true);
	} else if (logline_is(l, "seal-broken") &&
		   l->sequence != v->setup.first) {
		add_finding(v, VERIFY_BROKEN, l->sequence,
		    "the executor found at its start that the log did not match its seal: see the record's event.reason");
	} else {
		accept_line(v, l);
	}
}

void
verify_line(struct verify *v, struct bytes line, bool whole)
{
	struct logline l;

	v->line++;
	if (is_done(v))
		return;
	if (v->bad.line > 0) {
		look_on(v, line);
		return;
	}
	if (whole && logline_parse(line, &l)) {
		if (l.sequence < v->setup.first)
			v->torn.line = 0;
		else
			check_record(v, &l, line);
	} else if (v->torn.line > 0) {
		suspect_held(v, &v->torn);
		look_on(v, line);
	} else {
		hold_line(v, &v->torn, line, whole);
	}
	if (!v->begun) {
		digest_update(&v->before, line);
		digest_update(&v->before, BYTES_LIT("\n"));
	}
}

/* --- the end -------------------------------------------------------------------- */

/* A last line without newline, as a crash in the midst of a write leaves it. */
static bool
is_plausible(const struct verify *v)
{
	struct bytes torn = buf_bytes(&v->torn.text);
	char head[64];
	size_t n;

	(void)snprintf(head, sizeof(head), "{\"v\":1,\"event.sequence\":%llu,",
	    as_number(expected_sequence(v)));
	n = strlen(head) < torn.len ? strlen(head) : torn.len;
	return !v->torn.whole && memcmp(torn.p, head, n) == 0;
}

static void
end_torn(struct verify *v)
{
	if (v->torn.line == 0)
		return;
	if (is_plausible(v)) {
		note_text(v,
		    "%s:%llu: the last line is not whole: it is being written, or a crash tore it",
		    v->torn.file, as_number(v->torn.line));
		return;
	}
	suspect_held(v, &v->torn);
	tell_bad(v);
}

static void
check_end(struct verify *v)
{
	const struct seal_point *s = v->setup.state;

	v->bad.line = 0;
	v->line = v->result.end > 0 ? v->line : 0;
	if (s != NULL && s->index > 0 && v->last < s->sequence)
		add_finding(v, VERIFY_CUT, v->last + 1,
		    "the log ends with record %llu, and %llu is the last that was sealed",
		    as_number(v->last), as_number(s->sequence));
	if (v->setup.expect > v->last)
		add_finding(v, VERIFY_CUT, v->last + 1,
		    "the log ends with record %llu, and there must be %llu",
		    as_number(v->last), as_number(v->setup.expect));
	if (s != NULL && v->setup.key != NULL && !v->state_seen &&
	    (s->index > 0 || v->begun))
		add_finding(v, VERIFY_STATE, v->last,
		    "the seal's state does not belong to this chain");
	if (v->setup.key != NULL && !v->begun && v->result.records > 0)
		add_finding(v, VERIFY_OTHER, v->last,
		    "no record of the chain of this key is in the log: nothing is proven");
}

/* Whatever else: the beginning must be there, or be excused. */
static void
check_begin(struct verify *v)
{
	uint64_t allowed = v->setup.first > 0 ? v->setup.first - 1 : 0;

	if (v->setup.pruned && v->pruned > allowed)
		allowed = v->pruned;
	if (v->missing <= allowed || v->result.what == VERIFY_OTHER)
		return;
	if (is_done(v)) {
		note_text(v, "records 1 to %llu are missing too",
		    as_number(v->missing));
		return;
	}
	v->line = 0;
	add_finding(v, VERIFY_MISSING, 1, "records 1 to %llu are not there%s",
	    as_number(v->missing),
	    v->pruned >= v->missing
		? ", which a sealed log-prune record accounts for: --pruned accepts that"
		: "");
}

const struct verify_result *
verify_end(struct verify *v)
{
	if (!is_done(v) && v->bad.line > 0)
		tell_bad(v);
	if (!is_done(v))
		end_torn(v);
	if (!is_done(v))
		check_end(v);
	check_begin(v);
	return &v->result;
}
