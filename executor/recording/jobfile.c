/* SPDX-License-Identifier: MIT */
/* jobfile: two blocks.  Executor; what is read may be damaged. */
#include "executor/recording/jobfile.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"

enum {
	VIEW_MOST = 1200, /* bytes of what a task's caller asked for */
	END_AT = 4096,
	BOOT = 40 /* bytes of the kernel's boot id, with the NUL */
};

static const uint8_t magic[8] = "mcpsjob";

/* What both blocks begin with. */
struct mark {
	uint8_t magic[8];
	uint32_t format;
	uint32_t size;
};

/* As it is in the file. */
struct begin_block {
	struct mark mark;
	char id[40], boot[BOOT];
	uint8_t owner[DIGEST_BYTES];
	char token[64], tool[64], name[LEDGER_NAME], command[LEDGER_COMMAND];
	uint8_t key[DIGEST_BYTES], request[DIGEST_BYTES];
	uint64_t begin_us;
	uint32_t keep_s, keep, most_ms;
	uint8_t has_key, job, text, task, base64, sizes, mortal, reserved;
	uint32_t window_ms; /* of a key that was made from the request */
	struct {
		uint64_t from;
		uint32_t columns, rows;
	} size[LEDGER_SIZES];
	uint32_t view_len;
	uint8_t view[VIEW_MOST];
	uint32_t reserved2;
	uint8_t sum[DIGEST_BYTES];
};

struct end_block {
	struct mark mark;
	char id[40];
	uint64_t end_us, duration_us, output;
	uint64_t bytes[ASCIICAST_STREAMS], kept[ASCIICAST_STREAMS];
	int32_t exit_code, signal;
	uint32_t state, denials_len;
	char message[LEDGER_MESSAGE], ended[LEDGER_ENDED];
	uint8_t denials[LEDGER_DENIALS];
	uint8_t sum[DIGEST_BYTES];
};

_Static_assert(sizeof(struct begin_block) == 2112, "the file has no holes");
_Static_assert(sizeof(struct end_block) == 3232, "the file has no holes");
_Static_assert(sizeof(struct begin_block) <= END_AT, "one behind the other");

/* --- blocks ----------------------------------------------------------------- */

static void
seal_block(void *block, size_t size)
{
	struct mark *m = block;
	uint8_t *sum = (uint8_t *)block + size - DIGEST_BYTES;

	memcpy(m->magic, magic, sizeof(magic));
	m->format = JOBFILE_FORMAT;
	m->size = (uint32_t)size;
	digest_sha256(bytes_make(block, size - DIGEST_BYTES), sum);
}

static int
check_block(const void *block, size_t size, struct err *e)
{
	const struct mark *m = block;
	uint8_t sum[DIGEST_BYTES];

	if (memcmp(m->magic, magic, sizeof(magic)) != 0)
		return err_set(e, ERR_BAD, "it is damaged");
	if (m->format != JOBFILE_FORMAT || m->size != size)
		return err_set(e, ERR_BAD,
		    "another version of mcp-execd wrote it, in a format that this one does not read");
	digest_sha256(bytes_make(block, size - DIGEST_BYTES), sum);
	return memcmp(sum, (const uint8_t *)block + size - DIGEST_BYTES,
		   DIGEST_BYTES) == 0
		   ? 0
		   : err_set(e, ERR_BAD, "it is damaged");
}

