/* SPDX-License-Identifier: MIT */
/* doctor: what this machine and this process can enforce, and what is amiss. */
#include <stddef.h>

#include "executor/ctl/doctor/doctor_kernel.h"
#include "executor/ctl/doctor/doctor_recordings.h"
#include "executor/ctl/doctor/doctor_running.h"
#include "executor/ctl/doctor/doctor_service.h"

static const char help[] =
    "usage: mcp-execctl [-c CONFIG] doctor [--json]\n\n"
    "Tries what the kernel lets this process enforce, looks at the files,\n"
    "the frontend, the certificate, the audit log and its seal, recordings,\n"
    "the clock, the service that runs and its unit, the tokens and the ports,\n"
    "and says what to do about each gap.  Changes nothing.  Run it as the\n"
    "user, and with the restrictions, that mcp-execd has.\n\n"
    "  --json   as an object with an array of checks\n\n"
    "Exit status: 1 if a check failed; warnings do not count.\n";

/* Later checks use what earlier ones have loaded. */
static void (*const checks[])(struct report *r) = {
	doctor_service_config,
	doctor_kernel_namespaces,
	doctor_kernel_root,
	doctor_kernel_landlock,
	doctor_kernel_seccomp,
	doctor_kernel_calls,
	doctor_kernel_exposure,
	doctor_service_cgroup,
	doctor_service_policies,
	doctor_service_tokens,
	doctor_service_frontend,
	doctor_service_certificate,
	doctor_service_audit,
	doctor_recordings,
	doctor_running_seal,
	doctor_running_clock,
	doctor_running_service,
	doctor_service_ports,
};

int
doctor_run(struct ctl *c, int argc, char **argv)
{
	struct report r;
	bool json;
	int status;

	if (!ctl_alone("doctor", help, &json, argc, argv, &status))
		return status;
	report_init(&r, c, json);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		checks[i](&r);
	status = report_print(&r);
	report_fini(&r);
	return status;
}
