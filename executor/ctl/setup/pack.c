/* SPDX-License-Identifier: MIT */
/* pack: tools that come with the program; mcp-execctl. */
#include "executor/ctl/setup/pack.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/json.h"
#include "common/log.h"
#include "executor/conf/keys.h"

/* What stands before the list of services in a definition. */
#define LIST "[/* --service */"

int
pack_services_add(struct pack_services *s, const char *text, struct err *e)
{
	static const char okay[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@:_.\\-";
	size_t n = strlen(text);
	const char *type = strrchr(text, '.');
	char *out;

	if (s->count == PACK_MAX_SERVICES)
		return err_set(
		    e, ERR_BAD, "more than %d services", PACK_MAX_SERVICES);
	if (n == 0 || n > 240 || text[0] == '-' || strspn(text, okay) != n)
		return err_set(e, ERR_BAD, "\"%s\" is not the name of a unit",
		    log_text(bytes_of(text)).s);
	out = s->name[s->count];
	(void)snprintf(out, sizeof(s->name[0]), "%s%s", text,
	    type != NULL && (strcmp(type, ".service") == 0 ||
				strcmp(type, ".timer") == 0 ||
				strcmp(type, ".socket") == 0)
		? ""
		: ".service");
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->name[i], out) == 0)
			return 0;
	s->count++;
	return 0;
}

static bool
is_there(const char *root, const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s%s/%s", root, dir, name);

	return n > 0 && (size_t)n < sizeof(path) && lstat(path, &st) == 0;
}

bool
pack_unit_known(const char *root, const char *unit)
{
	/* As systemd.unit(5) has them, and those that generators fill. */
	static const char *const dirs[] = { "/etc/systemd/system",
		"/etc/systemd/system.control", "/run/systemd/system.control",
		"/etc/systemd/system.attached", "/run/systemd/system.attached",
		"/run/systemd/system", "/run/systemd/transient",
		"/run/systemd/generator", "/run/systemd/generator.early",
		"/run/systemd/generator.late", "/usr/local/lib/systemd/system",
		"/usr/lib/systemd/system", "/lib/systemd/system" };
	const char *at = strchr(unit, '@'), *type = strrchr(unit, '.');
	char template[512] = "";

	if (!is_there(root, "/run/systemd", "system"))
		return true;
	if (at != NULL && type > at)
		(void)snprintf(template, sizeof(template), "%.*s%s",
		    (int)(at + 1 - unit), unit, type);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (is_there(root, dirs[i], unit) ||
		    (template[0] != '\0' && is_there(root, dirs[i], template)))
			return true;
	return false;
}

static void
note_unknown(const struct pack_services *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (!pack_unit_known("", s->name[i]))
			(void)ctl_error(
			    "note: there is no unit %s on this machine: see systemctl list-unit-files, unless it is to come later",
			    s->name[i]);
}

int
pack_path(const char *data, const char *pack, const char *kind,
    char out[PATH_MAX], struct err *e)
{
	int n = snprintf(out, PATH_MAX, "%s/tools.d/%s/%s", data, pack, kind);

	if (n < 0 || n >= PATH_MAX)
		return err_set(e, ERR_BAD, "the path is too long");
	return 0;
}

/* Where the list begins, behind the mark; NULL: a file without one. */
static const char *
find_list(struct buf *text)
{
	const char *at = strstr(buf_cstr(text), LIST);

	return at == NULL ? NULL : at + sizeof(LIST) - 1;
}

/* The same definition with this list. */
static void
put_list(struct buf *text, const struct pack_services *s, struct buf *out)
{
	const char *all = buf_cstr(text), *list = find_list(text);
	const char *end = list == NULL ? NULL : strchr(list, ']');

	if (end == NULL) {
		buf_put(out, all, text->len);
		return;
	}
	buf_put(out, all, (size_t)(list - all));
	for (size_t i = 0; i < s->count; i++) {
		buf_put_str(out, i == 0 ? " " : ", ");
		json_put_string(out, bytes_of(s->name[i]));
	}
	buf_put_str(out, end);
}

struct collection {
	const char *to; /* the directory where the files belong */
	const struct pack_services *services;
	bool remove, lists;
	struct changes *changes;
	struct err *e;
	int r;
};

/* A list of services is the administrator's: it goes with the rest. */
static int
remove_listed(struct collection *k, const char *path, struct buf *ours)
{
	CLEANUP_BUF struct buf there, plain, same;
	const struct pack_services none = { .count = 0 };

	buf_init(&there, KEYS_MAX_FILE);
	buf_init(&plain, KEYS_MAX_FILE);
	buf_init(&same, KEYS_MAX_FILE);
	put_list(ours, &none, &same);
	if (fdio_read_file(path, false, &there, k->e) == 0)
		put_list(&there, &none, &plain);
	return changes_remove(k->changes, path,
	    !plain.overflow && !same.overflow &&
		    bytes_eq(buf_bytes(&plain), buf_bytes(&same))
		? &there
		: ours,
	    k->e);
}

