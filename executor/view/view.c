/* SPDX-License-Identifier: MIT */
/* view: lines that are shown, and what is between.  Executor; untrusted. */
#include "executor/view/view.h"

#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "executor/view/brief.h"
#include "executor/view/fold.h"
#include "executor/view/lines.h"

enum {
	SHOWN = 1024, /* bytes of a line that was picked out */
	GAP = 96, /* bytes that a gap takes, at most */
	WARNINGS = 6, /* that errors shows with lines around them */
	LAST_LINES = 3, /* that errors always shows */
	LAST_BYTES = 512, /* of them */
	FOLDED_MAX = 1 << 20,
	STEPS = 400000 /* of an automaton in one feed */
};

/* A line that may be shown yet. */
struct held {
	uint64_t number, at;
	size_t len; /* of it; the text may be less */
	struct buf text;
};

struct view {
	const struct viewspec *spec;
	const struct failure *failure;
	const struct way *way;
	size_t max;
	struct lines lines;
	struct buf out;
	uint64_t next_line, next_byte; /* after the last that is shown */
	uint64_t count, bytes; /* of lines and bytes so far */
	uint64_t matched, shown; /* lines that were asked for */
	uint64_t more_at; /* the first of them that is not shown; 0: none */
	bool full, cut; /* no more is shown; a line was cut */
	bool gaps; /* a gap was told, with its bytes */
	unsigned after; /* lines that are shown because of one before */
	unsigned warnings; /* lines that warn, so far */
	struct held held[VIEWSPEC_CONTEXT]; /* a ring */
	size_t held_count, held_first;
	struct brief *brief;
	struct fold *fold;
	uint64_t folded; /* lines that are left */
};

/* How a kind of view goes about it. */
struct way {
	void (*take)(struct view *v, const struct line *l);
	void (*end)(struct view *v); /* NULL: nothing is left to do */
};

/* --- what is shown ------------------------------------------------------------ */

static void
end_line(struct buf *out)
{
	if (out->len > 0 && out->p[out->len - 1] != '\n')
		buf_put_u8(out, '\n');
}

static void
put_gap(struct view *v, uint64_t line, uint64_t byte, bool brief)
{
	if (byte <= v->next_byte)
		return;
	v->cut = true;
	end_line(&v->out);
	/* U+2026, the ellipsis */
	if (line == v->next_line) { /* not kept, and so of no line */
		v->gaps = true;
		buf_printf(&v->out,
		    "[\xe2\x80\xa6 bytes %llu-%llu left out \xe2\x80\xa6]\n",
		    (unsigned long long)v->next_byte,
		    (unsigned long long)byte - 1);
		return;
	}
	if (brief) {
		buf_printf(&v->out, "[\xe2\x80\xa6 %llu-%llu \xe2\x80\xa6]\n",
		    (unsigned long long)v->next_line,
		    (unsigned long long)line - 1);
		return;
	}
	v->gaps = true;
	buf_printf(&v->out,
	    "[\xe2\x80\xa6 lines %llu-%llu (bytes %llu-%llu) left out \xe2\x80\xa6]\n",
	    (unsigned long long)v->next_line, (unsigned long long)line - 1,
	    (unsigned long long)v->next_byte, (unsigned long long)byte - 1);
}

/* The gap before a line: what is between matches would cost more than these. */
static void
put_gap_between(struct view *v, uint64_t line, uint64_t byte)
{
	put_gap(v, line, byte, v->spec->kind == VIEWSPEC_GREP && v->gaps);
}

static size_t
room_of(const struct view *v, size_t reserved)
{
	size_t used = v->out.len + 2 * GAP + reserved;

	return used < v->max ? v->max - used : 0;
}

/* A line, or what there is of it, of whose bytes `len` are accounted for. */
static void
put_line(
    struct view *v, uint64_t number, uint64_t at, size_t len, struct bytes text)
{
	put_gap_between(v, number, at);
	buf_put_bytes(&v->out, text);
	if (text.len < len) {
		v->cut = true;
		buf_printf(&v->out,
		    " [\xe2\x80\xa6 %zu bytes of this line left out \xe2\x80\xa6]\n",
		    len - text.len);
	}
	v->next_line = number + 1;
	v->next_byte = at + len;
}

