/* SPDX-License-Identifier: MIT */
/* service_verbs: kill, reload and audit rotate: told to the mcp-execd that runs. */
#include <stdio.h>
#include <string.h>

#include "executor/ctl/reload_preview.h"
#include "executor/ctl/remote.h"

static const struct ctl_verb kill_verb = {
	.name = "kill",
	.operands = "RUN",
	.about =
	    "Ends a run and everything that it started: SIGTERM, and SIGKILL after the policy's kill_grace_ms. Its caller gets the output so far and \"ended by the administrator\". RUN is an id shown by mcp-execctl runs, or enough of its beginning. Who asked is recorded.",
};

struct asked {
	bool dry_run;
};

static const struct cmdline_option reload_options[] = {
	CMDLINE_FLAG(0, "dry-run", struct asked, dry_run,
	    "only check the files, and show what differs from what is in force"),
	CMDLINE_LAST
};

static const struct ctl_verb reload_verb = {
	.name = "reload",
	.about =
	    "Loads configuration, policies and tokens again, as SIGHUP does, and waits until they are in force. If something is wrong with them, all findings are printed, the old ones stay in force, and the status is 1; of tokens, only those that are named stay as they were. Who asked is recorded.",
	.options = reload_options,
};

static const struct ctl_verb rotate_verb = {
	.name = "audit rotate",
	.about =
	    "Ends the live file of the audit log with a record of that and begins the next, as audit.rotate_bytes does. Who asked is recorded.",
};

/* Of a reload: what is not in force for all that. */
static void
tell_waiting(const struct ctl *c, const struct remote_answer *a)
{
	struct log_text keys = remote_text(json_root(a->doc), "waiting");

	if (keys.s[0] != '\0')
		(void)printf(
		    "Except for %s, which a reload does not change: systemctl restart %s\n",
		    keys.s, ctl_unit(c));
}

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
	if (status == CTL_OK || remote_has_findings(&a))
		tell_waiting(c, &a);
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
	const struct control_request r = { .verb = CONTROL_RELOAD };
	struct asked asked = { false };
	int status;

	if (ctl_options(&reload_verb, &asked, argc, argv, &status) == NULL)
		return status;
	return asked.dry_run ? reload_preview(c)
			     : order_service(c, &r, "It is in force.\n");
}

int
service_verbs_rotate(struct ctl *c, int argc, char **argv)
{
	return order_alone(c, &rotate_verb, CONTROL_ROTATE,
	    "The audit log is rotated.\n", argc, argv);
}
