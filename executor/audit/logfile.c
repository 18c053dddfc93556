/* SPDX-License-Identifier: MIT */
/* logfile: the files of an audit log.  Executor and mcp-execctl. */
#include "executor/audit/logfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/json.h"
#include "common/log.h"
#include "common/sort.h"
#include "executor/audit/logline.h"

enum { DIGITS = 12 };

int
logfile_open(const char *path, uint32_t wait_ms, struct err *e)
{
	CLEANUP_FD int fd = -1;
	struct stat st;

	fd = open(path,
	    O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK |
		O_NOCTTY,
	    0600);
	if (fd == -1)
		return err_sys(e, "audit log %s: open", path);
	if (fstat(fd, &st) == -1)
		return err_sys(e, "audit log %s: fstat", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_BAD,
		    "audit log %s: not a regular file; name a file in a directory that only root can write",
		    path);
	if (st.st_uid != geteuid() || (st.st_mode & 022) != 0)
		return err_set(e, ERR_BAD,
		    "audit log %s: owned by uid %u, mode %04o; it must be ours and writable by nobody else: chown it and chmod 0600",
		    path, (unsigned)st.st_uid, (unsigned)st.st_mode & 07777);
	if (!fdio_lock(fd, wait_ms))
		return err_set(e, ERR_BAD,
		    "audit log %s: another process writes to it; stop the other mcp-execd, or give each its own audit.file",
		    path);
	return steal_fd(&fd);
}

void
logfile_inherit(int fd, int old)
{
	struct stat new, was;

	if (fstat(fd, &new) == -1 || fstat(old, &was) == -1 ||
	    new.st_size > 0 || new.st_gid != was.st_gid ||
	    (was.st_mode & S_IRGRP) == 0)
		return;
	if (fchmod(fd, (new.st_mode & 07777) | S_IRGRP) == -1)
		log_warn("audit: the new file is not for its group: %m");
}

bool
logfile_is(const char *path, int fd)
{
	struct stat on_disk, ours;

	return lstat(path, &on_disk) == 0 && fstat(fd, &ours) == 0 &&
	       on_disk.st_dev == ours.st_dev && on_disk.st_ino == ours.st_ino;
}

void
logfile_torn(int fd, struct logfile_torn *out)
{
	static uint8_t tail[LOGLINE_MAX];
	const uint8_t *nl;
	struct stat st;
	ssize_t n;

	out->len = 0;
	if (fstat(fd, &st) == -1 || st.st_size == 0)
		return;
	n = pread(fd, tail, sizeof(tail),
	    st.st_size > (off_t)sizeof(tail) ? st.st_size - (off_t)sizeof(tail)
					     : 0);
	if (n <= 0)
		return;
	nl = memrchr(tail, '\n', (size_t)n);
	nl = nl == NULL ? tail : nl + 1;
	out->len = (size_t)(tail + n - nl);
	digest_sha256(bytes_make(nl, out->len), out->sum);
}

/* The number in ".000000000123", with perhaps ".gz" behind; 0: none. */
static uint64_t
number_of(const char *suffix)
{
	char *end;
	uint64_t n;

	if (suffix[0] != '.' || strspn(suffix + 1, "0123456789") < DIGITS)
		return 0;
	n = strtoull(suffix + 1, &end, 10);
	return *end == '\0' || *end == '.' ? n : 0;
}

static int
add_file(struct logfile_list *l, int dirfd, const char *dir, const char *name,
    const char *suffix)
{
	struct logfile *f;
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
	    !S_ISREG(st.st_mode) || l->count == LOGFILE_MAX)
		return 0;
	f = reallocarray(l->file, l->count + 1, sizeof(*f));
	if (f == NULL)
		return -1;
	l->file = f;
	f += l->count;
	if (asprintf(&f->path, "%s/%s", dir, name) == -1)
		return -1;
	l->count++;
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->changed_ns =
	    (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	f->number = number_of(suffix);
	return 0;
}

