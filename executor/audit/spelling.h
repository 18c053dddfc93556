/* SPDX-License-Identifier: MIT */
/*
 * spelling: a text as a shell or a reader of JSON would take it.
 *
 * pass'wo'rd=x, "{\"password\":\"x\"}" and $'pass\x77ord=x' are one word less
 * their quotes, and ?p%61ssword%3Dx is one of an address; with each byte goes where it comes from, so that what is found
 * in the one is taken out of the other.  Text is anybody's and need not be
 * whole: a quote without its partner reaches to the end of the text.  Words of
 * a list have a NUL between them.
 */
#ifndef EXECUTOR_SPELLING_H
#define EXECUTOR_SPELLING_H

#include "common/bytes.h"

enum { SPELLING_DEPTH = 3 /* shells inside each other that are looked into */ };

struct spelling {
	struct bytes text;
	bool list; /* words as a program gets them */
	/* private */
	uint8_t *own; /* text, if it is not the text itself */
	uint32_t *from, *to; /* bytes of the text itself; NULL: as here */
	uint8_t *mark; /* what each byte stands in, once asked for */
	size_t word[2], quoted[2]; /* the last that were looked for */
};

/* The text itself, which must stay. */
struct spelling spelling_of(struct bytes text, bool list);
void spelling_fini(struct spelling *s);
/*
 * Take the outer quotes and escapes off; false: there are none, or no memory,
 * of which *no_memory tells.
 */
bool spelling_strip(
    const struct spelling *s, struct spelling *out, bool *no_memory);
/* The same with %HH as the byte that it stands for. */
bool spelling_decode(
    const struct spelling *s, struct spelling *out, bool *no_memory);
/*
 * Is the value that begins at this byte, or at the quote before it, one of
 * JSON, behind a key in quotes?  Then that is where it ends.
 */
bool spelling_json_end(const struct spelling *s, size_t at, size_t *end);
/*
 * Where the value ends that begins at this byte, behind the key at that one:
 * with the word of the shell, or with the word of the list that it is.
 */
size_t spelling_value_end(struct spelling *s, size_t key, size_t at);
/* The bytes of the text itself from which these come. */
void spelling_map(
    const struct spelling *s, size_t from, size_t to, size_t span[2]);
/* The other way: the first byte here that comes from that one or a later one. */
size_t spelling_index(const struct spelling *s, size_t byte);

#endif
