/* SPDX-License-Identifier: MIT */
/* audit: append-only JSON lines with group commit.  Executor only. */
#include "executor/audit/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/digest.h"
#include "common/json.h"
#include "common/log.h"
#include "executor/audit/redact.h"
#include "executor/audit/reserve.h"
#include "executor/audit/resume.h"

_Static_assert((int)AUDIT_MAX_VALUE == (int)REDACT_KEPT, "one bound");

enum { ROTATE_AGAIN_MS = 60000, LOCK_WAIT_MS = 2000 };

/* Records that the next flush puts in front of all that waits. */
enum lead {
	LEAD_BEGIN = 1, /* seal-begin: the chain's first record */
	LEAD_BROKEN = 2, /* seal-broken: the log is not as the state says */
	LEAD_CONTINUE = 4, /* log-continue: the first of a file */
	LEAD_TORN = 8 /* log-torn: what a crash left of a line */
};

struct audit {
	char path[PATH_MAX];
	struct audit_setup setup; /* its texts are not kept */
	int fd;
	off_t size; /* of the log, as we left it */
	uint64_t born_us; /* when the file was begun */
	uint64_t retry_ms; /* monotonic: no rotation before, one failed */
	uint64_t seq; /* of the last record in `out` or written */
	struct seal *seal; /* NULL: nothing is sealed */
	struct resume resumed;
	struct runset open_runs; /* as written */
	unsigned leads;
	const char *moved; /* why the file is another, for log-continue */
	struct logfile_torn remains; /* for log-torn */
	struct buf scratch; /* the record being built */
	struct buf pending; /* records that wait, without number */
	struct buf out; /* whole lines, being written */
	bool open; /* between begin and end */
	bool must_sync; /* a record that waits asks for a sync */
	bool durable; /* a line in `out` does */
	bool unsynced; /* written but not yet synced */
	bool stale; /* the state of the seal is behind the log */
	bool torn; /* the log ends inside a line */
	bool rotate_asked; /* by the administrator */
	uint64_t lost; /* records that did not fit while it failed */
	size_t last; /* bytes of the record before */
	struct log_budget *log_budget;
	struct reserve reserve;
	bool reserve_owed; /* a record of what happened to it */
};

/* --- records ------------------------------------------------------------ */

/* The rules for the record that is being built: there is one at a time. */
static struct {
	struct redact *redact;
} self;

struct buf *
audit_begin(struct audit *a, const char *action)
{
	char when[CLOCK_MAX_TEXT];
	struct buf *b = &a->scratch;

	if (a->open)
		fatal("audit: a record is begun inside another");
	a->open = true;
	self.redact = a->setup.redact;
	buf_reset(b);
	clock_format(clock_wall_us(), when);
	buf_put_u8(b, '{');
	json_put_member(b, "@timestamp", bytes_of(when));
	json_put_member_i64(b, "monotonic_ns", (int64_t)clock_mono_ns());
	json_put_member(b, "event.action", bytes_of(action));
	return b;
}

/*
 * All text of a record comes through here and so through the rules, except for
 * what audit_put_own() is told.
 */
void
audit_put(struct buf *b, const char *key, struct bytes value)
{
	redact_put(self.redact, b, key, value, false);
}

void
audit_put_array(struct buf *b, const char *key, const char *text, size_t size)
{
	struct bytes value = bytes_make(text, strnlen(text, size));

	redact_put(self.redact, b, key, value, value.len + 1 >= size);
}

void
audit_put_words(struct buf *b, const char *key, struct bytes words, bool cut)
{
	redact_put_words(self.redact, b, key, words, cut);
}

void
audit_put_reason(struct buf *b, const char *why)
{
	struct bytes text = bytes_of(why);
	bool cut =
	    text.len >= ERR_MAX_WHAT - 1 ||
	    (text.len > 3 && memcmp(text.p + text.len - 3, "...", 3) == 0);

	redact_put(self.redact, b, "event.reason", text, cut);
}

