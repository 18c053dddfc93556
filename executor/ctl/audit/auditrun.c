/* SPDX-License-Identifier: MIT */
/* auditrun: a run put together from its records.  mcp-execctl. */
#include "executor/ctl/audit/auditrun.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROW = 16, BUCKETS = 4096 };

struct auditrun *
auditrun_new(struct bytes id, const struct auditrun_limits *m)
{
	struct auditrun *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	(void)snprintf(r->id, sizeof(r->id), "%.*s",
	    (int)(id.len < 64 ? id.len : 64),
	    id.len > 0 ? (const char *)id.p : "");
	buf_init(&r->text, m->text);
	r->holders = 1;
	return r;
}

struct auditrun *
auditrun_hold(struct auditrun *r)
{
	r->holders++;
	return r;
}

void
auditrun_drop(struct auditrun *r)
{
	if (r == NULL || --r->holders > 0)
		return;
	free(r->exec);
	free(r->denial);
	buf_fini(&r->text);
	free(r);
}

struct bytes
auditrun_get(const struct auditrun *r, struct auditrun_text t)
{
	return bytes_make(t.len > 0 ? r->text.p + t.at : NULL, t.len);
}

static struct auditrun_text
keep_long(struct auditrun *r, const struct auditrun_limits *m, struct bytes v,
    size_t max)
{
	struct auditrun_text t = { (uint32_t)r->text.len, 0 };

	if (v.len > max)
		v.len = max;
	if (v.len > m->text - r->text.len)
		v.len = m->text - r->text.len;
	buf_put_bytes(&r->text, v);
	t.len = r->text.overflow ? 0 : (uint32_t)v.len;
	return t;
}

static struct auditrun_text
keep_text(struct auditrun *r, const struct auditrun_limits *m, struct bytes v)
{
	return keep_long(r, m, v, m->value);
}

void
auditrun_keep_line(
    struct auditrun *r, const struct auditrun_limits *m, struct bytes line)
{
	r->line.at = (uint32_t)r->text.len;
	r->line.len = 0;
	if (line.len > m->text - r->text.len)
		return;
	buf_put_bytes(&r->text, line);
	r->line.len = r->text.overflow ? 0 : (uint32_t)line.len;
}

static void
keep_name(char out[AUDITRUN_NAME], struct bytes v)
{
	if (v.len >= AUDITRUN_NAME)
		v.len = AUDITRUN_NAME - 1;
	if (v.len > 0)
		memcpy(out, v.p, v.len);
	out[v.len] = '\0';
}

/* One more element, or NULL: it is not kept. */
static void *
grow_array(
    struct auditrun *r, void **array, size_t *count, size_t max, size_t size)
{
	void *p;

	if (*count >= max)
		return NULL;
	if (*count % GROW == 0) {
		p = reallocarray(*array, *count + GROW, size);
		if (p == NULL) {
			r->text.overflow = true; /* it is not whole */
			return NULL;
		}
		*array = p;
	}
	p = (char *)*array + *count * size;
	memset(p, 0, size);
	(*count)++;
	return p;
}

static bool
is_true(const struct logline *l, const char *key)
{
	return bytes_eq_str(logline_get(l, key), "true");
}

/* Remarks besides that it started. */
static const char *
exec_note(const struct logline *l, bool started)
{
	if (bytes_eq_str(logline_get(l, "event.outcome"), "failure"))
		return "(did not start) ";
	if (is_true(l, "process.traced"))
		return started ? "(traced by the run) "
			       : "(traced by the run; not seen to start) ";
	if (!started)
		return "(not seen to start) ";
	return is_true(l, "process.unconfirmed") ? "(unconfirmed) " : "";
}

static void
add_exec(struct auditrun *r, const struct auditrun_limits *m,
    const struct logline *l)
{
	struct auditrun_exec *x;
	struct buf words;

	r->execs++;
	x = grow_array(
	    r, (void **)&r->exec, &r->exec_count, m->execs, sizeof(*x));
	if (x == NULL)
		return;
	x->mono_ns = l->mono_ns;
	x->pid = (int64_t)logline_get_u64(l, "process.namespace_pid", 0);
	x->parent =
	    (int64_t)logline_get_u64(l, "process.parent.namespace_pid", 0);
	x->started = bytes_eq_str(logline_get(l, "event.outcome"), "success");
	x->note = exec_note(l, x->started);
	x->path = keep_text(r, m,
	    logline_get(
		l, x->started ? "process.executable" : "process.asked"));
	buf_init(&words, LOGLINE_MAX);
	auditrec_words(l, "process.args", &words);
	r->text.overflow |= words.overflow;
	x->args = keep_text(r, m, buf_bytes(&words));
	buf_fini(&words);
}

