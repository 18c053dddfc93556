/* SPDX-License-Identifier: MIT */
/*
 * doctor_kernel: what the kernel lets this process enforce, found by trying it
 * in a child (executor/confine/probe.h).  mcp-execctl.
 */
#ifndef EXECUTOR_CTL_DOCTOR_KERNEL_H
#define EXECUTOR_CTL_DOCTOR_KERNEL_H

#include "executor/ctl/doctor/report.h"

void doctor_kernel_namespaces(struct report *r); /* each by itself */
void doctor_kernel_root(struct report *r); /* all of a run together */
void doctor_kernel_landlock(struct report *r);
void doctor_kernel_seccomp(struct report *r);
void doctor_kernel_calls(struct report *r); /* that runs cannot do without */
void doctor_kernel_exposure(struct report *r); /* of the host's processes */

#endif
