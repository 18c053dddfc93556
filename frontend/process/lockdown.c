/* SPDX-License-Identifier: MIT */
/*
 * lockdown: the frontend's own sandbox, from start to end of the process.
 *
 * Order, and why: the filter is compiled first (it needs a memory file, which
 * the limits forbid); the root changes while the process may still do that;
 * limits before ids, so that they hold from the first moment of the new uid;
 * ids and capabilities before PDEATHSIG and DUMPABLE, which a change of ids
 * resets; no_new_privs before Landlock and seccomp, which demand it; seccomp
 * last, since it forbids all of the above.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/caps.h"
#include "common/cleanup.h"
#include "common/filter.h"
#include "common/landlock.h"
#include "frontend/process/allowed.h"
#include "frontend/process/inplace.h"
#include "frontend/process/lockdown.h"
#include "proto/note.h"
#include "proto/proto.h"

#ifdef UNLOCKED
/*
 * Called by the address sanitizer's start.  Its search for leaks needs a
 * thread, ptrace and /proc, all of which are gone here; unit tests, which run
 * the same modules without the lockdown, do search.
 */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

bool
lockdown_has_filter(void)
{
#ifdef UNLOCKED
	return false;
#else
	return true;
#endif
}

int
lockdown_check_build(struct err *e)
{
	static const char *const installed[] = { "/usr/", "/opt/" };
	char path[PATH_MAX];
	ssize_t n;

	if (lockdown_has_filter())
		return 0;
	n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (n == -1)
		return err_sys(e, "reading /proc/self/exe");
	path[n] = '\0';
	for (size_t i = 0; i < sizeof(installed) / sizeof(installed[0]); i++)
		if (strncmp(path, installed[i], strlen(installed[i])) == 0)
			return err_set(e, ERR_DENIED,
			    "built for tests, without its system call filter: it does not run from %s; install a release build",
			    installed[i]);
	return 0;
}

