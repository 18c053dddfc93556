/* SPDX-License-Identifier: MIT */
/* fdio: small helpers around descriptors and files. */
#ifndef COMMON_FDIO_H
#define COMMON_FDIO_H

#include <dirent.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "common/bytes.h"

int fdio_set_nonblock(int fd, struct err *e) MUST_CHECK;
int fdio_set_cloexec(int fd, bool on, struct err *e) MUST_CHECK;
/* Write all of it to a blocking descriptor, through EINTR and short writes. */
int fdio_write_all(int fd, const void *p, size_t len, struct err *e) MUST_CHECK;
/* readdir(3); NULL with errno 0 at the end, and else where reading failed. */
struct dirent *fdio_entry(DIR *d);
/*
 * Lock a file for us alone (flock(2)), waiting for at most wait_ms; false if
 * somebody else has it.  A process that was killed may leave its lock to
 * children of it that are about to end, so that a start waits a little.
 */
bool fdio_lock(int fd, uint32_t wait_ms);
/*
 * Read a whole regular file into *out (initialised by the caller, whose max
 * bounds it).  Opens with O_NOFOLLOW|O_CLOEXEC|O_NONBLOCK.  With `trusted`,
 * it must be owned by root or the effective user and not be writable by
 * group or others; the same is asked of its directory.
 */
int fdio_read_file(
    const char *path, bool trusted, struct buf *out, struct err *e) MUST_CHECK;
/* ERR_BAD, with what to do, if anyone else could write it; what: its name. */
int fdio_check_trust(
    const struct stat *st, const char *what, struct err *e) MUST_CHECK;
/*
 * Wait for something to read, or the other end's end; false: nothing came in so
 * many milliseconds.  A signal, or a stop of this process (signal(7)), begins
 * the time again.
 */
bool fdio_await(int fd, int ms) MUST_CHECK;
/* "a/b" from "a" and "b" (an absolute second part stands alone); ERR_BAD if too long. */
int fdio_join(char *out, size_t size, const char *dir, const char *name,
    struct err *e) MUST_CHECK;
/*
 * Write a new file next to `path` with this mode, fsync it, rename it over
 * path, fsync the directory: after a crash there is the old file or the new.
 * With `exclusive`, an existing path is ERR_BAD.
 */
int fdio_write_file(const char *path, mode_t mode, struct bytes data,
    bool exclusive, struct err *e) MUST_CHECK;

#endif
