/* SPDX-License-Identifier: MIT */
/* lines: a splitter.  Executor; bytes are untrusted. */
#include "executor/view/lines.h"

#include <string.h>

void
lines_init(
    struct lines *s, void (*take)(void *arg, const struct line *l), void *arg)
{
	memset(s, 0, sizeof(*s));
	buf_init(&s->part, LINES_MAX);
	s->number = 1;
	s->take = take;
	s->arg = arg;
}

void
lines_fini(struct lines *s)
{
	buf_fini(&s->part);
}

static void
give_line(struct lines *s, struct bytes text)
{
	const struct line l = { text, s->number, s->at };

	s->take(s->arg, &l);
	s->number++;
	s->at += text.len;
}

void
lines_flush(struct lines *s)
{
	if (s->part.len > 0)
		give_line(s, buf_bytes(&s->part));
	buf_reset(&s->part);
}

void
lines_skip(struct lines *s, uint64_t bytes)
{
	lines_flush(s);
	s->at += bytes;
}

/* How many bytes belong to the line that is being read. */
static size_t
count_next(const struct lines *s, struct bytes data, bool *whole)
{
	size_t room = LINES_MAX - s->part.len;
	size_t n = data.len < room ? data.len : room;
	const uint8_t *nl = memchr(data.p, '\n', n);

	if (nl != NULL)
		n = (size_t)(nl - data.p) + 1;
	*whole = nl != NULL || n == room;
	return n;
}

void
lines_feed(struct lines *s, struct bytes data)
{
	bool whole;

	while (data.len > 0) {
		size_t n = count_next(s, data, &whole);
		struct bytes next = bytes_make(data.p, n);

		data = bytes_make(data.p + n, data.len - n);
		if (whole && s->part.len == 0) {
			give_line(s, next);
			continue;
		}
		buf_put_bytes(&s->part, next);
		if (s->part.overflow) { /* no memory: what there is */
			buf_reset(&s->part);
			give_line(s, next);
		} else if (whole) {
			lines_flush(s);
		}
	}
}

struct bytes
lines_text(struct bytes line)
{
	if (line.len > 0 && line.p[line.len - 1] == '\n')
		line.len--;
	if (line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	return line;
}
