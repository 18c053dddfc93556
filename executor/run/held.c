/* SPDX-License-Identifier: MIT */
/* held: a job's state in a shared file.  Executor. */
#include "executor/run/held.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "executor/run/lateword.h"
#include "executor/run/launch.h"

enum {
	NOT_RECEIVED = 0xff, /* no event of a guard's */
	SEALS = F_SEAL_SHRINK | F_SEAL_GROW
};

static const char magic[8] = "mcpheld";

struct held_page {
	char magic[8];
	uint32_t version, size;
	struct digest
	    probe; /* of `magic` so far: does it mean the same here? */
	struct held_fixed fixed;
	uint64_t input; /* bytes behind the page */
	_Atomic uint32_t now; /* which turn is in force */
	struct held_turn turn[2];
	_Atomic uint32_t text_len;
	uint8_t text[HELD_TEXT];
	_Atomic uint32_t reports; /* in use, one after them may be */
	struct guard_report report[HELD_REPORTS + 1];
};

struct held {
	struct held_page *page;
	size_t size; /* of the mapping */
	int file;
	int from[HELD_STREAMS], to[HELD_STREAMS]; /* pipes between, -1: none */
	uint64_t run; /* its number for the launcher that holds it */
	int link; /* with that one; -1: it is ours */
	size_t in_hand[HELD_STREAMS]; /* bytes in the pipe between */
	uint32_t replay, found; /* reports of the executor before */
};

/* A copy of what is in a pipe between is read from here; empty otherwise. */
static int copy_from = -1, copy_to = -1;

/* --- the file ------------------------------------------------------------- */

static int
map_page(struct held *h, struct err *e)
{
	void *p =
	    mmap(NULL, h->size, PROT_READ | PROT_WRITE, MAP_SHARED, h->file, 0);

	if (p == MAP_FAILED)
		return err_sys(e, "mmap");
	h->page = p;
	return 0;
}

static struct held *
make_held(struct err *e)
{
	struct held *h = err_alloc(1, sizeof(*h), e);

	if (h == NULL)
		return NULL;
	h->file = h->link = -1;
	for (int i = 0; i < HELD_STREAMS; i++)
		h->from[i] = h->to[i] = -1;
	return h;
}

void
held_free(struct held *h)
{
	if (h == NULL)
		return;
	if (h->page != NULL)
		(void)munmap(h->page, h->size);
	cleanup_fd(&h->file);
	for (int i = 0; i < HELD_STREAMS; i++) {
		cleanup_fd(&h->from[i]);
		cleanup_fd(&h->to[i]);
	}
	free(h);
}

static int
make_file(struct held *h, size_t input, struct err *e)
{
	h->size = sizeof(struct held_page) + input;
	h->file =
	    memfd_create("mcp-execd-job", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (h->file == -1)
		return err_sys(e, "memfd_create");
	if (ftruncate(h->file, (off_t)h->size) == -1 ||
	    fcntl(h->file, F_ADD_SEALS, SEALS) == -1)
		return err_sys(e, "a job's state");
	return map_page(h, e);
}

static int
make_pipe(int *from, int *to, struct err *e)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) == -1)
		return err_sys(e, "pipe");
	*from = fd[0];
	*to = fd[1];
	return 0;
}

/*
 * What copies are read from holds as much as `to`, a pipe between.  It may be
 * of a time when the user's pipes were short of memory, pipe(7), and smaller.
 */
static bool
copy_fits(int to)
{
	int size = fcntl(to, F_GETPIPE_SZ);

	return size <= fcntl(copy_to, F_GETPIPE_SZ) ||
	       fcntl(copy_to, F_SETPIPE_SZ, size) >= size;
}

static int
make_between(int *from, int *to, struct err *e)
{
	if (make_pipe(from, to, e) != 0)
		return e->code;
	return copy_fits(*to)
		   ? 0
		   : err_set(e, ERR_BUSY, "pipes are short of memory");
}

static struct bytes
probe_text(void)
{
	return bytes_make(magic, sizeof(magic));
}

