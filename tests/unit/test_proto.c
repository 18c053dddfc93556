/* SPDX-License-Identifier: MIT */
/* test_proto: every frame there and back, and every way to break one. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <stdbool.h>

#include <cmocka.h>

#include "proto/proto.h"
#include "tests/unit/vectors.h"

static const enum proto_code all_codes[] = {
#define MSG(NAME, name, code, dir) PROTO_##NAME,
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

static const enum proto_direction directions[] = {
#define MSG(NAME, name, code, dir) dir,
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

enum { COUNT = sizeof(all_codes) / sizeof(all_codes[0]) };

static uint8_t filler[PROTO_MAX_DATA + 1];

/* Message i with every field as large as it may be. */
static void
fill(struct msg *m, size_t i)
{
	memset(filler, 'x', sizeof(filler));
	memset(m, 0xa5, sizeof(*m));
	m->code = all_codes[i];
	switch (m->code) {
#define MSG(NAME, name, code, dir)                                             \
	case PROTO_##NAME: {                                                   \
		struct msg_##name *n = &m->name;
#define U8(f)         n->f = UINT8_MAX - 1;
#define U32(f)        n->f = UINT32_MAX - 1;
#define U64(f)        n->f = UINT64_MAX - 1;
#define I32(f)        n->f = INT32_MIN + 1;
#define FIXED(f, len) memset(n->f, 0xfe, len);
#define BYTES(f, max) n->f = bytes_make(filler, max);
#define END(NAME, name)                                                        \
	return;                                                                \
	}
#include "proto/msgs.def"
#undef MSG
#undef U8
#undef U32
#undef U64
#undef I32
#undef FIXED
#undef BYTES
#undef END
	}
	fail();
}

static void
encode(struct msg *m, struct buf *out)
{
	struct err e;

	buf_reset(out);
	assert_int_equal(proto_encode(m, out, &e), 0);
}

static void
test_every_frame_comes_back(void **state)
{
	struct buf one, two;
	struct msg m, back;
	struct err e;

	(void)state;
	buf_init(&one, PROTO_MAX_FRAME);
	buf_init(&two, PROTO_MAX_FRAME);
	for (size_t i = 0; i < COUNT; i++) {
		fill(&m, i);
		encode(&m, &one);
		assert_int_equal(
		    proto_decode(buf_bytes(&one), directions[i], &back, &e), 0);
		assert_int_equal(back.code, m.code);
		encode(&back, &two);
		assert_true(bytes_eq(buf_bytes(&one), buf_bytes(&two)));
	}
	buf_fini(&one);
	buf_fini(&two);
}

static void
test_wrong_direction(void **state)
{
	struct buf b;
	struct msg m, back;
	struct err e;

	(void)state;
	buf_init(&b, PROTO_MAX_FRAME);
	for (size_t i = 0; i < COUNT; i++) {
		fill(&m, i);
		encode(&m, &b);
		assert_int_equal(
		    proto_decode(buf_bytes(&b),
			directions[i] == F2E ? E2F : F2E, &back, &e),
		    ERR_PROTO);
	}
	buf_fini(&b);
}

static void
test_every_cut_is_refused(void **state)
{
	struct buf b;
	struct msg m, back;
	struct err e;

	(void)state;
	buf_init(&b, PROTO_MAX_FRAME + 1);
	for (size_t i = 0; i < COUNT; i++) {
		fill(&m, i);
		encode(&m, &b);
		for (size_t n = 0; n < b.len; n++)
			assert_int_equal(proto_decode(bytes_make(b.p, n),
					     directions[i], &back, &e),
			    ERR_PROTO);
		buf_put_u8(&b, 0);
		assert_int_equal(
		    proto_decode(buf_bytes(&b), directions[i], &back, &e),
		    ERR_PROTO);
	}
	buf_fini(&b);
}

static void
test_out_is_left_alone(void **state)
{
	uint8_t frame[] = { PROTO_EXEC, 0, 0, 0, 1 };
	struct msg back, before;
	struct err e;

	(void)state;
	memset(&back, 0x5a, sizeof(back));
	memcpy(&before, &back, sizeof(back));
	assert_int_equal(
	    proto_decode(bytes_make(frame, sizeof(frame)), F2E, &back, &e),
	    ERR_PROTO);
	assert_memory_equal(&back, &before, sizeof(back));
}

