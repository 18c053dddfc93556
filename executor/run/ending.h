/* SPDX-License-Identifier: MIT */
/*
 * ending: time limits of a run, and how it is ended: TERM, then KILL to its
 * tree by its guard, then to the guard.
 *
 * Executor; called by job and what forwards a run's output and input, calls
 * pace.  Asks only: a run has ended when its tree is gone.
 */
#ifndef EXECUTOR_ENDING_H
#define EXECUTOR_ENDING_H

#include "executor/run/runstate.h"

/* End it with this verdict; nothing happens if it is over already. */
void ending_begin(struct job *j, enum proto_state verdict, const char *why,
    const char *detail);
/* It does not take place: said to its caller and in the log. */
void PRINTF_LIKE(2, 3) ending_refuse(struct job *j, const char *fmt, ...);
/* What a policy wants recorded and cannot be ends the run. */
void ending_unrecorded(struct job *j, const char *what, const struct err *e);
/* It held up the executor; its token waits. */
void ending_stalled(struct job *j);
/* Behind a turn at its pipe or terminal (power/stall.h): it may have done so. */
void ending_turn(struct job *j);
/* Is its token's time over? */
bool ending_is_expired(const struct job *j);
/*
 * Until the time-out or the token's expiry, whichever comes first.  The clock
 * that the latter goes by may be set meanwhile.
 */
void ending_arm_timer(struct job *j);

/* Of the table of its life: TERM now, KILL after the grace. */
void ending_terminate(struct job *j);
void ending_kill(struct job *j);
/* Time is up, or only the timer was. */
void ending_check_time(struct job *j);
/* The guard itself hangs. */
void ending_kill_guard(struct job *j);

#endif
