/* SPDX-License-Identifier: MIT */
/* toolframes: a defined tool as the frames TOOL, PARAM and SCHEMA.  Executor. */
#ifndef EXECUTOR_TOOLFRAMES_H
#define EXECUTOR_TOOLFRAMES_H

#include "executor/policy/tooldef.h"

/* Hand all frames of it to send, in order; each is borrowed for the call. */
void toolframes_send(const struct tooldef *t,
    void (*send)(void *arg, const struct msg *m), void *arg);

#endif
