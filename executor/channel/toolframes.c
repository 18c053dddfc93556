/* SPDX-License-Identifier: MIT */
/* toolframes: what the frontend is told of a defined tool.  Executor. */
#include "executor/channel/toolframes.h"

static uint8_t
flags_of(const struct param *p)
{
	unsigned flags = 0;

	if (p->required)
		flags |= PROTO_PARAM_REQUIRED;
	if (p->has_default)
		flags |= PROTO_PARAM_DEFAULT;
	if (p->dash)
		flags |= PROTO_PARAM_DASH;
	if (p->input)
		flags |= PROTO_PARAM_INPUT;
	return (uint8_t)flags;
}

static struct msg
param_frame(const struct param *p)
{
	static const enum proto_kind kinds[] = {
		[PARAM_STRING] = PROTO_STRING,
		[PARAM_INTEGER] = PROTO_NUMBER,
		[PARAM_BOOLEAN] = PROTO_BOOL,
	};

	return (struct msg){ .code = PROTO_PARAM,
		.param = { .name = bytes_of(p->name),
		    .kind = (uint8_t)kinds[p->kind],
		    .flags = flags_of(p),
		    .min_len = p->min_len,
		    .max_len = p->max_len,
		    .minimum = (uint64_t)p->minimum,
		    .maximum = (uint64_t)p->maximum,
		    .pattern = buf_bytes(&p->pattern),
		    .choices = buf_bytes(&p->choices),
		    .by_default = buf_bytes(&p->by_default),
		    .description = buf_bytes(&p->description) } };
}

void
toolframes_send(const struct tooldef *t,
    void (*send)(void *arg, const struct msg *m), void *arg)
{
	struct msg tool = { .code = PROTO_TOOL,
		.tool = { .name = bytes_of(t->name),
		    .title = bytes_of(t->title),
		    .description = bytes_of(t->description),
		    .form = (uint8_t)t->form,
		    .hints = t->hints,
		    .mime = bytes_of(t->mime) } };
	struct bytes rest = buf_bytes(&t->schema);

	send(arg, &tool);
	for (size_t i = 0; i < t->param_count; i++) {
		struct msg m = param_frame(&t->param[i]);

		send(arg, &m);
	}
	while (rest.len > 0) {
		size_t n =
		    rest.len < PROTO_MAX_DATA ? rest.len : PROTO_MAX_DATA;
		struct msg m = { .code = PROTO_SCHEMA,
			.schema = { .more = rest.len > n,
			    .text = bytes_make(rest.p, n) } };

		send(arg, &m);
		rest = bytes_make(rest.p + n, rest.len - n);
	}
}
