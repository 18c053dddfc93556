/* SPDX-License-Identifier: MIT */
/* wordsplit: POSIX quoting without a shell.  Executor; input is untrusted. */
#include "executor/run/wordsplit.h"

#include <string.h>

enum mode { BETWEEN, PLAIN, SINGLE, DOUBLE };

struct splitter {
	struct buf *out;
	size_t count;
	enum mode mode;
};

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void
end_word(struct splitter *s)
{
	if (s->mode == PLAIN) {
		buf_put_u8(s->out, '\0');
		s->count++;
	}
	s->mode = BETWEEN;
}

/* One character outside of quotes, c not being a backslash. */
static void
take_plain(struct splitter *s, uint8_t c)
{
	if (is_blank(c)) {
		end_word(s);
		return;
	}
	s->mode = c == '\'' ? SINGLE : c == '"' ? DOUBLE : PLAIN;
	if (s->mode == PLAIN)
		buf_put_u8(s->out, c);
}

static void
take_quoted(struct splitter *s, uint8_t c)
{
	if (c == (s->mode == SINGLE ? '\'' : '"'))
		s->mode = PLAIN;
	else
		buf_put_u8(s->out, c);
}

/* A backslash and what follows it; XCU 2.2.1 and 2.2.3. */
static void
take_escaped(struct splitter *s, uint8_t next)
{
	if (s->mode == DOUBLE && strchr("$`\"\\\n", next) == NULL)
		buf_put_u8(s->out, '\\');
	if (next == '\n') /* line continuation */
		return;
	buf_put_u8(s->out, next);
	if (s->mode == BETWEEN)
		s->mode = PLAIN;
}

int
wordsplit_split(struct bytes text, size_t max, struct buf *out, size_t *count,
    struct err *e)
{
	struct splitter s = { .out = out, .mode = BETWEEN };
	size_t i;

	if (bytes_has_nul(text))
		return err_set(e, ERR_BAD, "command holds a NUL character");
	for (i = 0; i < text.len; i++) {
		uint8_t c = text.p[i];

		if (c == '\\' && s.mode != SINGLE) {
			if (++i == text.len)
				return err_set(e, ERR_BAD,
				    "command ends with a backslash that quotes nothing");
			take_escaped(&s, text.p[i]);
		} else if (s.mode == SINGLE || s.mode == DOUBLE) {
			take_quoted(&s, c);
		} else {
			take_plain(&s, c);
		}
	}
	if (s.mode == SINGLE || s.mode == DOUBLE)
		return err_set(e, ERR_BAD,
		    "command has a %s quote that is not closed",
		    s.mode == SINGLE ? "single" : "double");
	end_word(&s);
	if (s.count > max)
		return err_set(
		    e, ERR_BAD, "command has more than %zu words", max);
	if (out->overflow)
		return err_set(e, ERR_BAD, "command is too long");
	*count = s.count;
	return 0;
}

/* As a word of its own; what redirects may have its file in the same word. */
static bool
is_operator(struct bytes word)
{
	static const char *const whole[] = { "|", "||", "&&", "&", ";", "<",
		"<<", "|&" };
	static const char *const begins[] = { ">", "1>", "2>", "&>" };

	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		if (bytes_eq_str(word, whole[i]))
			return true;
	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (bytes_starts(word, begins[i]))
			return true;
	return false;
}

bool
wordsplit_operator(struct bytes text, struct bytes *word)
{
	size_t start = 0;
	uint8_t quote = 0;

	for (size_t i = 0; i <= text.len && text.len > 0; i++) {
		uint8_t c = i < text.len ? text.p[i] : ' ';

		if (quote == 0 && is_blank(c)) {
			*word = bytes_make(text.p + start, i - start);
			if (is_operator(*word))
				return true;
			start = i + 1;
		} else if (c == '\\' && quote != '\'') {
			i++;
		} else if (quote == 0 && (c == '\'' || c == '"')) {
			quote = c;
		} else if (c == quote) {
			quote = 0;
		}
	}
	return false;
}

void
wordsplit_quote(struct buf *out, const char *word)
{
	if (*word != '\0' && bytes_only(bytes_of(word), "_@%+=:,./-")) {
		buf_put_str(out, word);
		return;
	}
	buf_put_u8(out, '\'');
	for (; *word != '\0'; word++)
		if (*word == '\'')
			buf_put_str(out, "'\\''");
		else
			buf_put_u8(out, (uint8_t)*word);
	buf_put_u8(out, '\'');
}
