/* SPDX-License-Identifier: MIT */
/* recordings: the table of runs and the directory of recordings.  Executor. */
#include "executor/recording/recordings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fdio.h"
#include "common/log.h"
#include "common/sort.h"
#include "executor/recording/asciicast_read.h"

enum {
	NAME = ASCIICAST_ID + 5, /* "RUN.cast" */
	FIRST_LINE = 2048, /* bytes in which a header ends */
	LAST_LINE = 512, /* bytes in which the last line begins */
	BLOCK = 4096, /* of most file systems */
	UNLINKS = 64, /* files removed at once */
	LOCK_WAIT_MS = 2000
};

struct recordings {
	struct audit *audit;
	struct recordings_limits limits;
	char path[PATH_MAX]; /* for messages */
	int dir; /* -1: nothing is recorded */
	struct shares *places; /* of owners, in runs */
	struct shares *room; /* of owners, in bytes, of guests too */
	struct shares *aged; /* of recordings alone, for their order */
	struct recordings_run *newest;
	size_t count; /* of runs */
	size_t doomed_count;
	char doomed[RECORDINGS_MAX]
		   [ASCIICAST_ID]; /* on record, to be removed */
	struct recordings_run run[RECORDINGS_MAX];
	struct recordings_file file[RECORDINGS_MAX]; /* of the same run */
};

/* A file that is there at start. */
struct found {
	struct asciicast_head head;
	struct asciicast_end end;
	uint64_t begin_us, duration_us, bytes;
	uint64_t held[ASCIICAST_STREAMS];
	struct timespec changed;
};

/*
 * What a file of so many bytes takes: whole blocks, and one for its inode and
 * name, as very many very small recordings are not free.
 */
static uint64_t
on_disk(uint64_t bytes)
{
	return (bytes + BLOCK - 1) / BLOCK * BLOCK + BLOCK;
}

struct recordings *
recordings_new(struct audit *a, struct err *e)
{
	struct recordings *k = err_alloc(1, sizeof(*k), e);

	if (k == NULL)
		return NULL;
	k->audit = a;
	k->dir = -1;
	k->limits.bytes = UINT64_MAX;
	k->places = shares_new(RECORDINGS_MAX, e);
	k->room = k->places != NULL
		      ? shares_new(RECORDINGS_MAX + RECORDINGS_GUESTS, e)
		      : NULL;
	k->aged = k->room != NULL ? shares_new(RECORDINGS_MAX, e) : NULL;
	if (k->aged == NULL) {
		recordings_free(k);
		return NULL;
	}
	return k;
}

void
recordings_free(struct recordings *k)
{
	if (k == NULL)
		return;
	cleanup_fd(&k->dir);
	shares_free(k->places);
	shares_free(k->room);
	shares_free(k->aged);
	free(k);
}

bool
recordings_is_open(const struct recordings *k)
{
	return k->dir >= 0;
}

void
recordings_owner(
    const uint8_t verifier[DIGEST_BYTES], uint8_t owner[DIGEST_BYTES])
{
	/* only the token's holder and we can make it */
	digest_hmac(verifier, BYTES_LIT("mcp-execd owner of a run v1"),
	    bytes_make(NULL, 0), owner);
}

/* --- removal -------------------------------------------------------------- */

/* It has no recording any more. */
static void
vacate_place(struct recordings *k, struct recordings_run *r)
{
	struct recordings_file *f = r->file;

	r->kept = false;
	shares_withdraw(&f->room);
	shares_give(k->room, f->room.user, on_disk(f->bytes));
	shares_leave(k->room, f->room.user);
	shares_withdraw(&f->age);
	shares_leave(k->aged, f->age.user);
	memset(f, 0, sizeof(*f));
}

