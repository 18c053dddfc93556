/* SPDX-License-Identifier: MIT */
/* service_verbs: kill, reload and audit rotate: told to the mcp-execd that runs. */
#include <stdio.h>
#include <string.h>

#include "executor/ctl/remote.h"

static const struct ctl_verb kill_verb = {
	.name = "kill",
	.operands = "RUN",
	.about =
	    "Ends a run and everything that it started: SIGTERM, and SIGKILL after the policy's kill_grace_ms. Its caller gets the output so far and \"ended by the administrator\". RUN is an id shown by mcp-execctl runs, or enough of its beginning. Who asked is recorded.",
};

static const struct ctl_verb reload_verb = {
	.name = "reload",
	.about =
	    "Loads configuration, policies and tokens again, as SIGHUP does, and waits until they are in force. If something is wrong with them, all findings are printed, the old ones stay in force, and the status is 1; of tokens, only those that are named stay as they were. Who asked is recorded.",
};

static const struct ctl_verb rotate_verb = {
	.name = "audit rotate",
	.about =
	    "Ends the live file of the audit log with a record of that and begins the next, as audit.rotate_bytes does. Who asked is recorded.",
};

/* Print what came of it: `done`, or the error. */
static int
order_service(struct ctl *c, const struct control_request *r, const char *done)
{
	struct remote_answer a;
	struct err e = { 0 };
	int status;

	if (remote_ask(c, r, &a, &e) != 0)
		status = ctl_error("%s", e.what);
	else if (remote_has_findings(&a))
		status = ctl_error("reloaded, except for these files:");
	else
		status = ctl_print(bytes_of(done));
	remote_findings(&a);
	remote_fini(&a);
	return status;
}

int
service_verbs_kill(struct ctl *c, int argc, char **argv)
{
	struct control_request r = { .verb = CONTROL_KILL };
	const char *id;
	char **operands;
	int status;

	operands = ctl_options(&kill_verb, NULL, argc, argv, &status);
	if (operands == NULL)
		return status;
	id = ctl_run_id("kill", operands);
	if (id == NULL)
		return CTL_USAGE;
	memcpy(r.run, id, strlen(id) + 1);
	return order_service(c, &r, "The run is being ended.\n");
}

static int
order_alone(struct ctl *c, const struct ctl_verb *verb, enum control_verb v,
    const char *done, int argc, char **argv)
{
	const struct control_request r = { .verb = v };
	int status;

	if (ctl_options(verb, NULL, argc, argv, &status) != NULL)
		status = order_service(c, &r, done);
	return status;
}

int
service_verbs_reload(struct ctl *c, int argc, char **argv)
{
	return order_alone(
	    c, &reload_verb, CONTROL_RELOAD, "It is in force.\n", argc, argv);
}

int
service_verbs_rotate(struct ctl *c, int argc, char **argv)
{
	return order_alone(c, &rotate_verb, CONTROL_ROTATE,
	    "The audit log is rotated.\n", argc, argv);
}
