/* SPDX-License-Identifier: MIT */
/*
 * reload: load configuration, policies and tokens again, between other work.
 * Executor.
 *
 * It works in steps of half a millisecond, so that no run waits for it.  New
 * filters are compiled in a child, which hands over the bytes; if that fails,
 * they are compiled here, which takes longer.  What changes during a load is
 * loaded after it.
 */
#ifndef EXECUTOR_RELOAD_H
#define EXECUTOR_RELOAD_H

#include "common/loop.h"
#include "executor/policy/store.h"

struct reload;

/*
 * A load that has ended; it covers all that was asked for up to `ticket`.
 * Pointers are borrowed for the call.
 */
struct reload_end {
	enum store_kind kind;
	uint64_t ticket;
	const struct conf_report *report;
	const struct err *failure; /* NULL: what was asked is in force */
	const struct policy_table
	    *before; /* NULL: policies stay as they were */
};

struct reload_ops {
	/* A load begins to read files. */
	void (*begins)(void *arg);
	void (*ended)(void *arg, const struct reload_end *end);
};

struct reload *reload_new(struct loop *l, struct store *s,
    const struct reload_ops *ops, void *arg, struct err *e) MUST_CHECK;
void reload_free(struct reload *r); /* NULL is fine */
/* Load it as it is now; returns the ticket of the load that will. */
uint64_t reload_ask(struct reload *r, enum store_kind kind);
/* The loader has ended: a load that waits for it goes on. */
void reload_plans_came(struct reload *r);

#endif
