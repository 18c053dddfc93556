/* SPDX-License-Identifier: MIT */
/* service_verbs: kill, reload and audit rotate: told to the mcp-execd that runs. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "executor/ctl/remote.h"

static const char help_kill[] =
    "usage: mcp-execctl [-c CONFIG] kill RUN\n\n"
    "Ends a run and all that it started: SIGTERM, and SIGKILL after the\n"
    "policy's kill_grace_ms.  Its caller is told \"ended by the\n"
    "administrator\", with the output so far.  RUN is an id of mcp-execctl\n"
    "runs, or enough of its beginning.  Who asked is recorded.\n";

static const char help_reload[] =
    "usage: mcp-execctl [-c CONFIG] reload\n\n"
    "Loads configuration, policies and tokens again, as SIGHUP does, and waits\n"
    "until they are in force.  If something is wrong with them, all findings\n"
    "are printed, the old ones stay in force, and the status is 1; of tokens,\n"
    "only those that are named stay as they were.  Who asked is recorded.\n";

static const char help_rotate[] =
    "usage: mcp-execctl [-c CONFIG] audit rotate\n\n"
    "Ends the live file of the audit log with a record of that and begins the\n"
    "next, as audit.rotate_bytes does.  Who asked is recorded.\n";

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
	int status;
	size_t n;

	if (!ctl_options("kill", help_kill, NULL, argc, argv, &status))
		return status;
	id = argc - optind == 1 ? argv[optind] : "";
	n = strlen(id);
	if (n == 0 || n >= sizeof(r.run) || strspn(id, "0123456789abcdef") != n)
		return ctl_usage("kill",
		    "one RUN is needed: an id, or its beginning, of 0-9 and a-f; see mcp-execctl runs");
	memcpy(r.run, id, n + 1);
	return order_service(c, &r, "The run is being ended.\n");
}

static int
order_alone(struct ctl *c, const char *verb, const char *help,
    enum control_verb v, const char *done, int argc, char **argv)
{
	const struct control_request r = { .verb = v };
	int status;

	if (ctl_alone(verb, help, NULL, argc, argv, &status))
		status = order_service(c, &r, done);
	return status;
}

int
service_verbs_reload(struct ctl *c, int argc, char **argv)
{
	return order_alone(c, "reload", help_reload, CONTROL_RELOAD,
	    "It is in force.\n", argc, argv);
}

int
service_verbs_rotate(struct ctl *c, int argc, char **argv)
{
	return order_alone(c, "audit rotate", help_rotate, CONTROL_ROTATE,
	    "The audit log is rotated.\n", argc, argv);
}
