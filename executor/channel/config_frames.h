/* SPDX-License-Identifier: MIT */
/*
 * config_frames: a configuration as the frames CONFIG, TLS, NAME, PENALTIES, TOOL
 * and TOKEN, which stand in this order before its COMMIT.
 *
 * Executor.  Each frame is borrowed for the call of send.
 */
#ifndef EXECUTOR_CONFIG_FRAMES_H
#define EXECUTOR_CONFIG_FRAMES_H

#include "executor/channel/sessionkey.h"
#include "executor/policy/store.h"
#include "proto/proto.h"

struct config_frames_out {
	void (*send)(void *arg, const struct msg *m);
	void *arg;
};

void config_frames_limits(const struct store *s, const struct sessionkey *k,
    uint32_t generation, const struct config_frames_out *to);
/* Holds the key: wipe what the channel keeps of it. */
void config_frames_tls(
    const struct certificate *c, const struct config_frames_out *to);
/* Names and networks, and what failures to authenticate cost. */
void config_frames_peers(
    const struct conf *c, const struct config_frames_out *to);
/* A defined tool: TOOL, PARAM and SCHEMA. */
void config_frames_tool(
    const struct tooldef *t, const struct config_frames_out *to);
void config_frames_token(
    const struct token *t, const struct config_frames_out *to);

#endif
