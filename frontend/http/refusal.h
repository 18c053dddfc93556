/* SPDX-License-Identifier: MIT */
/*
 * refusal: the one form of each answer by which HTTP refuses a request.
 *
 * Frontend.  A JSON-RPC error, also where no message was read: clients show
 * their users its text, and hide what has another form.
 */
#ifndef FRONTEND_REFUSAL_H
#define FRONTEND_REFUSAL_H

#include "common/bytes.h"

/* The body. */
void refusal_put(struct buf *out, const char *text);
/*
 * A whole answer, after which the connection ends; status: with its reason.
 * retry_s: seconds as text, NULL: nothing is said of them.
 */
void refusal_put_answer(
    struct buf *out, const char *status, const char *retry_s, const char *text);

#endif
