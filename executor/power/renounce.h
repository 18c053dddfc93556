/* SPDX-License-Identifier: MIT */
/*
 * renounce: the executor gives its power away, for good, before it reads the
 * first frame.
 *
 * What it needs power for later, the keeper does.  It remains the user that it
 * is (root, mostly), whom many files belong to: so Landlock names the places
 * that it may change, and the filter keeps it from everything but files,
 * descriptors, memory and time.  executor/power/needed.c has the list.
 */
#ifndef EXECUTOR_RENOUNCE_H
#define EXECUTOR_RENOUNCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum { RENOUNCE_PLACES = 32 };

/* A directory, or a file, that it goes on to change. */
struct renounce_place {
	int fd; /* O_PATH; owned */
	bool sockets; /* nothing but to remove what it has there */
	char path[256]; /* for messages, perhaps cut */
};

struct renounce_setup {
	struct renounce_place place[RENOUNCE_PLACES];
	size_t count;
	bool audit; /* it writes records of the kernel's audit */
	bool abstract; /* it sends to a socket without a path */
};

/* Layers in force. */
enum {
	RENOUNCE_CAPS = 1 << 0,
	RENOUNCE_NNP = 1 << 1,
	RENOUNCE_LANDLOCK = 1 << 2,
	RENOUNCE_SECCOMP = 1 << 3
};

/* The directory of a file, or, with is_dir, the directory itself. */
int renounce_allow(struct renounce_setup *s, const char *path, bool is_dir,
    bool sockets, struct err *e) MUST_CHECK;
/* What an open descriptor of a directory stands for; -1: nothing. */
int renounce_allow_fd(
    struct renounce_setup *s, int fd, struct err *e) MUST_CHECK;
/*
 * Cannot be undone.  A layer that cannot be put on is an error that says what
 * to do; only Landlock may be missing, where the kernel has none.
 */
int renounce_apply(
    struct renounce_setup *s, uint32_t *layers, struct err *e) MUST_CHECK;
void renounce_fini(struct renounce_setup *s);

#endif
