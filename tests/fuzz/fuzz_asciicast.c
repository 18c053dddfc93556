/* SPDX-License-Identifier: MIT */
/*
 * fuzz_asciicast: a recording that anybody may have changed, read back; and any
 * bytes, recorded and read back, are the same.
 */
#include <stdlib.h>
#include <string.h>

#include "executor/recording/asciicast_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
on_output(void *arg, uint64_t at_us, unsigned stream, struct bytes data)
{
	(void)at_us;
	if (data.len > ASCIICAST_MAX_PIECE || stream < 1 ||
	    stream > ASCIICAST_STREAMS)
		abort();
	buf_put_bytes(arg, data);
}

static void
read_any(const uint8_t *data, size_t size)
{
	static const struct asciicast_read_ops ops = { .output = on_output };
	struct asciicast_read r;
	struct buf out;
	struct err e;

	buf_init(&out, 1 << 20);
	asciicast_read_init(&r, &ops, &out);
	(void)!asciicast_read_feed(&r, bytes_make(data, size), &e);
	asciicast_read_fini(&r);
	buf_fini(&out);
}

static void
write_any(const uint8_t *data, size_t size)
{
	static const struct asciicast_read_ops ops = { .output = on_output };
	static const struct asciicast_head head = { .run = "0", .token = "t" };
	static struct asciicast_held held;
	struct bytes rest = bytes_make(data, size);
	struct asciicast_read r;
	struct buf file, out;
	struct err e;

	held.len = 0;
	buf_init(&file, 16 << 20);
	buf_init(&out, 1 << 20);
	asciicast_put_head(&file, &head);
	while (rest.len > 0)
		(void)asciicast_put(&file, &held, 1 + (size & 1), size, &rest);
	(void)asciicast_put_held(&file, &held, 1 + (size & 1), size);
	asciicast_read_init(&r, &ops, &out);
	if (asciicast_read_feed(&r, buf_bytes(&file), &e) != 0 ||
	    !bytes_eq(buf_bytes(&out), bytes_make(data, size)))
		abort();
	asciicast_read_fini(&r);
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
