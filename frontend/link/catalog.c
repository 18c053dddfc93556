/* SPDX-License-Identifier: MIT */
/* catalog: tools and their arguments (frontend, untrusted input). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/closest.h"
#include "frontend/link/catalog.h"

enum param_kind { PARAM_TEXT, PARAM_NUMBER, PARAM_ENV, PARAM_ENCODING };

struct catalog_param {
	const char *name;
	enum param_kind kind;
	size_t max; /* bytes */
	bool required;
	bool nul; /* may hold NUL */
	bool lines; /* read by a shell: CRLF becomes a newline */
};

#define COMMON_PARAMS                                                          \
	{ "stdin", PARAM_TEXT, CATALOG_MAX_STDIN, false, true, false },        \
	    { "timeout_ms", PARAM_NUMBER, 20, false, false, false },           \
	    { "encoding", PARAM_ENCODING, 16, false, false, false },           \
	{                                                                      \
		"env", PARAM_ENV, CATALOG_MAX_COMMAND, false, false, false     \
	}

static const struct catalog_param exec_params[] = {
	{ "command", PARAM_TEXT, CATALOG_MAX_COMMAND, true, false, true },
	{ "working_dir", PARAM_TEXT, CATALOG_MAX_PATH, false, false, false },
	COMMON_PARAMS
};

static const struct catalog_param cli_params[] = {
	{ "command", PARAM_TEXT, CATALOG_MAX_COMMAND, true, false, false },
	{ "work_dir", PARAM_TEXT, CATALOG_MAX_PATH, false, false, false },
	COMMON_PARAMS
};

#define COMMON_SCHEMA                                                          \
	"\"stdin\":{\"type\":\"string\",\"description\":\"Text for the "       \
	"command's standard input. Without it, standard input is empty.\"},"   \
	"\"timeout_ms\":{\"type\":\"integer\",\"minimum\":1,"                  \
	"\"description\":\"Milliseconds after which the command and all it "   \
	"started is ended; the output so far is returned. The policy sets "    \
	"the default and the maximum.\"},"                                     \
	"\"encoding\":{\"type\":\"string\",\"enum\":[\"text\",\"base64\"],"    \
	"\"description\":\"base64: return standard output as base64, for "     \
	"bytes that are not text, unless it is longer than what is returned. " \
	"Pictures, WAV and PDF are recognised without.\"},"                    \
	"\"env\":{\"type\":\"object\",\"additionalProperties\":{\"type\":"     \
	"\"string\"},\"description\":\"Environment variables for this "        \
	"command; only names that the policy allows.\"}"

static const char exec_schema[] =
    "{\"type\":\"object\",\"properties\":{\"command\":{\"type\":\"string\",\"description\":\"Shell command line, for example: ls -l | head. Pipes, redirections, variables and && work.\"},\"working_dir\":{\"type\":\"string\",\"description\":\"Directory to run in, relative to the token's directory or absolute inside it. Default: the token's directory.\"}," COMMON_SCHEMA
    "},\"required\":[\"command\"],\"additionalProperties\":false}";

static const char cli_schema[] =
    "{\"type\":\"object\",\"properties\":{\"command\":{\"type\":\"string\",\"description\":\"Program and arguments, for example: grep -n 'two words' file.txt. Quotes group words; no pipes, redirections, variables or wildcards.\"},\"work_dir\":{\"type\":\"string\",\"description\":\"Directory to run in, relative to the token's directory or absolute inside it. Default: the token's directory.\"}," COMMON_SCHEMA
    "},\"required\":[\"command\"],\"additionalProperties\":false}";

static const char output_schema[] =
    "{\"type\":\"object\",\"properties\":{\"stdout\":{\"type\":\"string\"},\"stderr\":{\"type\":\"string\"},\"encoding\":{\"type\":\"string\",\"enum\":[\"base64\"],\"description\":\"there if stdout is base64\"},\"exit_code\":{\"type\":[\"integer\",\"null\"],\"description\":\"null unless the command ended by itself\"},\"mime_type\":{\"type\":\"string\",\"description\":\"of stdout, where its bytes are a picture, sound or file\"},\"signal\":{\"type\":[\"string\",\"null\"],\"description\":\"name of the signal that ended it\"},\"state\":{\"type\":\"string\",\"enum\":[\"exited\",\"signalled\",\"timed_out\",\"cancelled\",\"refused\",\"lost\"]},\"message\":{\"type\":\"string\",\"description\":\"why it was refused or ended, and what to do\"},\"timed_out\":{\"type\":\"boolean\"},\"truncated\":{\"type\":\"boolean\",\"description\":\"output was left out; a marker in it tells where\"},\"bytes\":{\"type\":\"object\",\"properties\":{\"stdout\":{\"type\":\"integer\"},\"stderr\":{\"type\":\"integer\"}},\"required\":[\"stdout\",\"stderr\"],\"description\":\"written by the command\"},\"duration_ms\":{\"type\":\"integer\"},\"run_id\":{\"type\":[\"string\",\"null\"],\"description\":\"names this run in the server's audit log\"},\"denials\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"description\":\"what the policy refused to the command\"},\"more\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"description\":\"resources that hold what was left out\"}},\"required\":[\"stdout\",\"stderr\",\"exit_code\",\"signal\",\"state\",\"timed_out\",\"truncated\",\"bytes\",\"duration_ms\",\"run_id\",\"denials\",\"more\"]}";

