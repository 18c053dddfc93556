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

#include "common/cleanup.h"
#include "common/fdio.h"
#include "executor/ctl/ctl.h"
#include "executor/ctl/token/client_file.h"

#define VERB "client-config"

enum { MAX_OUTPUT = 16384 };

/* What stands for something else in a template. */
enum placeholder { NAME, URL, TRANSPORT, TOKEN, PLACEHOLDERS };

static const char *const placeholders[PLACEHOLDERS] = {
	[NAME] = "@NAME@",
	[URL] = "@URL@",
	[TRANSPORT] = "@TRANSPORT@",
	[TOKEN] = "@TOKEN@",
};

/* A line, without its end. */
static struct bytes
trim_end(struct bytes s)
{
	while (s.len > 0 && s.p[s.len - 1] <= ' ')
		s.len--;
	return s;
}

static struct bytes
value_of(enum placeholder which, const struct client_file *f,
    const struct client_config *w)
{
	if (which == NAME)
		return bytes_of(w->name);
	if (which == URL)
		return bytes_of(w->url);
	if (which == TRANSPORT)
		return bytes_of(w->sse ? "sse" : "http");
	return w->token != NULL ? bytes_of(w->token)
				: trim_end(f->section[CLIENT_TOKEN]);
}

/* Names, URLs and tokens are checked to hold nothing that needs quoting. */
static void
expand_template(struct bytes text, const struct client_file *f,
    const struct client_config *w, struct buf *out)
{
	size_t n;

	for (; text.len > 0; text = bytes_make(text.p + n, text.len - n)) {
		enum placeholder i = 0;

		while (i < PLACEHOLDERS && !bytes_starts(text, placeholders[i]))
			i++;
		n = i < PLACEHOLDERS ? strlen(placeholders[i]) : 1;
		if (i < PLACEHOLDERS)
			buf_put_bytes(out, value_of(i, f, w));
		else
			buf_put_u8(out, text.p[0]);
	}
}

/* A slip would be pasted by somebody: "@WORD@" is one of ours. */
static int
check_placeholders(const char *client, struct bytes text, struct err *e)
{
	for (size_t i = 0, n; i < text.len; i++) {
		enum placeholder k = 0;
		struct bytes at = bytes_make(text.p + i, text.len - i);

		for (n = 1; n < at.len && at.p[n] >= 'A' && at.p[n] <= 'Z';)
			n++;
		if (at.p[0] != '@' || n < 2 || n == at.len || at.p[n] != '@')
			continue;
		while (k < PLACEHOLDERS && !bytes_starts(at, placeholders[k]))
			k++;
		if (k == PLACEHOLDERS)
			return err_set(e, ERR_BAD,
			    "the file of %s has the placeholder %.*s: there are @NAME@, @URL@, @TRANSPORT@ and @TOKEN@",
			    client, (int)n + 1, (const char *)at.p);
	}
	return 0;
}

static int
choose_template(const char *client, const struct client_file *f,
    const struct client_config *w, struct bytes *text, struct err *e)
{
	const struct bytes *s = f->section;

	*text =
	    w->sse && s[CLIENT_SSE].p != NULL ? s[CLIENT_SSE] : s[CLIENT_HTTP];
	if (text->len == 0)
		return err_set(e, ERR_BAD,
		    "%s does not speak HTTP+SSE: leave --sse out", client);
	if (w->token != NULL && s[CLIENT_LITERAL].p != NULL)
		*text = s[CLIENT_LITERAL];
	return check_placeholders(client, *text, e);
}

int
client_config_write(const char *config, const char *client,
    const struct client_config *w, struct buf *out, struct err *e)
{
	struct client_file f;
	struct bytes text;
	int rc = client_file_load(config, client, &f, e);

	if (rc != 0)
		return rc;
	rc = choose_template(client, &f, w, &text, e);
	if (rc == 0)
		expand_template(text, &f, w, out);
	client_file_fini(&f);
	return rc;
}

static void
print_advice(const char *config, const char *client)
{
	struct client_file f;
	struct err e;

	if (client_file_load(config, client, &f, &e) != 0)
		return;
	(void)fwrite(f.section[CLIENT_ADVICE].p, 1,
	    f.section[CLIENT_ADVICE].len, stderr);
	client_file_fini(&f);
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
	CMDLINE_NEEDED(0, "client", "CLIENT", struct options, client, NULL),
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

/* The options, with the names of all clients in their help. */
static char **
take_options(
    const struct ctl *c, struct options *o, int argc, char **argv, int *status)
{
	CLEANUP_BUF struct buf names;
	struct cmdline_option named[sizeof(options) / sizeof(options[0])];
	struct ctl_verb v = verb;

	buf_init(&names, MAX_OUTPUT);
	buf_put_str(&names, "one of: ");
	client_file_list(c->config, &names);
	buf_put_str(&names,
	    "; files in clients.d next to the configuration add to them");
	memcpy(named, options, sizeof(named));
	named[0].help = buf_cstr(&names);
	v.options = named;
	return ctl_options(&v, o, argc, argv, status);
}

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
	if (client_config_write(c->config, o->client, &w, &out, &e) != 0) {
		(void)ctl_error("%s", e.what);
	} else {
		if (w.token == NULL)
			print_advice(c->config, o->client);
		status = ctl_print_buf(&out);
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
	char **operands = take_options(c, &o, argc, argv, &status);

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