struct held *
held_new(const struct held_fixed *f, struct bytes input,
    const int stream[HELD_STREAMS], struct err *e)
{
	struct held *h = make_held(e);
	int rc = 0;

	if (h == NULL)
		return NULL;
	if (copy_to == -1)
		rc = make_pipe(&copy_from, &copy_to, e);
	for (int i = 0; i < HELD_STREAMS && rc == 0 && !f->terminal; i++)
		if (stream[i] != -1)
			rc = make_between(&h->from[i], &h->to[i], e);
	if (rc != 0 || make_file(h, input.len, e) != 0) {
		held_free(h);
		return NULL;
	}
	memcpy(h->page->magic, magic, sizeof(magic));
	h->page->version = HELD_VERSION;
	h->page->size = sizeof(*h->page);
	digest_init(&h->page->probe);
	digest_update(&h->page->probe, probe_text());
	h->page->fixed = *f;
	h->page->input = input.len;
	for (int i = 0; i <= HELD_REPORTS; i++)
		h->page->report[i].event = (enum guard_event)NOT_RECEIVED;
	if (input.len > 0)
		memcpy(h->page + 1, input.p, input.len);
	return h;
}

/*
 * A digest that has begun there is gone on with here.  It is compared, as nettle
 * writes where one that it has otherwise says.
 */
static bool
is_digest_known(const struct held_page *p)
{
	const void *known = &p->probe; /* bytes: padding is zero in both */
	struct digest ours;
	const void *made = &ours;

	memset(&ours, 0, sizeof(ours)); /* as a new page is */
	digest_init(&ours);
	digest_update(&ours, probe_text());
	return memcmp(known, made, sizeof(ours)) == 0;
}

/* Texts end, and numbers are of what there is: it is ours, and yet checked. */
static bool
is_sound(const struct held *h)
{
	const struct held_page *p = h->page;
	const struct held_fixed *f = &p->fixed;

	return memcmp(p->magic, magic, sizeof(magic)) == 0 &&
	       p->version == HELD_VERSION && p->size == sizeof(*p) &&
	       is_digest_known(p) && p->input == h->size - sizeof(*p) &&
	       p->now < 2 && p->text_len <= HELD_TEXT &&
	       p->reports <= HELD_REPORTS && f->command_len <= HELD_COMMAND &&
	       memchr(f->id, '\0', sizeof(f->id)) != NULL &&
	       memchr(f->token, '\0', sizeof(f->token)) != NULL &&
	       memchr(f->policy, '\0', sizeof(f->policy)) != NULL &&
	       memchr(f->from, '\0', sizeof(f->from)) != NULL &&
	       memchr(f->tool, '\0', sizeof(f->tool)) != NULL &&
	       memchr(f->defined_by, '\0', sizeof(f->defined_by)) != NULL &&
	       memchr(f->client, '\0', sizeof(f->client)) != NULL &&
	       memchr(f->peer, '\0', sizeof(f->peer)) != NULL &&
	       memchr(f->name, '\0', sizeof(f->name)) != NULL;
}

/* Counted bytes leave the pipe between. */
static void
drain_between(struct held *h, unsigned stream, size_t count)
{
	static uint8_t nowhere[HELD_PIECE];
	ssize_t n;

	while (count > 0) {
		n = read(h->from[stream], nowhere,
		    count < sizeof(nowhere) ? count : sizeof(nowhere));
		if (n <= 0)
			return;
		count -= (size_t)n;
	}
}

/* What a read that failed, or that of a process we are a fork of, left there. */
static void
empty_copy(void)
{
	static uint8_t nowhere[HELD_PIECE];

	while (read(copy_from, nowhere, sizeof(nowhere)) > 0)
		;
}

/* As the executor before left it. */
static void
take_up(struct held *h)
{
	struct held_turn t = h->page->turn[h->page->now];
	int left;

	for (unsigned i = 0; i < HELD_STREAMS; i++) {
		if (h->from[i] == -1)
			continue;
		drain_between(h, i, t.stream[i].in_hand);
		t.stream[i].in_hand = 0;
		if (ioctl(h->from[i], FIONREAD, &left) == -1)
			left = 0;
		h->in_hand[i] = (size_t)left;
	}
	held_commit(h, &t);
	h->found = h->page->reports;
	if (h->found <= HELD_REPORTS &&
	    h->page->report[h->found].event <= GUARD_EXITED)
		h->found++;
	h->page->reports = h->found;
}