/* Any command: a client must assume the worst. */
static const char annotations[] =
    "\"readOnlyHint\":false,\"destructiveHint\":true,\"idempotentHint\":false,\"openWorldHint\":true";

static int flatten_builtin(const struct catalog_tool *t,
    const struct json_value *arguments, struct catalog_args *out,
    struct err *e);

#define PARAMS(table)                                                          \
	.params = (table), .param_count = sizeof(table) / sizeof((table)[0]),  \
	.output_schema = output_schema, .annotations = annotations,            \
	.flatten = flatten_builtin

static const struct catalog_tool tools[] = {
	{ "exec_cmd", "Run a shell command",
	    "Run a command line in the server's shell and return its output. Each call is a new shell: directory and variables do not carry over to the next. Commands that wait for a terminal or for input do not work; give input with stdin. A command that takes longer than the time limit is ended, and its output so far is returned.",
	    exec_schema, .style = CATALOG_STREAM, PARAMS(exec_params) },
	{ "cli_command", "Run a program",
	    "Run one program with arguments on the server, without a shell, and return STDOUT, STDERR, RETURNCODE and SUCCESS. The command is split into words as a POSIX shell would, with quotes, but nothing is expanded: prefer it when arguments hold special characters. Each call stands for itself; a program that takes longer than the time limit is ended, and its output so far is returned.",
	    cli_schema, .style = CATALOG_LABELLED, PARAMS(cli_params) },
};

const struct catalog_tool *
catalog_find(struct bytes name)
{
	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
		if (bytes_eq_str(name, tools[i].name))
			return &tools[i];
	return NULL;
}

const char *
catalog_output_schema(void)
{
	return output_schema;
}

void
catalog_args_init(struct catalog_args *a)
{
	a->count = 0;
	a->base64 = false;
	a->ignored = NULL;
	buf_init(&a->store, CATALOG_MAX_BYTES);
}

void
catalog_args_fini(struct catalog_args *a)
{
	buf_wipe(&a->store);
}

static void
add_arg(struct catalog_args *out, const char *name, enum proto_kind kind,
    struct bytes value)
{
	out->arg[out->count++] =
	    (struct catalog_arg){ .name = name, .kind = kind, .value = value };
}

static int
check_text(const struct catalog_param *p, const char *what, struct bytes text,
    struct err *e)
{
	if (text.len > p->max)
		return err_set(e, ERR_BAD,
		    "%s has %zu bytes, %zu is the most%s", what, text.len,
		    p->max, p->required ? "; put long text into stdin" : "");
	if (!p->nul && bytes_has_nul(text))
		return err_set(e, ERR_BAD,
		    "%s holds a NUL character, which no program can be given",
		    what);
	return 0;
}

/*
 * A command line with the line ends of another system, which a shell would take
 * for a part of its words: the same with newlines, into the store.
 */
static int
take_lines(const struct catalog_param *p, struct bytes text,
    struct catalog_args *out, struct err *e)
{
	size_t from = out->store.len;

	for (size_t i = 0; i < text.len; i++)
		if (text.p[i] != '\r' ||
		    (i + 1 < text.len && text.p[i + 1] != '\n'))
			buf_put_u8(&out->store, text.p[i]);
	if (out->store.overflow)
		return err_set(e, ERR_BAD, "%s is too long", p->name);
	/* resolve_stored gives it its place */
	add_arg(out, p->name, PROTO_STRING,
	    bytes_make(NULL, out->store.len - from));
	return 0;
}

static bool
has_foreign_ends(struct bytes text)
{
	return (text.len > 0 && text.p[text.len - 1] == '\r') ||
	       memmem(text.p, text.len, "\r\n", 2) != NULL;
}

