/* SPDX-License-Identifier: MIT */
/*
 * filter: seccomp filters from const tables; the only user of libseccomp.
 *
 * A filter is compiled once to classic BPF and later loaded raw by a system
 * call, so that nothing allocates or calls a library between fork and exec.
 */
#ifndef COMMON_FILTER_H
#define COMMON_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"

enum filter_verdict {
	FILTER_ALLOW,
	FILTER_ERRNO, /* fail with .error */
	FILTER_REFUSE, /* the same, and said to a listener if there is one */
	FILTER_WATCH, /* allowed; said to a listener if there is one */
	FILTER_KILL, /* kill the process */
	FILTER_TRAP, /* SIGSYS with the call's number: a handler may note it */
	FILTER_LOG /* allow and log: for the log-mode test runs */
};

enum filter_compare {
	FILTER_ANY, /* no argument is looked at */
	FILTER_EQ, /* argument == value */
	FILTER_NE, /* argument != value */
	FILTER_MASKED /* (argument & mask) == value */
};

/* One row: a system call by name, perhaps only with one argument's value. */
struct filter_rule {
	const char *syscall; /* unknown on this architecture: skipped */
	enum filter_verdict verdict;
	int error; /* errno of FILTER_ERRNO and FILTER_REFUSE */
	enum filter_compare compare;
	unsigned arg; /* argument's index, 0 to 5 */
	uint64_t mask; /* FILTER_MASKED */
	uint64_t value;
	unsigned arg_b; /* and (argument arg_b & mask_b) == value_b, */
	uint64_t mask_b; /* unless mask_b is 0 */
	uint64_t value_b;
	unsigned arg_c; /* and likewise a third one */
	uint64_t mask_c;
	uint64_t value_c;
};

/*
 * Compiled programs; filter_fini frees them with their last copy.  Of two
 * programs the kernel takes the stricter verdict, seccomp(2), so what a table
 * refuses of a call that it otherwise allows is compiled into a second one;
 * filter_fold makes one of both.
 */
struct filter {
	struct sock_fprog prog;
	struct sock_fprog refine; /* len 0: there is none, or it is in prog */
	uint8_t digest[32]; /* SHA-256 of both programs' bytes */
	unsigned *copies; /* that share the programs; NULL: there are none */
};

enum filter_mode {
	FILTER_ENFORCE,
	FILTER_LOG_ONLY, /* every refusing verdict becomes FILTER_LOG */
	/*
	 * FILTER_REFUSE asks the listener, seccomp_unotify(2), which answers
	 * with an error and never lets the call go on; without a listener
	 * the call fails with ENOSYS.
	 */
	FILTER_TELL
};

/*
 * Compile rules on top of a default verdict (with its errno).  Foreign ABIs
 * are killed.
 */
int filter_compile(const struct filter_rule *rules, size_t count,
    enum filter_verdict fallback, int fallback_errno, enum filter_mode mode,
    struct filter *out, struct err *e) MUST_CHECK;
/* Another holder of the same programs. */
void filter_copy(const struct filter *f, struct filter *out);
/* From the bytes of both programs, as another process of ours compiled them. */
int filter_import(struct bytes prog, struct bytes refine, struct filter *out,
    struct err *e) MUST_CHECK;
void filter_fini(struct filter *f);
/* Is this the name of a system call, on any architecture? */
bool filter_knows(const char *name);
/* Name of a native system call, cut to fit; "" if it is not known. */
void filter_call_name(int nr, char name[32]);
/*
 * The filter as libseccomp's pseudo code, to compare and to show; for an
 * architecture by libseccomp's name of it ("aarch64"), or NULL: this one.
 */
int filter_describe(const struct filter_rule *rules, size_t count,
    enum filter_verdict fallback, int fallback_errno, const char *arch, int fd,
    struct err *e) MUST_CHECK;
/*
 * Load for this process (no_new_privs must be set): seccomp(2), TSYNC not
 * needed.  Async-signal-safe.  0, or a negative errno.
 */
int filter_load(const struct filter *f);
/* Load one of FILTER_TELL: the listener's descriptor, or a negative errno. */
int filter_load_listener(const struct filter *f);

#endif
