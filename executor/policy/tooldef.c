/* SPDX-License-Identifier: MIT */
/*
 * tooldef: tools.d/NAME.json.  Executor and mcp-execctl; the files are
 * root's, and the mistakes in them are told all at once.
 */
#include "executor/policy/tooldef.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/closest.h"
#include "common/log.h"
#include "executor/policy/toolparam.h"

#define KEYTABLE_MEMBER t
#include "executor/conf/keytable.h"

enum { DAY = 24 * 3600 * 1000 };

/* Values as read, before they are checked. */
struct draft {
	struct tooldef t;
	const struct json_value *description, *parameters, *argv, *input, *form,
	    *mime, *schema, *read_only, *destructive, *idempotent, *open_world;
};

static const struct key annotation_keys[] = {
	VALUE("readOnlyHint", read_only),
	VALUE("destructiveHint", destructive),
	VALUE("idempotentHint", idempotent),
	VALUE("openWorldHint", open_world),
	LAST,
};

static const struct key output_keys[] = {
	VALUE("form", form),
	VALUE("mime_type", mime),
	VALUE("schema", schema),
	LAST,
};

static const struct key tool_keys[] = {
	STRING("title", title, 1),
	STRING("pack", pack, 1),
	NEEDED("description", description,
	    "say what the tool does, for the model and for people"),
	VALUE("parameters", parameters),
	NEEDED(
	    "argv", argv, "say what to run, such as [\"/usr/bin/df\", \"-h\"]"),
	VALUE("stdin", input),
	STRING("directory", directory, 1),
	STRING("policy", policy, 1),
	U32("timeout_ms", timeout_ms, 100, DAY),
	OBJECT("annotations", annotation_keys),
	OBJECT("output", output_keys),
	LAST,
};

static const char *const built_in[] = { "exec_cmd", "cli_command", "job_start",
	"job_output", "job_input", "job_stop", "job_list", NULL };

static const struct {
	const char *name;
	enum proto_form form;
	const char *mime; /* what its MIME type begins with; NULL: none */
} forms[] = {
	{ "text", PROTO_FORM_TEXT, NULL },
	{ "json", PROTO_FORM_JSON, NULL },
	{ "content", PROTO_FORM_CONTENT, NULL },
	{ "image", PROTO_FORM_IMAGE, "image/" },
	{ "audio", PROTO_FORM_AUDIO, "audio/" },
	{ "resource", PROTO_FORM_RESOURCE, "" },
};

enum { FORM_COUNT = sizeof(forms) / sizeof(forms[0]) };

bool
tooldef_has(const struct tooldef *t, const char *name)
{
	for (size_t i = 0; i < t->param_count; i++)
		if (strcmp(t->param[i].name, name) == 0)
			return true;
	return false;
}

bool
tooldef_is_built_in(struct bytes name)
{
	for (size_t i = 0; built_in[i] != NULL; i++)
		if (bytes_eq_str(name, built_in[i]))
			return true;
	return false;
}

static void
fini_tool(struct tooldef *t)
{
	for (size_t i = 0; i < t->param_count; i++)
		param_fini(&t->param[i]);
	toolargv_fini(&t->argv);
	buf_fini(&t->schema);
}

struct tooldef *
tooldef_ref(struct tooldef *t)
{
	t->refs++;
	return t;
}

void
tooldef_unref(struct tooldef *t)
{
	if (t == NULL || --t->refs > 0)
		return;
	fini_tool(t);
	free(t);
}

/* --- argv ------------------------------------------------------------- */

static int
find_param(const struct tooldef *t, struct bytes name)
{
	for (size_t i = 0; i < t->param_count; i++)
		if (bytes_eq_str(name, t->param[i].name))
			return (int)i;
	return -1;
}

static void
add_word(const struct keys *k, const struct json_value *v,
    enum toolargv_when when, size_t param, struct tooldef *t)
{
	char text[TOOLARGV_MAX_TEXT];
	struct err e;

	if (keys_string(k, v, 0, text, sizeof(text)) &&
	    toolargv_add(&t->argv, v->text, when, param, t->param,
		t->param_count, &e) != 0)
		keys_complain(k, v, "%s", e.what);
}

