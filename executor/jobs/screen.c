/* SPDX-License-Identifier: MIT */
/* screen: one process, its input in a file, its answer in a pipe.  Executor. */
#include "executor/jobs/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/screenpart.h"
#include "common/utf8.h"
#include "executor/power/keeper.h"

enum { PIECE = 16384, PARTS_MOST = SCREENPART_BYTES_MOST + (64 << 10) };

struct screen {
	struct loop *loop;
	struct loop_watch answer;
	struct loop_timer late;
	pid_t pid; /* 0: it is reaped */
	int pidfd;
	struct ledger_size size;
	uint64_t end; /* of the output that it shows */
	struct buf text;
	void (*done)(void *arg);
	void *arg;
};

static struct {
	size_t count; /* processes */
} self;

size_t
screen_count(void)
{
	return self.count;
}

/* --- what it is drawn from ------------------------------------------------- */

/* At most `max` bytes from *at to `to`; what is not kept is passed over. */
static void
put_output(
    const struct ledger_entry *x, uint64_t *at, uint64_t to, struct buf *out)
{
	uint8_t piece[PIECE];
	uint64_t lost;
	unsigned stream;
	size_t n = 1;

	while (*at < to && n > 0) {
		size_t max = to - *at < PIECE ? (size_t)(to - *at) : PIECE;

		n = spool_read(x->spool, at, piece, max, &lost, &stream);
		if (*at >= to)
			break;
		if (n > to - *at)
			n = (size_t)(to - *at);
		buf_put(out, piece, n);
		*at += n;
	}
}

static void
put_part(const struct ledger_entry *x, size_t i, uint64_t *at, uint64_t end,
    struct buf *out)
{
	const struct ledger_size *s = &x->size[i];
	uint64_t to = i + 1 < x->sizes ? x->size[i + 1].from : end;
	CLEANUP_BUF struct buf piece = { 0 };
	struct screenpart p = { .columns = s->columns, .rows = s->rows };

	buf_init(&piece, SCREENPART_BYTES_MOST);
	if (*at < to)
		put_output(x, at, to, &piece);
	p.bytes = (uint32_t)piece.len;
	buf_put(out, &p, sizeof(p));
	buf_put_bytes(out, buf_bytes(&piece));
	out->overflow |= piece.overflow;
}

/* The file is the process's alone from then on; it reads from its beginning. */
static int
make_input(const struct ledger_entry *x, uint64_t end, struct err *e)
{
	CLEANUP_FD int fd = memfd_create("mcp-execd-screen", MFD_CLOEXEC);
	CLEANUP_BUF struct buf parts = { 0 };
	uint64_t at =
	    end > SCREENPART_BYTES_MOST ? end - SCREENPART_BYTES_MOST : 0;

	if (fd == -1)
		return err_sys(e, "memfd_create");
	buf_init(&parts, PARTS_MOST);
	for (size_t i = 0; i < x->sizes; i++)
		put_part(x, i, &at, end, &parts);
	if (parts.overflow)
		return err_memory(e);
	if (fdio_write_all(fd, parts.p, parts.len, e) != 0)
		return e->code;
	if (lseek(fd, 0, SEEK_SET) == -1)
		return err_sys(e, "lseek");
	return steal_fd(&fd);
}

/* --- the process ----------------------------------------------------------- */

/* It has answered, or is late. */
static void
end_process(struct screen *s)
{
	int status;

	loop_timer_cancel(s->loop, &s->late);
	if (s->answer.fd != -1) {
		int fd = s->answer.fd;

		loop_del(s->loop, &s->answer);
		cleanup_fd(&fd);
	}
	if (s->pid == 0)
		return;
	(void)keeper_end(s->pid, s->pidfd, "mcp-execd --screen", &status);
	s->pid = 0;
	cleanup_fd(&s->pidfd);
	self.count--;
}

static void
on_late(void *arg)
{
	struct screen *s = arg;

	end_process(s);
	buf_reset(&s->text);
	s->done(s->arg);
}

