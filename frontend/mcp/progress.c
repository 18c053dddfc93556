/* SPDX-License-Identifier: MIT */
/* progress: live output, coalesced and paced (frontend, any bytes). */
#include <string.h>

#include "common/clock.h"
#include "common/utf8.h"
#include "frontend/content/cleantext.h"
#include "frontend/mcp/progress.h"

enum {
	PROGRESS_PACE_MS = 100, /* least between two notifications */
	PROGRESS_LINE_MS = 1000, /* for which a line may stay unfinished */
	PROGRESS_PIECE = CALLS_WINDOW / 2, /* bytes of one notification */
	PROGRESS_HELD = 2 * CALLS_WINDOW,
	PROGRESS_RUNS = 16 /* messages of one notification, at most */
};

/* Bytes of one stream that arrived one after the other. */
struct progress_run {
	uint32_t len;
	uint32_t stream;
};

static void on_timer(void *arg);

void
progress_begin(struct progress *p, const struct progress_sink *sink)
{
	if (sink->notify == NULL ||
	    (p->token[0] == '\0' && !level_wants(p->level, LEVEL_WARNING)))
		return;
	p->sink = *sink;
	p->timer = (struct loop_timer){ .handler = on_timer, .arg = p };
	buf_init(&p->held, PROGRESS_HELD);
	/* the shortest run is one byte */
	buf_init(&p->runs, PROGRESS_HELD * sizeof(struct progress_run));
	(void)p->sink.notify(p->sink.arg, bytes_of(""));
}

static bool
is_wanted(const struct progress *p)
{
	return p->sink.notify != NULL;
}

static bool
has_room(const struct progress *p)
{
	return p->sink.notify(p->sink.arg, bytes_of(""));
}

static struct progress_run *
list_runs(const struct progress *p, size_t *count)
{
	*count = p->runs.len / sizeof(struct progress_run);
	return (struct progress_run *)(void *)p->runs.p;
}

static void
add_run(struct progress *p, unsigned stream, size_t len)
{
	struct progress_run fresh = { .len = (uint32_t)len, .stream = stream };
	size_t n;
	struct progress_run *r = list_runs(p, &n);

	if (n > 0 && r[n - 1].stream == stream)
		r[n - 1].len += (uint32_t)len;
	else
		buf_put(&p->runs, &fresh, sizeof(fresh));
}

/* Most bytes of one notification: with messages, few of them. */
static size_t
most_bytes(const struct progress *p)
{
	size_t max =
	    p->held.len < PROGRESS_PIECE ? p->held.len : PROGRESS_PIECE;
	size_t n, sum = 0;
	const struct progress_run *r = list_runs(p, &n);

	if (p->level == LEVEL_NONE || n <= PROGRESS_RUNS)
		return max;
	for (size_t i = 0; i < PROGRESS_RUNS; i++)
		sum += r[i].len;
	return sum < max ? sum : max;
}

/* Bytes of what is held that may go out now; 0: wait for more. */
static size_t
piece_size(const struct progress *p, uint64_t now)
{
	size_t n = most_bytes(p);
	const uint8_t *nl = n > 0 ? memrchr(p->held.p, '\n', n) : NULL;

	if (nl != NULL)
		return (size_t)(nl - p->held.p) + 1;
	if (n == p->held.len && n < PROGRESS_PIECE &&
	    now - p->since_ms < PROGRESS_LINE_MS)
		return 0;
	return utf8_whole(bytes_make(p->held.p, n));
}

/* Text as shown: made harmless, or a word if it is not text. */
static void
put_shown(const struct progress *p, struct bytes text, struct buf *out)
{
	buf_init(out, 8 * text.len + 64);
	if (p->raw)
		buf_put_bytes(out, text);
	else if (p->binary)
		buf_printf(out, "[%zu bytes that are not text]\n", text.len);
	else
		cleantext_put(out, text);
}

static void
send_progress(struct progress *p, struct bytes text)
{
	struct buf out, shown;

	put_shown(p, text, &shown);
	buf_init(&out, 6 * shown.len + 1024);
	buf_put_str(
	    &out, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"");
	json_put_key(&out, "params");
	buf_put_str(&out, "{");
	json_put_key(&out, "progressToken");
	buf_put_str(&out, p->token);
	json_put_member_i64(&out, "progress", (int64_t)p->bytes);
	if (p->message)
		json_put_member(&out, "message", buf_bytes(&shown));
	buf_put_str(&out, "}}");
	if (!out.overflow)
		(void)p->sink.notify(p->sink.arg, buf_bytes(&out));
	buf_fini(&out);
	buf_fini(&shown);
}