static void
put_args(struct auditrun_denial *d, const struct logline *l)
{
	struct buf words;
	char *at;
	size_t i;

	buf_init(&words, 1024);
	auditrec_words(l, "denial.args", &words);
	at = words.len > 0 ? (char *)(uintptr_t)buf_cstr(&words) : NULL;
	for (i = 0; i < 6 && at != NULL; i++)
		d->args[i] = strtoull(at, &at, 16);
	buf_fini(&words);
}

static void
add_denial(struct auditrun *r, const struct auditrun_limits *m,
    const struct logline *l)
{
	struct auditrun_denial *d;

	r->denials++;
	d = grow_array(
	    r, (void **)&r->denial, &r->denial_count, m->denials, sizeof(*d));
	if (d == NULL)
		return;
	d->mono_ns = l->mono_ns;
	d->number = (int64_t)logline_get_u64(l, "denial.syscall_number", 0);
	d->rule = keep_text(r, m, logline_get(l, "denial.rule"));
	d->call = keep_text(r, m, logline_get(l, "denial.syscall"));
	d->path = keep_text(r, m, logline_get(l, "file.path"));
	d->name = keep_text(r, m, logline_get(l, "process.name"));
	put_args(d, l);
}

static void
add_intent(struct auditrun *r, const struct auditrun_limits *m,
    const struct logline *l)
{
	(void)snprintf(r->when, sizeof(r->when), "%.*s", (int)l->when.len,
	    (const char *)l->when.p);
	r->begin_ns = l->mono_ns;
	keep_name(r->user, logline_get(l, "user.name"));
	keep_name(r->source, logline_get(l, "source.ip"));
	r->command = keep_text(r, m, logline_get(l, "process.command_line"));
}

static void
add_result(struct auditrun *r, const struct auditrun_limits *m,
    const struct logline *l)
{
	uint64_t told = logline_get_u64(l, "run.denials", 0);

	r->good = auditrec_result(l, r->result);
	r->reason = keep_text(r, m, logline_get(l, "event.reason"));
	r->told = keep_long(r, m, logline_get(l, "run.explained"),
	    (size_t)m->value * AUDITRUN_TOLD);
	r->duration_ns = logline_get_u64(l, "event.duration", 0);
	r->out_bytes = logline_get_u64(l, "stdout.bytes", 0);
	r->err_bytes = logline_get_u64(l, "stderr.bytes", 0);
	r->execs += logline_get_u64(l, "run.execs_not_recorded", 0);
	r->denials = told > r->denials ? told : r->denials;
}

typedef void add_fn(
    struct auditrun *, const struct auditrun_limits *, const struct logline *);

static add_fn *
find_kind(const struct logline *l)
{
	static const struct {
		const char *action;
		add_fn *add;
	} kinds[] = {
		{ "process-exec", add_exec },
		{ "run-intent", add_intent },
		{ "run-result", add_result },
		{ "run-denial", add_denial },
	};
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (logline_is(l, kinds[i].action))
			return kinds[i].add;
	return NULL;
}

bool
auditrun_is_part(const struct logline *l)
{
	return find_kind(l) != NULL;
}

void
auditrun_add(struct auditrun *r, const struct auditrun_limits *m,
    const struct logline *l)
{
	add_fn *add = find_kind(l);

	if (add != NULL)
		add(r, m, l);
	if (r->token[0] == '\0')
		keep_name(r->token, logline_get(l, "token.name"));
	if (r->policy[0] == '\0')
		keep_name(r->policy, logline_get(l, "policy.name"));
}

/* --- the tree ---------------------------------------------------------- */

/* The latest before i that is this process or, failing that, its parent. */
static int32_t
find_above(struct auditrun *r, uint32_t i)
{
	struct auditrun_exec *x = &r->exec[i];
	uint32_t j;

	for (j = i; j-- > 0;)
		if (r->exec[j].pid == x->pid &&
		    (!x->started || r->exec[j].parent == x->parent)) {
			x->same = true;
			return (int32_t)j;
		}
	for (j = i; j-- > 0;)
		if (r->exec[j].pid == x->parent)
			return (int32_t)j;
	return -1;
}

struct links {
	int32_t first, next, tail;
};

