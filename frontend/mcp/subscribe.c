/* SPDX-License-Identifier: MIT */
/* subscribe: open subscriptions and their end (frontend). */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "frontend/mcp/subscribe.h"
#include "frontend/mcp/tasks.h"
#include "frontend/mcp/taskwatch.h"

enum {
	SUBSCRIBE_SWEEP_MS =
	    NOTIFICATION_RETRY_MS /* between two looks at all */
};

struct subscription {
	struct mcp_pending pending; /* first: stop() is given this */
	struct subscribe_table *table;
	struct subscription *next;
	uint8_t verifier[DIGEST_BYTES]; /* of the token it is bound to */
	uint64_t expires; /* of that, Unix seconds, 0: never */
	uint64_t tools; /* settings_token's mark, when last looked at */
	bool wants[NOTIFICATION_LISTS];
	struct notification_set notices;
	struct taskwatch_set tasks;
};

struct subscribe_table {
	struct loop *loop;
	struct loop_timer sweep;
	struct subscription *list;
	uint32_t per_token;
	bool draining;
};

static void
remove_one(struct subscription *s)
{
	struct subscription **at = &s->table->list;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	answer_leave(&s->pending);
	taskwatch_fini(&s->tasks);
	notification_fini(&s->notices);
	free(s);
}

/* Close it in order: an answer, and the end of the stream. */
static void
end_subscription(struct subscription *s)
{
	struct mcp_reply *reply = s->pending.reply;
	struct buf *b = answer_begin(reply);

	answer_put_seal(b, s->pending.revision, NULL, s->pending.id);
	buf_put_str(b, "}");
	remove_one(s);
	reply->ready(reply, false);
}

static void
stop_subscription(
    struct mcp_pending *p, enum proto_why why, struct bytes reason)
{
	(void)why;
	(void)reason;
	remove_one((struct subscription *)(void *)p);
}

static bool
notify_client(const struct subscription *s, struct bytes message)
{
	return s->pending.reply->notify(s->pending.reply, message);
}

static bool
say_message(void *arg, struct bytes message)
{
	const struct subscription *s = arg;

	/* asks for room first */
	return notify_client(s, bytes_of("")) && notify_client(s, message);
}

static void
tell_owed(struct subscription *s)
{
	notification_pay(&s->notices, s->pending.id, say_message, s);
}

static void
on_sweep(void *arg)
{
	struct subscribe_table *t = arg;
	uint64_t now_s = clock_wall_us() / 1000000;
	struct subscription *s, *next;

	for (s = t->list; s != NULL; s = next) {
		next = s->next;
		if (s->expires != 0 && s->expires <= now_s)
			end_subscription(s);
		else
			tell_owed(s);
	}
	if (t->list != NULL)
		loop_timer_set(t->loop, &t->sweep, SUBSCRIBE_SWEEP_MS);
}

struct subscribe_table *
subscribe_table_new(struct loop *l, struct err *e)
{
	struct subscribe_table *t = err_alloc(1, sizeof(*t), e);

	if (t == NULL)
		return NULL;
	t->loop = l;
	t->sweep = (struct loop_timer){ .handler = on_sweep, .arg = t };
	return t;
}

void
subscribe_table_free(struct subscribe_table *t)
{
	if (t == NULL)
		return;
	loop_timer_cancel(t->loop, &t->sweep);
	while (t->list != NULL)
		remove_one(t->list);
	free(t);
}

static void
follow_token(struct subscription *s, const struct settings_token *token)
{
	s->expires = token->expires;
	if (s->tools == token->tools_mark)
		return;
	s->tools = token->tools_mark;
	if (s->wants[NOTIFICATION_TOOLS])
		notification_owe(&s->notices, NOTIFICATION_TOOLS);
	tell_owed(s);
}

void
subscribe_configure(struct subscribe_table *t, const struct settings_set *set)
{
	struct subscription *s, *next;

	t->per_token = set->limits.sessions_per_token;
	for (s = t->list; s != NULL; s = next) {
		const struct settings_token *token =
		    settings_token_find(set, s->verifier);

		next = s->next;
		if (token == NULL)
			end_subscription(s);
		else
			follow_token(s, token);
	}
}

