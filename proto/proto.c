/* SPDX-License-Identifier: MIT */
/*
 * proto: encoder and decoder of the frames, generated from msgs.def.
 *
 * Runs in both processes.  The decoder trusts nothing: what it reads was
 * written by a process that may have been taken over.
 */
#include "proto/proto.h"

#include <assert.h>
#include <string.h>

enum {
	HEADER = 4 /* u16 code, u16 zero */
};

/* Largest frame of each message, as SIZE_CALL and so on. */
enum {
#define MSG(NAME, name, code, dir) SIZE_##NAME = HEADER
#define U8(f)                      +1
#define U32(f)                     +4
#define U64(f)                     +8
#define I32(f)                     +4
#define FIXED(f, n)                +(n)
#define BYTES(f, max)              +4 + (max)
#define END(NAME, name)            ,
#include "proto/msgs.def"
#undef MSG
#undef U8
#undef U32
#undef U64
#undef I32
#undef FIXED
#undef BYTES
#undef END
};

#define MSG(NAME, name, code, dir)                                             \
	static_assert((code) > 0 && (code) < 256, #NAME " code");              \
	static_assert(                                                         \
	    (int)SIZE_##NAME <= (int)PROTO_MAX_FRAME, #NAME " fits no frame");
#define U8(f)
#define U32(f)
#define U64(f)
#define I32(f)
#define FIXED(f, n)
#define BYTES(f, max) static_assert((max) <= PROTO_MAX_DATA, #f " too long");
#define END(NAME, name)
#include "proto/msgs.def"
#undef MSG
#undef U8
#undef U32
#undef U64
#undef I32
#undef FIXED
#undef BYTES
#undef END

/* What is left of a frame; `bad` names the first field that did not fit. */
struct reader {
	const uint8_t *p;
	size_t len;
	const char *bad;
};

struct writer {
	struct buf *out;
	const char *bad;
};

/* The next n bytes, or NULL when the frame is too short for them. */
static const uint8_t *
take_field(struct reader *r, size_t n, const char *field)
{
	const uint8_t *p = r->p;

	if (r->bad != NULL)
		return NULL;
	if (n > r->len) {
		r->bad = field;
		return NULL;
	}
	r->p += n;
	r->len -= n;
	return p;
}

static uint64_t
get_uint(struct reader *r, size_t n, const char *field)
{
	const uint8_t *p = take_field(r, n, field);
	uint64_t v = 0;

	if (p == NULL)
		return 0;
	for (size_t i = n; i > 0; i--)
		v = v << 8 | p[i - 1];
	return v;
}

static int32_t
get_i32(struct reader *r, const char *field)
{
	uint32_t u = (uint32_t)get_uint(r, 4, field);
	int32_t v;

	memcpy(&v, &u, sizeof(v));
	return v;
}

static void
get_fixed(struct reader *r, uint8_t *out, size_t n, const char *field)
{
	const uint8_t *p = take_field(r, n, field);

	if (p != NULL)
		memcpy(out, p, n);
}

static struct bytes
get_bytes(struct reader *r, size_t max, const char *field)
{
	size_t len = (size_t)get_uint(r, 4, field);
	const uint8_t *p;

	if (r->bad == NULL && len > max)
		r->bad = field;
	p = take_field(r, len, field);
	return bytes_make(p, p == NULL ? 0 : len);
}

static void
put_uint(struct writer *w, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_put_u8(w->out, (uint8_t)(v & 0xff));
		v >>= 8;
	}
}

static void
put_bytes(struct writer *w, struct bytes b, size_t max, const char *field)
{
	if (b.len > max) {
		if (w->bad == NULL)
			w->bad = field;
		return;
	}
	put_uint(w, b.len, 4);
	buf_put_bytes(w->out, b);
}

#define MSG(NAME, name, code, dir)                                             \
	static void decode_##name(struct reader *r, struct msg *msg)           \
	{                                                                      \
		struct msg_##name *m = &msg->name;
#define U8(f)           m->f = (uint8_t)get_uint(r, 1, #f);
#define U32(f)          m->f = (uint32_t)get_uint(r, 4, #f);
#define U64(f)          m->f = get_uint(r, 8, #f);
#define I32(f)          m->f = get_i32(r, #f);
#define FIXED(f, n)     get_fixed(r, m->f, n, #f);
#define BYTES(f, max)   m->f = get_bytes(r, max, #f);
#define END(NAME, name) }
#include "proto/msgs.def"
#undef MSG
#undef U8
#undef U32
#undef U64
#undef I32
#undef FIXED
#undef BYTES
#undef END

#define MSG(NAME, name, code, dir)                                             \
	static void encode_##name(struct writer *w, const struct msg *msg)     \
	{                                                                      \
		const struct msg_##name *m = &msg->name;
#define U8(f)           put_uint(w, m->f, 1);
#define U32(f)          put_uint(w, m->f, 4);
#define U64(f)          put_uint(w, m->f, 8);
#define I32(f)          put_uint(w, (uint32_t)m->f, 4);
#define FIXED(f, n)     buf_put(w->out, m->f, n);
#define BYTES(f, max)   put_bytes(w, m->f, max, #f);
#define END(NAME, name) }
#include "proto/msgs.def"
#undef MSG
#undef U8
#undef U32
#undef U64
#undef I32
#undef FIXED
#undef BYTES
#undef END

struct codec {
	const char *name; /* NULL: no such code */
	enum proto_direction direction;
	void (*decode)(struct reader *r, struct msg *msg);
	void (*encode)(struct writer *w, const struct msg *msg);
};

static const struct codec codecs[] = {
#define MSG(NAME, name, code, dir)                                             \
	[code] = { #NAME, dir, decode_##name, encode_##name },
#define U8(f)
#define U32(f)
#define U64(f)
#define I32(f)
#define FIXED(f, n)
#define BYTES(f, max)
#define END(NAME, name)
#include "proto/msgs.def"
#undef MSG
#undef U8
#undef U32
#undef U64
#undef I32
#undef FIXED
#undef BYTES
#undef END
};

static const struct codec *
find_codec(unsigned code)
{
	if (code >= sizeof(codecs) / sizeof(codecs[0]) ||
	    codecs[code].name == NULL)
		return NULL;
	return &codecs[code];
}

int
proto_encode(const struct msg *m, struct buf *out, struct err *e)
{
	const struct codec *c = find_codec(m->code);
	struct writer w = { .out = out };
	size_t before = out->len;

	if (c == NULL)
		return err_set(
		    e, ERR_BAD, "no frame has code %u", (unsigned)m->code);
	put_uint(&w, m->code, 2);
	put_uint(&w, 0, 2);
	c->encode(&w, m);
	if (w.bad == NULL && !out->overflow)
		return 0;
	/* Half a frame must never be sent. */
	out->len = before;
	if (w.bad != NULL)
		return err_set(e, ERR_BAD, "%s.%s is too long", c->name, w.bad);
	return err_set(e, ERR_BUSY, "no room for a %s frame", c->name);
}

int
proto_decode(struct bytes frame, enum proto_direction dir, struct msg *out,
    struct err *e)
{
	struct reader r = { .p = frame.p, .len = frame.len };
	unsigned code = (unsigned)get_uint(&r, 2, "code");
	unsigned zero = (unsigned)get_uint(&r, 2, "header");
	const struct codec *c = find_codec(code);
	struct msg m;

	if (r.bad != NULL)
		return err_set(e, ERR_PROTO, "frame of %zu bytes", frame.len);
	if (c == NULL)
		return err_set(e, ERR_PROTO, "unknown frame code %u", code);
	if (c->direction != dir)
		return err_set(
		    e, ERR_PROTO, "%s in the wrong direction", c->name);
	if (zero != 0)
		return err_set(e, ERR_PROTO, "%s with flags", c->name);
	memset(&m, 0, sizeof(m));
	m.code = (enum proto_code)code;
	c->decode(&r, &m);
	if (r.bad != NULL)
		return err_set(
		    e, ERR_PROTO, "%s.%s has a bad length", c->name, r.bad);
	if (r.len != 0)
		return err_set(
		    e, ERR_PROTO, "%s with %zu trailing bytes", c->name, r.len);
	*out = m;
	return 0;
}

const char *
proto_name(unsigned code)
{
	const struct codec *c = find_codec(code);

	return c == NULL ? "?" : c->name;
}

static const char *
text_of(const char *const *names, size_t count, unsigned i)
{
	return i < count ? names[i] : "?";
}

#define TEXT_OF(names, i)                                                      \
	text_of(names, sizeof(names) / sizeof((names)[0]), (unsigned)(i))

const char *
proto_state_name(enum proto_state s)
{
	static const char *const names[] = {
		[PROTO_EXITED] = "exited",
		[PROTO_SIGNALLED] = "signalled",
		[PROTO_TIMED_OUT] = "timed_out",
		[PROTO_CANCELLED] = "cancelled",
		[PROTO_REFUSED] = "refused",
		[PROTO_LOST] = "lost",
		[PROTO_RUNNING] = "running",
	};

	return TEXT_OF(names, s);
}

const char *
proto_why_name(enum proto_why w)
{
	static const char *const names[] = {
		[PROTO_WHY_CLIENT] = "client",
		[PROTO_WHY_DISCONNECT] = "disconnect",
		[PROTO_WHY_SESSION] = "session",
	};

	return TEXT_OF(names, w);
}

const char *
proto_authfail_name(enum proto_authfail r)
{
	static const char *const names[] = {
		[PROTO_AUTH_MISSING] = "missing",
		[PROTO_AUTH_MALFORMED] = "malformed",
		[PROTO_AUTH_UNKNOWN] = "unknown",
		[PROTO_AUTH_EXPIRED] = "expired",
		[PROTO_AUTH_SOURCE] = "source",
	};

	return TEXT_OF(names, r);
}
