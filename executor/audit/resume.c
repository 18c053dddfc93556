/* SPDX-License-Identifier: MIT */
/* resume: take the audit log up where it was left.  Executor, at start. */
#include "executor/audit/resume.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "executor/audit/logread.h"

/* How far the state's place in the log has been found. */
enum follow { LOOKING, FOLLOWING, LOST };

struct scan {
	struct resume *out;
	struct seal_point *point; /* or NULL */
	enum follow follow;
	bool begun; /* the file's first records are all there */
	struct digest digest;
};

static void
copy_text(char *out, size_t size, struct bytes text)
{
	(void)snprintf(out, size, "%.*s", (int)text.len, (const char *)text.p);
}

static bool
is_last(const struct seal_point *p, const struct logline *l)
{
	char hex[DIGEST_HEX];

	digest_hex(p->last, sizeof(p->last), hex);
	return p->index > 0 && l->sequence == p->sequence &&
	       bytes_eq_str(l->seal, hex);
}

/* Is it the record that comes next in the chain?  Then step past it. */
static bool
is_next(struct seal_point *p, const struct logline *l)
{
	uint8_t seal[DIGEST_BYTES];

	if (p->index > 0 ? l->sequence != p->sequence + 1
			 : !logline_is(l, "seal-begin"))
		return false;
	if (!seal_check(p, l->sealed, l->seal))
		return false;
	seal_make(p, l->sealed, seal);
	seal_step(p, l->sequence, seal);
	return true;
}

static void
follow_line(struct scan *s, const struct logline *l)
{
	if (s->point == NULL || s->follow == LOST)
		return;
	if ((s->follow == LOOKING && is_last(s->point, l)) ||
	    is_next(s->point, l))
		s->follow = FOLLOWING;
	else if (s->follow == FOLLOWING)
		s->follow = LOST;
}

/*
 * runs-open follows log-continue in the same write, which a crash may have cut:
 * a record of another kind after them shows that it was not.
 */
static void
note_begin(struct scan *s, const struct logline *l)
{
	if (logline_is(l, "log-continue"))
		s->begun = false;
	else if (!logline_is(l, "runs-open") && !logline_is(l, "log-torn"))
		s->begun = true;
}

static void
take_line(struct scan *s, struct bytes line, bool whole)
{
	struct resume *out = s->out;
	struct logline l;

	digest_update(&s->digest, line);
	digest_update(&s->digest, BYTES_LIT("\n")); /* we close a torn one */
	out->bytes += line.len + 1;
	out->newline = whole;
	if (!logline_parse(line, &l)) {
		out->torn.len = line.len;
		digest_sha256(line, out->torn.sum);
		return;
	}
	out->torn.len = 0;
	if (out->born_us == 0)
		out->born_us = logline_wall_us(&l);
	copy_text(out->when, sizeof(out->when), l.when);
	copy_text(out->action, sizeof(out->action), l.action);
	out->sequence = l.sequence;
	out->sealed = l.seal.len > 0;
	runset_note(&out->open, &l);
	note_begin(s, &l);
	follow_line(s, &l);
}

static int
scan_log(struct scan *s, struct logread *r, struct err *e)
{
	struct bytes line;
	struct err ce;
	bool whole;
	int rc;

	s->out->bytes = 0;
	s->out->born_us = 0;
	s->begun = false;
	digest_init(&s->digest);
	while ((rc = logread_line(r, &line, &whole, e)) == 1)
		take_line(s, line, whole);
	s->out->empty = s->out->bytes == 0;
	digest_final(&s->digest, s->out->sum);
	if (logread_close(r, &ce) != 0 && rc == 0) {
		*e = ce;
		return e->code;
	}
	return rc;
}

static int
scan_live(struct scan *s, int fd, struct err *e)
{
	struct logread r;

	if (logread_from(&r, fd, e) != 0)
		return e->code;
	return scan_log(s, &r, e);
}

/* The newest of the rotated files; that it cannot be read is only said. */
static void
scan_rotated(struct scan *s, const char *path)
{
	struct logfile_list l;
	struct logread r;
	struct err e = { 0 };

	if (logfile_list(path, &l, &e) != 0 || l.count == 0)
		return;
	if (logread_open(&r, l.file[l.count - 1].path, &e) != 0 ||
	    scan_log(s, &r, &e) != 0)
		log_warn("audit: %s: %s", l.file[l.count - 1].path, e.what);
	logfile_list_free(&l);
}

/*
 * Whether the file before says more: it was rotated while nobody ran, or the
 * process died as it began this one.
 */
static bool
says_little(const struct scan *s)
{
	return !s->begun || (s->follow == LOOKING && s->point != NULL &&
				s->point->index > 0);
}

/* The file before the live one, and that again; point is where both begin. */
static int
scan_both(struct scan *s, const char *path, int fd,
    const struct seal_point *point, struct err *e)
{
	size_t listed = s->out->open.count;

	if (s->point != NULL)
		*s->point = *point;
	s->follow = LOOKING;
	runset_fini(&s->out->open);
	scan_rotated(s, path);
	if (scan_live(s, fd, e) != 0)
		return e->code;
	s->out->cut =
	    !s->begun && !s->out->empty && s->out->open.count > listed;
	return 0;
}

int
resume_read(const char *path, int fd, struct seal_point *p, struct resume *out,
    struct err *e)
{
	struct scan s = { .out = out, .point = p };
	struct seal_point point = { 0 };
	int rc;

	memset(out, 0, sizeof(*out));
	if (p != NULL)
		point = *p;
	rc = scan_live(&s, fd, e);
	if (rc == 0 && says_little(&s))
		rc = scan_both(&s, path, fd, &point, e);
	explicit_bzero(&point, sizeof(point));
	if (rc != 0)
		return rc;
	if (p == NULL)
		out->gap = out->sealed ? RESUME_UNSEALED : RESUME_FITS;
	else if (s.follow == LOST)
		out->gap = RESUME_FOREIGN;
	else if (s.follow == LOOKING && p->index > 0)
		out->gap = RESUME_LACKS;
	return 0;
}

void
resume_fini(struct resume *r)
{
	runset_fini(&r->open);
}

const char *
resume_gap_text(enum resume_gap gap)
{
	static const char *const text[] = {
		[RESUME_FITS] = "the log goes on where it was left",
		[RESUME_LACKS] =
		    "the last record that was sealed is not in the log: its end was cut, or it was removed or replaced",
		[RESUME_FOREIGN] =
		    "after the last sealed record there are records that this chain did not make",
		[RESUME_UNSEALED] =
		    "the log is sealed, but the seal's state file is missing",
	};

	return text[gap];
}
