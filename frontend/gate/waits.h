/* SPDX-License-Identifier: MIT */
/*
 * waits: whose request was in hand when a frontend died, and how long they
 * wait now.
 *
 * Frontend.  The executor tells a new frontend of them before its first
 * configuration (frame WAIT); times are given.  As the crash penalty of
 * sshd_config(5)'s PerSourcePenalties: whatever bug it is that a client has
 * found, it does not keep the service down with it.
 */
#ifndef FRONTEND_WAITS_H
#define FRONTEND_WAITS_H

#include "common/cidr.h"
#include "common/digest.h"
#include "proto/proto.h"

struct waits;

struct waits *waits_new(struct err *e) MUST_CHECK;
void waits_free(struct waits *w);
/* ERR_PROTO for a frame that makes no sense. */
int waits_add(struct waits *w, const struct msg_wait *m, uint64_t now_ms,
    struct err *e) MUST_CHECK;
/* For how many ms this source waits (0: it does not); *shut: not even heard. */
uint64_t waits_source(
    const struct waits *w, struct bytes peer, uint64_t now_ms, bool *shut);
/* For how many ms this token waits. */
uint64_t waits_token(const struct waits *w,
    const uint8_t verifier[DIGEST_BYTES], uint64_t now_ms);

#endif
