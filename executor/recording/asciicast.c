/* SPDX-License-Identifier: MIT */
/* asciicast: asciicast v2, written.  Executor; the bytes are the command's. */
#include "executor/recording/asciicast.h"

#include <inttypes.h>
#include <string.h>

#include "common/base64.h"
#include "common/json.h"
#include "common/utf8.h"

static void
put_streams(
    struct buf *out, const char *key, const uint64_t n[ASCIICAST_STREAMS])
{
	json_put_key(out, key);
	buf_printf(out, "[%" PRIu64 ",%" PRIu64 "]", n[0], n[1]);
}

void
asciicast_put_head(struct buf *out, const struct asciicast_head *h)
{
	char owner[DIGEST_HEX];

	digest_hex(h->owner, DIGEST_BYTES, owner);
	buf_printf(out,
	    "{\"version\":2,\"width\":%u,\"height\":%u,\"timestamp\":%" PRIu64,
	    h->columns != 0 ? h->columns : 80, h->rows != 0 ? h->rows : 24,
	    h->begin_s);
	json_put_key(out, "env");
	buf_put_str(out, h->columns != 0 ? "{\"TERM\":\"xterm-256color\"}"
					 : "{\"TERM\":\"dumb\"}");
	json_put_key(out, "mcp-execd");
	buf_put_u8(out, '{');
	json_put_member(out, "run", bytes_of(h->run));
	json_put_member(out, "owner", bytes_of(owner));
	json_put_member(out, "token", bytes_of(h->token));
	json_put_member(out, "policy", bytes_of(h->policy));
	json_put_member(out, "tool", bytes_of(h->tool));
	json_put_member(out, "output", bytes_of(h->tail ? "tail" : "all"));
	put_streams(out, "skipped", h->skipped);
	buf_put_str(out, "}}\n");
}

static void
begin_event(struct buf *out, uint64_t at_us, char code)
{
	buf_printf(out, "[%" PRIu64 ".%06" PRIu64 ",\"%c\",", at_us / 1000000,
	    at_us % 1000000, code);
}

static void
put_note(struct buf *out, unsigned stream, uint64_t at_us, bool text,
    struct bytes piece)
{
	if (stream == 1 && text)
		return;
	begin_event(out, at_us, 'x');
	buf_printf(out, "\"%u", stream);
	if (!text) {
		buf_put_u8(out, ' ');
		base64_put(out, piece);
	}
	buf_put_str(out, "\"]\n");
}

/* As a terminal driver does it (termios(3), ONLCR). */
static void
put_shown(struct buf *out, struct bytes piece)
{
	uint8_t shown[2 * ASCIICAST_MAX_PIECE];
	size_t i, n = 0;

	for (i = 0; i < piece.len; i++) {
		if (piece.p[i] == '\n')
			shown[n++] = '\r';
		shown[n++] = piece.p[i];
	}
	json_put_string(out, bytes_make(shown, n));
}

/* The first n bytes of what is held become lines. */
static void
put_piece(struct buf *out, struct asciicast_held *held, unsigned stream,
    uint64_t at_us, size_t n)
{
	struct bytes piece = bytes_make(held->p, n);

	put_note(out, stream, at_us, utf8_valid(piece), piece);
	begin_event(out, at_us, 'o');
	put_shown(out, piece);
	buf_put_str(out, "]\n");
	held->len -= n;
	memmove(held->p, held->p + n, held->len);
}

size_t
asciicast_put(struct buf *out, struct asciicast_held *held, unsigned stream,
    uint64_t at_us, struct bytes *rest)
{
	size_t n = sizeof(held->p) - held->len;

	if (rest->len == 0)
		return 0;
	if (n > rest->len)
		n = rest->len;
	memcpy(held->p + held->len, rest->p, n);
	held->len += n;
	*rest = bytes_make(rest->p + n, rest->len - n);
	n = held->len - utf8_incomplete_tail(bytes_make(held->p, held->len));
	if (n > 0)
		put_piece(out, held, stream, at_us, n);
	return n;
}

size_t
asciicast_put_held(struct buf *out, struct asciicast_held *held,
    unsigned stream, uint64_t at_us)
{
	size_t n = held->len;

	if (n > 0)
		put_piece(out, held, stream, at_us, n);
	return n;
}

void
asciicast_put_input(struct buf *out, uint64_t at_us, struct bytes typed)
{
	bool known = typed.len > 0;

	begin_event(out, at_us, known ? 'i' : 'x');
	json_put_string(out, known ? typed : bytes_of("withheld"));
	buf_put_str(out, "]\n");
}

void
asciicast_put_end(
    struct buf *out, uint64_t at_us, const struct asciicast_end *end)
{
	begin_event(out, at_us, 'x');
	buf_printf(out, "\"end %s %d %d %" PRIu64 " %" PRIu64 "\"]\n",
	    proto_state_name(end->state), end->exit_code, end->signal,
	    end->total[0], end->total[1]);
}
