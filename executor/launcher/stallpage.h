/* SPDX-License-Identifier: MIT */
/*
 * stallpage: memory that executor and keeper share.  A run that writes holds
 * its pipe's lock in the kernel, also while it waits for a page, and while its
 * other processes keep the processor from it: as long as it likes.  Who reads
 * that pipe waits for the lock, and no signal ends that.  So the executor says
 * here whose pipe it is about to use, and the keeper ends that run.
 */
#ifndef EXECUTOR_STALLPAGE_H
#define EXECUTOR_STALLPAGE_H

#include <stdatomic.h>
#include <stdint.h>

enum { STALLPAGE_MS = 1000 /* after which a run is ended, about */ };

struct stallpage {
	_Atomic uint32_t turn; /* odd: it is at a pipe; the executor counts */
	_Atomic int32_t guard; /* of the run that has that pipe */
	_Atomic uint32_t watched; /* 0: the keeper sleeps, and has to be told */
	_Atomic uint32_t ended; /* the turn whose run the keeper has ended */
};

#endif
