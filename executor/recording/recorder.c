/* SPDX-License-Identifier: MIT */
/* recorder: the recording of one run.  Executor; bytes are untrusted. */
#include "executor/recording/recorder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"

enum {
	MAX_LINES =
	    (RECORDER_MAX_PUT / ASCIICAST_MAX_PIECE + 2) * ASCIICAST_MAX_LINE,
	TAIL_GROWTH = 8, /* times as long may the lines of a tail be */
	WRITEBACK = 1 << 20 /* bytes after which the disk begins */
};

/* Lines that belong together, of a tail. */
struct unit {
	uint32_t lines; /* bytes */
	uint16_t output; /* bytes of it in them */
	uint16_t stream;
};

struct recorder {
	struct recordings *recordings;
	struct recordings_run *run;
	struct recorder_setup setup;
	int fd; /* -1: there is no file */
	uint64_t begin_ns;
	struct buf lines; /* to be written; of a tail, all that is held */
	struct buf units; /* array of struct unit, of a tail */
	size_t first; /* unit of the tail, and where its lines begin */
	size_t first_at;
	uint64_t taken; /* bytes of output: so far; of a tail, held */
	uint64_t skipped[ASCIICAST_STREAMS]; /* bytes before those of a tail */
	uint64_t written; /* bytes that the disk was not told of */
	struct digest digest; /* of the file */
	char error[ERR_MAX_WHAT]; /* why it is not whole, or "" */
	struct asciicast_held held[]; /* by stream; none where it is off */
};

const char *
recorder_mode_name(enum recorder_mode m)
{
	static const char *const names[] = { "off", "tail", "all" };

	return names[m];
}

bool
recorder_may_move(enum recorder_mode m)
{
	return m != RECORDER_TAIL;
}

/* --- the file ------------------------------------------------------------- */

