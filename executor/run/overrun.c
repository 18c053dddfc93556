/* SPDX-License-Identifier: MIT */
/* overrun: what memory.events and pids.events of a run come to. */
#include "executor/run/overrun.h"

#include <inttypes.h>

/* oom_kills counts what was ended for a limit further up as well. */
static void
explain_memory(
    const struct policy *p, const struct cgroup_usage *u, struct buf *out)
{
	if (u->memory_full > 0 && p->cgroup.memory_bytes > 0)
		buf_printf(out,
		    "the memory limit of %" PRIu64
		    " bytes was reached, and the kernel ended the run (policy %s, key limits.memory_bytes)",
		    p->cgroup.memory_bytes, p->name);
	else if (u->oom_kills > 0)
		buf_put_str(out,
		    "memory was short on this server, and the kernel ended processes of the run; its administrator can say why");
}

static void
explain_processes(
    const struct policy *p, const struct cgroup_usage *u, struct buf *out)
{
	if (u->pids_denied == 0)
		return;
	if (out->len > 0)
		buf_put_u8(out, '\n');
	buf_printf(out,
	    "the limit of %" PRIu64
	    " processes and threads was reached (policy %s, key limits.processes)",
	    p->cgroup.processes, p->name);
}

void
overrun_explain(
    const struct policy *p, const struct cgroup_usage *u, struct buf *out)
{
	explain_memory(p, u, out);
	explain_processes(p, u, out);
}
