/* SPDX-License-Identifier: MIT */
/* tokendir: files to tokens, in steps.  Executor and mcp-execctl. */
#include "executor/policy/tokendir.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fdio.h"
#include "common/log.h"
#include "common/sort.h"
#include "executor/conf/keys.h"

enum {
	MOST_FILES = 4 * TOKEN_MAX_TOKENS, /* that are looked at */
	FEW_FILES = 1000, /* that are put in order first */
	LIST_AT_ONCE = 256, /* directory entries between looks at the clock */
	SORT_AT_ONCE = 64, /* tokens */
	INDEX_AT_ONCE = 64,
	/* Two changes within a clock tick of the file system look alike. */
	SETTLED_S = 2
};

struct name {
	char text[POLICY_MAX_NAME];
};

/* A token that may come in force, and its claim. */
struct candidate {
	struct token *t; /* owned */
	unsigned rank; /* the lower goes first */
};

struct tokendir {
	char dir[PATH_MAX];
	const struct policy_table *policies;
	const struct token_table *old; /* or NULL */
	struct conf_report *report;
	DIR *stream; /* NULL: it is listed */
	struct token_stamp stamp; /* of the directory */
	bool same_directory; /* its owner and mode are as they were */
	time_t began;
	struct name *name; /* owned */
	size_t names, room, next;
	struct candidate *candidate; /* owned */
	size_t candidates, judged;
	enum { READING, CLAIMS, JUDGING, NAMES, INDEX, READY } phase;
	struct sort order; /* of NAMES */
	size_t indexed;
	struct token_table table; /* who is in force, at last */
	struct err why; /* code 0: nothing failed */
};

