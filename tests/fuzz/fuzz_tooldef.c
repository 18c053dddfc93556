/* SPDX-License-Identifier: MIT */
/*
 * fuzz_tooldef: any text is a definition within its bounds, or has a finding.
 * Of a good one the schema is JSON, and whatever values are taken, the words
 * are those of the template: none begins with "-" that did not.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "executor/run/toolcall.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	uint8_t kind;
	const char *value;
} values[] = {
	{ PROTO_STRING, "a" },
	{ PROTO_STRING, "" },
	{ PROTO_STRING, "-x" },
	{ PROTO_STRING, "a b;$(id)\xc3\xa9" },
	{ PROTO_STRING, "\xff\n" },
	{ PROTO_STRING, "access" },
	{ PROTO_STRING, "{a}" },
	{ PROTO_NUMBER, "5" },
	{ PROTO_NUMBER, "-5" },
	{ PROTO_NUMBER, "05" },
	{ PROTO_NUMBER, "9223372036854775807" },
	{ PROTO_BOOL, "true" },
	{ PROTO_BOOL, "false" },
	{ PROTO_BOOL, "1" },
};

enum { VALUES = sizeof(values) / sizeof(values[0]) };

static void
demand(bool okay)
{
	if (!okay)
		abort();
}

static void
check_schema(const struct tooldef *t)
{
	struct json_doc *doc;
	struct buf out;
	struct err e;

	buf_init(&out, 8 << 20);
	param_put_schema(&out, t->param, t->param_count);
	demand(!out.overflow);
	demand(json_parse(buf_bytes(&out), JSON_STRICT, &doc, &e) == 0);
	demand(json_is(json_root(doc), JSON_OBJECT));
	json_free(doc);
	if (t->schema.len > 0) {
		demand(t->form == PROTO_FORM_JSON);
		demand(json_parse(
			   buf_bytes(&t->schema), JSON_STRICT, &doc, &e) == 0);
		json_free(doc);
	}
	buf_fini(&out);
}

/* May some value begin this word with "-" by the definition's own words? */
static bool
may_dash(const struct tooldef *t, const struct toolargv_word *w)
{
	if (w->count == 0)
		return false;
	for (size_t i = w->first; i < w->first + w->count; i++) {
		const struct toolargv_part *p = &t->argv.part[i];

		if (p->param == -1)
			return t->argv.text.p[p->off] == '-';
		if (t->param[p->param].dash)
			return true;
	}
	return false;
}

static void
check_words(const struct tooldef *t, const struct toolcall *c)
{
	struct buf out;

	buf_init(&out, 64 << 20);
	for (size_t i = 0; i < t->argv.words; i++) {
		buf_reset(&out);
		if (!toolcall_put_word(c, i, &out) || out.len == 0)
			continue;
		demand(!bytes_has_nul(buf_bytes(&out)));
		demand(out.p[0] != '-' || may_dash(t, &t->argv.word[i]));
		demand(i > 0 || bytes_eq_str(buf_bytes(&out), t->program));
	}
	buf_fini(&out);
}

static void
call(const struct tooldef *t, size_t seed)
{
	struct toolcall c;
	struct err e;

	toolcall_init(&c, t);
	for (size_t i = 0; i < t->param_count; i++)
		for (size_t j = 0; j < VALUES; j++) {
			size_t v = (j + seed + i) % VALUES;

			if (toolcall_take(&c, t->param[i].name, values[v].kind,
				bytes_of(values[v].value), &e) == 0)
				break;
		}
	if (toolcall_complete(&c, &e) == 0)
		check_words(t, &c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tooldef *t = NULL;
	struct conf_report r;
	struct err e;
	int rc;

	conf_report_init(&r);
	rc = tooldef_parse(
	    "fuzz.json", "fuzz", bytes_make(data, size), &t, &r, &e);
	demand((rc == 0) == (r.count == 0) && (rc == 0) == (t != NULL));
	demand(rc == 0 || rc == ERR_BAD);
	if (t != NULL) {
		demand(t->refs == 1 && t->program[0] == '/');
		demand(t->argv.words > 0);
		check_schema(t);
		for (size_t i = 0; i < VALUES; i++)
			call(t, i);
	}
	tooldef_unref(t);
	conf_report_fini(&r);
	return 0;
}
