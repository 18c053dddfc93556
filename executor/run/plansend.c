/* SPDX-License-Identifier: MIT */
/* plansend: compile, seal, send.  Executor, loader and mcp-execctl. */
#include "executor/run/plansend.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/fdpass.h"
#include "executor/run/launchblob.h"

enum {
	PAUSE_NS = 500000, /* until the launcher has taken something */
	PAUSES_MOST = 60000
};

int
plansend_order(int pair, const struct launchmsg_order *o, struct bytes more,
    const int *fds, size_t count, struct err *e)
{
	const struct iovec part[] = { { (void *)(uintptr_t)o, sizeof(*o) },
		{ (void *)(uintptr_t)more.p, more.len } };

	if (fdpass_send(pair, part, 2, fds, count, MSG_DONTWAIT) != -1)
		return 0;
	if (errno == EPIPE || errno == ECONNRESET || errno == ECONNREFUSED)
		return err_set(e, ERR_EOF, "the launcher ended");
	if (errno == EAGAIN || errno == ETOOMANYREFS)
		return err_set(e, ERR_AGAIN, "the launcher has enough to do");
	return err_sys(e, "the launcher does not take it");
}

int
plansend_seal(struct bytes b, struct err *e)
{
	CLEANUP_FD int fd =
	    memfd_create("mcp-execd-launch", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd == -1)
		return err_sys(e, "memfd_create");
	if (fdio_write_all(fd, b.p, b.len, e) != 0)
		return e->code;
	if (fcntl(fd, F_ADD_SEALS,
		F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == -1)
		return err_sys(e, "F_ADD_SEALS");
	return steal_fd(&fd);
}

/*
 * Descriptors on their way are counted, for all of this user together, and
 * what waits in the pair is: the launcher takes them off between runs.
 */
static int
send_waiting(int pair, const struct launchmsg_order *o, const int *fds,
    size_t count, struct err *e)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	int rc;

	for (size_t i = 0; i < PAUSES_MOST; i++) {
		rc =
		    plansend_order(pair, o, bytes_make(NULL, 0), fds, count, e);
		if (rc != ERR_AGAIN)
			return rc;
		(void)nanosleep(&pause, NULL);
	}
	return rc;
}

static int
send_parts(int pair, const struct policy *p, struct bytes blob, const int *fds,
    size_t count, struct err *e)
{
	struct launchmsg_order o = { .kind = LAUNCHMSG_PLAN,
		.size = (uint32_t)blob.len,
		.held = (uint32_t)count };
	CLEANUP_FD int file = plansend_seal(blob, e);
	int first[LAUNCHMSG_FDS];
	size_t n = count < LAUNCHMSG_FDS - 1 ? count : LAUNCHMSG_FDS - 1;

	if (file < 0)
		return e->code;
	first[0] = file;
	memcpy(first + 1, fds, n * sizeof(*fds));
	memcpy(o.plan, p->launch_digest, sizeof(o.plan));
	memcpy(o.name, p->plan_name, sizeof(o.name));
	if (send_waiting(pair, &o, first, n + 1, e) != 0)
		return e->code;
	o.kind = LAUNCHMSG_HELD;
	return n == count ? 0 : send_waiting(pair, &o, fds + n, count - n, e);
}

/* Its bytes and descriptors, and their digest. */
static int
compile_plan(struct policy *p, unsigned kept, struct buf *blob,
    int fds[LAUNCHPLAN_FDS], size_t *count, struct err *e)
{
	buf_init(blob, LAUNCHPLAN_MAX_BYTES);
	if (launchblob_plan(p, kept, blob, fds, count, e) != 0)
		return e->code;
	digest_sha256(buf_bytes(blob), p->launch_digest);
	return 0;
}

unsigned
plansend_kept(bool templates, bool guards)
{
	return (templates ? LAUNCHPLAN_TEMPLATES : 0U) |
	       (guards ? LAUNCHPLAN_GUARDS : 0U);
}

int
plansend_name(struct policy *p, unsigned kept, struct err *e)
{
	CLEANUP_BUF struct buf shape = { 0 };

	buf_init(&shape, LAUNCHPLAN_MAX_BYTES);
	buf_put_bytes(&shape, bytes_make(p->text_digest, DIGEST_BYTES));
	if (launchblob_shape(p, kept, &shape, e) != 0)
		return e->code;
	digest_sha256(buf_bytes(&shape), p->plan_name);
	return 0;
}

int
plansend_plan(int pair, struct policy *p, unsigned kept, struct err *e)
{
	int fds[LAUNCHPLAN_FDS];
	CLEANUP_BUF struct buf blob = { 0 };
	size_t count;

	if (plansend_name(p, kept, e) != 0 ||
	    compile_plan(p, kept, &blob, fds, &count, e) != 0)
		return e->code;
	return send_parts(pair, p, buf_bytes(&blob), fds, count, e);
}