void
audit_put_digest(struct buf *b, const char *key, struct bytes value)
{
	redact_put_digest(self.redact, b, key, value);
}

void
audit_put_sum(struct buf *b, const char *key, const uint8_t sum[DIGEST_BYTES])
{
	redact_put_sum(self.redact, b, key, sum);
}

void
audit_put_own(struct buf *b, const char *key, const char *value)
{
	redact_put(NULL, b, key, bytes_of(value), false);
}

void
audit_put_str(struct buf *b, const char *key, const char *value)
{
	audit_put(b, key, bytes_of(value));
}

void
audit_put_i64(struct buf *b, const char *key, int64_t value)
{
	json_put_member_i64(b, key, value);
}

/* The record in scratch is whole. */
static struct bytes
finish_record(struct audit *a)
{
	if (!a->open)
		fatal("audit: a record ends that was not begun");
	a->open = false;
	buf_put_str(&a->scratch, "}\n");
	if (a->scratch.overflow)
		fatal(
		    "audit: there is no memory for a record, or it is over %d bytes",
		    AUDIT_MAX_RECORD);
	return buf_bytes(&a->scratch);
}

void
audit_end(struct audit *a, bool durable)
{
	struct bytes record = finish_record(a);

	a->last = record.len;
	if (a->pending.len + record.len > AUDIT_MAX_PENDING) {
		a->lost++;
		return;
	}
	buf_put_bytes(&a->pending, record);
	a->must_sync |= durable;
}

size_t
audit_last_bytes(const struct audit *a)
{
	return a->last;
}

bool
audit_has_room(const struct audit *a)
{
	return a->pending.len + a->out.len < AUDIT_MAX_PENDING / 2;
}

bool
audit_is_scarce(const struct audit *a)
{
	return a->reserve.given_up;
}

bool
audit_pending(const struct audit *a)
{
	return a->pending.len > 0 || a->out.len > 0;
}

/* Seal the line that begins at `from` in out and is not closed yet. */
static void
put_seal(struct audit *a, size_t from)
{
	uint8_t seal[DIGEST_BYTES];
	char hex[DIGEST_HEX];

	seal_make(seal_point(a->seal),
	    bytes_make(a->out.p + from, a->out.len - from), seal);
	seal_step(seal_point(a->seal), a->seq, seal);
	digest_hex(seal, sizeof(seal), hex);
	json_put_member(&a->out, "seal", bytes_of(hex));
	a->stale = true;
}

/* Give a record its number and seal, and put it among what is written. */
static void
number_record(struct audit *a, struct bytes record)
{
	size_t from = a->out.len;
	struct logline l;

	buf_put_u8(&a->out, '{');
	json_put_member_i64(&a->out, "v", LOGLINE_VERSION);
	json_put_key(&a->out, "event.sequence");
	buf_put_u64(&a->out, ++a->seq);
	buf_put_u8(&a->out, ',');
	buf_put(&a->out, record.p + 1, record.len - 3);
	if (a->seal != NULL && !a->out.overflow)
		put_seal(a, from);
	buf_put_str(&a->out, "}\n");
	if (a->out.overflow)
		fatal("audit: out of memory");
	if (!logline_parse(
		bytes_make(a->out.p + from, a->out.len - from - 1), &l))
		fatal("audit: a record is not of its form");
	runset_note(&a->open_runs, &l);
}

/* --- records of the log itself ------------------------------------------ */

static void
put_hex(struct buf *b, const char *key, const uint8_t *p, size_t len)
{
	char hex[DIGEST_HEX];

	digest_hex(p, len, hex);
	audit_put_own(b, key, hex);
}

