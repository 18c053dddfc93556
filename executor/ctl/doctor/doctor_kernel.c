/* SPDX-License-Identifier: MIT */
/*
 * doctor_kernel: tries in short-lived children, changes nothing here, and
 * looks at no version.  mcp-execctl.
 */
#include "executor/ctl/doctor/doctor_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/caps.h"
#include "common/cleanup.h"
#include "executor/ctl/wrapped_text.h"
#include "executor/audit/loginuid.h"
#include "executor/confine/confine.h"
#include "executor/confine/probe.h"

/* Up to size - 1 bytes of a small file without its last newline, or "". */
static void
read_small(const char *path, char *text, size_t size)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
}

static bool
file_says(const char *path, const char *value)
{
	char text[64];

	read_small(path, text, sizeof(text));
	return strcmp(text, value) == 0;
}

/* --- namespaces ------------------------------------------------------- */

/* clone(2) a child that ends at once; 0 or an errno. */
static int
try_clone(unsigned long flags)
{
	int status;
	long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	if (pid == -1)
		return errno;
	return waitpid((pid_t)pid, &status, 0) == pid ? 0 : errno;
}

static const struct {
	const char *name;
	unsigned long flag;
	const char *limit; /* where a 0 forbids it */
} spaces[] = {
	{ "mount", CLONE_NEWNS, "/proc/sys/user/max_mnt_namespaces" },
	{ "pid", CLONE_NEWPID, "/proc/sys/user/max_pid_namespaces" },
	{ "ipc", CLONE_NEWIPC, "/proc/sys/user/max_ipc_namespaces" },
	{ "network", (unsigned)CLONE_NEWNET,
	    "/proc/sys/user/max_net_namespaces" },
};

/* What is known to keep an ordinary user from a user namespace. */
static const struct {
	const char *path, *value, *advice;
} user_limits[] = {
	{ "/proc/sys/user/max_user_namespaces", "0",
	    "sysctl user.max_user_namespaces is 0: raise it, or run mcp-execd as root" },
	{ "/proc/sys/kernel/unprivileged_userns_clone", "0",
	    "sysctl kernel.unprivileged_userns_clone is 0: set it to 1, or run mcp-execd as root" },
	{ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
	    "AppArmor restricts user namespaces (kernel.apparmor_restrict_unprivileged_userns is 1): give mcp-execd a profile with \"userns,\", or run it as root" },
};

static const char *
user_advice(void)
{
	for (size_t i = 0; i < sizeof(user_limits) / sizeof(user_limits[0]);
	     i++)
		if (file_says(user_limits[i].path, user_limits[i].value))
			return user_limits[i].advice;
	return "a container or a unit's RestrictNamespaces= may forbid it; or run mcp-execd as root";
}

static bool
check_user_namespace(struct report *r)
{
	int error = try_clone(CLONE_NEWUSER);

	const char *why = probe_why(CONFINE_USER);

	if (error == 0 && !caps_can_change_ids() && why != NULL &&
	    (probe_get()->layers & CONFINE_USER) == 0)
		report_say(r, REPORT_WARN, "namespace user", user_advice(),
		    "can be created but not used: %s", why);
	else if (error == 0)
		report_say(r, REPORT_OK, "namespace user", NULL, "%s",
		    caps_can_change_ids() ? "available; not needed as root"
					  : "available");
	else if (caps_can_change_ids())
		report_say(r, REPORT_OK, "namespace user", NULL,
		    "not available (%s), and not needed as root",
		    strerror(error));
	else
		report_say(r, REPORT_WARN, "namespace user", user_advice(),
		    "not available: %s", strerror(error));
	return error == 0;
}

void
doctor_kernel_namespaces(struct report *r)
{
	bool user = check_user_namespace(r);
	unsigned long with = caps_can_change_ids() ? 0 : CLONE_NEWUSER;
	char name[32];
	int error;

	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
		(void)snprintf(
		    name, sizeof(name), "namespace %s", spaces[i].name);
		error = try_clone(spaces[i].flag | with);
		if (error == 0)
			report_say(r, REPORT_OK, name, NULL, "available");
		else
			report_say(r, REPORT_WARN, name,
			    !user && with != 0 ? "it needs a user namespace"
			    : file_says(spaces[i].limit, "0")
				? "the limit in /proc/sys/user is 0: raise it"
				: "a container, or the unit's RestrictNamespaces=, forbids it: allow it",
			    "not available: %s", strerror(error));
	}
}

