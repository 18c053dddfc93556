/* SPDX-License-Identifier: MIT */
/*
 * note: a page that the frontend writes and the executor reads after its
 * death: whose request was in hand, and which system call its filter refused.
 *
 * A crashing process cannot send a frame, and a frame for each request would
 * cost two wake-ups.  So the executor makes a page, the frontend maps it before
 * its lockdown, and writes into it what it works on.
 *
 * The executor believes none of it.  It reads the page once, when the process
 * is dead; a token is named there by its proof, which nobody has who was not
 * shown it, or by the id of a call that the executor itself began; the rest is
 * text for a record, and a source that waits for a bounded time.
 */
#ifndef PROTO_NOTE_H
#define PROTO_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/digest.h"

enum {
	NOTE_MODULES = 32, /* program and libraries */
	NOTE_MODULE = 40, /* bytes of a name, with the NUL */
	NOTE_PEER = 64,
	NOTE_PLACE = 64 /* bytes of note_place(), with the NUL */
};

/* Contents of the page. */
struct note {
	uint8_t in_hand; /* a request is: */
	uint8_t has_proof;
	char peer[NOTE_PEER]; /* its source as text, "": unknown */
	uint8_t proof[DIGEST_BYTES];
	uint64_t call; /* the frame in hand is about it; 0: none */
	uint8_t trapped; /* the filter refused a call: */
	int32_t nr;
	uint64_t address; /* of the instruction after it */
	struct {
		uint64_t from, to;
		char name[NOTE_MODULE];
	} module[NOTE_MODULES];
};

/* --- the executor's side ------------------------------------------------ */

/* A page; its descriptor, for the frontend, into *fd.  NULL with *e. */
struct note *note_new(int *fd, struct err *e) MUST_CHECK;
void note_free(struct note *n);
/* Take what a dead process left, with its text ended; the page is blank then. */
void note_take(struct note *page, struct note *out);
/* "libc.so.6+0x1234" of the refused call; an address if no module has it. */
void note_place(const struct note *n, char text[NOTE_PLACE]);

/* --- the frontend's side ------------------------------------------------ */

/* Map the page; without one, notes go to memory that nobody reads. */
void note_attach(int fd);
/* Note where program and libraries lie; once, before the lockdown. */
void note_modules(void);
/* From now on something of this source is worked on. */
void note_source(const char *peer);
/* ... and it has shown this proof (DIGEST_BYTES), or NULL. */
void note_proof(const uint8_t *proof);
/* A frame of the executor about this call is worked on. */
void note_call(uint64_t call);
/* Nothing is in hand. */
void note_idle(void);
/* Of a signal handler: the filter refused this call. */
void note_trapped(int nr, uint64_t address);

#endif
