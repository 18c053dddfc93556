/* SPDX-License-Identifier: MIT */
/*
 * settings: staging and swap of the configuration (frontend).
 *
 * Input comes from the executor, which is trusted: a frame out of order is a
 * bug there and breaks the channel.
 */
#include <stdlib.h>
#include <string.h>

#include "frontend/link/settings.h"

struct settings {
	struct settings_set *now; /* NULL before the first COMMIT */
	struct settings_set *next; /* NULL outside CONFIG..COMMIT */
};

static void
token_unref(struct settings_token *t)
{
	if (--t->refs == 0)
		free(t);
}

static void
set_free(struct settings_set *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->token_count; i++)
		token_unref(set->tokens[i]);
	hashindex_fini(&set->by_verifier);
	for (size_t i = 0; i < set->tool_count; i++)
		defined_unref(set->tools[i]);
	free(set);
}

struct settings *
settings_new(struct err *e)
{
	return err_alloc(1, sizeof(struct settings), e);
}

void
settings_free(struct settings *s)
{
	if (s == NULL)
		return;
	set_free(s->now);
	set_free(s->next);
	free(s);
}

const struct settings_set *
settings_now(const struct settings *s)
{
	return s->now;
}

int
settings_begin(struct settings *s, const struct msg_config *m, struct err *e)
{
	struct settings_set *set = err_alloc(1, sizeof(*set), e);

	if (set == NULL)
		return e->code;
	set->limits = *m;
	set_free(s->next);
	s->next = set;
	return 0;
}

/* --- a change of tokens alone ------------------------------------------- */

static int
index_tokens(struct settings_set *set, struct err *e)
{
	hashindex_clear(&set->by_verifier);
	for (size_t i = 0; i < set->token_count; i++)
		if (hashindex_add(&set->by_verifier,
			bytes_make(set->tokens[i]->verifier, DIGEST_BYTES), i,
			e) != 0)
			return e->code;
	return 0;
}

int
settings_change(struct settings *s, const struct msg_change *m, struct err *e)
{
	struct settings_set *set;

	if (s->now == NULL || s->now->limits.generation != m->from)
		return err_set(e, ERR_PROTO,
		    "CHANGE of generation %u, which is not in force", m->from);
	set = malloc(sizeof(*set));
	if (set == NULL)
		return err_memory(e);
	*set = *s->now;
	set->by_verifier = (struct hashindex){ .slot = NULL };
	set->changes = m->from;
	set->limits.generation = m->generation;
	for (size_t i = 0; i < set->tool_count; i++)
		defined_ref(set->tools[i]);
	for (size_t i = 0; i < set->token_count; i++)
		set->tokens[i]->refs++;
	set_free(s->next);
	s->next = set;
	return index_tokens(set, e);
}

bool
settings_is_change(const struct settings *s)
{
	return s->next != NULL && s->next->changes != 0;
}

/* Where it is, or token_count. */
static size_t
place_of(const struct settings_set *s, const uint8_t verifier[DIGEST_BYTES])
{
	struct hashindex_walk w =
	    hashindex_find(&s->by_verifier, bytes_make(verifier, DIGEST_BYTES));
	size_t i;

	while (hashindex_next(&w, &i))
		if (i < s->token_count &&
		    bytes_eq_secret(
			s->tokens[i]->verifier, verifier, DIGEST_BYTES))
			return i;
	return s->token_count;
}

int
settings_forget(struct settings *s, const struct msg_forget *m, struct err *e)
{
	struct settings_set *set = s->next;
	size_t at;

	if (set == NULL || set->changes == 0)
		return err_set(
		    e, ERR_PROTO, "FORGET outside CHANGE and COMMIT");
	at = place_of(set, m->verifier);
	if (at == set->token_count)
		return err_set(e, ERR_PROTO, "FORGET of an unknown token");
	token_unref(set->tokens[at]);
	set->tokens[at] = set->tokens[--set->token_count];
	/* the last one's place has changed: it is found at either */
	return at == set->token_count
		   ? 0
		   : hashindex_add(&set->by_verifier,
			 bytes_make(set->tokens[at]->verifier, DIGEST_BYTES),
			 at, e);
}

int
settings_set_penalties(
    struct settings *s, const struct msg_penalties *m, struct err *e)
{
	if (s->next == NULL)
		return err_set(
		    e, ERR_PROTO, "PENALTIES outside CONFIG and COMMIT");
	s->next->penalties = *m;
	return 0;
}