/* Say it, then (recordings_sweep) do it. */
static void
doom_recording(struct recordings *k, struct recordings_run *r, const char *why)
{
	struct buf *b;

	if (!r->kept)
		return;
	if (k->doomed_count == RECORDINGS_MAX)
		return; /* the log cannot be written: nothing new begins */
	b = audit_begin(k->audit, "recording-remove");
	audit_put_own(b, "run.id", r->id);
	if (r->file->token[0] != '\0')
		audit_put_own(b, "token.name", r->file->token);
	audit_put_i64(b, "recording.bytes", (int64_t)r->file->bytes);
	audit_put_reason(b, why);
	audit_end(k->audit, false);
	memcpy(k->doomed[k->doomed_count++], r->id, ASCIICAST_ID);
	vacate_place(k, r);
}

static void
remove_doomed(struct recordings *k)
{
	char name[NAME];
	int i;

	for (i = 0; i < UNLINKS && k->doomed_count > 0; i++) {
		(void)snprintf(name, sizeof(name), "%s.cast",
		    k->doomed[--k->doomed_count]);
		if (unlinkat(k->dir, name, 0) == -1 && errno != ENOENT)
			log_err("keep: %s/%s: %m", k->path, name);
	}
}

/* false: it is a recording, and no more can be removed now. */
static bool
give_up(struct recordings *k, const struct shares_entry *x)
{
	if (x->drop != NULL) {
		x->drop(x->arg);
		return true;
	}
	if (k->doomed_count == RECORDINGS_MAX)
		return false;
	doom_recording(k, x->arg, "more bytes than recordings.max_bytes");
	return true;
}

bool
recordings_sweep(struct recordings *k)
{
	uint64_t now = clock_wall_us(), age = k->limits.seconds * 1000000ULL;
	const struct shares_entry *x;
	struct recordings_run *r;

	if (k->dir < 0)
		return false;
	if (!audit_pending(k->audit))
		remove_doomed(k);
	while (shares_used(k->room) > k->limits.bytes &&
	       (x = shares_victim(k->room, NULL)) != NULL && give_up(k, x))
		;
	while (age > 0 && (x = shares_oldest(k->aged)) != NULL &&
	       k->doomed_count < RECORDINGS_MAX) {
		r = x->arg;
		if (r->begin_us > now) /* by a clock that was set back since */
			r->begin_us = now;
		if (now - r->begin_us <= age)
			break;
		doom_recording(k, r, "older than recordings.max_seconds");
	}
	return k->doomed_count > 0;
}

void
recordings_adjust(struct recordings *k, const struct recordings_limits *l)
{
	k->limits = *l;
}

/* --- runs ----------------------------------------------------------------- */

static void
unlink_run(struct recordings *k, struct recordings_run *r)
{
	if (r->older != NULL)
		r->older->newer = r->newer;
	*(r->newer != NULL ? &r->newer->older : &k->newest) = r->older;
}

/* Whose turn it is. */
static struct recordings_run *
find_place(const struct recordings *k)
{
	const struct shares_entry *x = shares_victim(k->places, NULL);

	if (x != NULL)
		return x->arg;
	fatal("keep: no run is over"); /* at most half of the table runs */
}

/* One makes room for another. */
static struct recordings_run *
take_place(struct recordings *k)
{
	struct recordings_run *r = find_place(k);

	if (r->kept)
		doom_recording(k, r, "more recordings than are kept");
	if (r->kept)
		vacate_place(k, r); /* not now: the next start finds its file */
	shares_withdraw(&r->place);
	shares_give(k->places, r->place.user, 1);
	shares_leave(k->places, r->place.user);
	unlink_run(k, r);
	return r;
}

struct recordings_run *
recordings_begin(struct recordings *k, const struct asciicast_head *h)
{
	struct recordings_run *r =
	    k->count < RECORDINGS_MAX ? &k->run[k->count++] : take_place(k);

	*r = (struct recordings_run){ .file = &k->file[r - k->run],
		.begin_us = clock_wall_us(),
		.older = k->newest,
		.place = {
		    .user = shares_join(k->places, h->owner), .arg = r } };
	memcpy(r->id, h->run, sizeof(r->id));
	memcpy(r->owner, h->owner, sizeof(r->owner));
	memcpy(r->tool, h->tool, sizeof(r->tool));
	shares_take(k->places, r->place.user, 1);
	if (k->newest != NULL)
		k->newest->newer = r;
	k->newest = r;
	return r;
}

