/* SPDX-License-Identifier: MIT */
/*
 * reload: configuration, policies and tokens again, between other work.
 *
 * In steps of half a millisecond, so that no run waits for it.  Filters that
 * are not compiled yet are compiled in a child, which hands over the bytes;
 * if it fails, they are compiled here, which takes longer.  What changes while
 * a load is under way is loaded after it.
 */
#ifndef EXECUTOR_RELOAD_H
#define EXECUTOR_RELOAD_H

#include "common/loop.h"
#include "executor/policy/store.h"

struct reload;

/* A load that has ended: all that was asked for up to `ticket` is in it. */
struct reload_end {
	enum store_kind kind;
	uint64_t ticket;
	const struct conf_report *report;
	const struct err *failure; /* NULL: what was asked is in force */
};

struct reload_ops {
	/* A load begins to read files. */
	void (*begins)(void *arg);
	void (*ended)(void *arg, const struct reload_end *end);
};

struct reload *reload_new(struct loop *l, struct store *s,
    const struct reload_ops *ops, void *arg, struct err *e) MUST_CHECK;
void reload_free(struct reload *r); /* NULL is fine */
/* Load it as it is now; the ticket of the load that does so. */
uint64_t reload_ask(struct reload *r, enum store_kind kind);
/* The child that compiles; -1: there is none. */
pid_t reload_pid(const struct reload *r);

#endif
