/* SPDX-License-Identifier: MIT */
/*
 * keeper_serve: the keeper, which has the power that the executor gave away.
 *
 * It starts the programs of its plan, each as a child of the executor's, signals
 * what descends from the executor, and says who a process is.  Anyone who takes
 * the executor over can ask for no more than that.
 */
#ifndef EXECUTOR_KEEPER_SERVE_H
#define EXECUTOR_KEEPER_SERVE_H

/* Until the executor's end of the pair is closed.  The exit status. */
int keeper_serve(void);

#endif
