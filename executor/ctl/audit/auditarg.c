/* SPDX-License-Identifier: MIT */
/* auditarg: arguments of the verbs that read the audit log.  mcp-execctl. */
#include "executor/ctl/audit/auditarg.h"
#include "executor/ctl/audit/read_audit.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

int
auditarg_set(const char *verb, const struct auditarg_term *t, int option)
{
	struct err e;

	for (; t->term != NULL; t++) {
		if (t->option != option)
			continue;
		if (auditrec_term(t->term, t->key, optarg, t->prefix, &e) != 0)
			return ctl_usage(verb, "%s", e.what);
		return CTL_OK;
	}
	return ctl_usage(verb, "see above");
}

int
auditarg_time(const char *verb, const char *text, char out[CLOCK_MAX_TEXT])
{
	struct err e;

	if (auditrec_time(text, out, &e) == 0)
		return CTL_OK;
	return ctl_usage(verb, "%s", e.what);
}

const char *
auditarg_log(struct ctl *c, const char *given)
{
	bool configured = given == NULL;

	if (configured) {
		if (!ctl_load_log(c))
			return NULL;
		given = c->conf.audit_file;
	}
	if (access(given, R_OK) == 0)
		return (configured ? read_audit_log(c)
				   : read_audit_file(c, given)) == CTL_OK
			   ? given
			   : NULL;
	(void)ctl_error("%s: %s%s", given, strerror(errno),
	    errno == ENOENT
		? "; it is made when mcp-execd starts, and named by audit.file of the configuration"
	    : errno == EACCES ? "; run mcp-execctl as root"
			      : "");
	return NULL;
}
