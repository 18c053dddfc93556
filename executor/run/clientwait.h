/* SPDX-License-Identifier: MIT */
/*
 * clientwait: how long is it wise to let a client wait for an answer?
 *
 * Executor.  Some give up before a policy's jobs.wait_ms, and their users see
 * an error while the command goes on.  The name is what the client says of
 * itself: it decides nothing else.
 */
#ifndef EXECUTOR_CLIENTWAIT_H
#define EXECUTOR_CLIENTWAIT_H

#include <stdint.h>

/* client: "name version", as records have it; what is not known gets wait_ms. */
uint32_t clientwait_most(const char *client, uint32_t wait_ms);

#endif
