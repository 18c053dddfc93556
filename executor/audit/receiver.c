/* SPDX-License-Identifier: MIT */
/* receiver: who gets copies of records, and what they have not got. */
#include "executor/audit/receiver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"

enum { MOST = 4 /* receivers */ };

struct receiver {
	const struct receiver_kind *kind;
	enum receiver_mode mode;
	char path[108]; /* sun_path */
	int fd; /* -1: not open */
	uint64_t not_before_ms; /* after a failure, monotonic */
	struct buf waiting; /* whole lines */
	uint64_t lost; /* records, since it was last told */
	uint64_t stuck_ms; /* since when it took nothing; 0: it takes all */
	bool failing, told; /* as it is, as the log has it */
	char why[ERR_MAX_WHAT];
};

struct receivers {
	struct receiver r[MOST];
	size_t count;
};

int
receiver_connect(const char *path, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	CLEANUP_FD int fd =
	    socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1)
		return err_sys(e, "socket");
	if (strlen(path) >= sizeof(sa.sun_path))
		return err_set(e, ERR_SYS, "%s: the path is too long", path);
	memcpy(sa.sun_path, path, strlen(path) + 1);
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) == -1)
		return err_sys(e, "%s", path);
	return steal_fd(&fd);
}

int
receiver_failed(struct err *e)
{
	bool busy = errno == EAGAIN || errno == ENOBUFS || errno == EINTR;

	(void)err_sys(e, "cannot send to it");
	if (busy)
		e->code = ERR_AGAIN;
	return e->code;
}

struct receivers *
receivers_new(struct err *e)
{
	return err_alloc(1, sizeof(struct receivers), e);
}

static void
forget_waiting(struct receiver *r)
{
	cleanup_fd(&r->fd);
	r->fd = -1;
	buf_fini(&r->waiting);
	r->failing = r->told = false;
	r->lost = r->not_before_ms = r->stuck_ms = 0;
}

void
receivers_free(struct receivers *all)
{
	size_t i;

	for (i = 0; all != NULL && i < all->count; i++) {
		struct receiver *r = &all->r[i];

		if (r->waiting.len > 0)
			log_warn(
			    "audit: receiver %s did not get the last records",
			    r->kind->name);
		forget_waiting(r);
	}
	free(all);
}

void
receivers_use(struct receivers *all, const struct receiver_kind *kind,
    enum receiver_mode mode, const char *path)
{
	struct receiver *r = all->r, *end = r + all->count;

	while (r < end && r->kind != kind)
		r++;
	if (r == end) {
		if (all->count == MOST)
			fatal("receiver: more than %d kinds", MOST);
		all->count++;
		r->kind = kind;
		r->fd = -1;
		buf_init(&r->waiting, RECEIVER_MAX_WAITING);
	}
	if (path == NULL)
		path = "";
	if (mode == RECEIVER_OFF || strcmp(path, r->path) != 0)
		forget_waiting(r);
	r->mode = mode;
	(void)snprintf(r->path, sizeof(r->path), "%s", path);
}

static void
note_failure(struct receiver *r, const struct err *e)
{
	if (r->failing)
		return;
	r->failing = true;
	(void)snprintf(r->why, sizeof(r->why), "%s", e->what);
	log_warn("audit: receiver %s: %s; records wait for it", r->kind->name,
	    e->what);
}

/* It did not take all: when to go on, and whether that is a failure. */
static void
put_off(struct receiver *r, const struct err *e, bool progress)
{
	uint64_t now = clock_mono_ms();

	r->not_before_ms =
	    now + (e->code == ERR_AGAIN ? RECEIVER_BUSY_MS : RECEIVER_AGAIN_MS);
	if (progress || r->stuck_ms == 0)
		r->stuck_ms = now;
	if (e->code != ERR_AGAIN || now - r->stuck_ms > RECEIVER_PATIENCE_MS)
		note_failure(r, e);
}

