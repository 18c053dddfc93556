/* SPDX-License-Identifier: MIT */
/*
 * keys: typed reading of configuration files, driven by const tables.
 *
 * Runs in the executor and in mcp-execctl, on files that only root (or the
 * user who runs it) may write; people make mistakes in them anyway.
 */
#include "executor/conf/keys.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/closest.h"
#include "common/fdio.h"
#include "common/log.h"
#include "common/plural.h"

enum {
	MAX_LINE = 1024, /* bytes of one finding */
	MAX_SHOWN = 6 * MAX_LINE + 1 /* with all of them escaped */
};

static void report_line(struct conf_report *r, const char *where,
    const char *fmt, va_list ap) PRINTF_LIKE(3, 0);

/* Append a whole line or nothing: a report is never cut within a line. */
static void
report_line(
    struct conf_report *r, const char *where, const char *fmt, va_list ap)
{
	CLEANUP_BUF struct buf shown;
	char line[MAX_LINE];
	size_t len;

	r->count++;
	buf_init(&shown, MAX_SHOWN);
	(void)snprintf(line, sizeof(line), "%s: ", where);
	len = strlen(line);
	(void)vsnprintf(line + len, sizeof(line) - len, fmt, ap);
	json_put_shown(&shown, bytes_of(line)); /* names are of anybody */
	buf_put_u8(&shown, '\n');
	if (shown.overflow || r->text.len + shown.len > r->text.max)
		return;
	buf_put_bytes(&r->text, buf_bytes(&shown));
}

void
keys_complain(
    const struct keys *k, const struct json_value *v, const char *fmt, ...)
{
	char where[PATH_MAX + 64];
	size_t line = 1, column = 1;
	va_list ap;

	if (v != NULL)
		json_position(k->text, v->offset, &line, &column);
	(void)snprintf(
	    where, sizeof(where), "%s:%zu:%zu", k->path, line, column);
	va_start(ap, fmt);
	report_line(k->report, where, fmt, ap);
	va_end(ap);
}

void
keys_complain_path(
    struct conf_report *r, const char *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report_line(r, path, fmt, ap);
	va_end(ap);
}

bool
keys_array(const struct keys *k, const struct json_value *v, const char *what)
{
	if (json_is(v, JSON_ARRAY))
		return true;
	keys_complain(k, v, "%s must be a list, such as [\"...\"]; this is %s",
	    what, json_type_name(v->type));
	return false;
}

static bool
has_control(struct bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.p[i] < 0x20 || text.p[i] == 0x7f)
			return true;
	return false;
}

/* With the name of the key before it, where it is not one of a list. */
static void
complain_text(
    const struct keys *k, const struct json_value *v, const char *what)
{
	if (v->key.len > 0)
		keys_complain(k, v, "\"%s\" %s", log_text(v->key).s, what);
	else
		keys_complain(k, v, "%s", what);
}

bool
keys_string(const struct keys *k, const struct json_value *v, size_t lo,
    char *out, size_t size)
{
	char what[64] = "";
	struct err e;

	if (!json_is(v, JSON_STRING))
		(void)snprintf(what, sizeof(what),
		    "must be a string in quotes, not %s",
		    json_type_name(v->type));
	else if (v->text.len < lo)
		(void)snprintf(what, sizeof(what), "must not be empty");
	else if (has_control(v->text))
		(void)snprintf(
		    what, sizeof(what), "holds a control character: remove it");
	else if (bytes_to_str(v->text, out, size, &e) != 0)
		(void)snprintf(what, sizeof(what),
		    "is too long: at most %zu bytes", size - 1);
	if (what[0] == '\0')
		return true;
	complain_text(k, v, what);
	return false;
}

/* As in "512M" and "2h": what it counts, its name ends in. */
static void
complain_number(
    const struct keys *k, const struct json_value *v, const struct key *key)
{
	static const char *const units[][2] = { { "_bytes", " of bytes" },
		{ "_ms", " of milliseconds" }, { "_seconds", " of seconds" } };
	const char *unit = "", *end = strrchr(key->name, '_');

	for (size_t i = 0; end != NULL && i < 3; i++)
		if (strcmp(end, units[i][0]) == 0)
			unit = units[i][1];
	if (json_is(v, JSON_NUMBER))
		keys_complain(k, v,
		    "\"%s\" must be a whole number%s from %" PRIu64
		    " to %" PRIu64 ", not %s",
		    key->name, unit, key->lo, key->hi, log_text(v->text).s);
	else
		keys_complain(k, v, "\"%s\" must be a whole number%s, not %s%s",
		    key->name, unit, json_type_name(v->type),
		    json_is(v, JSON_STRING) ? ": drop the quotes and the unit"
					    : "");
}

static void
read_number(const struct keys *k, const struct json_value *v,
    const struct key *key, void *field)
{
	int64_t n;
	uint64_t u;
	uint32_t small;

	if (!json_to_i64(v, &n)) {
		complain_number(k, v, key);
		return;
	}
	if (n < 0 || (uint64_t)n < key->lo || (uint64_t)n > key->hi) {
		keys_complain(k, v,
		    "\"%s\" must be from %" PRIu64 " to %" PRIu64, key->name,
		    key->lo, key->hi);
		return;
	}
	u = (uint64_t)n;
	small = (uint32_t)u;
	if (key->type == KEYS_U32)
		memcpy(field, &small, sizeof(small));
	else
		memcpy(field, &u, sizeof(u));
}

