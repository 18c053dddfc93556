/* SPDX-License-Identifier: MIT */
/*
 * client_config: print what an MCP client needs to connect.
 *
 * The token itself is never printed unless it is given on standard input:
 * each client reads it from its environment, or asks for it.
 */
#include "executor/ctl/token/client_config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/closest.h"
#include "common/fdio.h"
#include "common/json.h"
#include "executor/ctl/ctl.h"
#include "executor/conf/keys.h"

#define VERB "client-config"

/*
 * One row a client.  In the texts, @N is the server's name, @U its URL, @A
 * the token or a reference to it, @T "http" or "sse".
 */
static const struct client {
	const char *name;
	const char *advice; /* on stderr: where it goes */
	const char *reference; /* how the client refers to MCP_TOKEN */
	const char *http;
	const char *sse; /* NULL: as http */
	const char *literal; /* with a literal token; NULL: as http */
} clients[] = {
	{ "claude-code",
	    "Put this into .mcp.json of a project (or ~/.claude.json), and set\n"
	    "MCP_TOKEN in the environment that Claude Code starts in.\n",
	    "${MCP_TOKEN}",
	    "{\"mcpServers\":{\"@N\":{\"type\":\"@T\",\"url\":\"@U\",\n"
	    "  \"headers\":{\"Authorization\":\"Bearer @A\"}}}}\n",
	    NULL, NULL },
	{ "vscode",
	    "Put this into .vscode/mcp.json, or the user's mcp.json; VS Code\n"
	    "asks for the token.\n",
	    "${input:mcp-token}",
	    "{\"inputs\":[{\"type\":\"promptString\",\"id\":\"mcp-token\",\n"
	    "  \"description\":\"token of @N\",\"password\":true}],\n"
	    " \"servers\":{\"@N\":{\"type\":\"@T\",\"url\":\"@U\",\n"
	    "  \"headers\":{\"Authorization\":\"Bearer @A\"}}}}\n",
	    NULL,
	    "{\"servers\":{\"@N\":{\"type\":\"@T\",\"url\":\"@U\",\n"
	    "  \"headers\":{\"Authorization\":\"Bearer @A\"}}}}\n" },
	{ "cursor",
	    "Put this into ~/.cursor/mcp.json or .cursor/mcp.json, set MCP_TOKEN\n"
	    "in the environment that Cursor starts in, and reload it.\n",
	    "${env:MCP_TOKEN}",
	    "{\"mcpServers\":{\"@N\":{\"url\":\"@U\",\n"
	    "  \"headers\":{\"Authorization\":\"Bearer @A\"}}}}\n",
	    NULL, NULL },
	{ "inspector",
	    "Run this with MCP_TOKEN set.  The token shows in the list of\n"
	    "processes while it runs: with --token-stdin you get a file for\n"
	    "--config instead.\n",
	    "$MCP_TOKEN",
	    "npx @modelcontextprotocol/inspector --cli --server-url '@U' \\\n"
	    "  --transport @T --protocol-era auto \\\n"
	    "  --header \"Authorization: Bearer @A\" --method tools/list\n",
	    NULL,
	    "{\"mcpServers\":{\"@N\":{\"type\":\"@T\",\"url\":\"@U\",\n"
	    "  \"headers\":{\"Authorization\":\"Bearer @A\"},\n"
	    "  \"protocolEra\":\"auto\"}}}\n" },
	{ "mcphost",
	    "Put this into ~/.mcphost.json, and set MCP_TOKEN in the environment\n"
	    "that mcphost starts in.\n",
	    "${env://MCP_TOKEN}",
	    "{\"mcpServers\":{\"@N\":{\"type\":\"remote\",\"url\":\"@U\",\n"
	    "  \"headers\":[\"Authorization: Bearer @A\"]}}}\n",
	    "{\"mcpServers\":{\"@N\":{\"url\":\"@U\",\n"
	    "  \"headers\":[\"Authorization: Bearer @A\"]}}}\n",
	    NULL },
	{ "claude-desktop",
	    "Put this into claude_desktop_config.json; it runs mcp-remote, as\n"
	    "Claude Desktop itself only starts local servers.  Set AUTH_HEADER to\n"
	    "\"Bearer TOKEN\" in the environment that it starts in.  To plain http\n"
	    "beyond loopback mcp-remote needs \"--allow-http\" as well.\n",
	    "",
	    "{\"mcpServers\":{\"@N\":{\"command\":\"npx\",\n"
	    "  \"args\":[\"-y\",\"mcp-remote\",\"@U\",\"--transport\",\n"
	    "    \"@T-only\",\"--header\",\"Authorization:${AUTH_HEADER}\"]}}}\n",
	    NULL,
	    "{\"mcpServers\":{\"@N\":{\"command\":\"npx\",\n"
	    "  \"args\":[\"-y\",\"mcp-remote\",\"@U\",\"--transport\",\n"
	    "    \"@T-only\",\"--header\",\"Authorization:${AUTH_HEADER}\"],\n"
	    "  \"env\":{\"AUTH_HEADER\":\"Bearer @A\"}}}}\n" },
	{ "curl",
	    "Run this with MCP_TOKEN set: it runs uname by exec_cmd.\n"
	    "The header goes through a pipe, so that the token is not in the\n"
	    "list of processes.\n",
	    "$MCP_TOKEN",
	    "printf 'Authorization: Bearer %s\\n' \"@A\" |\n"
	    "curl -sS -H @- -H 'Content-Type: application/json' \\\n"
	    "  -H 'Accept: application/json, text/event-stream' \\\n"
	    "  -H 'MCP-Protocol-Version: 2026-07-28' \\\n"
	    "  -H 'Mcp-Method: tools/call' -H 'Mcp-Name: exec_cmd' \\\n"
	    "  --data '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\n"
	    "    \"name\":\"exec_cmd\",\"arguments\":{\"command\":\"uname -a\"},\n"
	    "    \"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\n"
	    "    \"io.modelcontextprotocol/clientCapabilities\":{},\n"
	    "    \"io.modelcontextprotocol/clientInfo\":{\"name\":\"curl\",\"version\":\"1\"}}}}' \\\n"
	    "  '@U'\n",
	    "printf 'Authorization: Bearer %s\\n' \"@A\" |\n"
	    "curl -sSN -H @- -H 'Accept: text/event-stream' '@U'\n",
	    NULL },
};

