/* SPDX-License-Identifier: MIT */
/* servername: names out of URLs and Host headers. */
#include "executor/conf/servername.h"

#include <string.h>

#include "executor/conf/conf_listen.h"

/* "host", "host:8443", "[::1]:8443/x" without all but the host. */
static struct bytes
host_of(const char *text)
{
	size_t n =
	    text[0] == '[' ? strcspn(++text, "]") : strcspn(text, ":/?#");

	return bytes_make(text, n);
}

static bool
is_there(struct bytes list, struct bytes name)
{
	while (list.len > name.len) {
		size_t n = strnlen((const char *)list.p, list.len);

		if (n == name.len && strncasecmp((const char *)list.p,
					 (const char *)name.p, n) == 0)
			return true;
		list.p += n + 1;
		list.len -= n + 1;
	}
	return false;
}

static void
put_name(struct buf *out, struct bytes name)
{
	if (name.len == 0 || is_there(buf_bytes(out), name))
		return;
	buf_put_bytes(out, name);
	buf_put_u8(out, '\0');
}

void
servername_put(const struct conf *c, struct buf *out)
{
	static const char https[] = "https://";

	if (c->proxy_count > 0)
		return;
	if (strncmp(c->public_url, https, sizeof(https) - 1) == 0)
		put_name(out, host_of(c->public_url + sizeof(https) - 1));
	for (size_t i = 0; i < c->host_count; i++)
		put_name(out, host_of(c->hosts[i]));
}

const char *
servername_unreachable(const struct conf *c)
{
	if (c->host_count > 0 || c->public_url[0] != '\0')
		return NULL;
	for (size_t i = 0; i < c->listen_count; i++)
		if (!conf_listen_is_local(&c->listen[i]))
			return c->listen[i].text;
	return NULL;
}
