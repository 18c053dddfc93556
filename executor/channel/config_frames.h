/* SPDX-License-Identifier: MIT */
/*
 * confframes: a configuration as the frames CONFIG, TLS, NAME, PENALTIES, TOOL
 * and TOKEN, which stand in this order before its COMMIT.
 *
 * Executor.  Each frame is borrowed for the call of send.
 */
#ifndef EXECUTOR_CONFFRAMES_H
#define EXECUTOR_CONFFRAMES_H

#include "executor/policy/store.h"
#include "proto/proto.h"

struct confframes_out {
	void (*send)(void *arg, const struct msg *m);
	void *arg;
};

void confframes_limits(const struct store *s, uint32_t generation,
    const struct confframes_out *to);
/* Holds the key: wipe what the channel keeps of it. */
void confframes_tls(
    const struct certificate *c, const struct confframes_out *to);
/* Names and networks, and what failures to authenticate cost. */
void confframes_peers(const struct conf *c, const struct confframes_out *to);
void confframes_tools(
    const struct tooldef_table *t, const struct confframes_out *to);
void confframes_token(const struct token *t, const struct confframes_out *to);

#endif
