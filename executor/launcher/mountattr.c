/* SPDX-License-Identifier: MIT */
/*
 * mountattr: in a run's own mount namespace, between fork and exec.  Paths are
 * the guard's; what a mount table says of them is the kernel's.
 */
#include "executor/launcher/mountattr.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/path.h"
#include "executor/launcher/modules.h"

/* mount_setattr(2), Linux 5.12; not in Debian 12's libc headers in full. */
struct attr {
	uint64_t set, clear, propagation, userns_fd;
};

enum { RECURSIVE = 0x8000 /* AT_RECURSIVE */ };

/* An attribute, the flag of mount(2) and its name in mountinfo. */
static const struct {
	uint64_t attr;
	unsigned long flag;
	const char *name;
} attrs[] = {
	{ MOUNTATTR_RDONLY, MS_RDONLY, "ro" },
	{ MOUNTATTR_NOSUID, MS_NOSUID, "nosuid" },
	{ MOUNTATTR_NODEV, MS_NODEV, "nodev" },
	{ MOUNTATTR_NOEXEC, MS_NOEXEC, "noexec" },
	{ MOUNTATTR_NOSYMFOLLOW, 1UL << 8, "nosymfollow" }, /* MS_NOSYMFOLLOW */
};

enum {
	ATTRS = sizeof(attrs) / sizeof(attrs[0]),
	MOUNTINFO_LINE = PATH_MAX + 1024,
	ROUNDS = 16, /* until all mounts have what they shall have */
	QUIET_ROUNDS = 3, /* in a row, where some could not be reached */
	STATX_MNT_ID_BIT = 0x1000,
	MNT_ID_AT = 18 /* of a struct statx, in units of 8 bytes */
};

/* One mount, from a line of mountinfo. */
struct mounted {
	uint64_t id;
	char path[PATH_MAX];
	uint64_t attr;
};

/* A word of the line, or NULL; *rest is what follows it. */
static char *
next_word(char **rest)
{
	char *word = *rest, *end;

	if (word == NULL)
		return NULL;
	end = strchr(word, ' ');
	if (end != NULL)
		*end++ = '\0';
	*rest = end;
	return word;
}

/* "\040" is a space, and so on, proc_pid_mountinfo(5). */
static void
unescape_path(char out[PATH_MAX], const char *in)
{
	size_t n = 0;

	while (*in != '\0' && n < PATH_MAX - 1)
		if (in[0] == '\\' && in[1] != '\0' && in[2] != '\0' &&
		    in[3] != '\0') {
			out[n++] = (char)((in[1] - '0') << 6 |
					  (in[2] - '0') << 3 | (in[3] - '0'));
			in += 4;
		} else {
			out[n++] = *in++;
		}
	out[n] = '\0';
}

