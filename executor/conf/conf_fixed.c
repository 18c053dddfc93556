/* SPDX-License-Identifier: MIT */
/* conf_fixed: one table of these keys, with their values as text. */
#include "executor/conf/conf_fixed.h"

#include <stddef.h>

#include "common/cleanup.h"

enum { MAX_VALUE = 64 << 10 };

static void
put_listeners(struct buf *out, const struct conf *c)
{
	for (size_t i = 0; i < c->listen_count; i++)
		buf_printf(out, "%s%s", i > 0 ? " " : "", c->listen[i].text);
}

static void
put_sockets(struct buf *out, const struct conf *c)
{
	buf_printf(out, "%04o %ld", c->socket_mode,
	    c->socket_gid == UINT32_MAX ? -1L : (long)c->socket_gid);
}

static void
put_frontend_ids(struct buf *out, const struct conf *c)
{
	buf_printf(out, "%u:%u", c->frontend_uid, c->frontend_gid);
}

static void
put_runs(struct buf *out, const struct conf *c)
{
	buf_printf(out, "%u", c->limits.runs);
}

static void
put_connections(struct buf *out, const struct conf *c)
{
	buf_printf(out, "%u", c->limits.connections);
}

static void
put_header(struct buf *out, const struct conf *c)
{
	buf_printf(out, "%u", c->limits.header_bytes);
}

#define TEXT(key, member)                                                      \
	{                                                                      \
		key, NULL, offsetof(struct conf, member)                       \
	}

static const struct {
	const char *key;
	void (*put)(struct buf *out, const struct conf *c); /* NULL: a text, */
	size_t at; /* here */
} fixed[] = {
	{ "listen", put_listeners, 0 },
	{ "unix_socket", put_sockets, 0 },
	TEXT("frontend.path", frontend_path),
	{ "frontend.user", put_frontend_ids, 0 },
	TEXT("audit.file", audit_file),
	TEXT("audit.seal", audit_seal),
	TEXT("audit.seal_state", audit_seal_state),
	TEXT("recordings.directory", recordings_dir),
	TEXT("token_dir", token_dir),
	TEXT("control", control),
	{ "limits.runs", put_runs, 0 },
	{ "limits.connections", put_connections, 0 },
	{ "limits.header_bytes", put_header, 0 },
};

const char *
conf_fixed_key(const struct conf *c, size_t i, struct buf *out)
{
	if (i >= sizeof(fixed) / sizeof(fixed[0]))
		return NULL;
	if (fixed[i].put != NULL)
		fixed[i].put(out, c);
	else
		buf_put_str(out, (const char *)c + fixed[i].at);
	return fixed[i].key;
}

bool
conf_fixed_differ(const struct conf *a, const struct conf *b, struct buf *names)
{
	CLEANUP_BUF struct buf x, y;
	const char *key;

	buf_init(&x, MAX_VALUE);
	buf_init(&y, MAX_VALUE);
	for (size_t i = 0; (key = conf_fixed_key(a, i, &x)) != NULL; i++) {
		(void)conf_fixed_key(b, i, &y);
		if (!bytes_eq(buf_bytes(&x), buf_bytes(&y)))
			buf_printf(
			    names, "%s%s", names->len > 0 ? ", " : "", key);
		if (x.overflow || y.overflow || names->overflow)
			return false;
		buf_reset(&x);
		buf_reset(&y);
	}
	return true;
}
