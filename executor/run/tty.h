/* SPDX-License-Identifier: MIT */
/*
 * tty: the executor's side of a run's terminal, by its master.
 *
 * What comes out of it is the run's, and only looked at for one thing: which
 * codes the cursor keys have now.
 */
#ifndef EXECUTOR_TTY_H
#define EXECUTOR_TTY_H

#include "executor/run/request.h"

/* Does the program want cursor keys as an application's (DECCKM)? */
struct ttykeys {
	bool application;
	uint8_t state; /* of the sequence that is being read */
	uint16_t number;
	bool cursor; /* it names that mode */
};

void tty_watch_keys(struct ttykeys *k, struct bytes output);
/* Is what is typed shown?  Not while a password is asked for. */
bool tty_echoes(int master);
/* ERR_BAD unless it is of a size that a terminal may have. */
int tty_check_size(const struct terminal_size *size, struct err *e) MUST_CHECK;
/* With SIGWINCH, if it is another. */
int tty_resize(
    int master, const struct terminal_size *size, struct err *e) MUST_CHECK;
/* What ends input that so far ends with these bytes: C-d, once or twice. */
void tty_put_eof(int master, struct buf *typed);

#endif
