/* SPDX-License-Identifier: MIT */
/*
 * redact: find what rules name, and put something else in its place.
 * Executor; values are anybody's, rules the administrator's.
 */
#include "executor/audit/redact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/json.h"
#include "common/match.h"
#include "common/patterns.h"
#include "executor/audit/spelling.h"

_Static_assert(
    (int)REDACT_MAX_RULES <= (int)PATTERNS_MAX, "a pattern for each rule");

/* Of a secret, and the rule that has it. */
struct key {
	char name[REDACT_MAX_NAME], text[REDACT_MAX_KEY + 1];
	size_t len;
};

/* One search: a pattern, or keys of any rules. */
struct rule {
	char name[REDACT_MAX_NAME]; /* of a pattern's rule */
	struct buf pattern; /* or the choice of keys in one */
	bool by_key;
	bool option; /* keys that begin with a dash */
	size_t key, keys; /* of the array of keys, in order */
};

struct redact {
	struct rule rule[REDACT_MAX_RULES];
	struct key keys[REDACT_MAX_RULES];
	struct patterns *patterns; /* one for each rule, in order */
	size_t count, key_count, states, added;
	bool has_key;
	uint8_t key[DIGEST_BYTES];
};

/* A part removed from a value. */
struct span {
	size_t from, to;
	const char *name; /* of the rule */
};

struct spans {
	struct span s[REDACT_MAX_SPANS];
	size_t count;
};

struct redact *
redact_new(struct err *e)
{
	struct redact *r = err_alloc(1, sizeof(*r), e);

	if (r == NULL)
		return NULL;
	r->patterns = patterns_new(e);
	if (r->patterns != NULL)
		return r;
	free(r);
	return NULL;
}

void
redact_free(struct redact *r)
{
	size_t i;

	if (r == NULL)
		return;
	patterns_free(r->patterns);
	for (i = 0; i < r->count; i++)
		buf_fini(&r->rule[i].pattern);
	explicit_bzero(r->key, sizeof(r->key));
	free(r);
}

bool
redact_any(const struct redact *r)
{
	return r != NULL && r->added > 0;
}

/* Of the automata that all rules become. */
static int
add_states(struct redact *r, size_t states, struct err *e)
{
	if (r->added == REDACT_MAX_RULES)
		return err_set(e, ERR_BAD,
		    "more than %d patterns and keys in all", REDACT_MAX_RULES);
	if (r->states + states > REDACT_MAX_STATES)
		return err_set(e, ERR_BAD,
		    "all patterns together are too large: repeat less");
	r->states += states;
	r->added++;
	return 0;
}

static struct rule *
new_rule(struct redact *r)
{
	struct rule *rule = &r->rule[r->count++];

	buf_init(&rule->pattern, MATCH_MAX_PATTERN);
	return rule;
}

int
redact_add_pattern(
    struct redact *r, const char *name, struct bytes pattern, struct err *e)
{
	struct rule *rule;
	struct match *m;

	if (match_compile(pattern, &m, e) != 0)
		return e->code;
	if (add_states(r, match_states(m), e) != 0) {
		match_free(m);
		return e->code;
	}
	match_free(m);
	rule = new_rule(r);
	(void)snprintf(rule->name, sizeof(rule->name), "%s", name);
	buf_put_bytes(&rule->pattern, pattern);
	return 0;
}

/* One of these keys, what comes before and after it, and its value. */
static void
put_key_pattern(struct buf *b, struct bytes keys, bool option)
{
	/* what stands before a word, the escape of a string too */
	buf_put_str(b, "(?i)(^|[^A-Za-z0-9]|\\\\[abefnrtv])(");
	buf_put_bytes(b, keys);
	buf_put_str(b, ")\\\\*[\"']?\\]?(\\s*(:=|=>|[+]?[=:]|%3[ad])\\s*");
	buf_put_str(b, option ? "|\\s+)\\K\\S" : ")\\K\\S");
}

static void
put_escaped(struct buf *b, struct bytes key)
{
	size_t i;

	for (i = 0; i < key.len; i++) {
		if (strchr("^$\\.*+?()[]{}|", key.p[i]) != NULL)
			buf_put_u8(b, '\\');
		buf_put_u8(b, key.p[i]);
	}
}

