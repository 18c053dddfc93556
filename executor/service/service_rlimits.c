/* SPDX-License-Identifier: MIT */
/* service_rlimits: files and stack.  Executor and mcp-execctl. */
#include "executor/service/service_rlimits.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/log.h"
#include "executor/launcher/planstore.h"
#include "executor/policy/policy.h"
#include "executor/recording/spool.h"

enum {
	OF_A_RUN = 16, /* that it may have in the executor */
	BESIDES = 128, /* logs, listeners, the control socket, clients of it */
	FILE_BYTES = 1 << 20, /* that a file may have at least */
	STACK_BYTES = 512 << 10 /* 160 KiB do for a start */
};

#define ADVICE                                                                 \
	"raise it (LimitNOFILE= of the unit, ulimit -n), or lower "            \
	"limits.runs and limits.connections"

/* The kernel looks at it whenever the stack grows, so that it helps us, too. */
int
service_rlimits_raise_stack(struct err *e)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_STACK, &r) != 0 || r.rlim_cur >= STACK_BYTES)
		return 0;
	r.rlim_cur = STACK_BYTES;
	if (r.rlim_max >= STACK_BYTES && setrlimit(RLIMIT_STACK, &r) == 0)
		return 0;
	return err_set(e, ERR_BAD,
	    "the stack may have no more than %" PRIu64
	    " bytes, and %d are needed: raise that limit (ulimit -s, LimitSTACK= of the unit)",
	    (uint64_t)r.rlim_max, STACK_BYTES);
}

int
service_rlimits_check(struct err *e)
{
	struct rlimit r;

	if (service_rlimits_raise_stack(e) != 0)
		return e->code;
	if (getrlimit(RLIMIT_FSIZE, &r) != 0 || r.rlim_cur >= FILE_BYTES)
		return 0;
	return err_set(e, ERR_BAD,
	    "no file may have more than %" PRIu64
	    " bytes, not even the audit log: remove that limit (ulimit -f, LimitFSIZE= of the unit)",
	    (uint64_t)r.rlim_cur);
}

uint64_t
service_rlimits_files_needed(const struct conf *c)
{
	uint64_t runs = (uint64_t)c->limits.runs * OF_A_RUN;
	uint64_t connections = c->limits.connections;

	return (runs > connections ? runs : connections) + BESIDES +
	       PLANSTORE_NETWORKS_IN_ALL + SPOOL_FILES;
}

/* Above which setrlimit(2) takes no hard limit, not even the present one. */
static rlim_t
most_files(void)
{
	CLEANUP_BUF struct buf text;
	struct err e = { 0 };
	uint64_t n;

	buf_init(&text, 32);
	if (fdio_read_file("/proc/sys/fs/nr_open", false, &text, &e) != 0)
		return RLIM_INFINITY;
	n = strtoull(buf_cstr(&text), NULL, 10);
	return n > 0 ? n : RLIM_INFINITY;
}

int
service_rlimits_raise_files(const struct conf *c, struct err *e)
{
	uint64_t needed = service_rlimits_files_needed(c);
	uint64_t wanted = POLICY_SERVICE_FILES;
	struct rlimit r;
	rlim_t most;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return err_sys(e, "RLIMIT_NOFILE");
	if (wanted < needed)
		wanted = needed;
	if (r.rlim_cur >= wanted)
		return 0;
	most = most_files();
	if (r.rlim_max > most)
		r.rlim_max = most;
	r.rlim_cur = wanted < r.rlim_max ? wanted : r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) != 0)
		return err_sys(e, "RLIMIT_NOFILE");
	if (r.rlim_cur < BESIDES)
		return err_set(e, ERR_BAD,
		    "only %" PRIu64 " files may be open: " ADVICE,
		    (uint64_t)r.rlim_cur);
	if (r.rlim_cur < needed)
		log_warn("start: %" PRIu64 " files may be open, and %" PRIu64
			 " may be needed: " ADVICE,
		    (uint64_t)r.rlim_cur, needed);
	return 0;
}
