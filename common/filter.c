/* SPDX-License-Identifier: MIT */
/*
 * filter: const tables to classic BPF; both processes, at start or reload.
 * The tables are ours and trusted; filter_load.c puts on what is made here.
 */
#include "common/filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/digest.h"
#include "common/filter_fold.h"

/* What a program is made from. */
struct filter_source {
	const struct filter_rule *rules;
	size_t count;
	enum filter_mode mode;
	uint32_t arch; /* SCMP_ARCH_* */
};

static uint32_t
filter_action(enum filter_verdict verdict, int error, enum filter_mode mode)
{
	switch (verdict) {
	case FILTER_ALLOW:
		return SCMP_ACT_ALLOW;
	case FILTER_REFUSE:
		if (mode == FILTER_TELL)
			return SCMP_ACT_NOTIFY;
		break;
	case FILTER_WATCH:
		return mode == FILTER_TELL ? SCMP_ACT_NOTIFY : SCMP_ACT_ALLOW;
	case FILTER_LOG:
		return SCMP_ACT_LOG;
	case FILTER_ERRNO:
	case FILTER_KILL:
	case FILTER_TRAP:
		break;
	}
	if (mode == FILTER_LOG_ONLY)
		return SCMP_ACT_LOG;
	if (verdict == FILTER_TRAP)
		return SCMP_ACT_TRAP;
	return verdict == FILTER_KILL ? SCMP_ACT_KILL_PROCESS
				      : SCMP_ACT_ERRNO((uint16_t)error);
}

static struct scmp_arg_cmp
filter_comparison(const struct filter_rule *r)
{
	if (r->compare == FILTER_MASKED)
		return SCMP_CMP64(
		    r->arg, SCMP_CMP_MASKED_EQ, r->mask, r->value);
	return SCMP_CMP64(r->arg,
	    r->compare == FILTER_NE ? SCMP_CMP_NE : SCMP_CMP_EQ, r->value, 0);
}

/*
 * libseccomp lets a rule without comparison swallow those with one, silently.
 * "Allowed, but not with this argument" is therefore compiled into the second
 * program; any other pair about one call does not mean what it seems to.
 */
static bool
filter_refines(const struct filter_rule *rules, size_t count, size_t i)
{
	const struct filter_rule *r = &rules[i];

	if (r->compare == FILTER_ANY || r->verdict == FILTER_ALLOW)
		return false;
	for (size_t j = 0; j < count; j++)
		if (rules[j].compare == FILTER_ANY &&
		    rules[j].verdict == FILTER_ALLOW &&
		    strcmp(rules[j].syscall, r->syscall) == 0)
			return true;
	return false;
}

static int
filter_check_overlap(
    const struct filter_rule *rules, size_t count, size_t i, struct err *e)
{
	const struct filter_rule *r = &rules[i];

	if (r->compare != FILTER_ANY)
		return 0;
	for (size_t j = 0; j < count; j++)
		if (strcmp(rules[j].syscall, r->syscall) == 0 &&
		    (rules[j].verdict != r->verdict ||
			rules[j].error != r->error) &&
		    !filter_refines(rules, count, j))
			return err_set(e, ERR_BAD,
			    "filter: %s has a rule for any argument and another one",
			    r->syscall);
	return 0;
}

/* Put a rule's comparisons into cmp; return their number. */
static unsigned
filter_comparisons(const struct filter_rule *r, struct scmp_arg_cmp cmp[3])
{
	unsigned n = 0;

	if (r->compare == FILTER_ANY)
		return 0;
	cmp[n++] = filter_comparison(r);
	if (r->mask_b != 0)
		cmp[n++] = SCMP_CMP64(
		    r->arg_b, SCMP_CMP_MASKED_EQ, r->mask_b, r->value_b);
	if (r->mask_c != 0)
		cmp[n++] = SCMP_CMP64(
		    r->arg_c, SCMP_CMP_MASKED_EQ, r->mask_c, r->value_c);
	return n;
}

static int
filter_add(scmp_filter_ctx ctx, const struct filter_source *s,
    const struct filter_rule *r, uint32_t fallback, struct err *e)
{
	uint32_t action = filter_action(r->verdict, r->error, s->mode);
	/* Rules have the native number, or the name's, whatever s->arch is. */
	int nr = seccomp_syscall_resolve_name(r->syscall);
	struct scmp_arg_cmp cmp[3];
	unsigned n = filter_comparisons(r, cmp);
	int rc;

	/* Negative: not on that architecture. */
	if (seccomp_syscall_resolve_name_arch(s->arch, r->syscall) < 0 ||
	    action == fallback)
		return 0;
	rc = seccomp_rule_add_array(ctx, action, nr, n, cmp);
	if (rc == 0 || rc == -EEXIST) /* said twice */
		return 0;
	errno = -rc;
	return err_sys(e, "filter: rule for %s", r->syscall);
}

