/* SPDX-License-Identifier: MIT */
/* catalog: tools and their arguments (frontend, untrusted input). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/closest.h"
#include "frontend/link/catalog.h"

enum param_kind {
	PARAM_TEXT,
	PARAM_NUMBER,
	PARAM_BOOL,
	PARAM_ENV,
	PARAM_ENCODING,
	PARAM_VIEW
};

struct catalog_param {
	const char *name;
	enum param_kind kind;
	size_t max; /* bytes */
	bool required;
	bool nul; /* may hold NUL */
	bool lines; /* read by a shell: CRLF becomes a newline */
	bool zero; /* a number that may be 0 */
	const char *sent; /* the executor's name for it; NULL: the same */
};

#define COMMON_PARAMS                                                          \
	{ "stdin", PARAM_TEXT, CATALOG_MAX_STDIN, false, true, false, false,   \
		NULL },                                                        \
	    { "timeout_ms", PARAM_NUMBER, 20, false, false, false, false,      \
		    NULL },                                                    \
	    { "encoding", PARAM_ENCODING, 16, false, false, false, false,      \
		    NULL },                                                    \
	    { "view", PARAM_VIEW, CATALOG_MAX_VIEW, false, false, false,       \
		    false, NULL },                                             \
	{                                                                      \
		"env", PARAM_ENV, CATALOG_MAX_COMMAND, false, false, false,    \
		    false, NULL                                                \
	}

#define SIZE_PARAMS                                                            \
	{ .name = "columns", .kind = PARAM_NUMBER, .sent = "job.columns" },    \
	{                                                                      \
		.name = "rows", .kind = PARAM_NUMBER, .sent = "job.rows"       \
	}

/* Of the job tools; their schemas are below. */
static const struct catalog_param start_params[] = {
	{ .name = "name", .kind = PARAM_TEXT, .max = 63, .sent = "job.name" },
	{ .name = "input", .kind = PARAM_BOOL, .sent = "job.input" },
	{ .name = "keep", .kind = PARAM_NUMBER, .sent = "job.keep" },
	{ .name = "pty", .kind = PARAM_BOOL, .sent = "job.pty" },
	SIZE_PARAMS,
	{ .name = "idempotency_key",
	    .kind = PARAM_TEXT,
	    .max = 255,
	    .sent = "job.key" },
};

#define JOB_PARAM                                                              \
	{                                                                      \
		.name = "job", .kind = PARAM_TEXT, .max = 64, .required = true \
	}

static const struct catalog_param output_params[] = {
	JOB_PARAM,
	{ .name = "cursor", .kind = PARAM_NUMBER, .zero = true },
	{ .name = "wait_ms", .kind = PARAM_NUMBER, .zero = true },
	{ .name = "until", .kind = PARAM_TEXT, .max = 16 },
	{ .name = "view", .kind = PARAM_VIEW, .max = CATALOG_MAX_VIEW },
	{ .name = "screen", .kind = PARAM_BOOL },
};

static const struct catalog_param input_params[] = {
	JOB_PARAM,
	{ .name = "data", .kind = PARAM_TEXT, .max = 65536, .nul = true },
	{ .name = "keys", .kind = PARAM_TEXT, .max = 4096 },
	SIZE_PARAMS,
	{ .name = "eof", .kind = PARAM_BOOL },
};

static const struct catalog_param stop_params[] = {
	JOB_PARAM,
	{ .name = "signal", .kind = PARAM_TEXT, .max = 16 },
};

static const struct catalog_param list_params[] = {
	{ .name = NULL },
};

/* What a token with jobs may add to any call. */
#define KEY_PARAM                                                              \
	{                                                                      \
		.name = "idempotency_key", .kind = PARAM_TEXT, .max = 255,     \
		.sent = "job.key"                                              \
	}

