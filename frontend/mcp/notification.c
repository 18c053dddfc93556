/* SPDX-License-Identifier: MIT */
/* notification: owed list_changed and updated notifications (frontend). */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "frontend/mcp/notification.h"

struct notification_uri {
	struct notification_uri *next;
	bool owed;
	size_t len;
	uint8_t text[];
};

static size_t watchers;

static const char *const methods[] = { [NOTIFICATION_TOOLS] =
					   "notifications/tools/list_changed",
	[NOTIFICATION_RESOURCES] = "notifications/resources/list_changed" };

void
notification_fini(struct notification_set *n)
{
	struct notification_uri *u, *next;

	for (u = n->uris; u != NULL; u = next) {
		next = u->next;
		free(u);
	}
	watchers -= n->count + n->follows;
	*n = (struct notification_set){ 0 };
}

static struct notification_uri **
find_uri(struct notification_set *n, struct bytes uri)
{
	struct notification_uri **at = &n->uris;

	while (
	    *at != NULL && !bytes_eq(uri, bytes_make((*at)->text, (*at)->len)))
		at = &(*at)->next;
	return at;
}

int
notification_watch(struct notification_set *n, struct bytes uri, struct err *e)
{
	struct notification_uri **at = find_uri(n, uri), *u;

	if (*at != NULL)
		return 0;
	if (uri.len == 0 || uri.len > NOTIFICATION_MAX_URI)
		return err_set(e, ERR_BAD, "a URI has 1 to %d bytes",
		    NOTIFICATION_MAX_URI);
	if (n->count == NOTIFICATION_MAX_URIS)
		return err_set(e, ERR_BUSY,
		    "%d resources are watched already, the most there can be: give one up first",
		    NOTIFICATION_MAX_URIS);
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
notification_unwatch(struct notification_set *n, struct bytes uri)
{
	struct notification_uri **at = find_uri(n, uri), *u = *at;

	if (u == NULL)
		return false;
	*at = u->next;
	free(u);
	n->count--;
	watchers--;
	return true;
}

void
notification_put_uris(struct buf *out, const struct notification_set *n)
{
	for (const struct notification_uri *u = n->uris; u != NULL;
	     u = u->next) {
		if (u != n->uris)
			buf_put_str(out, ",");
		json_put_string(out, bytes_make(u->text, u->len));
	}
}

void
notification_follow(struct notification_set *n)
{
	watchers += !n->follows;
	n->follows = true;
}

size_t
notification_watchers(void)
{
	return watchers;
}

void
notification_owe(struct notification_set *n, enum notification what)
{
	n->owed[what] = true;
}

void
notification_owe_uri(struct notification_set *n, struct bytes uri)
{
	struct notification_uri *u = *find_uri(n, uri);

	if (u != NULL)
		u->owed = true;
}

bool
notification_is_owed(const struct notification_set *n)
{
	for (size_t i = 0; i < NOTIFICATION_LISTS; i++)
		if (n->owed[i])
			return true;
	for (const struct notification_uri *u = n->uris; u != NULL; u = u->next)
		if (u->owed)
			return true;
	return false;
}

void
notification_put_meta(struct buf *out, const char *subscription)
{
	json_put_key(out, "_meta");
	buf_put_str(out, "{");
	json_put_key(out, NOTIFICATION_META);
	buf_put_str(out, subscription);
	buf_put_str(out, "}");
}

static bool
tell_change(const char *method, struct bytes uri, const char *subscription,
    bool (*say)(void *, struct bytes), void *arg)
{
	struct buf b;
	bool said;

	buf_init(&b, 6 * NOTIFICATION_MAX_URI + 1024);
	buf_put_str(&b, "{\"jsonrpc\":\"2.0\"");
	json_put_member(&b, "method", bytes_of(method));
	if (uri.len > 0 || subscription[0] != '\0') {
		json_put_key(&b, "params");
		buf_put_str(&b, "{");
		if (subscription[0] != '\0')
			notification_put_meta(&b, subscription);
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
notification_pay(struct notification_set *n, const char *subscription,
    bool (*say)(void *, struct bytes), void *arg)
{
	for (size_t i = 0; i < NOTIFICATION_LISTS; i++)
		if (n->owed[i])
			n->owed[i] = !tell_change(
			    methods[i], bytes_of(""), subscription, say, arg);
	for (struct notification_uri *u = n->uris; u != NULL; u = u->next)
		if (u->owed)
			u->owed =
			    !tell_change("notifications/resources/updated",
				bytes_make(u->text, u->len), subscription, say,
				arg);
}