static void
read_value(const struct keys *k, const struct json_value *v,
    const struct key *key, void *out)
{
	char *field = (char *)out + key->offset;

	switch (key->type) {
	case KEYS_U32:
	case KEYS_U64:
		read_number(k, v, key, field);
		return;
	case KEYS_STRING:
		(void)keys_string(
		    k, v, (size_t)key->lo, field, (size_t)key->hi);
		return;
	case KEYS_OBJECT:
		keys_read(k, v, key->sub, out);
		return;
	case KEYS_VALUE:
		memcpy(field, &v, sizeof(v));
		return;
	}
	fatal("key %s has no type", key->name);
}

static void
complain_unknown(
    const struct keys *k, const struct json_value *v, const struct key *table)
{
	const char *names[64];
	const char *close;
	struct log_text shown = log_text(v->key);
	size_t n = 0;

	for (; n < 63 && table[n].name != NULL; n++)
		names[n] = table[n].name;
	names[n] = NULL;
	close = closest_word(v->key, names);
	if (close != NULL)
		keys_complain(k, v, "unknown key \"%s\": did you mean \"%s\"?",
		    shown.s, close);
	else
		keys_complain(k, v,
		    "unknown key \"%s\": remove it, or see %s for the keys that exist",
		    shown.s, k->manual);
}

void
keys_read(const struct keys *k, const struct json_value *object,
    const struct key *table, void *out)
{
	const struct json_value *v;
	const struct key *key;

	if (!json_is(object, JSON_OBJECT)) {
		keys_complain(k, object,
		    "an object { ... } is needed here, not %s",
		    json_type_name(object->type));
		return;
	}
	for (v = object->child; v != NULL; v = v->next) {
		for (key = table; key->name != NULL; key++)
			if (bytes_eq_str(v->key, key->name))
				break;
		if (key->name == NULL)
			complain_unknown(k, v, table);
		else
			read_value(k, v, key, out);
	}
	for (key = table; key->name != NULL; key++)
		if (key->missing != NULL && json_get(object, key->name) == NULL)
			keys_complain(k, object, "\"%s\" is missing: %s",
			    key->name, key->missing);
}

int
keys_parse(const char *path, struct bytes text, struct json_doc **doc,
    struct conf_report *r, struct err *e)
{
	size_t line = 1, column = 1;
	char where[PATH_MAX + 64], *end;
	struct err bad = { 0 };
	const char *what = bad.what;

	if (json_parse(text, JSON_COMMENTS, doc, &bad) == 0)
		return 0;
	/* its own words for the position give way to ours */
	if (strncmp(bad.what, "line ", 5) == 0) {
		line = strtoul(bad.what + 5, &end, 10);
		if (strncmp(end, ", column ", 9) == 0)
			column = strtoul(end + 9, &end, 10);
		if (strncmp(end, ": ", 2) == 0)
			what = end + 2;
	}
	(void)snprintf(where, sizeof(where), "%s:%zu:%zu", path, line, column);
	keys_complain_path(r, where, "%s", what);
	return err_set(e, ERR_BAD, "%s is not valid JSON", path);
}

bool
keys_read_file(const char *path, struct buf *text, struct conf_report *r)
{
	const char *why;
	struct err bad;

	if (fdio_read_file(path, true, text, &bad) == 0)
		return true;
	why = bad.what;
	/* the finding begins with the path already */
	if (strncmp(why, path, strlen(path)) == 0 &&
	    strncmp(why + strlen(path), ": ", 2) == 0)
		why += strlen(path) + 2;
	keys_complain_path(r, path, "%s", why);
	return false;
}

int
keys_verdict(const struct conf_report *r, unsigned before, const char *what,
    struct err *e)
{
	unsigned n = r->count - before;

	if (n == 0)
		return 0;
	return err_set(e, ERR_BAD, "%s: %u finding%s", what, n, plural_s(n));
}

bool
keys_is_file(const char *name)
{
	size_t len = strlen(name);

	return name[0] != '.' && len > 5 &&
	       strcmp(name + len - 5, ".json") == 0;
}

static int
is_json(const struct dirent *d)
{
	return keys_is_file(d->d_name);
}

/* alphasort() follows the locale; tables are searched in byte order. */
static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int
keys_each_file(const char *dir,
    bool (*fn)(void *arg, const char *path, struct bytes name), void *arg,
    struct err *e)
{
	struct dirent **list;
	char path[PATH_MAX];
	bool go_on = true;
	int n = scandir(dir, &list, is_json, by_name);

	if (n == -1)
		return err_sys(e, "%s", dir);
	for (int i = 0; i < n; i++) {
		const char *file = list[i]->d_name;
		struct err bad;

		if (go_on &&
		    fdio_join(path, sizeof(path), dir, file, &bad) == 0)
			go_on =
			    fn(arg, path, bytes_make(file, strlen(file) - 5));
		free(list[i]);
	}
	free(list);
	return 0;
}
