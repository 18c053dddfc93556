/* SPDX-License-Identifier: MIT */
/* notice: owed list_changed and updated notifications (frontend). */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "frontend/mcp/notice.h"

struct notice_uri {
	struct notice_uri *next;
	bool owed;
	size_t len;
	uint8_t text[];
};

static size_t watchers;

static const char *const methods[] = { [NOTICE_TOOLS] =
					   "notifications/tools/list_changed",
	[NOTICE_RESOURCES] = "notifications/resources/list_changed" };

void
notice_fini(struct notice_set *n)
{
	struct notice_uri *u, *next;

	for (u = n->uris; u != NULL; u = next) {
		next = u->next;
		free(u);
	}
	watchers -= n->count + n->follows;
	*n = (struct notice_set){ 0 };
}

static struct notice_uri **
find(struct notice_set *n, struct bytes uri)
{
	struct notice_uri **at = &n->uris;

	while (
	    *at != NULL && !bytes_eq(uri, bytes_make((*at)->text, (*at)->len)))
		at = &(*at)->next;
	return at;
}

int
notice_watch(struct notice_set *n, struct bytes uri, struct err *e)
{
	struct notice_uri **at = find(n, uri), *u;

	if (*at != NULL)
		return 0;
	if (uri.len == 0 || uri.len > NOTICE_MAX_URI)
		return err_set(
		    e, ERR_BAD, "a URI has 1 to %d bytes", NOTICE_MAX_URI);
	if (n->count == NOTICE_MAX_URIS)
		return err_set(e, ERR_BUSY,
		    "%d resources are watched already, the most there can be: give one up first",
		    NOTICE_MAX_URIS);
	u = calloc(1, sizeof(*u) + uri.len);
	if (u == NULL)
		return err_sys(e, "watching a resource");
	u->len = uri.len;
	memcpy(u->text, uri.p, uri.len);
	*at = u;
	n->count++;
	watchers++;
	return 0;
}

bool
notice_unwatch(struct notice_set *n, struct bytes uri)
{
	struct notice_uri **at = find(n, uri), *u = *at;

	if (u == NULL)
		return false;
	*at = u->next;
	free(u);
	n->count--;
	watchers--;
	return true;
}

void
notice_put_uris(struct buf *out, const struct notice_set *n)
{
	for (const struct notice_uri *u = n->uris; u != NULL; u = u->next) {
		if (u != n->uris)
			buf_put_str(out, ",");
		json_put_string(out, bytes_make(u->text, u->len));
	}
}

void
notice_follow(struct notice_set *n)
{
	watchers += !n->follows;
	n->follows = true;
}

size_t
notice_watchers(void)
{
	return watchers;
}

void
notice_owe(struct notice_set *n, enum notice what)
{
	n->owed[what] = true;
}

void
notice_owe_uri(struct notice_set *n, struct bytes uri)
{
	struct notice_uri *u = *find(n, uri);

	if (u != NULL)
		u->owed = true;
}

bool
notice_is_owed(const struct notice_set *n)
{
	for (size_t i = 0; i < NOTICE_LISTS; i++)
		if (n->owed[i])
			return true;
	for (const struct notice_uri *u = n->uris; u != NULL; u = u->next)
		if (u->owed)
			return true;
	return false;
}

void
notice_put_meta(struct buf *out, const char *subscription)
{
	json_put_key(out, "_meta");
	buf_put_str(out, "{");
	json_put_key(out, "io.modelcontextprotocol/subscriptionId");
	buf_put_str(out, subscription);
	buf_put_str(out, "}");
}

static bool
tell(const char *method, struct bytes uri, const char *subscription,
    bool (*say)(void *, struct bytes), void *arg)
{
	struct buf b;
	bool said;

	buf_init(&b, 6 * NOTICE_MAX_URI + 1024);
	buf_put_str(&b, "{\"jsonrpc\":\"2.0\"");
	json_put_member(&b, "method", bytes_of(method));
	if (uri.len > 0 || subscription[0] != '\0') {
		json_put_key(&b, "params");
		buf_put_str(&b, "{");
		if (subscription[0] != '\0')
			notice_put_meta(&b, subscription);
		if (uri.len > 0)
			json_put_member(&b, "uri", uri);
		buf_put_str(&b, "}");
	}
	buf_put_str(&b, "}");
	said = say(arg, buf_bytes(&b));
	buf_fini(&b);
	return said;
}

void
notice_pay(struct notice_set *n, const char *subscription,
    bool (*say)(void *, struct bytes), void *arg)
{
	for (size_t i = 0; i < NOTICE_LISTS; i++)
		if (n->owed[i])
			n->owed[i] = !tell(
			    methods[i], bytes_of(""), subscription, say, arg);
	for (struct notice_uri *u = n->uris; u != NULL; u = u->next)
		if (u->owed)
			u->owed = !tell("notifications/resources/updated",
			    bytes_make(u->text, u->len), subscription, say,
			    arg);
}