/* All of it, if it fits; the first of all also cut. */
static bool
show_whole(struct view *v, const struct line *l)
{
	size_t room = room_of(v, 0);

	if (v->full)
		return false;
	v->full = l->text.len > room;
	if (v->full && v->out.len == 0)
		put_line(v, l->number, l->at, l->text.len,
		    bytes_make(
			l->text.p, utf8_whole(bytes_make(l->text.p, room))));
	else if (!v->full)
		put_line(v, l->number, l->at, l->text.len, l->text);
	return !v->full;
}

/* Of a long line a part; `reserved` bytes are for what comes last. */
static bool
show_picked(struct view *v, const struct held *h, size_t reserved)
{
	struct bytes text = buf_bytes(&h->text);

	if (v->full || h->at < v->next_byte)
		return !v->full;
	v->full = text.len + GAP > room_of(v, reserved);
	if (!v->full)
		put_line(v, h->number, h->at, h->len, text);
	return !v->full;
}

/* --- lines that are held -------------------------------------------------------- */

static size_t
most_held(const struct view *v)
{
	return v->spec->kind == VIEWSPEC_ERRORS ? LAST_LINES : v->spec->context;
}

/* Of a long line what is around `at`. */
static struct bytes
part_around(struct bytes text, size_t at)
{
	size_t from = at > SHOWN / 2 ? at - SHOWN / 4 : 0;

	if (text.len <= SHOWN)
		return text;
	if (from > text.len - SHOWN)
		from = text.len - SHOWN;
	while (from > 0 && from < text.len && (text.p[from] & 0xc0) == 0x80)
		from++;
	text = bytes_make(text.p + from, text.len - from);
	if (text.len > SHOWN)
		text.len = utf8_whole(bytes_make(text.p, SHOWN));
	return text;
}

static void
set_held(struct held *h, const struct line *l, size_t around)
{
	h->number = l->number;
	h->at = l->at;
	h->len = l->text.len;
	if (h->text.max == 0)
		buf_init(&h->text, SHOWN);
	buf_reset(&h->text);
	buf_put_bytes(&h->text, part_around(l->text, around));
}

static void
hold_line(struct view *v, const struct line *l)
{
	size_t most = most_held(v), at;

	if (most == 0)
		return;
	if (v->held_count == most)
		v->held_first = (v->held_first + 1) % most;
	else
		v->held_count++;
	at = (v->held_first + v->held_count - 1) % most;
	set_held(&v->held[at], l, 0);
}

/* The last n of them. */
static void
show_held(struct view *v, size_t n, size_t reserved)
{
	size_t most = most_held(v);

	if (n > v->held_count)
		n = v->held_count;
	for (size_t i = v->held_count - n; i < v->held_count; i++)
		(void)show_picked(
		    v, &v->held[(v->held_first + i) % most], reserved);
}

/* --- kinds -------------------------------------------------------------------- */

static void
count_wanted(struct view *v, const struct line *l, bool shown)
{
	v->matched++;
	v->shown += shown;
	if (!shown && v->more_at == 0)
		v->more_at = l->number;
}

static void
take_head(struct view *v, const struct line *l)
{
	count_wanted(v, l, show_whole(v, l));
}

static void
take_range(struct view *v, const struct line *l)
{
	if (l->number >= v->spec->from && l->number <= v->spec->to)
		count_wanted(v, l, show_whole(v, l));
}

/*
 * How many held lines are shown before a match: as many as were asked for, or
 * all up to what is shown already, where saying what is between costs more.
 */
static size_t
count_before(const struct view *v, unsigned context)
{
	const struct held *first = &v->held[v->held_first];

	if (v->held_count > context && first->at <= v->next_byte &&
	    v->lines.at <= v->next_byte + GAP)
		return v->held_count;
	return context;
}

/* A line that was asked for, with those around it. */
static void
show_match(struct view *v, const struct line *l, size_t around,
    unsigned context, size_t reserved)
{
	struct held now = { 0 };
	bool shown;

	set_held(&now, l, around);
	show_held(v, count_before(v, context), reserved);
	shown = show_picked(v, &now, reserved);
	buf_fini(&now.text);
	count_wanted(v, l, shown);
}