/* Adjust a policy where a layer is missing; the last wall stays. */
static const char *
advice_without(const struct report *r, unsigned layer)
{
	const struct probe *p = probe_get();

	if ((p->layers & CONFINE_WALLS & ~layer) == 0)
		return "nothing else here keeps a run's files: use a kernel, a container or a unit that allows the layer mounts or landlock";
	if ((p->layers & CONFINE_SECCOMP) == 0)
		return "this kernel filters no system calls either: use one that does";
	if (!p->privileged)
		return "policies do without it; other layers keep files";
	if (strcmp(r->ctl->conf.posture, "kernel") == 0)
		return "nothing to do: by \"posture\": \"kernel\" policies take the strongest that this kernel has";
	return "set \"posture\": \"kernel\" in mcp-execd.json: policies then take the strongest that this kernel has, and say in each record what is missing";
}

/* As a run has them: executor/confine/probe has tried each by itself. */
void
doctor_kernel_root(struct report *r)
{
	static const unsigned layers[] = { CONFINE_MOUNTS, CONFINE_PIDS,
		CONFINE_IPC, CONFINE_NET };
	const struct probe *p = probe_get();
	bool wall = (p->layers & CONFINE_WALLS) != 0;
	char name[32];

	for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
		(void)snprintf(name, sizeof(name), "layer %s",
		    confine_layer_name(layers[i]));
		if ((p->layers & layers[i]) != 0)
			report_say(r, REPORT_OK, name, NULL,
			    "can be applied to a run");
		else
			report_say(r,
			    !wall && layers[i] == CONFINE_MOUNTS ? REPORT_FAIL
								 : REPORT_WARN,
			    name, advice_without(r, layers[i]),
			    "not available: %s", probe_why(layers[i]));
	}
}

/* --- Landlock and seccomp --------------------------------------------- */

/* What it does not enforce here, and the layer that does; how many are open. */
static unsigned
list_gaps(struct buf *b, const struct probe *p)
{
	const struct confine_gap *g;
	unsigned open = 0;

	for (size_t i = 0; (g = confine_gap(&p->landlock, i)) != NULL; i++) {
		bool kept = (g->cover & p->layers) != 0 || g->cover == 0;

		open += !kept;
		if (g->cover == 0)
			wrapped_text_item(b, "%s", g->what);
		else
			wrapped_text_item(b, "%s (%s%s)", g->what,
			    kept ? "kept by the layer "
				 : "open without the layer ",
			    confine_layer_name(g->cover));
	}
	return open;
}

void
doctor_kernel_landlock(struct report *r)
{
	CLEANUP_BUF struct buf lacks = { 0 };
	const struct probe *p = probe_get();
	unsigned open;

	if ((p->layers & CONFINE_LANDLOCK) == 0) {
		report_say(r,
		    (p->layers & CONFINE_WALLS) == 0 ? REPORT_FAIL
						     : REPORT_WARN,
		    "landlock", advice_without(r, CONFINE_LANDLOCK), "%s",
		    probe_why(CONFINE_LANDLOCK));
		return;
	}
	buf_init(&lacks, 1024);
	open = list_gaps(&lacks, p);
	if (lacks.len == 0)
		report_say(r, REPORT_OK, "landlock", NULL,
		    "ABI %d, with everything that is needed", p->landlock.abi);
	else
		report_say(r, open > 0 ? REPORT_WARN : REPORT_OK, "landlock",
		    "a newer kernel has more of them",
		    "the kernel claims ABI %d; tried, it is without: %s",
		    p->landlock.abi, buf_cstr(&lacks));
}

