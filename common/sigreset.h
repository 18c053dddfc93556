/* SPDX-License-Identifier: MIT */
/* sigreset: signals as a new program expects them.  Before exec. */
#ifndef COMMON_SIGRESET_H
#define COMMON_SIGRESET_H

/*
 * Every disposition to its default and nothing blocked: exec(2) keeps what
 * is ignored, and the mask.  Async-signal-safe.  0, or a negative errno.
 */
int sigreset_all(void);
/* Nothing blocked: of a process whose dispositions are the default already. */
int sigreset_mask(void);

#endif