enum { CLIENTS = sizeof(clients) / sizeof(clients[0]), MAX_OUTPUT = 16384 };

static const struct client *
find_client(const char *name, struct err *e)
{
	const char *names[CLIENTS + 1] = { NULL };
	const char *close;

	for (size_t i = 0; i < CLIENTS; i++) {
		if (name != NULL && strcmp(name, clients[i].name) == 0)
			return &clients[i];
		names[i] = clients[i].name;
	}
	close = closest_word(bytes_of(name), names);
	if (close != NULL)
		(void)err_set(
		    e, ERR_BAD, "unknown client: did you mean %s?", close);
	else
		(void)err_set(e, ERR_BAD,
		    "unknown client: use claude-code, vscode, cursor, inspector, mcphost, claude-desktop or curl");
	return NULL;
}

static const char *
value_of(char letter, const struct client *c, const struct client_config *w)
{
	switch (letter) {
	case 'N':
		return w->name;
	case 'U':
		return w->url;
	case 'T':
		return w->sse ? "sse" : "http";
	case 'A':
		return w->token != NULL ? w->token : c->reference;
	default:
		return NULL;
	}
}

/* Names, URLs and tokens are checked to hold nothing that needs quoting. */
static void
expand_template(const char *text, const struct client *c,
    const struct client_config *w, struct buf *out)
{
	for (const char *p = text; *p != '\0'; p++) {
		const char *v = p[0] == '@' ? value_of(p[1], c, w) : NULL;

		if (v == NULL) {
			buf_put_u8(out, (uint8_t)*p);
			continue;
		}
		buf_put_str(out, v);
		p++;
	}
}

int
client_config_write(const char *client, const struct client_config *w,
    struct buf *out, struct err *e)
{
	const struct client *c = find_client(client, e);
	const char *text;

	if (c == NULL)
		return ERR_BAD;
	text = w->sse && c->sse != NULL ? c->sse : c->http;
	if (w->token != NULL && c->literal != NULL)
		text = c->literal;
	expand_template(text, c, w, out);
	return 0;
}

/* "0.0.0.0:8001" is not an address to connect to; false: no URL leads there. */
static bool
is_reachable(const char *listener, char *out, size_t size)
{
	bool tls = strncmp(listener, "tls:", 4) == 0;
	const char *address = tls ? listener + 4 : listener;
	const char *scheme = tls ? "https" : "http";
	const char *port = strrchr(listener, ':');

	if (strncmp(listener, "unix:", 5) == 0)
		return false;
	if (strncmp(address, "0.0.0.0:", 8) == 0)
		(void)snprintf(out, size, "%s://127.0.0.1%s", scheme, port);
	else if (strncmp(address, "[::]:", 5) == 0)
		(void)snprintf(out, size, "%s://[::1]%s", scheme, port);
	else
		(void)snprintf(out, size, "%s://%s", scheme, address);
	return true;
}

/* The first listener that has a URL. */
static int
from_listeners(const struct conf *c, char *out, size_t size, struct err *e)
{
	size_t i = 0;

	while (!is_reachable(c->listen[i].text, out, size))
		if (++i >= c->listen_count)
			return err_set(e, ERR_BAD,
			    "there are only UNIX sockets, which most clients cannot use: say --url, or set \"public_url\" (VS Code takes unix:///PATH#/mcp in its own file)");
	return 0;
}

static bool
url_ok(const char *url)
{
	const char *rest = strstr(url, "://");

	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return false;
	return rest != NULL && rest[3] != '\0' && rest[3] != '/' &&
	       bytes_only(bytes_of(url), "-._~:/?#[]%&=+");
}

