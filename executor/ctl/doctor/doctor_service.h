/* SPDX-License-Identifier: MIT */
/*
 * doctor_service: the configuration and what it names.  mcp-execctl.
 *
 * In this order: later checks use what earlier ones loaded, and leave out what
 * could not be loaded.
 */
#ifndef EXECUTOR_CTL_DOCTOR_SERVICE_H
#define EXECUTOR_CTL_DOCTOR_SERVICE_H

#include "executor/ctl/doctor/report.h"

void doctor_service_config(struct report *r); /* loads ctl->conf */
void doctor_service_cgroup(struct report *r);
void doctor_service_policies(struct report *r); /* loads ctl->policies */
void doctor_service_tokens(struct report *r); /* loads ctl->tokens */
void doctor_service_frontend(struct report *r);
void doctor_service_certificate(struct report *r);
void doctor_service_audit(struct report *r);
void doctor_service_ports(struct report *r);

#endif