/* One record; false: it stays, and no further one is tried now. */
static bool
pass_on(struct receiver *r, struct bytes line, struct err *e)
{
	struct logline l;
	int rc;

	if (!logline_parse(line, &l))
		fatal("receiver: a record is not of its form");
	rc = r->kind->send(r->fd, line, &l, e);
	if (rc == ERR_BAD) {
		log_warn("audit: receiver %s: %s", r->kind->name, e->what);
		r->lost++;
		return true;
	}
	if (rc == ERR_SYS) {
		cleanup_fd(&r->fd);
		r->fd = -1;
	}
	return rc == 0;
}

/* As much of what waits as it takes. */
static void
push_waiting(struct receiver *r)
{
	const uint8_t *p, *end, *nl;
	struct err e = { 0 };
	bool well = true;

	if (r->waiting.len == 0 || clock_mono_ms() < r->not_before_ms)
		return;
	if (r->fd == -1 && (r->fd = r->kind->open(
				r->path[0] == '\0' ? NULL : r->path, &e)) < 0) {
		r->fd = -1;
		put_off(r, &e, false);
		return;
	}
	p = r->waiting.p;
	end = p + r->waiting.len;
	while (well && p < end &&
	       (nl = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		well = pass_on(r, bytes_make(p, (size_t)(nl - p)), &e);
		p = well ? nl + 1 : p;
	}
	if (!well) {
		put_off(r, &e, p > r->waiting.p);
	} else {
		r->failing = false;
		r->stuck_ms = 0;
	}
	buf_consume(&r->waiting, (size_t)(p - r->waiting.p));
}

static uint64_t
count_lines(struct bytes lines)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < lines.len; i++)
		n += lines.p[i] == '\n';
	return n;
}

/* Until it is taken, if there is room. */
static void
keep_lines(struct receiver *r, struct bytes lines)
{
	if (r->waiting.len + lines.len <= RECEIVER_MAX_WAITING)
		buf_put_bytes(&r->waiting, lines);
	else
		r->lost += count_lines(lines);
	if (!r->waiting.overflow)
		return;
	r->lost += count_lines(buf_bytes(&r->waiting)) + count_lines(lines);
	buf_fini(&r->waiting); /* out of memory */
}

void
receivers_take(void *receivers, struct bytes lines)
{
	struct receivers *all = receivers;
	size_t i;

	for (i = 0; i < all->count; i++) {
		struct receiver *r = &all->r[i];

		if (r->mode == RECEIVER_OFF)
			continue;
		keep_lines(r, lines);
		push_waiting(r);
	}
}

int
receivers_ready(void *receivers, struct err *e)
{
	const struct receivers *all = receivers;
	size_t i;

	for (i = 0; i < all->count; i++) {
		const struct receiver *r = &all->r[i];

		if (r->mode != RECEIVER_REQUIRED || r->waiting.len == 0)
			continue;
		if (!r->failing)
			return err_set(e, ERR_AGAIN,
			    "audit: receiver %s is busy", r->kind->name);
		return err_set(e, ERR_BUSY,
		    "audit: receiver %s is required and takes no records: %s",
		    r->kind->name, r->why);
	}
	return 0;
}

int
receivers_wait_ms(const struct receivers *all)
{
	uint64_t now = clock_mono_ms();
	int least = -1, ms;
	size_t i;

	for (i = 0; i < all->count; i++) {
		const struct receiver *r = &all->r[i];

		if (r->waiting.len == 0)
			continue;
		ms = r->not_before_ms > now ? (int)(r->not_before_ms - now) : 1;
		if (least == -1 || ms < least)
			least = ms;
	}
	return least;
}

void
receivers_again(struct receivers *all)
{
	size_t i;

	for (i = 0; i < all->count; i++)
		push_waiting(&all->r[i]);
}

/* Records are also passed on, first of all to this receiver. */
void
receivers_tell(struct receivers *all, struct audit *a)
{
	struct buf *b;
	size_t i;

	for (i = 0; i < all->count; i++) {
		struct receiver *r = &all->r[i];

		if (r->failing == r->told && (r->failing || r->lost == 0))
			continue;
		b = audit_begin(
		    a, r->failing ? "receiver-failure" : "receiver-success");
		audit_put_own(b, "receiver.name", r->kind->name);
		if (r->failing)
			audit_put_reason(b, r->why);
		audit_put_i64(b, "records", (int64_t)r->lost);
		audit_end(a, false);
		r->told = r->failing;
		r->lost = 0;
	}
}