static int
check_key(struct bytes key, bool option, struct err *e)
{
	CLEANUP_BUF struct buf one, all;
	struct match *m;

	buf_init(&one, MATCH_MAX_PATTERN);
	buf_init(&all, MATCH_MAX_PATTERN);
	if (key.len == 0 || key.len > REDACT_MAX_KEY)
		return err_set(
		    e, ERR_BAD, "a key has 1 to %d bytes", REDACT_MAX_KEY);
	put_escaped(&one, key);
	put_key_pattern(&all, buf_bytes(&one), option);
	if (match_compile(buf_bytes(&all), &m, e) != 0)
		return e->code;
	match_free(m);
	return 0;
}

int
redact_add_key(
    struct redact *r, const char *name, struct bytes key, struct err *e)
{
	bool option = key.len > 0 && key.p[0] == '-';
	struct key *k = &r->keys[r->key_count];

	if (check_key(key, option, e) != 0 ||
	    add_states(r, 2 * key.len + 32, e) != 0)
		return e->code;
	(void)snprintf(k->name, sizeof(k->name), "%s", name);
	memcpy(k->text, key.p, key.len);
	k->text[key.len] = '\0';
	k->len = key.len;
	r->key_count++;
	return 0;
}

/* Rules of keys, each of as many as a pattern has room for. */
static void
group_keys(struct redact *r, bool option)
{
	struct rule *rule = NULL;
	size_t i;

	for (i = 0; i < r->key_count; i++) {
		struct key *k = &r->keys[i];

		if ((k->text[0] == '-') != option)
			continue;
		if (rule == NULL || rule->pattern.len > MATCH_MAX_PATTERN / 2) {
			rule = new_rule(r);
			rule->by_key = true;
			rule->option = option;
			rule->key = i;
		} else {
			buf_put_u8(&rule->pattern, '|');
		}
		put_escaped(&rule->pattern, bytes_make(k->text, k->len));
		rule->keys = i + 1 - rule->key;
	}
}

int
redact_ready(struct redact *r, struct err *e)
{
	struct rule pattern[REDACT_MAX_RULES];
	size_t i, patterns = r->count;

	/* keys first: what both take is a key's */
	memcpy(pattern, r->rule, sizeof(pattern));
	r->count = 0;
	group_keys(r, false);
	group_keys(r, true);
	memcpy(r->rule + r->count, pattern, patterns * sizeof(pattern[0]));
	r->count += patterns;
	for (i = 0; i < r->count; i++) {
		CLEANUP_BUF struct buf b;
		struct rule *rule = &r->rule[i];
		struct match *m;

		buf_init(&b, MATCH_MAX_PATTERN);
		if (rule->by_key)
			put_key_pattern(
			    &b, buf_bytes(&rule->pattern), rule->option);
		else
			buf_put_bytes(&b, buf_bytes(&rule->pattern));
		if (rule->pattern.overflow || b.overflow)
			return err_memory(e);
		if (match_compile(buf_bytes(&b), &m, e) != 0 ||
		    patterns_add(r->patterns, m, e) != 0)
			return e->code;
	}
	return r->count == 0 ? 0 : patterns_ready(r->patterns, e);
}

/* --- the key ------------------------------------------------------------- */

static int
make_key(const char *path, uint8_t key[DIGEST_BYTES], struct err *e)
{
	char hex[DIGEST_HEX];
	int rc;

	digest_random(key, DIGEST_BYTES);
	digest_hex(key, DIGEST_BYTES, hex);
	hex[DIGEST_HEX - 1] = '\n';
	rc = fdio_write_file(path, 0600, bytes_make(hex, DIGEST_HEX), true, e);
	explicit_bzero(hex, sizeof(hex));
	return rc;
}

int
redact_load_key(struct redact *r, const char *path, struct err *e)
{
	CLEANUP_BUF struct buf text;
	uint8_t key[DIGEST_BYTES];
	struct err bad;
	int rc = 0;

	buf_init(&text, 256);
	if (access(path, F_OK) == -1)
		rc = make_key(path, key, e);
	else if (fdio_read_file(path, true, &text, e) != 0)
		rc = e->code;
	else if (text.len < DIGEST_HEX - 1 ||
		 digest_unhex(bytes_make(text.p, DIGEST_HEX - 1), key,
		     DIGEST_BYTES, &bad) != 0)
		rc = err_set(e, ERR_BAD,
		    "%s: no key of 64 hexadecimal digits: remove it, and a new one is made",
		    path);
	if (rc == 0)
		memcpy(r->key, key, sizeof(key));
	r->has_key = rc == 0;
	explicit_bzero(key, sizeof(key));
	if (text.p != NULL)
		explicit_bzero(text.p, text.len);
	return rc;
}

