/* SPDX-License-Identifier: MIT */
/* launchblob: one value after the other, as launchplan.c takes them. */
#include "executor/run/launchblob.h"

#include <string.h>

static void
put_number(struct buf *b, uint64_t v)
{
	buf_put_bytes(b, bytes_make(&v, sizeof(v)));
}

static void
put_text(struct buf *b, const char *text)
{
	put_number(b, strlen(text));
	buf_put_bytes(b, bytes_make(text, strlen(text) + 1));
}

static void
put_identity(struct buf *b, const struct policy *p)
{
	size_t i;

	put_number(b, p->uid);
	put_number(b, p->gid);
	put_number(b, p->group_count);
	for (i = 0; i < p->group_count; i++)
		put_number(b, p->groups[i]);
	put_number(b, p->capabilities);
	put_number(b, p->umask);
	put_number(b, p->rlimit_count);
	for (i = 0; i < p->rlimit_count; i++) {
		put_number(b, (uint64_t)p->rlimits[i].resource);
		put_number(b, p->rlimits[i].value);
	}
}

static void
put_program(struct buf *b, const struct sock_fprog *f)
{
	put_number(b, f->len);
	while (b->len % sizeof(uint64_t) != 0)
		buf_put_u8(b, 0);
	buf_put_bytes(b, bytes_make(f->filter, f->len * sizeof(*f->filter)));
}

/*
 * What is hidden late is looked at when a run begins: what it was at load
 * makes no other plan of it.  Of held files the place among the plan's
 * descriptors; 0: none.
 */
static void
put_op(struct buf *b, const struct mounts_op *op, size_t held)
{
	put_number(b, op->kind);
	put_number(b, op->directory && !(op->late && op->kind == MOUNTS_HIDE));
	put_number(b, op->late);
	put_number(b, op->pin);
	put_number(b, op->named);
	put_number(b, op->within);
	put_number(b, op->watched);
	put_text(b, op->path);
	put_text(b, op->text != NULL ? op->text : "");
	put_number(b, op->dev);
	put_number(b, op->ino);
	put_number(b, held);
}

static size_t
count_texts(char *const *list)
{
	size_t n = 0;

	while (list[n] != NULL)
		n++;
	return n;
}

static void
put_texts(struct buf *b, char *const *list)
{
	for (; *list != NULL; list++)
		put_text(b, *list);
}

static void
put_layers(struct buf *b, const struct confine *c)
{
	put_number(b, c->layers);
	put_number(b, c->network);
	put_number(b, c->processes);
	put_number(b, c->listed_programs);
	put_number(b, c->watched);
	put_number(b, c->own_sockets);
}

static void
put_landlock(struct buf *b, const struct confine *c)
{
	put_number(b, (uint64_t)c->landlock.abi);
	put_number(b, c->landlock.fs);
	put_number(b, c->landlock.net);
	put_number(b, c->landlock.scoped);
	put_text(b, c->mounts.options);
	put_number(b, c->mounts.whole_root);
}

static void
put_confine(struct buf *b, const struct confine *c, int fds[LAUNCHPLAN_FDS],
    size_t *count)
{
	const struct mounts *m = &c->mounts;
	size_t i;

	put_layers(b, c);
	put_number(b, count_texts(c->socket));
	put_texts(b, c->socket);
	put_landlock(b, c);
	put_number(b, m->count);
	for (i = 0; i < m->count; i++) {
		if (m->op[i].held != -1)
			fds[(*count)++] = m->op[i].held;
		put_op(b, &m->op[i], m->op[i].held != -1 ? *count - 1 : 0);
	}
}

/*
 * Nothing can be set in it, nobody but root has any right there, and no one
 * has been handed a socket of it.
 */
static bool
keeps_network(const struct policy *p)
{
	const struct confine *c = &p->confine;

	return (c->layers & (CONFINE_NET | CONFINE_USER)) == CONFINE_NET &&
	       c->network == CONFINE_NONE && !c->net_changeable &&
	       !p->hands_out;
}

static void
put_rules(struct buf *b, const struct policy *p, unsigned kept)
{
	put_number(b, LAUNCHPLAN_MAGIC);
	put_identity(b, p);
	put_number(b, p->explained);
	put_number(b, p->execs != POLICY_EXECS_OFF);
	put_number(b, keeps_network(p));
	/* What it leads to would be the next run's as well. */
	put_number(
	    b, p->hands_out ? kept & ~(unsigned)LAUNCHPLAN_GUARDS : kept);
	put_program(b, &p->filter.prog);
	put_program(b, &p->filter.refine);
}

int
launchblob_shape(
    const struct policy *p, unsigned kept, struct buf *out, struct err *e)
{
	put_rules(out, p, kept);
	put_layers(out, &p->confine);
	put_landlock(out, &p->confine);
	if (out->overflow)
		return err_set(e, ERR_BUSY, "memory has run out");
	return 0;
}

int
launchblob_plan(const struct policy *p, unsigned kept, struct buf *out,
    int fds[LAUNCHPLAN_FDS], size_t *count, struct err *e)
{
	fds[0] = p->dir_fd;
	*count = 1;
	put_rules(out, p, kept);
	put_text(out, p->directory);
	put_confine(out, &p->confine, fds, count);
	if (out->overflow)
		return err_set(e, ERR_BUSY, "memory has run out");
	return 0;
}

int
launchblob_order(const struct plan *p, struct buf *out, struct err *e)
{
	char *const *path = (char *const *)(uintptr_t)p->path;

	put_number(out, LAUNCHPLAN_ORDER);
	put_number(out, p->login_uid);
	put_number(out, p->terminal.columns);
	put_number(out, p->terminal.rows);
	put_text(out, p->cwd);
	put_text(out, p->relative);
	put_number(out, count_texts(path));
	put_number(out, count_texts(p->argv));
	put_number(out, count_texts(p->envp));
	put_texts(out, path);
	put_texts(out, p->argv);
	put_texts(out, p->envp);
	if (out->overflow)
		return err_set(e, ERR_BUSY, "memory has run out");
	return 0;
}
