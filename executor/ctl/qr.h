/* SPDX-License-Identifier: MIT */
/*
 * qr: a short text as a QR code (ISO/IEC 18004) in the terminal.
 *
 * One size is enough for a verification key: version 4, error correction M,
 * alphanumeric mode.  A library would bring forty versions, image formats and
 * allocations.  mcp-execctl.
 */
#ifndef EXECUTOR_CTL_QR_H
#define EXECUTOR_CTL_QR_H

#include "common/bytes.h"

enum {
	QR_SIZE = 33, /* modules on each side */
	QR_MAX_TEXT = 90 /* characters, of 0-9 A-Z $%*+-./: and space */
};

struct qr {
	bool dark[QR_SIZE][QR_SIZE]; /* row, column */
};

/* ERR_BAD if text is too long, or holds another character. */
int qr_make(struct bytes text, struct qr *out, struct err *e) MUST_CHECK;
/*
 * Append 41 columns and 21 lines of half blocks, in black on white by ANSI
 * colours, with the margin that a reader needs.
 */
void qr_put(struct buf *b, const struct qr *q);

#endif
