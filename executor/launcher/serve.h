/* SPDX-License-Identifier: MIT */
/*
 * serve: the launcher's loop: makes guards, reaps them, and ends what a guard
 * that was killed left behind, as the subreaper that it is.
 */
#ifndef EXECUTOR_SERVE_H
#define EXECUTOR_SERVE_H

/*
 * Until the executor's end of the pair is closed and the last guard has
 * ended, as it does then by itself.  The exit status.  plans: the pair that
 * plans come by, and from nowhere else; -1: they come from the executor's.
 */
int serve(int pair, int plans);

#endif