/* --- finding ------------------------------------------------------------- */

/* Into the list, which is in order and holds nothing twice. */
static void
note_span(struct spans *l, const char *name, size_t from, size_t to)
{
	size_t i, j;

	for (i = 0; i < l->count && l->s[i].to <= from; i++)
		;
	for (j = i; j < l->count && l->s[j].from < to; j++) {
		from = l->s[j].from < from ? l->s[j].from : from;
		to = l->s[j].to > to ? l->s[j].to : to;
		name = l->s[j].name;
	}
	if (i == j && l->count == REDACT_MAX_SPANS) {
		/* No room: up to the next one, or all of the rest. */
		if (i < l->count)
			l->s[i].from = from;
		else
			l->s[i - 1].to = SIZE_MAX;
		return;
	}
	memmove(&l->s[i + 1], &l->s[j], (l->count - j) * sizeof(l->s[0]));
	l->s[i] = (struct span){ from, to, name };
	l->count = l->count - (j - i) + 1;
}

/* As a shell within a shell would read it; the first is the text itself. */
struct readings {
	struct spelling s[SPELLING_DEPTH + 1];
	size_t count;
};

/* Where in the text the value ends that begins there in this reading. */
static size_t
value_end(struct readings *all, size_t reading, size_t key, size_t at)
{
	size_t i, here, last = 0, span[2], begin, key_begin;

	spelling_map(&all->s[reading], key, key + 1, span);
	key_begin = span[0];
	spelling_map(&all->s[reading], at, at + 1, span);
	begin = span[0];
	for (i = 0; i <= reading; i++) {
		here = spelling_index(&all->s[i], begin);
		if (!spelling_json_end(&all->s[i], here, &here))
			continue;
		spelling_map(&all->s[i], here, here, span);
		return span[1];
	}
	for (i = 0; i <= reading; i++) {
		here = spelling_index(&all->s[i], begin);
		here = spelling_value_end(
		    &all->s[i], spelling_index(&all->s[i], key_begin), here);
		spelling_map(&all->s[i], here, here, span);
		if (span[1] > last)
			last = span[1];
	}
	return last;
}

static const char *
first_name(const struct redact *r)
{
	return r->rule[0].by_key ? r->keys[r->rule[0].key].name
				 : r->rule[0].name;
}

/* Of the keys of a rule, the longest that is where this one was found. */
static const char *
name_of(const struct redact *r, const struct rule *rule, struct bytes text,
    const struct match_span *m)
{
	const char *name = r->keys[rule->key].name;
	size_t i, at, longest = 0;

	if (!rule->by_key)
		return rule->name;
	for (i = rule->key; i < rule->key + rule->keys; i++)
		for (at = m->start; at <= m->start + 2 && at < text.len; at++) {
			const struct key *k = &r->keys[i];

			if (k->len > longest && k->len <= text.len - at &&
			    strncasecmp((const char *)text.p + at, k->text,
				k->len) == 0) {
				longest = k->len;
				name = k->name;
			}
		}
	return name;
}