/* It was not: is it shown because of one before it? */
static void
pass_line(struct view *v, const struct line *l, size_t reserved)
{
	struct held now = { 0 };

	hold_line(v, l);
	if (v->after == 0)
		return;
	v->after--;
	set_held(&now, l, 0);
	(void)show_picked(v, &now, reserved);
	buf_fini(&now.text);
}

static void
take_grep(struct view *v, const struct line *l)
{
	struct match_span s;

	if (!match_find(v->spec->pattern, lines_text(l->text), 0, false, &s)) {
		pass_line(v, l, 0);
		return;
	}
	show_match(v, l, s.start, v->spec->context, 0);
	v->after = v->spec->context;
}

static size_t
reserved_last(const struct view *v)
{
	return LAST_BYTES < v->max / 4 ? LAST_BYTES : v->max / 4;
}

/* Of many warnings the lines alone say enough, of an error they do not. */
static void
take_errors(struct view *v, const struct line *l)
{
	enum failure_weight w = failure_weigh(v->failure, lines_text(l->text));
	bool alone;

	if (w == FAILURE_NONE) {
		pass_line(v, l, reserved_last(v));
		return;
	}
	v->warnings += w == FAILURE_WARNING;
	alone = w == FAILURE_WARNING && v->warnings > WARNINGS;
	show_match(v, l, 0, alone ? 0 : 1, reserved_last(v));
	hold_line(v, l);
	v->after = alone ? 0 : 2;
}

/* The last lines say how it ended. */
static void
end_errors(struct view *v)
{
	v->full = false;
	show_held(v, v->held_count, 0);
}

static void
take_fold(struct view *v, const struct line *l)
{
	fold_line(v->fold, l->text);
}

/* More than fits is shown as other long output is. */
static void
end_fold(struct view *v)
{
	struct brief *b = brief_new(v->failure, BRIEF_ALL, 0, v->max);
	struct buf text;

	buf_init(&text, FOLDED_MAX);
	fold_put(v->fold, &text);
	v->folded = fold_shown(v->fold);
	if (b != NULL) {
		brief_feed(b, buf_bytes(&text));
		brief_put(b, &v->out);
	}
	v->cut = v->folded < v->count || v->out.len != v->bytes;
	v->next_byte = v->bytes;
	buf_fini(&text);
	brief_free(b);
}

static void
end_brief(struct view *v)
{
	brief_put(v->brief, &v->out);
	v->next_byte = v->bytes;
	v->cut = brief_left_out(v->brief) > 0;
}

static const struct way ways[] = {
	[VIEWSPEC_NONE] = { NULL, end_brief },
	[VIEWSPEC_ALL] = { NULL, end_brief },
	[VIEWSPEC_HEAD] = { take_head, NULL },
	[VIEWSPEC_TAIL] = { NULL, end_brief },
	[VIEWSPEC_ERRORS] = { take_errors, end_errors },
	[VIEWSPEC_SUMMARY] = { take_fold, end_fold },
	[VIEWSPEC_LINES] = { take_range, NULL },
	[VIEWSPEC_GREP] = { take_grep, NULL },
};

/* --- the outside ---------------------------------------------------------------- */

static void
take_line(void *arg, const struct line *l)
{
	struct view *v = arg;

	v->count++;
	if (v->way->take != NULL)
		v->way->take(v, l);
}

static bool
add_helpers(struct view *v, uint64_t at)
{
	static const enum brief_parts parts[] = {
		[VIEWSPEC_NONE] = BRIEF_ALL,
		[VIEWSPEC_ALL] = BRIEF_ENDS,
		[VIEWSPEC_HEAD] = BRIEF_ENDS,
		[VIEWSPEC_TAIL] = BRIEF_TAIL,
	};

	if (v->spec->kind == VIEWSPEC_SUMMARY) {
		v->fold = fold_new(v->failure);
		return v->fold != NULL;
	}
	if (v->way->take != NULL)
		return true;
	v->brief =
	    brief_new(v->failure, parts[v->spec->kind], at, v->max - GAP);
	return v->brief != NULL;
}

