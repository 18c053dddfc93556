/* SPDX-License-Identifier: MIT */
/* auditarg: arguments of the verbs that read the audit log.  mcp-execctl. */
#include "executor/ctl/audit/auditarg.h"
#include "executor/ctl/audit/read_audit.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int
auditarg_set_time(void *at, const char *text, struct err *e)
{
	return auditrec_time(text, at, e);
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