/* "rw,nosuid,relatime" */
static uint64_t
parse_options(const char *options)
{
	uint64_t found = 0;
	size_t n, i;

	for (; *options != '\0'; options += n + (options[n] == ',')) {
		n = strcspn(options, ",");
		for (i = 0; i < ATTRS; i++)
			if (strlen(attrs[i].name) == n &&
			    strncmp(attrs[i].name, options, n) == 0)
				found |= attrs[i].attr;
	}
	return found;
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime ..." */
static bool
parse_mount(char *line, struct mounted *out)
{
	char *id, *path, *options, *rest = line;

	id = next_word(&rest);
	(void)next_word(&rest);
	(void)next_word(&rest);
	(void)next_word(&rest);
	path = next_word(&rest);
	options = next_word(&rest);
	if (path == NULL || options == NULL)
		return false;
	out->id = 0;
	for (; *id >= '0' && *id <= '9'; id++)
		out->id = 10 * out->id + (uint64_t)(*id - '0');
	unescape_path(out->path, path);
	out->attr = parse_options(options);
	return true;
}

/*
 * Does its path lead to it?  Not where another mount covers it, which cannot
 * be named then, nor reached by a run.
 */
static bool
is_reached(const struct mounted *m)
{
	/* struct statx, as headers before Linux 5.8 have it without stx_mnt_id */
	uint64_t stx[32];

	return syscall(SYS_statx, AT_FDCWD, m->path,
		   AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_MNT_ID_BIT,
		   stx) == 0 &&
	       stx[MNT_ID_AT] == m->id;
}

/* Keep its flags, some of which may be locked, and its access-time mode. */
static int
remount_one(const struct mounted *m, uint64_t set, uint64_t clear)
{
	uint64_t want = (m->attr | set) & ~clear;
	unsigned long flags = MS_REMOUNT | MS_BIND | MS_SILENT;
	size_t i;

	for (i = 0; i < ATTRS; i++)
		if ((want & attrs[i].attr) != 0)
			flags |= attrs[i].flag;
	return mount(NULL, m->path, NULL, flags, NULL) == -1 ? -errno : 0;
}

/* One change of mounts at path, or also below it. */
struct change {
	const char *path;
	uint64_t set, clear;
	bool recursive;
	bool found; /* there is a mount at path itself */
	unsigned done, covered; /* in this round */
	int error; /* of the last one that failed */
};

static void
change_line(struct change *c, char *line)
{
	static struct mounted m;

	if (!parse_mount(line, &m) || !path_is_within(m.path, c->path))
		return;
	c->found |= strcmp(m.path, c->path) == 0;
	if ((!c->recursive && strcmp(m.path, c->path) != 0) ||
	    ((c->set & ~m.attr) | (c->clear & m.attr)) == 0)
		return;
	if (!is_reached(&m)) {
		c->covered++;
		return;
	}
	c->done++;
	c->error = remount_one(&m, c->set, c->clear);
}

/*
 * By the machine's proc while its root is at /old, by the run's then.  It
 * stays open, as "self" is a link, and these are soon not followed any more.
 */
static int
rewind_table(void)
{
	if (modules()->table == -1)
		modules()->table =
		    open("/old/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (modules()->table == -1)
		modules()->table =
		    open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	return modules()->table == -1 ||
		       lseek(modules()->table, 0, SEEK_SET) == -1
		   ? -errno
		   : 0;
}

void
mountattr_done(void)
{
	if (modules()->table != -1)
		(void)close(modules()->table);
	modules()->table = -1;
}

/* One look at all mounts. */
static int
change_round(struct change *c)
{
	static char text[2 * MOUNTINFO_LINE];
	size_t len = 0;
	ssize_t n;
	char *line, *end;
	int r = rewind_table();

	if (r != 0)
		return r;
	c->done = c->covered = 0;
	while ((n = read(modules()->table, text + len, MOUNTINFO_LINE)) > 0) {
		len += (size_t)n;
		text[len] = '\0';
		for (line = text; (end = strchr(line, '\n')) != NULL;
		     line = end + 1) {
			*end = '\0';
			change_line(c, line);
		}
		len -= (size_t)(line - text);
		memmove(text, line, len);
		if (len > MOUNTINFO_LINE - 1)
			break;
	}
	return n == 0 && len == 0 ? 0 : -EIO;
}

/*
 * mount(2) changes one mount, named by a path, and a command may have moved
 * that since we read it: so look again until there is nothing left to change.
 */
static int
change_each(const char *path, uint64_t set, uint64_t clear, bool recursive)
{
	struct change c = {
		.path = path, .set = set, .clear = clear, .recursive = recursive
	};
	unsigned round, quiet = 0;
	int r;

	for (round = 0; round < ROUNDS; round++) {
		r = change_round(&c);
		if (r != 0)
			return r;
		if (!c.found)
			return -EINVAL; /* as mount_setattr(2) */
		quiet = c.done == 0 ? quiet + 1 : 0;
		if (quiet > 0 && (c.covered == 0 || quiet == QUIET_ROUNDS))
			return 0;
	}
	return c.error != 0 ? c.error : -EAGAIN;
}

/*
 * ENOSYS before Linux 5.12; EINVAL for an attribute that came later, as
 * "nosymfollow" did in 5.14.
 */
static int
change_attr(const char *path, uint64_t set, uint64_t clear, bool recursive)
{
	struct attr a = { .set = set, .clear = clear };

	if (syscall(SYS_mount_setattr, AT_FDCWD, path,
		recursive ? RECURSIVE : 0, &a, sizeof(a)) == 0)
		return 0;
	if (errno != ENOSYS && errno != EINVAL)
		return -errno;
	return change_each(path, set, clear, recursive);
}

int
mountattr_set(const char *path, uint64_t set, bool recursive)
{
	return change_attr(path, set, 0, recursive);
}

int
mountattr_set_tree(int tree, uint64_t set)
{
	struct attr a = { .set = set };

	return syscall(SYS_mount_setattr, tree, "", RECURSIVE | AT_EMPTY_PATH,
		   &a, sizeof(a)) == -1
		   ? -errno
		   : 0;
}

int
mountattr_clear(const char *path, uint64_t clear)
{
	return change_attr(path, 0, clear, true);
}
