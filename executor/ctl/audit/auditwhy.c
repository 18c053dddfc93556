/* SPDX-License-Identifier: MIT */
/* auditwhy: why a call was refused, told from records.  mcp-execctl. */
#include "executor/ctl/audit/auditwhy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "executor/run/explain.h"

/* Facts of the policy that an explanation needs, as they were for this run. */
static void
restore_policy(struct policy *p, const struct auditrun *r, struct bytes intent)
{
	struct logline l;
	struct bytes v;
	int n;

	(void)snprintf(p->name, sizeof(p->name), "%.63s", r->policy);
	(void)snprintf(p->profile, sizeof(p->profile), "default");
	if (!logline_parse(intent, &l))
		return;
	v = logline_get(&l, "seccomp");
	if (v.len > 0)
		(void)snprintf(p->profile, sizeof(p->profile), "%.*s",
		    (int)v.len, (const char *)v.p);
	v = logline_get(&l, "network");
	for (n = CONFINE_NONE; n <= CONFINE_HOST; n++)
		if (bytes_eq_str(
			v, confine_network_name((enum confine_network)n)))
			p->confine.network = (enum confine_network)n;
}

/* As it was recorded; of a rule that is not known, the filter's words. */
static void
restore_denial(struct denial *out, const struct auditrun *r,
    const struct auditrun_denial *d)
{
	struct bytes rule = auditrun_get(r, d->rule);
	struct bytes path = auditrun_get(r, d->path);
	struct bytes name = auditrun_get(r, d->name);

	*out = (struct denial){ .nr = (int)d->number, .capability = -1 };
	for (int i = 0; i < DENIAL_RULES; i++)
		if (bytes_eq_str(rule, explain_rule_name((enum denial_rule)i)))
			out->rule = (enum denial_rule)i;
	memcpy(out->args, d->args, sizeof(out->args));
	(void)snprintf(out->path, sizeof(out->path), "%.*s", (int)path.len,
	    (const char *)path.p);
	(void)snprintf(out->comm, sizeof(out->comm), "%.*s", (int)name.len,
	    (const char *)name.p);
}

/* Does the explanation name the path itself? */
static bool
has_path(const struct denial *d)
{
	return d->rule == DENIAL_SET_ID || d->rule == DENIAL_SOCKET ||
	       d->rule == DENIAL_LOADER || d->rule == DENIAL_TRACED;
}

void
auditwhy_put(const struct auditrun *r, const struct auditrun_denial *d,
    struct bytes intent, struct buf *out)
{
	struct policy *p = calloc(1, sizeof(*p));
	struct denial told;

	restore_denial(&told, r, d);
	if (p != NULL) {
		restore_policy(p, r, intent);
		explain_denial(&told, p, out);
	} else {
		buf_put_bytes(out, auditrun_get(r, d->call));
	}
	if (d->path.len > 0 && (p == NULL || !has_path(&told))) {
		buf_put_str(out, "; path ");
		buf_put_bytes(out, auditrun_get(r, d->path));
	}
	if (d->name.len > 0) {
		buf_put_str(out, "; by ");
		buf_put_bytes(out, auditrun_get(r, d->name));
	}
	free(p);
}
