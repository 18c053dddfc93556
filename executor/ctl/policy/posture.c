/* SPDX-License-Identifier: MIT */
/* posture: a policy's layers in words.  mcp-execctl. */
#include "executor/ctl/policy/posture.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/digest.h"
#include "executor/ctl/text.h"
#include "executor/confine/probe.h"

void
posture_layers(struct buf *b, const struct policy *p)
{
	unsigned bit;

	for (bit = 1; confine_layer_name(bit) != NULL; bit <<= 1) {
		if ((p->confine.layers & bit) == 0)
			continue;
		if (bit == CONFINE_LANDLOCK)
			text_item(
			    b, "landlock (ABI %d)", p->confine.landlock_abi);
		else if (bit == CONFINE_SECCOMP)
			text_item(b, "seccomp (%s)", p->profile);
		else
			text_item(b, "%s", confine_layer_name(bit));
	}
	if (b->len == 0)
		buf_put_str(b, "none");
}

/* Why a layer is not there; NULL: it is not needed. */
static const char *
reason(const struct policy *p, unsigned bit)
{
	const struct probe *have = probe_get();

	switch (bit) {
	case CONFINE_USER:
		if (have->privileged)
			return NULL;
		break;
	case CONFINE_NET:
		if (p->confine.network == CONFINE_HOST)
			return "the policy's network is the host's";
		break;
	case CONFINE_SECCOMP:
		return "the policy's profile is none, or disables it";
	case CONFINE_LANDLOCK:
		return have->landlock_abi > 0 ? "the policy disables it"
					      : "this kernel has none";
	case CONFINE_LOGINUID:
		return have->loginuid == PROBE_NO_LOGINUIDS
			   ? "this kernel has none"
		       : have->loginuid == PROBE_LOGINUID_FIXED
			   ? "this process has one already and may not set another: start mcp-execd as a service"
		       : (p->confine.layers & CONFINE_USER) != 0
			   ? "the layer user knows no such uid"
			   : "the policy disables it";
	case CONFINE_CGROUP:
		return "this process has no cgroup for it, or the policy disables it";
	default:
		break;
	}
	if ((have->namespaces & bit) != 0)
		return "the policy disables it";
	return have->why[0] != '\0' ? have->why : "not to be had here";
}

void
posture_missing(struct buf *b, const struct policy *p)
{
	const char *why;
	unsigned bit;

	for (bit = 1; confine_layer_name(bit) != NULL; bit <<= 1)
		if ((p->confine.layers & bit) == 0 &&
		    (why = reason(p, bit)) != NULL)
			text_item(b, "%s (%s)", confine_layer_name(bit), why);
}

void
posture_line(struct buf *b, const struct plan *plan)
{
	const struct policy *p = plan->policy;
	CLEANUP_BUF struct buf layers;

	buf_init(&layers, 1024);
	posture_layers(&layers, p);
	buf_printf(b,
	    "policy %s: as %s (uid %u, gid %u) in %s, network %s; no_new_privs, no capabilities, %zu resource limits; layers: %s",
	    p->name, p->user, (unsigned)p->uid, (unsigned)p->gid, plan->cwd,
	    confine_network_name(p->confine.network), p->rlimit_count,
	    buf_cstr(&layers));
}