static int
add_net(struct settings_nets *n, const struct msg_name *m, struct err *e)
{
	if (n->count == SETTINGS_MAX_NETS)
		return err_set(
		    e, ERR_BUSY, "more than %d networks", SETTINGS_MAX_NETS);
	if (cidr_parse(m->value, &n->net[n->count], e) != 0)
		return err_wrap(e, "NAME");
	n->count++;
	return 0;
}

int
settings_add_name(struct settings *s, const struct msg_name *m, struct err *e)
{
	struct settings_set *set = s->next;
	struct settings_name *n;

	if (set == NULL)
		return err_set(e, ERR_PROTO, "NAME outside CONFIG and COMMIT");
	if (m->kind == PROTO_NAME_PROXY)
		return add_net(&set->proxies, m, e);
	if (m->kind == PROTO_NAME_EXEMPT)
		return add_net(&set->exempt, m, e);
	if (m->kind == PROTO_NAME_PATH)
		return bytes_to_str(m->value, set->path, sizeof(set->path), e);
	if (set->name_count == SETTINGS_MAX_NAMES)
		return err_set(
		    e, ERR_BUSY, "more than %d names", SETTINGS_MAX_NAMES);
	n = &set->names[set->name_count];
	n->kind = (enum proto_name)m->kind;
	if (bytes_to_str(m->value, n->text, sizeof(n->text), e) != 0)
		return err_wrap(e, "NAME");
	set->name_count++;
	return 0;
}

const char *
settings_ignored(const void *set, struct bytes name)
{
	const struct settings_set *s = set;

	for (size_t i = 0; s != NULL && i < s->name_count; i++)
		if (s->names[i].kind == PROTO_NAME_IGNORED &&
		    bytes_eq_str(name, s->names[i].text))
			return s->names[i].text;
	return NULL;
}

/* Next of the words in *rest, which moves on; empty at the end. */
static struct bytes
next_word(struct bytes *rest)
{
	struct bytes word;
	size_t i = 0;

	while (rest->len > 0 && rest->p[0] == ' ') {
		rest->p++;
		rest->len--;
	}
	while (i < rest->len && rest->p[i] != ' ')
		i++;
	word = bytes_make(rest->p, i);
	if (i > 0)
		*rest = bytes_make(rest->p + i, rest->len - i);
	return word;
}

/* A TOKEN's lists while they are read, of unknown length. */
struct lists {
	struct cidr sources[SETTINGS_MAX_SOURCES];
	size_t source_count;
	const struct catalog_tool *tools[SETTINGS_MAX_OFFERED];
	size_t tool_count;
	uint64_t tools_mark;
};

static int
parse_sources(struct lists *t, struct bytes text, struct err *e)
{
	struct bytes word;

	while ((word = next_word(&text)).len > 0) {
		if (t->source_count == SETTINGS_MAX_SOURCES)
			return err_set(e, ERR_BUSY, "more than %d sources",
			    SETTINGS_MAX_SOURCES);
		if (cidr_parse(word, &t->sources[t->source_count], e) != 0)
			return e->code;
		t->source_count++;
	}
	return 0;
}

/* Mix a text into a mark (FNV-1a): not for secrets. */
static uint64_t
mark_text(uint64_t mark, struct bytes text)
{
	if (mark == 0)
		mark = 0xcbf29ce484222325ULL;
	for (size_t i = 0; i < text.len; i++)
		mark = (mark ^ text.p[i]) * 0x100000001b3ULL;
	return mark;
}

/* --- defined tools, all of them before the first token ------------------- */

static int
finish_tool(const struct settings_set *set, struct err *e)
{
	if (set->tool_count == 0)
		return 0;
	return defined_finish(set->tools[set->tool_count - 1], e);
}

int
settings_add_tool(struct settings *s, const struct msg_tool *m, struct err *e)
{
	struct settings_set *set = s->next;
	struct defined *d;

	if (set == NULL || set->token_count > 0 || set->changes != 0)
		return err_set(e, ERR_PROTO, "TOOL outside CONFIG and TOKEN");
	if (set->tool_count == SETTINGS_MAX_TOOLS)
		return err_set(
		    e, ERR_BUSY, "more than %d tools", SETTINGS_MAX_TOOLS);
	if (finish_tool(set, e) != 0)
		return e->code;
	d = defined_new(m, e);
	if (d == NULL)
		return e->code;
	set->tools[set->tool_count++] = d;
	return 0;
}

