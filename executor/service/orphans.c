/* SPDX-License-Identifier: MIT */
/* orphans: end what runs left behind, and nothing else.  Executor. */
#include "executor/service/orphans.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "executor/launcher/proctree.h"
#include "executor/power/keeper.h"

static struct {
	pid_t pid[ORPHANS_MAX_INHERITED];
	size_t count;
} self;

/* Processes are found, and ended, by /proc. */
static int
check_proc(struct err *e)
{
	char link[16] = "", own[16];

	if (readlink("/proc/self", link, sizeof(link) - 1) == -1)
		return err_set(
		    e, ERR_BAD, "/proc is not there: mount -t proc proc /proc");
	(void)snprintf(own, sizeof(own), "%d", (int)getpid());
	if (strcmp(link, own) != 0)
		return err_set(e, ERR_BAD,
		    "/proc is that of another pid namespace, where this process is %s and not %s: mount one of its own (unshare --mount-proc)",
		    link, own);
	return 0;
}

int
orphans_begin(struct err *e)
{
	pid_t found[ORPHANS_MAX_INHERITED + 1];
	size_t n;

	if (check_proc(e) != 0)
		return e->code;
	n = proctree_children(found, ORPHANS_MAX_INHERITED + 1);
	if (n > ORPHANS_MAX_INHERITED)
		return err_set(e, ERR_BAD,
		    "more than %d processes are children of this one: start mcp-execd by a supervisor, not from where they were started",
		    ORPHANS_MAX_INHERITED);
	memcpy(self.pid, found, n * sizeof(found[0]));
	self.count = n;
	if (n > 0)
		log_warn(
		    "start: process %d%s is a child of this one from before: it is left alone, but what it leaves behind is ended; start it elsewhere",
		    (int)found[0], n > 1 ? ", and others," : "");
	return 0;
}

/* Inherited ones that have ended: their numbers may be others' soon. */
static void
reap_inherited(void)
{
	for (size_t i = self.count; i > 0; i--)
		if (waitpid(self.pid[i - 1], NULL, WNOHANG) != 0)
			self.pid[i - 1] = self.pid[--self.count];
}

void
orphans_end(pid_t *spared, size_t count)
{
	siginfo_t si;
	size_t i;

	reap_inherited();
	memcpy(spared + count, self.pid, self.count * sizeof(self.pid[0]));
	keeper_end_strays(spared, count + self.count);
	for (;;) {
		memset(&si, 0, sizeof(si));
		if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == -1 ||
		    si.si_pid == 0)
			return;
		for (i = 0; i < count && spared[i] != si.si_pid; i++)
			;
		if (i < count)
			return; /* its own watch reaps it */
		(void)waitpid(si.si_pid, NULL, WNOHANG);
	}
}
