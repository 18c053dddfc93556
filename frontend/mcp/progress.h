/* SPDX-License-Identifier: MIT */
/*
 * progress: output of a running call as notifications/progress and, where
 * logging is on, as notifications/message: stdout at info, stderr at warning.
 *
 * Frontend; the bytes are the command's.  What arrives is held back until it
 * is whole lines, a moment has passed and the client has read what went
 * before; credit is given for what left, so that a slow reader slows the
 * command and at most the call's window is held.
 */
#ifndef FRONTEND_PROGRESS_H
#define FRONTEND_PROGRESS_H

#include "common/loop.h"
#include "frontend/link/calls.h"
#include "frontend/content/level.h"
#include "frontend/mcp/message.h"

/*
 * Where notifications go.  An empty one is not sent: it only asks whether
 * there is room, the first time before anything else.  Any other is taken
 * without a look at the room: what one piece becomes, and the end of a call,
 * is never left out.
 */
struct progress_sink {
	bool (*notify)(void *arg, struct bytes message); /* NULL: nowhere */
	void *arg;
};

struct progress {
	struct loop *loop;
	struct calls *calls;
	uint64_t call; /* set by the owner once it is known */
	bool message; /* the revision has that field */
	bool raw; /* text goes out as it is, not made harmless */
	bool binary; /* it is not text: sizes are told from then on */
	char token[MESSAGE_MAX_ID]; /* as JSON; "": none wanted */
	enum level level; /* from which messages are wanted */
	/* private */
	struct progress_sink sink;
	struct loop_timer timer;
	struct buf held; /* output not sent yet */
	struct buf runs; /* of it: array of struct progress_run */
	size_t unpaid; /* of it, bytes without credit */
	uint64_t bytes; /* of output sent so far: the progress */
	uint64_t skipped; /* before what is held */
	uint64_t since_ms; /* arrival of the first byte held */
	uint64_t last_ms; /* of the last notification */
};

/*
 * loop, calls, message, token and level are set; does nothing if neither of
 * the latter two asks for something.
 */
void progress_begin(struct progress *p, const struct progress_sink *sink);
/* Output arrived. */
void progress_output(
    struct progress *p, unsigned stream, uint64_t skipped, struct bytes data);
/* From now on output is dropped, with credit. */
void progress_mute(struct progress *p);
/*
 * The call is over: what is held goes out, before its answer and like that
 * whether there is room or not: it is at most the call's window.
 */
void progress_end(struct progress *p);

#endif