void
subscribe_drain(struct subscribe_table *t)
{
	t->draining = true;
	while (t->list != NULL)
		end_subscription(t->list);
}

/* --- opening ------------------------------------------------------------ */

static const struct {
	const char *key;
	enum notification what;
} lists[] = {
	{ "toolsListChanged", NOTIFICATION_TOOLS },
	{ "resourcesListChanged", NOTIFICATION_RESOURCES },
};

static int
take_lists(
    struct subscription *s, const struct json_value *asked, struct err *e)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const struct json_value *v = json_get(asked, lists[i].key);

		if (v != NULL && v->type != JSON_BOOL)
			return err_set(e, ERR_BAD, "%s must be true or false",
			    lists[i].key);
		s->wants[lists[i].what] = v != NULL && v->boolean;
	}
	if (s->wants[NOTIFICATION_RESOURCES])
		notification_follow(&s->notices);
	return 0;
}

static int
take_uris(struct subscription *s, const struct json_value *asked, struct err *e)
{
	const struct json_value *v = json_get(asked, "resourceSubscriptions");

	if (v == NULL)
		return 0;
	if (v->type != JSON_ARRAY)
		return err_set(
		    e, ERR_BAD, "resourceSubscriptions must be a list of URIs");
	for (v = v->child; v != NULL; v = v->next) {
		if (v->type != JSON_STRING)
			return err_set(e, ERR_BAD,
			    "resourceSubscriptions must hold strings");
		if (notification_watch(&s->notices, v->text, e) == 0)
			continue;
		/* also that they are too many is for the client to mend */
		e->code = ERR_BAD;
		return err_wrap(e, "resourceSubscriptions");
	}
	return 0;
}

static const struct json_value *
filter_of(const struct mcp_request *r)
{
	return json_get(r->params, "notifications");
}

static int
take_task_ids(
    struct subscription *s, const struct mcp_request *r, struct err *e)
{
	const struct json_value *v = json_get(filter_of(r), "taskIds");

	if (v == NULL || (r->from->token->flags & PROTO_TOKEN_JOBS) == 0)
		return 0;
	if (v->type != JSON_ARRAY)
		return err_set(
		    e, ERR_BAD, "taskIds must be a list of ids of tasks");
	for (v = v->child; v != NULL; v = v->next) {
		if (v->type != JSON_STRING)
			return err_set(e, ERR_BAD, "taskIds must hold strings");
		if (taskwatch_add(&s->tasks, v->text, e) != 0)
			return e->code;
	}
	return 0;
}

/* Filters that both the revision and we know; the rest is not honoured. */
static int
take_filter(struct subscription *s, const struct mcp_request *r, struct err *e)
{
	const struct json_value *asked = filter_of(r);

	if (!json_is(asked, JSON_OBJECT))
		return err_set(e, ERR_BAD,
		    "subscriptions/listen needs params.notifications, an object such as {\"toolsListChanged\":true}");
	if (take_lists(s, asked, e) != 0 || take_uris(s, asked, e) != 0)
		return e->code;
	return take_task_ids(s, r, e);
}

static bool
acknowledge_subscription(struct subscription *s)
{
	struct buf b;
	bool said;

	buf_init(&b,
	    (size_t)NOTIFICATION_MAX_URIS * 6 * NOTIFICATION_MAX_URI + 16384);
	buf_put_str(&b,
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\"");
	json_put_key(&b, "params");
	buf_put_str(&b, "{");
	notification_put_meta(&b, s->pending.id);
	json_put_key(&b, "notifications");
	buf_put_str(&b, "{");
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (s->wants[lists[i].what])
			json_put_member_bool(&b, lists[i].key, true);
	if (s->notices.count > 0) {
		json_put_key(&b, "resourceSubscriptions");
		buf_put_str(&b, "[");
		notification_put_uris(&b, &s->notices);
		buf_put_str(&b, "]");
	}
	if (s->tasks.count > 0) {
		json_put_key(&b, "taskIds");
		buf_put_str(&b, "[");
		taskwatch_put_ids(&b, &s->tasks);
		buf_put_str(&b, "]");
	}
	buf_put_str(&b, "}}}");
	said = !b.overflow && notify_client(s, buf_bytes(&b));
	buf_fini(&b);
	return said;
}

