/* SPDX-License-Identifier: MIT */
/* fuzz_control: a request that is taken reads the same when written again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "executor/control/control_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control_request r, again;
	struct err e = { 0 };
	struct buf b;

	memset(&r, 0, sizeof(r));
	memset(&again, 0, sizeof(again));
	if (control_request_parse(bytes_make(data, size), &r, &e) != 0) {
		if (e.code != ERR_BAD)
			abort();
		return 0;
	}
	buf_init(&b, CONTROL_HEAD + 4 * CONTROL_MAX_REQUEST);
	control_request_put(&b, &r);
	if (b.overflow || control_request_length(b.p) != b.len - CONTROL_HEAD)
		abort();
	if (control_request_parse(
		bytes_make(b.p + CONTROL_HEAD, b.len - CONTROL_HEAD), &again,
		&e) != 0)
		abort();
	if (r.verb != again.verb || strcmp(r.run, again.run) != 0 ||
	    strcmp(r.what, again.what) != 0 ||
	    strcmp(r.filter, again.filter) != 0)
		abort();
	buf_fini(&b);
	return 0;
}
