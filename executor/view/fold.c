/* SPDX-License-Identifier: MIT */
/* fold: lines that were there before.  Executor; lines are untrusted. */
#include "executor/view/fold.h"

#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

enum {
	ENTRIES = 4096,
	TABLE = 4 * ENTRIES,
	PROBES = 32, /* places that are looked at for one line */
	TEXT_MAX = 256 << 10,
	TEXT_MOST = 192 << 10, /* beyond it, failures only */
	SHOWN = 1024, /* bytes of a line */
	SLACK = 16 /* bytes that the last state may be longer */
};

struct entry {
	uint64_t hash, count;
	uint32_t off, len, room; /* in the text */
	bool differs; /* in its numbers */
};

struct fold {
	const struct failure *failure;
	struct buf text, key, old; /* key and old: of two lines */
	uint64_t passed;
	size_t count;
	struct entry entry[ENTRIES];
	uint16_t table[TABLE]; /* number of an entry, plus 1 */
};

struct fold *
fold_new(const struct failure *f)
{
	struct fold *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->failure = f;
	buf_init(&s->text, TEXT_MAX);
	buf_init(&s->key, LINES_MAX);
	buf_init(&s->old, LINES_MAX);
	return s;
}

void
fold_free(struct fold *s)
{
	if (s == NULL)
		return;
	buf_fini(&s->text);
	buf_fini(&s->key);
	buf_fini(&s->old);
	free(s);
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_hex(uint8_t c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* --- time stamps ----------------------------------------------------------- */

/* d is a digit, a a letter, s a space or digit, all else itself. */
static const char *const stamps[] = {
	"dddd-dd-ddTdd:dd:dd",
	"dddd-dd-dd dd:dd:dd",
	"dddd/dd/dd dd:dd:dd",
	"dd/aaa/dddd:dd:dd:dd",
	"aaa sd dd:dd:dd",
	"aaa aaa sd dd:dd:dd dddd",
	"dd:dd:dd",
	"ssssd.dddddd", /* of the kernel, in brackets */
	"sssssd.dddddd",
	"ssssssd.dddddd",
};

static bool
fits_form(uint8_t c, char want)
{
	switch (want) {
	case 'd':
		return is_digit(c);
	case 'a':
		return is_letter(c);
	case 's':
		return is_digit(c) || c == ' ';
	default:
		return c == (uint8_t)want;
	}
}

/* Bytes of it; 0: it is another. */
static size_t
match_stamp(struct bytes line, size_t at, const char *form)
{
	size_t n = strlen(form);

	if (n > line.len - at)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (!fits_form(line.p[at + i], form[i]))
			return 0;
	return n;
}

/* Parts of a second, and the zone. */
static size_t
skip_fraction(struct bytes line, size_t at)
{
	if (at + 1 < line.len && (line.p[at] == '.' || line.p[at] == ',') &&
	    is_digit(line.p[at + 1]))
		for (at++; at < line.len && is_digit(line.p[at]); at++)
			;
	if (at < line.len && line.p[at] == 'Z')
		return at + 1;
	if (at + 5 < line.len && line.p[at] == ' ' &&
	    (line.p[at + 1] == '+' || line.p[at + 1] == '-') &&
	    is_digit(line.p[at + 2]))
		at++;
	if (at + 4 < line.len && (line.p[at] == '+' || line.p[at] == '-') &&
	    is_digit(line.p[at + 1]) && is_digit(line.p[at + 2]))
		for (at++; at < line.len &&
			   (is_digit(line.p[at]) || line.p[at] == ':');
		     at++)
			;
	return at;
}

size_t
fold_stamp(struct bytes line)
{
	size_t at = line.len > 0 && line.p[0] == '[', n = 0;

	for (size_t i = 0; n == 0 && i < sizeof(stamps) / sizeof(stamps[0]);
	     i++)
		n = match_stamp(line, at, stamps[i]);
	if (n == 0)
		return 0;
	at = skip_fraction(line, at + n);
	while (at < line.len && (line.p[at] == ' ' || line.p[at] == ']' ||
				    line.p[at] == '-' || line.p[at] == ':'))
		at++;
	return at;
}

/* --- what a line is known by ------------------------------------------------- */

/* Of what was written over, the last; without its end. */
static struct bytes
last_state(struct bytes line)
{
	const uint8_t *cr;

	line = lines_text(line);
	while (line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	cr = line.len == 0 ? NULL : memrchr(line.p, '\r', line.len);
	if (cr == NULL)
		return line;
	return bytes_make(cr + 1, line.len - (size_t)(cr + 1 - line.p));
}

/* ESC [ ... letter */
static size_t
skip_escape(struct bytes s, size_t at)
{
	if (at + 1 >= s.len || s.p[at + 1] != '[')
		return at + 1;
	for (at += 2; at < s.len; at++)
		if (s.p[at] >= 0x40)
			return at + 1;
	return at;
}

/* A word of letters and digits: numbers in it are all the same. */
static size_t
put_word(struct buf *out, struct bytes s, size_t at)
{
	size_t from = at, hex = 0, digits = 0;

	for (; at < s.len && (is_letter(s.p[at]) || is_digit(s.p[at])); at++) {
		hex += is_hex(s.p[at]);
		digits += is_digit(s.p[at]);
	}
	if (digits > 0 && at - from >= 7 && hex == at - from) {
		buf_put_u8(out, '0');
		return at;
	}
	for (size_t i = from; i < at; i++)
		if (!is_digit(s.p[i]))
			buf_put_u8(out, s.p[i]);
		else if (i == from || !is_digit(s.p[i - 1]))
			buf_put_u8(out, '0');
	return at;
}

/* Spaces, and what bars are drawn with, count once in a row. */
static bool
is_again(const struct buf *out, uint8_t c)
{
	return out->len > 0 && out->p[out->len - 1] == c &&
	       (c == ' ' || c == '=' || c == '#' || c == '.' || c == '-' ||
		   c == '>' || c == '*');
}

static void
put_key(struct buf *out, struct bytes line, bool exact)
{
	size_t at = fold_stamp(line);

	buf_reset(out);
	if (exact) {
		buf_put(out, line.p + at, line.len - at);
		return;
	}
	while (at < line.len) {
		uint8_t c = line.p[at] == '\t' ? ' ' : line.p[at];

		if (c == 0x1b) {
			at = skip_escape(line, at);
		} else if (is_letter(c) || is_digit(c)) {
			at = put_word(out, line, at);
		} else {
			if (!is_again(out, c))
				buf_put_u8(out, c);
			at++;
		}
	}
	if (out->len > 0 && out->p[out->len - 1] == ' ')
		out->len--;
}

/* FNV-1a, of 64 bits: equal lines are compared besides. */
static uint64_t
hash_key(struct bytes key)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < key.len; i++)
		h = (h ^ key.p[i]) * 0x100000001b3;
	return h;
}

/* --- lines ------------------------------------------------------------------- */

static struct bytes
entry_text(const struct fold *s, const struct entry *x)
{
	return bytes_make(s->text.p + x->off, x->len);
}

static struct bytes
cut_shown(struct bytes line)
{
	if (line.len <= SHOWN)
		return line;
	return bytes_make(line.p, utf8_whole(bytes_make(line.p, SHOWN)));
}

/* What was cut is compared as far as it is kept. */
static bool
is_same(struct fold *s, const struct entry *x, uint64_t hash, bool exact)
{
	if (x->hash != hash)
		return false;
	if (x->len >= SHOWN - 4)
		return true;
	put_key(&s->old, entry_text(s, x), exact);
	return bytes_eq(buf_bytes(&s->old), buf_bytes(&s->key));
}

/* Its place in the table: of the same line, or a free one; NULL: none. */
static uint16_t *
find_place(struct fold *s, uint64_t hash, bool exact)
{
	for (size_t i = 0; i < PROBES; i++) {
		uint16_t *t = &s->table[(hash + i) % TABLE];

		if (*t == 0 || is_same(s, &s->entry[*t - 1], hash, exact))
			return t;
	}
	return NULL;
}

static bool
has_percent(struct bytes line)
{
	return line.len > 0 && memchr(line.p, '%', line.len) != NULL;
}

static bool
add_entry(struct fold *s, uint16_t *place, struct bytes line, uint64_t hash,
    size_t most)
{
	size_t room = line.len + (has_percent(line) ? SLACK : 0);
	struct entry *x = &s->entry[s->count];

	if (s->count == ENTRIES || s->text.len + room > most)
		return false;
	*x = (struct entry){ .hash = hash,
		.count = 1,
		.off = (uint32_t)s->text.len,
		.len = (uint32_t)line.len,
		.room = (uint32_t)room };
	buf_put_bytes(&s->text, line);
	for (size_t i = line.len; i < room; i++)
		buf_put_u8(&s->text, ' ');
	if (s->text.overflow)
		return false;
	*place = (uint16_t)++s->count;
	return true;
}

/* It came again; of progress the last state is shown. */
static void
count_again(struct fold *s, struct entry *x, struct bytes line)
{
	x->count++;
	if (bytes_eq(entry_text(s, x), line))
		return;
	x->differs = true;
	if (!has_percent(line) || line.len > x->room)
		return;
	memcpy(s->text.p + x->off, line.p, line.len);
	x->len = (uint32_t)line.len;
}

void
fold_line(struct fold *s, struct bytes line)
{
	bool exact;
	uint64_t hash;
	uint16_t *place;

	line = last_state(line);
	exact = failure_is(s->failure, line);
	put_key(&s->key, line, exact);
	if (s->key.len == 0)
		return;
	hash = hash_key(buf_bytes(&s->key));
	place = find_place(s, hash, exact);
	line = cut_shown(line);
	if (place != NULL && *place != 0)
		count_again(s, &s->entry[*place - 1], line);
	else if (place == NULL ||
		 !add_entry(s, place, line, hash, exact ? TEXT_MAX : TEXT_MOST))
		s->passed++;
}

void
fold_put(const struct fold *s, struct buf *out)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct entry *x = &s->entry[i];

		buf_put_bytes(out, entry_text(s, x));
		if (x->count > 1) /* U+00D7, the multiplication sign */
			buf_printf(out, "  [\xc3\x97%llu%s]",
			    (unsigned long long)x->count,
			    x->differs ? ", numbers differ" : "");
		buf_put_u8(out, '\n');
	}
}

uint64_t
fold_shown(const struct fold *s)
{
	return s->count;
}

uint64_t
fold_passed(const struct fold *s)
{
	return s->passed;
}
