/* SPDX-License-Identifier: MIT */
/* fuzz_proto: whatever decodes encodes back to identical bytes. */
#include <stdint.h>
#include <stdlib.h>

#include "proto/proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(struct bytes frame, enum proto_direction dir)
{
	struct buf again;
	struct msg m;
	struct err e;

	if (proto_decode(frame, dir, &m, &e) != 0) {
		if (e.code != ERR_PROTO)
			abort();
		return;
	}
	buf_init(&again, PROTO_MAX_FRAME);
	if (proto_encode(&m, &again, &e) != 0)
		abort();
	if (!bytes_eq(buf_bytes(&again), frame))
		abort();
	buf_fini(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(bytes_make(data, size), F2E);
	check(bytes_make(data, size), E2F);
	return 0;
}