static const struct {
	uint32_t action;
	const char *name;
	enum report_level without;
	const char *advice;
} actions[] = {
	{ SECCOMP_RET_ERRNO, "errno", REPORT_FAIL,
	    "use a kernel with CONFIG_SECCOMP_FILTER" },
	{ SECCOMP_RET_KILL_PROCESS, "kill_process", REPORT_WARN,
	    "programs of a foreign ABI are ended by thread only" },
	{ SECCOMP_RET_LOG, "log", REPORT_WARN,
	    "log_only in policies needs it" },
	{ SECCOMP_RET_USER_NOTIF, "user_notif", REPORT_WARN,
	    "refusals cannot be explained without it" },
};

void
doctor_kernel_seccomp(struct report *r)
{
	char avail[256], name[40];

	read_small(
	    "/proc/sys/kernel/seccomp/actions_avail", avail, sizeof(avail));
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		(void)snprintf(
		    name, sizeof(name), "seccomp %s", actions[i].name);
		if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0,
			&actions[i].action) == 0)
			report_say(r, REPORT_OK, name, NULL, "available");
		else
			report_say(r, actions[i].without, name,
			    actions[i].advice,
			    "not available: %s; the kernel names: %s",
			    strerror(errno), avail);
	}
	if (probe_get()->tracer && probe_get()->listener)
		report_say(r, REPORT_OK, "records of programs", NULL,
		    "held at execve");
	else if (!probe_get()->listener)
		report_say(r, REPORT_WARN, "records of programs",
		    "see explained refusals",
		    "commands are recorded, the programs that they start are not");
	else
		report_say(r, REPORT_WARN, "records of programs",
		    "allow ptrace(2) to the service, and set kernel.yama.ptrace_scope below 3",
		    "programs cannot be held at execve: each is recorded or counted, but unconfirmed");
	if (probe_get()->listener)
		report_say(
		    r, REPORT_OK, "explained refusals", NULL, "available");
	else
		report_say(r, REPORT_WARN, "explained refusals",
		    "set kernel.yama.ptrace_scope below 3, and give CAP_SYS_PTRACE to a service of root; otherwise an outer filter may hold the only listener that is possible, or the kernel is older than Linux 5.6",
		    "a run's refused system calls fail, but are neither explained nor recorded");
}

/* --- system calls that everything rests on ---------------------------- */

static int
try_openat2(void)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH };
	long fd = syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof(how));

	if (fd >= 0)
		(void)close((int)fd);
	return fd >= 0 ? 0 : errno;
}

static int
try_pidfd(void)
{
	long fd = syscall(SYS_pidfd_open, getpid(), 0);

	if (fd >= 0)
		(void)close((int)fd);
	return fd >= 0 ? 0 : errno;
}

static int
try_close_range(void)
{
	return syscall(SYS_close_range, ~0U, ~0U, 0) == 0 ? 0 : errno;
}

/* As spawn.c calls it. */
static int
try_clone3(void)
{
	int pidfd = -1, status;
	struct clone_args args = { .flags = CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		_exit(0);
	if (pid == -1)
		return errno;
	(void)close(pidfd);
	return waitpid((pid_t)pid, &status, 0) == pid ? 0 : errno;
}

/* Only whether it is there: what it does needs a mount. */
static int
try_mount_setattr(void)
{
	if (syscall(SYS_mount_setattr, -1, "", 0, NULL, 0) == 0 ||
	    errno != ENOSYS)
		return 0;
	return errno;
}

static int
try_no_new_privs(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
			      prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1
			  ? 0
			  : 1);
	return pid != -1 && waitpid(pid, &status, 0) == pid && status == 0
		   ? 0
		   : EINVAL;
}

static const struct {
	const char *name;
	int (*try)(void);
	enum report_level without;
	const char *advice;
} calls[] = {
	{ "no_new_privs", try_no_new_privs, REPORT_FAIL,
	    "no command is run without it: use Linux 3.5 or later" },
	{ "openat2", try_openat2, REPORT_WARN,
	    "nothing to do: paths are walked by hand, by the same rules; it takes Linux 5.6, and a unit without RestrictSUIDSGID=" },
	{ "pidfd_open", try_pidfd, REPORT_FAIL,
	    "runs are watched by it: use Linux 5.3 or later, or let the container's or unit's filter allow it" },
	{ "close_range", try_close_range, REPORT_FAIL,
	    "a command's descriptors are closed by it: use Linux 5.9 or later, or let the container's or unit's filter allow it" },
	{ "clone3", try_clone3, REPORT_WARN,
	    "nothing to do: clone(2) makes namespaces, and a command enters its control group by itself before it starts" },
	{ "mount_setattr", try_mount_setattr, REPORT_WARN,
	    "nothing to do: mounts are made read-only one by one, which takes a little longer; it takes Linux 5.12" },
};

