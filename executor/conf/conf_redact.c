/* SPDX-License-Identifier: MIT */
/* conf_redact: rules of redaction.  Executor and mcp-execctl. */
#include "executor/conf/conf_redact.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "executor/conf/keytable.h"

/* One element of the list. */
struct draft {
	char name[REDACT_MAX_NAME];
	const struct json_value *keys, *pattern;
};

static const struct key rule_keys[] = {
	{ "name", KEYS_STRING, offsetof(struct draft, name), 1, REDACT_MAX_NAME,
	    NULL, "the record says by it which rule took something" },
	VALUE("keys", keys),
	VALUE("pattern", pattern),
	LAST,
};

static int
add_rule(struct redact *r, const struct conf_redact *rule, struct err *e)
{
	struct bytes text = bytes_of(rule->text);

	return rule->by_key ? redact_add_key(r, rule->rule, text, e)
			    : redact_add_pattern(r, rule->rule, text, e);
}

static void
take_rule(const struct keys *k, const struct json_value *v, const char *name,
    bool by_key, struct conf *c, struct redact *all)
{
	struct conf_redact *rule = &c->redact[c->redact_count];
	struct err e = { 0 };

	if (c->redact_count == CONF_MAX_REDACT) {
		keys_complain(k, v, "more than %d patterns and keys in all",
		    CONF_MAX_REDACT);
		return;
	}
	if (!keys_string(k, v, 1, rule->text, sizeof(rule->text)))
		return;
	memcpy(rule->rule, name, sizeof(rule->rule));
	rule->by_key = by_key;
	if (add_rule(all, rule, &e) != 0)
		keys_complain(k, v, "%s", e.what);
	else
		c->redact_count++;
}

static void
read_rule(const struct keys *k, const struct json_value *v, struct conf *c,
    struct redact *all)
{
	struct draft d = { .keys = NULL };
	const struct json_value *key;

	if (!json_is(v, JSON_OBJECT)) {
		keys_complain(k, v, "a rule is an object: {\"name\": ...}");
		return;
	}
	keys_read(k, v, rule_keys, &d);
	if (!bytes_only(bytes_of(d.name), "_.-"))
		keys_complain(k, json_get(v, "name"),
		    "a rule's name is of A-Z a-z 0-9 _ . -");
	if ((d.keys == NULL) == (d.pattern == NULL))
		keys_complain(k, v,
		    "a rule has either \"keys\", such as [\"PGPASSWORD\", \"--password\"], or a \"pattern\"");
	else if (d.pattern != NULL)
		take_rule(k, d.pattern, d.name, false, c, all);
	else if (keys_array(k, d.keys, "\"keys\""))
		for (key = d.keys->child; key != NULL; key = key->next)
			take_rule(k, key, d.name, true, c, all);
}

void
conf_redact_read(
    const struct keys *k, const struct json_value *list, struct conf *c)
{
	const struct json_value *v;
	struct redact *all;
	struct err e;

	c->redact_count = 0;
	if (list == NULL || !keys_array(k, list, "\"redact\""))
		return;
	all = redact_new(&e);
	if (all == NULL) {
		keys_complain(k, list, "%s", e.what);
		return;
	}
	for (v = list->child; v != NULL; v = v->next)
		read_rule(k, v, c, all);
	if (redact_ready(all, &e) != 0)
		keys_complain(k, list, "%s", e.what);
	redact_free(all);
}

struct redact *
conf_redact_make(const struct conf *c, struct err *e)
{
	struct redact *r = redact_new(e);
	size_t i;
	int rc = r == NULL ? ERR_BUSY : 0;

	for (i = 0; i < c->redact_count && rc == 0; i++)
		rc = add_rule(r, &c->redact[i], e);
	if (rc == 0)
		rc = redact_ready(r, e);
	if (rc == 0 && redact_any(r))
		rc = redact_load_key(r, c->redact_key, e);
	if (rc == 0)
		return r;
	redact_free(r);
	return NULL;
}
