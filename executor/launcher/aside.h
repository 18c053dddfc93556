/* SPDX-License-Identifier: MIT */
/*
 * aside: close what a run has the other end of.  The last close(2) of a pipe
 * waits for its lock, which a run may keep as long as it likes (stallpage.h).
 */
#ifndef EXECUTOR_ASIDE_H
#define EXECUTOR_ASIDE_H

/* As close(2); a process of its own waits where that could take time. */
void aside_close(int fd);

#endif
