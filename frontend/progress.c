/* SPDX-License-Identifier: MIT */
/* progress: live output, coalesced and paced (frontend, any bytes). */
#include <string.h>

#include "common/clock.h"
#include "frontend/progress.h"

enum {
	PROGRESS_PACE_MS = 100, /* least between two notifications */
	PROGRESS_LINE_MS = 1000, /* for which a line may stay unfinished */
	PROGRESS_PIECE = CALLS_WINDOW / 2, /* bytes of one notification */
	PROGRESS_HELD = 2 * CALLS_WINDOW
};

static void on_timer(void *arg);

void
progress_begin(struct progress *p, const struct progress_sink *sink)
{
	if (p->token[0] == '\0' || sink->notify == NULL)
		return;
	p->sink = *sink;
	p->timer = (struct loop_timer){ .handler = on_timer, .arg = p };
	buf_init(&p->held, PROGRESS_HELD);
	(void)p->sink.notify(p->sink.arg, bytes_of(""));
}

bool
progress_is_wanted(const struct progress *p)
{
	return p->sink.notify != NULL;
}

static bool
has_room(const struct progress *p)
{
	return p->sink.notify(p->sink.arg, bytes_of(""));
}

/* Without the beginning of a character that is not all there. */
static size_t
whole_characters(struct bytes s)
{
	for (size_t back = 1; back <= 3 && back < s.len; back++) {
		uint8_t c = s.p[s.len - back];
		size_t wants = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;

		if (c >= 0xc0)
			return wants > back ? s.len - back : s.len;
		if (c < 0x80)
			break;
	}
	return s.len;
}

/* Bytes of what is held that may go out now; 0: wait for more. */
static size_t
piece(const struct progress *p, uint64_t now)
{
	size_t n = p->held.len < PROGRESS_PIECE ? p->held.len : PROGRESS_PIECE;
	const uint8_t *nl = n > 0 ? memrchr(p->held.p, '\n', n) : NULL;

	if (nl != NULL)
		return (size_t)(nl - p->held.p) + 1;
	if (n < PROGRESS_PIECE && now - p->since_ms < PROGRESS_LINE_MS)
		return 0;
	return whole_characters(bytes_make(p->held.p, n));
}

static void
send_piece(struct progress *p, size_t n)
{
	struct buf out;
	size_t paid = n < p->unpaid ? n : p->unpaid;

	/* what was left out has gone by as well */
	p->bytes += n + p->skipped;
	p->skipped = 0;
	buf_init(&out, 6 * n + 1024);
	buf_put_str(
	    &out, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"");
	json_put_key(&out, "params");
	buf_put_str(&out, "{");
	json_put_key(&out, "progressToken");
	buf_put_str(&out, p->token);
	json_put_member_i64(&out, "progress", (int64_t)p->bytes);
	if (p->message)
		json_put_member(&out, "message", bytes_make(p->held.p, n));
	buf_put_str(&out, "}}");
	if (!out.overflow)
		(void)p->sink.notify(p->sink.arg, buf_bytes(&out));
	buf_fini(&out);
	buf_consume(&p->held, n);
	p->unpaid -= paid;
	calls_credit(p->calls, p->call, (uint32_t)paid);
}

static void
arm(struct progress *p, uint64_t at_ms, uint64_t now)
{
	loop_timer_set(p->loop, &p->timer, at_ms > now ? at_ms - now : 0);
}

/* Send what is due, or look again when it is. */
static void
step(struct progress *p)
{
	uint64_t now = clock_mono_ms();
	size_t n;

	if (p->held.len == 0)
		return;
	/* much at once need not wait: the window is what bounds it */
	if (now - p->last_ms < PROGRESS_PACE_MS &&
	    p->held.len < PROGRESS_PIECE) {
		arm(p, p->last_ms + PROGRESS_PACE_MS, now);
		return;
	}
	n = piece(p, now);
	if (n == 0) {
		arm(p, p->since_ms + PROGRESS_LINE_MS, now);
		return;
	}
	if (has_room(p)) {
		send_piece(p, n);
		p->since_ms = p->last_ms = now;
	}
	if (p->held.len > 0)
		arm(p, now + PROGRESS_PACE_MS, now);
}

static void
on_timer(void *arg)
{
	step(arg);
}

void
progress_output(struct progress *p, uint64_t skipped, struct bytes data)
{
	if (!progress_is_wanted(p)) {
		calls_credit(p->calls, p->call, (uint32_t)data.len);
		return;
	}
	if (p->held.len == 0)
		p->since_ms = clock_mono_ms();
	p->skipped += skipped;
	if (skipped > 0)
		capture_put_marker(&p->held, skipped);
	buf_put_bytes(&p->held, data);
	p->unpaid += data.len;
	step(p);
}

void
progress_mute(struct progress *p)
{
	if (!progress_is_wanted(p))
		return;
	p->sink.notify = NULL;
	loop_timer_cancel(p->loop, &p->timer);
	buf_fini(&p->held);
	calls_credit(p->calls, p->call, (uint32_t)p->unpaid);
	p->unpaid = 0;
}

void
progress_end(struct progress *p)
{
	if (!progress_is_wanted(p))
		return;
	while (p->held.len > 0 && has_room(p))
		send_piece(p, p->held.len < PROGRESS_PIECE
				  ? p->held.len
				  : piece(p, UINT64_MAX));
	progress_mute(p);
}