static void
link_all(struct auditrun *r, struct links *t, struct links *root)
{
	struct links *above;
	size_t i;

	for (i = 0; i < r->exec_count; i++) {
		t[i].first = t[i].next = t[i].tail = -1;
		r->exec[i].same = false;
		r->exec[i].above = find_above(r, (uint32_t)i);
		above = r->exec[i].above < 0 ? root : &t[r->exec[i].above];
		if (above->tail < 0)
			above->first = (int32_t)i;
		else
			t[above->tail].next = (int32_t)i;
		above->tail = (int32_t)i;
	}
}

bool
auditrun_tree(struct auditrun *r, uint32_t *order)
{
	struct links *t = calloc(r->exec_count + 1, sizeof(*t));
	struct links root = { -1, -1, -1 };
	size_t n = 0;
	int32_t at;

	for (uint32_t i = 0; i < r->exec_count; i++)
		order[i] = i;
	if (t == NULL)
		return false;
	link_all(r, t, &root);
	for (at = root.first; at >= 0;) {
		struct auditrun_exec *x = &r->exec[at];

		x->depth = x->above < 0 ? 0 : r->exec[x->above].depth + 1;
		x->last = t[at].next < 0;
		order[n++] = (uint32_t)at;
		if (t[at].first >= 0) {
			at = t[at].first;
			continue;
		}
		while (at >= 0 && t[at].next < 0)
			at = r->exec[at].above;
		at = at >= 0 ? t[at].next : -1;
	}
	free(t);
	return true;
}

/* --- by id ------------------------------------------------------------- */

struct slot {
	struct auditrun *run;
	struct slot *chain; /* of the bucket */
	struct slot *older, *newer;
};

struct auditrun_map {
	struct slot *bucket[BUCKETS];
	struct slot *oldest, *newest;
	size_t count, max;
};

struct auditrun_map *
auditrun_map_new(size_t max)
{
	struct auditrun_map *m = calloc(1, sizeof(*m));

	if (m != NULL)
		m->max = max;
	return m;
}

static struct slot **
bucket_of(struct auditrun_map *m, struct bytes id)
{
	uint32_t h = 2166136261U;
	size_t i;

	for (i = 0; i < id.len; i++)
		h = (h ^ id.p[i]) * 16777619U;
	return &m->bucket[(h ^ h >> 16) % BUCKETS];
}

static struct slot **
find_slot(struct auditrun_map *m, struct bytes id)
{
	struct slot **s;

	for (s = bucket_of(m, id); *s != NULL; s = &(*s)->chain)
		if (bytes_eq_str(id, (*s)->run->id))
			break;
	return s;
}

struct auditrun *
auditrun_map_get(struct auditrun_map *m, struct bytes id)
{
	struct slot *s = *find_slot(m, id);

	return s != NULL ? s->run : NULL;
}

struct auditrun *
auditrun_map_take(struct auditrun_map *m, struct bytes id)
{
	struct slot **at = find_slot(m, id), *s = *at;
	struct auditrun *r;

	if (s == NULL)
		return NULL;
	*at = s->chain;
	*(s->older != NULL ? &s->older->newer : &m->oldest) = s->newer;
	*(s->newer != NULL ? &s->newer->older : &m->newest) = s->older;
	m->count--;
	r = s->run;
	free(s);
	return r;
}

bool
auditrun_map_put(struct auditrun_map *m, struct auditrun *r)
{
	struct slot *s = calloc(1, sizeof(*s)), **at;

	if (s == NULL) {
		auditrun_drop(r);
		return false;
	}
	if (m->count >= m->max)
		auditrun_drop(
		    auditrun_map_take(m, bytes_of(m->oldest->run->id)));
	s->run = r;
	at = bucket_of(m, bytes_of(r->id));
	s->chain = *at;
	*at = s;
	s->older = m->newest;
	*(m->newest != NULL ? &m->newest->newer : &m->oldest) = s;
	m->newest = s;
	m->count++;
	return true;
}

struct auditrun *
auditrun_map_at(struct auditrun_map *m, size_t i)
{
	struct slot *s = m->oldest;

	while (s != NULL && i-- > 0)
		s = s->newer;
	return s != NULL ? s->run : NULL;
}

void
auditrun_map_free(struct auditrun_map *m)
{
	if (m == NULL)
		return;
	while (m->oldest != NULL)
		auditrun_drop(
		    auditrun_map_take(m, bytes_of(m->oldest->run->id)));
	free(m);
}
