/* SPDX-License-Identifier: MIT */
/*
 * holdstore: copies of the descriptors of runs that are to outlive their
 * executor, and the socket by which the next one takes them over.
 *
 * Launcher.  A guard ends its run when nobody has the other end of its pair:
 * these copies keep it up.  Once the executor is gone they stay for a grace,
 * or as long as another one is connected.
 */
#ifndef EXECUTOR_HOLDSTORE_H
#define EXECUTOR_HOLDSTORE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { HOLDSTORE_POLL = 2 /* entries that it waits for */ };

/* Where the socket is made, and for how long it holds on alone. */
void holdstore_init(const char *dir, uint32_t grace_ms);
/*
 * Take over descriptors of a run, in the order of enum holdmsg_fd, of which
 * `has` tells which are there.  guard 0: it is gone; of a run that has just
 * ended, what it left is held, as its executor may be gone before it reads that.
 * NULL, or what is wrong: they are closed.
 */
const char *holdstore_hold(
    uint64_t run, pid_t guard, uint32_t has, const int *fd, size_t count);
/* Its input is closed: this copy would keep it open. */
void holdstore_eof(uint64_t run);
void holdstore_release(uint64_t run);
/* The guard is gone and reaped; what it left in its pipes is (to be) held. */
void holdstore_ended(uint64_t run);
/* The executor is gone. */
void holdstore_alone(void);
size_t holdstore_count(void);
/* Milliseconds until the grace is over; -1: it does not run. */
int holdstore_wait_ms(void);
void holdstore_poll(struct pollfd p[HOLDSTORE_POLL]);
/* After poll(2); executor: it is there still, so that nobody else may come. */
void holdstore_serve(const struct pollfd p[HOLDSTORE_POLL], bool executor);
/* Nothing is left to be held: remove the socket. */
void holdstore_fini(void);

#endif