/* It has a recording, of so many bytes. */
static void
occupy_place(struct recordings *k, struct recordings_run *r,
    const struct asciicast_head *h, uint64_t bytes)
{
	struct recordings_file *f = r->file;

	r->kept = true;
	f->room = (struct shares_entry){ .user = shares_join(k->room, r->owner),
		.arg = r };
	f->age = (struct shares_entry){ .user = shares_join(k->aged, r->owner),
		.arg = r };
	memcpy(f->token, h->token, sizeof(f->token));
	f->tail = h->tail;
	f->bytes = bytes;
	shares_take(k->room, f->room.user, on_disk(bytes));
}

/* Finished runs may be dropped. */
static void
offer_room(struct recordings *k, struct recordings_run *r)
{
	r->over = true;
	shares_offer(k->places, &r->place);
	if (!r->kept)
		return;
	shares_offer(k->room, &r->file->room);
	shares_offer(k->aged, &r->file->age);
}

int
recordings_create(struct recordings *k, struct recordings_run *r,
    const struct asciicast_head *h, struct err *e)
{
	char name[NAME];
	int fd;

	if (k->dir < 0)
		return err_set(e, ERR_BUSY,
		    "there is no directory for recordings; tell the administrator of this server");
	(void)snprintf(name, sizeof(name), "%s.cast", r->id);
	fd = openat(k->dir, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (fd == -1)
		return err_sys(e, "recording %s/%s", k->path, name);
	occupy_place(k, r, h, 0);
	return fd;
}

static bool
is_of(const struct recordings_run *r, const uint8_t owner[DIGEST_BYTES])
{
	return bytes_eq_secret(r->owner, owner, DIGEST_BYTES);
}

static struct recordings_run *
find_run(struct recordings *k, struct bytes id)
{
	for (size_t i = 0; i < k->count; i++)
		if (bytes_eq_str(id, k->run[i].id))
			return &k->run[i];
	return NULL;
}

/* It is of a current run again. */
static void
take_back(struct recordings *k, struct recordings_run *r, uint64_t bytes)
{
	struct recordings_file *f = r->file;

	shares_withdraw(&r->place);
	shares_withdraw(&f->room);
	shares_withdraw(&f->age);
	shares_give(k->room, f->room.user, on_disk(f->bytes) - on_disk(bytes));
	f->bytes = bytes;
	r->over = false;
	r->end = (struct asciicast_end){ .state = PROTO_EXITED };
	r->duration_us = 0;
}

int
recordings_resume(struct recordings *k, const struct asciicast_head *h,
    uint64_t bytes, struct recordings_run **r, struct err *e)
{
	CLEANUP_FD int fd = -1;
	struct recordings_run *x = find_run(k, bytes_of(h->run));
	char name[NAME];
	struct stat st;

	if (x == NULL || !x->kept || !x->over || !is_of(x, h->owner))
		return err_set(e, ERR_BAD, "it is not there"), -1;
	(void)snprintf(name, sizeof(name), "%s.cast", h->run);
	fd = openat(k->dir, name,
	    O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK |
		O_NOCTTY);
	if (fd == -1 || fstat(fd, &st) == -1)
		return err_sys(e, "%s/%s", k->path, name), -1;
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != x->file->bytes ||
	    x->file->bytes < bytes)
		return err_set(e, ERR_BAD, "%s/%s was changed meanwhile",
			   k->path, name),
		       -1;
	if (ftruncate(fd, (off_t)bytes) == -1)
		return err_sys(e, "%s/%s", k->path, name), -1;
	take_back(k, x, bytes);
	*r = x;
	return steal_fd(&fd);
}

