/* SPDX-License-Identifier: MIT */
/* spooldir: names, and what they may stand for.  Executor. */
#include "executor/recording/spooldir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/log.h"
#include "common/plural.h"
#include "common/sort.h"

enum { NAME = ASCIICAST_ID + 4 /* "RUN.job" */ };

static const char *const suffix[SPOOLDIR_KINDS] = { ".out", ".job" };
static const char unfinished[] = ".new";

/* --- the folder ------------------------------------------------------------- */

void
spooldir_init(struct spooldir *d, struct recordings *k)
{
	d->recordings = k;
	d->fd = -1;
}

void
spooldir_fini(struct spooldir *d)
{
	cleanup_fd(&d->fd);
	d->fd = -1;
}

/* There may be one only since a reload. */
static int
open_folder(struct spooldir *d, bool make, struct err *e)
{
	int fd;

	if (d->fd != -1)
		return 0;
	fd = recordings_folder(d->recordings, "jobs", make, e);
	if (fd < 0)
		return fd;
	d->fd = fd;
	return 0;
}

static const char *
name_of(const char *id, const char *end, char name[NAME])
{
	(void)snprintf(name, NAME, "%s%s", id, end);
	return name;
}

/* --- files ------------------------------------------------------------------ */

static int
create_named(const struct spooldir *d, const char *name)
{
	return openat(d->fd, name,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

int
spooldir_create(struct spooldir *d, const char *id, bool *named, struct err *e)
{
	char name[NAME];
	int fd = -1;

	if (open_folder(d, true, e) != 0)
		return e->code;
	if (!*named)
		fd = openat(d->fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (*named || (fd == -1 && (errno == EOPNOTSUPP || errno == EISDIR))) {
		fd = create_named(d, name_of(id, suffix[0], name));
		*named = true;
	}
	return fd == -1 ? err_sys(e, "the output of a run") : fd;
}

/* By its number in /proc where the kernel wants a capability for the other. */
int
spooldir_link(struct spooldir *d, int fd, const char *id, struct err *e)
{
	char name[NAME], path[32];

	(void)name_of(id, suffix[SPOOLDIR_OUTPUT], name);
	if (linkat(fd, "", d->fd, name, AT_EMPTY_PATH) == 0)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, path, d->fd, name, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	return err_sys(e, "a name for the output of run %s", id);
}

/* A plain file of ours, closed to others, with this name alone. */
static bool
is_ours(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == geteuid() &&
	       (st->st_mode & 077) == 0 && st->st_nlink == 1;
}

int
spooldir_open(
    struct spooldir *d, const char *id, enum spooldir_kind kind, struct err *e)
{
	CLEANUP_FD int fd = -1;
	char name[NAME];
	struct stat st;

	if (open_folder(d, true, e) != 0)
		return e->code;
	(void)name_of(id, suffix[kind], name);
	/* not even opened: a device may do something then */
	if (fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return err_sys(e, "jobs/%s", name);
	if (is_ours(&st))
		fd = openat(
		    d->fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1 || !is_ours(&st))
		return err_set(e, ERR_BAD,
		    "jobs/%s is not a plain file of this server's", name);
	return steal_fd(&fd);
}

static int
fill_file(const struct spooldir *d, const char *name, struct bytes data,
    bool sync, struct err *e)
{
	CLEANUP_FD int fd = create_named(d, name);

	if (fd == -1 && errno == EEXIST && unlinkat(d->fd, name, 0) == 0)
		fd = create_named(d, name);
	if (fd == -1)
		return err_sys(e, "jobs/%s", name);
	if (fdio_write_all(fd, data.p, data.len, e) != 0)
		return e->code;
	return sync && fsync(fd) == -1 ? err_sys(e, "jobs/%s", name) : 0;
}

/*
 * The first one needs no other name meanwhile: one that is cut short is of a run
 * that nobody was told of.  So most file systems sync once and not twice.
 */
int
spooldir_write(struct spooldir *d, const char *id, struct bytes data,
    bool is_first, bool sync, struct err *e)
{
	char temp[NAME], name[NAME];
	const char *made;

	if (open_folder(d, true, e) != 0)
		return e->code;
	(void)name_of(id, suffix[SPOOLDIR_JOB], name);
	made = is_first ? name : name_of(id, unfinished, temp);
	if (fill_file(d, made, data, sync, e) != 0) {
		(void)unlinkat(d->fd, made, 0);
		return e->code;
	}
	if ((made != name && renameat(d->fd, temp, d->fd, name) == -1) ||
	    (sync && fsync(d->fd) == -1))
		return err_sys(e, "jobs/%s", name);
	return 0;
}

void
spooldir_remove(struct spooldir *d, const char *id, enum spooldir_kind kind)
{
	char name[NAME];

	if (d->fd == -1)
		return;
	(void)name_of(id, suffix[kind], name);
	if (unlinkat(d->fd, name, 0) == -1 && errno != ENOENT)
		log_warn("jobs/%s cannot be removed: %m", name);
}

/* --- what is there ---------------------------------------------------------- */

static int
by_id(const void *a, const void *b)
{
	return memcmp(a, b, ASCIICAST_ID);
}

static bool
has_form(const char *name, const char *end)
{
	return strlen(name) == NAME - 1 &&
	       strspn(name, "0123456789abcdef") == ASCIICAST_ID - 1 &&
	       strcmp(name + ASCIICAST_ID - 1, end) == 0;
}

static bool
add_name(struct spooldir_list *x, enum spooldir_kind kind, const char *name)
{
	size_t room = x->room[kind] == 0 ? 64 : 2 * x->room[kind];
	char(*more)[ASCIICAST_ID];

	if (x->count[kind] == x->room[kind]) {
		more = reallocarray(x->id[kind], room, sizeof(*more));
		if (more == NULL)
			return false;
		x->id[kind] = more;
		x->room[kind] = room;
	}
	more = &x->id[kind][x->count[kind]++];
	memcpy(*more, name, ASCIICAST_ID - 1);
	(*more)[ASCIICAST_ID - 1] = '\0';
	return true;
}

/* false: it is none of ours. */
static bool
take_name(struct spooldir *d, struct spooldir_list *x, const char *name)
{
	for (int kind = 0; kind < SPOOLDIR_KINDS; kind++)
		if (has_form(name, suffix[kind]))
			return add_name(x, (enum spooldir_kind)kind, name);
	if (!has_form(name, unfinished))
		return name[0] == '.' &&
		       (name[1] == '\0' || strcmp(name, "..") == 0);
	return unlinkat(d->fd, name, 0) == 0;
}

static void
sort_names(struct spooldir_list *x)
{
	for (int kind = 0; kind < SPOOLDIR_KINDS; kind++)
		if (x->count[kind] > 0)
			sort_items(x->id[kind], x->count[kind],
			    sizeof(x->id[kind][0]), by_id);
}

int
spooldir_list(
    struct spooldir *d, bool make, struct spooldir_list *out, struct err *e)
{
	CLEANUP_FD int fd = -1;
	size_t seen = 0, strange = 0;
	struct dirent *entry;
	DIR *dir;
	int rc;

	memset(out, 0, sizeof(*out));
	if (open_folder(d, make, e) != 0)
		return e->sysno == ENOENT ? 0 : e->code;
	fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd == -1 ? NULL : fdopendir(fd);
	if (dir == NULL)
		return err_sys(e, "the folder \"jobs\" of the recordings");
	(void)steal_fd(&fd);
	while (seen++ < SPOOLDIR_MOST && (entry = fdio_entry(dir)) != NULL)
		strange += !take_name(d, out, entry->d_name);
	/* In the folder that is not read to its end, jobs seem to be lost. */
	rc = seen > SPOOLDIR_MOST || errno == 0
		 ? 0
		 : err_sys(e, "the folder \"jobs\" of the recordings");
	(void)closedir(dir);
	if (rc != 0) {
		spooldir_list_fini(out);
		return rc;
	}
	sort_names(out);
	if (strange > 0)
		log_warn(
		    "jobs: the folder \"jobs\" of the recordings has %zu file%s of others, left alone: remove what does not belong there",
		    strange, plural_s(strange));
	return 0;
}

void
spooldir_list_fini(struct spooldir_list *x)
{
	for (int kind = 0; kind < SPOOLDIR_KINDS; kind++)
		free(x->id[kind]);
	memset(x, 0, sizeof(*x));
}

bool
spooldir_lists(
    const struct spooldir_list *x, enum spooldir_kind kind, const char *id)
{
	return x->count[kind] > 0 && bsearch(id, x->id[kind], x->count[kind],
					 sizeof(x->id[kind][0]), by_id) != NULL;
}
