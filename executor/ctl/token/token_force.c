/* SPDX-License-Identifier: MIT */
/* token_force: the control socket's verb "tokens".  mcp-execctl. */
#include "executor/ctl/token/token_force.h"

#include <stdio.h>
#include <string.h>

#include "executor/ctl/remote.h"

/* Of all findings, those about this token's file. */
static void
print_own_findings(const struct remote_answer *a, const char *name)
{
	const struct json_value *v = json_get(json_root(a->doc), "findings");
	struct bytes rest = v != NULL ? v->text : bytes_make(NULL, 0), line;
	char file[POLICY_MAX_NAME + 16];

	(void)snprintf(file, sizeof(file), "/%s.json:", name);
	while ((line = remote_line(&rest)).len > 0)
		if (memmem(line.p, line.len, file, strlen(file)) != NULL)
			(void)ctl_error("%s", log_text(line).s);
}

enum token_force
token_force_wait(struct ctl *c, const char *name, struct err *e)
{
	struct control_request r = { .verb = CONTROL_TOKENS };
	enum token_force force = TOKEN_NOBODY_ASKED;
	const struct json_value *v;
	struct remote_answer a;
	int rc;

	(void)snprintf(r.filter, sizeof(r.filter), "%s", name);
	rc = remote_ask(c, &r, &a, e);
	if (rc == ERR_BAD)
		force = TOKEN_LATE;
	if (rc == 0) {
		v = json_get(json_root(a.doc), "in_force");
		force = v != NULL && v->type == JSON_BOOL && v->boolean
			    ? TOKEN_IN_FORCE
			    : TOKEN_NOT_IN_FORCE;
		print_own_findings(&a, name);
	}
	remote_fini(&a);
	return force;
}
