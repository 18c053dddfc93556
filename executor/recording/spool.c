/* SPDX-License-Identifier: MIT */
/* spool: rings on disk.  Executor; bytes are untrusted. */
#include "executor/recording/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/log_limit.h"

struct spools {
	struct recordings *recordings;
	struct shares *room; /* bytes on disk */
	size_t files;
	struct log_limit complaints;
};

struct gap {
	uint64_t from, to;
};

/* From here on bytes are of that stream. */
struct segment {
	uint64_t from;
	unsigned stream;
};

struct spool {
	struct spools *all;
	struct shares_entry place; /* its bytes; offered once it is closed */
	int fd; /* -1: nothing is on disk */
	uint64_t max, total, first, lost;
	uint64_t held; /* bytes of the file */
	struct gap gap[SPOOL_GAPS]; /* oldest first */
	size_t gap_count;
	struct segment *segment; /* oldest first */
	size_t segment_count, segment_room;
};

struct spools *
spool_store_new(struct recordings *k, struct err *e)
{
	struct spools *all = err_alloc(1, sizeof(*all), e);

	if (all == NULL)
		return NULL;
	all->recordings = k;
	all->complaints = (struct log_limit){ .burst = 5, .period_ms = 60000 };
	all->room = shares_new(SPOOLS_MAX, e);
	if (all->room == NULL) {
		free(all);
		return NULL;
	}
	return all;
}

void
spool_store_free(struct spools *all)
{
	if (all == NULL)
		return;
	shares_free(all->room);
	free(all);
}

uint64_t
spool_store_used(const struct spools *all)
{
	return shares_used(all->room);
}

struct spool *
spool_new(struct spools *all, const uint8_t owner[DIGEST_BYTES], uint64_t max,
    struct err *e)
{
	struct spool *s = NULL;

	if (shares_joined(all->room) < SPOOLS_MAX)
		s = calloc(1, sizeof(*s));
	if (s == NULL) {
		(void)err_set(e, ERR_BUSY,
		    "the output of too many runs is kept; try again later");
		return NULL;
	}
	s->all = all;
	s->fd = -1;
	s->max = max > SPOOL_LEAST ? max : SPOOL_LEAST;
	s->place = (struct shares_entry){ .user = shares_join(all->room, owner),
		.arg = s };
	return s;
}

/* Give back what it has on the disk: all that it kept is passed over. */
static void
drop_file(struct spool *s)
{
	shares_withdraw(&s->place);
	shares_give(s->all->room, s->place.user, s->held);
	s->held = 0;
	s->first = s->total;
	s->gap_count = 0;
	s->all->files -= s->fd != -1;
	cleanup_fd(&s->fd);
	s->fd = -1;
}

void
spool_free(struct spool *s)
{
	if (s == NULL)
		return;
	drop_file(s);
	shares_leave(s->all->room, s->place.user);
	free(s->segment);
	free(s);
}

/* --- writing -------------------------------------------------------------- */

static void
drop_front(void *items, size_t *count, size_t size)
{
	(*count)--;
	memmove(items, (char *)items + size, *count * size);
}

/* The oldest changes give way: what was before counts as of the next. */
static void
note_stream(struct spool *s, unsigned stream)
{
	size_t room = s->segment_room > 0 ? 2 * s->segment_room : 4;
	struct segment *more;

	if (s->segment_count > 0 &&
	    s->segment[s->segment_count - 1].stream == stream)
		return;
	if (s->segment_count == s->segment_room &&
	    s->segment_room < SPOOL_SEGMENTS) {
		more = reallocarray(s->segment, room, sizeof(*more));
		if (more != NULL) {
			s->segment = more;
			s->segment_room = room;
		}
	}
	if (s->segment_room == 0)
		return;
	if (s->segment_count == s->segment_room)
		drop_front(
		    s->segment, &s->segment_count, sizeof(s->segment[0]));
	s->segment[s->segment_count++] = (struct segment){ s->total, stream };
}

/* With too many gaps the oldest part is given up. */
static void
note_gap(struct spool *s, uint64_t from, uint64_t to)
{
	struct gap *last = s->gap_count > 0 ? &s->gap[s->gap_count - 1] : NULL;

	s->lost += to - from;
	if (last != NULL && last->to == from) {
		last->to = to;
		return;
	}
	if (s->gap_count == SPOOL_GAPS) {
		s->first = s->gap[0].to;
		drop_front(s->gap, &s->gap_count, sizeof(s->gap[0]));
	}
	s->gap[s->gap_count++] = (struct gap){ from, to };
}

/* What is overwritten from now on is not kept any more. */
static void
move_first(struct spool *s)
{
	if (s->total > s->max && s->first < s->total - s->max)
		s->first = s->total - s->max;
	while (s->gap_count > 0 && s->gap[0].to <= s->first)
		drop_front(s->gap, &s->gap_count, sizeof(s->gap[0]));
	while (s->segment_count > 1 && s->segment[1].from <= s->first)
		drop_front(
		    s->segment, &s->segment_count, sizeof(s->segment[0]));
}

