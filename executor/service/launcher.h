/* SPDX-License-Identifier: MIT */
/*
 * launcher: start, watch and replace mcp-execd-launcher.  Executor.
 *
 * The end of one is recorded, also before its hello.  The guards of its runs go on, as our children; a
 * run that was just being started is lost, and its caller is told so.
 */
#ifndef EXECUTOR_LAUNCHER_H
#define EXECUTOR_LAUNCHER_H

#include "common/loop.h"
#include "executor/audit/audit.h"
#include "executor/run/job.h"

/* All borrowed, until launcher_stop. */
struct launcher_deps {
	struct loop *loop;
	struct audit *audit;
	struct jobs *jobs;
	const char *path; /* of the executable */
};

/*
 * With the one that is open, if one is, and before the frontend: a service
 * without it would refuse every run.
 */
int launcher_start(const struct launcher_deps *d, struct err *e) MUST_CHECK;
/* Close its socket pair: it ends after its guards, and nothing waits here. */
void launcher_stop(void);
/* The same, but what it holds goes on with it, for the next executor. */
void launcher_leave(void);

#endif
