/* SPDX-License-Identifier: MIT */
/* config_frames: what the administrator configured, for the frontend.  Executor. */
#include "executor/channel/config_frames.h"

#include <string.h>

#include <stdio.h>
#include "common/cleanup.h"
#include "executor/channel/describe.h"
#include "executor/channel/instructions.h"
#include "executor/channel/viewtext.h"
#include "executor/jobs/jobcalls.h"

enum {
	HEARTBEAT_MS = 15000, /* of idle event streams */
	TOOLS_MAX = 2304, /* bytes of names, as TOKEN carries them */
	TOOL_WORDS = 1800 /* bytes of a description that is added to */
};

static uint32_t
largest_output(const struct policy_table *t)
{
	uint32_t most = 0;
	size_t i;

	for (i = 0; i < t->count; i++)
		if (t->p[i]->output_bytes > most)
			most = t->p[i]->output_bytes;
	return most;
}

static uint32_t
tls_listeners(const struct conf *c)
{
	uint32_t bits = 0;
	size_t i;

	for (i = 0; i < c->listen_count; i++)
		if (c->listen[i].tls)
			bits |= 1U << i;
	return bits;
}

static uint32_t
forwarded_header(const struct conf *c)
{
	return strcmp(c->forwarded_header, "forwarded") == 0
		   ? PROTO_FORWARDED_RFC7239
		   : PROTO_FORWARDED_FOR;
}

void
config_frames_limits(const struct store *s, const struct sessionkey *k,
    uint32_t generation, const struct config_frames_out *to)
{
	const struct conf_limits *l = &s->conf.limits;
	struct msg msg = { .code = PROTO_CONFIG,
		.config = {
		    .generation = generation,
		    .body_bytes = l->body_bytes,
		    .header_bytes = l->header_bytes,
		    .connections = l->connections,
		    .connections_per_address = l->connections_per_address,
		    .idle_timeout_ms = l->idle_timeout_ms,
		    .header_timeout_ms = l->header_timeout_ms,
		    .body_timeout_ms = l->body_timeout_ms,
		    .sessions = l->sessions,
		    .sessions_per_token = l->sessions_per_token,
		    .session_idle_ms = l->session_idle_ms,
		    .calls = l->runs,
		    .output_bytes = largest_output(&s->policies),
		    .heartbeat_ms = HEARTBEAT_MS,
		    .replay_bytes = l->replay_bytes,
		    .replay_total_bytes = l->replay_total_bytes,
		    .stream_ms = l->stream_ms,
		    .tls_listeners = tls_listeners(&s->conf),
		    .forwarded_header = forwarded_header(&s->conf),
		} };

	memcpy(msg.config.session_key, k->now, sizeof(k->now));
	memcpy(msg.config.session_key_before, k->before, sizeof(k->before));
	to->send(to->arg, &msg);
	explicit_bzero(&msg, sizeof(msg));
}

static void
send_list(const struct config_frames_out *to, enum proto_name kind,
    const char list[][CONF_MAX_NAME], size_t count)
{
	struct msg msg = { .code = PROTO_NAME,
		.name = { .kind = (uint8_t)kind } };
	size_t i;

	for (i = 0; i < count; i++) {
		msg.name.value = bytes_of(list[i]);
		to->send(to->arg, &msg);
	}
}

static void
send_penalties(
    const struct conf_penalties *p, const struct config_frames_out *to)
{
	struct msg msg = { .code = PROTO_PENALTIES,
		.penalties = { .failure_ms = p->failure_ms,
		    .missing_ms = p->missing_ms,
		    .threshold_ms = p->threshold_ms,
		    .max_ms = p->max_ms,
		    .delay_ms = p->delay_ms,
		    .sources = p->sources } };

	to->send(to->arg, &msg);
	send_list(to, PROTO_NAME_EXEMPT, p->exempt, p->exempt_count);
}

static void
send_name(const struct config_frames_out *to, enum proto_name kind,
    const char *text, size_t len)
{
	struct msg msg = { .code = PROTO_NAME,
		.name = {
		    .kind = (uint8_t)kind, .value = bytes_make(text, len) } };

	to->send(to->arg, &msg);
}

/*
 * Clients that were told this address send its host, and perhaps its path;
 * many proxies pass the host on without its port.
 */
static void
send_public(const char *url, const struct config_frames_out *to)
{
	const char *host = strstr(url, "://"), *path;
	size_t n;

	if (host == NULL)
		return;
	host += 3;
	path = host + strcspn(host, "/?#");
	n = host[0] == '[' ? strcspn(host, "]/?#") + 1 : strcspn(host, ":/?#");
	if (n > (size_t)(path - host))
		n = (size_t)(path - host);
	send_name(to, PROTO_NAME_HOST, host, n);
	n = strcspn(path, "?#");
	while (n > 0 && path[n - 1] == '/')
		n--;
	if (n > 0)
		send_name(to, PROTO_NAME_PATH, path, n);
}

void
config_frames_peers(const struct conf *c, const struct config_frames_out *to)
{
	send_public(c->public_url, to);
	send_list(to, PROTO_NAME_HOST, c->hosts, c->host_count);
	send_list(to, PROTO_NAME_ORIGIN, c->origins, c->origin_count);
	send_list(to, PROTO_NAME_IGNORED, c->ignored, c->ignored_count);
	send_list(to, PROTO_NAME_PROXY, c->proxies, c->proxy_count);
	send_penalties(&c->penalties, to);
}

