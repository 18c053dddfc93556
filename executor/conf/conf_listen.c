/* SPDX-License-Identifier: MIT */
/*
 * conf_listen: addresses to listen on, from mcp-execd.json.
 *
 * Runs in the executor and in mcp-execctl.  Trusts nobody: see conf.h.
 */
#include "executor/conf/conf_listen.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "common/log.h"

#define UNIX_PREFIX "unix:"
#define TLS_PREFIX  "tls:"

static const char *
after_prefix(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

const char *
conf_listen_path(const struct conf_listener *l)
{
	return l->addr.ss_family == AF_UNIX ? after_prefix(l->text, UNIX_PREFIX)
					    : NULL;
}

bool
conf_listen_is_local(const struct conf_listener *l)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&l->addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&l->addr;

	if (l->addr.ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	if (l->addr.ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	return l->addr.ss_family == AF_UNIX;
}

static bool
parse_unix(const char *path, struct conf_listener *out)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&out->addr;
	size_t len = strlen(path);

	if (path[0] != '/' || path[len - 1] == '/' ||
	    len >= sizeof(un->sun_path))
		return false;
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, len + 1);
	out->addr_len =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
	return true;
}

/* "127.0.0.1:8001" or "[::1]:8001": numbers only, no name is looked up. */
static bool
parse_tcp(const char *text, struct conf_listener *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&out->addr;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->addr;
	const char *colon = strrchr(text, ':');
	char host[CONF_MAX_NAME];
	uint64_t port;
	struct err e;
	size_t len;

	if (colon == NULL ||
	    bytes_to_u64(bytes_of(colon + 1), 0, 65535, &port, &e) != 0)
		return false;
	len = (size_t)(colon - text);
	memcpy(host, text, len);
	host[len] = '\0';
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		out->addr_len = sizeof(*v4);
		return true;
	}
	if (len < 2 || host[0] != '[' || host[len - 1] != ']')
		return false;
	host[len - 1] = '\0';
	if (inet_pton(AF_INET6, host + 1, &v6->sin6_addr) != 1)
		return false;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)port);
	out->addr_len = sizeof(*v6);
	return true;
}

static bool
parse_listener(struct conf_listener *l)
{
	const char *path = after_prefix(l->text, UNIX_PREFIX);
	const char *address = after_prefix(l->text, TLS_PREFIX);

	l->tls = address != NULL;
	if (path != NULL)
		return parse_unix(path, l);
	return parse_tcp(l->tls ? address : l->text, l);
}

/* Tokens travel there: in clear text only where nobody else listens in. */
static void
check_secrecy(const struct keys *k, const struct json_value *v,
    const struct conf_listener *l, const struct conf *c)
{
	if (l->tls && c->tls_certificate[0] == '\0')
		keys_complain(k, v,
		    "\"%s\" needs \"tls\": {\"certificate\": FILE, \"key\": FILE}",
		    l->text);
	else if (!l->tls && !conf_listen_is_local(l) && !c->insecure_plaintext)
		keys_complain(k, v,
		    "\"%s\" would take tokens in clear text from the network: write \"tls:%s\", or listen on loopback or a UNIX socket behind a proxy, or set \"insecure_plaintext\": true",
		    l->text, l->text);
}

/* A certificate that no listener uses is a mistake. */
static void
check_used(
    const struct keys *k, const struct json_value *list, const struct conf *c)
{
	for (size_t i = 0; i < c->listen_count; i++)
		if (c->listen[i].tls)
			return;
	if (c->tls_certificate[0] != '\0')
		keys_complain(k, list,
		    "there is \"tls\", but no listener speaks it: write \"tls:ADDRESS:PORT\" in \"listen\"");
}

static void
read_listener(const struct keys *k, const struct json_value *v, struct conf *c)
{
	struct conf_listener l;

	memset(&l, 0, sizeof(l));
	if (!keys_string(k, v, 1, l.text, sizeof(l.text)))
		return;
	if (!parse_listener(&l)) {
		keys_complain(k, v,
		    "\"%s\" is not an address to listen on: write it as \"127.0.0.1:8001\", \"[::1]:8001\", \"tls:0.0.0.0:8443\" or \"unix:/PATH\" (of at most %zu bytes)",
		    log_text(v->text).s,
		    sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
		return;
	}
	check_secrecy(k, v, &l, c);
	if (conf_listen_path(&l) != NULL &&
	    strcmp(conf_listen_path(&l), c->control) == 0)
		keys_complain(k, v,
		    "\"%s\" is the path of the control socket: name another, or set \"control\"",
		    l.text);
	for (size_t i = 0; i < c->listen_count; i++) {
		if (c->listen[i].addr_len == l.addr_len &&
		    memcmp(&c->listen[i].addr, &l.addr, l.addr_len) == 0) {
			keys_complain(k, v, "\"%s\" is there twice", l.text);
			return;
		}
	}
	c->listen[c->listen_count++] = l;
}

void
conf_listen_read(
    const struct keys *k, const struct json_value *list, struct conf *c)
{
	const struct json_value *v;

	if (list == NULL) {
		(void)snprintf(c->listen[0].text, sizeof(c->listen[0].text),
		    "127.0.0.1:8001");
		if (!parse_listener(&c->listen[0]))
			fatal("the default listener is wrong");
		c->listen_count = 1;
		check_used(k, list, c);
		return;
	}
	if (!keys_array(k, list, "\"listen\""))
		return;
	if (list->count == 0 || list->count > CONF_MAX_LISTENERS) {
		keys_complain(k, list, "\"listen\" needs 1 to %d addresses",
		    CONF_MAX_LISTENERS);
		return;
	}
	for (v = list->child; v != NULL; v = v->next)
		read_listener(k, v, c);
	if (c->listen_count == list->count)
		check_used(k, list, c);
}

void
conf_listen_read_mode(
    const struct keys *k, const struct json_value *v, struct conf *c)
{
	char text[8];

	c->socket_mode = 0660;
	if (v == NULL || !keys_string(k, v, 1, text, sizeof(text)))
		return;
	if (strspn(text, "01234567") != strlen(text) || text[0] != '0' ||
	    strlen(text) != 4) {
		keys_complain(
		    k, v, "\"mode\" is written in octal, such as \"0660\"");
		return;
	}
	c->socket_mode = (uint32_t)strtoul(text, NULL, 8);
}
