/* SPDX-License-Identifier: MIT */
/* methods: table, and handlers of a few lines (frontend, untrusted input). */
#include "frontend/mcp/methods.h"

#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "frontend/content/resource.h"
#include "frontend/mcp/resource_request.h"
#include "frontend/mcp/subscribe.h"
#include "frontend/mcp/tasks.h"
#include "frontend/mcp/toolcall.h"

enum {
	LISTS_TTL_MS = 60000, /* for which lists may be kept */
	MAX_DESCRIPTION = 4096, /* of a defined tool, with its view */
	/* Some models' APIs refuse every tool if one of them has more. */
	TAKEN_DESCRIPTION = 1024,
	BOTH = MCP_SESSION | MCP_STATELESS
};

enum { LOGGING = 1, RESOURCES, COMPLETIONS, TOOLS, TASKS };

/* --- what there is -------------------------------------------------------- */

/* NULL past the last. */
static const struct method *method_at(size_t i);

static const struct {
	unsigned id;
	const char *name;
	const char *members;
	const char *changes; /* further ones, where they are expected */
} capabilities[] = {
	{ LOGGING, "logging", "", "" },
	/*
	 * The first clients of 2024-11-05 stand still at a notification that
	 * they do not expect: they are told of what they watch, and not of
	 * lists of runs.
	 */
	{ RESOURCES, "resources", "\"subscribe\":true",
	    ",\"listChanged\":true" },
	{ COMPLETIONS, "completions", "", "" },
	{ TOOLS, "tools", "\"listChanged\":true", "" },
	{ TASKS, "tasks",
	    "\"list\":{},\"cancel\":{},\"requests\":{\"tools\":{\"call\":{}}}",
	    "" },
};

static bool
has_method(const struct mcp_revision *rev, const struct method *m)
{
	return (m->envelopes & rev->envelope) != 0 &&
	       (m->tasks == 0 || (m->tasks & rev->tasks) != 0);
}

static bool
has_tasks(const struct settings_token *token)
{
	return (token->flags & PROTO_TOKEN_JOBS) != 0;
}

bool
methods_serve(const struct method *m, const struct mcp_request *r)
{
	return has_method(r->revision, m) &&
	       (m->tasks == 0 || has_tasks(r->from->token));
}

/* Has the revision what this capability announces, and a name for it? */
static bool
is_announced(unsigned capability, const struct mcp_revision *rev,
    const struct settings_token *token)
{
	const struct method *m;

	if (capability == TASKS)
		return rev->tasks == MCP_TASKS_CORE && has_tasks(token);
	if (capability == COMPLETIONS && !rev->completions)
		return false;
	if (capability == LOGGING && rev->levels)
		return true;
	for (size_t i = 0; (m = method_at(i)) != NULL; i++)
		if (m->capability == capability && has_method(rev, m))
			return true;
	return false;
}

static void
put_capabilities(struct buf *out, const struct mcp_revision *rev,
    const struct settings_token *token)
{
	size_t n = sizeof(capabilities) / sizeof(capabilities[0]);

	json_put_key(out, "capabilities");
	buf_put_str(out, "{");
	for (size_t i = 0; i < n; i++) {
		if (!is_announced(capabilities[i].id, rev, token))
			continue;
		json_put_key(out, capabilities[i].name);
		buf_printf(out, "{%s%s}", capabilities[i].members,
		    rev->follows ? capabilities[i].changes : "");
	}
	if (rev->tasks == MCP_TASKS_EXTENSION && has_tasks(token)) {
		json_put_key(out, "extensions");
		buf_put_str(out, "{\"" TASKS_EXTENSION "\":{}}");
	}
	buf_put_str(out, "}");
}

static void
put_instructions(struct buf *out, const struct settings_token *token)
{
	if (token->instructions[0] != '\0')
		json_put_member(
		    out, "instructions", bytes_of(token->instructions));
}

/* The revision that is asked for, or the newest with a handshake. */
static const struct mcp_revision *
choose_revision(struct bytes asked)
{
	const struct mcp_revision *rev = revision_find(asked, MCP_SESSION);

	return rev != NULL ? rev : revision_latest(MCP_SESSION);
}