static const struct catalog_param exec_params[] = {
	{ "command", PARAM_TEXT, CATALOG_MAX_COMMAND, true, false, true, false,
	    NULL },
	{ "working_dir", PARAM_TEXT, CATALOG_MAX_PATH, false, false, false,
	    false, NULL },
	COMMON_PARAMS
};

static const struct catalog_param cli_params[] = {
	{ "command", PARAM_TEXT, CATALOG_MAX_COMMAND, true, false, false, false,
	    NULL },
	{ "work_dir", PARAM_TEXT, CATALOG_MAX_PATH, false, false, false, false,
	    NULL },
	COMMON_PARAMS
};

static const struct catalog_param exec_jobs_params[] = {
	{ "command", PARAM_TEXT, CATALOG_MAX_COMMAND, true, false, true, false,
	    NULL },
	{ "working_dir", PARAM_TEXT, CATALOG_MAX_PATH, false, false, false,
	    false, NULL },
	COMMON_PARAMS, KEY_PARAM
};

static const struct catalog_param cli_jobs_params[] = {
	{ "command", PARAM_TEXT, CATALOG_MAX_COMMAND, true, false, false, false,
	    NULL },
	{ "work_dir", PARAM_TEXT, CATALOG_MAX_PATH, false, false, false, false,
	    NULL },
	COMMON_PARAMS, KEY_PARAM
};

/* clang-format off */
#define VIEW_SCHEMA(by_default) \
	"\"view\":{\"type\":\"string\",\"description\":\"What to return of the output: all, head, tail, errors (lines that look like failures), summary (repeated lines folded), lines 10-99, grep PATTERN or grep -C2 PATTERN (regular expression, case matters without (?i)). Default: " by_default ".\"}"
#define OUTPUT_VIEW \
	VIEW_SCHEMA("all if it is short, else beginning, failures and end")
#define JOB_VIEW \
	VIEW_SCHEMA("bytes from cursor on; without cursor as exec_cmd does")
/* clang-format on */

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
	"Pictures, WAV and PDF are recognised without.\"}," OUTPUT_VIEW ","    \
	"\"env\":{\"type\":\"object\",\"additionalProperties\":{\"type\":"     \
	"\"string\"},\"description\":\"Environment variables for this "        \
	"command; only names that the policy allows.\"}"

/* One line each, as they are messages. */
/* clang-format off */
#define EXEC_SCHEMA "\"command\":{\"type\":\"string\",\"description\":\"Shell command line, for example: ls -l | head. Pipes, redirections, variables and && work.\"},\"working_dir\":{\"type\":\"string\",\"description\":\"Directory to run in, relative to the token's directory or absolute inside it. Default: the token's directory.\"},"
#define CLI_SCHEMA "\"command\":{\"type\":\"string\",\"description\":\"Program and arguments, for example: grep -n 'two words' file.txt. Quotes group words; no pipes, redirections, variables or wildcards.\"},\"work_dir\":{\"type\":\"string\",\"description\":\"Directory to run in, relative to the token's directory or absolute inside it. Default: the token's directory.\"},"
/* clang-format on */

static const char exec_schema[] =
    "{\"type\":\"object\",\"properties\":{" EXEC_SCHEMA COMMON_SCHEMA
    "},\"required\":[\"command\"],\"additionalProperties\":false}";

static const char cli_schema[] =
    "{\"type\":\"object\",\"properties\":{" CLI_SCHEMA COMMON_SCHEMA
    "},\"required\":[\"command\"],\"additionalProperties\":false}";