static int
filter_set_attributes(scmp_filter_ctx ctx, uint32_t arch, struct err *e)
{
	int rc = 0;

	if (arch != seccomp_arch_native())
		rc = seccomp_arch_add(ctx, arch);
	if (rc == 0 && arch != seccomp_arch_native())
		rc = seccomp_arch_remove(ctx, seccomp_arch_native());
	if (rc != 0) {
		errno = -rc;
		return err_sys(e, "filter: architecture");
	}
	/* Foreign ABIs, on x86-64 also x32 calls, end here. */
	rc = seccomp_attr_set(
	    ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (rc != 0) {
		errno = -rc;
		return err_sys(e, "filter: action for foreign ABIs");
	}
#if SCMP_VER_MAJOR > 2 || (SCMP_VER_MAJOR == 2 && SCMP_VER_MINOR >= 5)
	/* A binary tree by number; without it filters are only slower. */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
#endif
	return 0;
}

/* One of the two programs: the rules that refine, or the others. */
static int
filter_build(const struct filter_source *s, uint32_t fallback, bool refining,
    scmp_filter_ctx *out, struct err *e)
{
	scmp_filter_ctx ctx = seccomp_init(fallback);
	int r;

	if (ctx == NULL)
		return err_set(e, ERR_BUSY, "filter: seccomp_init failed");
	r = filter_set_attributes(ctx, s->arch, e);
	for (size_t i = 0; r == 0 && i < s->count; i++) {
		if (filter_refines(s->rules, s->count, i) != refining ||
		    (refining && s->rules[i].verdict == FILTER_WATCH))
			continue; /* the other program lets it go on */
		r = filter_check_overlap(s->rules, s->count, i, e);
		if (r == 0)
			r = filter_add(ctx, s, &s->rules[i], fallback, e);
	}
	if (r != 0) {
		seccomp_release(ctx);
		return r;
	}
	*out = ctx;
	return 0;
}

/* seccomp_export_bpf_mem came after 2.5: by way of a memory file. */
static int
filter_export(const scmp_filter_ctx ctx, struct buf *out, struct err *e)
{
	CLEANUP_FD int fd = memfd_create("filter", MFD_CLOEXEC);
	uint8_t chunk[4096];
	ssize_t n;
	int rc;

	if (fd < 0)
		return err_sys(e, "filter: memfd_create");
	if ((rc = seccomp_export_bpf(ctx, fd)) != 0) {
		errno = -rc;
		return err_sys(e, "filter: export");
	}
	for (off_t at = 0;; at += n) {
		if ((n = pread(fd, chunk, sizeof(chunk), at)) < 0)
			return err_sys(e, "filter: read back");
		if (n == 0)
			break;
		buf_put(out, chunk, (size_t)n);
	}
	if (out->overflow || out->len == 0 ||
	    out->len % sizeof(struct sock_filter) != 0)
		return err_set(e, ERR_BAD,
		    "filter: the program must have from 1 to %d instructions",
		    BPF_MAXINSNS);
	return 0;
}

static bool
filter_has_refinement(const struct filter_rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (filter_refines(rules, count, i))
			return true;
	return false;
}

static int
filter_keep(const struct buf *program, struct sock_fprog *out, struct err *e)
{
	struct sock_filter *kept = malloc(program->len);

	if (kept == NULL)
		return err_memory(e);
	(void)memcpy(kept, program->p, program->len);
	free(out->filter);
	out->filter = kept;
	out->len = (unsigned short)(program->len / sizeof(struct sock_filter));
	return 0;
}

static int
filter_compile_one(const struct filter_source *s, uint32_t fallback,
    bool refining, struct sock_fprog *out, struct err *e)
{
	CLEANUP_BUF struct buf program = { 0 };
	scmp_filter_ctx ctx;
	int r;

	buf_init(&program, BPF_MAXINSNS * sizeof(struct sock_filter));
	r = filter_build(s, fallback, refining, &ctx, e);
	if (r != 0)
		return r;
	r = filter_export(ctx, &program, e);
	seccomp_release(ctx);
	return r != 0 ? r : filter_keep(&program, out, e);
}

/* One program of both, if that can be; else they stay as they are. */
static int
filter_fold_both(struct filter *f, struct err *e)
{
	CLEANUP_BUF struct buf folded = { 0 };
	int r;

	buf_init(&folded, BPF_MAXINSNS * sizeof(struct sock_filter));
	if (!filter_fold(&f->prog, &f->refine, &folded))
		return 0;
	r = filter_keep(&folded, &f->prog, e);
	if (r == 0) {
		free(f->refine.filter);
		f->refine = (struct sock_fprog){ 0 };
	}
	return r;
}

static void
filter_digest(struct filter *f)
{
	struct digest d;

	digest_init(&d);
	digest_update(&d,
	    bytes_make(f->prog.filter, f->prog.len * sizeof(*f->prog.filter)));
	digest_update(&d, bytes_make(f->refine.filter,
			      f->refine.len * sizeof(*f->refine.filter)));
	digest_final(&d, f->digest);
}

void
filter_fini(struct filter *f)
{
	if (f->copies == NULL || --*f->copies == 0) {
		free(f->prog.filter);
		free(f->refine.filter);
		free(f->copies);
	}
	*f = (struct filter){ 0 };
}

void
filter_copy(const struct filter *f, struct filter *out)
{
	if (f->copies != NULL)
		++*f->copies;
	*out = *f;
}

/* Its programs are whole: from now on they can be shared. */
static int
filter_share(const struct filter *f, struct filter *out, struct err *e)
{
	*out = *f;
	out->copies = malloc(sizeof(*out->copies));
	if (out->copies == NULL) {
		filter_fini(out);
		return err_memory(e);
	}
	*out->copies = 1;
	return 0;
}

int
filter_compile(const struct filter_rule *rules, size_t count,
    enum filter_verdict fallback, int fallback_errno, enum filter_mode mode,
    struct filter *out, struct err *e)
{
	struct filter_source s = { rules, count, mode, seccomp_arch_native() };
	struct filter f = { 0 };
	int r;

	r = filter_compile_one(&s,
	    filter_action(fallback, fallback_errno, mode), false, &f.prog, e);
	if (r == 0 && filter_has_refinement(rules, count))
		r = filter_compile_one(&s, SCMP_ACT_ALLOW, true, &f.refine, e);
	if (r == 0)
		r = filter_fold_both(&f, e);
	/* Of two that stay apart only one can have a listener. */
	if (r == 0 && mode == FILTER_TELL && f.refine.len > 0) {
		free(f.refine.filter);
		f.refine = (struct sock_fprog){ 0 };
		s.mode = FILTER_ENFORCE;
		r = filter_compile_one(&s, SCMP_ACT_ALLOW, true, &f.refine, e);
	}
	if (r != 0) {
		filter_fini(&f);
		return r;
	}
	filter_digest(&f);
	return filter_share(&f, out, e);
}

bool
filter_knows(const char *name)
{
	return seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
}

void
filter_call_name(int nr, char name[32])
{
	CLEANUP_STR char *found =
	    seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, nr);

	(void)snprintf(name, 32, "%s", found != NULL ? found : "");
}