static enum mcp_verdict
initialize_session(const struct mcp_request *r)
{
	const struct json_value *asked = json_get(r->params, "protocolVersion");
	const struct mcp_revision *rev;
	struct buf *out;
	char text[128];

	if (!json_is(asked, JSON_STRING)) {
		(void)snprintf(text, sizeof(text),
		    "initialize needs params.protocolVersion, a string such as \"%s\"",
		    revision_latest(MCP_SESSION)->name);
		return answer_error(r, MCP_CODE_PARAMS, text);
	}
	if (r->state->revision != NULL)
		return answer_error(r, MCP_CODE_REQUEST,
		    "this session is initialized already; open a new one");
	r->state->revision = rev = choose_revision(asked->text);
	message_client(r->state->client, json_get(r->params, "clientInfo"));
	out = answer_begin(r->reply);
	json_put_member(out, "protocolVersion", bytes_of(rev->name));
	put_capabilities(out, rev, r->from->token);
	json_put_key(out, "serverInfo");
	message_put_server(out, rev);
	put_instructions(out, r->from->token);
	answer_end(r->reply, rev);
	return MCP_ANSWERED;
}

static enum mcp_verdict
describe_server(const struct mcp_request *r)
{
	const struct mcp_revision *rev = r->revision;
	struct buf *out = answer_begin(r->reply);

	json_put_key(out, "supportedVersions");
	revision_put_names(out, MCP_STATELESS);
	put_capabilities(out, rev, r->from->token);
	put_instructions(out, r->from->token);
	answer_put_lifetime(out, rev, LISTS_TTL_MS);
	answer_end(r->reply, rev);
	return MCP_ANSWERED;
}

/* --- logging and tools ---------------------------------------------------- */

/* Takes effect for later messages; nothing is sent before the first one. */
static enum mcp_verdict
set_level(const struct mcp_request *r)
{
	const struct json_value *level = json_get(r->params, "level");

	if (!json_is(level, JSON_STRING) ||
	    !level_parse(level->text, &r->state->level))
		return answer_error(r, MCP_CODE_PARAMS,
		    "logging/setLevel needs params.level: debug, info, notice, warning, error, critical, alert or emergency");
	return answer_empty(r);
}

/* The order of output: only one pipe for both keeps it. */
static const char *
order_of_streams(
    const struct catalog_tool *t, const struct settings_token *token)
{
	if (t->defined != NULL || t->style == CATALOG_PLAIN)
		return "";
	if (t->style == CATALOG_STREAM &&
	    (token->flags & PROTO_TOKEN_SEPARATE) == 0)
		return " Standard output and standard error come together, in the order they were written.";
	return " Standard output and standard error are read separately: their order is only roughly kept.";
}

static bool
is_offered(const struct settings_token *token, const char *name)
{
	for (size_t i = 0; i < token->tool_count; i++)
		if (strcmp(token->tools[i]->name, name) == 0)
			return true;
	return false;
}

/* What it sees, told once of the two that run any command. */
static const char *
view_of(const struct catalog_tool *t, const struct settings_token *token)
{
	if (t->elevated || t->style == CATALOG_PLAIN)
		return "";
	if (t->defined != NULL)
		return token->brief;
	if (strcmp(t->name, "exec_cmd") != 0 && token->view[0] != '\0' &&
	    is_offered(token, "exec_cmd"))
		return "It runs in the same place, as the same user, under the same limits and with the same view of the machine as exec_cmd. The whole policy: resource exec://policy.";
	return token->view;
}

/* What it does, and where what it sees is not the machine. */
static void
put_description(struct buf *out, const struct catalog_tool *t,
    const struct settings_token *token)
{
	const char *view = view_of(t, token);
	CLEANUP_BUF struct buf text;

	buf_init(&text, MAX_DESCRIPTION);
	buf_put_str(&text, t->description);
	if (bytes_is_open_sentence(buf_bytes(&text)) && view[0] != '\0')
		buf_put_u8(&text, '.');
	buf_put_str(&text, order_of_streams(t, token));
	if (text.len + 1 + strlen(view) <= TAKEN_DESCRIPTION) {
		if (text.len > 0 && view[0] != '\0')
			buf_put_u8(&text, ' ');
		buf_put_str(&text, view);
	}
	json_put_member(out, "description", buf_bytes(&text));
}