static struct token_stamp
stamp_of(const struct stat *st)
{
	return (struct token_stamp){ .device = st->st_dev,
		.inode = st->st_ino,
		.size = st->st_size,
		.modified = st->st_mtim,
		.changed = st->st_ctim };
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool
same_stamp(const struct token_stamp *a, const struct token_stamp *b)
{
	return a->inode != 0 && a->inode == b->inode &&
	       a->device == b->device && a->size == b->size &&
	       same_time(a->modified, b->modified) &&
	       same_time(a->changed, b->changed);
}

struct tokendir *
tokendir_begin(const char *dir, const struct policy_table *policies,
    const struct token_table *old, struct conf_report *r, struct err *e)
{
	struct tokendir *d = err_alloc(1, sizeof(*d), e);
	struct stat st;

	if (d == NULL)
		return NULL;
	(void)snprintf(d->dir, sizeof(d->dir), "%s", dir);
	d->policies = policies;
	d->old = old;
	d->report = r;
	d->began = (time_t)(clock_wall_us() / 1000000);
	d->stream = opendir(dir);
	if (d->stream == NULL || fstat(dirfd(d->stream), &st) != 0) {
		(void)err_sys(e, "%s", dir);
		tokendir_free(d);
		return NULL;
	}
	/* who may write there, instead of what a listing changes */
	d->stamp = (struct token_stamp){ .device = st.st_dev,
		.inode = st.st_ino,
		.size = (off_t)st.st_mode,
		.modified = {
		    .tv_sec = (time_t)st.st_uid, .tv_nsec = (long)st.st_gid } };
	d->same_directory =
	    old != NULL && same_stamp(&old->directory, &d->stamp);
	return d;
}

/* --- the list of files ------------------------------------------------ */

static void
complain_of(struct tokendir *d, const char *file, const char *why)
{
	char path[PATH_MAX];
	struct err e;

	if (fdio_join(path, sizeof(path), d->dir, file, &e) == 0)
		keys_complain_path(d->report, path, "%s", why);
}

static bool
make_room(struct tokendir *d)
{
	size_t room = d->room == 0 ? 64 : 2 * d->room;
	struct name *more;

	if (d->names < d->room)
		return true;
	more = realloc(d->name, room * sizeof(*more));
	if (more == NULL)
		return false;
	d->name = more;
	d->room = room;
	return true;
}

static void
list_one(struct tokendir *d, const char *file)
{
	struct bytes name = bytes_make(file, strlen(file) - strlen(".json"));
	struct err e;

	if (!policy_name_ok(name))
		complain_of(d, file,
		    "a token's name is 1 to 63 of A-Z a-z 0-9 _ . - : rename the file");
	else if (d->names == MOST_FILES || !make_room(d))
		complain_of(
		    d, file, "too many files, it is not read: remove some");
	else if (bytes_to_str(
		     name, d->name[d->names].text, POLICY_MAX_NAME, &e) == 0)
		d->names++;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(
	    ((const struct name *)a)->text, ((const struct name *)b)->text);
}

/* Few are read, and complained about, in the order of their names. */
static void
end_list(struct tokendir *d)
{
	(void)closedir(d->stream);
	d->stream = NULL;
	if (d->names <= FEW_FILES)
		sort_items(
		    d->name, d->names, sizeof(d->name[0]), compare_names);
	d->candidate = calloc(d->names + 1, sizeof(d->candidate[0]));
	if (d->candidate == NULL)
		keys_complain_path(d->report, d->dir, "out of memory");
}

static void
list_some(struct tokendir *d)
{
	const struct dirent *entry;

	for (size_t i = 0; i < LIST_AT_ONCE; i++) {
		entry = fdio_entry(d->stream);
		if (entry == NULL) {
			if (errno != 0)
				keys_complain_path(
				    d->report, d->dir, "%s", strerror(errno));
			end_list(d);
			return;
		}
		if (keys_is_file(entry->d_name))
			list_one(d, entry->d_name);
	}
}

/* --- one file ---------------------------------------------------------- */

/* The token in force, if its file is as it was when it was read. */
static struct token *
find_unchanged(const struct tokendir *d, struct token *old,
    const struct token_stamp *stamp)
{
	const struct policy *today;

	if (old == NULL || !d->same_directory ||
	    !same_stamp(&old->stamp, stamp))
		return NULL;
	today = policy_find(d->policies, bytes_of(old->whole->name));
	if (today == old->whole)
		return token_ref(old);
	return token_rebind(old, d->policies);
}

static void
set_stamp(const struct tokendir *d, struct token *t, struct token_stamp stamp)
{
	t->stamp = stamp;
	if (stamp.changed.tv_sec + SETTLED_S > d->began)
		t->stamp.inode = 0;
}

static struct token *
read_token(struct tokendir *d, const char *path, const char *name)
{
	CLEANUP_BUF struct buf text;

	buf_init(&text, KEYS_MAX_FILE);
	if (!keys_read_file(path, &text, d->report))
		return NULL;
	return token_parse(
	    path, name, buf_bytes(&text), d->policies, d->report);
}

/* What its file was before it went bad; read again until it is good. */
static struct token *
keep_old(const struct tokendir *d, const struct token *old)
{
	struct token *t = old == NULL ? NULL : token_rebind(old, d->policies);

	if (t != NULL)
		t->stamp.inode = 0;
	return t;
}

static struct token *
load_file(struct tokendir *d, const char *name, struct token *old)
{
	char file[POLICY_MAX_NAME + sizeof(".json")], path[PATH_MAX];
	struct token_stamp stamp = { .inode = 0 };
	struct token *t;
	struct stat st;
	struct err e;

	(void)snprintf(file, sizeof(file), "%s.json", name);
	if (fdio_join(path, sizeof(path), d->dir, file, &e) != 0) {
		keys_complain_path(d->report, d->dir, "%s", e.what);
		return NULL;
	}
	if (lstat(path, &st) == 0)
		stamp = stamp_of(&st);
	t = find_unchanged(d, old, &stamp);
	if (t != NULL)
		return t;
	t = read_token(d, path, name);
	if (t == NULL)
		return keep_old(d, old);
	set_stamp(d, t, stamp);
	return t;
}

static unsigned
rank_of(const struct token *t, const struct token *old)
{
	if (old == NULL)
		return 2;
	return old->login_uid == t->login_uid &&
		       memcmp(old->verifier, t->verifier, DIGEST_BYTES) == 0
		   ? 0
		   : 1;
}

static void
load_one(struct tokendir *d)
{
	const char *name = d->name[d->next++].text;
	struct token *old =
	    d->old != NULL ? token_find(d->old, bytes_of(name)) : NULL;
	struct token *t = load_file(d, name, old);

	if (t != NULL)
		d->candidate[d->candidates++] =
		    (struct candidate){ t, rank_of(t, old) };
}

/* --- who is in force --------------------------------------------------- */

static int
compare_claims(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (x->t->created != y->t->created)
		return x->t->created < y->t->created ? -1 : 1;
	return strcmp(x->t->name, y->t->name);
}

static int
compare_tokens(const void *a, const void *b)
{
	const struct token *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static void PRINTF_LIKE(3, 4)
    refuse(struct tokendir *d, const struct token *t, const char *fmt, ...)
{
	char file[POLICY_MAX_NAME + sizeof(".json")], why[512];
	va_list ap;

	(void)snprintf(file, sizeof(file), "%s.json", t->name);
	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	complain_of(d, file, why);
}

/* Two names for one secret, or one login uid, would make the audit ambiguous. */
static bool
admits_token(
    struct tokendir *d, const struct token_table *out, const struct token *t)
{
	const struct token *other;

	if (out->count == TOKEN_MAX_TOKENS) {
		refuse(d, t,
		    "more than %u tokens: this one is not in force; revoke others that are not needed",
		    (unsigned)TOKEN_MAX_TOKENS);
		return false;
	}
	other = token_find_verifier(out, t->verifier);
	if (other != NULL) {
		refuse(d, t,
		    "has the verifier of token \"%s\": create one of them again with mcp-execctl token add",
		    other->name);
		return false;
	}
	other = token_find_login(out, t->login_uid);
	if (other != NULL) {
		refuse(d, t,
		    "its audit login uid %u is that of token \"%s\": give one of them a \"login_uid\" of its own",
		    (unsigned)t->login_uid, other->name);
		return false;
	}
	return true;
}

/*
 * Those in force come first, in any order, as they are not at odds with each
 * other; only the rest is sorted.
 */
static void
sort_claims(struct tokendir *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->candidates; i++) {
		struct candidate c = d->candidate[i];

		if (c.rank != 0)
			continue;
		d->candidate[i] = d->candidate[kept];
		d->candidate[kept++] = c;
	}
	sort_items(d->candidate + kept, d->candidates - kept,
	    sizeof(d->candidate[0]), compare_claims);
}

/* The next by its claim: in force, or told why it is not. */
static void
judge_one(struct tokendir *d)
{
	struct token **t = &d->candidate[d->judged++].t;

	if (!admits_token(d, &d->table, *t))
		return;
	if (token_table_add(&d->table, *t, &d->why) == 0)
		*t = NULL;
}

static void
begin_order(struct tokendir *d)
{
	sort_begin(&d->order, d->table.t, d->table.count, sizeof(d->table.t[0]),
	    compare_tokens);
	d->phase = NAMES;
}

static void
sort_some(struct tokendir *d)
{
	for (size_t i = 0; i < SORT_AT_ONCE; i++)
		if (!sort_step(&d->order)) {
			token_table_unindex(&d->table);
			d->phase = INDEX;
			return;
		}
}

static void
index_some(struct tokendir *d)
{
	size_t end = d->indexed + INDEX_AT_ONCE;

	for (; d->indexed < d->table.count && d->indexed < end; d->indexed++)
		if (token_table_index(&d->table, d->indexed, &d->why) != 0)
			break;
	if (d->why.code == 0 && d->indexed < d->table.count)
		return;
	if (d->why.code != 0)
		log_warn("tokens: %s", d->why.what);
	d->phase = READY;
}

/* One piece of the work; false: there is none left. */
static bool
advance_step(struct tokendir *d)
{
	switch (d->phase) {
	case READING:
		if (d->stream != NULL)
			list_some(d);
		else if (d->candidate != NULL && d->next < d->names)
			load_one(d);
		else
			d->phase = CLAIMS;
		break;
	case CLAIMS:
		sort_claims(d);
		d->phase = JUDGING;
		break;
	case JUDGING:
		if (d->judged < d->candidates)
			judge_one(d);
		else
			begin_order(d);
		break;
	case NAMES:
		sort_some(d);
		break;
	case INDEX:
		index_some(d);
		break;
	case READY:
		return false;
	}
	return true;
}

bool
tokendir_step(struct tokendir *d, uint32_t microseconds)
{
	uint64_t end = clock_mono_ns() + (uint64_t)microseconds * 1000;

	while (advance_step(d))
		if (clock_mono_ns() >= end)
			return d->phase == READY;
	return true;
}

int
tokendir_end(struct tokendir *d, struct token_table *out, struct err *e)
{
	int rc = d->why.code;

	if (d->candidate == NULL)
		rc = err_memory(&d->why);
	if (rc == 0) {
		*out = d->table;
		out->directory = d->stamp;
		d->table = (struct token_table){ .count = 0 };
	} else {
		*e = d->why;
	}
	tokendir_free(d);
	return rc;
}

void
tokendir_free(struct tokendir *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->candidates; i++)
		token_free(d->candidate[i].t);
	token_table_fini(&d->table);
	if (d->stream != NULL)
		(void)closedir(d->stream);
	free(d->candidate);
	free(d->name);
	free(d);
}

int
tokendir_load(const char *dir, const struct policy_table *policies,
    const struct token_table *old, struct token_table *out,
    struct conf_report *r, struct err *e)
{
	struct tokendir *d = tokendir_begin(dir, policies, old, r, e);

	out->count = 0;
	if (d == NULL)
		return e->code;
	while (!tokendir_step(d, UINT32_MAX))
		;
	return tokendir_end(d, out, e);
}
