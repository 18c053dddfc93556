/* SPDX-License-Identifier: MIT */
/*
 * activation: listening sockets that a service manager hands over, by the
 * protocol of sd_listen_fds(3).
 *
 * Executor, at start.  They outlive us, so that a restart refuses nobody.
 * The configuration stays the only truth about where we listen: a socket that
 * "listen" does not name is refused, one that is not handed over is bound.
 */
#ifndef EXECUTOR_ACTIVATION_H
#define EXECUTOR_ACTIVATION_H

#include "executor/conf/conf.h"

struct activation {
	int fd[CONF_MAX_LISTENERS]; /* owned unless given away */
	bool given[CONF_MAX_LISTENERS]; /* by activation_find */
	size_t count;
};

/*
 * Take over what $LISTEN_PID, $LISTEN_FDS and $LISTEN_FDNAMES describe, and
 * remove the variables.  Call it before anything else is opened.  ERR_BAD: they
 * do not describe what is open; *e says what to check.
 */
int activation_take(struct activation *in, struct err *e) MUST_CHECK;
/* The socket that listens on this address, now the caller's; -1: none. */
int activation_find(struct activation *in, const struct conf_listener *l);
/* Is fd one that activation_find() gave? */
bool activation_gave(const struct activation *in, int fd);
/* ERR_BAD if a socket is left that no address of the configuration wanted. */
int activation_all_found(const struct activation *in, struct err *e) MUST_CHECK;
/*
 * Close waiting connections when a start has failed for good: systemd would
 * start us again for each of them, at once and in vain.
 */
void activation_turn_away(const struct activation *in);
void activation_fini(struct activation *in);

#endif