void
doctor_kernel_calls(struct report *r)
{
	int error;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		error = calls[i].try();
		if (error == 0)
			report_say(r, REPORT_OK, calls[i].name, NULL, "works");
		else
			report_say(r, calls[i].without, calls[i].name,
			    calls[i].advice, "%s", strerror(error));
	}
}

/* --- what runs could see and do on the host --------------------------- */

static void
check_yama(struct report *r)
{
	char scope[16];

	read_small("/proc/sys/kernel/yama/ptrace_scope", scope, sizeof(scope));
	if (scope[0] == '\0' || scope[0] == '0')
		report_say(r,
		    (probe_get()->layers & CONFINE_PIDS) != 0 ? REPORT_OK
							      : REPORT_WARN,
		    "yama",
		    "set kernel.yama.ptrace_scope to 1, so that processes of one user cannot trace each other where a profile allows tracing",
		    "%s",
		    scope[0] == '\0'
			? "not in this kernel; with the layer pids, runs see no processes of others"
			: "ptrace_scope is 0; with the layer pids, runs see no processes of others");
	else
		report_say(
		    r, REPORT_OK, "yama", NULL, "ptrace_scope is %s", scope);
}

/* As confine_load chooses the layer loginuid. */
static void
check_loginuid(struct report *r)
{
	const struct probe *p = probe_get();
	uint32_t uid = loginuid_get();
	bool in_user = (p->layers & CONFINE_USER) != 0;

	if (p->loginuid == PROBE_NO_LOGINUIDS)
		report_say(r, REPORT_OK, "loginuid", NULL,
		    "this kernel has no audit login uid");
	else if (p->loginuid == PROBE_LOGINUID && !in_user)
		report_say(r, REPORT_OK, "loginuid", NULL,
		    "each run gets its token's, which it cannot change");
	else if (uid != LOGINUID_UNSET)
		report_say(r, p->privileged ? REPORT_WARN : REPORT_OK,
		    "loginuid",
		    "start mcp-execd as a service, which has none of its own to keep, or say \"disable\": [\"loginuid\"]",
		    "it is %u and cannot be changed: runs keep it, and auditd attributes them to that user",
		    (unsigned)uid);
	else
		report_say(r, REPORT_OK, "loginuid", NULL,
		    "not set, because runs in a user namespace cannot have their token's; it is read-only there");
}

/* The options of the last line of mountinfo that mounts /proc. */
static void
check_proc(struct report *r)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096];
	bool hides = false;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, " /proc ") != NULL &&
		    strstr(line, " - proc ") != NULL)
			hides = strstr(line, "hidepid=") != NULL &&
				strstr(line, "hidepid=0") == NULL &&
				strstr(line, "hidepid=off") == NULL;
	if (f == NULL) {
		report_say(r, REPORT_FAIL, "/proc",
		    "mount it: runs are planned and ended by it", "%s",
		    strerror(errno));
		return;
	}
	(void)fclose(f);
	if (hides)
		report_say(r, REPORT_OK, "/proc", NULL,
		    "hides processes of other users");
	else
		report_say(r,
		    (probe_get()->layers & CONFINE_PIDS) != 0 ? REPORT_OK
							      : REPORT_WARN,
		    "/proc", "mount it with hidepid=invisible",
		    "shows processes of all users%s",
		    (probe_get()->layers & CONFINE_PIDS) != 0
			? "; with the layer pids, runs have one of their own"
			: "");
}

void
doctor_kernel_exposure(struct report *r)
{
	check_yama(r);
	check_loginuid(r);
	check_proc(r);
}