int
client_config_url(const struct conf *c, const char *base, bool sse, char *out,
    size_t size, struct err *e)
{
	char url[CONF_MAX_NAME + 16];
	size_t len;

	if (base == NULL && c->public_url[0] != '\0')
		base = c->public_url;
	if (base == NULL) {
		if (from_listeners(c, url, sizeof(url), e) != 0)
			return e->code;
	} else if (strlen(base) >= sizeof(url) || !url_ok(base)) {
		return err_set(e, ERR_BAD,
		    "the URL must be like https://host.example, without spaces and quotes");
	} else {
		memcpy(url, base, strlen(base) + 1);
	}
	len = strlen(url);
	while (len > 0 && url[len - 1] == '/')
		url[--len] = '\0';
	/* people paste the endpoint as well as the base */
	if (len > 4 && (strcmp(url + len - 4, "/mcp") == 0 ||
			   strcmp(url + len - 4, "/sse") == 0))
		url[len - 4] = '\0';
	(void)snprintf(out, size, "%s%s", url, sse ? "/sse" : "/mcp");
	return 0;
}

struct options {
	const char *client, *url;
	bool sse, token_stdin;
};

static const struct cmdline_option options[] = {
	CMDLINE_NEEDED(0, "client", "CLIENT", struct options, client,
	    "claude-code, vscode, cursor, inspector, mcphost, claude-desktop or curl"),
	CMDLINE_TEXT(0, "url", "URL", struct options, url,
	    "address of this server as clients see it; default \"public_url\" of the configuration, or its listener"),
	CMDLINE_FLAG(0, "sse", struct options, sse,
	    "the old HTTP+SSE transport (2024-11-05)"),
	CMDLINE_FLAG(0, "token-stdin", struct options, token_stdin,
	    "put the token, read from standard input, into the output; otherwise the client takes it from MCP_TOKEN in its environment, or asks for it"),
	CMDLINE_LAST
};

static const struct ctl_verb verb = {
	.name = VERB,
	.operands = "NAME",
	.about = "Prints what CLIENT needs to use this server with token NAME.",
	.options = options,
};

/* One line of standard input, which must be this very token. */
static int
read_token(const struct token *t, char text[BEARER_TEXT], struct err *e)
{
	uint8_t proof[DIGEST_BYTES], verifier[DIGEST_BYTES];
	char line[BEARER_TEXT + 2] = "";

	if (fgets(line, sizeof(line), stdin) == NULL)
		return err_set(e, ERR_BAD, "standard input holds no token");
	line[strcspn(line, "\r\n")] = '\0';
	bearer_proof(bytes_of(line), proof);
	bearer_verifier(proof, verifier);
	if (strlen(line) >= BEARER_TEXT ||
	    !bytes_eq_secret(verifier, t->verifier, DIGEST_BYTES)) {
		explicit_bzero(line, sizeof(line));
		return err_set(e, ERR_BAD,
		    "standard input does not hold the token \"%s\"", t->name);
	}
	memcpy(text, line, BEARER_TEXT);
	explicit_bzero(line, sizeof(line));
	explicit_bzero(proof, sizeof(proof));
	return 0;
}

static int
print_config(
    const struct ctl *c, const struct options *o, const struct token *t)
{
	struct client_config w = { .name = t->name, .sse = o->sse };
	char text[BEARER_TEXT];
	struct buf out;
	struct err e;
	int status = CTL_FAILED;

	buf_init(&out, MAX_OUTPUT);
	if (client_config_url(
		&c->conf, o->url, o->sse, w.url, sizeof(w.url), &e) != 0 ||
	    (o->token_stdin && read_token(t, text, &e) != 0))
		return ctl_error("%s", e.what);
	if (o->token_stdin)
		w.token = text;
	if (client_config_write(o->client, &w, &out, &e) != 0) {
		(void)ctl_error("%s", e.what);
	} else {
		if (w.token == NULL)
			(void)fputs(find_client(o->client, &e)->advice, stderr);
		status = ctl_print(buf_bytes(&out));
	}
	buf_wipe(&out);
	explicit_bzero(text, sizeof(text));
	return status;
}

int
client_config_run(struct ctl *c, int argc, char **argv)
{
	struct options o = { .sse = false };
	const struct token *t;
	const char *name;
	int status;
	char **operands = ctl_options(&verb, &o, argc, argv, &status);

	if (operands == NULL)
		return status;
	name = ctl_name(VERB, operands);
	if (name == NULL)
		return CTL_USAGE;
	if (!ctl_load_conf(c) || !ctl_load_policies(c) || !ctl_load_tokens(c))
		return CTL_FAILED;
	t = token_find(&c->tokens, bytes_of(name));
	if (t == NULL)
		return ctl_error(
		    "there is no token \"%s\": see mcp-execctl token list, or make it with mcp-execctl token add",
		    name);
	return print_config(c, &o, t);
}