static size_t
count_of(const struct subscribe_table *t, const uint8_t *verifier)
{
	size_t n = 0;

	for (const struct subscription *s = t->list; s != NULL; s = s->next)
		n += bytes_eq_secret(s->verifier, verifier, DIGEST_BYTES);
	return n;
}

static int
check_limits(const struct subscribe_table *t,
    const struct settings_token *token, struct err *e)
{
	if (t->draining)
		return err_set(e, ERR_BUSY,
		    "the server is stopping: try again in a moment");
	if (count_of(t, token->verifier) >= t->per_token)
		return err_set(e, ERR_BUSY,
		    "this token has reached its limit of subscriptions (limits.sessions_per_token): close one and try again");
	return 0;
}

static struct subscription *
new_subscription(const struct mcp_request *r, struct err *e)
{
	const struct settings_token *token = r->from->token;
	struct subscription *s;

	if (check_limits(r->mcp->subscriptions, token, e) != 0)
		return NULL;
	s = err_alloc(1, sizeof(*s), e);
	if (s == NULL)
		return NULL;
	s->table = r->mcp->subscriptions;
	s->expires = token->expires;
	s->tools = token->tools_mark;
	memcpy(s->verifier, token->verifier, sizeof(s->verifier));
	if (take_filter(s, r, e) == 0)
		return s;
	taskwatch_fini(&s->tasks);
	notification_fini(&s->notices);
	free(s);
	return NULL;
}

/* A task that is over already is told of right after the beginning. */
static bool
say_task(void *arg, struct bytes message)
{
	return notify_client(arg, message);
}

static void
begin_tasks(struct subscription *s, const struct mcp_request *r)
{
	s->tasks.subscription = s->pending.id;
	s->tasks.say = say_task;
	s->tasks.arg = s;
	taskwatch_begin(&s->tasks, r);
}

enum mcp_verdict
subscribe_listen(const struct mcp_request *r)
{
	struct subscribe_table *t = r->mcp->subscriptions;
	struct subscription *s;
	struct err e;

	if (r->reply->notify == NULL)
		return answer_status(r, 406, MCP_CODE_REQUEST,
		    "subscriptions/listen is answered with a stream: send Accept: application/json, text/event-stream");
	if (json_get(filter_of(r), "taskIds") != NULL && !tasks_declared(r))
		return tasks_refuse_undeclared(r);
	s = new_subscription(r, &e);
	if (s == NULL && e.code == ERR_BUSY)
		return answer_status(r, 429, MCP_CODE_INTERNAL, e.what);
	if (s == NULL)
		return answer_error(r, MCP_CODE_PARAMS, e.what);
	answer_wait(r, &s->pending, stop_subscription);
	s->next = t->list;
	t->list = s;
	begin_tasks(s, r);
	(void)acknowledge_subscription(s);
	if (t->sweep.at_ms == 0)
		loop_timer_set(t->loop, &t->sweep, SUBSCRIBE_SWEEP_MS);
	return MCP_PENDING;
}

void
subscribe_tell(struct subscribe_table *t, const uint8_t verifier[DIGEST_BYTES],
    enum notification what)
{
	for (struct subscription *s = t->list; s != NULL; s = s->next) {
		if (!s->wants[what] ||
		    !bytes_eq_secret(s->verifier, verifier, DIGEST_BYTES))
			continue;
		notification_owe(&s->notices, what);
		tell_owed(s);
	}
}

void
subscribe_tell_uri(struct subscribe_table *t,
    const uint8_t verifier[DIGEST_BYTES], struct bytes uri)
{
	for (struct subscription *s = t->list; s != NULL; s = s->next) {
		if (!bytes_eq_secret(s->verifier, verifier, DIGEST_BYTES))
			continue;
		notification_owe_uri(&s->notices, uri);
		tell_owed(s);
	}
}