/* Where the chain stands, so that reading can begin at this record. */
static void
put_chain(struct audit *a, struct buf *b)
{
	const struct seal_point *p;

	audit_put_i64(b, "log.previous.sequence", (int64_t)a->seq);
	if (a->seal == NULL)
		return;
	p = seal_point(a->seal);
	put_hex(b, "log.previous.seal", p->last, sizeof(p->last));
	put_hex(b, "seal.chain", p->chain, sizeof(p->chain));
	audit_put_i64(b, "seal.index", (int64_t)p->index);
}

static void
put_torn(struct audit *a, struct buf *b)
{
	if (a->remains.len == 0)
		return;
	audit_put_i64(b, "log.torn_bytes", (int64_t)a->remains.len);
	put_hex(b, "log.torn_sha256", a->remains.sum, DIGEST_BYTES);
	a->remains.len = 0;
}

static void
lead_continue(struct audit *a, struct buf *b)
{
	audit_put_reason(b, a->moved);
	put_chain(a, b);
	put_torn(a, b);
}

static void
lead_torn(struct audit *a, struct buf *b)
{
	put_torn(a, b);
}

static void
lead_begin(struct audit *a, struct buf *b)
{
	put_chain(a, b);
	audit_put_i64(b, "log.previous.bytes", (int64_t)a->resumed.bytes);
	put_hex(b, "log.previous.sha256", a->resumed.sum, DIGEST_BYTES);
	put_torn(a, b);
}

static void
lead_broken(struct audit *a, struct buf *b)
{
	const struct resume *r = &a->resumed;

	audit_put_own(b, "event.outcome", "failure");
	audit_put_reason(b, resume_gap_text(r->gap));
	audit_put_i64(b, "log.last.sequence", (int64_t)r->sequence);
	audit_put_str(b, "log.last.timestamp", r->when);
	put_chain(a, b);
}

static void
put_open_runs(struct audit *a)
{
	size_t from;

	for (from = 0; from < a->open_runs.count; from += RUNSET_RECORD) {
		runset_put(&a->open_runs, from, audit_begin(a, "runs-open"));
		number_record(a, finish_record(a));
	}
}

/* In their order in the file. */
static void
put_leads(struct audit *a)
{
	static const struct {
		unsigned bit;
		const char *action;
		void (*put)(struct audit *a, struct buf *b);
	} all[] = {
		{ LEAD_BEGIN, "seal-begin", lead_begin },
		{ LEAD_BROKEN, "seal-broken", lead_broken },
		{ LEAD_CONTINUE, "log-continue", lead_continue },
		{ LEAD_TORN, "log-torn", lead_torn },
	};
	unsigned leads = a->leads;
	size_t i;

	a->leads = 0;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if ((leads & all[i].bit) == 0 ||
		    (all[i].bit == LEAD_TORN && a->remains.len == 0))
			continue;
		all[i].put(a, audit_begin(a, all[i].action));
		number_record(a, finish_record(a));
		if (all[i].bit == LEAD_CONTINUE)
			put_open_runs(a);
	}
	a->durable |= leads != 0;
}

