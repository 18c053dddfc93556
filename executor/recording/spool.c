/* SPDX-License-Identifier: MIT */
/* spool: rings on disk.  Executor; bytes are untrusted. */
#include "executor/recording/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/log_limit.h"

struct spools {
	struct spooldir dir;
	struct shares *room; /* the recordings': bytes on disk */
	struct shares *files; /* that are open */
	size_t count;
	uint64_t used; /* bytes */
	struct log_limit complaints;
};

struct spool {
	struct spools *all;
	uint8_t owner[DIGEST_BYTES]; /* recordings_owner() */
	struct shares_entry place; /* its bytes: late until it is closed */
	struct shares_entry file; /* offered once it is closed */
	bool closed;
	int fd; /* -1: nothing is on disk */
	bool named; /* the file has a name */
	bool kept; /* it stays, and its head is written */
	bool stale; /* the head on disk is behind */
	struct spoolhead head;
	uint64_t held; /* bytes of the file, without its head */
	uint64_t head_held; /* and of that */
	uint64_t beside; /* of the file of its run's entry */
	struct spoolhead_segment *segment; /* oldest first */
	size_t segment_room;
	uint64_t segments_written; /* of all there ever were */
};

struct spools *
spool_store_new(struct recordings *k, struct err *e)
{
	struct spools *all = err_alloc(1, sizeof(*all), e);

	if (all == NULL)
		return NULL;
	spooldir_init(&all->dir, k);
	all->complaints = (struct log_limit){ .burst = 5, .period_ms = 60000 };
	all->room = recordings_room(k);
	all->files = shares_new(SPOOLS_MAX, e);
	if (all->files == NULL) {
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
	spooldir_fini(&all->dir);
	shares_free(all->files);
	free(all);
}

uint64_t
spool_store_used(const struct spools *all)
{
	return all->used;
}

struct spooldir *
spool_store_dir(struct spools *all)
{
	return &all->dir;
}

/* --- life ----------------------------------------------------------------- */

static void drop_file(void *arg);

struct spool *
spool_new(struct spools *all, const char *run,
    const uint8_t verifier[DIGEST_BYTES], uint64_t max, struct err *e)
{
	struct spool *s = NULL;

	if (all->count < SPOOLS_MAX)
		s = calloc(1, sizeof(*s));
	if (s == NULL) {
		(void)err_set(e, ERR_BUSY,
		    "the output of too many runs is kept; try again later");
		return NULL;
	}
	s->all = all;
	s->fd = -1;
	spoolhead_init(&s->head, run, max);
	recordings_owner(verifier, s->owner);
	s->place =
	    (struct shares_entry){ .user = shares_join(all->room, s->owner),
		    .arg = s,
		    .drop = drop_file };
	s->file =
	    (struct shares_entry){ .user = shares_join(all->files, s->owner),
		    .arg = s };
	all->count++;
	return s;
}

static void
give_room(struct spool *s, uint64_t bytes)
{
	shares_give(s->all->room, s->place.user, bytes);
	s->all->used -= bytes;
}

/* The file as it is stays where it is, if it has a name. */
static void
leave_file(struct spool *s)
{
	shares_withdraw(&s->place);
	give_room(s, s->held + s->head_held);
	s->held = s->head_held = 0;
	shares_withdraw(&s->file);
	if (s->fd != -1)
		shares_give(s->all->files, s->file.user, 1);
	cleanup_fd(&s->fd);
	s->fd = -1;
}

/* Give back what it has on the disk: all that it kept is passed over. */
static void
drop_file(void *arg)
{
	struct spool *s = arg;

	leave_file(s);
	if (s->named)
		spooldir_remove(&s->all->dir, s->head.run, SPOOLDIR_OUTPUT);
	s->named = false;
	s->head.first = s->head.total;
	s->head.gap_count = 0;
}

void
spool_remove(struct spool *s)
{
	drop_file(s);
	spool_free(s);
}

void
spool_free(struct spool *s)
{
	if (s == NULL)
		return;
	if (!s->kept)
		drop_file(s);
	leave_file(s);
	give_room(s, s->beside);
	shares_leave(s->all->room, s->place.user);
	shares_leave(s->all->files, s->file.user);
	s->all->count--;
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

static void
drop_segment(struct spool *s)
{
	size_t count = s->head.segment_count;

	drop_front(s->segment, &count, sizeof(s->segment[0]));
	s->head.segment_count = (uint32_t)count;
	s->head.segment_base++;
}

static void
drop_gap(struct spool *s)
{
	size_t count = s->head.gap_count;

	drop_front(s->head.gap, &count, sizeof(s->head.gap[0]));
	s->head.gap_count = (uint32_t)count;
}

/* The oldest changes give way: what was before counts as of the next. */
static void
note_stream(struct spool *s, unsigned stream)
{
	size_t room = s->segment_room > 0 ? 2 * s->segment_room : 4;
	struct spoolhead_segment *more;
	uint32_t count = s->head.segment_count;

	if (count > 0 && s->segment[count - 1].stream == stream)
		return;
	if (count == s->segment_room && s->segment_room < SPOOL_SEGMENTS) {
		more = reallocarray(s->segment, room, sizeof(*more));
		if (more != NULL) {
			s->segment = more;
			s->segment_room = room;
		}
	}
	if (s->segment_room == 0)
		return;
	if (count == s->segment_room)
		drop_segment(s);
	s->segment[s->head.segment_count++] =
	    (struct spoolhead_segment){ s->head.total, stream };
}

/* With too many gaps the oldest part is given up. */
static void
note_gap(struct spool *s, uint64_t from, uint64_t to)
{
	struct spoolhead *h = &s->head;
	struct spoolhead_gap *last =
	    h->gap_count > 0 ? &h->gap[h->gap_count - 1] : NULL;

	h->lost += to - from;
	if (last != NULL && last->to == from) {
		last->to = to;
		return;
	}
	if (h->gap_count == SPOOL_GAPS) {
		h->first = h->gap[0].to;
		drop_gap(s);
	}
	h->gap[h->gap_count++] = (struct spoolhead_gap){ from, to };
}

/* What is overwritten from now on is not kept any more. */
static void
move_first(struct spool *s)
{
	struct spoolhead *h = &s->head;

	if (h->total > h->max && h->first < h->total - h->max)
		h->first = h->total - h->max;
	while (h->gap_count > 0 && h->gap[0].to <= h->first)
		drop_gap(s);
	while (h->segment_count > 1 && s->segment[1].from <= h->first)
		drop_segment(s);
}

/* Nobody may take it from this run from now on, or only late. */
static void
use_room(struct spool *s, uint64_t more)
{
	shares_take(s->all->room, s->place.user, more);
	s->all->used += more;
	if (!s->closed && s->place.serial == 0)
		shares_offer_late(s->all->room, &s->place);
}

/* Never its own: that is what it is for. */
static bool
make_room(struct spool *s, uint64_t more)
{
	return recordings_make_room(
	    s->all->dir.recordings, s->place.user, more, false);
}

/* So many bytes more on the disk. */
static int
take_room(struct spool *s, uint64_t more, uint64_t *held, struct err *e)
{
	if (!make_room(s, more))
		return err_set(e, ERR_BUSY,
		    "all that is kept may have %llu bytes (recordings.max_bytes)",
		    (unsigned long long)recordings_max_bytes(
			s->all->dir.recordings));
	use_room(s, more);
	*held += more;
	return 0;
}

void
spool_charge(struct spool *s, uint64_t bytes)
{
	if (s->beside != 0)
		return;
	(void)make_room(s, bytes);
	shares_take(s->all->room, s->place.user, bytes);
	s->all->used += bytes;
	s->beside = bytes;
}

static int
write_at(struct spool *s, uint64_t at, struct bytes data, struct err *e)
{
	uint64_t ring = spoolhead_ring(&s->head), place = at % ring, more;
	ssize_t n;

	while (data.len > 0) {
		size_t part = data.len;

		if (part > ring - place)
			part = (size_t)(ring - place);
		/* a file that was begun again has a hole before this */
		more = part < ring - s->held ? part : ring - s->held;
		if (more > 0 && take_room(s, more, &s->held, e) != 0)
			return e->code;
		n = pwrite(
		    s->fd, data.p, part, (off_t)(SPOOLHEAD_BYTES + place));
		if (n <= 0)
			return err_sys(e, "keeping output");
		data = bytes_make(data.p + n, data.len - (size_t)n);
		place = (place + (uint64_t)n) % ring;
	}
	return 0;
}

static int
make_file_room(struct spool *s, struct err *e)
{
	struct spools *all = s->all;
	struct shares_entry *x;

	while (shares_used(all->files) >= SPOOL_FILES) {
		x = shares_victim(all->files, s->file.user);
		if (x == NULL)
			return err_set(e, ERR_BUSY,
			    "the output of %d runs is kept already",
			    SPOOL_FILES);
		drop_file(x->arg);
	}
	return 0;
}

static int
open_file(struct spool *s, struct err *e)
{
	if (make_file_room(s, e) != 0)
		return e->code;
	s->named = s->kept;
	s->fd = spooldir_create(&s->all->dir, s->head.run, &s->named, e);
	s->stale = true;
	s->segments_written = s->head.segment_base;
	if (s->fd >= 0) {
		shares_take(s->all->files, s->file.user, 1);
		return 0;
	}
	s->fd = -1;
	s->named = false;
	return e->code;
}

/* The changes that it names come first, and so the head never lies. */
static int
write_head(struct spool *s, struct err *e)
{
	struct spoolhead *h = &s->head;
	uint64_t i = s->segments_written;

	if (s->head_held == 0 &&
	    take_room(s, SPOOLHEAD_BYTES, &s->head_held, e) != 0)
		return e->code;
	if (i < h->segment_base)
		i = h->segment_base;
	for (; i < h->segment_base + h->segment_count; i++)
		if (spoolhead_write_segment(
			s->fd, i, &s->segment[i - h->segment_base], e) != 0)
			return e->code;
	s->segments_written = i;
	return spoolhead_write(s->fd, h, e);
}

/* What the disk has is right, if behind: nothing may be overwritten before. */
static int
bring_up(struct spool *s, struct err *e)
{
	s->stale = true;
	if (write_head(s, e) != 0)
		return e->code;
	s->stale = false;
	return 0;
}

static int
make_ready(struct spool *s, struct err *e)
{
	if (s->fd == -1 && open_file(s, e) != 0)
		return e->code;
	return s->kept && s->stale ? bring_up(s, e) : 0;
}

static void
log_gap(struct spool *s, const struct err *e)
{
	uint32_t dropped;

	if (log_limit_allows(&s->all->complaints, &dropped))
		log_err("spool: %s; the run goes on", e->what);
}

/* The bytes first, then the head that counts them. */
static void
put_piece(struct spool *s, unsigned stream, struct bytes data)
{
	struct err e = { 0 };
	int rc = make_ready(s, &e);
	uint64_t at = s->head.total;

	note_stream(s, stream);
	s->head.total += data.len;
	s->head.bytes[stream == 2] += data.len;
	move_first(s);
	if (rc == 0)
		rc = write_at(s, at, data, &e);
	if (rc != 0)
		note_gap(s, at, s->head.total);
	if (s->kept && s->fd != -1 && bring_up(s, &e) != 0)
		rc = e.code;
	if (rc != 0)
		log_gap(s, &e);
}

void
spool_put(struct spool *s, unsigned stream, struct bytes data)
{
	while (data.len > 0) {
		size_t n =
		    data.len < SPOOLHEAD_PIECE ? data.len : SPOOLHEAD_PIECE;

		put_piece(s, stream, bytes_make(data.p, n));
		data = bytes_make(data.p + n, data.len - n);
	}
}

void
spool_close(struct spool *s)
{
	s->closed = true;
	shares_withdraw(&s->place);
	if (s->held + s->head_held > 0)
		shares_offer(s->all->room, &s->place);
	if (s->fd != -1 && s->file.serial == 0)
		shares_offer(s->all->files, &s->file);
}

/* --- for the next executor -------------------------------------------------- */

int
spool_keep(struct spool *s, struct err *e)
{
	if (s->kept)
		return 0;
	memcpy(s->head.owner, s->owner, sizeof(s->head.owner));
	if (s->fd != -1) {
		if (bring_up(s, e) != 0 ||
		    (!s->named && spooldir_link(&s->all->dir, s->fd,
				      s->head.run, e) != 0))
			return e->code;
		s->named = true;
	}
	s->kept = true;
	return 0;
}

/* Bytes that were written after the last head do not count. */
static int
cut_file(struct spool *s, struct err *e)
{
	uint64_t most = spoolhead_ring(&s->head), size;
	struct stat st;

	if (fstat(s->fd, &st) == -1)
		return err_sys(e, "fstat");
	size = st.st_size < SPOOLHEAD_BYTES
		   ? 0
		   : (uint64_t)st.st_size - SPOOLHEAD_BYTES;
	if (most > s->head.total)
		most = s->head.total;
	if (size > most) {
		size = most;
		if (ftruncate(s->fd, (off_t)(SPOOLHEAD_BYTES + size)) == -1)
			return err_sys(e, "ftruncate");
	}
	if (take_room(s, SPOOLHEAD_BYTES, &s->head_held, e) != 0)
		return e->code;
	return take_room(s, size, &s->held, e);
}

static int
load_segments(struct spool *s, struct err *e)
{
	struct spoolhead *h = &s->head;

	s->segments_written = h->segment_base + h->segment_count;
	if (h->segment_count == 0)
		return 0;
	s->segment = err_alloc(SPOOL_SEGMENTS, sizeof(s->segment[0]), e);
	if (s->segment == NULL)
		return e->code;
	s->segment_room = SPOOL_SEGMENTS;
	return spoolhead_read_segments(s->fd, h, s->segment, e);
}

static int
load_file(struct spool *s, struct err *e)
{
	char run[ASCIICAST_ID];

	memcpy(run, s->head.run, sizeof(run));
	if (make_file_room(s, e) != 0)
		return e->code;
	s->fd = spooldir_open(&s->all->dir, run, SPOOLDIR_OUTPUT, e);
	if (s->fd < 0) {
		s->fd = -1;
		return e->code;
	}
	shares_take(s->all->files, s->file.user, 1);
	if (spoolhead_read(s->fd, run, s->owner, &s->head, e) != 0)
		return e->code;
	if (load_segments(s, e) == 0)
		return cut_file(s, e);
	s->head.segment_count = 0;
	return e->code;
}

/* There was more: the disk never had it, or has it no more. */
static void
pass_over(struct spool *s, uint64_t bytes)
{
	uint64_t from = s->head.total;

	s->head.total += bytes;
	s->head.bytes[0] += bytes;
	move_first(s);
	note_gap(s, from, s->head.total);
	if (s->fd == -1)
		s->head.first = s->head.total;
	move_first(s);
}

struct spool *
spool_load(struct spools *all, const char *run,
    const uint8_t verifier[DIGEST_BYTES], bool has_file, uint64_t total,
    struct err *e)
{
	struct spool *s = spool_new(all, run, verifier, 0, e);

	if (s == NULL)
		return NULL;
	s->kept = s->named = true;
	if (has_file && load_file(s, e) != 0) {
		spool_free(s);
		return NULL;
	}
	s->named = has_file;
	if (!has_file)
		memcpy(s->head.owner, s->owner, sizeof(s->head.owner));
	if (total > s->head.total)
		pass_over(s, total - s->head.total);
	return s;
}

/* --- reading -------------------------------------------------------------- */

uint64_t
spool_total(const struct spool *s)
{
	return s->head.total;
}

uint64_t
spool_first(const struct spool *s)
{
	return s->head.first;
}

uint64_t
spool_lost(const struct spool *s)
{
	return s->head.lost;
}

uint64_t
spool_bytes(const struct spool *s, unsigned stream)
{
	return s->head.bytes[stream == 2];
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
	const struct spoolhead *h = &s->head;
	uint64_t end = h->total, ring = spoolhead_ring(h);
	size_t i;

	for (i = 0; i < h->gap_count; i++)
		if (h->gap[i].from <= *at)
			skip_to(at, h->gap[i].to, lost);
		else if (h->gap[i].from < end)
			end = h->gap[i].from;
	if (end - *at > ring - *at % ring)
		end = *at + (ring - *at % ring);
	return end;
}

static unsigned
stream_at(const struct spool *s, uint64_t at, uint64_t *end)
{
	unsigned stream = 1;
	size_t i;

	for (i = 0; i < s->head.segment_count; i++) {
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
	if (*at >= s->head.total) {
		*at = s->head.total;
		return 0;
	}
	skip_to(at, s->head.first, lost);
	end = end_of_piece(s, at, lost);
	*stream = stream_at(s, *at, &end);
	if (end - *at < max)
		max = (size_t)(end - *at);
	n = max == 0 ? 0
		     : pread(s->fd, out, max,
			   (off_t)(SPOOLHEAD_BYTES +
				   *at % spoolhead_ring(&s->head)));
	if (n > 0)
		return (size_t)n;
	if (max > 0) { /* the disk does not give it back */
		log_err("spool: %s", n == 0 ? "cut short" : strerror(errno));
		skip_to(at, s->head.total, lost);
	}
	return 0;
}