static int
collect_text(struct collection *k, const char *path, struct buf *text)
{
	CLEANUP_BUF struct buf filled = { 0 };

	if (find_list(text) != NULL)
		k->lists = true;
	if (k->remove)
		return remove_listed(k, path, text);
	buf_init(&filled, KEYS_MAX_FILE);
	put_list(text, k->services, &filled);
	return changes_write(k->changes, path, &filled, k->e);
}

static bool
collect_file(void *arg, const char *path, struct bytes name)
{
	struct collection *k = arg;
	CLEANUP_BUF struct buf text;
	char to[PATH_MAX];
	int n;

	buf_init(&text, KEYS_MAX_FILE);
	n = snprintf(to, sizeof(to), "%s/%.*s.json", k->to, (int)name.len,
	    (const char *)name.p);
	if (n < 0 || (size_t)n >= sizeof(to))
		k->r = err_set(k->e, ERR_BAD, "%s: too long", path);
	else
		k->r = fdio_read_file(path, true, &text, k->e);
	if (k->r == 0)
		k->r = collect_text(k, to, &text);
	return k->r == 0;
}

int
pack_advise(struct err *e)
{
	struct err was = *e;

	if (was.sysno != ENOENT && was.sysno != ENOTDIR)
		return was.code;
	return err_set(e, ERR_BAD,
	    "%s: name by --from the directory that has policies.d and tools.d; a package puts them into " MCP_EXECD_DATADIR,
	    was.what);
}

static int
no_pack(const char *data, const char *pack, struct err *e)
{
	char dir[PATH_MAX];

	if (fdio_join(dir, sizeof(dir), data, "tools.d", e) != 0)
		return e->code;
	if (access(dir, F_OK) != 0) {
		(void)err_sys(e, "%s", dir);
		return pack_advise(e);
	}
	return err_set(e, ERR_BAD,
	    "there is no pack \"%s\" in %s/tools.d: see mcp-execctl tools list",
	    log_text(bytes_of(pack)).s, data);
}

int
pack_collect(const struct ctl *c, const char *data, const char *pack,
    const struct pack_services *s, bool remove, struct changes *changes,
    struct err *e)
{
	static const char *const kinds[] = { "policies.d", "tools.d" };
	const char *const places[] = { c->conf.policy_dir, c->conf.tool_dir };
	struct collection k = {
		.services = s, .remove = remove, .changes = changes, .e = e
	};
	char from[PATH_MAX];

	if (!policy_name_ok(bytes_of(pack)))
		return no_pack(data, pack, e);
	for (size_t i = 0; i < 2; i++) {
		k.to = places[i];
		if (pack_path(data, pack, kinds[i], from, e) != 0)
			return e->code;
		if (keys_each_file(from, collect_file, &k, e) != 0)
			return e->sysno == ENOENT || e->sysno == ENOTDIR
				   ? no_pack(data, pack, e)
				   : e->code;
		if (k.r != 0)
			return k.r;
	}
	if (!remove && k.lists && s->count == 0)
		return err_set(e, ERR_BAD,
		    "%s is for services that you list: say --service NAME, once for each",
		    pack);
	if (!remove && !k.lists && s->count > 0)
		return err_set(e, ERR_BAD,
		    "%s has no list of services: leave --service out, or name the pack \"restart\"",
		    pack);
	if (!remove)
		note_unknown(s);
	return 0;
}

int
pack_each(const char *data, bool (*fn)(void *arg, const char *name), void *arg,
    struct err *e)
{
	char dir[PATH_MAX], path[PATH_MAX];
	struct dirent **names = NULL;
	struct stat st;
	bool more = true;
	int n, rc = 0;

	if (fdio_join(dir, sizeof(dir), data, "tools.d", e) != 0)
		return e->code;
	n = scandir(dir, &names, NULL, alphasort);
	if (n == -1) {
		(void)err_sys(e, "%s", dir);
		return pack_advise(e);
	}
	for (int i = 0; i < n; i++) {
		if (more && policy_name_ok(bytes_of(names[i]->d_name)) &&
		    pack_path(data, names[i]->d_name, "tools.d", path, e) ==
			0) {
			if (stat(path, &st) == 0)
				more = fn(arg, names[i]->d_name);
			else if (errno != ENOENT && errno != ENOTDIR)
				rc = err_sys(e, "%s", path);
		}
		free(names[i]);
	}
	free(names);
	return rc;
}
