/* SPDX-License-Identifier: MIT */
/*
 * fuzz_match: a pattern (the first line) on a text (the rest).  Where both are
 * of what POSIX knows too, its matcher must find the same place: leftmost,
 * then longest.
 */
#include <regex.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/match.h"

enum { MOST_TEXT = 200, MOST_PATTERN = 40 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
made_of(struct bytes b, const char *letters)
{
	size_t i;

	for (i = 0; i < b.len; i++)
		if (b.p[i] == '\0' || strchr(letters, b.p[i]) == NULL)
			return false;
	return true;
}

static void
compare(struct bytes pattern, struct bytes text, bool found,
    const struct match_span *s)
{
	char p[MOST_PATTERN + 1], t[MOST_TEXT + 1];
	struct err e;
	regex_t re;
	regmatch_t m;
	int r;

	if (!made_of(pattern, "ab.|()*+?") || !made_of(text, "abc") ||
	    bytes_to_str(pattern, p, sizeof(p), &e) != 0 ||
	    bytes_to_str(text, t, sizeof(t), &e) != 0 ||
	    regcomp(&re, p, REG_EXTENDED) != 0)
		return;
	r = regexec(&re, t, 1, &m, 0);
	if ((r == 0) != found)
		abort();
	if (found && ((size_t)m.rm_so != s->start || (size_t)m.rm_eo != s->end))
		abort();
	regfree(&re);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nl = size == 0 ? NULL : memchr(data, '\n', size);
	struct bytes pattern, text = { NULL, 0 };
	struct match_span s = { 0 }, more;
	struct match *m = NULL;
	struct err e = { 0 };
	bool found;

	pattern = bytes_make(data, nl == NULL ? size : (size_t)(nl - data));
	if (nl != NULL)
		text = bytes_make(nl + 1, size - pattern.len - 1);
	if (match_compile(pattern, &m, &e) != 0) {
		if (e.what[0] == '\0' || m != NULL)
			abort();
		return 0;
	}
	found = match_find(m, text, 0, false, &s);
	if (found && (s.start > s.keep || s.keep > s.end || s.end > text.len))
		abort();
	if (match_full(m, text) != (found && s.start == 0 && s.end == text.len))
		abort();
	if (found &&
	    (!match_find(m, text, 0, true, &more) || more.start > s.start))
		abort();
	compare(pattern, text, found, &s);
	match_free(m);
	return 0;
}
