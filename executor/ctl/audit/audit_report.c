/* SPDX-License-Identifier: MIT */
/* audit_report: a page about the audit log, for an auditor.  mcp-execctl. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fdio.h"
#include "executor/ctl/audit/audit.h"
#include "executor/ctl/audit/auditarg.h"
#include "executor/ctl/audit/audithtml.h"

#define VERB "audit report"

enum { MAX_PAGE = 256 << 20, RUNS = 500 };

static const char help[] =
    "usage: mcp-execctl [-c CONFIG] audit report --html FILE [--since T]\n"
    "           [--until T] [--runs N] [--log FILE]\n\n"
    "Writes one page that needs nothing else: runs over time, counts,\n"
    "failures, refusals, and the newest runs with their processes.\n\n"
    "      --html FILE  write it there, mode 0600; FILE may exist\n"
    "      --since T    not before: 90m, 12h or 3d ago, or a date of UTC\n"
    "      --until T    before that time\n"
    "      --runs N     single runs on the page, default 500, at most 5000\n"
    "      --log FILE   of this log, with its rotated files\n";

static const struct option options[] = {
	{ "html", required_argument, NULL, 'H' },
	{ "since", required_argument, NULL, 's' },
	{ "until", required_argument, NULL, 'U' },
	{ "runs", required_argument, NULL, 'r' },
	{ "log", required_argument, NULL, 'l' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct wanted {
	struct auditrec_query q;
	const char *html, *log;
	uint64_t runs;
	bool help;
};

static int
set_option(struct wanted *w, int opt)
{
	struct err e;

	switch (opt) {
	case 'H':
		w->html = optarg;
		return CTL_OK;
	case 's':
		return auditarg_time(VERB, optarg, w->q.since);
	case 'U':
		return auditarg_time(VERB, optarg, w->q.until);
	case 'r':
		if (bytes_to_u64(bytes_of(optarg), 1, AUDITSUM_RECENT, &w->runs,
			&e) == 0)
			return CTL_OK;
		return ctl_usage(
		    VERB, "--runs is a number from 1 to %d", AUDITSUM_RECENT);
	case 'l':
		w->log = optarg;
		return CTL_OK;
	case 'h':
		w->help = true;
		return CTL_OK;
	default:
		return ctl_usage(VERB, "see above");
	}
}

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
		return ctl_error("%s", e.what);
	(void)printf("%s: %llu runs of %llu records\n", w->html,
	    (unsigned long long)s->runs, (unsigned long long)s->records);
	return CTL_OK;
}

int
audit_report_run(struct ctl *c, int argc, char **argv)
{
	static struct auditsum s;
	struct wanted w = { .runs = RUNS };
	const char *path;
	struct err e;
	int opt, status = CTL_OK;

	while (status == CTL_OK &&
	       (opt = getopt_long(argc, argv, "h", options, NULL)) != -1)
		status = set_option(&w, opt);
	if (status != CTL_OK)
		return status;
	if (w.help)
		return ctl_print(bytes_of(help));
	if (argc > optind || w.html == NULL)
		return ctl_usage(VERB, "--html FILE is needed, and no operand");
	if ((path = auditarg_log(c, w.log)) == NULL)
		return CTL_FAILED;
	if (auditsum_init(&s, (size_t)w.runs, &e) != 0)
		return ctl_error("%s", e.what);
	s.q = w.q;
	status = report_file(&s, &w, path);
	auditsum_fini(&s);
	return status;
}