/* The tool that is being told, or NULL with *e set. */
static struct defined *
open_tool(const struct settings *s, struct err *e)
{
	const struct settings_set *set = s->next;

	if (set != NULL && set->token_count == 0 && set->changes == 0 &&
	    set->tool_count > 0)
		return set->tools[set->tool_count - 1];
	(void)err_set(e, ERR_PROTO, "PARAM or SCHEMA without its TOOL");
	return NULL;
}

int
settings_add_param(struct settings *s, const struct msg_param *m, struct err *e)
{
	struct defined *d = open_tool(s, e);

	return d == NULL ? e->code : defined_add_param(d, m, e);
}

int
settings_add_schema(
    struct settings *s, const struct msg_schema *m, struct err *e)
{
	struct defined *d = open_tool(s, e);

	return d == NULL ? e->code : defined_add_schema(d, m, e);
}

static const struct catalog_tool *
find_tool(const struct settings_set *set, struct bytes name, bool jobs)
{
	for (size_t i = 0; i < set->tool_count; i++) {
		const struct catalog_tool *t = defined_tool(set->tools[i]);

		if (bytes_eq_str(name, t->name))
			return t;
	}
	return catalog_find(name, jobs);
}

/* All that tools/list says of it. */
static uint64_t
mark_tool(const struct catalog_tool *tool)
{
	const char *const texts[] = { tool->name, tool->title,
		tool->description, tool->input_schema, tool->output_schema,
		tool->annotations };
	uint64_t mark = 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		mark = mark_text(mark, bytes_of(texts[i]));
		mark = mark_text(mark, BYTES_LIT("\n"));
	}
	return mark;
}

/* Mixed once in a set: thousands of tokens may offer it. */
static uint64_t
mark_of(struct settings_set *set, const struct catalog_tool *tool)
{
	struct settings_mark *m = set->marks;

	for (size_t i = 0; i < set->mark_count; i++, m++)
		if (m->tool == tool)
			return m->mark;
	if (set->mark_count == sizeof(set->marks) / sizeof(set->marks[0]))
		return mark_tool(tool);
	*m = (struct settings_mark){ tool, mark_tool(tool) };
	set->mark_count++;
	return m->mark;
}

static int
take_tools(struct settings_set *set, struct lists *t, const struct msg_token *m,
    struct err *e)
{
	bool jobs = (m->flags & PROTO_TOKEN_JOBS) != 0;
	struct bytes names = m->tools, word;
	uint64_t mark;

	while ((word = next_word(&names)).len > 0) {
		const struct catalog_tool *tool = find_tool(set, word, jobs);

		if (t->tool_count == SETTINGS_MAX_OFFERED)
			return err_set(e, ERR_PROTO, "more than %d tools",
			    SETTINGS_MAX_OFFERED);
		/* a token that outlived its policy may name what is gone */
		if (tool == NULL)
			continue;
		t->tools[t->tool_count++] = tool;
		mark = mark_of(set, tool);
		t->tools_mark =
		    mark_text(t->tools_mark, bytes_make(&mark, sizeof(mark)));
	}
	return 0;
}

/* --- tokens ------------------------------------------------------------- */

/* In one piece; what it points to follows it. */
static struct settings_token *
make_token(const struct lists *l, const struct msg_token *m, struct err *e)
{
	size_t tools = l->tool_count * sizeof(l->tools[0]);
	size_t nets = l->source_count * sizeof(l->sources[0]);
	struct settings_token *t =
	    malloc(sizeof(*t) + tools + nets + m->instructions.len +
		   m->view.len + m->brief.len + 3);
	char *p;

	if (t == NULL) {
		(void)err_memory(e);
		return NULL;
	}
	*t = (struct settings_token){ .refs = 1,
		.expires = m->expires,
		.source_count = l->source_count,
		.tool_count = l->tool_count,
		.tools_mark = l->tools_mark,
		.policy_mark = m->policy_mark,
		.flags = m->flags };
	t->tools_mark = mark_text(t->tools_mark, bytes_make(&t->flags, 1));
	memcpy(t->verifier, m->verifier, sizeof(t->verifier));
	p = (char *)(t + 1);
	t->tools = memcpy(p, l->tools, tools);
	t->sources = memcpy(p + tools, l->sources, nets);
	p += tools + nets;
	t->instructions = p;
	t->view = p + m->instructions.len + 1;
	t->brief = t->view + m->view.len + 1;
	t->tools_mark = mark_text(t->tools_mark, m->view);
	t->tools_mark = mark_text(t->tools_mark, m->brief);
	if (bytes_to_str(m->name, t->name, sizeof(t->name), e) == 0 &&
	    bytes_to_str(m->policy, t->policy, sizeof(t->policy), e) == 0 &&
	    bytes_to_str(m->instructions, p, m->instructions.len + 1, e) == 0 &&
	    bytes_to_str(m->view, p + m->instructions.len + 1, m->view.len + 1,
		e) == 0 &&
	    bytes_to_str(m->brief, p + m->instructions.len + m->view.len + 2,
		m->brief.len + 1, e) == 0)
		return t;
	free(t);
	return NULL;
}

