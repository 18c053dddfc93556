/* SPDX-License-Identifier: MIT */
/*
 * listen_health: do the listeners listen as they were opened, and are
 * connections accepted?  Executor.
 *
 * Listeners are shared with each frontend, so whatever one did to them would
 * outlive it: shutdown(2), socket options, file flags.  The frontend's filter
 * forbids all of that; it is checked and repaired nevertheless, before each new
 * frontend and while one serves.  A listener whose connections nobody accepts is
 * as good as none.
 */
#ifndef EXECUTOR_LISTEN_HEALTH_H
#define EXECUTOR_LISTEN_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum {
	LISTEN_HEALTH_LISTENERS = 32, /* CONF_MAX_LISTENERS is less */
	LISTEN_HEALTH_OPTIONS = 16,
	LISTEN_HEALTH_PATIENCE = 3 /* looks in a row at which somebody waits */
};

struct listen_health {
	const int *fds; /* borrowed */
	size_t count;
	struct {
		int flags; /* of the file */
		/* -1: it does not have that one */
		int option[LISTEN_HEALTH_OPTIONS];
		unsigned waiting; /* looks at which somebody was not accepted */
	} was[LISTEN_HEALTH_LISTENERS];
};

/* Note how they are: this is how they have to be; fds are borrowed. */
void listen_health_begin(struct listen_health *h, const int *fds, size_t count);
/*
 * Repair what has changed.  false, with *e, if anything had; ERR_SYS if it could
 * not be repaired: then that listener is deaf.
 */
bool listen_health_mend(struct listen_health *h, struct err *e);
/*
 * heard: bit i if a connection of listener i was accepted since the last look;
 * full: the frontend has all connections that it may have.  false, with *e,
 * if on one of them somebody waits in vain.
 */
bool listen_health_look(
    struct listen_health *h, uint32_t heard, bool full, struct err *e);

#endif