/* {"if": "parameter", "words": [...]}, or with "unless". */
static void
add_condition(
    const struct keys *k, const struct json_value *v, struct tooldef *t)
{
	const struct json_value *is = json_get(v, "if"),
				*not = json_get(v, "unless"),
				*words = json_get(v, "words"),
				*which = is != NULL ? is : not ;
	int param;

	if (v->count != 2 || words == NULL || !json_is(which, JSON_STRING)) {
		keys_complain(k, v,
		    "words that are not always there are {\"if\": \"PARAMETER\", \"words\": [...]}, or \"unless\"");
		return;
	}
	param = find_param(t, which->text);
	if (param == -1) {
		keys_complain(k, which, "there is no parameter \"%s\"",
		    log_text(which->text).s);
		return;
	}
	if (t->param[param].kind != PARAM_BOOLEAN && t->param[param].required)
		keys_complain(k, which,
		    "\"%s\" is always given: say \"required\": false there, or put the words without a condition",
		    t->param[param].name);
	if (!keys_array(k, words, "\"words\""))
		return;
	for (v = words->child; v != NULL; v = v->next)
		add_word(k, v, is != NULL ? TOOLARGV_IF : TOOLARGV_UNLESS,
		    (size_t)param, t);
}

/* The first word: nobody but the administrator says what is run. */
static void
read_program(
    const struct keys *k, const struct json_value *v, struct tooldef *t)
{
	struct stat st;

	if (!json_is(v, JSON_STRING) ||
	    !keys_string(k, v, 1, t->program, sizeof(t->program)))
		t->program[0] = '\0';
	if (t->program[0] != '/')
		keys_complain(k, v,
		    "the first word of \"argv\" is the program, an absolute path such as \"/usr/bin/df\"");
	else if (strpbrk(t->program, "{}") != NULL)
		keys_complain(k, v,
		    "no parameter may choose the program: write its whole path");
	else if (stat(t->program, &st) != 0)
		keys_complain(k, v, "the program %s cannot be used: %s",
		    log_text(bytes_of(t->program)).s, strerror(errno));
	else if (!S_ISREG(st.st_mode) || access(t->program, X_OK) != 0)
		keys_complain(k, v, "%s is not an executable file",
		    log_text(bytes_of(t->program)).s);
	else if ((st.st_mode & S_IWOTH) != 0)
		keys_complain(k, v,
		    "%s can be changed by anybody: chmod o-w it",
		    log_text(bytes_of(t->program)).s);
	else
		add_word(k, v, TOOLARGV_ALWAYS, 0, t);
}

static void
read_argv(const struct keys *k, const struct draft *d, struct tooldef *t)
{
	const struct json_value *v = d->argv;
	int missing, code;

	if (v == NULL || !keys_array(k, v, "\"argv\""))
		return;
	if (v->count == 0) {
		keys_complain(k, v, "\"argv\" is empty: say what to run");
		return;
	}
	read_program(k, v->child, t);
	for (v = v->child->next; v != NULL; v = v->next)
		if (json_is(v, JSON_OBJECT))
			add_condition(k, v, t);
		else
			add_word(k, v, TOOLARGV_ALWAYS, 0, t);
	code = toolargv_in_script(&t->argv);
	if (code != -1)
		keys_complain(k, d->argv,
		    "{%s} is inside of a script, where its value would be code: give it as an argument, [..., \"-c\", \"... \\\"$1\\\" ...\", \"name\", \"{%s}\"]",
		    t->param[code].name, t->param[code].name);
	missing = toolargv_missing(&t->argv, t->param, t->param_count);
	if (missing != -1)
		keys_complain(k, d->argv,
		    "{%s} may be missing, and then its word cannot be made: give it a \"default\", or put the word under {\"if\": \"%s\", \"words\": [...]}",
		    t->param[missing].name, t->param[missing].name);
}

/* --- parameters, against the template --------------------------------- */

static void
read_input(const struct keys *k, const struct draft *d, struct tooldef *t)
{
	t->input = -1;
	if (d->input == NULL)
		return;
	if (json_is(d->input, JSON_STRING))
		t->input = find_param(t, d->input->text);
	if (t->input == -1) {
		keys_complain(k, d->input,
		    "\"stdin\" names the parameter that is the program's input: there is none of this name");
		return;
	}
	if (t->param[t->input].kind != PARAM_STRING)
		keys_complain(
		    k, d->input, "the parameter for stdin must be a string");
	if (toolargv_uses(&t->argv, (size_t)t->input))
		keys_complain(k, d->input,
		    "\"%s\" is the stdin and cannot be in \"argv\" as well",
		    t->param[t->input].name);
}

static void
check_params(const struct keys *k, const struct draft *d, struct tooldef *t)
{
	for (size_t i = 0; i < t->param_count; i++) {
		struct param *p = &t->param[i];
		const struct json_value *at = json_get(d->parameters, p->name);

		toolparam_check_dash(
		    k, at, p, toolargv_begins_word(&t->argv, i));
		if (!toolargv_uses(&t->argv, i) && t->input != (int)i)
			keys_complain(k, at,
			    "\"%s\" is used nowhere: put {%s} into \"argv\", or remove it",
			    p->name, p->name);
	}
}

