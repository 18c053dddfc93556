/* SPDX-License-Identifier: MIT */
/* reload_preview: the files next to the status of what is in force. */
#include "executor/ctl/reload_preview.h"

#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/plural.h"
#include "executor/conf/conf_fixed.h"
#include "executor/ctl/remote.h"

enum { MAX_OUT = 1 << 20 };

struct preview {
	struct ctl *c;
	const struct json_value *running; /* its status */
	struct buf out;
};

static bool
same_digest(const struct json_value *o, const uint8_t sum[DIGEST_BYTES])
{
	const struct json_value *v = json_get(o, "sha256");
	char hex[2 * DIGEST_BYTES + 1];

	digest_hex(sum, DIGEST_BYTES, hex);
	return json_is(v, JSON_STRING) && bytes_eq_str(v->text, hex);
}

static void
put_waits(struct preview *p, const char *key)
{
	buf_printf(&p->out,
	    "changed, but not by a reload: %s: systemctl restart %s\n", key,
	    ctl_unit(p->c));
}

static void
compare_conf(struct preview *p)
{
	const struct json_value *now = json_get(p->running, "configuration");
	const struct json_value *fixed = json_get(now, "fixed"), *v;
	CLEANUP_BUF struct buf value;
	const char *key;

	if (!same_digest(now, p->c->conf.text_digest))
		buf_printf(&p->out, "changed: %s\n", p->c->conf.path);
	buf_init(&value, MAX_OUT);
	for (size_t i = 0;
	     (key = conf_fixed_key(&p->c->conf, i, &value)) != NULL; i++) {
		v = json_get(fixed, key);
		if (json_is(v, JSON_STRING) &&
		    !bytes_eq(v->text, buf_bytes(&value)))
			put_waits(p, key);
		buf_reset(&value);
	}
	/* the one key that a reload changes in one direction only */
	v = json_get(fixed, "audit.kernel");
	if (v != NULL && strcmp(p->c->conf.audit_kernel, "off") != 0)
		put_waits(p, "audit.kernel");
}

static const struct json_value *
find_running(const struct preview *p, const char *name)
{
	const struct json_value *l = json_get(p->running, "policies"), *v;

	for (v = l != NULL ? l->child : NULL; v != NULL; v = v->next)
		if (json_is(json_get(v, "name"), JSON_STRING) &&
		    bytes_eq_str(json_get(v, "name")->text, name))
			return v;
	return NULL;
}

static void
compare_policies(struct preview *p)
{
	const struct policy_table *t = &p->c->policies;
	const struct json_value *l = json_get(p->running, "policies"), *v;

	for (size_t i = 0; i < t->count; i++) {
		v = find_running(p, t->p[i]->name);
		if (v == NULL)
			buf_printf(
			    &p->out, "added: policy %s\n", t->p[i]->name);
		else if (!same_digest(v, t->p[i]->text_digest))
			buf_printf(&p->out,
			    "changed: policy %s, or a tool that it offers\n",
			    t->p[i]->name);
	}
	for (v = l != NULL ? l->child : NULL; v != NULL; v = v->next)
		if (json_is(json_get(v, "name"), JSON_STRING) &&
		    policy_find(t, json_get(v, "name")->text) == NULL)
			buf_printf(&p->out, "removed: policy %s\n",
			    remote_text(v, "name").s);
}

static int
compare_all(struct preview *p)
{
	int status;

	buf_init(&p->out, MAX_OUT);
	compare_conf(p);
	compare_policies(p);
	if (p->out.len == 0)
		buf_put_str(&p->out,
		    "A reload would change nothing: configuration, policies and tools are those in force.\n");
	status = ctl_print_buf(&p->out);
	buf_fini(&p->out);
	return status;
}

int
reload_preview(struct ctl *c)
{
	const struct control_request r = { .verb = CONTROL_STATUS };
	struct remote_answer a;
	struct err e = { 0 };
	int status;

	if (!check_all(c)) {
		(void)ctl_error(
		    "%u finding%s: fix them first; a reload is refused for each that is not of a token's file, and leaves those tokens as they were",
		    c->report.count, plural_s(c->report.count));
		return CTL_FAILED;
	}
	if (remote_ask(c, &r, &a, &e) == 0)
		status = compare_all(
		    &(struct preview){ .c = c, .running = json_root(a.doc) });
	else
		status = ctl_error("%s", e.what);
	remote_fini(&a);
	return status;
}
