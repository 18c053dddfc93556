/* SPDX-License-Identifier: MIT */
/*
 * defined: tools of the administrator's (frontend).  The frames come from the
 * executor, which is trusted; arguments are a client's.
 */
#include "frontend/link/defined.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct defined {
	unsigned refs;
	struct catalog_tool tool; /* its texts are the ones below */
	char name[65], title[129], description[2049], mime[129];
	char annotations[160];
	struct param param[DEFINED_MAX_PARAMS];
	size_t count;
	struct buf input_schema, output_schema;
	bool more; /* of output_schema is to come */
};

static int flatten_defined(const struct catalog_tool *t,
    const struct json_value *arguments, struct catalog_args *out,
    struct err *e);

void
defined_ref(struct defined *d)
{
	if (d != NULL)
		d->refs++;
}

void
defined_unref(struct defined *d)
{
	if (d == NULL || --d->refs > 0)
		return;
	for (size_t i = 0; i < d->count; i++)
		param_fini(&d->param[i]);
	buf_fini(&d->input_schema);
	buf_fini(&d->output_schema);
	free(d);
}

const struct catalog_tool *
defined_tool(const struct defined *d)
{
	return &d->tool;
}

/* --- frames ----------------------------------------------------------- */

static const char *
yes_no(uint8_t hints, unsigned bit)
{
	return (hints & bit) != 0 ? "true" : "false";
}

static int
fill_tool(struct defined *d, const struct msg_tool *m, struct err *e)
{
	if (m->form > PROTO_FORM_RESOURCE)
		return err_set(e, ERR_PROTO, "TOOL of an unknown form");
	if (bytes_to_str(m->name, d->name, sizeof(d->name), e) != 0 ||
	    bytes_to_str(m->title, d->title, sizeof(d->title), e) != 0 ||
	    bytes_to_str(m->mime, d->mime, sizeof(d->mime), e) != 0 ||
	    bytes_to_str(
		m->description, d->description, sizeof(d->description), e) != 0)
		return e->code;
	(void)snprintf(d->annotations, sizeof(d->annotations),
	    "\"readOnlyHint\":%s,\"destructiveHint\":%s,\"idempotentHint\":%s,\"openWorldHint\":%s",
	    yes_no(m->hints, PROTO_HINT_READ_ONLY),
	    yes_no(m->hints, PROTO_HINT_DESTRUCTIVE),
	    yes_no(m->hints, PROTO_HINT_IDEMPOTENT),
	    yes_no(m->hints, PROTO_HINT_OPEN_WORLD));
	d->tool = (struct catalog_tool){ .name = d->name,
		.title = d->title[0] != '\0' ? d->title : d->name,
		.description = d->description,
		.annotations = d->annotations,
		.style = CATALOG_STREAM,
		.form = (enum proto_form)m->form,
		.mime = d->mime,
		.flatten = flatten_defined,
		.defined = d,
		.elevated = (m->hints & PROTO_HINT_ELEVATED) != 0 };
	return 0;
}

struct defined *
defined_new(const struct msg_tool *m, struct err *e)
{
	struct defined *d = err_alloc(1, sizeof(*d), e);

	if (d == NULL)
		return NULL;
	d->refs = 1;
	buf_init(&d->input_schema, DEFINED_MAX_SCHEMA);
	buf_init(&d->output_schema, DEFINED_MAX_SCHEMA);
	if (fill_tool(d, m, e) != 0) {
		(void)err_wrap(e, "TOOL");
		defined_unref(d);
		return NULL;
	}
	return d;
}

static int
fill_param(struct param *p, const struct msg_param *m, struct err *e)
{
	static const enum param_kind kinds[] = {
		[PROTO_STRING] = PARAM_STRING,
		[PROTO_NUMBER] = PARAM_INTEGER,
		[PROTO_BOOL] = PARAM_BOOLEAN,
	};

	if (m->kind > PROTO_BOOL || !param_name_ok(m->name))
		return err_set(e, ERR_PROTO, "PARAM that cannot be one");
	memcpy(p->name, m->name.p, m->name.len);
	p->kind = kinds[m->kind];
	p->required = (m->flags & PROTO_PARAM_REQUIRED) != 0;
	p->has_default = (m->flags & PROTO_PARAM_DEFAULT) != 0;
	p->dash = (m->flags & PROTO_PARAM_DASH) != 0;
	p->input = (m->flags & PROTO_PARAM_INPUT) != 0;
	p->min_len = m->min_len;
	p->max_len = m->max_len;
	p->minimum = (int64_t)m->minimum;
	p->maximum = (int64_t)m->maximum;
	buf_put_bytes(&p->choices, m->choices);
	buf_put_bytes(&p->by_default, m->by_default);
	buf_put_bytes(&p->description, m->description);
	if (p->choices.overflow || p->by_default.overflow ||
	    p->description.overflow)
		return err_memory(e); /* without choices it could be anything */
	return m->pattern.len > 0 ? param_set_pattern(p, m->pattern, e) : 0;
}