/* --- the rest --------------------------------------------------------- */

static bool
read_hint(const struct keys *k, const struct json_value *v, bool by_default)
{
	if (v != NULL && !json_is(v, JSON_BOOL))
		keys_complain(k, v, "a hint is true or false, without quotes");
	return v != NULL ? v->boolean : by_default;
}

/* Absent hints mean the worst case, as in MCP. */
static void
read_hints(const struct keys *k, const struct draft *d, struct tooldef *t)
{
	bool read_only = read_hint(k, d->read_only, false);

	if (read_only)
		t->hints |= PROTO_HINT_READ_ONLY;
	if (read_hint(k, d->destructive, !read_only))
		t->hints |= PROTO_HINT_DESTRUCTIVE;
	if (read_hint(k, d->idempotent, false))
		t->hints |= PROTO_HINT_IDEMPOTENT;
	if (read_hint(k, d->open_world, true))
		t->hints |= PROTO_HINT_OPEN_WORLD;
}

static size_t
read_form(const struct keys *k, const struct json_value *v)
{
	const char *names[FORM_COUNT + 1], *close;

	if (v == NULL)
		return 0;
	for (size_t i = 0; i < FORM_COUNT; i++) {
		names[i] = forms[i].name;
		if (json_is(v, JSON_STRING) && bytes_eq_str(v->text, names[i]))
			return i;
	}
	names[FORM_COUNT] = NULL;
	close = json_is(v, JSON_STRING) ? closest_word(v->text, names) : NULL;
	keys_complain(k, v,
	    "\"form\" is \"text\", \"json\", \"content\", \"image\", \"audio\" or \"resource\"%s%s%s",
	    close != NULL ? ": did you mean \"" : "",
	    close != NULL ? close : "", close != NULL ? "\"?" : "");
	return 0;
}

static void
read_schema(const struct keys *k, const struct json_value *v, struct tooldef *t)
{
	const struct json_value *type = json_get(v, "type");

	if (t->form != PROTO_FORM_JSON)
		keys_complain(k, v, "\"schema\" is for the form \"json\" only");
	else if (!json_is(type, JSON_STRING) ||
		 !bytes_eq_str(type->text, "object"))
		keys_complain(k, v,
		    "\"schema\" is a JSON Schema of \"type\": \"object\": that is what MCP returns");
	json_put_value(&t->schema, v);
	if (t->schema.overflow)
		keys_complain(k, v, "\"schema\" is too large");
}

/* begins: what it begins with in this form; NULL: the form has none. */
static void
read_mime(const struct keys *k, const struct draft *d, const char *begins,
    struct tooldef *t)
{
	const struct json_value *v = d->mime;

	if (v == NULL && begins == NULL)
		return;
	if (v == NULL)
		keys_complain(k, d->form,
		    "say what it prints: \"mime_type\", such as \"%s\"",
		    begins[0] == 'i'   ? "image/png"
		    : begins[0] == 'a' ? "audio/wav"
				       : "application/pdf");
	else if (begins == NULL)
		keys_complain(k, v,
		    "\"mime_type\" is for the forms \"image\", \"audio\" and \"resource\" only");
	else if (keys_string(k, v, 1, t->mime, sizeof(t->mime)) &&
		 (strchr(t->mime, '/') == NULL ||
		     !bytes_starts(v->text, begins)))
		keys_complain(k, v, "\"mime_type\" must be like \"%s...\"",
		    begins[0] != '\0' ? begins : "application/");
}

static void
read_output(const struct keys *k, const struct draft *d, struct tooldef *t)
{
	size_t i = read_form(k, d->form);

	t->form = forms[i].form;
	read_mime(k, d, forms[i].mime, t);
	if (d->schema != NULL)
		read_schema(k, d->schema, t);
}

static void
read_root(const struct keys *k, const struct json_value *root, struct draft *d)
{
	struct tooldef *t = &d->t;
	struct bytes input = bytes_make(NULL, 0);

	keys_read(k, root, tool_keys, d);
	if (d->description != NULL)
		(void)keys_string(k, d->description, 1, t->description,
		    sizeof(t->description));
	if (json_is(d->input, JSON_STRING))
		input = d->input->text;
	toolparam_read(k, d->parameters, input, t->param, TOOLDEF_MAX_PARAMS,
	    &t->param_count);
	read_argv(k, d, t);
	read_input(k, d, t);
	check_params(k, d, t);
	read_hints(k, d, t);
	read_output(k, d, t);
}