static int
take_text(const struct catalog_param *p, const struct json_value *v,
    struct catalog_args *out, struct err *e)
{
	if (v->type != JSON_STRING)
		return err_set(e, ERR_BAD, "%s must be a string, not %s",
		    p->name, json_type_name(v->type));
	if (check_text(p, p->name, v->text, e) != 0)
		return e->code;
	if (p->lines && has_foreign_ends(v->text))
		return take_lines(p, v->text, out, e);
	add_arg(out, p->name, PROTO_STRING, v->text);
	return 0;
}

bool
catalog_integer(const struct json_value *v, struct catalog_args *out,
    int64_t *n, struct bytes *text)
{
	char *number = out->number[out->count];

	if (!json_to_i64(v, n))
		return false;
	(void)snprintf(number, CATALOG_NUMBER, "%" PRId64, *n);
	*text = bytes_of(number);
	return true;
}

static int
take_number(const struct catalog_param *p, const struct json_value *v,
    struct catalog_args *out, struct err *e)
{
	struct bytes text;
	int64_t n;

	if (!catalog_integer(v, out, &n, &text) || n < 1)
		return err_set(e, ERR_BAD,
		    "%s must be a whole number of at least 1", p->name);
	add_arg(out, p->name, PROTO_NUMBER, text);
	return 0;
}

/* Ours alone: the executor is not told. */
static int
take_encoding(
    const struct json_value *v, struct catalog_args *out, struct err *e)
{
	bool text = json_is(v, JSON_STRING) && bytes_eq_str(v->text, "text");

	out->base64 =
	    json_is(v, JSON_STRING) && bytes_eq_str(v->text, "base64");
	if (text || out->base64)
		return 0;
	return err_set(e, ERR_BAD, "encoding must be \"text\" or \"base64\"");
}

static bool
is_env_name(struct bytes name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.p[i] == '=' || name.p[i] <= ' ' || name.p[i] >= 0x7f)
			return false;
	return name.len > 0;
}

/* "NAME=value" into the store; its place there stands in value.len. */
static int
take_variable(const struct catalog_param *p, const struct json_value *v,
    struct catalog_args *out, struct err *e)
{
	size_t from = out->store.len;

	if (v->type != JSON_STRING)
		return err_set(e, ERR_BAD, "env values must be strings, not %s",
		    json_type_name(v->type));
	if (!is_env_name(v->key))
		return err_set(e, ERR_BAD,
		    "env names must be like NAME: printable, without spaces and \"=\"");
	buf_put_bytes(&out->store, v->key);
	buf_put_u8(&out->store, '=');
	buf_put_bytes(&out->store, v->text);
	if (out->store.overflow)
		return err_set(e, ERR_BAD, "env has more than %d bytes",
		    CATALOG_MAX_BYTES);
	add_arg(out, p->name, PROTO_STRING,
	    bytes_make(NULL, out->store.len - from));
	return check_text(p, "a variable in env",
	    bytes_make(out->store.p + from, out->store.len - from), e);
}

static int
take_env(const struct catalog_param *p, const struct json_value *v,
    struct catalog_args *out, struct err *e)
{
	if (v->type != JSON_OBJECT)
		return err_set(e, ERR_BAD,
		    "%s must be an object of strings, not %s", p->name,
		    json_type_name(v->type));
	if (v->count > CATALOG_MAX_ENV)
		return err_set(e, ERR_BAD,
		    "%s has %zu variables, %d is the most", p->name, v->count,
		    CATALOG_MAX_ENV);
	for (v = v->child; v != NULL; v = v->next)
		if (take_variable(p, v, out, e) != 0)
			return e->code;
	return 0;
}

/* The store stands still now: let the values in it point there. */
static void
resolve_stored(struct catalog_args *out)
{
	const uint8_t *at = out->store.p;

	for (size_t i = 0; i < out->count; i++) {
		if (out->arg[i].value.p != NULL || out->arg[i].value.len == 0)
			continue;
		out->arg[i].value.p = at;
		at += out->arg[i].value.len;
	}
}

static const struct catalog_param *
find_param(const struct catalog_tool *t, struct bytes name)
{
	for (size_t i = 0; i < t->param_count; i++)
		if (bytes_eq_str(name, t->params[i].name))
			return &t->params[i];
	return NULL;
}

/* A name from outside, cut and printable, for a message. */
static void
show_name(struct bytes name, char out[65])
{
	size_t n = 0;

	while (n < name.len && n < 64) {
		uint8_t c = name.p[n];

		out[n++] = (char)(c >= ' ' && c < 0x7f ? c : '?');
	}
	out[n] = '\0';
}

