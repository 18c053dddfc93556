/* SPDX-License-Identifier: MIT */
/*
 * launcher: start, watch and replace mcp-execd-launcher.  Executor.
 *
 * One that ends is recorded.  Guards of runs go on, and are our children then;
 * a run that was just being started is lost, and said to be.
 */
#ifndef EXECUTOR_LAUNCHER_H
#define EXECUTOR_LAUNCHER_H

#include "common/loop.h"
#include "executor/audit/audit.h"
#include "executor/run/job.h"

struct launcher_deps {
	struct loop *loop;
	struct audit *audit;
	struct jobs *jobs;
	const char *path; /* of the executable */
};

/* Before the frontend: a service without it would refuse every run. */
int launcher_start(const struct launcher_deps *d, struct err *e) MUST_CHECK;
void launcher_stop(void);

#endif