/* All that waits becomes lines. */
static void
number_pending(struct audit *a)
{
	const uint8_t *p = a->pending.p, *end = p + a->pending.len, *nl;

	if (a->leads != 0)
		put_leads(a);
	while (p < end && (nl = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		number_record(a, bytes_make(p, (size_t)(nl - p) + 1));
		p = nl + 1;
	}
	if (p != end)
		fatal("audit: a record without its end waits");
	buf_reset(&a->pending);
	a->durable |= a->must_sync;
	a->must_sync = false;
}

/* --- writing ------------------------------------------------------------ */

/* The first n bytes of the lines are in the log: hand out copies. */
static void
pass_on(struct audit *a, size_t n)
{
	if (a->setup.wrote != NULL && n > 0)
		a->setup.wrote(a->setup.arg, bytes_make(a->out.p, n));
}

/*
 * Only the first n bytes of what waits were taken.  Where even they cannot be
 * taken back (chattr +a), whole lines among them count as written.
 */
static void
take_back(struct audit *a, size_t n)
{
	const uint8_t *end;

	if (n == 0 || ftruncate(a->fd, a->size) == 0)
		return;
	log_warn("audit: cannot take back a torn write: %m");
	a->size += (off_t)n;
	end = memrchr(a->out.p, '\n', n);
	a->torn = a->out.p[n - 1] != '\n';
	if (end != NULL)
		pass_on(a, (size_t)(end + 1 - a->out.p));
	if (end != NULL)
		buf_consume(&a->out, (size_t)(end + 1 - a->out.p));
}

/* All of the lines, or ERR_SYS and no torn line is left behind. */
static int
write_out(struct audit *a, struct err *e)
{
	ssize_t n;

	if (a->torn && write(a->fd, "\n", 1) != 1)
		return err_sys(e, "audit log %s: write", a->path);
	a->size += a->torn;
	a->torn = false;
	n = write(a->fd, a->out.p, a->out.len);
	if (n == (ssize_t)a->out.len)
		return 0;
	if (n >= 0)
		errno = ENOSPC;
	(void)err_sys(e, "audit log %s: write", a->path);
	take_back(a, n > 0 ? (size_t)n : 0);
	return e->code;
}

/* The log is on disk: only now may the seal's state name its last record. */
static int
store_seal(struct audit *a, struct err *e)
{
	if (!a->stale)
		return 0;
	if (seal_store(a->seal, e) != 0)
		return e->code;
	a->stale = false;
	return 0;
}

/* Not synced: it may be gone, so it is taken back and written again. */
static int
unsynced_write(struct audit *a, struct err *e)
{
	(void)err_sys(e, "audit log %s: fdatasync", a->path);
	if (ftruncate(a->fd, a->size) == 0)
		return e->code;
	log_err("audit: cannot take back a write: %m");
	a->size += (off_t)a->out.len;
	pass_on(a, a->out.len);
	buf_reset(&a->out);
	return e->code;
}

/* The disk is full: by what was put aside for that. */
static int
write_on_reserve(struct audit *a, struct err *e)
{
	int rc = write_out(a, e);

	if (rc == 0 || (e->sysno != ENOSPC && e->sysno != EDQUOT) ||
	    !reserve_give_up(&a->reserve))
		return rc;
	log_err("audit: %s; the reserve is used up from now on: make room",
	    e->what);
	a->reserve_owed = true;
	return write_out(a, e);
}

/* Write the lines; with a durable record among them, to the disk. */
static int
commit_pending(struct audit *a, struct err *e)
{
	if (a->out.len > 0 && write_on_reserve(a, e) != 0)
		return e->code;
	a->unsynced |= a->out.len > 0;
	if (a->durable && fdatasync(a->fd) == -1)
		return unsynced_write(a, e);
	a->size += (off_t)a->out.len;
	pass_on(a, a->out.len);
	buf_reset(&a->out);
	if (a->durable)
		a->durable = a->unsynced = false;
	return a->unsynced ? 0 : store_seal(a, e);
}

/* --- other files --------------------------------------------------------- */

/* Go on in the file that is at the path now; `why` is a static string. */
static int
reopen_log(struct audit *a, const char *why, struct err *e)
{
	bool there;
	struct stat st;
	int fd;

	audit_sync(a); /* what the file before still holds */
	there = lstat(a->path, &st) == 0; /* who made it chose its mode */
	fd = logfile_open(a->path, 0, e);
	if (fd < 0)
		return e->code;
	if (!there)
		logfile_inherit(fd, a->fd);
	(void)close(a->fd);
	a->fd = fd;
	a->size = fstat(fd, &st) == 0 ? st.st_size : 0;
	logfile_torn(fd, &a->remains);
	a->torn = a->remains.len > 0;
	a->leads |= LEAD_CONTINUE;
	a->moved = why;
	a->born_us = clock_wall_us();
	return 0;
}

/* The log was moved, removed or cut under us (logrotate). */
static int
settle_tail(struct audit *a, struct err *e)
{
	struct stat st;

	if (!logfile_is(a->path, a->fd)) {
		if (reopen_log(a, "the log was moved away or removed", e) != 0)
			return e->code;
		log_notice("audit: log reopened path=%s", a->path);
	}
	if (fstat(a->fd, &st) == -1)
		return err_sys(e, "audit log %s: fstat", a->path);
	if (st.st_size < a->size) {
		log_err("audit: %s was cut from %lld to %lld bytes", a->path,
		    (long long)a->size, (long long)st.st_size);
		a->leads |= LEAD_CONTINUE;
		a->moved = "the log was cut short while it was written";
		logfile_torn(a->fd, &a->remains);
		a->torn = a->remains.len > 0;
	}
	a->size = st.st_size;
	return 0;
}

static bool
is_full(const struct audit *a)
{
	const struct audit_setup *s = &a->setup;

	if (a->rotate_asked)
		return a->size > 0;
	return (s->rotate_bytes > 0 && (uint64_t)a->size >= s->rotate_bytes) ||
	       (s->rotate_seconds > 0 && a->size > 0 &&
		   clock_wall_us() >=
		       a->born_us + s->rotate_seconds * 1000000ULL);
}

/* End this file with a record of it, name it by its last, begin the next. */
static int
rotate_log(struct audit *a, struct err *e)
{
	(void)put_chain(a, audit_begin(a, "log-rotate"));
	number_record(a, finish_record(a));
	a->durable = true;
	if (commit_pending(a, e) != 0 ||
	    logfile_retire(a->path, a->seq, e) != 0 ||
	    reopen_log(a, "rotated", e) != 0)
		return e->code;
	log_notice("audit: log rotated last=%llu", (unsigned long long)a->seq);
	number_pending(a);
	return commit_pending(a, e);
}

/* Files beyond audit.keep: said first, then removed. */
static void
prune_logs(struct audit *a)
{
	struct err e = { 0 };
	struct logfile_surplus p;

	if (a->setup.keep == 0 ||
	    !logfile_surplus_find(a->path, a->setup.keep, &p))
		return;
	logfile_surplus_put(&p, audit_begin(a, "log-prune"));
	number_record(a, finish_record(a));
	a->durable = true;
	if (commit_pending(a, &e) == 0)
		logfile_surplus_remove(&p);
	else
		log_err("audit: %s", e.what);
	logfile_surplus_fini(&p);
}

/* --- flush ---------------------------------------------------------------- */

/*
 * Note what did not fit while the log could not be written.  An intent may be
 * among it, so that this flush fails anyway.
 */
static int
note_lost(struct audit *a, struct err *e)
{
	uint64_t lost = a->lost;
	struct buf *b;

	if (lost == 0)
		return 0;
	b = audit_begin(a, "records-lost");
	audit_put_i64(b, "records", (int64_t)lost);
	audit_end(a, true);
	a->lost = 0;
	return err_set(e, ERR_BUSY, "audit log %s: %llu records were lost",
	    a->path, (unsigned long long)lost);
}

static void
rotate_if_full(struct audit *a)
{
	struct err e = { 0 };

	if (a->born_us > clock_wall_us()) /* which was set back since */
		a->born_us = clock_wall_us();
	if (!is_full(a) || clock_mono_ms() < a->retry_ms)
		return;
	if (rotate_log(a, &e) == 0) {
		a->rotate_asked = false;
		prune_logs(a);
		return;
	}
	log_err("audit: rotation: %s", e.what);
	a->retry_ms = clock_mono_ms() + ROTATE_AGAIN_MS;
}

/* Once the log can be written: what happened to its reserve. */
static void
keep_reserve(struct audit *a)
{
	struct buf *b;

	if (reserve_hold(&a->reserve)) {
		log_notice("audit: the disk has room for the reserve again");
		a->reserve_owed = true;
	}
	if (!a->reserve_owed)
		return;
	a->reserve_owed = false;
	b = audit_begin(a, "log-reserve");
	audit_put_own(
	    b, "event.outcome", a->reserve.given_up ? "failure" : "success");
	audit_put_reason(b, a->reserve.given_up
				? "the disk is full, and the reserve in use"
				: "there is room for the reserve again");
	audit_put_i64(b, "log.reserve_bytes", (int64_t)a->reserve.bytes);
	audit_end(a, true);
}

static int
prepare_log(const struct audit *a, struct err *e)
{
	return a->setup.ready != NULL ? a->setup.ready(a->setup.arg, e) : 0;
}

int
audit_flush(struct audit *a, struct err *e)
{
	keep_reserve(a);
	if (!audit_pending(a)) {
		if ((a->durable || (a->stale && !a->unsynced)) &&
		    commit_pending(a, e) != 0)
			return e->code;
		return prepare_log(a, e);
	}
	if (settle_tail(a, e) != 0)
		return e->code;
	/* Records of a failed flush keep their numbers and are written first. */
	if (a->out.len > 0 && commit_pending(a, e) != 0)
		return e->code;
	number_pending(a);
	if (commit_pending(a, e) != 0)
		return e->code;
	rotate_if_full(a);
	if (note_lost(a, e) != 0)
		return e->code;
	return prepare_log(a, e);
}

void
audit_rotate(struct audit *a)
{
	a->rotate_asked = true;
	a->retry_ms = 0;
}

bool
audit_rotates(const struct audit *a)
{
	return a->rotate_asked;
}

struct audit_status
audit_status(const struct audit *a)
{
	return (struct audit_status){ .sealed = a->seal != NULL,
		.sequence = a->seq,
		.bytes = (uint64_t)a->size,
		.lost = a->lost,
		.scarce = audit_is_scarce(a) };
}

bool
audit_unsynced(const struct audit *a)
{
	return a->unsynced || a->stale;
}

void
audit_sync(struct audit *a)
{
	struct err e = { 0 };

	if (a->unsynced && fdatasync(a->fd) == -1) {
		log_err("audit: fdatasync: %m");
		return;
	}
	a->unsynced = false;
	if (a->out.len == 0 && store_seal(a, &e) != 0)
		log_err("audit: %s", e.what);
}

/* --- life ------------------------------------------------------------------ */

/* Refuse, or say in the log, that the log is not as the seal's state says. */
static int
judge_setup(struct audit *a, const struct audit_setup *s, struct err *e)
{
	const struct resume *r = &a->resumed;

	if (r->gap == RESUME_FITS ||
	    (r->gap == RESUME_UNSEALED && s->seal == AUDIT_SEAL_OFF))
		return 0;
	if (s->seal == AUDIT_SEAL_REQUIRE)
		return err_set(e, ERR_BAD,
		    "audit log %s: %s; see mcp-execctl audit verify, then move the log's files away as evidence and begin a new chain with mcp-execctl audit seal-init --force",
		    a->path, resume_gap_text(r->gap));
	log_err("audit: %s: %s; see mcp-execctl audit verify", a->path,
	    resume_gap_text(r->gap));
	a->leads |= LEAD_BROKEN;
	return 0;
}

static int
open_seal(struct audit *a, const struct audit_setup *s, struct err *e)
{
	if (s->seal_state == NULL || s->seal == AUDIT_SEAL_OFF)
		return 0;
	if (seal_open(s->seal_state, &a->seal, e) != 0)
		return e->code;
	if (a->seal == NULL && s->seal == AUDIT_SEAL_REQUIRE)
		return err_set(e, ERR_BAD,
		    "audit.seal is \"require\" and there is no %s: " AUDIT_NO_STATE_ADVICE,
		    s->seal_state);
	return 0;
}

/* Records that the first flush writes before all others. */
static void
plan_leads(struct audit *a)
{
	const struct resume *r = &a->resumed;
	bool fresh = a->seal != NULL && seal_point(a->seal)->index == 0;

	a->remains = r->torn;
	a->torn = !r->newline && !r->empty;
	if (r->torn.len > 0)
		a->leads |= LEAD_TORN;
	if (fresh)
		a->leads |= LEAD_BEGIN;
	else if ((r->empty || r->cut) && a->seq > 0)
		a->leads |= LEAD_CONTINUE;
	a->moved = r->cut
		       ? "the program was ended as it began this file"
		       : "the log was moved away or removed while nothing ran";
}

static int
take_up(struct audit *a, const struct audit_setup *s, struct err *e)
{
	struct resume *r = &a->resumed;
	struct seal_point *p;
	struct stat st;

	if (open_seal(a, s, e) != 0)
		return e->code;
	p = a->seal != NULL ? seal_point(a->seal) : NULL;
	if (resume_read(a->path, a->fd, p, r, e) != 0 ||
	    judge_setup(a, s, e) != 0)
		return e->code;
	a->seq = r->sequence;
	if (p != NULL && p->sequence > a->seq)
		a->seq = p->sequence;
	a->size = fstat(a->fd, &st) == 0 ? st.st_size : 0;
	a->born_us = r->born_us > 0 ? r->born_us : clock_wall_us();
	a->unsynced = a->stale = p != NULL && p->index > 0;
	plan_leads(a);
	audit_sync(a); /* no older key stays in the state */
	return runset_copy(&a->open_runs, &r->open, e);
}

struct audit *
audit_new(const struct audit_setup *s, struct err *e)
{
	CLEANUP_FD int fd = logfile_open(s->path, LOCK_WAIT_MS, e);
	struct audit *a;

	if (fd < 0)
		return NULL;
	a = calloc(1, sizeof(*a));
	if (a == NULL || strlen(s->path) >= sizeof(a->path)) {
		free(a);
		(void)err_memory(e);
		return NULL;
	}
	(void)snprintf(a->path, sizeof(a->path), "%s", s->path);
	reserve_init(&a->reserve, s->path);
	audit_adjust(a, s);
	a->fd = steal_fd(&fd);
	buf_init(&a->scratch, AUDIT_MAX_RECORD);
	buf_init(&a->pending, AUDIT_MAX_PENDING);
	buf_init(&a->out, AUDIT_MAX_OUT);
	if (take_up(a, s, e) == 0)
		return a;
	a->stale = a->unsynced = false; /* as it was */
	audit_close(a);
	return NULL;
}

struct audit *
audit_open(const char *path, struct err *e)
{
	struct audit_setup s = { .path = path };

	return audit_new(&s, e);
}

const struct resume *
audit_resumed(const struct audit *a)
{
	return &a->resumed;
}

struct redact *
audit_redact(const struct audit *a)
{
	return a->setup.redact;
}

void
audit_use_log_budget(struct audit *a, struct log_budget *r)
{
	a->log_budget = r;
}

struct log_budget *
audit_log_budget(const struct audit *a)
{
	return a->log_budget;
}

void
audit_adjust(struct audit *a, const struct audit_setup *s)
{
	a->setup = *s;
	a->setup.path = a->setup.seal_state = NULL;
	reserve_adjust(&a->reserve, s->reserve_bytes);
	(void)reserve_hold(&a->reserve);
}

void
audit_close(struct audit *a)
{
	struct err e = { 0 };

	if (a == NULL)
		return;
	if (audit_flush(a, &e) != 0)
		log_err("audit: last records not written: %s", e.what);
	audit_sync(a);
	(void)close(a->fd);
	seal_close(a->seal);
	resume_fini(&a->resumed);
	runset_fini(&a->open_runs);
	buf_fini(&a->scratch);
	buf_fini(&a->pending);
	buf_fini(&a->out);
	free(a);
}
