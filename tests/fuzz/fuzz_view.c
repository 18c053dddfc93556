/* SPDX-License-Identifier: MIT */
/*
 * fuzz_view: a view in the first line, the command in the second, output in the
 * rest.  However it is cut, the same bytes give the same view, within bounds.
 */
#include <stdint.h>
#include <stdlib.h>

#include "executor/view/view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	MOST = VIEW_LEAST, /* bytes that are to be shown */
	SLACK = 16384 /* of what says where something is left out */
};

struct shown {
	struct buf text, words;
};

static struct bytes
take_line(struct bytes *rest)
{
	struct bytes line = { rest->p, 0 };

	while (line.len < rest->len && rest->p[line.len] != '\n')
		line.len++;
	rest->p += line.len;
	rest->len -= line.len;
	if (rest->len > 0) {
		rest->p++;
		rest->len--;
	}
	return line;
}

static void
show(const struct viewspec *spec, const struct failure *f, struct bytes text,
    size_t piece, struct shown *s)
{
	struct view *v = view_new(spec, f, 0, MOST);

	if (v == NULL)
		abort();
	while (text.len > 0) {
		size_t n = piece < text.len ? piece : text.len;

		view_feed(v, bytes_make(text.p, n));
		text = bytes_make(text.p + n, text.len - n);
	}
	buf_init(&s->text, MOST + SLACK);
	buf_init(&s->words, VIEW_WORDS);
	view_end(v, &s->text);
	view_put_words(v, &s->words);
	if (s->text.overflow || s->words.overflow)
		abort();
	view_free(v);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes rest = bytes_make(data, size);
	struct bytes view = take_line(&rest), command = take_line(&rest);
	struct viewspec spec = { 0 };
	struct shown whole, cut;
	struct failure f;
	struct err e = { 0 };

	if (view.len > 0 && viewspec_parse(view, &spec, &e) != 0) {
		if (e.code != ERR_BAD || e.what[0] == '\0')
			abort();
		return 0;
	}
	failure_init(&f, command);
	show(&spec, &f, rest, rest.len, &whole);
	show(&spec, &f, rest, 1 + command.len % 7, &cut);
	if (!bytes_eq(buf_bytes(&whole.text), buf_bytes(&cut.text)) ||
	    !bytes_eq(buf_bytes(&whole.words), buf_bytes(&cut.words)))
		abort();
	buf_fini(&whole.text);
	buf_fini(&whole.words);
	buf_fini(&cut.text);
	buf_fini(&cut.words);
	viewspec_fini(&spec);
	return 0;
}
