/* SPDX-License-Identifier: MIT */
/*
 * dfa: patterns as one deterministic automaton that is built while it runs.
 *
 * A state is a set of states of the patterns' own automata; it and where it
 * goes to is worked out when a text first gets there, and remembered (Cox,
 * "Regular Expression Matching in the Wild", 2010).  So a letter of text costs
 * one look into a table.  What is remembered is bounded: when it is full, it
 * is forgotten; and a text that makes too many new states is followed without
 * remembering, so that it costs at most what following all states at once
 * does.  Beyond a budget of such steps the automaton gives up and says so.
 */
#ifndef COMMON_DFA_H
#define COMMON_DFA_H

#include "common/alphabet.h"

struct dfa;

/*
 * What a text has cost so far, of all automata that look at it: nodes of
 * patterns that were looked at one by one.  Zero for each text.
 */
struct dfa_cost {
	size_t work;
	bool spent; /* more than is allowed: no answer can be had */
};

enum dfa_way {
	DFA_FORWARD, /* from a given place, one pattern */
	DFA_BACKWARD, /* from the end, matches that end anywhere */
	DFA_ALL /* forward, matches that begin anywhere, all patterns */
};

/* All that is given must live as long; NULL: no memory. */
struct dfa *dfa_new(const struct alphabet *a, struct match *const *m,
    size_t count, enum dfa_way way, struct dfa_cost *cost);
void dfa_free(struct dfa *d); /* NULL is fine */
/* Bytes that its memory of states takes; forget them. */
size_t dfa_bytes(const struct dfa *d);
void dfa_forget(struct dfa *d);

/*
 * DFA_FORWARD: end of the longest match that begins at letter `from`, or
 * `from` if there is none that is not empty.  `more`: the text goes on, what
 * may yet match goes up to the end.  *stopped is the letter before which it
 * was decided.  false: the budget is used up, or no memory.
 */
bool dfa_longest(struct dfa *d, const struct alphabet_text *t, size_t from,
    bool more, size_t *end, size_t *stopped);
/*
 * DFA_BACKWARD: a bit for each letter with which a match begins that is not
 * empty; begins has room for the count of letters.  false as above.
 */
bool dfa_begins(struct dfa *d, const struct alphabet_text *t, bool more,
    uint64_t *begins);
/*
 * DFA_ALL: a bit for each pattern that matches somewhere.  false: too costly
 * to say, each must be looked for.
 */
bool dfa_which(struct dfa *d, const struct alphabet_text *t, bool more,
    uint64_t *which);

#endif
