/* SPDX-License-Identifier: MIT */
/* auditlog: lines of all files of an audit log.  mcp-execctl. */
#include "executor/ctl/audit/auditlog.h"

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
#include "executor/audit/logfile.h"
#include "executor/audit/logline.h"
#include "executor/audit/logread.h"
#include "executor/policy/token.h"

enum {
	WINDOW = 1 << 20, /* bytes read at once; over two lines */
	DAY_S = 86400
};

_Static_assert(WINDOW > 2 * LOGLINE_MAX, "a window holds whole lines");

/* A file read from its end. */
struct back {
	int fd; /* owned; -1: none */
	off_t start; /* where the window begins */
	size_t end; /* bytes of it that are not told yet */
	bool skipping; /* inside a line too long for a record */
	uint8_t *p;
};

struct auditlog {
	enum auditlog_order order;
	struct logfile_list files;
	char live[PATH_MAX];
	bool live_told;
	size_t told; /* rotated files, from the order's end */
	int64_t since_ns; /* files older than this are left out */
	bool open;
	struct logread forth;
	struct back back;
};

/* --- from the end ------------------------------------------------------ */

/* Read what stands in front of the window, its rest goes to the back. */
static int
slide_window(struct back *b, struct err *e)
{
	size_t room = WINDOW - b->end;
	size_t want = (off_t)room < b->start ? room : (size_t)b->start;
	size_t done = 0;
	ssize_t n;

	memmove(b->p + want, b->p, b->end);
	while (done < want) {
		n = pread(b->fd, b->p + done, want - done,
		    b->start - (off_t)want + (off_t)done);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys(e, "read");
		if (n == 0)
			return err_set(
			    e, ERR_BAD, "it became shorter while it was read");
		done += (size_t)n;
	}
	b->start -= (off_t)want;
	b->end += want;
	return 0;
}

/* Cut the window after the last newline but one. */
static bool
cut_line(struct back *b, struct bytes *line)
{
	size_t last = b->end;
	const uint8_t *nl;

	if (last > 0 && b->p[last - 1] == '\n')
		last--;
	nl = last > 0 ? memrchr(b->p, '\n', last) : NULL;
	if (nl == NULL && b->start > 0)
		return false;
	b->end = nl == NULL ? 0 : (size_t)(nl - b->p) + 1;
	*line = bytes_make(b->p + b->end, last - b->end);
	return true;
}

static int
back_next(struct back *b, struct bytes *line, struct err *e)
{
	bool skipped;

	while (b->end > 0 || b->start > 0) {
		if (b->end > 0 && cut_line(b, line)) {
			skipped = b->skipping;
			b->skipping = false;
			if (skipped || line->len == 0)
				continue;
			return 1;
		}
		if (b->end > LOGLINE_MAX) {
			b->skipping = true;
			b->end = 0;
		}
		if (slide_window(b, e) != 0)
			return e->code;
	}
	return 0;
}

/* A nameless file that holds what path unpacks to. */
static int
spool_pipe(const char *path, struct err *e)
{
	const char *dir = getenv("TMPDIR");
	struct bytes line;
	CLEANUP_FD int fd = -1;
	struct logread r;
	struct err late;
	bool whole;
	int rc;

	dir = dir != NULL && dir[0] == '/' ? dir : "/var/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd == -1)
		return err_sys(e, "%s: cannot make a temporary file", dir);
	if (logread_open(&r, path, e) != 0)
		return e->code;
	/* Lines come from a buffer whose newline follows them. */
	while ((rc = logread_line(&r, &line, &whole, e)) == 1)
		if (fdio_write_all(fd, line.p, line.len + whole, e) != 0) {
			rc = e->code;
			break;
		}
	if (logread_close(&r, &late) != 0 && rc == 0)
		return err_set(e, ERR_BAD, "%s: %s", path, late.what);
	return rc != 0 ? err_wrap(e, "%s", path) : steal_fd(&fd);
}

static bool
is_packed(const char *path)
{
	static const char *const ends[] = { ".gz", ".xz", ".bz2", ".zst" };
	size_t i, n, len = strlen(path);

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		n = strlen(ends[i]);
		if (len > n && strcmp(path + len - n, ends[i]) == 0)
			return true;
	}
	return false;
}

static int
back_open(struct back *b, const char *path, struct err *e)
{
	int fd = is_packed(path) ? spool_pipe(path, e) : logread_plain(path, e);

	if (fd < 0)
		return e->code;
	if (b->p == NULL && (b->p = malloc(WINDOW)) == NULL) {
		(void)close(fd);
		return err_memory(e);
	}
	b->fd = fd;
	b->start = lseek(fd, 0, SEEK_END);
	b->end = 0;
	b->skipping = false;
	return 0;
}

/* --- all files --------------------------------------------------------- */

/* Path of the next file in this order, or NULL. */
static const char *
next_file(struct auditlog *l)
{
	bool newest = l->order == AUDITLOG_NEWEST;
	const struct logfile *f;

	if (newest && !l->live_told) {
		l->live_told = true;
		return l->live;
	}
	while (l->told < l->files.count) {
		f = &l->files
			 .file[newest ? l->files.count - 1 - l->told : l->told];
		l->told++;
		if (f->changed_ns >= l->since_ns)
			return f->path;
	}
	if (l->live_told)
		return NULL;
	l->live_told = true;
	return l->live;
}