static int
compare_files(const void *a, const void *b)
{
	const struct logfile *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return (x->changed_ns > y->changed_ns) -
	       (x->changed_ns < y->changed_ns);
}

/* path's directory into dir; its last part is returned. */
static const char *
split_path(const char *path, char dir[PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		(void)snprintf(dir, PATH_MAX, ".");
	else
		(void)snprintf(dir, PATH_MAX, "%.*s",
		    slash == path ? 1 : (int)(slash - path), path);
	return slash == NULL ? path : slash + 1;
}

int
logfile_list(const char *path, struct logfile_list *out, struct err *e)
{
	char dir[PATH_MAX];
	const char *base = split_path(path, dir);
	size_t len = strlen(base);
	struct dirent *entry;
	DIR *d = opendir(dir);
	int rc = 0;

	memset(out, 0, sizeof(*out));
	if (d == NULL)
		return err_sys(e, "%s", dir);
	while (rc == 0 && (entry = fdio_entry(d)) != NULL)
		if (strncmp(entry->d_name, base, len) == 0 &&
		    (entry->d_name[len] == '.' || entry->d_name[len] == '-'))
			rc = add_file(out, dirfd(d), dir, entry->d_name,
			    entry->d_name + len);
	/* Of a log of which a part is not seen nothing is said. */
	if (rc != 0)
		rc = err_memory(e);
	else if (errno != 0)
		rc = err_sys(e, "%s", dir);
	(void)closedir(d);
	if (rc != 0) {
		logfile_list_free(out);
		return rc;
	}
	if (out->count > 0)
		sort_items(
		    out->file, out->count, sizeof(out->file[0]), compare_files);
	return 0;
}

void
logfile_list_free(struct logfile_list *l)
{
	while (l->count > 0)
		free(l->file[--l->count].path);
	free(l->file);
	l->file = NULL;
}

int
logfile_retire(const char *path, uint64_t number, struct err *e)
{
	CLEANUP_FD int dirfd = -1;
	char dir[PATH_MAX], to[PATH_MAX + 32];

	(void)split_path(path, dir);
	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd == -1)
		return err_sys(e, "%s: open", dir);
	(void)snprintf(to, sizeof(to), "%s.%0*llu", path, DIGITS,
	    (unsigned long long)number);
	if (renameat2(AT_FDCWD, path, AT_FDCWD, to, RENAME_NOREPLACE) == -1)
		return err_sys(e, "rename %s to %s", path, to);
	if (fsync(dirfd) == -1)
		return err_sys(e, "%s: fsync", dir);
	return 0;
}

/* --- beyond audit.keep: never a file that somebody else named ----------- */

bool
logfile_surplus_find(
    const char *path, uint32_t keep, struct logfile_surplus *out)
{
	struct err e = { 0 };
	size_t ours;

	memset(out, 0, sizeof(*out));
	if (logfile_list(path, &out->files, &e) != 0) {
		log_err("audit: %s", e.what);
		return false;
	}
	/* Those with a number come last. */
	while (out->from < out->files.count &&
	       out->files.file[out->from].number == 0)
		out->from++;
	ours = out->files.count - out->from;
	if (ours > keep)
		out->count = ours - keep;
	else
		logfile_surplus_fini(out);
	return out->count > 0;
}

void
logfile_surplus_put(const struct logfile_surplus *p, struct buf *record)
{
	const struct logfile *last = &p->files.file[p->from + p->count - 1];

	json_put_member_i64(record, "log.files", (int64_t)p->count);
	json_put_member_i64(record, "log.last.sequence", (int64_t)last->number);
}

void
logfile_surplus_remove(const struct logfile_surplus *p)
{
	size_t i;

	for (i = p->from; i < p->from + p->count; i++)
		if (unlink(p->files.file[i].path) == -1)
			log_err("audit: %s: %m", p->files.file[i].path);
}

void
logfile_surplus_fini(struct logfile_surplus *p)
{
	logfile_list_free(&p->files);
	p->count = 0;
}