static bool
is_word(uint8_t c)
{
	return (c >= '0' && c <= '9') ||
	       ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* What a rule removes in one reading. */
static void
take_rule(struct redact *r, const struct rule *rule, struct readings *all,
    size_t reading, struct spans *out)
{
	struct bytes text = all->s[reading].text;
	struct match_span m;
	size_t at = 0, n, span[2], to, key;

	for (n = 0; n <= REDACT_MAX_SPANS && patterns_next(r->patterns, at, &m);
	     n++) {
		at = m.end;
		if (m.keep == m.end)
			continue;
		spelling_map(&all->s[reading], m.keep, m.end, span);
		if (rule->by_key) {
			/* a character may stand before the key */
			key = m.start +
			      (m.start < text.len && !is_word(text.p[m.start]));
			to = value_end(all, reading, key, m.keep);
			span[1] = to > span[1] ? to : span[1];
			to = spelling_index(&all->s[reading], span[1]);
			at = to > at ? to : at;
		}
		/* Beyond that many, the rest goes. */
		note_span(out, name_of(r, rule, all->s[reading].text, &m),
		    span[0], n == REDACT_MAX_SPANS ? SIZE_MAX : span[1]);
	}
}

/* All rules on one reading. */
static void
take_rules(struct redact *r, struct readings *all, size_t reading, bool more,
    struct spans *out)
{
	CLEANUP_BUF struct buf flat;
	struct bytes text = all->s[reading].text;
	size_t i;
	int rule = -1;

	buf_init(&flat, text.len + 1);
	if (all->s[reading].list && memchr(text.p, '\0', text.len) != NULL) {
		buf_put_bytes(&flat, text);
		if (flat.overflow) {
			note_span(out, first_name(r), 0, SIZE_MAX);
			return;
		}
		for (i = 0; i < flat.len; i++)
			if (flat.p[i] == '\0')
				flat.p[i] = ' ';
		text = buf_bytes(&flat);
	}
	patterns_text(r->patterns, text, more);
	while (patterns_pick(r->patterns, &rule))
		take_rule(r, &r->rule[rule], all, reading, out);
}

/* Text for people is cut so. */
static bool
ends_in_dots(struct bytes text)
{
	return text.len > 3 && memcmp(text.p + text.len - 3, "...", 3) == 0;
}

/* All rules on a text and on what shells inside each other make of it. */
static void
take_readings(
    struct redact *r, struct spelling first, bool more, struct spans *out)
{
	struct readings all = { .s = { first }, .count = 1 };
	bool no_memory = false;
	size_t i;

	while (
	    all.count <= SPELLING_DEPTH && spelling_strip(&all.s[all.count - 1],
					       &all.s[all.count], &no_memory))
		all.count++;
	if (no_memory)
		note_span(out, first_name(r), 0, SIZE_MAX);
	for (i = 0; i < all.count; i++)
		take_rules(r, &all, i, more, out);
	for (i = 0; i < all.count; i++)
		spelling_fini(&all.s[i]);
}

/*
 * What all rules take of a text, however it is spelled.  list: words with a
 * NUL between them.  more: it goes on, or was cut.
 */
static void
find_spans(struct redact *r, struct bytes text, bool more, bool list,
    struct spans *out)
{
	struct spelling first, decoded;
	bool no_memory = false;

	out->count = 0;
	if (more && ends_in_dots(text))
		text.len -= 3; /* where it was cut */
	if (text.len == 0)
		return;
	first = spelling_of(text, list);
	patterns_begin(r->patterns);
	take_readings(r, first, more, out);
	if (spelling_decode(&first, &decoded, &no_memory))
		take_readings(r, decoded, more, out);
	if (no_memory)
		note_span(out, first_name(r), 0, SIZE_MAX);
}

/* --- writing ------------------------------------------------------------- */

static void
put_hmac(struct redact *r, struct bytes value, char hex[DIGEST_HEX])
{
	struct bytes none = { NULL, 0 };
	uint8_t sum[DIGEST_BYTES];

	digest_hmac(r->key, value, none, sum);
	digest_hex(sum, sizeof(sum), hex);
}

/* KEY.redacted: "RULE LENGTH HMAC" each. */
static void
put_list(struct redact *r, struct buf *b, const char *key, struct bytes text,
    const struct spans *l)
{
	char name[96], item[REDACT_MAX_NAME + 32 + DIGEST_HEX];
	char hex[DIGEST_HEX];
	size_t i, to;

	if (l->count == 0)
		return;
	hex[0] = '\0';
	(void)snprintf(name, sizeof(name), "%s.redacted", key);
	json_put_key(b, name);
	for (i = 0; i < l->count; i++) {
		to = l->s[i].to < text.len ? l->s[i].to : text.len;
		if (r->has_key)
			put_hmac(r,
			    bytes_make(
				text.p + l->s[i].from, to - l->s[i].from),
			    hex);
		(void)snprintf(item, sizeof(item), "%s %zu%s%s", l->s[i].name,
		    to - l->s[i].from, r->has_key ? " " : "", hex);
		buf_put_u8(b, i == 0 ? '[' : ',');
		json_put_audit(b, bytes_of(item));
	}
	buf_put_u8(b, ']');
}

/* The part from `from` to `to` of a text, without what is taken out. */
static void
put_rest(struct buf *out, struct bytes text, size_t from, size_t to,
    const struct spans *l)
{
	size_t i;

	for (i = 0; i < l->count && from < to; i++) {
		const struct span *s = &l->s[i];

		if (s->to <= from || s->from >= to)
			continue;
		if (s->from > from)
			buf_put(out, text.p + from, s->from - from);
		buf_printf(out, "[redacted:%s]", s->name);
		from = s->to < to ? s->to : to;
	}
	if (from < to)
		buf_put(out, text.p + from, to - from);
}

/* The same, in `room` unless it is the text as it is. */
static struct bytes
rest_of(struct buf *room, struct bytes text, size_t from, size_t to,
    const struct spans *l)
{
	if (l->count == 0 && from < to)
		return bytes_make(text.p + from, to - from);
	put_rest(room, text, from, to, l);
	return buf_bytes(room);
}

void
redact_put_digest(
    struct redact *r, struct buf *b, const char *key, struct bytes value)
{
	uint8_t sum[DIGEST_BYTES];
	char hex[DIGEST_HEX], name[96];

	if (redact_any(r) && !r->has_key)
		return;
	if (redact_any(r)) {
		put_hmac(r, value, hex);
	} else {
		digest_sha256(value, sum);
		digest_hex(sum, sizeof(sum), hex);
	}
	(void)snprintf(name, sizeof(name), "%s.%s", key,
	    redact_any(r) ? "hmac_sha256" : "sha256");
	json_put_member(b, name, bytes_of(hex));
}

void
redact_put_sum(struct redact *r, struct buf *b, const char *key,
    const uint8_t sum[DIGEST_BYTES])
{
	char hex[DIGEST_HEX], name[96];

	if (redact_any(r) && !r->has_key)
		return;
	if (redact_any(r))
		put_hmac(r, bytes_make(sum, DIGEST_BYTES), hex);
	else
		digest_hex(sum, DIGEST_BYTES, hex);
	(void)snprintf(name, sizeof(name), "%s_%s", key,
	    redact_any(r) ? "hmac_sha256" : "sha256");
	json_put_member(b, name, bytes_of(hex));
}

/* So much of it is looked at; *more: the rest is not, or was cut. */
static struct bytes
look_at(struct bytes value, size_t most, bool *more)
{
	*more |= value.len > most;
	return bytes_make(value.p, value.len > most ? most : value.len);
}

void
redact_put(struct redact *r, struct buf *b, const char *key, struct bytes value,
    bool cut)
{
	CLEANUP_BUF struct buf kept;
	struct bytes look = look_at(value, REDACT_LOOK, &cut);
	struct spans found; /* large: only its count is set */
	char name[96];

	buf_init(&kept, 4 * REDACT_LOOK);
	found.count = 0;
	if (redact_any(r))
		find_spans(r, look, cut, false, &found);
	json_put_key(b, key);
	json_put_audit(
	    b, rest_of(&kept, look, 0,
		   look.len > REDACT_KEPT ? REDACT_KEPT : look.len, &found));
	if (value.len > REDACT_KEPT) {
		(void)snprintf(name, sizeof(name), "%s.length", key);
		json_put_member_i64(b, name, (int64_t)value.len);
		redact_put_digest(r, b, key, value);
	}
	put_list(r, b, key, look, &found);
}

void
redact_show(struct redact *r, struct buf *out, struct bytes value, size_t max)
{
	bool more = ends_in_dots(value);
	struct bytes look = look_at(value, 2 * max, &more);
	struct spans found; /* large: only its count is set */

	found.count = 0;
	if (redact_any(r))
		find_spans(r, look, more, false, &found);
	put_rest(out, look, 0, look.len > max ? max : look.len, &found);
}

/* Each word in quotes, as many as there is room for. */
static void
put_words(struct buf *b, struct bytes words, const struct spans *l)
{
	CLEANUP_BUF struct buf word;
	size_t from, to, begin = b->len;
	const uint8_t *nul;

	buf_init(&word, 4 * REDACT_LOOK);
	buf_put_u8(b, '[');
	for (from = 0; from < words.len; from = to + 1) {
		nul = memchr(words.p + from, '\0', words.len - from);
		to = nul == NULL ? words.len : (size_t)(nul - words.p);
		if (b->len - begin + to - from > REDACT_KEPT)
			break; /* process.command_line has the digest */
		buf_reset(&word);
		if (from > 0)
			buf_put_u8(b, ',');
		json_put_audit(b, rest_of(&word, words, from, to, l));
	}
	buf_put_u8(b, ']');
}

void
redact_put_words(struct redact *r, struct buf *b, const char *key,
    struct bytes words, bool cut)
{
	struct spans found; /* large: only its count is set */
	struct bytes look = look_at(words, REDACT_LOOK, &cut);

	found.count = 0;
	if (redact_any(r))
		find_spans(r, look, cut, true, &found);
	json_put_key(b, key);
	put_words(b, look, &found);
	put_list(r, b, key, look, &found);
}
