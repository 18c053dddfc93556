/* SPDX-License-Identifier: MIT */
/*
 * renounce: capabilities, no_new_privs, Landlock, the filter.  Executor.
 *
 * Order, and why: the filter is compiled first, which needs memory files; the
 * bounding set is emptied while there is the capability for it; the places are
 * tried as who is left; no_new_privs comes before Landlock and seccomp, which
 * demand it; seccomp last, since it forbids all of the above.
 */
#include "executor/power/renounce.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/caps.h"
#include "common/cleanup.h"
#include "common/filter.h"
#include "common/landlock.h"
#include "common/unlocked.h"
#include "executor/power/needed.h"

#define CAP(name) ((uint64_t)1 << (name))

static bool
has_filter(void)
{
#ifdef UNLOCKED
	return false;
#else
	return true;
#endif
}

/* --- places ------------------------------------------------------------- */

static int
add_place(struct renounce_setup *s, int fd, const char *path, bool sockets,
    struct err *e)
{
	struct renounce_place *p = &s->place[s->count];

	if (fd == -1)
		return err_sys(e, "%s", path);
	if (s->count == RENOUNCE_PLACES) {
		(void)close(fd);
		return err_set(e, ERR_BUSY, "more than %d places to write in",
		    RENOUNCE_PLACES);
	}
	s->count++;
	p->fd = fd;
	p->sockets = sockets;
	(void)snprintf(
	    p->path, sizeof(p->path), "%.*s", (int)sizeof(p->path) - 1, path);
	return 0;
}

int
renounce_allow(struct renounce_setup *s, const char *path, bool is_dir,
    bool sockets, struct err *e)
{
	char dir[PATH_MAX];
	char *slash;

	if (snprintf(dir, sizeof(dir), "%s", path) >= (int)sizeof(dir))
		return err_set(e, ERR_BAD, "%.200s: too long", path);
	slash = is_dir ? NULL : strrchr(dir, '/');
	if (slash != NULL)
		slash[slash == dir] = '\0';
	return add_place(s, open(dir, O_PATH | O_CLOEXEC), dir, sockets, e);
}

int
renounce_allow_fd(struct renounce_setup *s, int fd, struct err *e)
{
	if (fd == -1)
		return 0;
	return add_place(
	    s, fcntl(fd, F_DUPFD_CLOEXEC, 0), "a directory", false, e);
}

void
renounce_fini(struct renounce_setup *s)
{
	while (s->count > 0)
		(void)close(s->place[--s->count].fd);
}

/* --- capabilities --------------------------------------------------------- */

/*
 * Those that are left, each with the reason:
 *  DAC_READ_SEARCH  a reload looks at a policy's directory and at files of
 *                   others that it protects; what it reads it cannot change
 *                   by that.  Where the service has DAC_OVERRIDE in its place,
 *                   that, which Landlock then holds to our own places
 *  AUDIT_WRITE      records for auditd, with audit.kernel alone
 */
static uint64_t
left_over(const struct renounce_setup *s)
{
	uint64_t has = caps_permitted(), keep = CAP(CAP_DAC_READ_SEARCH);

	if ((has & keep) == 0)
		keep = CAP(CAP_DAC_OVERRIDE);
	if (s->audit)
		keep |= CAP(CAP_AUDIT_WRITE);
	return has & keep;
}

/* Root without capabilities is a user like any other. */
static int
try_places(const struct renounce_setup *s, struct err *e)
{
	char path[64];

	for (size_t i = 0; i < s->count; i++) {
		if (s->place[i].sockets)
			continue;
		(void)snprintf(
		    path, sizeof(path), "/proc/self/fd/%d", s->place[i].fd);
		if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == -1)
			return err_sys(e,
			    "%s: cannot be written to by uid %u without the powers of root: chown it",
			    s->place[i].path, (unsigned)geteuid());
	}
	return 0;
}

/* --- Landlock --------------------------------------------------------------- */