/* The page of a sealed file that was given; what is not ours is not used. */
static int
take_page(struct held *h, struct err *e)
{
	struct stat st;
	int seals = fcntl(h->file, F_GET_SEALS);

	if (seals != -1 && (seals & SEALS) == SEALS &&
	    fstat(h->file, &st) == 0 &&
	    st.st_size >= (off_t)sizeof(struct held_page)) {
		h->size = (size_t)st.st_size;
		if (map_page(h, e) != 0)
			return e->code;
		if (is_sound(h))
			return 0;
	}
	return err_set(e, ERR_BAD, "its state is of another version");
}

struct held *
held_open(const int fd[HOLD_FDS], uint64_t run, int link, struct err *e)
{
	struct held *h = make_held(e);

	if (h == NULL)
		return NULL;
	h->file = fd[HOLD_STATE];
	if (take_page(h, e) != 0) {
		h->file = -1;
		held_free(h);
		return NULL;
	}
	h->run = run;
	h->link = link;
	h->from[0] = fd[HOLD_OUT_FROM];
	h->to[0] = fd[HOLD_OUT_TO];
	h->from[1] = fd[HOLD_ERR_FROM];
	h->to[1] = fd[HOLD_ERR_TO];
	if (copy_to == -1 && make_pipe(&copy_from, &copy_to, e) != 0)
		log_err("held: %s", e->what);
	for (int i = 0; i < HELD_STREAMS; i++)
		if (h->to[i] != -1 && !copy_fits(h->to[i]))
			log_err(
			    "held: pipes are short of memory, so that its output may be lost: end what holds pipes of this user, or raise fs.pipe-user-pages-soft run=%s",
			    h->page->fixed.id);
	empty_copy();
	take_up(h);
	return h;
}

int
held_give(struct held *h, uint64_t run, int ctl, int in,
    const int stream[HELD_STREAMS], struct err *e)
{
	const int all[HOLD_FDS] = { [HOLD_STATE] = h->file,
		[HOLD_CTL] = ctl,
		[HOLD_IN] = in,
		[HOLD_OUT] = stream[0],
		[HOLD_OUT_FROM] = h->from[0],
		[HOLD_OUT_TO] = h->to[0],
		[HOLD_ERR] = stream[1],
		[HOLD_ERR_FROM] = h->from[1],
		[HOLD_ERR_TO] = h->to[1],
		[HOLD_GUARD] = -1 };
	int fd[HOLD_FDS];
	uint32_t has = 0;
	size_t count = 0;

	for (unsigned i = 0; i < HOLD_FDS; i++)
		if (all[i] != -1) {
			has |= 1U << i;
			fd[count++] = all[i];
		}
	h->run = run;
	return launch_keep(run, has, fd, count, e);
}

/* --- what it says --------------------------------------------------------- */

const struct held_fixed *
held_fixed(const struct held *h)
{
	return &h->page->fixed;
}

struct bytes
held_input(const struct held *h)
{
	return bytes_make(h->page + 1, (size_t)h->page->input);
}

const struct held_turn *
held_turn(const struct held *h)
{
	return &h->page->turn[h->page->now];
}

struct bytes
held_text(const struct held *h)
{
	return bytes_make(h->page->text, h->page->text_len);
}

void
held_add_text(struct held *h, struct bytes text)
{
	uint32_t at = h->page->text_len;

	if (text.len > HELD_TEXT - at || text.len == 0)
		return;
	memcpy(h->page->text + at, text.p, text.len);
	h->page->text_len = at + (uint32_t)text.len;
}

uint64_t
held_run(const struct held *h)
{
	return h->run;
}

int
held_link(const struct held *h)
{
	return h->link;
}

/* --- output --------------------------------------------------------------- */

/*
 * All of a copy.  What a run wrote as packets, pipe(2), is read one at a time;
 * what stayed would be in the next run's output.
 */
