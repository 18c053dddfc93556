/* SPDX-License-Identifier: MIT */
/*
 * fuzz_cast: a recording that anybody may have changed, read back; and any
 * bytes, recorded and read back, are the same.
 */
#include <stdlib.h>
#include <string.h>

#include "executor/recording/castread.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
on_output(void *arg, uint64_t at_us, unsigned stream, struct bytes data)
{
	(void)at_us;
	if (data.len > CAST_MAX_PIECE || stream < 1 || stream > CAST_STREAMS)
		abort();
	buf_put_bytes(arg, data);
}

static void
read_any(const uint8_t *data, size_t size)
{
	static const struct castread_ops ops = { .output = on_output };
	struct castread r;
	struct buf out;
	struct err e;

	buf_init(&out, 1 << 20);
	castread_init(&r, &ops, &out);
	(void)!castread_feed(&r, bytes_make(data, size), &e);
	castread_fini(&r);
	buf_fini(&out);
}

static void
write_any(const uint8_t *data, size_t size)
{
	static const struct castread_ops ops = { .output = on_output };
	static const struct cast_head head = { .run = "0", .token = "t" };
	static struct cast_held held;
	struct bytes rest = bytes_make(data, size);
	struct castread r;
	struct buf file, out;
	struct err e;

	held.len = 0;
	buf_init(&file, 16 << 20);
	buf_init(&out, 1 << 20);
	cast_put_head(&file, &head);
	while (rest.len > 0)
		(void)cast_put(&file, &held, 1 + (size & 1), size, &rest);
	(void)cast_put_held(&file, &held, 1 + (size & 1), size);
	castread_init(&r, &ops, &out);
	if (castread_feed(&r, buf_bytes(&file), &e) != 0 ||
	    !bytes_eq(buf_bytes(&out), bytes_make(data, size)))
		abort();
	castread_fini(&r);
	buf_fini(&file);
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 256 << 10)
		return 0;
	read_any(data, size);
	write_any(data, size);
	return 0;
}