static int
keep_tool(const struct tooldef *t, struct tooldef **out, struct err *e)
{
	struct tooldef *kept = malloc(sizeof(*kept));

	if (kept == NULL)
		return err_sys(e, "tool %s", t->name);
	*kept = *t;
	kept->refs = 1;
	*out = kept;
	return 0;
}

int
tooldef_parse(const char *path, const char *name, struct bytes text,
    struct tooldef **out, struct conf_report *r, struct err *e)
{
	struct keys k = { path, text, r, "mcp-execd-tool(5)" };
	unsigned before = r->count;
	struct json_doc *doc;
	static struct draft d; /* too large for a stack */
	int rc = keys_parse(path, text, &doc, r, e);

	if (rc != 0)
		return rc;
	memset(&d, 0, sizeof(d));
	toolargv_init(&d.t.argv);
	buf_init(&d.t.schema, TOOLDEF_MAX_FILE);
	(void)snprintf(d.t.name, sizeof(d.t.name), "%s", name);
	digest_sha256(text, d.t.text_digest);
	read_root(&k, json_root(doc), &d);
	json_free(doc);
	rc = keys_verdict(r, before, path, e);
	if (rc == 0)
		rc = keep_tool(&d.t, out, e);
	if (rc != 0)
		fini_tool(&d.t);
	return rc;
}

/* --- the directory ---------------------------------------------------- */

struct loader {
	struct tooldef_table *out;
	struct conf_report *report;
};

static bool
name_ok(struct bytes name)
{
	return name.len > 0 && name.len < TOOLDEF_MAX_NAME &&
	       bytes_only(name, "_.-");
}

static bool
room_for(const struct loader *l, const char *path, size_t bytes)
{
	if (l->out->count == TOOLDEF_MAX_TOOLS) {
		keys_complain_path(l->report, path,
		    "more than %d tools: remove some", TOOLDEF_MAX_TOOLS);
		return false;
	}
	if (bytes > TOOLDEF_MAX_BYTES - l->out->bytes) {
		keys_complain_path(l->report, path,
		    "all definitions together have over %d bytes",
		    TOOLDEF_MAX_BYTES);
		return false;
	}
	return true;
}

static bool
load_file(void *arg, const char *path, struct bytes name)
{
	struct loader *l = arg;
	unsigned before = l->report->count;
	CLEANUP_BUF struct buf text = { 0 };
	struct tooldef *def = NULL;
	char plain[TOOLDEF_MAX_NAME];
	struct err e;

	if (!name_ok(name) ||
	    bytes_to_str(name, plain, sizeof(plain), &e) != 0) {
		keys_complain_path(l->report, path,
		    "a tool's name is 1 to 63 of A-Z a-z 0-9 _ . - : rename the file");
		return true;
	}
	if (tooldef_is_built_in(name)) {
		keys_complain_path(l->report, path,
		    "%s is a tool that is built in: rename the file", plain);
		return true;
	}
	buf_init(&text, TOOLDEF_MAX_FILE);
	if (!keys_read_file(path, &text, l->report))
		return true;
	if (!room_for(l, path, text.len))
		return false;
	l->out->bytes += text.len;
	if (tooldef_parse(path, plain, buf_bytes(&text), &def, l->report, &e) ==
	    0)
		l->out->t[l->out->count++] = def;
	else if (l->report->count == before) /* not the file's fault: memory */
		keys_complain_path(l->report, path, "%s", e.what);
	return true;
}

int
tooldef_load_dir(const char *dir, struct tooldef_table *out,
    struct conf_report *r, struct err *e)
{
	struct loader l = { out, r };
	unsigned before = r->count;
	struct err bad;
	int rc;

	memset(out, 0, sizeof(*out));
	if (keys_each_file(dir, load_file, &l, &bad) != 0 &&
	    bad.sysno != ENOENT)
		keys_complain_path(r, dir, "%s",
		    bad.sysno != 0 ? strerror(bad.sysno) : bad.what);
	rc = keys_verdict(r, before, dir, e);
	if (rc != 0)
		tooldef_table_fini(out);
	return rc;
}

void
tooldef_table_fini(struct tooldef_table *t)
{
	for (size_t i = 0; i < t->count; i++)
		tooldef_unref(t->t[i]);
	t->count = t->bytes = 0;
}

struct tooldef *
tooldef_find(const struct tooldef_table *t, struct bytes name)
{
	for (size_t i = 0; t != NULL && i < t->count; i++)
		if (bytes_eq_str(name, t->t[i]->name))
			return t->t[i];
	return NULL;
}

const struct key *
tooldef_key_table(void)
{
	return tool_keys;
}
