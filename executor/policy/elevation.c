/* SPDX-License-Identifier: MIT */
/* elevation: from tools to policies.  Executor and mcp-execctl, at load. */
#include "executor/policy/elevation.h"

#include <stdio.h>
#include <string.h>

#include "common/fdio.h"
#include "executor/conf/keys.h"

struct policy *
elevation_of(const struct policy *p, const struct tooldef *def)
{
	for (size_t i = 0; i < p->tool_count; i++)
		if (p->defined[i] == def)
			return p->as[i];
	return NULL;
}

static bool
leads_on(const struct policy *p)
{
	for (size_t i = 0; i < p->tool_count; i++)
		if (p->defined[i] != NULL &&
		    policy_is_elevated(p, p->defined[i]))
			return true;
	return false;
}

/* The policy that the tool runs under; NULL: a finding. */
static struct policy *
find_target(const struct policy_table *t, const struct tooldef *def,
    const char *path, struct conf_report *r)
{
	struct policy *to = policy_find(t, bytes_of(def->policy));

	if (to == NULL)
		keys_complain_path(r, path,
		    "%s runs under the policy \"%s\", and none of this name could be loaded: make or mend it, or leave \"policy\" out of the tool's definition",
		    def->name, def->policy);
	else if (!to->elevates)
		keys_complain_path(r, path,
		    "%s runs under the policy \"%s\", which is not for tools of other policies: say \"elevates\": true there if it is to be",
		    def->name, def->policy);
	else if (leads_on(to))
		keys_complain_path(r, path,
		    "%s runs under the policy \"%s\", which offers a tool that runs under yet another one: take that tool out of its \"tools\"",
		    def->name, def->policy);
	else if (def->timeout_ms > to->timeout_max_ms)
		keys_complain_path(r, path,
		    "%s may take %u ms, \"timeout_max_ms\" of the policy \"%s\" is %u: raise it, or lower \"timeout_ms\" in the tool's definition",
		    def->name, def->timeout_ms, def->policy,
		    to->timeout_max_ms);
	else
		return to;
	return NULL;
}

static void
link_policy(const struct policy_table *t, struct policy *p, const char *path,
    struct conf_report *r)
{
	struct policy *to;

	for (size_t i = 0; i < p->tool_count; i++) {
		struct tooldef *def = p->defined[i];

		if (def == NULL || p->as[i] != NULL ||
		    !policy_is_elevated(p, def))
			continue;
		to = find_target(t, def, path, r);
		if (to == NULL)
			continue;
		p->as[i] = policy_ref(to);
		(void)snprintf(
		    def->runs_as, sizeof(def->runs_as), "%s", to->user);
	}
}

void
elevation_link(struct policy_table *t, const char *dir, struct conf_report *r)
{
	char file[POLICY_MAX_NAME + sizeof(".json")], path[PATH_MAX];
	struct err e;

	for (size_t i = 0; i < t->count; i++) {
		(void)snprintf(file, sizeof(file), "%s.json", t->p[i]->name);
		if (fdio_join(path, sizeof(path), dir, file, &e) != 0)
			(void)snprintf(path, sizeof(path), "%s", file);
		link_policy(t, t->p[i], path, r);
	}
}
