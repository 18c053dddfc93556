/* SPDX-License-Identifier: MIT */
/*
 * programnames: as they are written, not what they lead to: a command runs awk,
 * and may not know of mawk.
 */
#include "executor/policy/programnames.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { NAMES = PROGRAMNAMES_MAX - 24 /* of "and N more" */ };

struct names {
	char *out;
	size_t len, more;
};

static bool
has_name(const struct names *n, const char *name)
{
	size_t len = strlen(name);
	const char *p = n->out;

	while ((p = strstr(p, name)) != NULL) {
		if ((p == n->out || p[-1] == ' ') &&
		    (p[len] == '\0' || p[len] == ','))
			return true;
		p++;
	}
	return false;
}

static void
add_path(struct names *n, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = path;
	struct stat st;

	if (slash != NULL && (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)))
		name = slash + 1;
	if (has_name(n, name))
		return;
	if (n->len + strlen(name) + sizeof(", ") > NAMES)
		n->more++;
	else
		n->len += (size_t)snprintf(n->out + n->len, NAMES - n->len,
		    "%s%s", n->len > 0 ? ", " : "", name);
}

void
programnames_write(const struct json_value *list,
    const struct confine_input *in, char out[PROGRAMNAMES_MAX])
{
	const struct json_value *v =
	    json_is(list, JSON_ARRAY) ? list->child : NULL;
	struct names n = { .out = out };
	char path[PATH_MAX];

	out[0] = '\0';
	for (; v != NULL; v = v->next)
		if (json_is(v, JSON_STRING) && v->text.len < sizeof(path)) {
			memcpy(path, v->text.p, v->text.len);
			path[v->text.len] = '\0';
			add_path(&n, path);
		}
	if (in->shell != NULL)
		add_path(&n, in->shell);
	for (size_t i = 0; i < in->tool_count; i++)
		add_path(&n, in->tools[i]);
	if (n.more > 0)
		(void)snprintf(out + n.len, PROGRAMNAMES_MAX - n.len,
		    n.len > 0 ? " and %zu more" : "%zu programs", n.more);
	else if (n.len == 0)
		(void)snprintf(out, PROGRAMNAMES_MAX, "none");
}
