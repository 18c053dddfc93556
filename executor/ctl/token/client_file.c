/* SPDX-License-Identifier: MIT */
/* client_file: sections of lines, found in two directories (mcp-execctl). */
#include "executor/ctl/token/client_file.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/closest.h"
#include "common/fdio.h"
#include "common/sort.h"

#define DIRECTORY "clients.d"

enum {
	MAX_FILE = 16384,
	MAX_NAME = 32, /* with the NUL */
	MAX_CLIENTS = 64,
	DIRS = 3
};

static const char *const sections[CLIENT_SECTIONS] = {
	[CLIENT_ADVICE] = "advice",
	[CLIENT_TOKEN] = "token",
	[CLIENT_HTTP] = "http",
	[CLIENT_SSE] = "sse",
	[CLIENT_LITERAL] = "literal",
};

/* --- where they are ------------------------------------------------------- */

/* The administrator's, those of a tree that was built, those that are installed. */
struct places {
	char dir[DIRS][PATH_MAX];
	size_t count;
};

/* clients.d next to a file. */
static void
add_place(struct places *p, const char *file)
{
	const char *slash = strrchr(file, '/');
	int len = slash != NULL ? (int)(slash - file) : 1;

	(void)snprintf(p->dir[p->count++], PATH_MAX, "%.*s/" DIRECTORY, len,
	    slash != NULL ? file : ".");
}

static void
find_places(const char *config, struct places *p)
{
	char self[PATH_MAX] = "";

	p->count = 0;
	if (config != NULL)
		add_place(p, config);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) > 0)
		add_place(p, self);
	(void)snprintf(p->dir[p->count++], PATH_MAX, "%s",
	    MCP_EXECD_DATADIR "/" DIRECTORY);
}

/* No dot, so that no path and no editor's copy is one. */
static bool
is_name(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n < MAX_NAME &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

/* --- all of them ---------------------------------------------------------- */

struct names {
	char name[MAX_CLIENTS][MAX_NAME];
	size_t count;
};

static bool
has_name(const struct names *n, const char *name)
{
	for (size_t i = 0; i < n->count; i++)
		if (strcmp(n->name[i], name) == 0)
			return true;
	return false;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
list_names(const char *config, struct names *n)
{
	struct places p;
	struct dirent *f;
	DIR *d;

	n->count = 0;
	find_places(config, &p);
	for (size_t i = 0; i < p.count; i++) {
		d = opendir(p.dir[i]);
		while (d != NULL && (f = readdir(d)) != NULL)
			if (is_name(f->d_name) && !has_name(n, f->d_name) &&
			    n->count < MAX_CLIENTS)
				(void)snprintf(n->name[n->count++], MAX_NAME,
				    "%.*s", MAX_NAME - 1, f->d_name);
		if (d != NULL)
			(void)closedir(d);
	}
	sort_items(n->name, n->count, MAX_NAME, compare_names);
}

void
client_file_list(const char *config, struct buf *out)
{
	struct names n;

	list_names(config, &n);
	for (size_t i = 0; i < n.count; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "", n.name[i]);
}

static int
refuse_client(const char *config, const char *client, struct err *e)
{
	const char *names[MAX_CLIENTS + 1] = { NULL }, *close;
	char list[ERR_MAX_WHAT / 2] = "";
	struct names n;
	size_t len = 0;

	list_names(config, &n);
	for (size_t i = 0; i < n.count; i++) {
		names[i] = n.name[i];
		if (len < sizeof(list))
			len += (size_t)snprintf(list + len, sizeof(list) - len,
			    "%s%s", i > 0 ? ", " : "", n.name[i]);
	}
	if (n.count == 0)
		return err_set(e, ERR_BAD,
		    "no client is known, as %s has no files: install mcp-execd there, or make %s next to the configuration (client-config in mcp-execctl(8))",
		    MCP_EXECD_DATADIR "/" DIRECTORY, DIRECTORY);
	close = closest_word(bytes_of(client), names);
	if (close != NULL)
		return err_set(
		    e, ERR_BAD, "unknown client: did you mean %s?", close);
	return err_set(e, ERR_BAD,
	    "unknown client: use one of %s, or add a file to " DIRECTORY
	    " next to the configuration",
	    list);
}

/* --- one of them ---------------------------------------------------------- */

static struct bytes
take_line(struct bytes *rest)
{
	const uint8_t *nl = memchr(rest->p, '\n', rest->len);
	size_t n = nl != NULL ? (size_t)(nl - rest->p) + 1 : rest->len;
	struct bytes line = bytes_make(rest->p, n);

	*rest = bytes_make(rest->p + n, rest->len - n);
	return line;
}

static int
find_section(struct bytes line)
{
	struct bytes name = bytes_make(line.p + 3, line.len - 3);

	while (name.len > 0 && name.p[name.len - 1] <= ' ')
		name.len--;
	for (int i = 0; i < CLIENT_SECTIONS; i++)
		if (bytes_eq_str(name, sections[i]))
			return i;
	return -1;
}

/* Lines before the first section are comments. */
static int
parse_sections(const char *path, struct client_file *f, struct err *e)
{
	struct bytes rest = buf_bytes(&f->text), line;
	struct bytes *now = NULL;
	int i, number = 0;

	while (rest.len > 0) {
		line = take_line(&rest);
		number++;
		if (!bytes_starts(line, "%% ")) {
			if (now != NULL)
				now->len += line.len;
			continue;
		}
		i = find_section(line);
		if (i < 0 || f->section[i].p != NULL)
			return err_set(e, ERR_BAD,
			    "%s:%d: a section is one of advice, token, http, sse and literal, once each",
			    path, number);
		now = &f->section[i];
		*now = bytes_make(line.p + line.len, 0);
	}
	if (f->section[CLIENT_HTTP].len == 0)
		return err_set(
		    e, ERR_BAD, "%s: the section http is missing", path);
	return 0;
}

int
client_file_load(const char *config, const char *client,
    struct client_file *out, struct err *e)
{
	struct places p;
	char path[PATH_MAX];
	int rc;

	memset(out, 0, sizeof(*out));
	buf_init(&out->text, MAX_FILE);
	find_places(config, &p);
	for (size_t i = 0; is_name(client) && i < p.count; i++) {
		if (fdio_join(path, sizeof(path), p.dir[i], client, e) != 0)
			return e->code;
		if (access(path, F_OK) != 0)
			continue;
		rc = fdio_read_file(path, true, &out->text, e);
		if (rc == 0)
			rc = parse_sections(path, out, e);
		if (rc != 0)
			client_file_fini(out);
		return rc;
	}
	return refuse_client(config, client, e);
}

void
client_file_fini(struct client_file *f)
{
	buf_fini(&f->text);
}
