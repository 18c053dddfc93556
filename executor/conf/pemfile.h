/* SPDX-License-Identifier: MIT */
/*
 * pemfile: a certificate's or key's file, wherever an administrator keeps it.
 *
 * Executor and mcp-execctl.  Unlike our own files these may be symbolic
 * links, as ACME clients make them, and credentials of the unit.
 */
#ifndef EXECUTOR_PEMFILE_H
#define EXECUTOR_PEMFILE_H

#include <limits.h>

#include "common/bytes.h"

#define PEMFILE_CREDENTIAL "credential:"

/*
 * Where it is: as it stands, or of "credential:NAME" in
 * $CREDENTIALS_DIRECTORY, else where systemd puts those of the service that
 * runs; systemd.exec(5).  ERR_AGAIN: only the service could see it.
 */
int pemfile_path(
    const char *name, char out[PATH_MAX], struct err *e) MUST_CHECK;
/*
 * Read it whole, straight to where it is to stay: no copy is made.  It, the
 * links to it and their directories must belong to root or the running user
 * and be writable by nobody else; a secret one must not be readable by
 * others either.  Bytes read, or negative.
 */
int pemfile_read(const char *path, bool secret, uint8_t *to, size_t size,
    struct err *e) MUST_CHECK;

#endif
