/* SPDX-License-Identifier: MIT */
/* options: the frontend's command line, as the executor writes it. */
#ifndef FRONTEND_OPTIONS_H
#define FRONTEND_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"

enum {
	OPTIONS_MAX_LISTENERS = 8,
	OPTIONS_MORE_CONNECTIONS = 64 /* that are at their end, see conn */
};

enum options_mode {
	OPTIONS_RUN,
	OPTIONS_HELP,
	OPTIONS_VERSION,
	OPTIONS_SELF_TEST,
	OPTIONS_CHECK_TLS,
	OPTIONS_SCREEN,
	OPTIONS_PROTOCOL
};

struct options {
	enum options_mode mode;
	uint32_t listeners; /* descriptors PROTO_FD_LISTEN and up */
	bool have_ids; /* -u and -g were given */
	uint32_t uid, gid;
	uint32_t connections; /* most at the same time, all listeners */
	uint32_t header_bytes; /* of one request */
};

int options_parse(
    int argc, char **argv, struct options *out, struct err *e) MUST_CHECK;
void options_put_usage(struct buf *b);

#endif
