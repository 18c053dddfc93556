/* SPDX-License-Identifier: MIT */
/*
 * audit: the verbs of mcp-execctl that show the audit log.  Each returns an
 * exit status (ctl.h), and records first that the log is read (read_audit.h).
 */
#ifndef EXECUTOR_CTL_AUDIT_H
#define EXECUTOR_CTL_AUDIT_H

#include "executor/ctl/ctl.h"

int audit_search_run(struct ctl *c, int argc, char **argv);
int audit_show_run(struct ctl *c, int argc, char **argv);
int audit_replay_run(struct ctl *c, int argc, char **argv);
int audit_stats_run(struct ctl *c, int argc, char **argv);
int audit_report_run(struct ctl *c, int argc, char **argv);

#endif
