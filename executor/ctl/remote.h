/* SPDX-License-Identifier: MIT */
/*
 * remote: ask the running mcp-execd, by its control socket.  mcp-execctl.
 *
 * Frames are those of control/control_request.h, answers are lines of JSON.
 */
#ifndef EXECUTOR_CTL_REMOTE_H
#define EXECUTOR_CTL_REMOTE_H

#include "common/json.h"
#include "common/log.h"
#include "executor/control/control_request.h"
#include "executor/ctl/ctl.h"

struct remote_answer {
	struct buf text; /* owned */
	struct json_doc *doc; /* its first line; owned */
	struct bytes lines; /* the lines after it; borrowed from text */
};

/*
 * Send r to the executor of c's configuration, of which only the socket's
 * place is needed, and wait at most 40 s for each piece of the answer.
 * ERR_EOF: no executor runs there; ERR_DENIED: we may not ask; ERR_BUSY: it
 * has not answered in time, or not in full; ERR_BAD, with *out: it refused, and
 * e->what says why.  Always remote_fini(out).
 */
int remote_ask(struct ctl *c, const struct control_request *r,
    struct remote_answer *out, struct err *e) MUST_CHECK;
/* Ask a verb without operands and show the answer; returns the exit status. */
int remote_show(struct ctl *c, enum control_verb verb,
    int (*show)(const struct remote_answer *a, bool as_json), bool as_json);
void remote_fini(struct remote_answer *a); /* also after a failure */
/* The next line of *rest, without its newline; empty at the end. */
struct bytes remote_line(struct bytes *rest);

bool remote_has_findings(const struct remote_answer *a);
/* Print the answer's findings (of a reload) on stderr. */
void remote_findings(const struct remote_answer *a);
/* A member as text, or ""; as a number, or 0. */
struct log_text remote_text(const struct json_value *o, const char *key);
int64_t remote_number(const struct json_value *o, const char *key);

#endif
