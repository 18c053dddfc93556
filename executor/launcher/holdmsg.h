/* SPDX-License-Identifier: MIT */
/*
 * holdmsg: what a launcher that outlived its executor and the next executor say
 * to each other, over a SEQPACKET socket in a directory of the service's own:
 * one struct a message, and descriptors with it.
 *
 *   next executor                        launcher of the one before
 *      |  --- connects ------------------> |
 *      |  <-- RUN, its descriptors ------- |   of each run that is held
 *      |  <-- ALL ------------------------ |   that was the last
 *      |  --- RELEASE -------------------> |   its result is on disk
 *      |  --- STOP ----------------------> |   hold nothing any more
 *
 * The two may be of different builds: a newer one knows all older formats.
 */
#ifndef EXECUTOR_HOLDMSG_H
#define EXECUTOR_HOLDMSG_H

#include <stdint.h>

/* Their directory: the control socket's path, and this. */
#define HOLDMSG_PLACE ".jobs"

enum {
	HOLDMSG_FORMAT = 1,
	HOLDMSG_NAME = 40 /* bytes of a socket's name, with the NUL */
};

enum holdmsg_kind {
	/* to the executor */
	HOLDMSG_RUN = 1,
	HOLDMSG_ALL,
	/* to the launcher */
	HOLDMSG_EOF, /* its input is closed */
	HOLDMSG_RELEASE,
	HOLDMSG_STOP
};

/*
 * Descriptors of a run that is held, in this order; `has` of a message says by
 * bit which are there.  A stream has a pipe of its own (FROM, TO), through
 * which its bytes go (executor/run/held).
 */
enum holdmsg_fd {
	HOLD_STATE,
	HOLD_CTL,
	HOLD_IN,
	HOLD_OUT,
	HOLD_OUT_FROM,
	HOLD_OUT_TO,
	HOLD_ERR,
	HOLD_ERR_FROM,
	HOLD_ERR_TO,
	HOLD_GUARD, /* its pidfd, which the launcher adds */
	HOLD_FDS
};

struct holdmsg {
	uint32_t kind;
	uint32_t format;
	uint64_t run; /* its number for this launcher */
	int32_t pid; /* of its guard */
	uint32_t has;
};

#endif