int
defined_add_param(struct defined *d, const struct msg_param *m, struct err *e)
{
	struct param *p = &d->param[d->count];

	if (d->count == DEFINED_MAX_PARAMS)
		return err_set(e, ERR_BUSY, "TOOL with more than %d PARAMs",
		    DEFINED_MAX_PARAMS);
	param_init(p);
	d->count++;
	return fill_param(p, m, e);
}

int
defined_add_schema(struct defined *d, const struct msg_schema *m, struct err *e)
{
	if (m->more > 1 || (d->output_schema.len > 0 && !d->more))
		return err_set(e, ERR_PROTO, "SCHEMA after the last one");
	d->more = m->more == 1;
	buf_put_bytes(&d->output_schema, m->text);
	return 0;
}

int
defined_finish(struct defined *d, struct err *e)
{
	if (d->more)
		return err_set(e, ERR_PROTO, "SCHEMA is incomplete");
	param_put_schema(&d->input_schema, d->param, d->count);
	d->tool.input_schema = buf_cstr(&d->input_schema);
	if (d->tool.form == PROTO_FORM_TEXT)
		d->tool.output_schema = catalog_output_schema();
	else if (d->output_schema.len > 0)
		d->tool.output_schema = buf_cstr(&d->output_schema);
	if (d->input_schema.overflow || d->output_schema.overflow)
		return err_set(
		    e, ERR_BUSY, "the schemas of %s are too large", d->name);
	return 0;
}

/* --- arguments -------------------------------------------------------- */

static const struct param *
find_param(const struct defined *d, struct bytes name)
{
	for (size_t i = 0; i < d->count; i++)
		if (bytes_eq_str(name, d->param[i].name))
			return &d->param[i];
	return NULL;
}

static int
take_unknown(const struct defined *d, struct bytes name,
    struct catalog_args *out, struct err *e)
{
	const char *names[DEFINED_MAX_PARAMS + 1] = { NULL };

	for (size_t i = 0; i < d->count; i++)
		names[i] = d->param[i].name;
	return catalog_take_unknown(d->name, names, name, out, e);
}

static int
take_value(const struct param *p, const struct json_value *v,
    struct catalog_args *out, struct err *e)
{
	static const struct {
		enum json_type type;
		enum proto_kind kind;
		const char *what;
	} rows[] = {
		[PARAM_STRING] = { JSON_STRING, PROTO_STRING, "a string" },
		[PARAM_INTEGER] = { JSON_NUMBER, PROTO_NUMBER,
		    "a whole number" },
		[PARAM_BOOLEAN] = { JSON_BOOL, PROTO_BOOL, "true or false" },
	};
	struct bytes text = v->text;
	int64_t n;

	if (v->type != rows[p->kind].type)
		return err_set(e, ERR_BAD, "%s must be %s, not %s", p->name,
		    rows[p->kind].what, json_type_name(v->type));
	if (v->type == JSON_BOOL)
		text = v->boolean ? BYTES_LIT("true") : BYTES_LIT("false");
	if (v->type == JSON_NUMBER && !catalog_integer(v, out, &n, &text))
		return err_set(
		    e, ERR_BAD, "%s must be a whole number", p->name);
	if (param_check(p, text, e) != 0)
		return e->code;
	out->arg[out->count++] = (struct catalog_arg){
		.name = p->name, .kind = rows[p->kind].kind, .value = text
	};
	return 0;
}

static int
check_required(
    const struct defined *d, const struct catalog_args *out, struct err *e)
{
	for (size_t i = 0; i < d->count; i++) {
		bool given = !d->param[i].required;

		for (size_t j = 0; j < out->count && !given; j++)
			given = out->arg[j].name == d->param[i].name;
		if (!given)
			return err_set(
			    e, ERR_BAD, "%s is required", d->param[i].name);
	}
	return 0;
}

static int
flatten_defined(const struct catalog_tool *t,
    const struct json_value *arguments, struct catalog_args *out, struct err *e)
{
	const struct defined *d = t->defined;
	const struct json_value *v =
	    arguments != NULL ? arguments->child : NULL;

	for (; v != NULL; v = v->next) {
		const struct param *p = find_param(d, v->key);

		if (p == NULL && take_unknown(d, v->key, out, e) != 0)
			return e->code;
		if (p == NULL)
			continue;
		/* some clients send null for what was left out */
		if (v->type == JSON_NULL && !p->required)
			continue;
		if (take_value(p, v, out, e) != 0)
			return e->code;
	}
	return check_required(d, out, e);
}
