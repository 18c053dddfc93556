/* SPDX-License-Identifier: MIT */
/* spelling: a text less its quotes.  Executor; trusts nothing in the text. */
#include "executor/audit/spelling.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum quote { BARE, SINGLE, DOUBLE, ANSI /* $'...' */, QUOTE = 3 };

enum { /* of a mark: a blank came before it */
	BLANK = 4, /* in its word as a shell reads it, so in quotes */
	SCRIPT = 8 /* in its word of the list, which so is none by itself */
};

/* One character as it stands: bytes of text, and what it stands for. */
struct unit {
	size_t len;
	uint8_t out[4];
	size_t out_len; /* 0: a quote, or a line that goes on */
	bool escaped; /* by a backslash */
};

static int
byte_at(struct bytes t, size_t i)
{
	return i < t.len ? t.p[i] : -1;
}

static bool
is_blank(int c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* What ends a word of the shell. */
static bool
is_end(int c)
{
	return c <= 0 || is_blank(c) || c == ';' || c == '&' || c == '|';
}

/* --- characters -------------------------------------------------------------- */

static int
hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %HH, as in addresses and forms; -1: it is something else. */
static int
percent_at(struct bytes t, size_t i)
{
	int high = hex_digit(byte_at(t, i + 1));
	int low = high < 0 ? -1 : hex_digit(byte_at(t, i + 2));

	return t.p[i] != '%' || low < 0 ? -1 : high * 16 + low;
}

static void
put_utf8(struct unit *u, uint32_t c)
{
	if (c < 0x80) {
		u->out[u->out_len++] = (uint8_t)c;
		return;
	}
	if (c >= 0x10000)
		u->out[u->out_len++] = (uint8_t)(0xf0 | (c >> 18 & 7));
	if (c >= 0x800)
		u->out[u->out_len++] =
		    (uint8_t)(c >= 0x10000 ? 0x80 | (c >> 12 & 0x3f)
					   : 0xe0 | c >> 12);
	u->out[u->out_len++] =
	    (uint8_t)(c >= 0x800 ? 0x80 | (c >> 6 & 0x3f) : 0xc0 | c >> 6);
	u->out[u->out_len++] = (uint8_t)(0x80 | (c & 0x3f));
}

/* \xHH, \uHHHH, \UHHHHHHHH; false: it is something else. */
static bool
take_hex(struct bytes t, size_t i, struct unit *u)
{
	int kind = byte_at(t, i + 1);
	size_t n, most = kind == 'x' ? 2 : kind == 'u' ? 4 : 8;
	uint32_t c = 0;

	for (n = 0; n < most && hex_digit(byte_at(t, i + 2 + n)) >= 0; n++)
		c = c * 16 + (uint32_t)hex_digit(byte_at(t, i + 2 + n));
	if (n == 0 || c > 0x10ffff)
		return false;
	u->len = 2 + n;
	if (kind == 'x')
		u->out[u->out_len++] = (uint8_t)c;
	else
		put_utf8(u, c);
	return true;
}

static void
take_octal(struct bytes t, size_t i, struct unit *u)
{
	unsigned c = 0, n;

	for (n = 0; n < 3; n++) {
		int d = byte_at(t, i + 1 + n);

		if (d < '0' || d > '7')
			break;
		c = c * 8 + (unsigned)(d - '0');
	}
	u->len = 1 + n;
	u->out[u->out_len++] = (uint8_t)c;
}

/* A backslash inside of $'...', or of a string of JSON or C. */
static void
take_escape(struct bytes t, size_t i, enum quote q, struct unit *u)
{
	static const char from[] = "nrtbfvae", to[] = "\n\r\t\b\f\v\a\x1b";
	int c = byte_at(t, i + 1);
	const char *p = c <= 0 ? NULL : strchr(from, c);

	u->len = 2;
	if (c == '\n')
		return; /* the line goes on */
	if ((c == 'x' || c == 'u' || c == 'U') && take_hex(t, i, u))
		return;
	if (c >= '0' && c <= '7' && q == ANSI) {
		take_octal(t, i, u);
		return;
	}
	if (p != NULL)
		c = (uint8_t)to[p - from];
	else if (q == DOUBLE && strchr("$`\"\\/'", c) == NULL)
		u->out[u->out_len++] = '\\'; /* it stays */
	u->out[u->out_len++] = (uint8_t)c;
}

static void
open_or_close(struct bytes t, size_t i, enum quote *q, struct unit *u)
{
	int c = byte_at(t, i), next = byte_at(t, i + 1);
	bool dollar = *q == BARE && c == '$' && (next == '\'' || next == '"');

	if (dollar)
		c = next;
	u->out_len = 0;
	u->len = dollar ? 2 : 1;
	if (*q != BARE)
		*q = BARE;
	else
		*q = c == '"' ? DOUBLE : dollar ? ANSI : SINGLE;
}

static bool
is_quote(struct bytes t, size_t i, enum quote q)
{
	int c = byte_at(t, i), next = byte_at(t, i + 1);

	if (q == BARE)
		return c == '\'' || c == '"' ||
		       (c == '$' && (next == '\'' || next == '"'));
	return c == (q == DOUBLE ? '"' : '\'');
}

/* No quote, escape or end of a word of a list, wherever it stands. */
static bool
is_plain(int c)
{
	return c != '\0' && c != '\'' && c != '"' && c != '\\' && c != '$';
}

static struct unit
unit_of(uint8_t c)
{
	return (struct unit){ .len = 1, .out = { c }, .out_len = 1 };
}

/* The character at i, and in what the next one stands. */
static struct unit
take_unit(struct bytes t, size_t i, enum quote *q)
{
	struct unit u = { .len = 1 };
	int next = byte_at(t, i + 1);

	if (t.p[i] == '\0') {
		*q = BARE; /* the next word of a list */
	} else if (is_quote(t, i, *q)) {
		open_or_close(t, i, q, &u);
		return u;
	} else if (t.p[i] == '\\' && *q != SINGLE && next > 0) {
		u.escaped = true;
		if (*q != BARE) {
			take_escape(t, i, *q, &u);
			return u;
		}
		u.len = 2;
		if (next != '\n')
			u.out[u.out_len++] = (uint8_t)next;
		return u;
	}
	u.out[u.out_len++] = t.p[i];
	return u;
}

/* --- taking them off ---------------------------------------------------------- */

struct spelling
spelling_of(struct bytes text, bool list)
{
	return (struct spelling){ .text = text, .list = list };
}

void
spelling_fini(struct spelling *s)
{
	if (s->own != NULL)
		explicit_bzero(s->own, s->text.len);
	free(s->own);
	free(s->from);
	free(s->to);
	free(s->mark);
	memset(s, 0, sizeof(*s));
}

void
spelling_map(const struct spelling *s, size_t from, size_t to, size_t span[2])
{
	if (s->from != NULL && from < s->text.len)
		from = s->from[from];
	if (s->from != NULL && to > 0)
		to = s->to[(to < s->text.len ? to : s->text.len) - 1];
	span[0] = from;
	span[1] = to;
}

size_t
spelling_index(const struct spelling *s, size_t byte)
{
	size_t lo = 0, hi = s->text.len, mid;

	if (s->from == NULL)
		return byte;
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (s->from[mid] < byte)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void
put_unit(const struct spelling *s, struct spelling *out, size_t i,
    const struct unit *u)
{
	size_t j, span[2];

	spelling_map(s, i, i + u->len, span);
	for (j = 0; j < u->out_len; j++) {
		out->own[out->text.len] = u->out[j];
		out->from[out->text.len] = (uint32_t)span[0];
		out->to[out->text.len++] = (uint32_t)span[1];
	}
}

static void
strip_quotes(const struct spelling *s, struct spelling *out)
{
	enum quote q = BARE;
	struct unit u;
	size_t i;

	for (i = 0; i < s->text.len; i += u.len) {
		u = is_plain(s->text.p[i]) ? unit_of(s->text.p[i])
					   : take_unit(s->text, i, &q);
		put_unit(s, out, i, &u);
	}
}

/* A NUL would end a word. */
static void
decode_percent(const struct spelling *s, struct spelling *out)
{
	struct unit u;
	size_t i;
	int c;

	for (i = 0; i < s->text.len; i += u.len) {
		u = unit_of(s->text.p[i]);
		c = percent_at(s->text, i);
		if (c > 0) {
			u.len = 3;
			u.out[0] = (uint8_t)c;
		}
		put_unit(s, out, i, &u);
	}
}

/* Room for as much, which `fill` writes; false: it is the same text. */
static bool
fill_text(const struct spelling *s, struct spelling *out, bool *no_memory,
    void (*fill)(const struct spelling *s, struct spelling *out))
{
	size_t room = s->text.len + 1;

	out->own = malloc(room);
	out->from = calloc(room, sizeof(out->from[0]));
	out->to = calloc(room, sizeof(out->to[0]));
	out->text.p = out->own;
	*no_memory = out->own == NULL || out->from == NULL || out->to == NULL;
	if (!*no_memory)
		fill(s, out);
	if (!*no_memory && !bytes_eq(out->text, s->text))
		return true;
	spelling_fini(out);
	return false;
}

bool
spelling_strip(const struct spelling *s, struct spelling *out, bool *no_memory)
{
	struct bytes t = s->text;

	*out = spelling_of(bytes_make(NULL, 0), s->list);
	if (t.len == 0 || (memchr(t.p, '\'', t.len) == NULL &&
			      memchr(t.p, '"', t.len) == NULL &&
			      memchr(t.p, '\\', t.len) == NULL))
		return false;
	return fill_text(s, out, no_memory, strip_quotes);
}

bool
spelling_decode(const struct spelling *s, struct spelling *out, bool *no_memory)
{
	*out = spelling_of(bytes_make(NULL, 0), s->list);
	return s->text.len > 0 && memchr(s->text.p, '%', s->text.len) != NULL &&
	       fill_text(s, out, no_memory, decode_percent);
}

/* --- values -------------------------------------------------------------------- */

/* Context of each byte. */
static bool
make_marks(struct spelling *s)
{
	enum quote q = BARE, now;
	uint8_t blank = 0, script = 0;
	struct unit u;
	size_t i;

	if (s->mark != NULL)
		return true;
	s->mark = calloc(s->text.len + 1, 1);
	if (s->mark == NULL)
		return false;
	for (i = 0; i < s->text.len; i += u.len) {
		int c = s->text.p[i];

		now = q;
		if (now == BARE && is_end(c))
			blank = 0; /* another word */
		if (c == '\0')
			blank = script = 0;
		if (is_plain(c) && !is_blank(c)) {
			s->mark[i] = (uint8_t)((uint8_t)now | blank | script);
			u.len = 1;
			continue;
		}
		u = take_unit(s->text, i, &q);
		memset(s->mark + i, (int)now | blank | script, u.len);
		if (is_blank(c))
			script = SCRIPT;
		if (u.out_len == 1 && is_blank(u.out[0]) &&
		    (now != BARE || u.escaped))
			blank = BLANK;
	}
	return true;
}

/* Does $(...), ${...}, <(...) or `...` begin here, which a word goes on with? */
static bool
is_nested(struct bytes t, size_t i, enum quote q)
{
	int c = t.p[i], next = byte_at(t, i + 1);

	if (q == SINGLE || q == ANSI)
		return false;
	return c == '`' || (c == '$' && (next == '(' || next == '{')) ||
	       (q == BARE && (c == '<' || c == '>') && next == '(');
}

/* To the bracket that closes the first one, or to the end. */
static size_t
skip_brackets(struct bytes t, size_t i, uint8_t open, uint8_t close)
{
	size_t depth = 0;

	for (; byte_at(t, i) > 0; i++) {
		depth += t.p[i] == open;
		if (t.p[i] == close && depth > 0 && --depth == 0)
			return i + 1;
	}
	return i;
}

static size_t
skip_nested(struct bytes t, size_t i)
{
	if (t.p[i] != '`')
		return t.p[i + 1] == '{' ? skip_brackets(t, i, '{', '}')
					 : skip_brackets(t, i, '(', ')');
	for (i++; byte_at(t, i) > 0 && t.p[i] != '`'; i++)
		;
	return byte_at(t, i) == '`' ? i + 1 : i;
}

/* To the end of the word of a shell, of which so much is quoted so far. */
static size_t
word_end(struct bytes t, size_t i, enum quote q)
{
	if (q == BARE && byte_at(t, i) == '(') /* an array */
		i = skip_brackets(t, i, '(', ')');
	while (i < t.len) {
		int c = t.p[i];

		if (c == '\0' || (q == BARE && is_end(c)))
			break;
		if (is_nested(t, i, q))
			i = skip_nested(t, i);
		else
			i += is_plain(c) ? 1 : take_unit(t, i, &q).len;
	}
	return i;
}

/* To the quote that ends what is quoted here. */
static size_t
quote_end(struct bytes t, size_t i, enum quote q)
{
	while (i < t.len && t.p[i] != '\0' && !is_quote(t, i, q))
		i += is_plain(t.p[i]) ? 1 : take_unit(t, i, &q).len;
	return i < t.len ? i : t.len;
}

static size_t
list_word_end(struct bytes t, size_t i)
{
	const uint8_t *nul = memchr(t.p + i, '\0', t.len - i);

	return nul == NULL ? t.len : (size_t)(nul - t.p);
}

/* Is it "key": value, as in JSON? */
static bool
has_quoted_key(struct bytes t, size_t at)
{
	bool colon = false;

	while (at > 0 && is_blank(t.p[at - 1]))
		at--;
	for (; at > 0 &&
	       (t.p[at - 1] == ':' || t.p[at - 1] == '>' || t.p[at - 1] == '=');
	     at--)
		colon |= t.p[at - 1] != '=';
	while (at > 0 && is_blank(t.p[at - 1]))
		at--;
	return colon && at > 0 && (t.p[at - 1] == '"' || t.p[at - 1] == '\'');
}

/* A string: to the quote with no more backslashes than the first one has. */
static size_t
string_end(struct bytes t, size_t at)
{
	size_t i = at, most, n = 0;
	int quote;

	while (byte_at(t, i) == '\\')
		i++;
	most = i - at;
	quote = byte_at(t, i);
	for (i++; i < t.len && t.p[i] != '\0'; i++) {
		if (t.p[i] == quote && n <= most)
			return i + 1;
		n = t.p[i] == '\\' ? n + 1 : 0;
	}
	return i < t.len ? i : t.len;
}

/* A list or an object: to its bracket. */
static size_t
bracket_end(struct bytes t, size_t i)
{
	size_t depth = 0;

	while (i < t.len && t.p[i] != '\0') {
		size_t quote = i;

		while (byte_at(t, quote) == '\\')
			quote++;
		if (byte_at(t, quote) == '"' || byte_at(t, quote) == '\'') {
			i = string_end(t, i);
			continue;
		}
		if (t.p[i] == '[' || t.p[i] == '{')
			depth++;
		if ((t.p[i] == ']' || t.p[i] == '}') && --depth == 0)
			return i + 1;
		i++;
	}
	return i;
}

static size_t
json_end(struct bytes t, size_t at)
{
	size_t i = at;

	if (byte_at(t, i) == '[' || byte_at(t, i) == '{')
		return bracket_end(t, i);
	while (byte_at(t, i) == '\\')
		i++;
	if (byte_at(t, i) == '"' || byte_at(t, i) == '\'')
		return string_end(t, at);
	while (!is_end(byte_at(t, i)) && strchr(",}]\"'", t.p[i]) == NULL)
		i++;
	return i;
}

bool
spelling_json_end(const struct spelling *s, size_t at, size_t *end)
{
	struct bytes t = s->text;
	int next;

	if (at < t.len && at > 0 && t.p[at] != '"' && t.p[at] != '\'' &&
	    (t.p[at - 1] == '"' || t.p[at - 1] == '\''))
		for (at--; at > 0 && t.p[at - 1] == '\\'; at--)
			;
	if (at >= t.len || !has_quoted_key(t, at))
		return false;
	*end = json_end(t, at);
	next = byte_at(t, *end);
	return next <= 0 || is_blank(next) || strchr(",}])\\", next) != NULL;
}

/* Between words of a shell or of a list. */
static bool
is_gap(int c)
{
	return c == '\0' || is_blank(c);
}

/* "Bearer" and the like in front of a value are not all of it. */
static size_t
skip_scheme(struct bytes t, size_t at)
{
	static const char *const schemes[] = { "basic", "bearer", "token",
		"digest", "negotiate", "apikey", "bot", "oauth", "key" };
	size_t i, n;

	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		n = strlen(schemes[i]);
		if (t.len - at <= n || !is_gap(t.p[at + n]) ||
		    strncasecmp((const char *)t.p + at, schemes[i], n) != 0)
			continue;
		for (at += n; is_gap(byte_at(t, at)); at++)
			;
		return at;
	}
	return at;
}

/* In a script that is in quotes: the end of its word. */
static size_t
script_end(struct spelling *s, size_t at, enum quote q)
{
	if (at < s->quoted[0] || at >= s->quoted[1]) {
		s->quoted[0] = at;
		s->quoted[1] = quote_end(s->text, at, q);
	}
	return word_end(bytes_make(s->text.p, s->quoted[1]), at, BARE);
}

/* "key: value" on a line of its own, as of YAML or HTTP: all of the line. */
static bool
has_line(struct bytes t, size_t key, size_t at)
{
	size_t i = at;

	while (i > 0 && is_blank(t.p[i - 1]))
		i--;
	if (i == at || i == 0 || t.p[i - 1] != ':')
		return false;
	while (key > 0 && (t.p[key - 1] == ' ' || t.p[key - 1] == '\t' ||
			      t.p[key - 1] == '-'))
		key--;
	return key == 0 || t.p[key - 1] == '\n' || t.p[key - 1] == '\0';
}

/* With the lines that follow and are indented, if it is a block of YAML. */
static size_t
line_end(struct bytes t, size_t i)
{
	bool block = byte_at(t, i) == '|' || byte_at(t, i) == '>';

	for (;; i++) {
		while (byte_at(t, i) > 0 && t.p[i] != '\n')
			i++;
		if (!block || byte_at(t, i) != '\n' ||
		    !is_blank(byte_at(t, i + 1)))
			return i;
	}
}

size_t
spelling_value_end(struct spelling *s, size_t key, size_t at)
{
	struct bytes t = s->text;
	bool script;
	enum quote q;

	if (at >= t.len || key > at || !make_marks(s))
		return t.len;
	script = (s->mark[key] & BLANK) != 0;
	at = skip_scheme(t, at);
	if (at == t.len)
		return at;
	if (s->list && (s->mark[key] & SCRIPT) == 0)
		return list_word_end(t, at);
	q = (enum quote)(s->mark[at] & QUOTE);
	if (q != BARE && script)
		return script_end(s, at, q);
	if (has_line(t, key, at))
		return line_end(t, at);
	if (at < s->word[0] || at >= s->word[1]) {
		s->word[0] = at;
		s->word[1] = word_end(t, at, q);
	}
	return s->word[1];
}
