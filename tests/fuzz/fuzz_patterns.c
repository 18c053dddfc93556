/* SPDX-License-Identifier: MIT */
/*
 * fuzz_patterns: patterns (lines up to an empty one) on a text (the rest).  What
 * all of them at once find must be what common/match finds for each, one
 * place after the other; of a long text that is costly, at least that.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/patterns.h"
#include "common/utf8.h"

enum { MOST_PATTERNS = 8, EXACT = 64 /* bytes of text */ };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next match that is not empty, step by step. */
static bool
find_next(struct match *m, struct bytes text, size_t at, bool more,
    struct match_span *s)
{
	uint32_t c;
	size_t n;

	while (match_find(m, text, at, more, s)) {
		if (s->end > s->start)
			return true;
		at = s->start;
		if (at == text.len)
			return false;
		n = utf8_decode(bytes_make(text.p + at, text.len - at), &c);
		at += n == 0 ? 1 : n;
	}
	return false;
}

/* Of one pattern: does the set say what the matcher does? */
static void
compare(struct patterns *s, struct match *m, struct bytes text, bool more)
{
	struct match_span want, got = { 0 };
	size_t at = 0;
	bool found, there = false;

	for (;;) {
		found = find_next(m, text, at, more, &want);
		if (text.len <= EXACT) {
			there = patterns_next(s, at, &got);
			if (found != there)
				abort();
			if (found && memcmp(&want, &got, sizeof(got)) != 0)
				abort();
		}
		if (!found)
			break;
		while (text.len > EXACT && (!there || got.end < want.end)) {
			there = patterns_next(s, there ? got.end : at, &got);
			if (!there || got.keep > want.keep)
				abort();
		}
		at = want.end;
	}
}

static void
run(struct patterns *s, struct match *const *m, size_t count, struct bytes text,
    bool more)
{
	bool seen[MOST_PATTERNS] = { false };
	struct match_span none;
	int p = -1;
	size_t i;

	patterns_begin(s);
	patterns_text(s, text, more);
	while (patterns_pick(s, &p)) {
		seen[p] = true;
		compare(s, m[p], text, more);
	}
	for (i = 0; i < count; i++)
		if (!seen[i] && find_next(m[i], text, 0, more, &none))
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *p = data, *end = data + size, *nl;
	struct match *m[MOST_PATTERNS], *mine;
	struct bytes line, text;
	struct err e = { 0 };
	struct patterns *s = patterns_new(&e);
	size_t i, count = 0;

	while (s != NULL && p < end && *p != '\n') {
		nl = memchr(p, '\n', (size_t)(end - p));
		line = bytes_make(p, (size_t)((nl == NULL ? end : nl) - p));
		p = nl == NULL ? end : nl + 1;
		if (count == MOST_PATTERNS ||
		    match_compile(line, &mine, &e) != 0)
			continue;
		if (match_compile(line, &m[count], &e) != 0 ||
		    patterns_add(s, mine, &e) != 0)
			abort();
		count++;
	}
	if (p < end)
		p++;
	text = bytes_make(p, (size_t)(end - p));
	if (count > 0 && patterns_ready(s, &e) == 0)
		for (i = 0; i < 4; i++) /* again, as it is remembered */
			run(s, m, count, text, i % 2 != 0);
	for (i = 0; i < count; i++)
		match_free(m[i]);
	patterns_free(s);
	return 0;
}
