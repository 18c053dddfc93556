/* SPDX-License-Identifier: MIT */
/* auditarg: what the verbs that read the audit log have in common. */
#ifndef EXECUTOR_CTL_AUDITARG_H
#define EXECUTOR_CTL_AUDITARG_H

#include "executor/ctl/audit/auditrec.h"
#include "executor/ctl/ctl.h"

/* An option that asks for a key's value; the last row has no term. */
struct auditarg_term {
	int option;
	struct auditrec_term *term;
	const char *key;
	bool prefix; /* the beginning of the value is enough */
};

/* Set that option's term from optarg; CTL_USAGE if there is no such option. */
int auditarg_set(const char *verb, const struct auditarg_term *t, int option);
int auditarg_time(const char *verb, const char *text, char out[CLOCK_MAX_TEXT]);
/*
 * `given`, or the configuration's log, once the read is recorded (recorded.h);
 * NULL after a message.
 */
const char *auditarg_log(struct ctl *c, const char *given);

#endif