enum {
	OWN = LANDLOCK_READ | LANDLOCK_WRITE_FILE | LANDLOCK_REMOVE_DIR |
	      LANDLOCK_REMOVE_FILE | LANDLOCK_MAKE_DIR | LANDLOCK_MAKE_REG |
	      LANDLOCK_REFER | LANDLOCK_TRUNCATE,
	SOCKETS = LANDLOCK_READ | LANDLOCK_REMOVE_FILE
};

static int
allow_path(const struct landlock_set *set, const char *path, uint64_t fs)
{
	CLEANUP_FD int fd = open(path, O_PATH | O_CLOEXEC);

	return fd == -1 ? -errno : landlock_allow(set, fd, fs & set->fs);
}

static int
allow_places(const struct landlock_set *set, const struct renounce_setup *s)
{
	int r = allow_path(set, "/", LANDLOCK_READ);

	if (r == 0)
		r = allow_path(set, "/dev/null",
		    LANDLOCK_READ_FILE | LANDLOCK_WRITE_FILE |
			LANDLOCK_TRUNCATE);
	for (size_t i = 0; r == 0 && i < s->count; i++)
		r = landlock_allow(set, s->place[i].fd,
		    (s->place[i].sockets ? SOCKETS : OWN) & set->fs);
	return r;
}

/* Not available: its system calls are missing, disabled or filtered. */
static bool
is_refusal(int r)
{
	return r == -ENOSYS || r == -EOPNOTSUPP || r == -EPERM;
}

static int
restrict_writing(
    const struct renounce_setup *s, uint32_t *layers, struct err *e)
{
	uint64_t scoped = LANDLOCK_SCOPE_SIGNAL;
	struct landlock_support has;
	struct landlock_set set;
	int r;

	landlock_probe(&has);
	if (has.abi == 0 || !has_filter())
		return 0;
	if (!s->abstract)
		scoped |= LANDLOCK_SCOPE_ABSTRACT;
	r = landlock_open(
	    &has, LANDLOCK_BIND_TCP | LANDLOCK_CONNECT_TCP, scoped, &set);
	if (r == 0) {
		r = allow_places(&set, s);
		if (r == 0)
			r = landlock_restrict(set.fd);
		landlock_close(&set);
	}
	if (r == 0)
		*layers |= RENOUNCE_LANDLOCK;
	if (r == 0 || is_refusal(r))
		return 0;
	errno = -r;
	return err_sys(e, "Landlock for the executor");
}

/* --- all ---------------------------------------------------------------------- */

static int
put_on(const struct renounce_setup *s, const struct filter *f, uint32_t *layers,
    struct err *e)
{
	int r;

	if (caps_limit(left_over(s), e) != 0 || try_places(s, e) != 0)
		return e->code;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return err_sys(e, "PR_SET_NO_NEW_PRIVS");
	*layers = RENOUNCE_CAPS | RENOUNCE_NNP;
	if (restrict_writing(s, layers, e) != 0)
		return e->code;
	if (!has_filter())
		return 0;
	r = filter_load(f);
	if (r == 0) {
		*layers |= RENOUNCE_SECCOMP;
		return 0;
	}
	errno = -r;
	return err_sys(e,
	    "the executor's system call filter cannot be loaded: this kernel, or a container's filter, has to allow seccomp(2)");
}

int
renounce_apply(struct renounce_setup *s, uint32_t *layers, struct err *e)
{
	static struct filter_rule rules[NEEDED_MAX_RULES];
	struct filter f;
	int r = filter_compile(rules, needed_rules(rules), FILTER_ERRNO, EPERM,
	    FILTER_ENFORCE, &f, e);

	memset(rules, 0, sizeof(rules)); /* common/rest: it is done once */
	if (r != 0)
		return err_wrap(e, "the executor's filter");
	r = put_on(s, &f, layers, e);
	filter_fini(&f);
	return r;
}
