/* SPDX-License-Identifier: MIT */
/* posture: a policy's layers in words.  mcp-execctl. */
#include "executor/confine/cgroup.h"
#include "executor/ctl/policy/posture.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/digest.h"
#include "executor/ctl/wrapped_text.h"
#include "executor/confine/probe.h"
#include "executor/policy/facts.h"

/* "ABI 6, without signals to others (kept by pids)" */
static void
put_landlock(struct buf *b, const struct confine *c)
{
	CLEANUP_BUF struct buf lacks;
	const struct confine_gap *g;
	const char *keeper;

	buf_init(&lacks, 1024);
	for (size_t i = 0; (g = confine_gap(&c->landlock, i)) != NULL; i++)
		if ((keeper = confine_gap_keeper(c, g)) != NULL)
			wrapped_text_item(&lacks, "%s%s%s%s", g->what,
			    *keeper ? " (kept by " : "", keeper,
			    *keeper ? ")" : "");
	wrapped_text_item(b, "landlock (ABI %d%s%s)", c->landlock.abi,
	    lacks.len > 0 ? ", without: " : "",
	    lacks.len > 0 ? buf_cstr(&lacks) : "");
	b->overflow |= lacks.overflow;
}

void
posture_layers(struct buf *b, const struct policy *p)
{
	unsigned bit;

	for (bit = 1; confine_layer_name(bit) != NULL; bit <<= 1) {
		if ((p->confine.layers & bit) == 0)
			continue;
		if (bit == CONFINE_LANDLOCK)
			put_landlock(b, &p->confine);
		else if (bit == CONFINE_CGROUP && cgroup_supposed())
			wrapped_text_item(b,
			    "cgroup (if mcp-execd has one: it does not run, and none is delegated here)");
		else if (bit == CONFINE_SECCOMP)
			wrapped_text_item(b, "seccomp (%s)", p->profile);
		else
			wrapped_text_item(b, "%s", confine_layer_name(bit));
	}
	if (b->len == 0)
		buf_put_str(b, "none");
}

/* Why a layer is not there; NULL: it is not needed. */
static const char *
reason_for(const struct policy *p, unsigned bit)
{
	const char *why = probe_why(bit);

	if (bit == CONFINE_USER && probe_get()->privileged)
		return NULL;
	if (bit == CONFINE_NET && confine_shares_network(&p->confine))
		return "the policy's network is the host's";
	if (bit == CONFINE_CGROUP)
		return "no control group is delegated to mcp-execd, or the policy disables it";
	if (why != NULL)
		return why;
	if (bit == CONFINE_SECCOMP)
		return "the policy's profile is none, or disables it";
	if (bit == CONFINE_LOGINUID && (p->confine.layers & CONFINE_USER) != 0)
		return "the layer user knows no such uid";
	return "the policy disables it";
}

void
posture_missing(struct buf *b, const struct policy *p)
{
	const char *why;
	unsigned bit;

	for (bit = 1; confine_layer_name(bit) != NULL; bit <<= 1)
		if ((p->confine.layers & bit) == 0 &&
		    (why = reason_for(p, bit)) != NULL)
			wrapped_text_item(
			    b, "%s (%s)", confine_layer_name(bit), why);
}

static void
add_words(void *arg, const char *text)
{
	buf_put_str(arg, text);
}

void
posture_line(struct buf *b, const struct plan *plan)
{
	const struct facts f = { plan->policy, NULL, FACTS_LINE };
	CLEANUP_BUF struct buf layers;

	buf_init(&layers, 1024);
	posture_layers(&layers, plan->policy);
	b->overflow |= !facts_tell(&f, FACTS_IDENTITY, add_words, b);
	buf_printf(b, " in %s", plan->cwd);
	b->overflow |= !facts_tell(&f, FACTS_NETWORK, add_words, b);
	buf_printf(b, "; layers: %s", buf_cstr(&layers));
	b->overflow |= layers.overflow;
}