struct view *
view_new(const struct viewspec *spec, const struct failure *f, uint64_t at,
    size_t max)
{
	struct view *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return NULL;
	v->spec = spec;
	v->failure = f;
	v->way = &ways[spec->kind];
	v->max = max > VIEW_LEAST ? max : VIEW_LEAST;
	v->next_line = 1;
	v->next_byte = v->bytes = at;
	lines_init(&v->lines, take_line, v);
	v->lines.at = at;
	buf_init(&v->out, 2 * v->max + FOLDED_MAX);
	if (add_helpers(v, at))
		return v;
	view_free(v);
	return NULL;
}

void
view_free(struct view *v)
{
	if (v == NULL)
		return;
	lines_fini(&v->lines);
	buf_fini(&v->out);
	for (size_t i = 0; i < VIEWSPEC_CONTEXT; i++)
		buf_fini(&v->held[i].text);
	brief_free(v->brief);
	fold_free(v->fold);
	free(v);
}

size_t
view_piece(const struct view *v)
{
	size_t n = LINES_MAX;

	if (v->spec->kind == VIEWSPEC_GREP)
		n = STEPS / (match_states(v->spec->pattern) + 1);
	return n < 1024 ? 1024 : n > LINES_MAX ? LINES_MAX : n;
}

void
view_feed(struct view *v, struct bytes data)
{
	v->bytes += data.len;
	if (v->brief != NULL)
		brief_feed(v->brief, data);
	lines_feed(&v->lines, data);
}

void
view_skip(struct view *v, uint64_t bytes)
{
	v->bytes += bytes;
	v->after = 0;
	v->held_count = 0;
	if (v->brief != NULL)
		brief_skip(v->brief, bytes);
	lines_skip(&v->lines, bytes);
}

void
view_end(struct view *v, struct buf *out)
{
	lines_flush(&v->lines);
	if (v->way->end != NULL)
		v->way->end(v);
	put_gap(v, v->count + 1, v->bytes, false);
	buf_put_bytes(out, buf_bytes(&v->out));
}

bool
view_is_whole(const struct view *v)
{
	return !v->cut;
}

static void
put_number(struct buf *out, const char *before, uint64_t n, const char *after)
{
	buf_printf(out, "%s%llu%s", before, (unsigned long long)n, after);
}

/* "14 of 2310 lines match, 9 of them are shown; the next is line 812" */
static void
put_counts(const struct view *v, struct buf *out, const char *what)
{
	put_number(out, "", v->matched, " of ");
	put_number(out, "", v->count, what);
	if (v->shown == v->matched)
		return;
	put_number(out, ", ", v->shown, " of them are shown");
	put_number(out, "; the next is line ", v->more_at, "");
}

static void
put_failures(const struct view *v, struct buf *out)
{
	uint64_t shown, dropped;

	brief_failures(v->brief, &shown, &dropped);
	put_number(out, "", v->count, " lines, of which ");
	put_number(out, "", brief_left_out(v->brief), " bytes are left out");
	if (shown > 0)
		put_number(out, "; ", shown,
		    shown == 1
			? " line between that looks like a failure is shown"
			: " lines between that look like failures are shown");
	if (dropped > 0)
		put_number(out, ", ", dropped, " more are not");
}

void
view_put_words(const struct view *v, struct buf *out)
{
	if (v->spec->kind != VIEWSPEC_NONE)
		buf_printf(out, "%s: ", viewspec_name(v->spec->kind));
	if (v->spec->kind == VIEWSPEC_GREP) {
		put_counts(v, out, " lines match");
	} else if (v->spec->kind == VIEWSPEC_ERRORS) {
		put_counts(v, out, " lines look like failures");
	} else if (v->fold != NULL) {
		put_number(out, "", v->count, " lines became ");
		put_number(out, "", v->folded,
		    "; [\xc3\x97"
		    "2] is a line that came twice");
		if (fold_passed(v->fold) > 0)
			put_number(out, "; for ", fold_passed(v->fold),
			    " more there was no room");
	} else if (v->brief != NULL) {
		put_failures(v, out);
	} else {
		put_counts(v, out, " lines were asked for");
	}
}
