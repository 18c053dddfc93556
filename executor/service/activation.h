/* SPDX-License-Identifier: MIT */
/*
 * inherit: listening sockets that a service manager hands over, by the
 * protocol of sd_listen_fds(3).
 *
 * Executor, at start.  They outlive us, so that a restart refuses nobody.
 * The configuration stays the only truth about where we listen: a socket that
 * "listen" does not name is refused, one that is not handed over is bound.
 */
#ifndef EXECUTOR_INHERIT_H
#define EXECUTOR_INHERIT_H

#include "executor/conf/conf.h"

struct inherit {
	int fd[CONF_MAX_LISTENERS]; /* owned unless given away */
	bool given[CONF_MAX_LISTENERS];
	size_t count;
};

/*
 * Take over what $LISTEN_PID, $LISTEN_FDS and $LISTEN_FDNAMES tell of, and
 * remove the variables.  Before anything else is opened.  ERR_BAD: what is
 * said there is not so; *e says what to look at.
 */
int inherit_take(struct inherit *in, struct err *e) MUST_CHECK;
/* The socket that listens on this address, now the caller's; -1: none. */
int inherit_find(struct inherit *in, const struct conf_listener *l);
/* Is fd one that inherit_find() gave? */
bool inherit_gave(const struct inherit *in, int fd);
/* ERR_BAD if a socket is left that no address of the configuration wanted. */
int inherit_all_found(const struct inherit *in, struct err *e) MUST_CHECK;
void inherit_fini(struct inherit *in);

#endif
