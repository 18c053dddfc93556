/* SPDX-License-Identifier: MIT */
/* landlock: raw system calls; both processes. */
#include "common/landlock.h"

#include <errno.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"

enum { ABI_NET = 4, ABI_SCOPE = 6 };

/* struct landlock_ruleset_attr as of ABI 6; older kernels take a prefix. */
struct attr {
	uint64_t fs, net, scoped;
};

/* How many file access bits each ABI knows. */
static const unsigned fs_bits[] = {
	0, /* no Landlock */
	13, /* 1: EXECUTE to MAKE_SYM */
	14, /* 2: REFER */
	15, /* 3: TRUNCATE */
	15, /* 4: the network */
	16 /* 5 and later: IOCTL_DEV */
};

enum { FS_ABIS = sizeof(fs_bits) / sizeof(fs_bits[0]) };

int
landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

int
landlock_open(
    uint64_t net, uint64_t scoped, struct landlock_set *out, struct err *e)
{
	struct landlock_set s = { .abi = landlock_abi() };
	struct attr attr = { 0 };
	size_t size = sizeof(attr.fs);

	if (s.abi == 0)
		return err_set(e, ERR_SYS,
		    "this kernel has no Landlock (CONFIG_SECURITY_LANDLOCK, boot option lsm=)");
	attr.fs = (1ULL << fs_bits[s.abi < FS_ABIS ? s.abi : FS_ABIS - 1]) - 1;
	if (s.abi >= ABI_NET) {
		attr.net = net;
		size = 2 * sizeof(attr.fs);
	}
	if (s.abi >= ABI_SCOPE) {
		attr.scoped = scoped;
		size = sizeof(attr);
	}
	s.fd = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (s.fd == -1)
		return err_sys(e, "landlock_create_ruleset");
	s.fs = attr.fs;
	s.net = attr.net;
	s.scoped = attr.scoped;
	*out = s;
	return 0;
}

void
landlock_close(struct landlock_set *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
}

int
landlock_allow(
    const struct landlock_set *s, int path_fd, uint64_t fs, struct err *e)
{
	struct landlock_path_beneath_attr rule = { .parent_fd = path_fd };
	struct stat st;

	if (fstat(path_fd, &st) == -1)
		return err_sys(e, "landlock: fstat");
	rule.allowed_access = fs & s->fs;
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= LANDLOCK_FILE;
	if (rule.allowed_access == 0)
		return 0;
	if (syscall(SYS_landlock_add_rule, s->fd, LANDLOCK_RULE_PATH_BENEATH,
		&rule, 0) == -1)
		return err_sys(e, "landlock_add_rule");
	return 0;
}

int
landlock_restrict(int ruleset_fd)
{
	return syscall(SYS_landlock_restrict_self, ruleset_fd, 0) == -1 ? -errno
									: 0;
}