static const char output_schema[] =
    "{\"type\":\"object\",\"properties\":{\"stdout\":{\"type\":\"string\"},\"stderr\":{\"type\":\"string\"},\"encoding\":{\"type\":\"string\",\"enum\":[\"base64\"],\"description\":\"there if stdout is base64\"},\"exit_code\":{\"type\":[\"integer\",\"null\"],\"description\":\"null unless the command ended by itself\"},\"mime_type\":{\"type\":\"string\",\"description\":\"of stdout, where its bytes are a picture, sound or file\"},\"signal\":{\"type\":[\"string\",\"null\"],\"description\":\"name of the signal that ended it\"},\"state\":{\"type\":\"string\",\"enum\":[\"exited\",\"signalled\",\"timed_out\",\"cancelled\",\"refused\",\"lost\",\"running\"]},\"message\":{\"type\":\"string\",\"description\":\"why it was refused or ended, and what to do\"},\"timed_out\":{\"type\":\"boolean\"},\"truncated\":{\"type\":\"boolean\",\"description\":\"output was left out; a marker in it tells where\"},\"bytes\":{\"type\":\"object\",\"properties\":{\"stdout\":{\"type\":\"integer\"},\"stderr\":{\"type\":\"integer\"}},\"required\":[\"stdout\",\"stderr\"],\"description\":\"written by the command\"},\"duration_ms\":{\"type\":\"integer\"},\"run_id\":{\"type\":[\"string\",\"null\"],\"description\":\"names this run in the server's audit log\"},\"denials\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"description\":\"what the policy refused to the command\"},\"notes\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"description\":\"how it ended, and what was not in its view\"},\"more\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"description\":\"resources that hold what was left out\"},\"view\":{\"type\":\"string\",\"description\":\"what of the output is shown\"}},\"required\":[\"stdout\",\"stderr\",\"exit_code\",\"signal\",\"state\",\"timed_out\",\"truncated\",\"bytes\",\"duration_ms\",\"run_id\",\"denials\",\"more\"]}";

/* Any command: a client must assume the worst. */
static const char annotations[] =
    "\"readOnlyHint\":false,\"destructiveHint\":true,\"idempotentHint\":false,\"openWorldHint\":true";

static int flatten_builtin(const struct catalog_tool *t,
    const struct json_value *arguments, struct catalog_args *out,
    struct err *e);
static int flatten_start(const struct catalog_tool *t,
    const struct json_value *arguments, struct catalog_args *out,
    struct err *e);

#define KEY_SCHEMA                                                             \
	",\"idempotency_key\":{\"type\":\"string\",\"maxLength\":255,"         \
	"\"description\":\"Any text that is new for each call, such as a "     \
	"UUID. The same call sent again with the same key, say after its "     \
	"answer was lost, does not run again: it gets the result of the "      \
	"first. Forgotten when the run is kept no longer.\"}"

#define JOB_SCHEMA                                                             \
	"\"job\":{\"type\":\"string\",\"description\":\"The job's id, as "     \
	"job_start or a call that goes on as a job gave it, or as job_list "   \
	"shows it; or its name.\"}"

static const char exec_jobs_schema[] =
    "{\"type\":\"object\",\"properties\":{" EXEC_SCHEMA COMMON_SCHEMA KEY_SCHEMA
    "},\"required\":[\"command\"],\"additionalProperties\":false}";

static const char cli_jobs_schema[] =
    "{\"type\":\"object\",\"properties\":{" CLI_SCHEMA COMMON_SCHEMA KEY_SCHEMA
    "},\"required\":[\"command\"],\"additionalProperties\":false}";

