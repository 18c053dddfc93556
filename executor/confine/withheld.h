/* SPDX-License-Identifier: MIT */
/*
 * withheld: what this process was started without, and so every run.
 *
 * A unit or a container can take capabilities away, and refuse system calls
 * by a filter of its own.  That filter's answer comes before ours, so nobody
 * is told of such a refusal; what it would be is found here by trying calls
 * that can change nothing.  Executor and mcp-execctl.
 */
#ifndef EXECUTOR_WITHHELD_H
#define EXECUTOR_WITHHELD_H

enum withheld_right {
	WITHHELD_CLOCK,
	WITHHELD_HOST_NAME,
	WITHHELD_MODULES,
	WITHHELD_REBOOT,
	WITHHELD_SWAP,
	WITHHELD_PRIORITY,
	WITHHELD_SCHEDULING,
	WITHHELD_SET_ID,
	WITHHELD_PACKETS,
	WITHHELD_RIGHTS
};

enum withheld_how {
	WITHHELD_NOT, /* or that cannot be known */
	WITHHELD_BY_FILTER,
	WITHHELD_BY_CAPABILITY /* its bounding set lacks it */
};

/* Found at the first call, by children, for the life of the process. */
enum withheld_how withheld_find(enum withheld_right right);
/* Of WITHHELD_BY_CAPABILITY: which one. */
int withheld_capability(enum withheld_right right);

#endif
