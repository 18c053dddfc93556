/* SPDX-License-Identifier: MIT */
/* doctor: what this machine and this process can enforce, and what is amiss. */
#include <stddef.h>

#include "executor/ctl/doctor/doctor_kernel.h"
#include "executor/ctl/doctor/doctor_recordings.h"
#include "executor/ctl/doctor/doctor_running.h"
#include "executor/ctl/doctor/doctor_service.h"

static const struct cmdline_option options[] = { CTL_JSON(
    "as an object with an array of checks") };

static const struct ctl_verb verb = {
	.name = "doctor",
	.about =
	    "Tests what the kernel lets this process enforce, examines the files, the frontend, the certificate, the audit log and its seal, recordings, the clock, the running service and its unit, the tokens and the ports, and says what to do about each gap. Changes nothing. Run it as the user, and with the restrictions, that mcp-execd has.",
	.options = options,
	.more = "Exit status: 1 if a check failed; warnings do not count.",
};

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
	struct ctl_json as = { false };
	int status;

	if (ctl_options(&verb, &as, argc, argv, &status) == NULL)
		return status;
	report_init(&r, c, as.json);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		checks[i](&r);
	status = report_print(&r);
	report_fini(&r);
	return status;
}
