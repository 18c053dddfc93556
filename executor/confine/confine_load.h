/* SPDX-License-Identifier: MIT */
/*
 * confine_load: a policy's keys files, network, unix_sockets, programs,
 * require, disable and posture, made into its plan of layers.
 */
#ifndef EXECUTOR_CONFINE_LOAD_H
#define EXECUTOR_CONFINE_LOAD_H

#include "executor/confine/confine_input.h"

/* Of policies that name none; strict until it is said. */
void confine_load_posture(const char *name);

/* Make *out of them; findings go to k. */
void confine_load(const struct keys *k, const struct confine_keys *v,
    const struct confine_input *in, struct confine *out);

#endif