static void
test_too_long_to_send(void **state)
{
	struct msg m = { .code = PROTO_CANCEL };
	struct buf b;
	struct err e;

	(void)state;
	buf_init(&b, PROTO_MAX_FRAME);
	buf_put_str(&b, "before");
	m.cancel.reason = bytes_make(filler, 257);
	assert_int_equal(proto_encode(&m, &b, &e), ERR_BAD);
	assert_non_null(strstr(e.what, "CANCEL.reason"));
	assert_int_equal(b.len, 6);
	m.cancel.reason.len = 256;
	assert_int_equal(proto_encode(&m, &b, &e), 0);
	buf_fini(&b);
}

/* A length in the frame that is over the field's maximum, with the bytes. */
static void
test_too_long_to_receive(void **state)
{
	uint8_t frame[4 + 8 + 1 + 4 + 257] = { PROTO_CANCEL };
	struct msg back;
	struct err e;

	(void)state;
	frame[13] = 1;
	frame[14] = 1;
	assert_int_equal(
	    proto_decode(bytes_make(frame, sizeof(frame)), F2E, &back, &e),
	    ERR_PROTO);
	frame[13] = 0;
	assert_int_equal(
	    proto_decode(bytes_make(frame, sizeof(frame) - 1), F2E, &back, &e),
	    0);
	assert_int_equal(back.cancel.reason.len, 256);
}

static void
test_no_room(void **state)
{
	struct msg m;
	struct buf b;
	struct err e;

	(void)state;
	buf_init(&b, 10);
	fill(&m, 0);
	assert_int_equal(proto_encode(&m, &b, &e), ERR_BUSY);
	assert_int_equal(b.len, 0);
	buf_fini(&b);
}

static void
test_header(void **state)
{
	uint8_t frame[] = { PROTO_EXEC, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8 };
	struct bytes b = bytes_make(frame, sizeof(frame));
	struct msg m;
	struct err e;

	(void)state;
	assert_int_equal(proto_decode(b, F2E, &m, &e), 0);
	assert_true(m.exec.call == 0x0807060504030201ULL);
	frame[2] = 1;
	assert_int_equal(proto_decode(b, F2E, &m, &e), ERR_PROTO);
	frame[2] = 0;
	frame[1] = 1;
	assert_int_equal(proto_decode(b, F2E, &m, &e), ERR_PROTO);
	frame[1] = 0;
	frame[0] = 200;
	assert_int_equal(proto_decode(b, F2E, &m, &e), ERR_PROTO);
}

static void
test_names(void **state)
{
	(void)state;
	assert_string_equal(proto_name(PROTO_CALL), "CALL");
	assert_string_equal(proto_name(0), "?");
	assert_string_equal(proto_name(65535), "?");
	assert_string_equal(proto_state_name(PROTO_TIMED_OUT), "timed_out");
	assert_string_equal(proto_state_name((enum proto_state)99), "?");
	assert_string_equal(proto_why_name(PROTO_WHY_SESSION), "session");
	assert_string_equal(proto_authfail_name(PROTO_AUTH_SOURCE), "source");
}

/* Too short, unknown, from the other side, flags, a field's length, a rest. */
static void
test_vectors(void **state)
{
	static const struct vector rows[] = {
		{ "T-----", ERR_PROTO },
		{ "FT----", ERR_PROTO },
		{ "FFT---", ERR_PROTO },
		{ "FFFT--", ERR_PROTO },
		{ "FFFFT-", ERR_PROTO },
		{ "FFFFFT", ERR_PROTO },
		{ "FFFFFF", 0 },
	};
	static const char *const says[] = { "frame of 3", "unknown frame code",
		"wrong direction", "with flags", "bad length", "trailing", "" };
	static const size_t len[] = { 3, 12, 12, 12, 11, 13, 12 };
	struct msg m;
	struct err e;

	(void)state;
	vectors_complete(
	    "proto/proto.c", "proto_decode", 6, rows, VECTORS_COUNT(rows));
	for (size_t i = 0; i < VECTORS_COUNT(rows); i++) {
		uint8_t frame[16] = { PROTO_EXEC };

		frame[1] = i == 1 ? 99 : 0;
		frame[2] = i == 3 ? 1 : 0;
		e = (struct err){ 0 };
		assert_int_equal(proto_decode(bytes_make(frame, len[i]),
				     i == 2 ? E2F : F2E, &m, &e),
		    rows[i].want);
		if (strstr(e.what, says[i]) == NULL)
			fail_msg("%s: %s", rows[i].is, e.what);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_frame_comes_back),
		cmocka_unit_test(test_wrong_direction),
		cmocka_unit_test(test_every_cut_is_refused),
		cmocka_unit_test(test_out_is_left_alone),
		cmocka_unit_test(test_too_long_to_send),
		cmocka_unit_test(test_too_long_to_receive),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