static bool
take_copy(uint8_t *out, size_t want)
{
	size_t got = 0;
	ssize_t n;

	while (got < want) {
		n = read(copy_from, out + got, want - got);
		if (n <= 0)
			return false;
		got += (size_t)n;
	}
	return true;
}

static ssize_t
read_copy(struct held *h, unsigned stream, uint8_t *out, size_t max)
{
	size_t want = h->in_hand[stream];

	if (want > max) {
		errno = EMSGSIZE;
		return -1;
	}
	if (tee(h->from[stream], copy_to, want, SPLICE_F_NONBLOCK) ==
		(ssize_t)want &&
	    take_copy(out, want))
		return (ssize_t)want;
	empty_copy();
	errno = EIO;
	return -1;
}

ssize_t
held_read(void *arg, unsigned stream, int fd, uint8_t *out, size_t max)
{
	struct held *h = arg;
	ssize_t n;

	if (h->from[stream] == -1)
		return read(fd, out, max);
	if (h->in_hand[stream] == 0) {
		n = splice(fd, NULL, h->to[stream], NULL, max,
		    SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
		if (n <= 0)
			return n;
		h->in_hand[stream] = (size_t)n;
	}
	return read_copy(h, stream, out, max);
}

/* One store makes it so. */
static void
put_turn(struct held_page *p, const struct held_turn *t)
{
	uint32_t next = 1 - p->now;

	p->turn[next] = *t;
	p->now = next;
}

void
held_commit(struct held *h, const struct held_turn *t)
{
	struct held_turn turn = *t;
	bool counted = false;

	for (unsigned i = 0; i < HELD_STREAMS; i++)
		turn.stream[i].in_hand = 0;
	for (unsigned i = 0; i < HELD_STREAMS; i++) {
		/* nothing of it was read yet: it is the next that is */
		if (h->in_hand[i] == 0 ||
		    turn.stream[i].total == held_turn(h)->stream[i].total)
			continue;
		turn.stream[i].in_hand = h->in_hand[i];
		counted = true;
	}
	put_turn(h->page, &turn);
	for (unsigned i = 0; i < HELD_STREAMS && counted; i++) {
		if (turn.stream[i].in_hand == 0)
			continue;
		drain_between(h, i, h->in_hand[i]);
		h->in_hand[i] = 0;
		turn.stream[i].in_hand = 0;
	}
	if (counted)
		put_turn(h->page, &turn);
}

/* --- reports -------------------------------------------------------------- */

bool
held_full(const struct held *h)
{
	return h->replay == h->found && h->page->reports == HELD_REPORTS;
}

struct guard_report *
held_slot(struct held *h)
{
	struct held_page *p = h->page;

	p->report[p->reports].event = (enum guard_event)NOT_RECEIVED;
	return &p->report[p->reports];
}

void
held_took(struct held *h)
{
	h->page->report[h->page->reports + 1].event =
	    (enum guard_event)NOT_RECEIVED;
	h->page->reports++;
}

void
held_flushed(struct held *h)
{
	if (h->page->reports == 0 || h->replay < h->found)
		return;
	h->page->report[0].event = (enum guard_event)NOT_RECEIVED;
	h->page->reports = 0;
}

const struct guard_report *
held_next_report(struct held *h)
{
	while (h->replay < h->found &&
	       h->page->report[h->replay].event > GUARD_EXITED)
		h->replay++;
	return h->replay < h->found ? &h->page->report[h->replay++] : NULL;
}

/* --- the launcher --------------------------------------------------------- */

static void
send_word(int link, enum holdmsg_kind kind, uint64_t run)
{
	const struct holdmsg m = {
		.kind = kind, .format = HOLDMSG_FORMAT, .run = run
	};

	lateword_send(link, &m, sizeof(m));
}

void
held_eof(const struct held *h)
{
	if (h->link == -1)
		launch_hold_eof(h->run);
	else
		send_word(h->link, HOLDMSG_EOF, h->run);
}

void
held_release(uint64_t run, int link)
{
	if (link == -1)
		launch_release(run);
	else
		send_word(link, HOLDMSG_RELEASE, run);
}