static bool
ends_in(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

/* --- the boot ----------------------------------------------------------------- */

static void
read_boot(char out[BOOT])
{
	CLEANUP_FD int fd =
	    open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : read(fd, out, BOOT - 1);

	memset(out + (n > 0 ? n : 0), 0, (size_t)(BOOT - (n > 0 ? n : 0)));
	out[strcspn(out, "\n")] = '\0';
}

/* --- writing -------------------------------------------------------------- */

static void
fill_begin(struct begin_block *b, const struct ledger_entry *x)
{
	memset(b, 0, sizeof(*b));
	memcpy(b->id, x->id, sizeof(x->id));
	read_boot(b->boot);
	recordings_owner(x->verifier, b->owner);
	memcpy(b->token, x->token, sizeof(b->token));
	memcpy(b->tool, x->tool, sizeof(b->tool));
	memcpy(b->name, x->name, sizeof(b->name));
	memcpy(b->command, x->command, sizeof(b->command));
	b->has_key = x->key.given;
	b->window_ms = x->key.window_ms;
	memcpy(b->key, x->key.key, sizeof(b->key));
	memcpy(b->request, x->key.request, sizeof(b->request));
	b->begin_us = x->begin_us;
	b->keep_s = x->keep_s;
	b->keep = x->keep;
	b->most_ms = x->most_ms;
	b->job = x->job;
	b->text = x->text;
	b->task = (uint8_t)x->task;
	b->mortal = (uint8_t)x->mortal;
	b->base64 = x->base64;
	b->sizes = (uint8_t)x->sizes;
	for (size_t i = 0; i < x->sizes; i++) {
		b->size[i].from = x->size[i].from;
		b->size[i].columns = x->size[i].columns;
		b->size[i].rows = x->size[i].rows;
	}
	if (x->view.len > 0 && x->view.len <= sizeof(b->view)) {
		memcpy(b->view, x->view.p, x->view.len);
		b->view_len = (uint32_t)x->view.len;
	}
	seal_block(b, sizeof(*b));
}

static void
fill_end(struct end_block *b, const struct ledger_entry *x)
{
	uint64_t now = clock_mono_ms();

	memset(b, 0, sizeof(*b));
	memcpy(b->id, x->id, sizeof(x->id));
	b->end_us = clock_wall_us() - (now - x->end_ms) * 1000;
	b->duration_us = x->duration_us;
	b->output = spool_total(x->spool);
	memcpy(b->bytes, x->bytes, sizeof(b->bytes));
	memcpy(b->kept, x->kept, sizeof(b->kept));
	b->exit_code = x->exit_code;
	b->signal = x->signal;
	b->state = (uint32_t)x->state;
	memcpy(b->message, x->message, sizeof(b->message));
	memcpy(b->ended, x->ended, sizeof(b->ended));
	if (x->denials.len > 0 && x->denials.len <= sizeof(b->denials)) {
		memcpy(b->denials, x->denials.p, x->denials.len);
		b->denials_len = (uint32_t)x->denials.len;
	}
	seal_block(b, sizeof(*b));
}

enum { WHOLE = END_AT + sizeof(struct end_block) };

uint64_t
jobfile_bytes(void)
{
	return WHOLE;
}

/* With room for the end, so that a full disk takes it. */
int
jobfile_write(
    struct spooldir *d, const struct ledger_entry *x, bool sync, struct err *e)
{
	static uint8_t whole[WHOLE];
	struct begin_block begin;
	struct end_block end;

	memset(whole, 0, sizeof(whole));
	fill_begin(&begin, x);
	memcpy(whole, &begin, sizeof(begin));
	if (x->over) {
		fill_end(&end, x);
		memcpy(whole + END_AT, &end, sizeof(end));
	}
	return spooldir_write(
	    d, x->id, bytes_make(whole, sizeof(whole)), !x->filed, sync, e);
}

int
jobfile_end(struct spooldir *d, const struct ledger_entry *x, struct err *e)
{
	CLEANUP_FD int fd = spooldir_open(d, x->id, SPOOLDIR_JOB, e);
	struct end_block end;

	if (fd < 0)
		return e->code;
	fill_end(&end, x);
	if (pwrite(fd, &end, sizeof(end), END_AT) != (ssize_t)sizeof(end))
		return err_sys(e, "the end of run %s", x->id);
	return 0;
}

/* --- reading -------------------------------------------------------------- */

static int
check_begin(const struct begin_block *b, const char *id, struct err *e)
{
	if (check_block(b, sizeof(*b), e) != 0)
		return e->code;
	if (strncmp(b->id, id, sizeof(b->id)) == 0 &&
	    ends_in(b->boot, sizeof(b->boot)) &&
	    ends_in(b->token, sizeof(b->token)) &&
	    ends_in(b->tool, sizeof(b->tool)) &&
	    ends_in(b->name, sizeof(b->name)) &&
	    ends_in(b->command, sizeof(b->command)) && b->task <= LEDGER_TASK &&
	    b->mortal <= LEDGER_MORTAL_TERMINAL && b->sizes <= LEDGER_SIZES &&
	    b->view_len <= sizeof(b->view))
		return 0;
	return err_set(e, ERR_BAD, "it is damaged");
}

/* A clock that was set back makes nothing last for ever. */
static uint64_t
mono_of(uint64_t wall_us)
{
	uint64_t now = clock_wall_us();

	return clock_mono_ms() - (now > wall_us ? (now - wall_us) / 1000 : 0);
}

static int
take_sizes(struct ledger_entry *x, const struct begin_block *b, struct err *e)
{
	for (x->sizes = 0; x->sizes < b->sizes; x->sizes++) {
		if (b->size[x->sizes].columns == 0 ||
		    b->size[x->sizes].columns > UINT16_MAX ||
		    b->size[x->sizes].rows == 0 ||
		    b->size[x->sizes].rows > UINT16_MAX)
			return err_set(e, ERR_BAD, "it is damaged");
		x->size[x->sizes] =
		    (struct ledger_size){ b->size[x->sizes].from,
			    (uint16_t)b->size[x->sizes].columns,
			    (uint16_t)b->size[x->sizes].rows };
	}
	return 0;
}

static int
take_begin(struct ledger_entry *x, const struct begin_block *b, struct err *e)
{
	memcpy(x->id, b->id, sizeof(x->id));
	memcpy(x->token, b->token, sizeof(x->token));
	memcpy(x->tool, b->tool, sizeof(x->tool));
	memcpy(x->name, b->name, sizeof(x->name));
	memcpy(x->command, b->command, sizeof(x->command));
	x->key.given = b->has_key != 0;
	x->key.window_ms = b->window_ms;
	memcpy(x->key.key, b->key, sizeof(x->key.key));
	memcpy(x->key.request, b->request, sizeof(x->key.request));
	x->begin_us = b->begin_us;
	x->begin_ms = mono_of(b->begin_us);
	x->keep_s = b->keep_s;
	x->keep = b->keep;
	x->most_ms = b->most_ms;
	x->job = b->job != 0;
	x->text = b->text != 0;
	x->task = (enum ledger_task)b->task;
	x->mortal = (enum ledger_mortal)b->mortal;
	x->base64 = b->base64 != 0;
	x->started = x->filed = true;
	x->exit_code = -1;
	buf_init(&x->denials, LEDGER_DENIALS);
	buf_init(&x->view, VIEW_MOST);
	buf_put(&x->view, b->view, b->view_len);
	return take_sizes(x, b, e);
}

/* Of one that was cut off, the file has none, or a part of it. */
static bool
has_end(int fd, const struct begin_block *begin, struct end_block *b)
{
	struct err e;

	return pread(fd, b, sizeof(*b), END_AT) == (ssize_t)sizeof(*b) &&
	       check_block(b, sizeof(*b), &e) == 0 &&
	       memcmp(b->id, begin->id, sizeof(b->id)) == 0 &&
	       b->state <= PROTO_LOST && b->denials_len <= sizeof(b->denials) &&
	       ends_in(b->message, sizeof(b->message)) &&
	       ends_in(b->ended, sizeof(b->ended));
}

static void
take_end(struct ledger_entry *x, const struct end_block *b)
{
	x->over = true;
	x->state = (enum proto_state)b->state;
	x->end_ms = mono_of(b->end_us);
	x->duration_us = b->duration_us;
	memcpy(x->bytes, b->bytes, sizeof(x->bytes));
	memcpy(x->kept, b->kept, sizeof(x->kept));
	x->exit_code = b->exit_code;
	x->signal = b->signal;
	memcpy(x->message, b->message, sizeof(x->message));
	memcpy(x->ended, b->ended, sizeof(x->ended));
	buf_put(&x->denials, b->denials, b->denials_len);
}

int
jobfile_read(struct spooldir *d, const char *id, struct ledger_entry *x,
    struct jobfile_rest *rest, struct err *e)
{
	CLEANUP_FD int fd = spooldir_open(d, id, SPOOLDIR_JOB, e);
	struct begin_block begin;
	struct end_block end;
	char boot[BOOT];

	if (fd < 0)
		return e->code;
	if (pread(fd, &begin, sizeof(begin), 0) != (ssize_t)sizeof(begin))
		return err_set(e, ERR_BAD, "it is cut short");
	if (check_begin(&begin, id, e) != 0 || take_begin(x, &begin, e) != 0)
		return e->code;
	read_boot(boot);
	memset(rest, 0, sizeof(*rest));
	memcpy(rest->owner, begin.owner, sizeof(rest->owner));
	rest->rebooted = strcmp(boot, begin.boot) != 0;
	if (has_end(fd, &begin, &end)) {
		take_end(x, &end);
		rest->output = end.output;
	}
	return 0;
}
