/* SPDX-License-Identifier: MIT */
/* scan: from spool to view.  Executor; output is untrusted. */
#include "executor/jobs/scan.h"

#include <stdlib.h>
#include <string.h>

struct scan {
	const struct ledger_entry *entry;
	struct failure failure;
	struct view *view[ASCIICAST_STREAMS]; /* the second if they are apart */
	uint64_t at, end, lost;
};

struct scan *
scan_new(const struct ledger_entry *x, const struct viewspec *spec,
    uint64_t from, size_t max, bool apart)
{
	struct scan *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->entry = x;
	s->end = spool_total(x->spool);
	s->at = from < s->end ? from : s->end;
	failure_init(&s->failure, bytes_of(x->command));
	for (size_t i = 0; i < (apart ? 2 : 1); i++) {
		s->view[i] =
		    view_new(spec, &s->failure, apart ? 0 : s->at, max);
		if (s->view[i] == NULL) {
			scan_free(s);
			return NULL;
		}
	}
	return s;
}

void
scan_free(struct scan *s)
{
	if (s == NULL)
		return;
	view_free(s->view[0]);
	view_free(s->view[1]);
	free(s);
}

static struct view *
view_of(const struct scan *s, unsigned stream)
{
	return s->view[stream == 2 && s->view[1] != NULL];
}

static void
pass_over(struct scan *s, uint64_t bytes, unsigned stream)
{
	if (bytes == 0)
		return;
	s->lost += bytes;
	view_skip(view_of(s, stream), bytes);
}

bool
scan_step(struct scan *s)
{
	uint8_t part[LINES_MAX];
	uint64_t skipped, left = s->end - s->at;
	size_t max = view_piece(s->view[0]), n;
	unsigned stream = 1;

	if (left == 0)
		return false;
	n = spool_read(s->entry->spool, &s->at, part,
	    left < max ? (size_t)left : max, &skipped, &stream);
	if (s->at > s->end)
		s->at = s->end; /* what was there is overwritten */
	pass_over(s, skipped < left ? skipped : left, stream);
	if (n > s->end - s->at)
		n = (size_t)(s->end - s->at);
	view_feed(view_of(s, stream), bytes_make(part, n));
	s->at += n;
	return n > 0 && s->at < s->end;
}

uint64_t
scan_end(const struct scan *s)
{
	return s->end;
}

uint64_t
scan_lost(const struct scan *s)
{
	return s->lost;
}

void
scan_put(struct scan *s, unsigned stream, struct buf *out)
{
	struct view *v = stream <= 2 ? s->view[stream - 1] : NULL;

	if (v != NULL)
		view_end(v, out);
}

void
scan_put_words(const struct scan *s, struct buf *out, uint8_t *viewed)
{
	static const char *const names[] = { "stdout: ", "stderr: " };
	bool both = s->view[1] != NULL && s->entry->bytes[1] > 0;

	*viewed = 0;
	for (unsigned i = 0; i < 2; i++) {
		if (s->view[i] == NULL || view_is_whole(s->view[i]))
			continue;
		*viewed |= (uint8_t)(2U << i);
		if (out->len > 0)
			buf_put_str(out, "; ");
		if (both)
			buf_put_str(out, names[i]);
		view_put_words(s->view[i], out);
	}
}
