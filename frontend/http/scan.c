/* SPDX-License-Identifier: MIT */
/* scan: the grammar of HTTP/1.x messages, RFC 9112 (frontend, untrusted). */
#include "frontend/http/scan.h"

#include <string.h>

enum {
	MAX_METHOD = 32,
	MAX_DIGITS = 18, /* of a length: below 2^63 */
	MAX_HEX = 8, /* of a chunk's size */
	MAX_BLANKS = 1 /* empty lines, RFC 9112 section 2.2 */
};

enum state {
	BEGIN,
	BEGIN_LF, /* of an empty line */
	METHOD,
	TARGET,
	VERSION,
	LINE_LF,
	FIELD, /* at the beginning of its line */
	NAME,
	VALUE,
	VALUE_LF,
	HEAD_LF, /* of the empty line at the head's end */
	BODY,
	SIZE,
	EXTENSION,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER,
	TRAILER_LF,
	STATES
};

enum field { OTHER, HOST, LENGTH, CODING, COOKIE };

static uint8_t
to_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* RFC 9110 section 5.6.2 */
static bool
is_tchar(uint8_t c)
{
	return (to_lower(c) >= 'a' && to_lower(c) <= 'z') ||
	       (c >= '0' && c <= '9') ||
	       (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* RFC 9110 section 5.5, with bytes above ASCII */
static bool
is_text(uint8_t c)
{
	return c == '\t' || (c >= ' ' && c != 0x7f);
}

/* A character of the word that is read; a longer one is none of ours. */
static void
keep_byte(struct scan *s, uint8_t c)
{
	if (s->count < SCAN_WORD)
		s->word[s->count] = (char)to_lower(c);
	if (s->count < UINT16_MAX)
		s->count++;
}

static bool
is_word(const struct scan *s, const char *word)
{
	size_t n = strlen(word);

	return s->count == n && memcmp(s->word, word, n) == 0;
}

static const char *
go_to(struct scan *s, enum state next)
{
	s->state = next;
	s->count = 0;
	return NULL;
}

static const char *
expect_lf(struct scan *s, uint8_t c, enum state next)
{
	return c == '\n' ? go_to(s, next) : "a line must end with CR LF";
}

/* Faults with a status of their own, see scan_status(). */
static const char long_target[] =
    "send a shorter target, with fewer parts in its query";
static const char long_cookie[] = "send fewer cookies: none is used here";
static const char long_head[] = "send fewer or shorter headers";

/* A head that would not fit into the library's memory. */
static const char *
too_much(const struct scan *s)
{
	return s->state <= VERSION ? long_target : long_head;
}

/* --- the request's line -------------------------------------------------- */

static const char *
on_begin(struct scan *s, uint8_t c)
{
	if (c == '\r')
		return s->blanks++ < MAX_BLANKS
			   ? go_to(s, BEGIN_LF)
			   : "there are empty lines before the request";
	s->http11 = s->has_host = s->has_length = s->chunked = false;
	s->head = 1;
	s->fields = 0;
	s->left = 0;
	s->parts = 0;
	(void)go_to(s, METHOD);
	s->count = 1;
	return is_tchar(c) ? NULL : "this is not an HTTP request";
}

static const char *
on_begin_lf(struct scan *s, uint8_t c)
{
	return expect_lf(s, c, BEGIN);
}

static const char *
on_method(struct scan *s, uint8_t c)
{
	if (c == ' ')
		return go_to(s, TARGET);
	return is_tchar(c) && s->count++ < MAX_METHOD
		   ? NULL
		   : "the request's method is malformed";
}

static const char *
on_target(struct scan *s, uint8_t c)
{
	if (c == ' ' && s->count > 0)
		return go_to(s, VERSION);
	s->count = 1;
	if (c == '&' && s->parts++ == SCAN_MAX_PARTS)
		return long_target;
	return c > ' ' && c < 0x7f
		   ? NULL
		   : "the request's target must be encoded, with one space before and after it";
}

static const char *
on_version(struct scan *s, uint8_t c)
{
	if (c == '\r' && (is_word(s, "http/1.1") || is_word(s, "http/1.0"))) {
		s->http11 = s->word[7] == '1';
		return go_to(s, LINE_LF);
	}
	if (c == '\n')
		return "a line must end with CR LF";
	/* in capitals, section 2.3 */
	if (c <= ' ' || (c >= 'a' && c <= 'z') || s->count == 8)
		return "HTTP/1.1 is spoken here";
	keep_byte(s, c);
	return NULL;
}

static const char *
on_line_lf(struct scan *s, uint8_t c)
{
	return expect_lf(s, c, FIELD);
}

/* --- headers ------------------------------------------------------------- */

static const char *
on_field(struct scan *s, uint8_t c)
{
	if (c == '\r')
		return go_to(s, HEAD_LF);
	if (++s->fields > SCAN_MAX_FIELDS)
		return too_much(s);
	(void)go_to(s, NAME);
	keep_byte(s, c);
	return is_blank(c)   ? "a header must not be folded over two lines"
	       : is_tchar(c) ? NULL
			     : "a header's name is malformed";
}

static const char *
begin_value(struct scan *s)
{
	s->field = is_word(s, "content-length")      ? LENGTH
		   : is_word(s, "transfer-encoding") ? CODING
		   : is_word(s, "cookie")            ? COOKIE
		   : is_word(s, "host")              ? HOST
						     : OTHER;
	s->ended = false;
	s->parts = 0;
	if (s->field == LENGTH && s->has_length)
		return "send exactly one Content-Length";
	if (s->field == CODING && s->chunked)
		return "send exactly one Transfer-Encoding";
	s->has_host |= s->field == HOST;
	s->has_length |= s->field == LENGTH;
	s->chunked |= s->field == CODING;
	return go_to(s, VALUE);
}

static const char *
on_name(struct scan *s, uint8_t c)
{
	if (c == ':')
		return begin_value(s);
	keep_byte(s, c);
	return is_tchar(c) ? NULL : "a header's name is malformed";
}

/* One plain number: no sign, no list, and no zero before it. */
static const char *
take_digit(struct scan *s, uint8_t c)
{
	if (c < '0' || c > '9' || s->count == MAX_DIGITS ||
	    (s->count > 0 && s->left == 0))
		return "Content-Length must be a plain number";
	s->left = s->left * 10 + (uint64_t)(c - '0');
	s->count++;
	return NULL;
}

/* The library, 0.9.75, takes what follows for a part of the value. */
static const char *
end_value(struct scan *s)
{
	if (s->ended)
		return "no blank may follow the value of Content-Length or Transfer-Encoding";
	if (s->field == LENGTH && s->count == 0)
		return "Content-Length must be a plain number";
	if (s->field == CODING && !is_word(s, "chunked"))
		return "no Transfer-Encoding but \"chunked\" is understood";
	return go_to(s, VALUE_LF);
}

static const char *
on_value(struct scan *s, uint8_t c)
{
	if (c == '\r')
		return end_value(s);
	if (!is_text(c))
		return c == '\n' ? "a line must end with CR LF"
				 : "a header holds control characters";
	if (s->field == COOKIE && c == ';' && s->parts++ == SCAN_MAX_PARTS)
		return long_cookie;
	if (s->field == OTHER || s->field == HOST || s->field == COOKIE)
		return NULL;
	if (is_blank(c)) {
		s->ended = s->count > 0;
		return NULL;
	}
	if (s->field == LENGTH)
		return s->ended ? "Content-Length must be a plain number"
				: take_digit(s, c);
	/* what follows a blank makes it another word */
	keep_byte(s, s->ended ? ' ' : c);
	return NULL;
}

static const char *
on_value_lf(struct scan *s, uint8_t c)
{
	return expect_lf(s, c, FIELD);
}

/* --- the body ------------------------------------------------------------ */

static const char *
end_request(struct scan *s)
{
	s->blanks = 0;
	s->whole++;
	return go_to(s, BEGIN);
}

static const char *
on_head_lf(struct scan *s, uint8_t c)
{
	if (c != '\n')
		return "a line must end with CR LF";
	if (s->chunked && s->has_length)
		return "send Content-Length or Transfer-Encoding, not both";
	if (s->chunked && !s->http11)
		return "Transfer-Encoding needs HTTP/1.1";
	if (s->http11 && !s->has_host)
		return "send exactly one Host header";
	s->heads++;
	if (s->chunked) {
		s->left = 0;
		return go_to(s, SIZE);
	}
	return s->left > 0 ? go_to(s, BODY) : end_request(s);
}

static const char *
on_size(struct scan *s, uint8_t c)
{
	uint8_t digit = to_lower(c);

	if (c == '\r' && s->count > 0)
		return go_to(s, SIZE_LF);
	if (c == ';' && s->count > 0)
		return go_to(s, EXTENSION);
	if (digit >= '0' && digit <= '9')
		digit = (uint8_t)(digit - '0');
	else if (digit >= 'a' && digit <= 'f')
		digit = (uint8_t)(digit - 'a' + 10);
	else
		return "a chunk's size is malformed";
	s->left = s->left << 4 | digit;
	return s->count++ < MAX_HEX ? NULL : "a chunk is too large";
}

static const char *
on_extension(struct scan *s, uint8_t c)
{
	if (c == '\r')
		return go_to(s, SIZE_LF);
	return is_text(c) && s->count++ < SCAN_MAX_EXTENSION
		   ? NULL
		   : "a chunk's extension is malformed";
}

static const char *
on_size_lf(struct scan *s, uint8_t c)
{
	return expect_lf(s, c, s->left > 0 ? DATA : TRAILER);
}

static const char *
on_data_cr(struct scan *s, uint8_t c)
{
	(void)go_to(s, DATA_LF);
	return c == '\r' ? NULL : "a chunk must end with CR LF";
}

static const char *
on_data_lf(struct scan *s, uint8_t c)
{
	return expect_lf(s, c, SIZE);
}

static const char *
on_trailer(struct scan *s, uint8_t c)
{
	(void)go_to(s, TRAILER_LF);
	return c == '\r' ? NULL : "no header may follow the body";
}

static const char *
on_trailer_lf(struct scan *s, uint8_t c)
{
	return c == '\n' ? end_request(s) : "a line must end with CR LF";
}

/* Those of BODY and DATA are counted only. */
static const char *(*const steps[STATES])(struct scan *s, uint8_t c) = {
	[BEGIN] = on_begin,
	[BEGIN_LF] = on_begin_lf,
	[METHOD] = on_method,
	[TARGET] = on_target,
	[VERSION] = on_version,
	[LINE_LF] = on_line_lf,
	[FIELD] = on_field,
	[NAME] = on_name,
	[VALUE] = on_value,
	[VALUE_LF] = on_value_lf,
	[HEAD_LF] = on_head_lf,
	[SIZE] = on_size,
	[EXTENSION] = on_extension,
	[SIZE_LF] = on_size_lf,
	[DATA_CR] = on_data_cr,
	[DATA_LF] = on_data_lf,
	[TRAILER] = on_trailer,
	[TRAILER_LF] = on_trailer_lf,
};

/* Bytes of a body: how many of n. */
static size_t
skip_bytes(struct scan *s, size_t n)
{
	if (n < s->left) {
		s->left -= n;
		return n;
	}
	n = (size_t)s->left;
	s->left = 0;
	if (s->state == BODY)
		(void)end_request(s);
	else
		(void)go_to(s, DATA_CR);
	return n;
}

const char *
scan_feed(struct scan *s, const uint8_t *p, size_t n, size_t *good)
{
	const char *wrong;
	size_t i = 0;

	*good = 0;
	while (i < n) {
		if (s->state == BODY || s->state == DATA) {
			i += skip_bytes(s, n - i);
		} else {
			wrong = steps[s->state](s, p[i++]);
			if (wrong == NULL && s->state <= HEAD_LF &&
			    ++s->head > s->most && s->most > 0)
				wrong = too_much(s);
			if (wrong != NULL)
				return wrong;
		}
		if (s->state == BEGIN)
			*good = i;
	}
	return NULL;
}

bool
scan_is_in_body(const struct scan *s)
{
	return s->heads > s->whole;
}

bool
scan_is_between(const struct scan *s)
{
	return s->state == BEGIN;
}

const char *
scan_status(const char *fault)
{
	return fault == long_target ? "414 URI Too Long"
	       : fault == long_cookie || fault == long_head
		   ? "431 Request Header Fields Too Large"
		   : "400 Bad Request";
}
