/* SPDX-License-Identifier: MIT */
/*
 * confine_input: what a policy asks for of its runs' confinement, before it is
 * compared with what can be had (executor/confine/confine_load).
 */
#ifndef EXECUTOR_CONFINE_INPUT_H
#define EXECUTOR_CONFINE_INPUT_H

#include "executor/conf/keys.h"
#include "executor/confine/confine.h"

/* All definitions that there may be, and more: see policy.c. */
enum { CONFINE_MAX_TOOLS = 256 };

/* The values as they stand in the file; NULL: not given. */
struct confine_keys {
	const struct json_value *read, *write, *hide; /* of "files" */
	const struct json_value *protect;
	const struct json_value *private_tmp, *noexec;
	uint64_t tmp_bytes;
	const struct json_value *network, *unix_sockets, *programs, *processes;
	const struct json_value *require, *disable, *posture;
};

/* Other parts of the policy that matter here. */
struct confine_input {
	const char *directory; /* writable; NULL: there is none to use */
	const char *shell; /* of exec_cmd; NULL: it is not offered */
	const char *tools[CONFINE_MAX_TOOLS]; /* programs of defined tools */
	size_t tool_count;
	bool filtered; /* a seccomp profile is in force */
	uid_t uid; /* the policy's user and its groups */
	gid_t gid;
	const gid_t *groups;
	size_t group_count;
	/* Of a token: a directory inside, and the plan as the policy has it. */
	const char *narrow; /* NULL: none */
	const struct mounts *whole;
};

#endif
