/* SPDX-License-Identifier: MIT */
/* toolparam: "parameters" of a tool's definition (executor, root's file). */
#include "executor/policy/toolparam.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/closest.h"
#include "common/log.h"
#include "executor/conf/keytable.h"

/* One parameter, before it is looked at more closely. */
struct draft {
	const struct json_value *type, *description, *pattern, *choices,
	    *by_default, *required, *dash, *minimum, *maximum, *min_len,
	    *max_len;
};

static const struct key param_keys[] = {
	NEEDED("type", type, "it is \"string\", \"integer\" or \"boolean\""),
	VALUE("description", description),
	VALUE("pattern", pattern),
	VALUE("enum", choices),
	VALUE("minLength", min_len),
	VALUE("maxLength", max_len),
	VALUE("minimum", minimum),
	VALUE("maximum", maximum),
	VALUE("default", by_default),
	VALUE("required", required),
	VALUE("leading_dash", dash),
	LAST,
};

static const char *const type_names[] = { "string", "integer", "boolean",
	NULL };

static bool
read_type(const struct keys *k, const struct json_value *v, struct param *p)
{
	const char *close;

	if (v == NULL)
		return false; /* a finding already */
	if (json_is(v, JSON_STRING))
		for (int i = 0; type_names[i] != NULL; i++)
			if (bytes_eq_str(v->text, type_names[i])) {
				p->kind = (enum param_kind)i;
				return true;
			}
	close =
	    json_is(v, JSON_STRING) ? closest_word(v->text, type_names) : NULL;
	keys_complain(k, v,
	    "\"type\" is \"string\", \"integer\" or \"boolean\"%s%s%s",
	    close != NULL ? ": did you mean \"" : "",
	    close != NULL ? close : "", close != NULL ? "\"?" : "");
	return false;
}

static bool
read_bool(const struct keys *k, const struct json_value *v, const char *name,
    bool by_default)
{
	if (v == NULL)
		return by_default;
	if (!json_is(v, JSON_BOOL))
		keys_complain(
		    k, v, "\"%s\" is true or false, without quotes", name);
	return v->boolean;
}

static void
read_text(const struct keys *k, const struct json_value *v, struct buf *out)
{
	char text[PARAM_MAX_TEXT];

	if (v != NULL && keys_string(k, v, 0, text, sizeof(text)))
		buf_put_str(out, text);
}

/* A word of another type's; said, as it would be passed over. */
static void
not_for(const struct keys *k, const struct json_value *v, const char *name,
    const char *type)
{
	if (v != NULL)
		keys_complain(
		    k, v, "\"%s\" is for a \"%s\" only: remove it", name, type);
}

static void
read_length(const struct keys *k, const struct json_value *v, const char *name,
    uint32_t most, uint32_t *out)
{
	int64_t n;

	if (v == NULL)
		return;
	if (!json_to_i64(v, &n) || n < 0 || n > (int64_t)most)
		keys_complain(k, v, "\"%s\" must be from 0 to %u", name, most);
	else
		*out = (uint32_t)n;
}

static void
read_choices(const struct keys *k, const struct json_value *v, struct param *p)
{
	char text[256];

	if (!keys_array(k, v, "\"enum\""))
		return;
	if (v->count == 0)
		keys_complain(k, v, "\"enum\" needs at least one value");
	for (v = v->child; v != NULL; v = v->next) {
		if (!keys_string(k, v, 1, text, sizeof(text)))
			continue;
		buf_put_str(&p->choices, text);
		buf_put_u8(&p->choices, '\n');
		if (p->choices.overflow) {
			keys_complain(k, v, "\"enum\" has over %d bytes",
			    PARAM_MAX_CHOICES);
			return;
		}
	}
}

static void
read_pattern(const struct keys *k, const struct json_value *v, struct param *p)
{
	struct err e;

	if (!json_is(v, JSON_STRING))
		keys_complain(k, v, "\"pattern\" is a string in quotes");
	else if (param_set_pattern(p, v->text, &e) != 0)
		keys_complain(k, v, "%s", e.what);
}

static void
read_string(const struct keys *k, const struct json_value *at,
    const struct draft *d, struct param *p)
{
	uint32_t most = p->input ? PARAM_MAX_INPUT : PARAM_MAX_VALUE;

	p->min_len = p->input ? 0 : 1;
	p->max_len = p->input ? PARAM_MAX_INPUT : 256;
	not_for(k, d->minimum, "minimum", "integer");
	not_for(k, d->maximum, "maximum", "integer");
	read_length(k, d->min_len, "minLength", most, &p->min_len);
	read_length(k, d->max_len, "maxLength", most, &p->max_len);
	if (p->min_len > p->max_len)
		keys_complain(k, d->min_len != NULL ? d->min_len : d->max_len,
		    "\"minLength\" (%u) is above \"maxLength\" (%u)",
		    p->min_len, p->max_len);
	if (d->choices != NULL && d->pattern != NULL)
		keys_complain(k, d->pattern,
		    "\"enum\" says all already: remove \"pattern\"");
	else if (d->choices != NULL)
		read_choices(k, d->choices, p);
	else if (d->pattern != NULL)
		read_pattern(k, d->pattern, p);
	else if (!p->input)
		keys_complain(k, at,
		    "say which values \"%s\" may have: \"enum\": [...], or \"pattern\", such as \"[a-z0-9][a-z0-9_-]*\"",
		    p->name);
}

