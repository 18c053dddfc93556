/* SPDX-License-Identifier: MIT */
/* control_status: the state of this process, as JSON for mcp-execctl. */
#ifndef EXECUTOR_CONTROL_STATUS_H
#define EXECUTOR_CONTROL_STATUS_H

#include "executor/service/supervise.h"

/* What it shows and steers; all borrowed. */
struct control_deps {
	struct loop *loop;
	const struct store *store;
	struct audit *audit;
	struct jobs *jobs;
	struct monitor *monitor;
	const struct supervise *supervise;
	/* Begin to reload; the ticket that control_loaded() will have reached. */
	uint64_t (*reload)(enum store_kind kind);
	/* Is the next SIGTERM a restart?  It is from now on. */
	int (*hand_over)(struct err *e);
};

/* Members of an object about everything; the object is the caller's. */
void control_status_put(struct buf *b, const struct control_deps *d,
    uint64_t started_us, bool audit_on_disk);
/* One object a line for each run. */
void control_status_put_runs(struct buf *b, const struct control_deps *d);

#endif