static void
put_tool(struct buf *out, const struct catalog_tool *t,
    const struct settings_token *token, bool structured,
    const struct mcp_revision *rev)
{
	if (out->len > 0 && out->p[out->len - 1] == '}')
		buf_put_str(out, ",");
	buf_put_str(out, "{");
	json_put_member(out, "name", bytes_of(t->name));
	if (rev->title)
		json_put_member(out, "title", bytes_of(t->title));
	put_description(out, t, token);
	json_put_key(out, "inputSchema");
	buf_put_str(out, t->input_schema);
	if (structured && t->output_schema != NULL) {
		json_put_key(out, "outputSchema");
		buf_put_str(out, t->output_schema);
	}
	if (rev->annotations) {
		json_put_key(out, "annotations");
		buf_put_str(out, "{");
		json_put_member(out, "title", bytes_of(t->title));
		buf_put_str(out, ",");
		buf_put_str(out, t->annotations);
		buf_put_str(out, "}");
	}
	if (rev->tasks == MCP_TASKS_CORE && has_tasks(token) && tasks_take(t)) {
		json_put_key(out, "execution");
		buf_put_str(out, "{\"taskSupport\":\"optional\"}");
	}
	buf_put_str(out, "}");
}

/* One page, in the order of the token's policy. */
static enum mcp_verdict
list_tools(const struct mcp_request *r)
{
	const struct settings_token *token = r->from->token;
	const struct mcp_revision *rev = r->revision;
	bool structured =
	    rev->structured && (token->flags & PROTO_TOKEN_STRUCTURED) != 0;
	struct buf *out;

	if (answer_has_cursor(r))
		return answer_error(r, MCP_CODE_PARAMS,
		    "unknown cursor: tools/list has one page, ask without a cursor");
	out = answer_begin(r->reply);
	json_put_key(out, "tools");
	buf_put_str(out, "[");
	for (size_t i = 0; i < token->tool_count; i++)
		put_tool(out, token->tools[i], token, structured, rev);
	buf_put_str(out, "]");
	answer_put_lifetime(out, rev, LISTS_TTL_MS);
	answer_end(r->reply, rev);
	return MCP_ANSWERED;
}

/* --- resources ------------------------------------------------------------ */

static enum mcp_verdict
list_templates(const struct mcp_request *r)
{
	struct buf *out;

	if (answer_has_cursor(r))
		return answer_error(r, MCP_CODE_PARAMS,
		    "unknown cursor: this list has one page, ask without a cursor");
	out = answer_begin(r->reply);
	resource_put_templates(out, r->revision);
	answer_put_lifetime(out, r->revision, LISTS_TTL_MS);
	answer_end(r->reply, r->revision);
	return MCP_ANSWERED;
}

/* params.uri of a resource that there may be; NULL after an answer. */
static const struct json_value *
take_watched(const struct mcp_request *r)
{
	const struct json_value *uri = json_get(r->params, "uri");
	struct resource unused;

	if (!json_is(uri, JSON_STRING)) {
		(void)answer_error(r, MCP_CODE_PARAMS,
		    "params.uri is needed, a string such as \"exec://runs\"");
		return NULL;
	}
	if (resource_parse(uri->text, &unused) == RESOURCE_FINE)
		return uri;
	(void)answer_error(r, r->revision->code_absent,
	    "there is no such resource: resources/list tells which there are");
	return NULL;
}

static enum mcp_verdict
watch_resource(const struct mcp_request *r)
{
	const struct json_value *uri = take_watched(r);
	struct err e;

	if (uri == NULL)
		return MCP_ANSWERED;
	if (notification_watch(&r->state->notices, uri->text, &e) != 0)
		return answer_error(r,
		    e.code == ERR_BAD ? MCP_CODE_PARAMS : MCP_CODE_INTERNAL,
		    e.what);
	return answer_empty(r);
}

static enum mcp_verdict
unwatch_resource(const struct mcp_request *r)
{
	const struct json_value *uri = take_watched(r);

	if (uri == NULL)
		return MCP_ANSWERED;
	(void)notification_unwatch(&r->state->notices, uri->text);
	return answer_empty(r);
}

/* --- the table ------------------------------------------------------------ */

