/* SPDX-License-Identifier: MIT */
/* audit_report: a page about the audit log, for an auditor.  mcp-execctl. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fdio.h"
#include "common/plural.h"
#include "executor/ctl/audit/audit.h"
#include "executor/ctl/audit/auditarg.h"
#include "executor/ctl/audit/audithtml.h"

#define VERB "audit report"

enum { MAX_PAGE = 256 << 20, RUNS = 500 };

struct wanted {
	struct auditrec_query q;
	const char *html, *log;
	uint64_t runs;
};

static const struct cmdline_option options[] = {
	CMDLINE_NEEDED(0, "html", "FILE", struct wanted, html,
	    "write it there, mode 0600; FILE may exist"),
	AUDITARG_SINCE(struct wanted, q), AUDITARG_UNTIL(struct wanted, q),
	CMDLINE_NUMBER(0, "runs", struct wanted, runs, 1, AUDITSUM_RECENT,
	    "single runs on the page, default 500, at most 5000"),
	AUDITARG_LOG(struct wanted, log), CMDLINE_LAST
};

static const struct ctl_verb verb = {
	.name = VERB,
	.about =
	    "Writes one page that needs nothing else: runs over time, counts, failures, refusals, and the newest runs with their processes.",
	.options = options,
};

static int
report_file(struct auditsum *s, const struct wanted *w, const char *path)
{
	struct buf page;
	struct err e;
	int rc;

	if (auditsum_read(s, path, &e) != 0)
		return ctl_error("audit log: %s", e.what);
	buf_init(&page, MAX_PAGE);
	audithtml_put(&page, s, path);
	if (page.overflow)
		rc = err_set(&e, ERR_BAD,
		    "the page would be over %d bytes: ask for fewer --runs",
		    MAX_PAGE);
	else
		rc =
		    fdio_write_file(w->html, 0600, buf_bytes(&page), false, &e);
	buf_fini(&page);
	if (rc != 0)
		return ctl_error("%s%s", e.what,
		    e.sysno == EISDIR ? ": name a file in it" : "");
	(void)printf("%s: %llu run%s of %llu record%s\n", w->html,
	    (unsigned long long)s->runs, plural_s(s->runs),
	    (unsigned long long)s->records, plural_s(s->records));
	return CTL_OK;
}

int
audit_report_run(struct ctl *c, int argc, char **argv)
{
	static struct auditsum s;
	struct wanted w = { .runs = RUNS };
	const char *path;
	struct err e;
	int status;

	if (ctl_options(&verb, &w, argc, argv, &status) == NULL)
		return status;
	if ((path = auditarg_log(c, w.log)) == NULL)
		return CTL_FAILED;
	if (auditsum_init(&s, (size_t)w.runs, &e) != 0)
		return ctl_error("%s", e.what);
	s.q = w.q;
	status = report_file(&s, &w, path);
	auditsum_fini(&s);
	return status;
}