static const char start_schema[] =
    "{\"type\":\"object\",\"properties\":{\"command\":{\"type\":\"string\",\"description\":\"What to run: a command line as exec_cmd takes it, or, where that tool is not offered, as cli_command does. Leave it out to start another tool.\"},\"working_dir\":{\"type\":\"string\",\"description\":\"Directory to run the command in, relative to the token's directory or absolute inside it.\"},\"tool\":{\"type\":\"string\",\"description\":\"Name of another tool of this server to start instead of a command, such as cli_command.\"},\"arguments\":{\"type\":\"object\",\"description\":\"That tool's arguments.\"},\"name\":{\"type\":\"string\",\"maxLength\":63,\"description\":\"A name to know the job by in job_list.\"},\"input\":{\"type\":\"boolean\",\"description\":\"Keep standard input open for job_input. Without it, standard input is empty or what stdin gives.\"},\"keep\":{\"type\":\"integer\",\"minimum\":1,\"description\":\"Seconds for which its output is kept after its end, if the policy does not keep it for less.\"},\"pty\":{\"type\":\"boolean\",\"description\":\"Run it in a terminal.\"},\"columns\":{\"type\":\"integer\",\"default\":80},\"rows\":{\"type\":\"integer\",\"default\":24},\"stdin\":{\"type\":\"string\",\"description\":\"Text for the command's standard input.\"},\"timeout_ms\":{\"type\":\"integer\",\"minimum\":1,\"description\":\"Milliseconds after which the job and all it started is ended. Default: the most that the policy allows.\"},\"env\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"},\"description\":\"Environment variables for the command; only names that the policy allows.\"}" KEY_SCHEMA "},\"additionalProperties\":false}";

static const char job_output_schema[] =
    "{\"type\":\"object\",\"properties\":{" JOB_SCHEMA
    ",\"cursor\":{\"type\":\"integer\",\"minimum\":0,\"description\":\"Number of the first byte of output to return; each answer says which comes next. Default: 0, the beginning.\"}," JOB_VIEW
    ",\"wait_ms\":{\"type\":\"integer\",\"minimum\":0,\"description\":\"Wait so long at most, and no longer than calls are waited for, if there is nothing new yet. Default: 0.\"},\"until\":{\"type\":\"string\",\"enum\":[\"output\",\"end\"],\"description\":\"What to wait for: output (the default), or the end of the job.\"},\"screen\":{\"type\":\"boolean\",\"description\":\"Of a terminal: return what it shows now instead.\"}},\"required\":[\"job\"],\"additionalProperties\":false}";

static const char input_schema[] =
    "{\"type\":\"object\",\"properties\":{" JOB_SCHEMA
    ",\"data\":{\"type\":\"string\",\"description\":\"Text to write as it is; end a line with a newline.\"},\"keys\":{\"type\":\"string\",\"description\":\"Keys for a terminal, after data: characters or Enter Tab Esc Up Down Left Right Home End PageUp PageDown Backspace Delete F1 C-c M-x, spaces between.\"},\"columns\":{\"type\":\"integer\"},\"rows\":{\"type\":\"integer\"},\"eof\":{\"type\":\"boolean\",\"description\":\"Close standard input after it.\"}},\"required\":[\"job\"],\"additionalProperties\":false}";

static const char stop_schema[] =
    "{\"type\":\"object\",\"properties\":{" JOB_SCHEMA
    ",\"signal\":{\"type\":\"string\",\"enum\":[\"TERM\",\"KILL\"],\"description\":\"TERM (the default): all its processes are asked to end, and killed a little later. KILL: they are killed at once.\"}},\"required\":[\"job\"],\"additionalProperties\":false}";

static const char list_schema[] =
    "{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}";

static const char reads[] =
    "\"readOnlyHint\":true,\"destructiveHint\":false,\"idempotentHint\":true,\"openWorldHint\":false";

static const char writes[] =
    "\"readOnlyHint\":false,\"destructiveHint\":true,\"idempotentHint\":false,\"openWorldHint\":false";

#define PARAMS(table)                                                          \
	.params = (table), .param_count = sizeof(table) / sizeof((table)[0]),  \
	.output_schema = output_schema, .annotations = annotations,            \
	.flatten = flatten_builtin

#define JOB_TOOL(table, hints, fn)                                             \
	.params = (table), .param_count = sizeof(table) / sizeof((table)[0]),  \
	.annotations = (hints), .style = CATALOG_PLAIN, .flatten = (fn)

