/* SPDX-License-Identifier: MIT */
/* keybook: a file of keys.  Executor; what the file holds is our own. */
#include "executor/recording/keybook.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"

_Static_assert(sizeof(struct keybook_record) == 160, "the file has no holes");

struct keybook {
	struct recordings *recordings;
	int fd; /* -1: not opened (yet) */
	struct keybook_record *record;
	size_t count; /* of the file */
};

/* --- the file --------------------------------------------------------------- */

static off_t
place_of(size_t i)
{
	return (off_t)(i * sizeof(struct keybook_record));
}

/* The whole of it; a record that was cut by a crash was never promised. */
static int
load_file(struct keybook *b, struct err *e)
{
	const size_t size = sizeof(b->record[0]);

	for (b->count = 0; b->count < KEYBOOK_MAX; b->count++) {
		struct keybook_record *r = &b->record[b->count];
		ssize_t n = pread(b->fd, r, size, place_of(b->count));

		if (n == -1)
			return err_sys(e, "reading idempotency keys");
		if ((size_t)n < size)
			break;
		r->id[sizeof(r->id) - 1] = '\0';
	}
	return 0;
}

/* There may be a directory only since a reload. */
static int
open_book(struct keybook *b, struct err *e)
{
	if (b->fd != -1 || !recordings_is_open(b->recordings))
		return 0;
	b->fd = recordings_keys(b->recordings, e);
	if (b->fd == -1)
		return e->code;
	if (load_file(b, e) == 0)
		return 0;
	(void)close(b->fd);
	b->fd = -1;
	return e->code;
}

static void
look_up_book(struct keybook *b)
{
	struct err e = { 0 };

	if (open_book(b, &e) != 0)
		log_warn("keybook: %s", e.what);
}

static int
write_record(struct keybook *b, size_t i, bool sync, struct err *e)
{
	const size_t size = sizeof(b->record[i]);

	if (pwrite(b->fd, &b->record[i], size, place_of(i)) != (ssize_t)size ||
	    (sync && fdatasync(b->fd) == -1))
		return err_sys(e, "writing idempotency keys");
	return 0;
}

/* --- records ---------------------------------------------------------------- */

/* A place that is free, or past its time; KEYBOOK_MAX: none. */
static size_t
find_place(const struct keybook *b)
{
	uint64_t now = clock_wall_us();

	for (size_t i = 0; i < b->count; i++)
		if (b->record[i].until_us <= now)
			return i;
	return b->count;
}

int
keybook_add(struct keybook *b, const struct keybook_record *r, struct err *e)
{
	size_t i;

	if (open_book(b, e) != 0)
		return e->code;
	if (b->fd == -1)
		return 0;
	i = find_place(b);
	if (i == KEYBOOK_MAX)
		return err_set(e, ERR_BUSY,
		    "the server remembers %d calls with an idempotency_key, its limit; leave the key out, or try again later",
		    KEYBOOK_MAX);
	b->record[i] = *r;
	if (write_record(b, i, true, e) != 0) {
		b->record[i].until_us = 0;
		return err_wrap(e,
		    "the call cannot be remembered, so that it is not run: leave out idempotency_key");
	}
	b->count = i < b->count ? b->count : i + 1;
	return 0;
}

static size_t
find_run(const struct keybook *b, const char *id)
{
	size_t i = 0;

	while (i < b->count && strcmp(b->record[i].id, id) != 0)
		i++;
	return i;
}

/* That it is not written is safe: then it counts as cut off. */
static void
change_record(struct keybook *b, size_t i)
{
	struct err e = { 0 };

	if (write_record(b, i, false, &e) != 0)
		log_warn("keybook: %s", e.what);
}

void
keybook_end(struct keybook *b, const struct keybook_record *r)
{
	size_t i = find_run(b, r->id);
	struct keybook_record *old = &b->record[i];

	if (b->fd == -1 || i == b->count)
		return;
	old->over = 1;
	old->state = r->state;
	old->exit_code = r->exit_code;
	old->signal = r->signal;
	old->duration_us = r->duration_us;
	old->until_us = r->until_us;
	change_record(b, i);
}

void
keybook_drop(struct keybook *b, const char *id)
{
	size_t i = find_run(b, id);

	if (b->fd == -1 || i == b->count)
		return;
	b->record[i].until_us = 0;
	change_record(b, i);
}

const struct keybook_record *
keybook_find(struct keybook *b, const uint8_t key[DIGEST_BYTES],
    const uint8_t verifier[DIGEST_BYTES])
{
	const struct keybook_record *found = NULL;
	uint64_t now = clock_wall_us();
	uint8_t owner[DIGEST_BYTES];

	look_up_book(b);
	recordings_owner(verifier, owner);
	for (size_t i = 0; i < b->count; i++) {
		const struct keybook_record *r = &b->record[i];

		if (r->until_us > now &&
		    bytes_eq_secret(r->owner, owner, DIGEST_BYTES) &&
		    bytes_eq_secret(r->key, key, DIGEST_BYTES))
			found = r;
	}
	return found;
}

/* --- life ------------------------------------------------------------------- */

struct keybook *
keybook_new(struct recordings *k, struct err *e)
{
	struct keybook *b = err_alloc(1, sizeof(*b), e);

	if (b == NULL)
		return NULL;
	*b = (struct keybook){ .recordings = k, .fd = -1 };
	b->record = err_alloc(KEYBOOK_MAX + 1, sizeof(b->record[0]), e);
	if (b->record != NULL) {
		look_up_book(b);
		return b;
	}
	free(b);
	return NULL;
}

void
keybook_free(struct keybook *b)
{
	if (b == NULL)
		return;
	cleanup_fd(&b->fd);
	free(b->record);
	free(b);
}
