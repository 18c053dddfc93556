/* SPDX-License-Identifier: MIT */
/*
 * filter_eval: classic BPF as seccomp(2) runs it.  mcp-execctl; the program is
 * our own, compiled a moment ago.
 */
#include "executor/ctl/policy/filter_eval.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv)
#define ARCH AUDIT_ARCH_RISCV64
#else
#error "which AUDIT_ARCH_ is this?"
#endif

enum { UNKNOWN = 0x12345678 }; /* no action of the kernel */

static bool
jump_taken(const struct sock_filter *i, uint32_t a)
{
	switch (BPF_OP(i->code)) {
	case BPF_JEQ:
		return a == i->k;
	case BPF_JGT:
		return a > i->k;
	case BPF_JGE:
		return a >= i->k;
	default: /* BPF_JSET */
		return (a & i->k) != 0;
	}
}

/* What the program returns; only what libseccomp writes is understood. */
static uint32_t
run_program(const struct sock_fprog *prog, const struct seccomp_data *data)
{
	const struct sock_filter *i;
	uint32_t a = 0;
	size_t at;

	for (at = 0; at < prog->len; at++) {
		i = &prog->filter[at];
		if (i->code == (BPF_LD | BPF_W | BPF_ABS) &&
		    i->k <= sizeof(*data) - sizeof(a))
			memcpy(&a, (const char *)data + i->k, sizeof(a));
		else if (i->code == (BPF_ALU | BPF_AND | BPF_K))
			a &= i->k;
		else if (i->code == (BPF_JMP | BPF_JA))
			at += i->k;
		else if (BPF_CLASS(i->code) == BPF_JMP &&
			 BPF_SRC(i->code) == BPF_K)
			at += jump_taken(i, a) ? i->jt : i->jf;
		else if (i->code == (BPF_RET | BPF_K))
			return i->k;
		else
			return UNKNOWN;
	}
	return UNKNOWN;
}

static enum filter_eval
meaning_of(uint32_t action)
{
	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
		return FILTER_EVAL_ALLOWED;
	case SECCOMP_RET_LOG:
		return FILTER_EVAL_LOGGED;
	case SECCOMP_RET_ERRNO:
		return (action & SECCOMP_RET_DATA) == ENOSYS
			   ? FILTER_EVAL_MISSING
			   : FILTER_EVAL_REFUSED;
	case SECCOMP_RET_USER_NOTIF:
		return FILTER_EVAL_TOLD;
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
		return FILTER_EVAL_KILLED;
	default:
		return FILTER_EVAL_UNKNOWN;
	}
}

enum filter_eval
filter_eval_of(const struct filter *f, int nr, const uint64_t args[6])
{
	struct seccomp_data data = { .nr = nr, .arch = ARCH };
	enum filter_eval v;

	memcpy(data.args, args, sizeof(data.args));
	if (f->prog.len == 0)
		return FILTER_EVAL_ALLOWED;
	v = meaning_of(run_program(&f->prog, &data));
	if (f->refine.len == 0 || v != FILTER_EVAL_ALLOWED)
		return v;
	return meaning_of(run_program(&f->refine, &data));
}