/* What models and other servers call the arguments of ours. */
static const struct {
	const char *word;
	const char *means[3]; /* any of them, NULL ends */
} synonyms[] = {
	{ "cwd", { "working_dir", "work_dir" } },
	{ "dir", { "working_dir", "work_dir" } },
	{ "path", { "working_dir", "work_dir" } },
	{ "directory", { "working_dir", "work_dir" } },
	{ "workdir", { "working_dir", "work_dir" } },
	{ "work_dir", { "working_dir" } },
	{ "working_dir", { "work_dir" } },
	{ "workingDirectory", { "working_dir", "work_dir" } },
	{ "working_directory", { "working_dir", "work_dir" } },
	{ "cmd", { "command" } },
	{ "script", { "command" } },
	{ "code", { "command" } },
	{ "command_line", { "command" } },
	{ "input", { "stdin" } },
	{ "timeout", { "timeout_ms" } },
	{ "timeout_seconds", { "timeout_ms" } },
	{ "environment", { "env" } },
};

static const char *
find_nearest(const char *const *names, struct bytes name)
{
	const char *words[sizeof(synonyms) / sizeof(synonyms[0]) + 1] = { 0 };
	const char *close = closest_word(name, names);
	size_t n = sizeof(synonyms) / sizeof(synonyms[0]), at = 0;

	if (close != NULL)
		return close;
	for (size_t i = 0; i < n; i++)
		words[i] = synonyms[i].word;
	close = closest_word(name, words);
	while (at < n && words[at] != close)
		at++;
	for (size_t i = 0; at < n && synonyms[at].means[i] != NULL; i++)
		for (size_t k = 0; names[k] != NULL; k++)
			if (strcmp(names[k], synonyms[at].means[i]) == 0)
				return names[k];
	return NULL;
}

int
catalog_take_unknown(const char *tool, const char *const *names,
    struct bytes name, struct catalog_args *out, struct err *e)
{
	const char *drop =
	    out->ignored != NULL ? out->ignored(out->ignored_arg, name) : NULL;
	const char *close = find_nearest(names, name);
	char list[512] = "no arguments", hint[112] = "; it takes", shown[65];
	size_t n = 0;

	if (drop != NULL && out->count < CATALOG_MAX_ARGS) {
		add_arg(out, drop, PROTO_STRING, bytes_make(NULL, 0));
		return 0;
	}
	for (size_t i = 0; names[i] != NULL && n < sizeof(list) - 1; i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s",
		    i > 0 ? ", " : "", names[i]);
	if (close != NULL)
		(void)snprintf(hint, sizeof(hint),
		    ": did you mean \"%s\"? It takes", close);
	show_name(name, shown);
	return err_set(e, ERR_BAD, "%s has no argument \"%s\"%s %s", tool,
	    shown, hint, list);
}

static int
refuse_unknown(const struct catalog_tool *t, struct bytes name,
    struct catalog_args *out, struct err *e)
{
	const char *names[8] = { NULL };

	for (size_t i = 0; i < t->param_count && i < 7; i++)
		names[i] = t->params[i].name;
	return catalog_take_unknown(t->name, names, name, out, e);
}

static int
take_value(const struct catalog_tool *t, const struct json_value *v,
    struct catalog_args *out, struct err *e)
{
	const struct catalog_param *p = find_param(t, v->key);

	if (p == NULL)
		return refuse_unknown(t, v->key, out, e);
	/* some clients send null for what was left out */
	if (v->type == JSON_NULL && !p->required)
		return 0;
	switch (p->kind) {
	case PARAM_TEXT:
		return take_text(p, v, out, e);
	case PARAM_NUMBER:
		return take_number(p, v, out, e);
	case PARAM_ENCODING:
		return take_encoding(v, out, e);
	case PARAM_ENV:
		break;
	}
	return take_env(p, v, out, e);
}

static int
flatten_builtin(const struct catalog_tool *t,
    const struct json_value *arguments, struct catalog_args *out, struct err *e)
{
	const struct json_value *command = json_get(arguments, "command");
	size_t bytes = 0;

	if (command == NULL ||
	    (command->type == JSON_STRING && command->text.len == 0))
		return err_set(e, ERR_BAD,
		    "command is required: a string with the command to run");
	for (const struct json_value *v = arguments->child; v != NULL;
	     v = v->next)
		if (take_value(t, v, out, e) != 0)
			return e->code;
	resolve_stored(out);
	for (size_t i = 0; i < out->count; i++)
		bytes += out->arg[i].value.len;
	if (bytes > CATALOG_MAX_BYTES)
		return err_set(e, ERR_BAD,
		    "the arguments have %zu bytes, %d is the most", bytes,
		    CATALOG_MAX_BYTES);
	return 0;
}

int
catalog_flatten(const struct catalog_tool *t,
    const struct json_value *arguments, struct catalog_args *out, struct err *e)
{
	if (json_is(arguments, JSON_NULL))
		arguments = NULL;
	return t->flatten(t, arguments, out, e);
}
