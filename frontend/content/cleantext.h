/* SPDX-License-Identifier: MIT */
/*
 * cleantext: a command's output as text that is safe to show and to read.
 *
 * Frontend, pure.  What a terminal would act upon, and what a person would not
 * see but a model reads, is taken out or made visible:
 * - escape sequences (ECMA-48: CSI, OSC, DCS and the like) go;
 * - of a line that carriage returns overwrite, its last state stays, as on a
 *   terminal; CRLF is a newline; a backspace takes the character before it;
 * - other control characters (C0 but tab and newline, DEL, C1), bidirectional
 *   controls (UAX #9), zero-width and invisible characters, tag characters
 *   (U+E0000 block) and supplementary variation selectors show as <U+XXXX>, and
 *   so do joiners and variation selectors that stand alone or in a row.
 * Bytes that are not UTF-8 pass: the writer of JSON replaces them.
 */
#ifndef FRONTEND_CLEANTEXT_H
#define FRONTEND_CLEANTEXT_H

#include "common/bytes.h"

/* Append `in`, made harmless; at most 8 times its bytes. */
void cleantext_put(struct buf *out, struct bytes in);
/* The same for words in a message: each control but a newline is shown. */
void cleantext_quote(struct buf *out, struct bytes in);
/* JSON whose strings mean the same, with what is hidden as \u escapes. */
void cleantext_put_json(struct buf *out, struct bytes json);
/* Nothing but white space? */
bool cleantext_is_blank(struct bytes in);
/* Is this not text at all: NUL, or more than an eighth that is not UTF-8? */
bool cleantext_is_binary(struct bytes in);

#endif
