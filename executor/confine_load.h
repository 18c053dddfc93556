/* SPDX-License-Identifier: MIT */
/*
 * confine_load: a policy's keys files, network, unix_sockets, programs,
 * require and disable, made into its plan of layers.
 */
#ifndef EXECUTOR_CONFINE_LOAD_H
#define EXECUTOR_CONFINE_LOAD_H

#include "executor/keys.h"
#include "executor/policy.h"

/* The values as they stand in the file; NULL: not given. */
struct confine_keys {
	const struct json_value *read, *write, *hide; /* of "files" */
	const struct json_value *private_tmp, *noexec;
	uint64_t tmp_bytes;
	const struct json_value *network, *unix_sockets, *programs;
	const struct json_value *require, *disable;
};

/* Fill p->confine; p->directory and p->shell are known.  Findings go to k. */
void confine_load(
    const struct keys *k, const struct confine_keys *v, struct policy *p);

#endif
