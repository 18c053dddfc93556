/* SPDX-License-Identifier: MIT */
/* audit: append-only JSON lines with group commit.  Executor only. */
#include "executor/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/digest.h"
#include "common/json.h"
#include "common/log.h"

enum { AUDIT_VERSION = 1 };

struct audit {
	char path[PATH_MAX];
	int fd;
	uint64_t seq; /* of the last record begun */
	struct buf pending; /* whole lines that wait */
	size_t begun; /* where the open record starts in pending */
	bool open; /* between begin and end */
	bool durable; /* pending holds a record that asks for a sync */
	bool unsynced; /* written but not yet synced */
	bool torn; /* the log ends inside a line */
	uint64_t lost; /* records that did not fit while it failed */
	struct buf scratch; /* the record being built */
};

/* The sequence number of the last line, and whether the log ends torn. */
static void
read_tail(int fd, uint64_t *seq, bool *torn)
{
	static char tail[AUDIT_MAX_RECORD + 2];
	struct stat st;
	ssize_t n;
	char *p, *end;

	*seq = 0;
	*torn = false;
	if (fstat(fd, &st) == -1 || st.st_size == 0)
		return;
	off_t from =
	    st.st_size > AUDIT_MAX_RECORD ? st.st_size - AUDIT_MAX_RECORD : 0;
	n = pread(fd, tail, AUDIT_MAX_RECORD, from);
	if (n <= 0)
		return;
	tail[n] = '\0';
	*torn = tail[n - 1] != '\n';
	for (p = tail + n; p > tail; p--)
		if (strncmp(p, "\"event.sequence\":", 17) == 0) {
			*seq = strtoull(p + 17, &end, 10);
			if (*end == ',') /* not cut among its digits */
				return;
		}
	*seq = 0;
}

static int
open_log(const char *path, struct err *e)
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
		    "audit log %s: not a regular file; "
		    "name a file in a directory that only root may write",
		    path);
	if (st.st_uid != geteuid() || (st.st_mode & 022) != 0)
		return err_set(e, ERR_BAD,
		    "audit log %s: owned by uid %u, "
		    "mode %04o; it must be ours and writable by nobody else: "
		    "chown it and chmod 0600",
		    path, (unsigned)st.st_uid, (unsigned)st.st_mode & 07777);
	if (flock(fd, LOCK_EX | LOCK_NB) == -1)
		return err_set(e, ERR_BAD,
		    "audit log %s: another process "
		    "writes to it; stop the other mcp-execd, or give each its "
		    "own audit.file",
		    path);
	return steal_fd(&fd);
}

/* Does the path still lead to the file that is open? */
static bool
still_there(const struct audit *a)
{
	struct stat on_disk, ours;

	return lstat(a->path, &on_disk) == 0 && fstat(a->fd, &ours) == 0 &&
	       on_disk.st_dev == ours.st_dev && on_disk.st_ino == ours.st_ino;
}

struct audit *
audit_open(const char *path, struct err *e)
{
	CLEANUP_FD int fd = open_log(path, e);
	struct audit *a;

	if (fd < 0)
		return NULL;
	a = calloc(1, sizeof(*a));
	if (a == NULL || strlen(path) >= sizeof(a->path)) {
		free(a);
		(void)err_set(e, ERR_BUSY, "audit log: out of memory");
		return NULL;
	}
	(void)snprintf(a->path, sizeof(a->path), "%s", path);
	read_tail(fd, &a->seq, &a->torn);
	a->fd = steal_fd(&fd);
	buf_init(&a->pending, AUDIT_MAX_PENDING);
	buf_init(&a->scratch, AUDIT_MAX_RECORD);
	return a;
}

void
audit_close(struct audit *a)
{
	struct err e = { 0 };

	if (a == NULL)
		return;
	if (audit_flush(a, &e) != 0)
		log_err("audit: last records not written: %s", e.what);
	audit_sync(a);
	(void)close(a->fd);
	buf_fini(&a->pending);
	buf_fini(&a->scratch);
	free(a);
}

struct buf *
audit_begin(struct audit *a, const char *action)
{
	char when[CLOCK_MAX_TEXT];
	struct buf *b = &a->scratch;

	if (a->open)
		fatal("audit: a record is begun inside another");
	a->open = true;
	buf_reset(b);
	clock_format(clock_wall_us(), when);
	buf_put_u8(b, '{');
	json_put_member_i64(b, "v", AUDIT_VERSION);
	json_put_member_i64(b, "event.sequence", (int64_t)++a->seq);
	json_put_member(b, "@timestamp", bytes_of(when));
	json_put_member_i64(b, "monotonic_ns", (int64_t)clock_mono_ns());
	json_put_member(b, "event.action", bytes_of(action));
	return b;
}

