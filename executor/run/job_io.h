/* SPDX-License-Identifier: MIT */
/* job_io: how a run's events and output reach the frontend, and how it is typed to. */
#ifndef EXECUTOR_JOB_IO_H
#define EXECUTOR_JOB_IO_H

#include "executor/recording/ledger.h"
#include "executor/run/job_result.h"
#include "executor/run/request.h"

/* How a run's events reach the frontend. */
struct job_ops {
	void (*started)(void *arg, uint64_t call, const char *id);
	void (*output)(void *arg, uint64_t call, uint8_t stream,
	    uint64_t skipped, struct bytes data);
	void (*done)(void *arg, const struct job_result *r);
	/* how a task stands; NULL: there is no such task.  `done` follows */
	void (*task)(
	    void *arg, uint64_t call, const struct ledger_entry *x, bool more);
};

/* What is typed; all but the data and eof only into a terminal. */
struct job_input {
	struct bytes data;
	struct bytes keys; /* names (executor/run/keynames), after the data */
	bool eof;
	struct terminal_size size; /* before both; columns 0: as it is */
};

struct job_typed {
	struct buf
	    bytes; /* all that was written, or will be; wiped by who asks */
	bool withheld; /* the terminal does not show it: not for any record */
};

#endif
