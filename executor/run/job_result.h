/* SPDX-License-Identifier: MIT */
/* job_result: what came of a run, for its caller and for the log. */
#ifndef EXECUTOR_JOB_RESULT_H
#define EXECUTOR_JOB_RESULT_H

#include "executor/recording/asciicast.h"

enum {
	JOB_ID = 33 /* 128 random bits as hex, with the NUL */
};

struct job_result {
	uint64_t call;
	char id[JOB_ID]; /* empty: refused before it had one */
	enum proto_state state;
	int exit_code; /* of PROTO_EXITED, else -1 */
	int signal; /* that ended it, else 0 */
	uint64_t duration_us;
	uint64_t stdout_bytes, stderr_bytes;
	uint64_t kept[ASCIICAST_STREAMS]; /* bytes that can be read later */
	const char *message; /* never NULL */
	struct bytes denials; /* explanations, one a line */
	uint8_t viewed; /* bit s: stream s is shown otherwise than written */
	struct bytes view; /* what was left out of the output */
};

#endif
