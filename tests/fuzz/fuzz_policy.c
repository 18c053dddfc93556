/* SPDX-License-Identifier: MIT */
/*
 * fuzz_policy: any text is a policy within its bounds, or has a finding.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "executor/policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
demand(bool okay)
{
	if (!okay)
		abort();
}

static void
check(const struct policy *p)
{
	demand(p->refs == 1 && p->dir_fd >= 0 && p->directory[0] == '/');
	demand(p->tool_count >= 1 && p->tool_count <= POLICY_MAX_TOOLS);
	demand(p->shell[0] != '\0' || !policy_offers(p, BYTES_LIT("exec_cmd")));
	demand(p->timeout_ms <= p->timeout_max_ms && p->umask <= 0777);
	demand(p->filter.prog.len > 0 || strcmp(p->profile, "none") == 0);
	for (size_t i = 0; i < p->env_count; i++)
		demand(strchr(p->env[i], '=') != NULL &&
		       strncmp(p->env[i], "LD_", 3) != 0);
	for (size_t i = 0; i < p->env_allowed_count; i++)
		demand(policy_env_ok(p, bytes_of(p->env_allowed[i])));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy *p = NULL;
	struct conf_report r;
	struct err e;
	int rc;

	conf_report_init(&r);
	rc = policy_parse(
	    "fuzz.json", "fuzz", bytes_make(data, size), NULL, &p, &r, &e);
	demand((rc == 0) == (r.count == 0) && (rc == 0) == (p != NULL));
	demand(rc == 0 || rc == ERR_BAD);
	if (p != NULL)
		check(p);
	policy_unref(p);
	conf_report_fini(&r);
	return 0;
}