static const struct catalog_tool tools[] = {
	{ "exec_cmd", "Run a shell command",
	    "Run a command line in the server's shell and return its output. Each call is a new shell: directory and variables do not carry over to the next. Commands that wait for a terminal or for input do not work; give input with stdin.",
	    exec_schema, .style = CATALOG_STREAM, PARAMS(exec_params) },
	{ "cli_command", "Run a program",
	    "Run one program, without a shell, and return STDOUT, STDERR, RETURNCODE and SUCCESS. The command is split into words as a POSIX shell would, with quotes, but nothing is expanded: prefer it when arguments hold special characters.",
	    cli_schema, .style = CATALOG_LABELLED, PARAMS(cli_params) },
};

/* The same two for a token with jobs, and what it gets besides. */
static const struct catalog_tool job_tools[] = {
	{ "exec_cmd", "Run a shell command",
	    "Run a command line in the server's shell and return its output. Each call is a new shell: directory and variables do not carry over to the next. If it takes long, the call returns the output so far and the id of a job, which job_output reads on. Give input with stdin; for a command that asks while it runs use job_start and job_input.",
	    exec_jobs_schema, .style = CATALOG_STREAM,
	    PARAMS(exec_jobs_params) },
	{ "cli_command", "Run a program",
	    "Run one program, without a shell, and return STDOUT, STDERR, RETURNCODE and SUCCESS. The command is split into words as a POSIX shell would, with quotes, but nothing is expanded: prefer it when arguments hold special characters. If it takes long, the call returns the output so far and the id of a job, which job_output reads on.",
	    cli_jobs_schema, .style = CATALOG_LABELLED,
	    PARAMS(cli_jobs_params) },
	{ "job_start", "Start a job",
	    "Start a command that goes on whatever becomes of this call, this session or the connection, for long builds, servers and programs that ask. Returns the job's id as soon as it runs; read its output with job_output, write to it with job_input, end it with job_stop.",
	    start_schema, JOB_TOOL(start_params, annotations, flatten_start) },
	{ "job_output", "Read a job's output",
	    "Tell whether a job still runs or how it ended, and return its output from a byte number on (cursor), standard output and standard error in the order in which they came. The answer says with which cursor to go on. With wait_ms it waits for more, which is cheaper than asking again and again. Works for every run of this token that is still kept, also after it has ended.",
	    job_output_schema,
	    JOB_TOOL(output_params, reads, flatten_builtin) },
	{ "job_input", "Write to a job",
	    "Write text to the standard input of a job that was started with input: true, or close it.",
	    input_schema, JOB_TOOL(input_params, writes, flatten_builtin) },
	{ "job_stop", "End a job",
	    "End a job or any other run of this token with all processes that it started, and tell what was ended. Its output can still be read.",
	    stop_schema, JOB_TOOL(stop_params, writes, flatten_builtin) },
	{ "job_list", "List jobs",
	    "List the runs of this token: what runs, jobs and calls alike, then what has ended and is still kept, newest first, with ids, how they ended and how much they wrote.",
	    list_schema, JOB_TOOL(list_params, reads, flatten_builtin) },
};

const struct catalog_tool *
catalog_find(struct bytes name, bool jobs)
{
	const struct catalog_tool *t = jobs ? job_tools : tools;
	size_t n = jobs ? sizeof(job_tools) / sizeof(job_tools[0])
			: sizeof(tools) / sizeof(tools[0]);

	for (size_t i = 0; i < n; i++)
		if (bytes_eq_str(name, t[i].name))
			return &t[i];
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
	a->offered = NULL;
	a->offered_count = 0;
	buf_init(&a->store, CATALOG_MAX_BYTES);
}

void
catalog_args_fini(struct catalog_args *a)
{
	buf_wipe(&a->store);
}

