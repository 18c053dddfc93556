/* SPDX-License-Identifier: MIT */
/* spoolhead: two copies and a ring.  Executor; what is read may be damaged. */
#include "executor/recording/spoolhead.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { COPY_AT = 2048, SLOTS_AT = 4096 };

#define MOST ((uint64_t)1 << 48) /* bytes of a run's output, at any time */

static const uint8_t magic[8] = "mcpspool";

_Static_assert(sizeof(struct spoolhead) == 320, "the file has no holes");
_Static_assert(sizeof(struct spoolhead) <= COPY_AT, "two in their page");

uint64_t
spoolhead_ring(const struct spoolhead *h)
{
	return h->max + SPOOLHEAD_PIECE;
}

void
spoolhead_init(struct spoolhead *h, const char *run, uint64_t max)
{
	memset(h, 0, sizeof(*h));
	memcpy(h->magic, magic, sizeof(magic));
	h->format = SPOOLHEAD_FORMAT;
	(void)snprintf(h->run, sizeof(h->run), "%s", run);
	h->max = max > SPOOLHEAD_LEAST ? max : SPOOLHEAD_LEAST;
}

static void
sum_up(const struct spoolhead *h, uint8_t sum[DIGEST_BYTES])
{
	digest_sha256(bytes_make(h, offsetof(struct spoolhead, sum)), sum);
}

/* --- writing -------------------------------------------------------------- */

int
spoolhead_write(int fd, struct spoolhead *h, struct err *e)
{
	off_t at;

	h->generation++;
	sum_up(h, h->sum);
	at = h->generation % 2 == 0 ? 0 : COPY_AT;
	if (pwrite(fd, h, sizeof(*h), at) == (ssize_t)sizeof(*h))
		return 0;
	h->generation--; /* the other copy is the one that counts */
	return err_sys(e, "keeping output");
}

static off_t
slot_of(uint64_t number)
{
	return SLOTS_AT + (off_t)(number % SPOOLHEAD_SLOTS * sizeof(number));
}

int
spoolhead_write_segment(
    int fd, uint64_t number, const struct spoolhead_segment *x, struct err *e)
{
	uint64_t word = x->from << 1 | (x->stream == 2);

	if (pwrite(fd, &word, sizeof(word), slot_of(number)) !=
	    (ssize_t)sizeof(word))
		return err_sys(e, "keeping output");
	return 0;
}

/* --- reading -------------------------------------------------------------- */

static bool
has_order(const struct spoolhead *h)
{
	uint64_t last = 0;

	for (uint32_t i = 0; i < h->gap_count; i++) {
		if (h->gap[i].from < last || h->gap[i].to <= h->gap[i].from ||
		    h->gap[i].to > h->total)
			return false;
		last = h->gap[i].to;
	}
	return true;
}

static bool
is_possible(const struct spoolhead *h)
{
	return h->max >= SPOOLHEAD_LEAST && h->max <= MOST &&
	       h->total <= MOST && h->first <= h->total &&
	       h->total - h->first <= h->max && h->lost <= h->total &&
	       h->bytes[0] <= h->total &&
	       h->bytes[1] == h->total - h->bytes[0] &&
	       h->segment_base <= MOST &&
	       h->segment_count <= SPOOLHEAD_SEGMENTS &&
	       h->gap_count <= SPOOLHEAD_GAPS && has_order(h);
}

enum verdict { WHOLE, DAMAGED, FOREIGN };

static enum verdict
judge_copy(const struct spoolhead *h)
{
	uint8_t sum[DIGEST_BYTES];

	if (memcmp(h->magic, magic, sizeof(magic)) != 0)
		return DAMAGED;
	if (h->format != SPOOLHEAD_FORMAT)
		return FOREIGN;
	sum_up(h, sum);
	return memcmp(sum, h->sum, sizeof(sum)) == 0 && is_possible(h)
		   ? WHOLE
		   : DAMAGED;
}

static int
pick_copy(int fd, struct spoolhead *h, struct err *e)
{
	bool found = false, foreign = false;
	enum verdict v;

	for (off_t at = 0; at <= COPY_AT; at += COPY_AT) {
		struct spoolhead copy;

		if (pread(fd, &copy, sizeof(copy), at) != (ssize_t)sizeof(copy))
			continue;
		v = judge_copy(&copy);
		foreign |= v == FOREIGN;
		if (v != WHOLE || (found && copy.generation < h->generation))
			continue;
		*h = copy;
		found = true;
	}
	if (found)
		return 0;
	return err_set(e, ERR_BAD, "%s",
	    foreign
		? "another version of mcp-execd wrote it, in a format that this one does not read"
		: "it is damaged");
}

int
spoolhead_read(int fd, const char *run, const uint8_t owner[DIGEST_BYTES],
    struct spoolhead *h, struct err *e)
{
	if (pick_copy(fd, h, e) != 0)
		return e->code;
	if (strncmp(h->run, run, sizeof(h->run)) == 0 &&
	    memcmp(h->owner, owner, DIGEST_BYTES) == 0)
		return 0;
	return err_set(e, ERR_BAD, "it is of another run");
}

int
spoolhead_read_segments(int fd, const struct spoolhead *h,
    struct spoolhead_segment *out, struct err *e)
{
	uint64_t word, last = 0;

	for (uint32_t i = 0; i < h->segment_count; i++) {
		if (pread(fd, &word, sizeof(word),
			slot_of(h->segment_base + i)) != (ssize_t)sizeof(word))
			return err_set(e, ERR_BAD, "it is cut short");
		out[i].from = word >> 1;
		out[i].stream = (word & 1) != 0 ? 2 : 1;
		if (out[i].from < last || out[i].from > h->total)
			return err_set(e, ERR_BAD, "its streams are damaged");
		last = out[i].from;
	}
	return 0;
}
