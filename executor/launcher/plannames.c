/* SPDX-License-Identifier: MIT */
/* plannames: a table without an order, with the first bytes of each apart. */
#include "executor/launcher/plannames.h"

#include <stddef.h>
#include <string.h>

enum { NAMES_MAX = 8192 /* as many as plans, before and after a load */ };

struct name {
	uint8_t name[DIGEST_BYTES];
	struct planstore_plan *now, *staged; /* both NULL: it is free */
};

static struct {
	struct name name[NAMES_MAX];
	uint64_t key[NAMES_MAX]; /* their first bytes: to be found quickly */
	size_t used; /* places from here on are free */
} self;

static uint64_t
key_of(const uint8_t name[DIGEST_BYTES])
{
	uint64_t key;

	memcpy(&key, name, sizeof(key));
	return key;
}

static bool
is_free(const struct name *n)
{
	return n->now == NULL && n->staged == NULL;
}

static struct name *
find_name(const uint8_t name[DIGEST_BYTES])
{
	uint64_t key = key_of(name);

	for (size_t i = 0; i < self.used; i++)
		if (self.key[i] == key && !is_free(&self.name[i]) &&
		    memcmp(self.name[i].name, name, DIGEST_BYTES) == 0)
			return &self.name[i];
	return NULL;
}

static struct name *
take_place(const uint8_t name[DIGEST_BYTES])
{
	size_t i = 0;

	while (i < self.used && !is_free(&self.name[i]))
		i++;
	if (i == NAMES_MAX)
		return NULL;
	if (i == self.used)
		self.used++;
	self.key[i] = key_of(name);
	memcpy(self.name[i].name, name, DIGEST_BYTES);
	return &self.name[i];
}

static void
drop_free(void)
{
	while (self.used > 0 && is_free(&self.name[self.used - 1]))
		self.used--;
}

bool
plannames_stage(const uint8_t name[DIGEST_BYTES], struct planstore_plan *p)
{
	struct name *n = find_name(name);

	if (n == NULL)
		n = take_place(name);
	if (n == NULL)
		return false;
	n->staged = p;
	return true;
}

void
plannames_commit(void)
{
	for (size_t i = 0; i < self.used; i++) {
		if (self.name[i].staged != NULL)
			self.name[i].now = self.name[i].staged;
		self.name[i].staged = NULL;
	}
}

void
plannames_begin(void)
{
	for (size_t i = 0; i < self.used; i++)
		self.name[i].staged = NULL;
	drop_free();
}

struct planstore_plan *
plannames_find(const uint8_t name[DIGEST_BYTES])
{
	const struct name *n = find_name(name);

	return n == NULL ? NULL : n->now;
}

void
plannames_forget(const struct planstore_plan *p)
{
	for (size_t i = 0; i < self.used; i++) {
		if (self.name[i].now == p)
			self.name[i].now = NULL;
		if (self.name[i].staged == p)
			self.name[i].staged = NULL;
	}
	drop_free();
}