static void
send_tls(
    const struct config_frames_out *to, enum proto_tls kind, struct bytes all)
{
	struct msg msg = { .code = PROTO_TLS,
		.tls = { .kind = (uint8_t)kind } };

	while (all.len > 0) {
		msg.tls.data = bytes_make(
		    all.p, all.len < PROTO_MAX_DATA ? all.len : PROTO_MAX_DATA);
		all.p += msg.tls.data.len;
		all.len -= msg.tls.data.len;
		msg.tls.more = all.len > 0;
		to->send(to->arg, &msg);
	}
}

void
config_frames_tls(
    const struct certificate *c, const struct config_frames_out *to)
{
	send_tls(to, PROTO_TLS_CHAIN, c->chain);
	send_tls(to, PROTO_TLS_KEY, c->key);
}

static void
join_words(struct buf *b, const char *word)
{
	if (b->len > 0)
		buf_put_u8(b, ' ');
	buf_put_str(b, word);
}

/* What its answers look like. */
static uint8_t
token_flags(const struct token *t)
{
	unsigned flags = 0;

	if (token_structured(t))
		flags |= PROTO_TOKEN_STRUCTURED;
	if (t->policy->separate || token_structured(t))
		flags |= PROTO_TOKEN_SEPARATE;
	if (t->policy->raw_text)
		flags |= PROTO_TOKEN_RAW_TEXT;
	if (t->policy->ends_calls)
		flags |= PROTO_TOKEN_ENDS_CALLS;
	if (t->policy->jobs.offered)
		flags |= PROTO_TOKEN_JOBS;
	return (uint8_t)flags;
}

void
config_frames_token(const struct token *t, const struct config_frames_out *to)
{
	CLEANUP_BUF struct buf sources, tools, text, view, brief;
	struct msg msg = { .code = PROTO_TOKEN };
	size_t i;

	buf_init(&sources, 1024);
	buf_init(&tools, TOOLS_MAX);
	buf_init(&text, INSTRUCTIONS_MAX);
	buf_init(&view, VIEWTEXT_MAX);
	buf_init(&brief, VIEWTEXT_BRIEF_MAX);
	for (i = 0; i < t->source_count; i++)
		join_words(&sources, t->source_text[i]);
	for (i = 0; i < t->policy->tool_count; i++)
		join_words(&tools, t->policy->tools[i]);
	for (i = 0; t->policy->jobs.offered && jobcalls_tool(i) != NULL; i++)
		join_words(&tools, jobcalls_tool(i));
	instructions_write(t, &text);
	viewtext_write(t, &view);
	viewtext_brief(t->policy, &brief);
	memcpy(msg.token.verifier, t->verifier, sizeof(t->verifier));
	msg.token.name = bytes_of(t->name);
	msg.token.policy = bytes_of(t->policy->name);
	msg.token.expires = t->expires;
	msg.token.sources = buf_bytes(&sources);
	msg.token.tools = buf_bytes(&tools);
	msg.token.instructions = buf_bytes(&text);
	msg.token.view = buf_bytes(&view);
	msg.token.brief = buf_bytes(&brief);
	msg.token.policy_mark = describe_mark(t);
	msg.token.flags = token_flags(t);
	to->send(to->arg, &msg);
}

static uint8_t
param_flags(const struct param *p)
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
		    .flags = param_flags(p),
		    .min_len = p->min_len,
		    .max_len = p->max_len,
		    .minimum = (uint64_t)p->minimum,
		    .maximum = (uint64_t)p->maximum,
		    .pattern = buf_bytes(&p->pattern),
		    .choices = buf_bytes(&p->choices),
		    .by_default = buf_bytes(&p->by_default),
		    .description = buf_bytes(&p->description) } };
}

/* Under a policy of its own it is not the token's that says what it sees. */
static const char *
describe_tool(const struct tooldef *t, char *out, size_t size)
{
	const size_t full = strlen(t->description);
	size_t n = full;

	if (t->runs_as[0] == '\0')
		return t->description;
	while (n > TOOL_WORDS ||
	       (n > 0 && n < full && (t->description[n] & 0xc0) == 0x80))
		n--;
	(void)snprintf(out, size,
	    "%.*s%s Runs as user %s under policy %s, whatever other tools may do.",
	    (int)n, t->description,
	    bytes_is_open_sentence(bytes_make(t->description, n)) ? "." : "",
	    t->runs_as, t->policy);
	return out;
}

static uint8_t
hints_of(const struct tooldef *t)
{
	unsigned own = t->runs_as[0] != '\0' ? PROTO_HINT_ELEVATED : 0;

	return (uint8_t)(t->hints | own);
}

void
config_frames_tool(const struct tooldef *t, const struct config_frames_out *to)
{
	char text[sizeof(t->description) + 256];
	struct msg tool = { .code = PROTO_TOOL,
		.tool = { .name = bytes_of(t->name),
		    .title = bytes_of(t->title),
		    .description =
			bytes_of(describe_tool(t, text, sizeof(text))),
		    .form = (uint8_t)t->form,
		    .hints = hints_of(t),
		    .mime = bytes_of(t->mime) } };
	struct bytes rest = buf_bytes(&t->schema);

	to->send(to->arg, &tool);
	for (size_t i = 0; i < t->param_count; i++) {
		struct msg m = param_frame(&t->param[i]);

		to->send(to->arg, &m);
	}
	while (rest.len > 0) {
		size_t n =
		    rest.len < PROTO_MAX_DATA ? rest.len : PROTO_MAX_DATA;
		struct msg m = { .code = PROTO_SCHEMA,
			.schema = { .more = rest.len > n,
			    .text = bytes_make(rest.p, n) } };

		to->send(to->arg, &m);
		rest = bytes_make(rest.p + n, rest.len - n);
	}
}
