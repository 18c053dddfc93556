/* SPDX-License-Identifier: MIT */
/*
 * confine_load: a policy's keys files, network, unix_sockets, programs,
 * require and disable, made into its plan of layers.
 */
#ifndef EXECUTOR_CONFINE_LOAD_H
#define EXECUTOR_CONFINE_LOAD_H

#include "executor/confine/confine.h"
#include "executor/conf/keys.h"

enum { CONFINE_MAX_TOOLS = 32 };

/* The values as they stand in the file; NULL: not given. */
struct confine_keys {
	const struct json_value *read, *write, *hide; /* of "files" */
	const struct json_value *protect;
	const struct json_value *private_tmp, *noexec;
	uint64_t tmp_bytes;
	const struct json_value *network, *unix_sockets, *programs;
	const struct json_value *require, *disable;
};

/* What else of the policy matters here. */
struct confine_input {
	const char *directory; /* writable; NULL: there is none to use */
	const char *shell; /* of exec_cmd; NULL: it is not offered */
	const char *tools[CONFINE_MAX_TOOLS]; /* programs of defined tools */
	size_t tool_count;
	bool filtered; /* a seccomp profile is in force */
};

/* Make *out of them; findings go to k. */
void confine_load(const struct keys *k, const struct confine_keys *v,
    const struct confine_input *in, struct confine *out);

#endif