/* An empty directory that nobody can reach any more becomes the root. */
static int
change_root(struct err *e)
{
	char dir[] = "/run/mcp-execd.XXXXXX", tmp[] = "/tmp/mcp-execd.XXXXXX";
	char *made = mkdtemp(dir);
	CLEANUP_FD int fd = -1;

	if (made == NULL)
		made = mkdtemp(tmp);
	if (made == NULL)
		return err_sys(e, "making an empty directory");
	fd = open(made, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (rmdir(made) == -1)
		return err_sys(e, "removing the empty directory");
	if (fchdir(fd) == -1 || chroot(".") == -1)
		return err_sys(e, "changing the root to an empty directory");
	return 0;
}

static int
set_limit(int what, rlim_t value, const char *name, struct err *e)
{
	struct rlimit r = { .rlim_cur = value, .rlim_max = value };
	struct rlimit old;

	/* a lower hard limit cannot be raised, and need not be */
	if (getrlimit((__rlimit_resource_t)what, &old) == 0 &&
	    old.rlim_max < value)
		r.rlim_cur = r.rlim_max = old.rlim_max;
	if (setrlimit((__rlimit_resource_t)what, &r) == -1)
		return err_sys(e, "limiting %s", name);
	return 0;
}

/*
 * What standard error may still grow by: nothing, unless it is a file (log
 * of a test run).  No other file can be opened, so this frees nothing else.
 */
static rlim_t
file_limit(void)
{
	struct stat st;

	if (fstat(STDERR_FILENO, &st) == -1 || !S_ISREG(st.st_mode))
		return 0;
	return (rlim_t)st.st_size + (1 << 20);
}

static int
set_limits(const struct options *o, struct err *e)
{
	/* standard streams, channel, listeners, per daemon epoll and event */
	rlim_t files = o->connections + OPTIONS_MORE_CONNECTIONS +
		       4 * OPTIONS_MAX_LISTENERS + 32;

	/* beyond the limit a write fails instead of ending the process */
	if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
		return err_sys(e, "ignoring SIGXFSZ");
	if (set_limit(RLIMIT_NOFILE, files, "descriptors", e) != 0 ||
	    set_limit(RLIMIT_CORE, 0, "core files", e) != 0 ||
	    set_limit(RLIMIT_NPROC, 0, "processes", e) != 0)
		return e->code;
	if (!lockdown_has_filter())
		return 0; /* a sanitizer's report may go anywhere */
	return set_limit(RLIMIT_FSIZE, file_limit(), "files", e);
}

static int
close_others(const struct options *o, struct err *e)
{
	unsigned first = PROTO_FD_LISTEN + o->listeners;

	if (syscall(SYS_close_range, first, ~0U, 0) == -1)
		return err_sys(e, "closing what was inherited");
	return 0;
}

/* Ids and capabilities, then what a change of ids would have reset. */
static int
drop_privileges(const struct options *o, struct err *e)
{
	uid_t uid = o->have_ids ? o->uid : (uid_t)-1;
	gid_t gid = o->have_ids ? o->gid : (gid_t)-1;

	if (caps_drop(uid, gid, e) != 0)
		return err_wrap(e, "dropping privileges");
	if (!caps_none() || getuid() == 0 || geteuid() == 0)
		return err_set(
		    e, ERR_DENIED, "privileges are left: uid %u", geteuid());
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
		return err_sys(e, "PR_SET_PDEATHSIG");
	if (prctl(PR_SET_DUMPABLE, 0) == -1)
		return err_sys(e, "PR_SET_DUMPABLE");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return err_sys(e, "PR_SET_NO_NEW_PRIVS");
	return 0;
}

/* Not available: its system calls are missing, disabled or filtered. */
static bool
is_refusal(int r)
{
	return r == -ENOSYS || r == -EOPNOTSUPP || r == -EPERM;
}

/* No path, no TCP bind or connect, no foreign socket or signal. */
static int
restrict_landlock(bool *in_force, struct err *e)
{
	struct landlock_support has;
	struct landlock_set set;
	int r;

	landlock_probe(&has);
	*in_force = has.abi > 0;
	if (!*in_force)
		return 0; /* the kernel has none: HELLO says so */
	r = landlock_open(&has, LANDLOCK_BIND_TCP | LANDLOCK_CONNECT_TCP,
	    LANDLOCK_SCOPE_ABSTRACT | LANDLOCK_SCOPE_SIGNAL, &set);
	if (r != 0) {
		errno = -r;
		return err_sys(e, "landlock_create_ruleset");
	}
	r = landlock_restrict(set.fd);
	landlock_close(&set);
	*in_force = r == 0;
	if (r == 0 || is_refusal(r))
		return 0;
	errno = -r;
	return err_sys(e, "landlock_restrict_self");
}

/*
 * The filter refused a call.  Note which, and end as the filter would have it:
 * another refusal while SIGSYS is blocked, as it is in here, kills the process,
 * seccomp(2).  Nobody gets past this with another handler: there is no
 * rt_sigaction(2), and no rt_sigreturn(2) to return from it.
 */
static _Noreturn void
on_refused(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	note_trapped(info->si_syscall, (uint64_t)(uintptr_t)info->si_call_addr);
	for (;;)
		(void)syscall(SYS_sched_yield);
}

static int
load_filter(const struct filter *f, struct err *e)
{
	struct sigaction act = { .sa_sigaction = on_refused,
		.sa_flags = SA_SIGINFO };
	int r;

	if (sigaction(SIGSYS, &act, NULL) == -1)
		return err_sys(e, "handling SIGSYS");
	r = filter_load(f);

	if (r == 0)
		return 0;
	errno = -r;
	return err_sys(e, "loading the system call filter");
}

/* Everything but the filter. */
static int
apply_layers(const struct options *o, uint32_t *bits, struct err *e)
{
	bool landlock;

	if (geteuid() == 0 && !o->have_ids)
		return err_set(e, ERR_DENIED, "root must say -u and -g");
	if (close_others(o, e) != 0)
		return e->code;
	if (o->have_ids && change_root(e) != 0)
		return e->code;
	if (set_limits(o, e) != 0 || drop_privileges(o, e) != 0 ||
	    restrict_landlock(&landlock, e) != 0)
		return e->code;
	*bits = PROTO_LOCK_CAPS | PROTO_LOCK_NNP | PROTO_LOCK_RLIMITS;
	if (o->have_ids)
		*bits |= PROTO_LOCK_IDS | PROTO_LOCK_CHROOT;
	if (landlock)
		*bits |= PROTO_LOCK_LANDLOCK;
	return 0;
}

int
lockdown_apply(const struct options *o, uint32_t *bits, struct err *e)
{
	struct filter_rule rules[ALLOWED_MAX_RULES];
	size_t count = allowed_rules(o, rules);
	struct filter f;
	uint32_t b = 0;
	int r;

	if (inplace_check(e) != 0)
		return e->code;
	/* libc reads the zone file once, also for the Date header in UTC */
	tzset();
	if (filter_compile(
		rules, count, FILTER_TRAP, 0, FILTER_ENFORCE, &f, e) != 0)
		return err_wrap(e, "the frontend's filter");
	r = apply_layers(o, &b, e);
	if (r == 0 && lockdown_has_filter()) {
		r = load_filter(&f, e);
		b |= PROTO_LOCK_SECCOMP;
	}
	filter_fini(&f);
	if (r == 0)
		*bits = b;
	return r;
}
