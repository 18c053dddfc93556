/* SPDX-License-Identifier: MIT */
/* startable: tools that cannot start.  mcp-execctl, before any run. */
#include "executor/ctl/policy/startable.h"

#include <string.h>

#include "common/cleanup.h"
#include "executor/ctl/policy/sandbox_path.h"
#include "executor/run/unseen.h"

/* The path of a definition's program; false: it is looked for along PATH. */
static bool
put_program_of(const struct tooldef *t, struct buf *out)
{
	const struct toolargv_values none = { .count = 0 };
	const struct toolargv_word *w = &t->argv.word[0];

	return t->argv.words > 0 && w->when == TOOLARGV_ALWAYS &&
	       w->count == 1 && t->argv.part[w->first].param < 0 &&
	       toolargv_put(&t->argv, 0, &none, out) && buf_cstr(out)[0] == '/';
}

static bool
put_program(const struct policy *p, size_t i, struct buf *out)
{
	if (p->defined[i] != NULL)
		return put_program_of(p->defined[i], out);
	if (strcmp(p->tools[i], "exec_cmd") != 0 || p->shell[0] == '\0')
		return false;
	buf_put_str(out, p->shell);
	return true;
}

const char *
startable_advice(const struct policy *p, size_t i, struct buf *why)
{
	const struct policy *under = p->as[i] != NULL ? p->as[i] : p;
	CLEANUP_BUF struct buf path;
	struct sandbox_path v;

	buf_reset(why);
	buf_init(&path, PATH_MAX);
	if (!put_program(p, i, &path) || path.overflow) {
		why->overflow |= path.overflow;
		return NULL;
	}
	sandbox_path_find(&under->confine, buf_cstr(&path), &v);
	if (sandbox_path_executable(under, &v) || v.unknown)
		return NULL;
	buf_printf(why, "no call of %s can start, as %s cannot be executed: %s",
	    p->tools[i], buf_cstr(&path), v.why);
	if (unseen_system(under) != NULL)
		return "add \"@system\" to its key files.read";
	return "see mcp-execctl policy explain";
}
