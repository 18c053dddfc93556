/* SPDX-License-Identifier: MIT */
/*
 * facts: what is told of a policy, in words and numbers, once.
 *
 * Executor and mcp-execctl.  One table of values, by the keys of the policy's
 * file, and one of sentences: for people (policy explain), for the model that
 * asks (exec://policy), and in brief for the one that only begins
 * (instructions).  Records take their numbers from the same values.  A policy
 * key that somebody should know of is a row of either.
 */
#ifndef EXECUTOR_FACTS_H
#define EXECUTOR_FACTS_H

#include "executor/policy/token.h"

enum facts_reader {
	FACTS_PEOPLE, /* policy explain */
	FACTS_MODEL, /* exec://policy */
	FACTS_BRIEF, /* instructions */
	FACTS_LINE, /* one line: the posture of policy test */
	FACTS_READERS
};

/* What a sentence is about; renderers have them in an order of their own. */
enum facts_topic {
	FACTS_IDENTITY,
	FACTS_PLACE,
	FACTS_TOOLS,
	FACTS_FILES, /* before the paths */
	FACTS_FILES_END,
	FACTS_PROGRAMS,
	FACTS_PROCESSES,
	FACTS_NETWORK,
	FACTS_CALLS, /* before the groups */
	FACTS_CALLS_END,
	FACTS_ENVIRONMENT, /* before what it sets */
	FACTS_SETTABLE,
	FACTS_TIMES,
	FACTS_CGROUP,
	FACTS_RLIMITS,
	FACTS_UMASK,
	FACTS_RECORDS,
	FACTS_TOPICS
};

/* Of whom, and for whom it is told. */
struct facts {
	const struct policy *policy;
	const struct token *token; /* NULL: none that narrows it */
	enum facts_reader reader;
};

typedef void facts_fn(void *arg, const char *text);

/*
 * Each sentence of a topic that holds, in the order of the table.  false: one
 * of them is not whole, for lack of memory, or because it is too long.
 */
bool facts_tell(
    const struct facts *f, enum facts_topic topic, facts_fn *fn, void *arg);
/* Paths by what may be done with them: "words: paths".  false: as above. */
bool facts_tell_paths(const struct facts *f, facts_fn *fn, void *arg);
/* Numbers of a topic that records have, by their keys there. */
void facts_each_number(const struct policy *p, enum facts_topic topic,
    void (*fn)(void *arg, const char *key, uint64_t value), void *arg);
/* Is each {key} of each sentence a value?  For tests. */
bool facts_are_whole(void);
/* Append the names of layers as elements of a JSON array. */
void facts_put_layers(struct buf *out, unsigned layers);

#endif