void
recordings_withdraw(struct recordings *k, struct recordings_run *r)
{
	char name[NAME];

	if (!r->kept || r->file->bytes > 0)
		return;
	(void)snprintf(name, sizeof(name), "%s.cast", r->id);
	if (unlinkat(k->dir, name, 0) == -1)
		log_err("keep: %s/%s: %m", k->path, name);
	vacate_place(k, r);
}

int
recordings_folder(
    const struct recordings *k, const char *name, bool make, struct err *e)
{
	CLEANUP_FD int fd = -1;
	struct stat st;

	if (k->dir < 0)
		return err_set(e, ERR_BUSY,
		    "there is no directory for recordings; tell the administrator of this server");
	if (make && mkdirat(k->dir, name, 0700) == -1 && errno != EEXIST)
		return err_sys(e, "%s/%s", k->path, name);
	fd = openat(
	    k->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1)
		return err_sys(e, "%s/%s", k->path, name);
	if (st.st_uid == geteuid() && (st.st_mode & 077) == 0)
		return steal_fd(&fd);
	return err_set(e, ERR_BAD,
	    "%s/%s must be ours and closed to all others: remove it", k->path,
	    name);
}

int
recordings_keys(const struct recordings *k, struct err *e)
{
	int fd = openat(
	    k->dir, "keys", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd == -1)
		(void)err_sys(e, "%s/keys", k->path);
	return fd;
}

uint64_t
recordings_max_bytes(const struct recordings *k)
{
	return k->limits.bytes;
}

struct shares *
recordings_room(struct recordings *k)
{
	return k->room;
}

bool
recordings_make_room(struct recordings *k, const struct shares_user *asks,
    uint64_t bytes, bool takes_own)
{
	const struct shares_entry *x;

	while (shares_used(k->room) + bytes > k->limits.bytes) {
		x = shares_victim(k->room, asks);
		if (x == NULL)
			x = takes_own ? shares_late(asks) : NULL;
		if (x == NULL || !give_up(k, x))
			return false;
	}
	return true;
}

int
recordings_write(struct recordings *k, struct recordings_run *r, int fd,
    struct bytes data, struct err *e)
{
	struct recordings_file *f = r->file;
	uint64_t more = on_disk(f->bytes + data.len) - on_disk(f->bytes);
	ssize_t n;

	if (data.len == 0)
		return 0;
	if (!recordings_make_room(k, f->room.user, more, true))
		return err_set(e, ERR_BUSY,
		    "all that is kept of runs may have %llu bytes (recordings.max_bytes)",
		    (unsigned long long)k->limits.bytes);
	n = write(fd, data.p, data.len);
	if (n != (ssize_t)data.len) {
		if (n >= 0)
			errno = ENOSPC;
		(void)err_sys(e, "recording in %s", k->path);
		/* no half of a line; if even that fails, readers bear it */
		if (n > 0 && ftruncate(fd, (off_t)f->bytes) == -1)
			log_warn("keep: %s: %m", r->id);
		return e->code;
	}
	shares_take(k->room, f->room.user, more);
	f->bytes += data.len;
	return 0;
}

void
recordings_end(struct recordings *k, struct recordings_run *r,
    const struct asciicast_end *end, uint64_t duration_us)
{
	r->end = *end;
	r->duration_us = duration_us;
	offer_room(k, r);
}

const struct recordings_run *
recordings_find(const struct recordings *k, struct bytes run,
    const uint8_t owner[DIGEST_BYTES])
{
	size_t i;

	for (i = 0; i < k->count; i++)
		if (bytes_eq_str(run, k->run[i].id))
			return is_of(&k->run[i], owner) ? &k->run[i] : NULL;
	return NULL;
}

