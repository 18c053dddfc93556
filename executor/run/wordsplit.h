/* SPDX-License-Identifier: MIT */
/* wordsplit: split a command line as a POSIX shell quotes, expanding nothing. */
#ifndef EXECUTOR_WORDSPLIT_H
#define EXECUTOR_WORDSPLIT_H

#include "common/bytes.h"

/*
 * Append each word of text to out, with a NUL after each, and count them.
 * Quoting is POSIX.1-2017 XCU 2.2 (backslash, single and double quotes);
 * every other character stands for itself: no expansion, no operators.  Words
 * end at space, tab, newline and carriage return.
 * ERR_BAD for an open quote, a NUL, or more than max words.
 */
int wordsplit_split(struct bytes text, size_t max, struct buf *out,
    size_t *count, struct err *e) MUST_CHECK;
/*
 * The first word that a shell would take for an operator, such as | or >file,
 * unquoted as it stands in text that wordsplit_split has split.
 */
bool wordsplit_operator(struct bytes text, struct bytes *word);
/* The reverse, of one word; a shell would read it alike. */
void wordsplit_quote(struct buf *out, const char *word);

#endif
