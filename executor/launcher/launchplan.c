/* SPDX-License-Identifier: MIT */
/* launchplan: read plans and orders from their bytes.  Launcher and guard. */
#include "executor/launcher/launchplan.h"

#include <string.h>

/* Where reading is; once something was wrong, all that is read is 0. */
struct cursor {
	const uint8_t *p;
	size_t at, size;
	bool bad;
};

static const uint8_t *
take_bytes(struct cursor *c, size_t count, size_t align)
{
	size_t from = (c->at + align - 1) / align * align;

	if (c->bad || from > c->size || count > c->size - from) {
		c->bad = true;
		return NULL;
	}
	c->at = from + count;
	return c->p + from;
}

static uint64_t
take_number(struct cursor *c, uint64_t most)
{
	const uint8_t *p = take_bytes(c, sizeof(uint64_t), 1);
	uint64_t v = 0;

	if (p != NULL)
		memcpy(&v, p, sizeof(v));
	if (v > most) {
		c->bad = true;
		return 0;
	}
	return v;
}

static bool
take_flag(struct cursor *c)
{
	return take_number(c, 1) != 0;
}

/* In place, with its NUL; never NULL. */
static const char *
take_text(struct cursor *c, size_t most)
{
	size_t len = (size_t)take_number(c, most);
	const uint8_t *p = take_bytes(c, len + 1, 1);

	if (p == NULL || strnlen((const char *)p, len + 1) != len) {
		c->bad = true;
		return "";
	}
	return (const char *)p;
}

/* Absolute. */
static const char *
take_path(struct cursor *c)
{
	const char *p = take_text(c, PATH_MAX - 1);

	if (p[0] != '/')
		c->bad = true;
	return p;
}

static bool
is_whole(const struct cursor *c)
{
	return !c->bad && c->at == c->size;
}

/* --- a plan ----------------------------------------------------------- */

static void
read_identity(struct cursor *c, struct launchplan *p)
{
	size_t i;

	p->uid = (uid_t)take_number(c, UINT32_MAX - 1);
	p->gid = (gid_t)take_number(c, UINT32_MAX - 1);
	p->group_count = (size_t)take_number(c, LAUNCHPLAN_GROUPS);
	for (i = 0; i < p->group_count; i++)
		p->groups[i] = (gid_t)take_number(c, UINT32_MAX - 1);
	p->capabilities = take_number(c, UINT64_MAX);
	p->umask = (mode_t)take_number(c, 0777);
	p->rlimit_count = (size_t)take_number(c, LAUNCHPLAN_RLIMITS);
	for (i = 0; i < p->rlimit_count; i++) {
		p->rlimits[i].resource = (int)take_number(c, RLIM_NLIMITS - 1);
		p->rlimits[i].value = take_number(c, UINT64_MAX);
	}
}

static void
read_program(struct cursor *c, struct sock_fprog *out)
{
	size_t count = (size_t)take_number(c, BPF_MAXINSNS);
	const uint8_t *p =
	    take_bytes(c, count * sizeof(struct sock_filter), sizeof(uint64_t));

	*out = (struct sock_fprog){ 0 };
	if (p == NULL || count == 0)
		return;
	out->len = (unsigned short)count;
	out->filter = (struct sock_filter *)(uintptr_t)p;
}

static void
read_op(struct cursor *c, size_t fds, struct mounts_op *op)
{
	op->kind = (enum mounts_kind)take_number(c, MOUNTS_HIDE);
	op->directory = take_flag(c);
	op->late = take_flag(c);
	op->pin = take_flag(c);
	op->named = take_flag(c);
	op->within = take_flag(c);
	op->watched = take_flag(c);
	op->path = (char *)(uintptr_t)take_path(c);
	op->text = (char *)(uintptr_t)take_text(c, PATH_MAX - 1);
	op->dev = (dev_t)take_number(c, UINT64_MAX);
	op->ino = (ino_t)take_number(c, UINT64_MAX);
	op->held = (int)take_number(c, MOUNTS_MAX);
	if (op->held >= (int)fds)
		c->bad = true;
}