const struct recordings_run *
recordings_before(const struct recordings *k, const struct recordings_run *r,
    const uint8_t owner[DIGEST_BYTES])
{
	for (r = r == NULL ? k->newest : r->older; r != NULL; r = r->older)
		if (is_of(r, owner))
			return r;
	return NULL;
}

/* --- files ---------------------------------------------------------------- */

static int
open_file(const struct recordings *k, const char *run, off_t *size)
{
	CLEANUP_FD int fd = -1;
	char name[NAME];
	struct stat st;

	(void)snprintf(name, sizeof(name), "%s.cast", run);
	fd = openat(k->dir, name,
	    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1 || fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		return -1;
	*size = st.st_size;
	return steal_fd(&fd);
}

int
recordings_read(
    const struct recordings *k, const struct recordings_run *r, struct err *e)
{
	off_t size;
	int fd = r->kept ? open_file(k, r->id, &size) : -1;

	if (fd == -1)
		return err_set(e, ERR_BAD, "its output is not kept");
	return fd;
}

bool
recordings_digest(const struct recordings *k, const char *run, uint64_t *bytes,
    uint8_t sum[DIGEST_BYTES])
{
	CLEANUP_FD int fd = -1;
	static uint8_t part[65536];
	struct digest d;
	ssize_t n;
	off_t size;

	if (k->dir < 0 || strlen(run) != ASCIICAST_ID - 1)
		return false;
	fd = open_file(k, run, &size);
	if (fd == -1)
		return false;
	*bytes = 0;
	digest_init(&d);
	while ((n = read(fd, part, sizeof(part))) > 0) {
		digest_update(&d, bytes_make(part, (size_t)n));
		*bytes += (uint64_t)n;
	}
	digest_final(&d, sum);
	return n == 0;
}

/* --- what is there at start ------------------------------------------------- */

static void
on_head(void *arg, const struct asciicast_head *h)
{
	struct found *f = arg;

	if (strcmp(f->head.run, h->run) == 0) {
		f->head = *h;
		f->begin_us = h->begin_s * 1000000;
	}
}

static void
on_end(void *arg, uint64_t at_us, const struct asciicast_end *end)
{
	struct found *f = arg;

	f->end = *end;
	f->duration_us = at_us;
	for (int s = 0; s < ASCIICAST_STREAMS; s++)
		f->held[s] = end->total[s] >= f->head.skipped[s]
				 ? end->total[s] - f->head.skipped[s]
				 : 0;
}

/* Facts from the first and the last line, if they are whole. */
static void
read_ends(int fd, off_t size, struct found *f)
{
	static const struct asciicast_read_ops ops = { .head = on_head,
		.end = on_end };
	static uint8_t part[FIRST_LINE];
	struct asciicast_read c;
	const uint8_t *nl;
	struct err e;
	ssize_t n;

	asciicast_read_init(&c, &ops, f);
	n = pread(fd, part, sizeof(part), 0);
	nl = n > 0 ? memchr(part, '\n', (size_t)n) : NULL;
	if (nl != NULL && asciicast_read_line(&c,
			      bytes_make(part, (size_t)(nl - part)), &e) != 0)
		log_warn("keep: %s: %s", f->head.run, e.what);
	n = pread(fd, part, LAST_LINE, size > LAST_LINE ? size - LAST_LINE : 0);
	if (n > 1 && part[n - 1] == '\n' && c.has_head) {
		nl = memrchr(part, '\n', (size_t)n - 1);
		if (nl != NULL &&
		    asciicast_read_line(&c,
			bytes_make(nl + 1, (size_t)(part + n - 2 - nl)),
			&e) != 0)
			log_warn("keep: %s: %s", f->head.run, e.what);
	}
	asciicast_read_fini(&c);
}

static bool
take_file(struct recordings *k, const char *name, struct found *f)
{
	CLEANUP_FD int fd = -1;
	struct stat st;
	off_t size;

	if (strlen(name) != NAME - 1 ||
	    strcmp(name + ASCIICAST_ID - 1, ".cast") != 0 ||
	    strspn(name, "0123456789abcdef") != ASCIICAST_ID - 1)
		return false;
	memset(f, 0, sizeof(*f));
	memcpy(f->head.run, name, ASCIICAST_ID - 1);
	fd = open_file(k, f->head.run, &size);
	if (fd == -1 || fstat(fd, &st) == -1)
		return false;
	f->bytes = (uint64_t)size;
	f->begin_us = (uint64_t)st.st_mtim.tv_sec * 1000000;
	f->changed = st.st_mtim;
	f->end = (struct asciicast_end){ .state = PROTO_LOST, .exit_code = -1 };
	f->held[0] = f->held[1] = UINT64_MAX;
	read_ends(fd, size, f);
	return true;
}

/* Of those that began in the same second, the one that ended last is newer. */
static int
by_age(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->begin_us != y->begin_us)
		return x->begin_us < y->begin_us ? -1 : 1;
	if (x->changed.tv_sec != y->changed.tv_sec)
		return x->changed.tv_sec < y->changed.tv_sec ? -1 : 1;
	return x->changed.tv_nsec < y->changed.tv_nsec
		   ? -1
		   : x->changed.tv_nsec > y->changed.tv_nsec;
}