static void
send_message(struct progress *p, unsigned stream, struct bytes text)
{
	bool err = stream == CAPTURE_STDERR;
	enum level level = err ? LEVEL_WARNING : LEVEL_INFO;
	struct buf out, shown;

	if (!level_wants(p->level, level))
		return;
	put_shown(p, text, &shown);
	/* the end of a line is not of its text */
	if (shown.len > 0 && shown.p[shown.len - 1] == '\n')
		shown.len--;
	buf_init(&out, 6 * shown.len + 1024);
	level_put_message(
	    &out, level, err ? "stderr" : "stdout", buf_bytes(&shown));
	if (!out.overflow)
		(void)p->sink.notify(p->sink.arg, buf_bytes(&out));
	buf_fini(&out);
	buf_fini(&shown);
}

/* The first n bytes, each run of one stream a message; they are forgotten. */
static void
send_messages(struct progress *p, size_t n)
{
	size_t count, i = 0;
	struct progress_run *r = list_runs(p, &count);
	const uint8_t *at = p->held.p;

	while (n > 0 && i < count) {
		size_t len = r[i].len < n ? r[i].len : n;

		send_message(p, r[i].stream, bytes_make(at, len));
		at += len;
		n -= len;
		r[i].len -= (uint32_t)len;
		if (r[i].len == 0)
			i++;
	}
	buf_consume(&p->runs, i * sizeof(*r));
}

/* The first bytes of files that are not text, as far as no text begins so. */
static bool
begins_binary(struct bytes data)
{
	uint32_t cp;

	return data.len > 0 &&
	       (data.p[0] == 0x7f || utf8_decode(data, &cp) == 0);
}

/* A picture has lines, too, some of which look like text. */
static void
look_for_binary(struct progress *p, struct bytes piece)
{
	p->binary = p->binary || cleantext_is_binary(piece) ||
		    (p->bytes == 0 && begins_binary(piece));
}

static void
send_piece(struct progress *p, size_t n)
{
	size_t paid = n < p->unpaid ? n : p->unpaid;

	look_for_binary(p, bytes_make(p->held.p, n));
	/* what was left out has gone by as well */
	p->bytes += n + p->skipped;
	p->skipped = 0;
	if (p->token[0] != '\0')
		send_progress(p, bytes_make(p->held.p, n));
	send_messages(p, n);
	buf_consume(&p->held, n);
	p->unpaid -= paid;
	calls_credit(p->calls, p->call, (uint32_t)paid);
}

static void
arm_timer(struct progress *p, uint64_t at_ms, uint64_t now)
{
	loop_timer_set(p->loop, &p->timer, at_ms > now ? at_ms - now : 0);
}

/* Send what is due, or look again when it is. */
static void
step_runs(struct progress *p)
{
	uint64_t now = clock_mono_ms();
	size_t n;

	if (p->held.len == 0)
		return;
	/* much at once need not wait: the window is what bounds it */
	if (now - p->last_ms < PROGRESS_PACE_MS &&
	    p->held.len < PROGRESS_PIECE) {
		arm_timer(p, p->last_ms + PROGRESS_PACE_MS, now);
		return;
	}
	n = piece_size(p, now);
	if (n == 0) {
		arm_timer(p, p->since_ms + PROGRESS_LINE_MS, now);
		return;
	}
	if (has_room(p)) {
		send_piece(p, n);
		p->since_ms = p->last_ms = now;
	}
	if (p->held.len > 0)
		arm_timer(p, now + PROGRESS_PACE_MS, now);
}

static void
on_timer(void *arg)
{
	step_runs(arg);
}

void
progress_output(
    struct progress *p, unsigned stream, uint64_t skipped, struct bytes data)
{
	size_t before = p->held.len;

	if (!is_wanted(p)) {
		calls_credit(p->calls, p->call, (uint32_t)data.len);
		return;
	}
	if (before == 0)
		p->since_ms = clock_mono_ms();
	p->skipped += skipped;
	if (skipped > 0)
		capture_put_marker(&p->held, skipped);
	buf_put_bytes(&p->held, data);
	if (p->level != LEVEL_NONE && p->held.len > before)
		add_run(p, stream, p->held.len - before);
	p->unpaid += data.len;
	step_runs(p);
}

void
progress_mute(struct progress *p)
{
	if (!is_wanted(p))
		return;
	p->sink.notify = NULL;
	loop_timer_cancel(p->loop, &p->timer);
	buf_fini(&p->held);
	buf_fini(&p->runs);
	calls_credit(p->calls, p->call, (uint32_t)p->unpaid);
	p->unpaid = 0;
}

void
progress_end(struct progress *p)
{
	if (!is_wanted(p))
		return;
	while (p->held.len > 0)
		send_piece(p, most_bytes(p) == p->held.len
				  ? most_bytes(p)
				  : piece_size(p, UINT64_MAX));
	progress_mute(p);
}