static bool
filter_import_one(struct bytes from, struct sock_fprog *to)
{
	size_t count = from.len / sizeof(*to->filter);

	*to = (struct sock_fprog){ .len = (unsigned short)count };
	if (from.len == 0)
		return true;
	if (count > BPF_MAXINSNS || from.len % sizeof(*to->filter) != 0)
		return false;
	to->filter = malloc(from.len);
	if (to->filter != NULL)
		(void)memcpy(to->filter, from.p, from.len);
	return to->filter != NULL;
}

int
filter_import(
    struct bytes prog, struct bytes refine, struct filter *out, struct err *e)
{
	struct filter f = { 0 };

	if (prog.len == 0 || !filter_import_one(prog, &f.prog) ||
	    !filter_import_one(refine, &f.refine)) {
		filter_fini(&f);
		return err_set(e, ERR_BAD, "filter: not a program");
	}
	filter_digest(&f);
	return filter_share(&f, out, e);
}

static int
filter_describe_one(const struct filter_source *s, uint32_t fallback,
    bool refining, int fd, struct err *e)
{
	scmp_filter_ctx ctx;
	int r;

	r = filter_build(s, fallback, refining, &ctx, e);
	if (r != 0)
		return r;
	r = seccomp_export_pfc(ctx, fd);
	seccomp_release(ctx);
	if (r != 0) {
		errno = -r;
		return err_sys(e, "filter: describe");
	}
	return 0;
}

int
filter_describe(const struct filter_rule *rules, size_t count,
    enum filter_verdict fallback, int fallback_errno, const char *arch, int fd,
    struct err *e)
{
	struct filter_source s = { rules, count, FILTER_ENFORCE,
		arch == NULL ? seccomp_arch_native()
			     : seccomp_arch_resolve_name(arch) };
	int r;

	if (s.arch == 0)
		return err_set(e, ERR_BAD, "filter: no architecture %s", arch);
	r = filter_describe_one(&s,
	    filter_action(fallback, fallback_errno, FILTER_ENFORCE), false, fd,
	    e);
	if (r != 0 || !filter_has_refinement(rules, count))
		return r;
	return filter_describe_one(&s, SCMP_ACT_ALLOW, true, fd, e);
}