static void
read_mounts(struct cursor *c, size_t fds, struct mounts *m)
{
	const char *options = take_text(c, sizeof(m->options) - 1);
	size_t i;

	memcpy(m->options, options, strlen(options) + 1);
	m->whole_root = take_flag(c);
	m->count = (size_t)take_number(c, MOUNTS_MAX);
	for (i = 0; i < m->count && !c->bad; i++)
		read_op(c, fds, &m->op[i]);
	if (m->whole_root && m->count == 0)
		c->bad = true;
}

/* What a run may connect to besides its own. */
static void
read_sockets(struct cursor *c, struct confine *out)
{
	size_t i, count;

	out->watched = (uint32_t)take_number(c, UINT32_MAX);
	out->own_sockets = take_flag(c);
	count = (size_t)take_number(c, CONFINE_MAX_SOCKETS);
	for (i = 0; i < count && !c->bad; i++)
		out->socket[i] = (char *)(uintptr_t)take_text(c, PATH_MAX - 1);
}

static void
read_confine(struct cursor *c, size_t fds, struct confine *out)
{
	out->layers = (unsigned)take_number(c, (1U << CONFINE_LAYERS) - 1);
	out->network = (enum confine_network)take_number(c, CONFINE_HOST);
	out->processes = take_flag(c);
	out->listed_programs = take_flag(c);
	read_sockets(c, out);
	out->landlock.abi = (int)take_number(c, INT32_MAX);
	out->landlock.fs = take_number(c, UINT64_MAX);
	out->landlock.net = take_number(c, UINT64_MAX);
	out->landlock.scoped = take_number(c, UINT64_MAX);
	read_mounts(c, fds, &out->mounts);
}

bool
launchplan_read(
    const void *bytes, size_t size, size_t fds, struct launchplan *out)
{
	struct cursor c = { .p = bytes, .size = size };
	unsigned kept;

	memset(out, 0, sizeof(*out));
	if (take_number(&c, UINT64_MAX) != LAUNCHPLAN_MAGIC || fds == 0)
		c.bad = true;
	read_identity(&c, out);
	out->explained = take_flag(&c);
	out->records_execs = take_flag(&c);
	out->keeps_network = take_flag(&c);
	kept =
	    (unsigned)take_number(&c, LAUNCHPLAN_TEMPLATES | LAUNCHPLAN_GUARDS);
	out->templates = (kept & LAUNCHPLAN_TEMPLATES) != 0;
	out->guards = (kept & LAUNCHPLAN_GUARDS) != 0;
	read_program(&c, &out->filter.prog);
	read_program(&c, &out->filter.refine);
	out->directory = take_path(&c);
	read_confine(&c, fds, &out->confine);
	return is_whole(&c);
}

void
launchplan_hold(struct launchplan *p, const int *fds)
{
	struct mounts *m = &p->confine.mounts;
	size_t i;

	for (i = 0; i < m->count; i++)
		m->op[i].held = m->op[i].held == 0 ? -1 : fds[m->op[i].held];
}

/* --- an order --------------------------------------------------------- */

bool
launchplan_read_order(void *bytes, size_t size, struct launchplan_order *out)
{
	struct cursor c = { .p = bytes, .size = size };
	size_t i, paths, args, env;

	if (take_number(&c, UINT64_MAX) != LAUNCHPLAN_ORDER)
		c.bad = true;
	out->login_uid = (uint32_t)take_number(&c, UINT32_MAX);
	out->columns = (uint16_t)take_number(&c, TERMINAL_COLUMNS_MOST);
	out->rows = (uint16_t)take_number(&c, TERMINAL_ROWS_MOST);
	if ((out->columns == 0) != (out->rows == 0))
		c.bad = true;
	out->cwd = take_text(&c, PATH_MAX - 1);
	out->relative = take_text(&c, PATH_MAX - 1);
	paths = (size_t)take_number(&c, LAUNCHPLAN_PATHS);
	args = (size_t)take_number(&c, LAUNCHPLAN_ARGS);
	env = (size_t)take_number(&c, LAUNCHPLAN_ENV);
	for (i = 0; i < paths && !c.bad; i++)
		out->path[i] = take_text(&c, size);
	for (i = 0; i < args && !c.bad; i++)
		out->argv[i] = (char *)(uintptr_t)take_text(&c, size);
	for (i = 0; i < env && !c.bad; i++)
		out->envp[i] = (char *)(uintptr_t)take_text(&c, size);
	out->path[paths] = out->argv[args] = out->envp[env] = NULL;
	return is_whole(&c) && args > 0;
}
