/* SPDX-License-Identifier: MIT */
/* closest: what a word that is not known was meant to be. */
#ifndef COMMON_CLOSEST_H
#define COMMON_CLOSEST_H

#include "common/bytes.h"

/* The candidate (of a list that NULL ends) that word is a slip of, or NULL. */
const char *closest_word(struct bytes word, const char *const *candidates);

#endif
