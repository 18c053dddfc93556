/* SPDX-License-Identifier: MIT */
/* landlock: raw system calls; both processes. */
#include "common/landlock.h"

#include <errno.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"

enum {
	FS_BITS = 16, /* LANDLOCK_EXECUTE to _IOCTL_DEV */
	NET_BITS = 2,
	SCOPE_BITS = 2
};

/* struct landlock_ruleset_attr as of ABI 6; older kernels take a prefix. */
struct attr {
	uint64_t fs, net, scoped;
};

/* The shortest prefix that holds all that is asked for. */
static size_t
attr_size(const struct attr *a)
{
	return a->scoped != 0 ? sizeof(*a)
	       : a->net != 0  ? 2 * sizeof(a->fs)
			      : sizeof(a->fs);
}

static int
create_ruleset(const struct attr *a)
{
	return (int)syscall(SYS_landlock_create_ruleset, a, attr_size(a), 0);
}

enum member { FS, NET, SCOPED };

static bool
kernel_takes(enum member m, uint64_t bits)
{
	struct attr a = {
		.fs = m == FS ? bits : 0,
		.net = m == NET ? bits : 0,
		.scoped = m == SCOPED ? bits : 0,
	};
	int fd = create_ruleset(&a);

	if (fd == -1)
		return false;
	(void)close(fd);
	return true;
}

/*
 * Bits of one member that the kernel takes: all, or else each by itself, as
 * a kernel may lack one below the highest (RHEL 9.7: signals).
 */
static uint64_t
find_bits(enum member m, unsigned count)
{
	uint64_t all = (1ULL << count) - 1, found = 0, bit;

	if (kernel_takes(m, all))
		return all;
	for (bit = 1; bit <= all; bit <<= 1)
		if (kernel_takes(m, bit))
			found |= bit;
	return found;
}

void
landlock_probe(struct landlock_support *out)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	*out = (struct landlock_support){ .abi = abi > 0 ? (int)abi : 0,
		.error = abi < 0 ? errno : 0 };
	if (out->abi == 0)
		return;
	out->fs = find_bits(FS, FS_BITS);
	out->net = find_bits(NET, NET_BITS);
	out->scoped = find_bits(SCOPED, SCOPE_BITS);
	/* With less than what ABI 1 has it would not be a wall around files. */
	if ((out->fs & LANDLOCK_LEAST) != LANDLOCK_LEAST)
		*out = (struct landlock_support){ 0 };
}

int
landlock_open(const struct landlock_support *s, uint64_t net, uint64_t scoped,
    struct landlock_set *out)
{
	struct attr attr = { s->fs, net & s->net, scoped & s->scoped };

	if (s->abi == 0)
		return -ENOSYS;
	out->fd = create_ruleset(&attr);
	if (out->fd == -1)
		return -errno;
	out->fs = attr.fs;
	return 0;
}

void
landlock_close(struct landlock_set *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
}

static long
add_rule(const struct landlock_set *s, struct landlock_path_beneath_attr *rule)
{
	return syscall(
	    SYS_landlock_add_rule, s->fd, LANDLOCK_RULE_PATH_BENEATH, rule, 0);
}

int
landlock_allow(const struct landlock_set *s, int path_fd, uint64_t fs)
{
	struct landlock_path_beneath_attr rule = { .parent_fd = path_fd,
		.allowed_access = fs & s->fs };

	if (rule.allowed_access == 0)
		return 0;
	if (add_rule(s, &rule) == 0)
		return 0;
	/* To a file, with rights of directories: the kernel knows what it is. */
	if (errno != EINVAL ||
	    (rule.allowed_access & LANDLOCK_FILE) == rule.allowed_access)
		return -errno;
	rule.allowed_access &= LANDLOCK_FILE;
	return rule.allowed_access == 0 || add_rule(s, &rule) == 0 ? 0 : -errno;
}

int
landlock_restrict(int ruleset_fd)
{
	return syscall(SYS_landlock_restrict_self, ruleset_fd, 0) == -1 ? -errno
									: 0;
}
