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

enum {
	DFA_NODE = 16, /* cost of looking at a node of a pattern, in letters */
	/* Beyond so much no state is remembered, ... */
	DFA_COST_REMEMBERED = 1 << 20,
	DFA_COST_MOST = 2 << 20, /* ... and there is no answer */
	DFA_COST_ALL = 1 << 18 /* the same of DFA_ALL */
};

/*
 * What texts have cost so far, of all automata that look at them: a letter
 * counts 1.  Zeros where a count begins.
 */
struct dfa_cost {
	size_t work;
	size_t grace; /* so much more is allowed */
	bool spent; /* more than is allowed */
};

enum dfa_way {
	DFA_FORWARD, /* from a given place, one pattern */
	DFA_BACKWARD, /* from the end, matches that end anywhere */
	DFA_TAIL, /* from the end, what may match beyond it */
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
bool dfa_begins(
    struct dfa *d, const struct alphabet_text *t, bool more, uint64_t *begins);
/*
 * DFA_TAIL: the first letter after which a match may go beyond the end; the
 * count of letters if there is none.  false as above.
 */
bool dfa_tail(struct dfa *d, const struct alphabet_text *t, size_t *from);
/*
 * DFA_ALL: a bit for each pattern that matches somewhere, and for each that
 * may go on beyond the end.  false: too costly to say, each must be looked
 * for.
 */
bool dfa_which(struct dfa *d, const struct alphabet_text *t, uint64_t *which,
    uint64_t *open);

#endif