/* 1: a file is open; 0: there is none left. */
static int
open_next(struct auditlog *l, struct err *e)
{
	const char *path = next_file(l);
	int rc;

	if (path == NULL)
		return 0;
	if (path == l->live && access(path, F_OK) == -1 && errno == ENOENT &&
	    l->files.count > 0)
		return open_next(l, e); /* just rotated */
	rc = l->order == AUDITLOG_NEWEST ? back_open(&l->back, path, e)
					 : logread_open(&l->forth, path, e);
	l->open = rc == 0;
	return rc == 0 ? 1 : rc;
}

static int
close_file(struct auditlog *l, struct err *e)
{
	l->open = false;
	if (l->order == AUDITLOG_OLDEST)
		return logread_close(&l->forth, e);
	cleanup_fd(&l->back.fd);
	l->back.fd = -1;
	return 0;
}

struct auditlog *
auditlog_open(const char *path, enum auditlog_order order, const char *since,
    struct err *e)
{
	struct auditlog *l = calloc(1, sizeof(*l));
	uint64_t seconds;
	struct err none;

	if (l == NULL || strlen(path) >= sizeof(l->live)) {
		free(l);
		(void)err_memory(e);
		return NULL;
	}
	(void)snprintf(l->live, sizeof(l->live), "%s", path);
	l->order = order;
	l->back.fd = -1;
	if (since[0] != '\0' &&
	    token_parse_time(bytes_of(since), &seconds, &none) == 0 &&
	    seconds > DAY_S)
		l->since_ns = ((int64_t)seconds - DAY_S) * 1000000000;
	if (logfile_list(path, &l->files, e) == 0)
		return l;
	free(l);
	return NULL;
}

void
auditlog_close(struct auditlog *l)
{
	struct err none;

	if (l == NULL)
		return;
	l->forth.eof = false; /* what is left of it does not matter */
	if (l->open && close_file(l, &none) != 0)
		l->open = false;
	free(l->back.p);
	logfile_list_free(&l->files);
	free(l);
}

int
auditlog_next(struct auditlog *l, struct bytes *line, struct err *e)
{
	bool whole;
	int rc;

	for (;;) {
		if (!l->open && (rc = open_next(l, e)) != 1)
			return rc;
		rc = l->order == AUDITLOG_NEWEST
			 ? back_next(&l->back, line, e)
			 : logread_line(&l->forth, line, &whole, e);
		if (rc != 0)
			return rc;
		if (close_file(l, e) != 0)
			return e->code;
	}
}

/* --- as it grows ------------------------------------------------------- */

struct auditlog_tail {
	char path[PATH_MAX];
	int fd;
	struct buf in;
	size_t used; /* bytes of `in` that were told */
	bool skipping;
};

struct auditlog_tail *
auditlog_tail_open(const char *path, struct err *e)
{
	CLEANUP_FD int fd = logread_plain(path, e);
	struct auditlog_tail *t;

	if (fd < 0)
		return NULL;
	t = err_alloc(1, sizeof(*t), e);
	if (t == NULL)
		return NULL;
	(void)snprintf(t->path, sizeof(t->path), "%s", path);
	(void)lseek(fd, 0, SEEK_END);
	t->fd = steal_fd(&fd);
	buf_init(&t->in, WINDOW);
	return t;
}

void
auditlog_tail_close(struct auditlog_tail *t)
{
	if (t == NULL)
		return;
	cleanup_fd(&t->fd);
	buf_fini(&t->in);
	free(t);
}

/* Behind its end: is there another file by now? */
static bool
was_replaced(struct auditlog_tail *t)
{
	struct err none;
	int fd;

	if (logfile_is(t->path, t->fd) ||
	    (fd = logread_plain(t->path, &none)) < 0)
		return false;
	(void)close(t->fd);
	t->fd = fd;
	return true;
}

static int
tail_fill(struct auditlog_tail *t, struct err *e)
{
	uint8_t block[65536];
	ssize_t n;

	buf_consume(&t->in, t->used);
	t->used = 0;
	if (t->in.len > LOGLINE_MAX) {
		t->skipping = true;
		buf_reset(&t->in);
	}
	do
		n = read(t->fd, block, sizeof(block));
	while ((n == -1 && errno == EINTR) || (n == 0 && was_replaced(t)));
	if (n == -1)
		return err_sys(e, "%s: read", t->path);
	buf_put(&t->in, block, (size_t)n);
	return n > 0 ? 1 : 0;
}

int
auditlog_tail_next(struct auditlog_tail *t, struct bytes *line, struct err *e)
{
	const uint8_t *from, *nl;
	bool skipped;
	int rc;

	for (;;) {
		from = t->in.p + t->used;
		nl = t->in.len > t->used
			 ? memchr(from, '\n', t->in.len - t->used)
			 : NULL;
		if (nl == NULL) {
			if ((rc = tail_fill(t, e)) != 1)
				return rc;
			continue;
		}
		*line = bytes_make(from, (size_t)(nl - from));
		t->used += line->len + 1;
		skipped = t->skipping;
		t->skipping = false;
		if (!skipped)
			return 1;
	}
}
