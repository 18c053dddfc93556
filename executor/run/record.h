/* SPDX-License-Identifier: MIT */
/* record: what the audit records of a run hold. */
#ifndef EXECUTOR_RECORD_H
#define EXECUTOR_RECORD_H

#include <sys/resource.h>

#include "executor/audit/audit.h"
#include "executor/run/explain.h"
#include "executor/launcher/execlog.h"
#include "executor/run/job_result.h"
#include "executor/run/output.h"
#include "executor/run/refuse.h"
#include "executor/recording/recorder.h"

/* What is known when a run is over, in addition to its job_result. */
struct record_end {
	const struct plan *plan;
	bool executed; /* else the command never started */
	pid_t pid; /* of the command, 0: it was too quick to tell */
	uint32_t audit_session; /* the kernel's, or LOGINUID_UNSET */
	struct output *out, *err; /* their digests are finished here */
	const struct rusage *usage;
	const struct cgroup_usage *cgroup; /* zeros without one */
	uint64_t execs; /* programs that started */
	uint64_t execs_untold; /* those beyond what is recorded */
	uint64_t execs_unknown, execs_failed; /* see guard_report */
	unsigned denials; /* system calls refused */
	const struct findings *findings;
	uint64_t slowed_ms; /* that its records waited for the log's budget */
	unsigned left; /* processes that could not be ended */
	struct recorder *recorder; /* NULL: it never began */
	bool detached; /* it was a job */
	uint64_t lost; /* bytes of output that a job could not keep */
	const char *ended; /* processes that were told to end; "": none */
};

/* run-intent: durable before anything is executed. */
void record_intent(struct audit *a, const char *id, const struct request *r,
    const struct plan *p);
/* run-result */
void record_result(
    struct audit *a, const struct job_result *r, const struct record_end *end);
/* run-denial: the sandbox refused a system call */
void record_denial(struct audit *a, const char *id, const struct plan *p,
    const struct denial *d);
/* process-exec: a program started, or did not, or nobody knows */
void record_exec(struct audit *a, const char *id, const struct plan *p,
    const struct exec_event *x);
/* run-refused; for executor/run/refuse. */
void record_refused(struct audit *a, const struct request *r,
    const struct refuse_caller *who, const char *why);
/* job-begin: from now on the run outlives its call, and why */
void record_job(
    struct audit *a, const char *id, const struct plan *p, const char *why);
/*
 * run-adopted: it began with an executor before this one.  guard 0: gone by
 * then; lost: bytes that were typed, and that nobody had read.
 */
void record_adopted(struct audit *a, const char *id, const struct plan *p,
    pid_t guard, uint64_t lost);
/* run-slowed: the first time that the records of a run have to wait */
void record_slowed(struct audit *a, const char *id, const struct plan *p);

#endif