/* Put them into the table in their order; what does not fit goes. */
static void
take_in(struct recordings *k, struct found *found, size_t count)
{
	const struct found *f;
	struct recordings_run *r;

	if (count > 0)
		sort_items(found, count, sizeof(*found), by_age);
	for (f = found; f < found + count; f++) {
		r = recordings_begin(k, &f->head);
		r->begin_us = f->begin_us;
		occupy_place(k, r, &f->head, f->bytes);
		memcpy(r->file->held, f->held, sizeof(r->file->held));
		recordings_end(k, r, &f->end, f->duration_us);
	}
}

static int
scan_dir(struct recordings *k, struct err *e)
{
	CLEANUP_FD int fd =
	    openat(k->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct found *found = NULL, *more;
	size_t count = 0, room = 0;
	struct dirent *d;
	DIR *dir = fd == -1 ? NULL : fdopendir(fd);
	int rc;

	if (dir == NULL)
		return err_sys(e, "%s", k->path);
	(void)steal_fd(&fd);
	while ((d = fdio_entry(dir)) != NULL) {
		if (count == room) {
			room = room == 0 ? 64 : 2 * room;
			more = reallocarray(found, room, sizeof(*found));
			if (more == NULL)
				break;
			found = more;
		}
		count += take_file(k, d->d_name, &found[count]);
	}
	/* Those that are not seen here are kept for ever. */
	rc = errno == 0 ? 0 : err_sys(e, "%s", k->path);
	(void)closedir(dir);
	take_in(k, found, count);
	free(found);
	return rc;
}

static int
check_dir(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return err_sys(e, "%s", path);
	if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return err_set(e, ERR_BAD,
		    "%s holds what commands wrote: it must be ours and closed to all others: chown it to uid %u and chmod 0700 it",
		    path, (unsigned)geteuid());
	if (!fdio_lock(fd, LOCK_WAIT_MS))
		return err_set(e, ERR_BAD,
		    "%s is used by another mcp-execd: give each its own recordings.directory",
		    path);
	return 0;
}

int
recordings_open(struct recordings *k, const char *dir, struct err *e)
{
	CLEANUP_FD int fd = -1;

	if (k->dir >= 0)
		return 0;
	if (mkdir(dir, 0700) == -1 && errno != EEXIST)
		return err_sys(e,
		    "recordings.directory %s cannot be made: make the one above it, or name another",
		    dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return err_sys(e, "recordings.directory %s", dir);
	if (check_dir(fd, dir, e) != 0)
		return e->code;
	(void)snprintf(k->path, sizeof(k->path), "%s", dir);
	k->dir = steal_fd(&fd);
	return scan_dir(k, e);
}
