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

void
auditwhy_put(const struct auditrun *r, const struct auditrun_denial *d,
    struct bytes intent, struct buf *out)
{
	struct denial told = { .nr = (int)d->number };
	struct policy *p = calloc(1, sizeof(*p));

	memcpy(told.args, d->args, sizeof(told.args));
	if (p != NULL) {
		restore_policy(p, r, intent);
		explain_denial(&told, p, out);
	} else {
		buf_put_bytes(out, auditrun_get(r, d->call));
	}
	free(p);
	if (d->path.len > 0) {
		buf_put_str(out, "; path ");
		buf_put_bytes(out, auditrun_get(r, d->path));
	}
	if (d->name.len > 0) {
		buf_put_str(out, "; by ");
		buf_put_bytes(out, auditrun_get(r, d->name));
	}
}
