/* SPDX-License-Identifier: MIT */
/* filtercache: compiled filters by the digest of their rules.  Executor. */
#include "executor/confine/filtercache.h"

#include <stdlib.h>
#include <string.h>

#include "common/hashindex.h"
#include "common/log.h"

struct entry {
	uint8_t key[DIGEST_BYTES];
	struct filter filter;
};

static struct {
	struct entry *entry; /* owned */
	size_t count, room;
	struct hashindex by_key;
} self;

/* Before each filter's bytes, in what a child writes. */
struct head {
	uint8_t key[DIGEST_BYTES];
	uint32_t prog, refine; /* bytes */
};

static struct bytes
key_of(const uint8_t key[DIGEST_BYTES])
{
	return bytes_make(key, DIGEST_BYTES);
}

static struct entry *
find_entry(const uint8_t key[DIGEST_BYTES])
{
	struct hashindex_walk w = hashindex_find(&self.by_key, key_of(key));
	size_t i;

	while (hashindex_next(&w, &i))
		if (i < self.count &&
		    memcmp(self.entry[i].key, key, DIGEST_BYTES) == 0)
			return &self.entry[i];
	return NULL;
}

bool
filtercache_get(const uint8_t key[DIGEST_BYTES], struct filter *out)
{
	const struct entry *known = find_entry(key);

	if (known != NULL)
		filter_copy(&known->filter, out);
	return known != NULL;
}

static bool
make_room(void)
{
	size_t room = self.room == 0 ? 16 : 2 * self.room;
	struct entry *more;

	if (self.count < self.room)
		return true;
	more = realloc(self.entry, room * sizeof(*more));
	if (more == NULL)
		return false;
	self.entry = more;
	self.room = room;
	return true;
}

void
filtercache_put(const uint8_t key[DIGEST_BYTES], const struct filter *f)
{
	struct filter copy;
	struct err e;

	if (find_entry(key) != NULL || !make_room())
		return;
	filter_copy(f, &copy);
	memcpy(self.entry[self.count].key, key, DIGEST_BYTES);
	self.entry[self.count].filter = copy;
	if (hashindex_add(&self.by_key, key_of(key), self.count, &e) == 0)
		self.count++;
	else
		filter_fini(&copy);
}

void
filtercache_sweep(void)
{
	struct err e;
	size_t n = 0;

	for (size_t i = 0; i < self.count; i++)
		if (*self.entry[i].filter.copies > 1)
			self.entry[n++] = self.entry[i];
		else
			filter_fini(&self.entry[i].filter);
	self.count = n;
	hashindex_clear(&self.by_key);
	for (size_t i = 0; i < n; i++)
		if (hashindex_add(
			&self.by_key, key_of(self.entry[i].key), i, &e) != 0)
			log_warn("filter: %s", e.what);
}

size_t
filtercache_count(void)
{
	return self.count;
}

/* --- between processes ---------------------------------------------------- */

static struct bytes
code_of(const struct sock_fprog *p)
{
	return bytes_make(p->filter, p->len * sizeof(*p->filter));
}

void
filtercache_write(size_t first, struct buf *out)
{
	for (size_t i = first; i < self.count; i++) {
		const struct filter *f = &self.entry[i].filter;
		struct head h = { .prog = (uint32_t)code_of(&f->prog).len,
			.refine = (uint32_t)code_of(&f->refine).len };

		memcpy(h.key, self.entry[i].key, sizeof(h.key));
		buf_put(out, &h, sizeof(h));
		buf_put_bytes(out, code_of(&f->prog));
		buf_put_bytes(out, code_of(&f->refine));
	}
}

static bool
take_bytes(struct bytes *from, size_t len, struct bytes *out)
{
	if (from->len < len)
		return false;
	*out = bytes_make(from->p, len);
	*from = bytes_make(from->p + len, from->len - len);
	return true;
}

int
filtercache_read(struct buf *text, struct err *e)
{
	struct bytes rest = buf_bytes(text), head, prog, refine;
	size_t whole = 0;
	struct filter f;
	struct head h;

	while (take_bytes(&rest, sizeof(h), &head)) {
		memcpy(&h, head.p, sizeof(h));
		if (!take_bytes(&rest, h.prog, &prog) ||
		    !take_bytes(&rest, h.refine, &refine))
			break;
		if (filter_import(prog, refine, &f, e) != 0)
			return e->code;
		filtercache_put(h.key, &f);
		filter_fini(&f);
		whole = text->len - rest.len;
	}
	buf_consume(text, whole);
	return 0;
}