/* Write what is in lines; the disk is kept busy early, so never for long. */
static int
write_lines(struct recorder *r, struct err *e)
{
	struct bytes lines = buf_bytes(&r->lines);

	if (r->lines.overflow)
		return err_memory(e);
	if (recordings_write(r->recordings, r->run, r->fd, lines, e) != 0)
		return e->code;
	digest_update(&r->digest, lines);
	r->written += lines.len;
	if (r->written >= WRITEBACK) {
		(void)sync_file_range(r->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
		r->written = 0;
	}
	buf_reset(&r->lines);
	return 0;
}

static uint64_t
now_us(const struct recorder *r)
{
	return (clock_mono_ns() - r->begin_ns) / 1000;
}

/* --- tail ------------------------------------------------------------------ */

static const struct unit *
first_unit(const struct recorder *r)
{
	return (const struct unit *)(const void *)r->units.p + r->first;
}

static void
drop_first(struct recorder *r)
{
	const struct unit *u = first_unit(r);

	r->taken -= u->output;
	r->run->file->held[u->stream - 1] -= u->output;
	r->skipped[u->stream - 1] += u->output;
	r->first_at += u->lines;
	r->first++;
	if (r->first_at < r->lines.len / 2)
		return;
	buf_consume(&r->lines, r->first_at);
	buf_consume(&r->units, r->first * sizeof(*u));
	r->first = r->first_at = 0;
}

static void
note_unit(struct recorder *r, unsigned stream, size_t lines, size_t output)
{
	struct unit u = { (uint32_t)lines, (uint16_t)output, (uint16_t)stream };

	buf_put(&r->units, &u, sizeof(u));
	while (r->taken - first_unit(r)->output >= r->setup.max ||
	       r->lines.len - r->first_at > (size_t)TAIL_GROWTH * r->setup.max)
		drop_first(r);
}

/* --- output ---------------------------------------------------------------- */

static void
note_output(struct recorder *r, unsigned stream, size_t from, size_t output)
{
	if (output == 0)
		return;
	r->taken += output;
	r->run->file->held[stream - 1] += output;
	if (r->setup.mode == RECORDER_TAIL)
		note_unit(r, stream, r->lines.len - from, output);
}

static void
put_pieces(struct recorder *r, unsigned stream, struct bytes data)
{
	uint64_t at = now_us(r);
	size_t from, n;

	while (data.len > 0) {
		from = r->lines.len;
		n = asciicast_put(
		    &r->lines, &r->held[stream - 1], stream, at, &data);
		note_output(r, stream, from, n);
	}
}

static int
fail_recording(struct recorder *r, struct err *e)
{
	(void)snprintf(r->error, sizeof(r->error), "%s", e->what);
	buf_reset(&r->lines);
	return e->code;
}

int
recorder_put(
    struct recorder *r, unsigned stream, struct bytes data, struct err *e)
{
	size_t left;

	if (r->setup.mode == RECORDER_OFF || data.len == 0)
		return 0;
	if (r->setup.mode == RECORDER_TAIL) {
		put_pieces(r, stream, data);
		return 0;
	}
	if (r->error[0] != '\0')
		return err_set(e, ERR_BUSY, "%s", r->error);
	left = r->setup.max > r->taken ? (size_t)(r->setup.max - r->taken) : 0;
	put_pieces(
	    r, stream, bytes_make(data.p, data.len < left ? data.len : left));
	if (write_lines(r, e) != 0)
		return fail_recording(r, e);
	if (data.len <= left)
		return 0;
	(void)err_set(e, ERR_BUSY,
	    "more than %u bytes of output (policy %s, key audit.output_bytes)",
	    r->setup.max, r->setup.head.policy);
	return fail_recording(r, e);
}

/* Counts as output does; of what finds no room, the run need not end. */
static void
put_input(struct recorder *r, struct bytes data, bool withheld)
{
	uint64_t at = now_us(r);
	size_t from, n;

	while (data.len > 0) {
		n = data.len < ASCIICAST_MAX_PIECE ? data.len
						   : ASCIICAST_MAX_PIECE;
		from = r->lines.len;
		asciicast_put_input(
		    &r->lines, at, bytes_make(data.p, withheld ? 0 : n));
		if (r->setup.mode == RECORDER_TAIL)
			note_unit(r, 1, r->lines.len - from, 0);
		data = withheld ? bytes_make(NULL, 0)
				: bytes_make(data.p + n, data.len - n);
	}
}

int
recorder_input(
    struct recorder *r, struct bytes data, bool withheld, struct err *e)
{
	if (r->setup.mode == RECORDER_OFF || data.len == 0)
		return 0;
	if (r->setup.mode == RECORDER_TAIL) {
		put_input(r, data, withheld);
		return 0;
	}
	if (r->error[0] != '\0')
		return err_set(e, ERR_BUSY, "%s", r->error);
	if (r->setup.max - r->taken < data.len)
		return 0;
	r->taken += data.len;
	put_input(r, data, withheld);
	return write_lines(r, e) == 0 ? 0 : fail_recording(r, e);
}

/* --- begin ------------------------------------------------------------------ */

static int
begin_file(struct recorder *r, struct err *e)
{
	r->fd = recordings_create(r->recordings, r->run, &r->setup.head, e);
	if (r->fd < 0)
		return e->code;
	if (r->setup.mode == RECORDER_TAIL)
		return 0; /* its header tells what was skipped */
	asciicast_put_head(&r->lines, &r->setup.head);
	return write_lines(r, e);
}

static struct recorder *
make_recorder(
    struct recordings *k, const struct recorder_setup *s, struct err *e)
{
	size_t held = s->mode == RECORDER_OFF ? 0 : ASCIICAST_STREAMS;
	struct recorder *r =
	    err_alloc(1, sizeof(*r) + held * sizeof(struct asciicast_held), e);

	if (r == NULL)
		return NULL;
	r->recordings = k;
	r->setup = *s;
	r->setup.head.tail = s->mode == RECORDER_TAIL;
	r->fd = -1;
	r->begin_ns = clock_mono_ns();
	buf_init(&r->lines, r->setup.head.tail
				? 2 * TAIL_GROWTH * (size_t)s->max + MAX_LINES
				: MAX_LINES);
	buf_init(&r->units, 64 << 20);
	digest_init(&r->digest);
	return r;
}

struct recorder *
recorder_new(
    struct recordings *k, const struct recorder_setup *s, struct err *e)
{
	struct recorder *r = make_recorder(k, s, e);
	struct asciicast_end none = { .state = PROTO_REFUSED, .exit_code = -1 };

	if (r == NULL)
		return NULL;
	r->run = recordings_begin(k, &r->setup.head);
	if (s->mode == RECORDER_OFF || begin_file(r, e) == 0)
		return r;
	(void)err_wrap(e, "its output cannot be recorded");
	recordings_withdraw(k, r->run);
	recordings_end(k, r->run, &none, 0);
	recorder_free(r);
	return NULL;
}

void
recorder_free(struct recorder *r)
{
	if (r == NULL)
		return;
	cleanup_fd(&r->fd);
	buf_fini(&r->lines);
	buf_fini(&r->units);
	free(r);
}

/* --- moved to another process ------------------------------------------------ */

void
recorder_save(const struct recorder *r, struct recorder_state *s)
{
	*s = (struct recorder_state){ .mode = r->setup.mode,
		.max = r->setup.max,
		.begin_ns = r->begin_ns,
		.begin_s = r->setup.head.begin_s,
		.bytes = r->run->file->bytes,
		.taken = r->taken,
		.failed = r->error[0] != '\0',
		.digest = r->digest };
	for (int i = 0; i < ASCIICAST_STREAMS; i++) {
		size_t n;

		s->held[i] = r->run->file->held[i];
		if (r->setup.mode == RECORDER_OFF)
			continue;
		n = r->held[i].len;
		s->failed |= n > RECORDER_WAITS; /* there are no such */
		s->waiting[i] = s->failed ? 0 : (uint8_t)n;
		memcpy(s->waits[i], r->held[i].p, s->waiting[i]);
	}
}

static int
check_state(const struct recorder_state *s, struct err *e)
{
	if (s->failed)
		return err_set(e, ERR_BAD, "it had failed before");
	if (s->mode != RECORDER_ALL || s->waiting[0] > RECORDER_WAITS ||
	    s->waiting[1] > RECORDER_WAITS)
		return err_set(e, ERR_BAD, "its state is not sound");
	return 0;
}

/* As it was at the moment that was saved. */
static void
take_state(struct recorder *r, const struct recorder_state *s)
{
	r->begin_ns = s->begin_ns;
	r->taken = s->taken;
	r->digest = s->digest;
	for (int i = 0; i < ASCIICAST_STREAMS; i++) {
		r->run->file->held[i] = s->held[i];
		r->held[i].len = s->waiting[i];
		memcpy(r->held[i].p, s->waits[i], s->waiting[i]);
	}
}

struct recorder *
recorder_resume(struct recordings *k, const struct recorder_setup *setup,
    const struct recorder_state *s, struct err *e)
{
	struct recorder_setup as = *setup;
	struct recorder *r;

	as.mode = (enum recorder_mode)s->mode;
	as.max = s->max;
	as.head.begin_s = s->begin_s;
	r = check_state(s, e) == 0 ? make_recorder(k, &as, e) : NULL;
	if (r != NULL) {
		r->fd = recordings_resume(k, &as.head, s->bytes, &r->run, e);
		if (r->fd >= 0) {
			take_state(r, s);
			return r;
		}
		recorder_free(r);
	}
	(void)err_wrap(e, "its recording cannot be gone on with");
	return NULL;
}

void
recorder_leave(struct recorder *r)
{
	static const struct asciicast_end lost = { .state = PROTO_LOST,
		.exit_code = -1 };

	recordings_end(r->recordings, r->run, &lost, 0);
}

/* --- the end ------------------------------------------------------------------ */

/* Write what is held to the file of a tail. */
static int
write_tail(struct recorder *r, struct err *e)
{
	CLEANUP_BUF struct buf head;

	buf_init(&head, ASCIICAST_MAX_LINE);
	memcpy(r->setup.head.skipped, r->skipped, sizeof(r->skipped));
	asciicast_put_head(&head, &r->setup.head);
	if (recordings_write(
		r->recordings, r->run, r->fd, buf_bytes(&head), e) != 0)
		return e->code;
	digest_update(&r->digest, buf_bytes(&head));
	buf_consume(&r->lines, r->first_at);
	return write_lines(r, e);
}

static int
end_file(struct recorder *r, const struct asciicast_end *end, struct err *e)
{
	uint64_t at = now_us(r);
	size_t from, n;
	unsigned s;

	for (s = 1; s <= ASCIICAST_STREAMS; s++) {
		from = r->lines.len;
		n = asciicast_put_held(&r->lines, &r->held[s - 1], s, at);
		note_output(r, s, from, n);
	}
	asciicast_put_end(&r->lines, at, end);
	return r->setup.mode == RECORDER_TAIL ? write_tail(r, e)
					      : write_lines(r, e);
}

void
recorder_end(struct recorder *r, const struct asciicast_end *end)
{
	struct err e;

	if (r->fd >= 0 && r->error[0] == '\0' && end_file(r, end, &e) != 0) {
		log_err("recorder: %s: %s", r->setup.head.run, e.what);
		(void)fail_recording(r, &e);
	}
	cleanup_fd(&r->fd);
	r->fd = -1;
	recordings_end(r->recordings, r->run, end, now_us(r));
}

uint64_t
recorder_kept(const struct recorder *r, unsigned stream)
{
	return r->run->kept ? r->run->file->held[stream - 1] : 0;
}

void
recorder_put_result(struct recorder *r, struct buf *b)
{
	uint8_t sum[DIGEST_BYTES];
	char hex[DIGEST_HEX];

	if (r->setup.mode == RECORDER_OFF)
		return;
	digest_final(&r->digest, sum);
	digest_hex(sum, sizeof(sum), hex);
	audit_put_own(b, "recording.output", recorder_mode_name(r->setup.mode));
	audit_put_i64(b, "recording.bytes", (int64_t)r->run->file->bytes);
	audit_put_own(b, "recording.sha256", hex);
	if (r->error[0] != '\0')
		audit_put_str(b, "recording.error", r->error);
}