static const char *
sent_name(const struct catalog_param *p)
{
	return p->sent != NULL ? p->sent : p->name;
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
	add_arg(out, sent_name(p), PROTO_STRING,
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
	add_arg(out, sent_name(p), PROTO_STRING, v->text);
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
	size_t len = strlen(p->name);
	bool timed = len > 3 && strcmp(p->name + len - 3, "_ms") == 0;
	struct bytes text;
	int64_t n;

	if (!catalog_integer(v, out, &n, &text) || n < (p->zero ? 0 : 1))
		return err_set(e, ERR_BAD,
		    "%s must be a whole number%s, at least %d", p->name,
		    timed ? " of milliseconds" : "", p->zero ? 0 : 1);
	add_arg(out, sent_name(p), PROTO_NUMBER, text);
	return 0;
}

static int
take_bool(const struct catalog_param *p, const struct json_value *v,
    struct catalog_args *out, struct err *e)
{
	if (v->type != JSON_BOOL)
		return err_set(e, ERR_BAD, "%s must be true or false, not %s",
		    p->name, json_type_name(v->type));
	add_arg(out, sent_name(p), PROTO_BOOL,
	    v->boolean ? BYTES_LIT("true") : BYTES_LIT("false"));
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

/* "lines 1-9" of {"lines": {"from": 1, "to": 9}} or {"lines": "1-9"}. */
static bool
put_lines_view(struct buf *out, const struct json_value *v)
{
	int64_t from = 1, to = 0;

	buf_put_str(out, "lines ");
	if (v->type == JSON_STRING) {
		buf_put_bytes(out, v->text);
		return true;
	}
	if (v->type != JSON_OBJECT ||
	    (json_get(v, "from") != NULL &&
		!json_to_i64(json_get(v, "from"), &from)) ||
	    (json_get(v, "to") != NULL && !json_to_i64(json_get(v, "to"), &to)))
		return false;
	buf_printf(out, "%" PRId64 "-", from);
	if (json_get(v, "to") != NULL)
		buf_printf(out, "%" PRId64, to);
	return true;
}

/* Likewise of {"grep": {"pattern": "x", "context": 2}} or {"grep": "x"}. */
static bool
put_grep_view(struct buf *out, const struct json_value *v)
{
	const struct json_value *pattern = json_get(v, "pattern");
	int64_t context = 0;

	if (v->type == JSON_STRING)
		pattern = v;
	if (!json_is(pattern, JSON_STRING) ||
	    (json_get(v, "context") != NULL &&
		!json_to_i64(json_get(v, "context"), &context)))
		return false;
	buf_printf(out, "grep -C%" PRId64 " ", context);
	buf_put_bytes(out, pattern->text);
	return true;
}

static bool
put_view_object(struct buf *out, const struct json_value *v)
{
	const struct json_value *what = v->child;

	if (v->count != 1)
		return false;
	if (bytes_eq_str(what->key, "lines"))
		return put_lines_view(out, what);
	return bytes_eq_str(what->key, "grep") && put_grep_view(out, what);
}

/* A string as the schema says; what models write instead of it as well. */
static int
take_view(const struct catalog_param *p, const struct json_value *v,
    struct catalog_args *out, struct err *e)
{
	size_t from = out->store.len;
	struct bytes text;

	if (v->type != JSON_OBJECT)
		return take_text(p, v, out, e);
	if (!put_view_object(&out->store, v))
		return err_set(e, ERR_BAD,
		    "view must be a string, such as \"errors\", \"lines 10-99\" or \"grep PATTERN\"");
	if (out->store.overflow)
		return err_set(e, ERR_BAD, "view is too long");
	text = bytes_make(out->store.p + from, out->store.len - from);
	if (check_text(p, p->name, text, e) != 0)
		return e->code;
	add_arg(out, p->name, PROTO_STRING, bytes_make(NULL, text.len));
	return 0;
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
		if (t->params[i].name != NULL &&
		    bytes_eq_str(name, t->params[i].name))
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
	const char *names[16] = { NULL };

	for (size_t i = 0; i < t->param_count && i < 15; i++)
		names[i] = t->params[i].name;
	return catalog_take_unknown(t->name, names, name, out, e);
}

static int
take_param(const struct catalog_param *p, const struct json_value *v,
    struct catalog_args *out, struct err *e)
{
	/* some clients send null for what was left out */
	if (v->type == JSON_NULL && !p->required)
		return 0;
	switch (p->kind) {
	case PARAM_TEXT:
		return take_text(p, v, out, e);
	case PARAM_NUMBER:
		return take_number(p, v, out, e);
	case PARAM_BOOL:
		return take_bool(p, v, out, e);
	case PARAM_ENCODING:
		return take_encoding(v, out, e);
	case PARAM_VIEW:
		return take_view(p, v, out, e);
	case PARAM_ENV:
		break;
	}
	return take_env(p, v, out, e);
}

static int
take_value(const struct catalog_tool *t, const struct json_value *v,
    struct catalog_args *out, struct err *e)
{
	const struct catalog_param *p = find_param(t, v->key);

	return p == NULL ? refuse_unknown(t, v->key, out, e)
			 : take_param(p, v, out, e);
}

/* Those that are required come first in the tables. */
static int
check_required(const struct catalog_tool *t, const struct json_value *arguments,
    struct err *e)
{
	const struct catalog_param *p = &t->params[0];
	const struct json_value *v;

	if (!p->required)
		return 0;
	v = json_get(arguments, p->name);
	if (v != NULL && (v->type != JSON_STRING || v->text.len > 0))
		return 0;
	return err_set(e, ERR_BAD, "%s is required: a string with %s", p->name,
	    t->style == CATALOG_PLAIN ? "the id of a job, see job_list"
				      : "the command to run");
}

static int
check_size(const struct catalog_args *out, struct err *e)
{
	size_t bytes = 0;

	for (size_t i = 0; i < out->count; i++)
		bytes += out->arg[i].value.len;
	if (bytes > CATALOG_MAX_BYTES)
		return err_set(e, ERR_BAD,
		    "the arguments have %zu bytes, %d is the most", bytes,
		    CATALOG_MAX_BYTES);
	return 0;
}

static int
flatten_builtin(const struct catalog_tool *t,
    const struct json_value *arguments, struct catalog_args *out, struct err *e)
{
	const struct json_value *v =
	    arguments != NULL ? arguments->child : NULL;

	/* a misspelt name is why the right one is missing */
	for (; v != NULL; v = v->next)
		if (take_value(t, v, out, e) != 0)
			return e->code;
	if (check_required(t, arguments, e) != 0)
		return e->code;
	resolve_stored(out);
	return check_size(out, e);
}

/* --- job_start ------------------------------------------------------------ */

static const struct catalog_tool *
find_offered(const struct catalog_args *out, struct bytes name)
{
	for (size_t i = 0; i < out->offered_count; i++)
		if (bytes_eq_str(name, out->offered[i]->name) &&
		    out->offered[i]->style != CATALOG_PLAIN)
			return out->offered[i];
	return NULL;
}

/* As many names as there is room for. */
static const char *
list_offered(const struct catalog_args *out, char *list, size_t size)
{
	size_t n = 0;

	list[0] = '\0';
	for (size_t i = 0; i < out->offered_count && n < size - 72; i++)
		if (out->offered[i]->style != CATALOG_PLAIN)
			n += (size_t)snprintf(list + n, size - n, "%s%s",
			    n > 0 ? ", " : "", out->offered[i]->name);
	return list;
}

/* Which tool runs: the one that is named, or that of a command. */
static const struct catalog_tool *
find_started(const struct catalog_args *out, const struct json_value *arguments,
    struct err *e)
{
	const struct json_value *tool = json_get(arguments, "tool");
	const struct catalog_tool *t = NULL;
	char list[256];

	if (json_is(tool, JSON_STRING)) {
		t = find_offered(out, tool->text);
	} else if (json_is(json_get(arguments, "command"), JSON_STRING)) {
		t = find_offered(out, BYTES_LIT("exec_cmd"));
		if (t == NULL)
			t = find_offered(out, BYTES_LIT("cli_command"));
	}
	if (t == NULL && json_is(tool, JSON_STRING))
		(void)err_set(e, ERR_BAD,
		    "job_start can start no tool of this name: tool is one of %s",
		    list_offered(out, list, sizeof(list)));
	else if (t == NULL)
		(void)err_set(e, ERR_BAD,
		    "job_start needs a command, or the name of another tool that is offered to you and its arguments");
	return t;
}

/* It takes the command's arguments, except its view, and its own. */
static int
refuse_for_start(const struct catalog_tool *inner, struct bytes name,
    struct catalog_args *out, struct err *e)
{
	static const char *const own[] = { "name", "input", "keep", "pty",
		"columns", "rows", "tool", "arguments" };
	const char *names[32] = { NULL };
	size_t n = 0;

	for (size_t i = 0; i < inner->param_count && n < 16; i++)
		if (strcmp(inner->params[i].name, "view") != 0)
			names[n++] = inner->params[i].name;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		names[n++] = own[i];
	return catalog_take_unknown("job_start", names, name, out, e);
}

/* One of the command's own arguments, at the top. */
static int
take_of_command(const struct catalog_tool *inner, const struct json_value *v,
    struct catalog_args *out, struct err *e)
{
	if (bytes_eq_str(v->key, "working_dir"))
		return take_param(&inner->params[1], v, out, e);
	if (find_param(inner, v->key) == NULL)
		return refuse_for_start(inner, v->key, out, e);
	return take_value(inner, v, out, e);
}

static int
take_for_start(const struct catalog_tool *t, const struct catalog_tool *inner,
    bool named, const struct json_value *v, struct catalog_args *out,
    struct err *e)
{
	static const char *const names[] = { "tool", "arguments", "name",
		"input", "keep", "pty", "columns", "rows", "idempotency_key",
		NULL };

	if (bytes_eq_str(v->key, "tool") || bytes_eq_str(v->key, "arguments"))
		return 0;
	if (find_param(t, v->key) != NULL)
		return take_value(t, v, out, e);
	if (!named && inner->defined == NULL)
		return take_of_command(inner, v, out, e);
	if (catalog_take_unknown(t->name, names, v->key, out, e) == 0)
		return 0;
	return err_wrap(
	    e, "with \"tool\", its arguments go into \"arguments\"");
}

static int
flatten_start(const struct catalog_tool *t, const struct json_value *arguments,
    struct catalog_args *out, struct err *e)
{
	const struct catalog_tool *inner = find_started(out, arguments, e);
	const struct json_value *given = json_get(arguments, "arguments");
	const struct json_value *v;
	bool named;

	if (inner == NULL)
		return e->code;
	if (given != NULL && !json_is(given, JSON_OBJECT) &&
	    !json_is(given, JSON_NULL))
		return err_set(e, ERR_BAD, "arguments must be an object");
	named = json_is(json_get(arguments, "tool"), JSON_STRING);
	add_arg(out, "job.tool", PROTO_STRING, bytes_of(inner->name));
	for (v = arguments->child; v != NULL; v = v->next)
		if (take_for_start(t, inner, named, v, out, e) != 0)
			return e->code;
	if (named)
		return catalog_flatten(inner, given, out, e);
	resolve_stored(out);
	return check_size(out, e);
}

int
catalog_add_key(
    struct catalog_args *out, const struct json_value *v, struct err *e)
{
	static const struct catalog_param p = KEY_PARAM;

	for (size_t i = 0; i < out->count; i++)
		if (strcmp(out->arg[i].name, p.sent) == 0)
			return err_set(e, ERR_BAD,
			    "there are two idempotency keys: leave out the argument, or that of _meta");
	return take_text(&p, v, out, e);
}

int
catalog_flatten(const struct catalog_tool *t,
    const struct json_value *arguments, struct catalog_args *out, struct err *e)
{
	if (json_is(arguments, JSON_NULL))
		arguments = NULL;
	return t->flatten(t, arguments, out, e);
}