static bool
read_bound(const struct keys *k, const struct json_value *v, const char *name,
    int64_t *out)
{
	if (v == NULL)
		return false;
	if (!json_to_i64(v, out))
		keys_complain(k, v, "\"%s\" must be a whole number", name);
	return true;
}

static void
read_integer(const struct keys *k, const struct json_value *at,
    const struct draft *d, struct param *p)
{
	bool low = read_bound(k, d->minimum, "minimum", &p->minimum);
	bool high = read_bound(k, d->maximum, "maximum", &p->maximum);

	not_for(k, d->pattern, "pattern", "string");
	not_for(k, d->choices, "enum", "string");
	not_for(k, d->min_len, "minLength", "string");
	not_for(k, d->max_len, "maxLength", "string");
	if (!low || !high)
		keys_complain(
		    k, at, "\"%s\" needs \"minimum\" and \"maximum\"", p->name);
	else if (p->minimum > p->maximum)
		keys_complain(
		    k, d->minimum, "\"minimum\" is above \"maximum\"");
}

static void
read_boolean(const struct keys *k, const struct draft *d)
{
	not_for(k, d->minimum, "minimum", "integer");
	not_for(k, d->maximum, "maximum", "integer");
	not_for(k, d->pattern, "pattern", "string");
	not_for(k, d->choices, "enum", "string");
	not_for(k, d->min_len, "minLength", "string");
	not_for(k, d->max_len, "maxLength", "string");
}

static void
read_default(const struct keys *k, const struct json_value *v, struct param *p)
{
	static const enum json_type types[] = { JSON_STRING, JSON_NUMBER,
		JSON_BOOL };

	if (v == NULL)
		return;
	if (!json_is(v, types[p->kind])) {
		keys_complain(
		    k, v, "\"default\" must be a %s", type_names[p->kind]);
		return;
	}
	p->has_default = true;
	if (v->type == JSON_BOOL)
		buf_put_str(&p->by_default, v->boolean ? "true" : "false");
	else
		buf_put_bytes(&p->by_default, v->text);
	if (p->by_default.overflow)
		keys_complain(
		    k, v, "\"default\" has over %d bytes", PARAM_MAX_TEXT);
}

static void
read_one(const struct keys *k, const struct json_value *v, struct bytes input,
    struct param *p)
{
	struct draft d = { 0 };

	keys_read(k, v, param_keys, &d);
	if (!read_type(k, d.type, p))
		return;
	p->input = bytes_eq(v->key, input);
	p->dash = read_bool(k, d.dash, "leading_dash", false);
	read_text(k, d.description, &p->description);
	if (p->kind == PARAM_STRING)
		read_string(k, v, &d, p);
	else if (p->kind == PARAM_INTEGER)
		read_integer(k, v, &d, p);
	else
		read_boolean(k, &d);
	read_default(k, d.by_default, p);
	p->required = read_bool(k, d.required, "required",
	    !p->has_default && p->kind != PARAM_BOOLEAN);
	if (p->required && p->has_default)
		keys_complain(k, d.required,
		    "a \"default\" is for what is not required: remove one");
}

void
toolparam_read(const struct keys *k, const struct json_value *object,
    struct bytes input, struct param *list, size_t most, size_t *count)
{
	*count = 0;
	if (object == NULL)
		return;
	if (!json_is(object, JSON_OBJECT)) {
		keys_complain(k, object,
		    "\"parameters\" is an object, such as {\"lines\": {\"type\": \"integer\", ...}}");
		return;
	}
	for (const struct json_value *v = object->child; v != NULL;
	     v = v->next) {
		if (*count == most) {
			keys_complain(k, v, "more than %zu parameters", most);
			return;
		}
		if (!param_name_ok(v->key)) {
			keys_complain(k, v,
			    "\"%s\" is not a parameter name: use up to 63 letters, digits and \"_\"",
			    log_text(v->key).s);
			continue;
		}
		param_init(&list[*count]);
		memcpy(list[*count].name, v->key.p, v->key.len);
		read_one(k, v, input, &list[(*count)++]);
	}
}

static bool
has_option(const struct param *p)
{
	struct bytes rest = buf_bytes(&p->choices), choice;

	while (param_next_choice(&rest, &choice))
		if (choice.len > 0 && choice.p[0] == '-')
			return true;
	return p->kind == PARAM_INTEGER && p->minimum < 0;
}

void
toolparam_check_dash(const struct keys *k, const struct json_value *at,
    struct param *p, bool begins_word)
{
	struct err e;

	if (begins_word && !p->dash && has_option(p))
		keys_complain(k, at,
		    "a value of \"%s\" would begin a word with \"-\" and be taken for an option: say \"leading_dash\": true if that is what you want",
		    p->name);
	if (!begins_word)
		p->dash = true;
	if (p->has_default &&
	    param_check(p, buf_bytes(&p->by_default), &e) != 0)
		keys_complain(
		    k, json_get(at, "default"), "\"default\": %s", e.what);
}

const struct key *
toolparam_key_table(void)
{
	return param_keys;
}
