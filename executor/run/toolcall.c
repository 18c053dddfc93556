/* SPDX-License-Identifier: MIT */
/* toolcall: values of a defined tool (executor, untrusted). */
#include "executor/run/toolcall.h"

#include <string.h>

/* Empty, and yet given. */
static const uint8_t nothing[1];

void
toolcall_init(struct toolcall *c, const struct tooldef *def)
{
	memset(c, 0, sizeof(*c));
	c->def = def;
}

static const enum proto_kind kinds[] = {
	[PARAM_STRING] = PROTO_STRING,
	[PARAM_INTEGER] = PROTO_NUMBER,
	[PARAM_BOOLEAN] = PROTO_BOOL,
};

int
toolcall_take(struct toolcall *c, const char *name, uint8_t kind,
    struct bytes value, struct err *e)
{
	const struct tooldef *d = c->def;
	size_t i;

	for (i = 0; i < d->param_count; i++)
		if (strcmp(d->param[i].name, name) == 0)
			break;
	if (i == d->param_count)
		return err_set(
		    e, ERR_BAD, "%s has no argument \"%s\"", d->name, name);
	if (kind != (uint8_t)kinds[d->param[i].kind])
		return err_set(
		    e, ERR_BAD, "argument \"%s\" has the wrong type", name);
	if (c->value[i].p != NULL)
		return err_set(
		    e, ERR_BAD, "argument \"%s\" is given twice", name);
	if (param_check(&d->param[i], value, e) != 0)
		return e->code;
	c->value[i] = value.len > 0 ? value : bytes_make(nothing, 0);
	return 0;
}

int
toolcall_complete(struct toolcall *c, struct err *e)
{
	for (size_t i = 0; i < c->def->param_count; i++) {
		const struct param *p = &c->def->param[i];

		if (c->value[i].p != NULL)
			continue;
		if (p->required)
			return err_set(e, ERR_BAD, "%s is required", p->name);
		if (p->kind == PARAM_BOOLEAN && !p->has_default)
			c->value[i] = BYTES_LIT("false");
		if (!p->has_default)
			continue;
		c->value[i] = p->by_default.len > 0 ? buf_bytes(&p->by_default)
						    : bytes_make(nothing, 0);
	}
	return 0;
}

bool
toolcall_put_word(const struct toolcall *c, size_t word, struct buf *out)
{
	struct toolargv_values v = { c->def->param, c->value,
		c->def->param_count };

	return toolargv_put(&c->def->argv, word, &v, out);
}

bool
toolcall_input(const struct toolcall *c, struct bytes *out)
{
	if (c->def->input < 0 || c->value[c->def->input].p == NULL)
		return false;
	*out = c->value[c->def->input];
	return true;
}