/* In the place of the one with its verifier, or behind all others. */
static int
put_token(struct settings_set *set, struct settings_token *t, struct err *e)
{
	size_t at = place_of(set, t->verifier);

	if (at < set->token_count) {
		token_unref(set->tokens[at]);
		set->tokens[at] = t;
		return 0;
	}
	if (at == SETTINGS_MAX_TOKENS)
		return err_set(
		    e, ERR_BUSY, "more than %d tokens", SETTINGS_MAX_TOKENS);
	if (hashindex_add(&set->by_verifier,
		bytes_make(t->verifier, DIGEST_BYTES), at, e) != 0)
		return e->code;
	set->tokens[set->token_count++] = t;
	return 0;
}

int
settings_add_token(struct settings *s, const struct msg_token *m, struct err *e)
{
	struct lists lists = { .source_count = 0 };
	struct settings_set *set = s->next;
	struct settings_token *t;

	if (set == NULL)
		return err_set(e, ERR_PROTO, "TOKEN outside CONFIG and COMMIT");
	if (set->token_count == 0 && set->changes == 0 &&
	    finish_tool(set, e) != 0)
		return err_wrap(e, "TOOL");
	if (take_tools(set, &lists, m, e) != 0 ||
	    parse_sources(&lists, m->sources, e) != 0)
		return err_wrap(e, "TOKEN");
	t = make_token(&lists, m, e);
	if (t == NULL)
		return err_wrap(e, "TOKEN");
	if (put_token(set, t, e) == 0)
		return 0;
	token_unref(t);
	return err_wrap(e, "TOKEN");
}

/* Which tokens may do something else than before? */
static void
compare_sets(const struct settings_set *before, struct settings_set *now)
{
	for (size_t i = 0; before != NULL && i < now->token_count; i++) {
		struct settings_token *t = now->tokens[i];
		const struct settings_token *old =
		    settings_token_find(before, t->verifier);

		t->policy_changed =
		    old != NULL && old->policy_mark != t->policy_mark;
	}
}

int
settings_commit(struct settings *s, const struct msg_commit *m, struct err *e)
{
	if (s->next == NULL)
		return err_set(e, ERR_PROTO, "COMMIT without CONFIG");
	if (s->next->limits.generation != m->generation)
		return err_set(e, ERR_PROTO, "COMMIT of generation %u, not %u",
		    m->generation, s->next->limits.generation);
	/* Without a token nothing came after the last tool. */
	if (s->next->token_count == 0 && s->next->changes == 0 &&
	    finish_tool(s->next, e) != 0)
		return err_wrap(e, "TOOL");
	compare_sets(s->now, s->next);
	set_free(s->now);
	s->now = s->next;
	s->next = NULL;
	return 0;
}

const struct settings_token *
settings_token_find(
    const struct settings_set *s, const uint8_t verifier[DIGEST_BYTES])
{
	size_t at = place_of(s, verifier);

	return at < s->token_count ? s->tokens[at] : NULL;
}

bool
settings_token_expired(const struct settings_token *t, uint64_t now_s)
{
	return t->expires != 0 && t->expires <= now_s;
}

bool
settings_is_in(const struct settings_nets *n, struct bytes peer)
{
	for (size_t i = 0; i < n->count; i++)
		if (cidr_match(&n->net[i], peer))
			return true;
	return false;
}

bool
settings_token_from(const struct settings_token *t, struct bytes peer)
{
	for (size_t i = 0; i < t->source_count; i++)
		if (cidr_match(&t->sources[i], peer))
			return true;
	return t->source_count == 0;
}
