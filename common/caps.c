/* SPDX-License-Identifier: MIT */
/* caps: give up privileges for good; frontend at start, executor helpers. */
#include "common/caps.h"

#include <cap-ng.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	CAPS_MAX = 64 /* the kernel's sets have 64 bits */
};

/* Of caps_limit: what processes have that others start for us. */
static struct {
	bool limited;
	uint64_t before;
} self;

static int
caps_clear_bounding(struct err *e)
{
	/* Without CAP_SETPCAP it cannot be done, and nothing can be gained. */
	if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
		return 0;
	capng_clear(CAPNG_SELECT_BOUNDS);
	if (capng_apply(CAPNG_SELECT_BOUNDS) != 0)
		return err_sys(e, "cannot clear the bounding set");
	return 0;
}

static int
caps_change_ids(uid_t uid, gid_t gid, struct err *e)
{
	/* In this order: each step needs a right that the next one ends. */
	if (setgroups(0, NULL) != 0)
		return err_sys(e, "cannot drop supplementary groups");
	if (setresgid(gid, gid, gid) != 0)
		return err_sys(e, "cannot become gid %u", (unsigned)gid);
	if (setresuid(uid, uid, uid) != 0)
		return err_sys(e, "cannot become uid %u", (unsigned)uid);
	return 0;
}

/* Believe the kernel, not the return values of the calls before. */
static int
caps_verify(uid_t uid, gid_t gid, struct err *e)
{
	uid_t u[3];
	gid_t g[3];

	if (!caps_none())
		return err_set(e, ERR_SYS, "capabilities are still there");
	if (uid == (uid_t)-1)
		return 0;
	if (getresuid(&u[0], &u[1], &u[2]) != 0 ||
	    getresgid(&g[0], &g[1], &g[2]) != 0)
		return err_sys(e, "cannot read the ids back");
	for (int i = 0; i < 3; i++)
		if (u[i] != uid || g[i] != gid)
			return err_set(e, ERR_SYS, "ids did not change");
	if (getgroups(0, NULL) != 0)
		return err_set(e, ERR_SYS, "supplementary groups are left");
	return 0;
}

int
caps_drop(uid_t uid, gid_t gid, struct err *e)
{
	if (capng_get_caps_process() != 0)
		return err_sys(e, "cannot read capabilities");
	if (caps_clear_bounding(e) != 0)
		return e->code;
	if (uid != (uid_t)-1 && caps_change_ids(uid, gid, e) != 0)
		return e->code;
	capng_clear(CAPNG_SELECT_ALL);
	if (capng_apply(CAPNG_SELECT_CAPS) != 0 ||
	    capng_apply(CAPNG_SELECT_AMBIENT) != 0)
		return err_sys(e, "cannot drop capabilities");
	return caps_verify(uid, gid, e);
}

int
caps_limit(uint64_t keep, struct err *e)
{
	uint64_t before = caps_of_runs();
	unsigned cap;

	if (capng_get_caps_process() != 0)
		return err_sys(e, "cannot read capabilities");
	if (caps_clear_bounding(e) != 0)
		return e->code;
	capng_clear(CAPNG_SELECT_ALL);
	for (cap = 0; cap <= CAP_LAST_CAP; cap++)
		if ((keep >> cap & 1) != 0 &&
		    capng_update(CAPNG_ADD,
			(capng_type_t)(CAPNG_EFFECTIVE | CAPNG_PERMITTED),
			cap) != 0)
			return err_set(e, ERR_SYS, "capability %u", cap);
	if (capng_apply(CAPNG_SELECT_CAPS) != 0 ||
	    capng_apply(CAPNG_SELECT_AMBIENT) != 0)
		return err_sys(e, "cannot drop capabilities");
	if (caps_permitted() != keep)
		return err_set(e, ERR_SYS, "capabilities are still there");
	self.limited = true;
	self.before = before;
	return 0;
}

void
caps_keep_over_exec(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	unsigned long cap;

	if (geteuid() == 0 || syscall(SYS_capget, &head, data) == -1)
		return;
	data[0].inheritable = data[0].permitted;
	data[1].inheritable = data[1].permitted;
	if (syscall(SYS_capset, &head, data) == -1)
		return;
	for (cap = 0; cap < CAPS_MAX; cap++)
		if ((data[cap / 32].permitted >> cap % 32 & 1) != 0)
			(void)prctl(
			    PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
}

static bool
caps_had(unsigned cap)
{
	if (self.limited)
		return (self.before >> cap & 1) != 0;
	return capng_get_caps_process() == 0 &&
	       capng_have_capability(CAPNG_EFFECTIVE, cap);
}

bool
caps_can_raise_limits(void)
{
	return caps_had(CAP_SYS_RESOURCE);
}

bool
caps_can_change_ids(void)
{
	return caps_had(CAP_SETUID) && caps_had(CAP_SETGID);
}

bool
caps_none(void)
{
	if (capng_get_caps_process() != 0)
		return false;
	for (unsigned cap = 0; cap < CAPS_MAX; cap++)
		if (capng_have_capability(CAPNG_EFFECTIVE, cap) ||
		    capng_have_capability(CAPNG_PERMITTED, cap) ||
		    capng_have_capability(CAPNG_AMBIENT, cap))
			return false;
	return true;
}

uint64_t
caps_permitted(void)
{
	uint64_t bits = 0;
	unsigned cap;

	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_get_caps_process() != 0)
		return 0;
	for (cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (capng_have_capability(CAPNG_PERMITTED, cap))
			bits |= (uint64_t)1 << cap;
	return bits;
}

uint64_t
caps_of_runs(void)
{
	return self.limited ? self.before : caps_permitted();
}