/* So many bytes more on the disk; the oldest of who has most give way. */
static int
take_room(struct spool *s, uint64_t more, struct err *e)
{
	struct shares *room = s->all->room;
	uint64_t most = recordings_max_bytes(s->all->recordings);
	struct shares_entry *x;

	while (shares_used(room) + more > most) {
		x = shares_victim(room, s->place.user);
		if (x == NULL)
			return err_set(e, ERR_BUSY,
			    "all that is kept may have %llu bytes (recordings.max_bytes)",
			    (unsigned long long)most);
		drop_file(x->arg);
	}
	shares_take(room, s->place.user, more);
	s->held += more;
	return 0;
}

static int
write_at(struct spool *s, uint64_t at, struct bytes data, struct err *e)
{
	uint64_t place = at % s->max, end;
	ssize_t n;

	while (data.len > 0) {
		size_t part = data.len;

		if (part > s->max - place)
			part = (size_t)(s->max - place);
		end = place + part;
		if (end > s->held && take_room(s, end - s->held, e) != 0)
			return e->code;
		n = pwrite(s->fd, data.p, part, (off_t)place);
		if (n <= 0)
			return err_sys(e, "keeping output");
		data = bytes_make(data.p + n, data.len - (size_t)n);
		place = (place + (uint64_t)n) % s->max;
	}
	return 0;
}

static int
open_file(struct spool *s, struct err *e)
{
	struct spools *all = s->all;
	struct shares_entry *x;

	while (all->files >= SPOOL_FILES) {
		x = shares_victim(all->room, s->place.user);
		if (x == NULL)
			return err_set(e, ERR_BUSY,
			    "the output of %d runs is kept already",
			    SPOOL_FILES);
		drop_file(x->arg);
	}
	s->fd = recordings_scratch(all->recordings, e);
	all->files += s->fd != -1;
	return s->fd == -1 ? e->code : 0;
}

static int
store_bytes(struct spool *s, uint64_t at, struct bytes data, struct err *e)
{
	if (s->fd == -1 && open_file(s, e) != 0)
		return e->code;
	return write_at(s, at, data, e);
}

void
spool_put(struct spool *s, unsigned stream, struct bytes data)
{
	uint64_t at = s->total;
	uint32_t dropped;
	struct err e;

	if (data.len == 0)
		return;
	note_stream(s, stream);
	s->total += data.len;
	if (data.len > s->max) {
		data.p += data.len - s->max;
		data.len = (size_t)s->max;
		at = s->total - data.len;
	}
	move_first(s);
	if (store_bytes(s, at, data, &e) == 0)
		return;
	note_gap(s, at, s->total);
	if (log_limit_allows(&s->all->complaints, &dropped))
		log_err("spool: %s; the run goes on", e.what);
}

void
spool_close(struct spool *s)
{
	if (s->held > 0)
		shares_offer(s->all->room, &s->place);
}

/* --- reading -------------------------------------------------------------- */

uint64_t
spool_total(const struct spool *s)
{
	return s->total;
}

uint64_t
spool_first(const struct spool *s)
{
	return s->first;
}

uint64_t
spool_lost(const struct spool *s)
{
	return s->lost;
}

static void
skip_to(uint64_t *at, uint64_t to, uint64_t *lost)
{
	if (*at >= to)
		return;
	*lost += to - *at;
	*at = to;
}

/* Where what can be read in one piece ends; *at leaves a gap first. */
static uint64_t
end_of_piece(const struct spool *s, uint64_t *at, uint64_t *lost)
{
	uint64_t end = s->total;
	size_t i;

	for (i = 0; i < s->gap_count; i++)
		if (s->gap[i].from <= *at)
			skip_to(at, s->gap[i].to, lost);
		else if (s->gap[i].from < end)
			end = s->gap[i].from;
	if (end - *at > s->max - *at % s->max)
		end = *at + (s->max - *at % s->max);
	return end;
}

static unsigned
stream_at(const struct spool *s, uint64_t at, uint64_t *end)
{
	unsigned stream = 1;
	size_t i;

	for (i = 0; i < s->segment_count; i++) {
		if (i > 0 && s->segment[i].from > at) {
			if (s->segment[i].from < *end)
				*end = s->segment[i].from;
			break;
		}
		stream = s->segment[i].stream;
	}
	return stream;
}

size_t
spool_read(const struct spool *s, uint64_t *at, uint8_t *out, size_t max,
    uint64_t *lost, unsigned *stream)
{
	uint64_t end;
	ssize_t n;

	*lost = 0;
	if (*at >= s->total) {
		*at = s->total;
		return 0;
	}
	skip_to(at, s->first, lost);
	end = end_of_piece(s, at, lost);
	*stream = stream_at(s, *at, &end);
	if (end - *at < max)
		max = (size_t)(end - *at);
	n = max == 0 ? 0 : pread(s->fd, out, max, (off_t)(*at % s->max));
	if (n > 0)
		return (size_t)n;
	if (max > 0) { /* the disk does not give it back */
		log_err("spool: %s", n == 0 ? "cut short" : strerror(errno));
		skip_to(at, s->total, lost);
	}
	return 0;
}
