/* SPDX-License-Identifier: MIT */
/* runset: runs between intent and result.  Executor. */
#include "executor/audit/runset.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"

void
runset_fini(struct runset *s)
{
	free(s->run);
	memset(s, 0, sizeof(*s));
}

int
runset_copy(struct runset *to, const struct runset *from, struct err *e)
{
	size_t bytes = from->count * sizeof(from->run[0]);

	if (bytes == 0)
		return 0;
	to->run = malloc(bytes);
	if (to->run == NULL)
		return err_memory(e);
	memcpy(to->run, from->run, bytes);
	to->count = to->room = from->count;
	return 0;
}

static size_t
find_run(const struct runset *s, struct bytes id)
{
	size_t i;

	if (id.len == 0 || id.len >= RUNSET_ID)
		return s->count;
	for (i = s->count; i > 0; i--)
		if (memcmp(s->run[i - 1].id, id.p, id.len) == 0 &&
		    s->run[i - 1].id[id.len] == '\0')
			return i - 1;
	return s->count;
}

/* Does not fit: use the log's name, cut. */
static void
copy_text(char *out, size_t size, struct bytes text)
{
	size_t n = text.len < size ? text.len : size - 1;

	if (n > 0)
		memcpy(out, text.p, n);
	out[n] = '\0';
}

static void
add_run(struct runset *s, const struct logline *l)
{
	struct bytes id = logline_get(l, "run.id");
	struct runset_run *run;

	if (id.len == 0 || id.len >= RUNSET_ID || find_run(s, id) < s->count ||
	    s->count == RUNSET_MAX)
		return;
	if (s->count == s->room) {
		run = reallocarray(s->run, s->room + 64, sizeof(*run));
		if (run == NULL)
			return;
		s->run = run;
		s->room += 64;
	}
	run = &s->run[s->count++];
	copy_text(run->id, sizeof(run->id), id);
	copy_text(run->token, sizeof(run->token), logline_get(l, "token.name"));
	copy_text(
	    run->policy, sizeof(run->policy), logline_get(l, "policy.name"));
}

static void
drop_run(struct runset *s, struct bytes id)
{
	size_t i = find_run(s, id);

	if (i < s->count)
		s->run[i] = s->run[--s->count];
}

/* Each run is an object, of which the members stand as in an intent. */
static void
add_listed(struct runset *s, const struct logline *l)
{
	struct logline one = *l;
	const uint8_t *p, *q, *end;

	if (l->rest.len == 0)
		return;
	end = l->rest.p + l->rest.len;
	for (p = l->rest.p; p < end; p = q + 1) {
		p = memmem(p, (size_t)(end - p), "{\"n\":", 5);
		if (p == NULL)
			return;
		q = memchr(p, '}', (size_t)(end - p));
		if (q == NULL)
			return;
		one.rest = bytes_make(p + 1, (size_t)(q - p - 1));
		add_run(s, &one);
	}
}

void
runset_note(struct runset *s, const struct logline *l)
{
	if (logline_is(l, "run-intent"))
		add_run(s, l);
	else if (logline_is(l, "run-result"))
		drop_run(s, logline_get(l, "run.id"));
	else if (logline_is(l, "runs-open"))
		add_listed(s, l);
}

void
runset_put(const struct runset *s, size_t from, struct buf *b)
{
	size_t i, end = from + RUNSET_RECORD;

	json_put_key(b, "runs");
	buf_put_u8(b, '[');
	for (i = from; i < s->count && i < end; i++) {
		if (i > from)
			buf_put_u8(b, ',');
		buf_put_u8(b, '{');
		json_put_member_i64(b, "n", (int64_t)i);
		json_put_member(b, "run.id", bytes_of(s->run[i].id));
		json_put_member(b, "token.name", bytes_of(s->run[i].token));
		json_put_member(b, "policy.name", bytes_of(s->run[i].policy));
		buf_put_u8(b, '}');
	}
	buf_put_u8(b, ']');
}