static void
on_answer(void *arg, uint32_t events)
{
	static uint8_t piece[PIECE];
	struct screen *s = arg;
	ssize_t n = read(s->answer.fd, piece, sizeof(piece));
	(void)events;

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		buf_put(&s->text, piece, (size_t)n);
	if (n > 0 && !s->text.overflow)
		return;
	end_process(s);
	s->done(s->arg);
}

static int
start_process(struct screen *s, int input, struct err *e)
{
	CLEANUP_FD int ours = -1;
	CLEANUP_FD int theirs = -1;
	int ends[2], fds[2];

	if (pipe2(ends, O_CLOEXEC) == -1)
		return err_sys(e, "pipe");
	ours = ends[0];
	theirs = ends[1];
	if (fdio_set_nonblock(ours, e) != 0)
		return e->code;
	fds[0] = input;
	fds[1] = theirs;
	s->pid = keeper_run(KEEPMSG_SCREEN, fds, 2, &s->pidfd, e);
	if (s->pid < 0) {
		s->pid = 0;
		return e->code;
	}
	self.count++;
	s->answer = (struct loop_watch){
		.fd = steal_fd(&ours), .handler = on_answer, .arg = s
	};
	return loop_add(s->loop, &s->answer, EPOLLIN, e);
}

struct screen *
screen_new(struct loop *l, const struct ledger_entry *x,
    void (*done)(void *arg), void *arg, struct err *e)
{
	struct screen *s = err_alloc(1, sizeof(*s), e);
	CLEANUP_FD int input = -1;

	if (s == NULL)
		return NULL;
	s->loop = l;
	s->done = done;
	s->arg = arg;
	s->pidfd = s->answer.fd = -1;
	s->late = (struct loop_timer){ .handler = on_late, .arg = s };
	s->size = x->size[x->sizes - 1];
	s->end = spool_total(x->spool);
	buf_init(&s->text, SCREENPART_ANSWER_MOST);
	input = make_input(x, s->end, e);
	if (input >= 0 && start_process(s, input, e) == 0) {
		loop_timer_set(l, &s->late, SCREEN_PATIENCE_MS);
		return s;
	}
	screen_free(s);
	return NULL;
}

void
screen_free(struct screen *s)
{
	if (s == NULL)
		return;
	end_process(s);
	buf_fini(&s->text);
	free(s);
}

/* --- its answer ------------------------------------------------------------ */

/* A number up to `most` and what ends it; they are taken from *rest. */
static bool
take_number(struct bytes *rest, uint64_t most, char end, uint64_t *out)
{
	const uint8_t *p =
	    rest->len > 0 ? memchr(rest->p, end, rest->len) : NULL;
	size_t n = p != NULL ? (size_t)(p - rest->p) : 0;
	struct err e;

	if (n == 0 ||
	    bytes_to_u64(bytes_make(rest->p, n), 0, most, out, &e) != 0)
		return false;
	*rest = bytes_make(rest->p + n + 1, rest->len - n - 1);
	return true;
}

int
screen_put(const struct screen *s, struct buf *out, struct err *e)
{
	struct bytes rest = buf_bytes(&s->text);
	uint64_t row, column, visible, skipped;

	if (s->text.overflow ||
	    !take_number(&rest, SCREENPART_ROWS_MOST, ' ', &row) ||
	    !take_number(&rest, SCREENPART_COLUMNS_MOST, ' ', &column) ||
	    !take_number(&rest, 1, ' ', &visible) ||
	    !take_number(&rest, 1, '\n', &skipped) || !utf8_valid(rest))
		return err_set(e, ERR_SYS,
		    "the screen could not be drawn; read the output without screen");
	buf_printf(out,
	    "screen of %u columns and %u rows after byte %llu, the cursor in row %u, column %u%s%s; go on with cursor %llu\n\n",
	    s->size.columns, s->size.rows, (unsigned long long)s->end,
	    (unsigned)row, (unsigned)column, visible != 0 ? "" : " (not shown)",
	    skipped != 0 ? ", of a flood the end" : "",
	    (unsigned long long)s->end);
	buf_put_bytes(out, rest);
	return 0;
}
