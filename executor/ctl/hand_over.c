/* SPDX-License-Identifier: MIT */
/*
 * hand_over: say to the mcp-execd that runs that its next end is a restart.
 *
 * In a unit's ExecStop=, which a restart and a stop both go through: whether it
 * is a restart the list of the service manager's jobs says (systemctl(1)).
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/plural.h"
#include "executor/ctl/left_jobs.h"
#include "executor/ctl/remote.h"

enum { LIST_MAX = 1 << 20 /* bytes of a list of jobs */ };

struct options {
	const char *unit, *stopped;
};

static const struct cmdline_option options[] = {
	CMDLINE_TEXT(0, "if-restarting", "UNIT", struct options, unit,
	    "do nothing unless systemd is restarting it, such as mcp-execd.service"),
	CMDLINE_TEXT(0, "stopped", "UNIT", struct options, stopped,
	    "in its ExecStopPost=: if systemd is stopping it for good, end jobs that nobody has taken over"),
	CMDLINE_LAST
};

static const struct ctl_verb verb = {
	.name = "hand-over",
	.about =
	    "Tells mcp-execd that a SIGTERM within the next minute is a restart: jobs of policies with jobs.survive then go on, and the next mcp-execd takes them over; all other runs end. Who asked is recorded.",
	.options = options,
};

/* Fork and execute it; -1 and errno, or its process and what it writes. */
static pid_t
begin_list(int *from)
{
	char *const argv[] = { (char *)(uintptr_t) "systemctl",
		(char *)(uintptr_t) "list-jobs",
		(char *)(uintptr_t) "--no-legend",
		(char *)(uintptr_t) "--plain", NULL };
	posix_spawn_file_actions_t act;
	int fd[2], rc;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) == -1)
		return -1;
	rc = posix_spawn_file_actions_init(&act);
	if (rc == 0) {
		rc = posix_spawn_file_actions_adddup2(
		    &act, fd[1], STDOUT_FILENO);
		if (rc == 0)
			rc = posix_spawnp(
			    &pid, argv[0], &act, NULL, argv, environ);
		(void)posix_spawn_file_actions_destroy(&act);
	}
	(void)close(fd[1]);
	if (rc == 0) {
		*from = fd[0];
		return pid;
	}
	(void)close(fd[0]);
	errno = rc;
	return -1;
}

static int
read_list(struct buf *out, struct err *e)
{
	CLEANUP_FD int from = -1;
	uint8_t piece[4096];
	pid_t pid = begin_list(&from);
	int status = 0;
	ssize_t n;

	if (pid == -1)
		return err_sys(e, "systemctl");
	while ((n = read(from, piece, sizeof(piece))) > 0)
		buf_put(out, piece, (size_t)n);
	if (waitpid(pid, &status, 0) != pid || status != 0 || n == -1 ||
	    out->overflow)
		return err_set(e, ERR_BUSY,
		    "systemctl list-jobs does not say what systemd does now");
	buf_put_u8(out, '\0');
	return out->overflow ? err_memory(e) : 0;
}

/* "  123 mcp-execd.service restart running" */
static bool
is_job(const char *line, const char *unit, const char *wanted)
{
	char name[256], type[32];

	return sscanf(line, "%*s %255s %31s", name, type) == 2 &&
	       strcmp(name, unit) == 0 && strcmp(type, wanted) == 0;
}

/* Is that what systemd is at with the unit?  A restart is not a stop. */
static int
find_job(const char *unit, const char *wanted, bool *found, struct err *e)
{
	CLEANUP_BUF struct buf list;
	char *line, *rest;

	buf_init(&list, LIST_MAX);
	if (read_list(&list, e) != 0)
		return e->code;
	*found = false;
	for (line = strtok_r((char *)list.p, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		*found |= is_job(line, unit, wanted);
	return 0;
}

static int
print_handed(int64_t jobs)
{
	int n = printf(
	    "A restart within the next minute leaves %lld job%s to the next mcp-execd.\n",
	    (long long)jobs, plural_s((uint64_t)jobs));

	return n < 0 ? CTL_FAILED : CTL_OK;
}

static int
ask_executor(struct ctl *c)
{
	const struct control_request r = { .verb = CONTROL_HAND_OVER };
	struct remote_answer a;
	struct err e = { 0 };
	int status;

	if (remote_ask(c, &r, &a, &e) == 0)
		status = print_handed(remote_number(json_root(a.doc), "jobs"));
	else
		status = ctl_error("%s", e.what);
	remote_fini(&a);
	return status;
}

/*
 * A stop can come before an mcp-execd has taken over, and ends only that one.
 * What crashed is started again, and takes over then.
 */
static int
end_left(struct ctl *c, const char *unit)
{
	bool stops = false;
	size_t count = 0;
	struct err e = { 0 };

	if (find_job(unit, "stop", &stops, &e) != 0)
		return ctl_error("%s: jobs are left as they are", e.what);
	if (!stops)
		return CTL_OK;
	if (!ctl_load_conf(c))
		return CTL_FAILED;
	if (left_jobs_end(c->conf.control, &count, &e) != 0)
		return ctl_error("%s", e.what);
	return count > 0 &&
		       printf(
			   "Jobs that were left to a next mcp-execd are ended.\n") <
			   0
		   ? CTL_FAILED
		   : CTL_OK;
}

int
hand_over_run(struct ctl *c, int argc, char **argv)
{
	struct options o = { .unit = NULL };
	bool restarts = true;
	struct err e = { 0 };
	int status;

	if (ctl_options(&verb, &o, argc, argv, &status) == NULL)
		return status;
	if (o.stopped != NULL)
		return end_left(c, o.stopped);
	if (o.unit != NULL && find_job(o.unit, "restart", &restarts, &e) != 0)
		return ctl_error(
		    "%s: nothing is handed over, and jobs end with mcp-execd",
		    e.what);
	if (restarts)
		return ask_executor(c);
	return printf("%s is not being restarted: nothing is handed over.\n",
		   o.unit) < 0
		   ? CTL_FAILED
		   : CTL_OK;
}