void
audit_put(struct buf *b, const char *key, struct bytes value)
{
	uint8_t sum[DIGEST_BYTES];
	char hex[DIGEST_HEX], name[96];
	struct bytes kept = value;

	if (kept.len > AUDIT_MAX_VALUE)
		kept.len = AUDIT_MAX_VALUE;
	json_put_key(b, key);
	json_put_audit(b, kept);
	if (kept.len == value.len)
		return;
	digest_sha256(value, sum);
	digest_hex(sum, sizeof(sum), hex);
	(void)snprintf(name, sizeof(name), "%s.length", key);
	json_put_member_i64(b, name, (int64_t)value.len);
	(void)snprintf(name, sizeof(name), "%s.sha256", key);
	json_put_member(b, name, bytes_of(hex));
}

void
audit_put_str(struct buf *b, const char *key, const char *value)
{
	audit_put(b, key, bytes_of(value));
}

void
audit_put_i64(struct buf *b, const char *key, int64_t value)
{
	json_put_member_i64(b, key, value);
}

void
audit_end(struct audit *a, bool durable)
{
	struct buf *b = &a->scratch;

	if (!a->open)
		fatal("audit: a record ends that was not begun");
	a->open = false;
	buf_put_str(b, "}\n");
	if (b->overflow)
		fatal("audit: a record is over %d bytes", AUDIT_MAX_RECORD);
	if (a->pending.len + b->len > AUDIT_MAX_PENDING) {
		a->lost++;
		return;
	}
	buf_put_bytes(&a->pending, buf_bytes(b));
	a->durable |= durable;
}

bool
audit_pending(const struct audit *a)
{
	return a->pending.len > 0;
}

/* The log was moved or removed under us (rotation): go on with a new one. */
static int
reopen(struct audit *a, struct err *e)
{
	int fd = open_log(a->path, e);
	uint64_t seq; /* ours goes on */

	if (fd < 0)
		return e->code;
	read_tail(fd, &seq, &a->torn);
	log_notice("audit: log reopened path=%s", a->path);
	(void)close(a->fd);
	a->fd = fd;
	return 0;
}

/*
 * Note what did not fit while the log could not be written.  An intent may be
 * among it, so that this flush fails all the same.
 */
static int
note_lost(struct audit *a, struct err *e)
{
	uint64_t lost = a->lost;
	struct buf *b;

	if (lost == 0)
		return 0;
	b = audit_begin(a, "records-lost");
	audit_put_i64(b, "records", (int64_t)lost);
	audit_end(a, true);
	a->lost = 0;
	return err_set(e, ERR_BUSY, "audit log %s: %llu records were lost",
	    a->path, (unsigned long long)lost);
}

/*
 * Only the first n bytes of what waits were taken.  Where even they cannot be
 * taken back (chattr +a), whole lines among them count as written.
 */
static void
take_back(struct audit *a, size_t n, off_t size)
{
	const uint8_t *end;

	if (n == 0 || ftruncate(a->fd, size) == 0)
		return;
	log_warn("audit: cannot take back a torn write: %m");
	end = memrchr(a->pending.p, '\n', n);
	a->torn = a->pending.p[n - 1] != '\n';
	if (end != NULL)
		buf_consume(&a->pending, (size_t)(end + 1 - a->pending.p));
}

/* All of what waits, or ERR_SYS and no torn line is left behind. */
static int
write_pending(struct audit *a, off_t size, struct err *e)
{
	ssize_t n;

	if (a->torn && write(a->fd, "\n", 1) != 1)
		return err_sys(e, "audit log %s: write", a->path);
	size += a->torn;
	a->torn = false;
	n = write(a->fd, a->pending.p, a->pending.len);
	if (n == (ssize_t)a->pending.len)
		return 0;
	if (n >= 0)
		errno = ENOSPC;
	(void)err_sys(e, "audit log %s: write", a->path);
	take_back(a, n > 0 ? (size_t)n : 0, size);
	return e->code;
}

int
audit_flush(struct audit *a, struct err *e)
{
	struct stat st;

	if (a->pending.len == 0)
		return 0;
	if (!still_there(a) && reopen(a, e) != 0)
		return e->code;
	if (fstat(a->fd, &st) == -1)
		return err_sys(e, "audit log %s: fstat", a->path);
	if (write_pending(a, st.st_size, e) != 0)
		return e->code;
	a->unsynced = true;
	if (a->durable && fdatasync(a->fd) == -1) {
		(void)err_sys(e, "audit log %s: fdatasync", a->path);
		if (ftruncate(a->fd, st.st_size) == -1)
			log_err("audit: cannot take back a write: %m");
		return e->code;
	}
	a->unsynced = !a->durable;
	a->durable = false;
	buf_reset(&a->pending);
	return note_lost(a, e);
}

bool
audit_unsynced(const struct audit *a)
{
	return a->unsynced;
}

void
audit_sync(struct audit *a)
{
	if (a->unsynced && fdatasync(a->fd) == -1)
		log_err("audit: fdatasync: %m");
	a->unsynced = false;
}
