/* SPDX-License-Identifier: MIT */
/*
 * hints: what a run's output says of failures whose cause its policy knows.
 *
 * The kernel tells nobody that a path was not found, or that memory ran out.
 * So the usual words of programs are looked for in the output, and only its
 * first part: a path in them is compared with the policy.  The output is the
 * run's own and may say anything, so nothing but an explanation follows from
 * it, and what that says of the policy is true regardless of who wrote the line.
 */
#ifndef EXECUTOR_HINTS_H
#define EXECUTOR_HINTS_H

#include <stdbool.h>

#include "common/bytes.h"

enum hint_kind {
	HINT_ABSENT, /* no such file or directory */
	HINT_PROGRAM, /* a shell found no program of a name */
	HINT_ASKED, /* whether it is there: executor/run/shelltest */
	HINT_EDITED, /* an editor was started with it: executor/run/edited */
	HINT_DENIED, /* permission denied; path "": no path was named */
	HINT_READ_ONLY, /* read-only file system; path "": none was named */
	HINT_IN_PLACE, /* a directory or mount is where a file was to be */
	HINT_FILE_SIZE, /* file too large */
	HINT_PROCESSES, /* a process could not be made */
	HINT_FILES, /* too many open files */
	HINT_MEMORY, /* cannot allocate memory */
	HINT_NET_ADMIN, /* the network's configuration was not changed */
	HINT_NO_PROCESS, /* one that was to get a signal is not there */
	HINT_NO_SIGNAL, /* one that may not get it */
	HINT_LIMIT, /* one was not raised */
	HINT_REFUSED, /* operation not permitted, and what comes to the same */
	HINT_NO_FAMILY, /* of sockets: refused, or not of this kernel */
	HINT_PRIORITY, /* one was not raised: nice(1), ionice(1), chrt(1) */
	HINT_RIGHTS, /* it is for root, or for who has more rights */
	HINT_KINDS
};

enum {
	HINTS_MAX = 4, /* that are kept */
	HINTS_PATH = 160, /* bytes of a path, with the NUL; longer: ignored */
	HINTS_LINE = 512, /* bytes of a line that are looked at */
	HINTS_LOOKED = 65536 /* bytes of a stream that are looked at */
};

struct hint {
	enum hint_kind kind;
	/* absolute, or as the program named it; "" for limits */
	char path[HINTS_PATH];
};

struct hints {
	struct hint found[HINTS_MAX];
	size_t count;
	struct {
		size_t looked, len;
		char line[HINTS_LINE];
	} stream[2];
};

/* stream: 1 stdout, 2 stderr. */
void hints_feed(struct hints *h, unsigned stream, struct bytes data);
/* At the end: lines without a newline. */
void hints_end(struct hints *h);
/* Of that path, if it is a plain one, and there are not enough of them. */
void hints_add(struct hints *h, enum hint_kind kind, struct bytes path);
bool hints_has(const struct hints *h, enum hint_kind kind);

#endif
