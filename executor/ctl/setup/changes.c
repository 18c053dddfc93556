/* SPDX-License-Identifier: MIT */
/* changes: files to be written or removed; mcp-execctl. */
#include "executor/ctl/setup/changes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fdio.h"
#include "common/plural.h"
#include "executor/conf/keys.h"

enum { MODE = 0644 }; /* their directories are closed where they need it */

/* What is there now; ENOENT: nothing is. */
static int
read_before(struct change *c, struct err *e)
{
	int r = fdio_read_file(c->path, false, &c->before, e);

	if (r == 0)
		c->kind = bytes_eq(buf_bytes(&c->before), buf_bytes(&c->text))
			      ? CHANGE_NONE
			      : CHANGE_OTHER;
	else if (e->sysno == ENOENT)
		c->kind = CHANGE_NEW;
	else
		return err_wrap(e, "%s", c->path);
	return 0;
}

/* NULL: not possible, see e; a text that is not whole is never written. */
static struct change *
add_change(struct changes *all, const char *path, const struct buf *text,
    struct err *e)
{
	struct change *c = &all->c[all->count];

	if (all->count == CHANGES_MAX) {
		(void)err_set(e, ERR_BAD, "more than %d files", CHANGES_MAX);
		return NULL;
	}
	(void)snprintf(c->path, sizeof(c->path), "%s", path);
	buf_init(&c->text, KEYS_MAX_FILE);
	buf_init(&c->before, KEYS_MAX_FILE);
	buf_put_bytes(&c->text, buf_bytes(text));
	all->count++;
	if (text->overflow || c->text.overflow) {
		(void)err_set(e, ERR_BUSY,
		    "%s: it is too long, or there is no memory for it", path);
		return NULL;
	}
	return read_before(c, e) == 0 ? c : NULL;
}

int
changes_write(struct changes *all, const char *path, const struct buf *text,
    struct err *e)
{
	return add_change(all, path, text, e) == NULL ? e->code : 0;
}

int
changes_remove(struct changes *all, const char *path, const struct buf *text,
    struct err *e)
{
	struct change *c = add_change(all, path, text, e);

	if (c == NULL)
		return e->code;
	if (c->kind == CHANGE_NONE)
		c->kind = CHANGE_REMOVE;
	else if (c->kind == CHANGE_NEW)
		c->kind = CHANGE_NONE;
	buf_reset(&c->text);
	return 0;
}

size_t
changes_show(const struct changes *all)
{
	static const char *const words[] = { [CHANGE_NEW] = "new",
		[CHANGE_NONE] = "as it is",
		[CHANGE_OTHER] = "differs",
		[CHANGE_SHIPPED] = "changed",
		[CHANGE_REMOVE] = "removed" };
	size_t others = 0, same = 0;

	for (size_t i = 0; i < all->count; i++) {
		const struct change *c = &all->c[i];

		if (c->kind == CHANGE_NONE)
			same++;
		else
			(void)printf("  %-9s %s\n", words[c->kind], c->path);
		if (c->kind == CHANGE_OTHER)
			others++;
	}
	if (same > 0)
		(void)printf("  %-9s %zu file%s\n", words[CHANGE_NONE], same,
		    plural_s(same));
	return others;
}

/* The directory of tools need not be there. */
static int
put_file(const char *path, const struct buf *text, struct err *e)
{
	const char *end = strrchr(path, '/');
	char dir[PATH_MAX];

	(void)snprintf(dir, sizeof(dir), "%.*s", (int)(end - path), path);
	if (mkdir(dir, 0700) == -1 && errno != EEXIST)
		return err_sys(e, "%s", dir);
	return fdio_write_file(path, MODE, buf_bytes(text), false, e);
}

static int
apply_one(const struct change *c, struct err *e)
{
	if (c->kind == CHANGE_NONE)
		return 0;
	if (c->text.len > 0)
		return put_file(c->path, &c->text, e);
	return unlink(c->path) == -1 ? err_sys(e, "%s", c->path) : 0;
}

static void
undo_one(const struct change *c)
{
	struct err e = { 0 };
	int r = 0;

	if (c->kind == CHANGE_NEW)
		r = unlink(c->path) == -1 ? err_sys(&e, "%s", c->path) : 0;
	else if (c->kind != CHANGE_NONE)
		r = put_file(c->path, &c->before, &e);
	if (r != 0)
		(void)ctl_error("not restored: %s", e.what);
}

/* As mcp-execd would load it. */
static bool
loads_well(const struct ctl *c)
{
	static struct ctl fresh;
	bool good;

	(void)memset(&fresh, 0, sizeof(fresh));
	fresh.config = c->config;
	fresh.instance = c->instance;
	conf_report_init(&fresh.report);
	good = check_all(&fresh);
	ctl_fini(&fresh);
	return good;
}

bool
changes_apply(struct changes *all, const struct ctl *c, bool force)
{
	struct err e;
	size_t done = 0;
	bool good = true;

	while (good && done < all->count) {
		const struct change *one = &all->c[done++];

		if (one->kind == CHANGE_OTHER && !force)
			continue;
		good = apply_one(one, &e) == 0;
		if (!good) {
			(void)ctl_error("%s", e.what);
			done--;
		}
	}
	good = good && loads_well(c);
	if (good)
		return true;
	while (done-- > 0)
		if (all->c[done].kind != CHANGE_OTHER || force)
			undo_one(&all->c[done]);
	(void)ctl_error(
	    "nothing was changed: put right what is named above, then run this again");
	return false;
}

void
changes_fini(struct changes *all)
{
	for (size_t i = 0; i < all->count; i++) {
		buf_fini(&all->c[i].text);
		buf_fini(&all->c[i].before);
	}
	all->count = 0;
}