static const struct method methods[] = {
	{ "initialize", MCP_SESSION, 0, NULL, true, initialize_session, 0 },
	{ "ping", MCP_SESSION, 0, NULL, true, answer_empty, 0 },
	{ "logging/setLevel", MCP_SESSION, LOGGING, NULL, false, set_level, 0 },
	{ "server/discover", MCP_STATELESS, 0, NULL, false, describe_server,
	    0 },
	{ "tools/list", BOTH, TOOLS, NULL, false, list_tools, 0 },
	{ "tools/call", BOTH, TOOLS, "name", false, toolcall_run, 0 },
	{ "resources/list", BOTH, RESOURCES, NULL, false, resource_request_list,
	    0 },
	{ "resources/templates/list", BOTH, RESOURCES, NULL, false,
	    list_templates, 0 },
	{ "resources/read", BOTH, RESOURCES, "uri", false,
	    resource_request_read, 0 },
	{ "resources/subscribe", MCP_SESSION, RESOURCES, NULL, false,
	    watch_resource, 0 },
	{ "resources/unsubscribe", MCP_SESSION, RESOURCES, NULL, false,
	    unwatch_resource, 0 },
	{ "completion/complete", BOTH, COMPLETIONS, NULL, false,
	    resource_request_complete, 0 },
	{ "subscriptions/listen", MCP_STATELESS, RESOURCES, NULL, false,
	    subscribe_listen, 0 },
	{ "tasks/get", BOTH, 0, "taskId", false, tasks_get,
	    MCP_TASKS_CORE | MCP_TASKS_EXTENSION },
	{ "tasks/result", MCP_SESSION, TASKS, NULL, false, tasks_result,
	    MCP_TASKS_CORE },
	{ "tasks/list", MCP_SESSION, TASKS, NULL, false, tasks_list,
	    MCP_TASKS_CORE },
	{ "tasks/update", MCP_STATELESS, 0, "taskId", false, tasks_update,
	    MCP_TASKS_EXTENSION },
	{ "tasks/cancel", BOTH, 0, "taskId", false, tasks_cancel,
	    MCP_TASKS_CORE | MCP_TASKS_EXTENSION },
	/* there is none, but its header is looked at before that is said */
	{ "prompts/get", 0, 0, "name", false, NULL, 0 },
};

static const struct method *
method_at(size_t i)
{
	return i < sizeof(methods) / sizeof(methods[0]) ? &methods[i] : NULL;
}

const struct method *
methods_find(struct bytes name)
{
	const struct method *m;

	for (size_t i = 0; (m = method_at(i)) != NULL; i++)
		if (bytes_eq_str(name, m->name))
			return m;
	return NULL;
}

/* "a, b and c": the methods that there are for a request. */
static void
put_names(struct buf *out, const struct mcp_request *r)
{
	const struct method *m, *last = NULL;
	const char *between = "";

	for (size_t i = 0; (m = method_at(i)) != NULL; i++) {
		if (!methods_serve(m, r))
			continue;
		if (last != NULL)
			buf_printf(out, "%s%s", between, last->name);
		between = last != NULL ? ", " : "";
		last = m;
	}
	buf_printf(out, " and %s", last != NULL ? last->name : "none");
}

void
methods_describe(struct buf *out)
{
	const struct mcp_revision *rev;
	const struct method *m;

	for (size_t i = 0; (rev = revision_at(i)) != NULL; i++) {
		buf_printf(out, "%s %s", rev->name,
		    rev->envelope == MCP_SESSION ? "session" : "stateless");
		for (size_t k = 0; (m = method_at(k)) != NULL; k++)
			if (has_method(rev, m))
				buf_printf(out, " %s", m->name);
		buf_put_str(out, "\n");
	}
}

enum mcp_verdict
methods_refuse(const struct mcp_request *r)
{
	bool stateless = r->revision->envelope == MCP_STATELESS;
	struct buf text;

	buf_init(&text, 4096);
	buf_put_str(&text, "this method does not exist");
	if (stateless)
		buf_printf(&text, " in revision %s", r->revision->name);
	buf_put_str(&text, " here: there are ");
	put_names(&text, r);
	r->reply->status = 404;
	message_put_error(&r->reply->body, MCP_CODE_METHOD, buf_cstr(&text));
	buf_fini(&text);
	return MCP_ANSWERED;
}
