/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of common/filter.  Compiled programs run in a small interpreter
 * of classic BPF, over every system call number; some are loaded for real.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/digest.h"
#include "common/filter.h"

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#else
#error "say which audit architecture this is"
#endif

enum {
	CALLS = 1024 /* numbers looked at; there are fewer than 500 */
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool
jumps(uint16_t code, uint32_t a, uint32_t k)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return a == k;
	case BPF_JGT:
		return a > k;
	case BPF_JGE:
		return a >= k;
	case BPF_JSET:
		return (a & k) != 0;
	default:
		fail_msg("jump %#x", code);
		return false;
	}
}

/* What the program returns for this call. */
static uint32_t
run(const struct sock_fprog *prog, const struct seccomp_data *d)
{
	const struct sock_filter *i;
	uint32_t a = 0;

	for (size_t pc = 0; pc < prog->len; pc++) {
		i = &prog->filter[pc];
		if (i->code == (BPF_LD | BPF_W | BPF_ABS)) {
			assert_true(i->k + 4 <= sizeof(*d));
			memcpy(&a, (const char *)d + i->k, 4);
		} else if (i->code == (BPF_ALU | BPF_AND | BPF_K)) {
			a &= i->k;
		} else if (i->code == (BPF_JMP | BPF_JA)) {
			pc += i->k;
		} else if (i->code == (BPF_RET | BPF_K)) {
			return i->k;
		} else if (BPF_CLASS(i->code) == BPF_JMP) {
			pc += jumps(i->code, a, i->k) ? i->jt : i->jf;
		} else {
			fail_msg("instruction %#x", i->code);
		}
	}
	fail_msg("the program has no end");
	return 0;
}

/* Of two verdicts the kernel takes the stricter: the lower, with its sign. */
static uint32_t
evaluate(const struct filter *f, const struct seccomp_data *d)
{
	uint32_t a = run(&f->prog, d), b;

	if (f->refine.len == 0)
		return a;
	b = run(&f->refine, d);
	return (int32_t)(a & SECCOMP_RET_ACTION_FULL) <=
		       (int32_t)(b & SECCOMP_RET_ACTION_FULL)
		   ? a
		   : b;
}

static uint32_t
verdict(const struct filter *f, long nr, unsigned arg, uint64_t value)
{
	struct seccomp_data d = { .nr = (int)nr, .arch = NATIVE };

	d.args[arg] = value;
	return evaluate(f, &d);
}

static struct filter
compile(const struct filter_rule *rules, size_t count,
    enum filter_verdict fallback, int error, bool log_only)
{
	struct filter f = { 0 };
	struct err e;

	if (filter_compile(rules, count, fallback, error, log_only, &f, &e) !=
	    0)
		fail_msg("%s", e.what);
	return f;
}

static const struct filter_rule mixed[] = {
	{ .syscall = "read", .verdict = FILTER_ALLOW },
	{ .syscall = "write", .verdict = FILTER_ALLOW },
	{ .syscall = "write", .verdict = FILTER_ALLOW }, /* said twice */
	{ .syscall = "clone3", .verdict = FILTER_ERRNO, .error = ENOSYS },
	{ .syscall = "ptrace", .verdict = FILTER_KILL },
	{ .syscall = "sync", .verdict = FILTER_LOG },
	{ .syscall = "socket",
	    .verdict = FILTER_ALLOW,
	    .compare = FILTER_EQ,
	    .arg = 0,
	    .value = 1 },
	{ .syscall = "socket",
	    .verdict = FILTER_ALLOW,
	    .compare = FILTER_EQ,
	    .arg = 0,
	    .value = 2 },
	{ .syscall = "clone",
	    .verdict = FILTER_ALLOW,
	    .compare = FILTER_MASKED,
	    .arg = 0,
	    .mask = 0x7e020000,
	    .value = 0 },
	{ .syscall = "ioctl",
	    .verdict = FILTER_KILL,
	    .compare = FILTER_MASKED,
	    .arg = 1,
	    .mask = 0xffffffff,
	    .value = 0x5412 },
	{ .syscall = "no_such_call", .verdict = FILTER_KILL },
	{ .syscall = "socketcall", .verdict = FILTER_ALLOW }, /* not here */
};

static void
test_verdicts(void **state)
{
	struct filter f = compile(mixed, COUNT(mixed), FILTER_ERRNO, EPERM, 0);
	uint32_t refused = SECCOMP_RET_ERRNO | EPERM;

	(void)state;
	assert_int_equal(verdict(&f, SYS_read, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&f, SYS_write, 0, 9), SECCOMP_RET_ALLOW);
	assert_int_equal(
	    verdict(&f, SYS_clone3, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(
	    verdict(&f, SYS_ptrace, 0, 0), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(verdict(&f, SYS_sync, 0, 0), SECCOMP_RET_LOG);
	assert_int_equal(verdict(&f, SYS_socket, 0, 0), refused);
	assert_int_equal(verdict(&f, SYS_socket, 0, 1), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&f, SYS_socket, 0, 2), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&f, SYS_socket, 0, 3), refused);
	assert_int_equal(verdict(&f, SYS_socket, 0, 1ULL << 32 | 1), refused);
	assert_int_equal(verdict(&f, SYS_clone, 0, 17), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&f, SYS_clone, 0, 0x20000 | 17), refused);
	assert_int_equal(verdict(&f, SYS_clone, 0, 0x10000000), refused);
	assert_int_equal(
	    verdict(&f, SYS_ioctl, 1, 0x5412), SECCOMP_RET_KILL_PROCESS);
	/* the kernel looks at the low half only: so must the filter */
	assert_int_equal(verdict(&f, SYS_ioctl, 1, 7ULL << 32 | 0x5412),
	    SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(verdict(&f, SYS_ioctl, 1, 0x5413), refused);
	filter_fini(&f);
	assert_null(f.prog.filter);
	filter_fini(&f);
}

static bool
is_named(long nr)
{
	static const long named[] = { SYS_read, SYS_write, SYS_clone3,
		SYS_ptrace, SYS_sync, SYS_socket, SYS_clone, SYS_ioctl };

	for (size_t i = 0; i < COUNT(named); i++)
		if (named[i] == nr)
			return true;
	return false;
}

static void
test_everything_else_falls_back(void **state)
{
	static const struct {
		enum filter_verdict fallback;
		uint32_t expected;
	} rows[] = { { FILTER_ERRNO, SECCOMP_RET_ERRNO | EACCES },
		{ FILTER_KILL, SECCOMP_RET_KILL_PROCESS },
		{ FILTER_LOG, SECCOMP_RET_LOG },
		{ FILTER_ALLOW, SECCOMP_RET_ALLOW } };
	struct filter f;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		f = compile(
		    mixed, COUNT(mixed), rows[i].fallback, EACCES, false);
		for (long nr = 0; nr < CALLS; nr++)
			if (!is_named(nr))
				assert_int_equal(
				    verdict(&f, nr, 0, 0), rows[i].expected);
		assert_int_equal(
		    verdict(&f, SYS_clone3, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
		filter_fini(&f);
	}
}

static void
test_foreign_abis(void **state)
{
	static const uint32_t foreign[] = { AUDIT_ARCH_I386, AUDIT_ARCH_ARM,
		AUDIT_ARCH_S390X, AUDIT_ARCH_RISCV64, 0, UINT32_MAX };
	struct filter f;

	(void)state;
	/* also where everything else is allowed, and where all is logged */
	for (int log_only = 0; log_only < 2; log_only++) {
		f = compile(mixed, COUNT(mixed), FILTER_ALLOW, 0, log_only);
		for (size_t i = 0; i < COUNT(foreign); i++) {
			struct seccomp_data d = { .nr = 3, .arch = foreign[i] };

			assert_int_equal(
			    evaluate(&f, &d), SECCOMP_RET_KILL_PROCESS);
		}
#if defined(__x86_64__)
		for (long nr = 0; nr < CALLS; nr++)
			assert_int_equal(verdict(&f, 0x40000000 | nr, 0, 0),
			    SECCOMP_RET_KILL_PROCESS);
#endif
		filter_fini(&f);
	}
}

static void
test_log_only(void **state)
{
	struct filter f = compile(mixed, COUNT(mixed), FILTER_KILL, 0, true);

	(void)state;
	for (long nr = 0; nr < CALLS; nr++)
		if (nr != SYS_read && nr != SYS_write)
			assert_int_equal(verdict(&f, nr, 0, 0),
			    nr == SYS_clone ? SECCOMP_RET_ALLOW
					    : SECCOMP_RET_LOG);
	assert_int_equal(verdict(&f, SYS_read, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&f, SYS_ioctl, 1, 0x5412), SECCOMP_RET_LOG);
	filter_fini(&f);
}

/* Enough calls that the program is a tree. */
static void
test_many_rules(void **state)
{
	static const struct {
		const char *name;
		long nr;
	} calls[] = { { "close", SYS_close }, { "fstat", SYS_fstat },
		{ "lseek", SYS_lseek }, { "mmap", SYS_mmap },
		{ "mprotect", SYS_mprotect }, { "munmap", SYS_munmap },
		{ "brk", SYS_brk }, { "rt_sigaction", SYS_rt_sigaction },
		{ "rt_sigreturn", SYS_rt_sigreturn }, { "readv", SYS_readv },
		{ "writev", SYS_writev }, { "madvise", SYS_madvise },
		{ "dup", SYS_dup }, { "nanosleep", SYS_nanosleep },
		{ "getpid", SYS_getpid }, { "sendto", SYS_sendto },
		{ "recvfrom", SYS_recvfrom }, { "exit", SYS_exit },
		{ "uname", SYS_uname }, { "fcntl", SYS_fcntl },
		{ "fsync", SYS_fsync }, { "getcwd", SYS_getcwd },
		{ "umask", SYS_umask }, { "gettid", SYS_gettid },
		{ "futex", SYS_futex }, { "openat", SYS_openat },
		{ "exit_group", SYS_exit_group }, { "tgkill", SYS_tgkill },
		{ "getrandom", SYS_getrandom }, { "statx", SYS_statx },
		{ "openat2", SYS_openat2 }, { "accept4", SYS_accept4 } };
	struct filter_rule rules[COUNT(calls)] = { 0 };
	bool allowed[CALLS] = { false };
	struct filter f;

	(void)state;
	for (size_t i = 0; i < COUNT(calls); i++) {
		rules[i].syscall = calls[i].name;
		allowed[calls[i].nr] = true;
	}
	f = compile(rules, COUNT(rules), FILTER_ERRNO, EPERM, false);
	for (long nr = 0; nr < CALLS; nr++)
		assert_int_equal(verdict(&f, nr, 0, 0),
		    allowed[nr] ? SECCOMP_RET_ALLOW
				: (SECCOMP_RET_ERRNO | EPERM));
	filter_fini(&f);
}

static void
test_overlap(void **state)
{
	static const struct filter_rule refused[] = {
		{ .syscall = "socket",
		    .verdict = FILTER_ERRNO,
		    .error = EPERM },
		{ .syscall = "socket",
		    .verdict = FILTER_ALLOW,
		    .compare = FILTER_EQ,
		    .value = 10 },
	};
	static const struct filter_rule unclear[] = {
		{ .syscall = "socket", .verdict = FILTER_KILL },
		{ .syscall = "socket", .verdict = FILTER_ALLOW },
	};
	struct filter f = { .prog.len = 77 };
	struct err e;

	(void)state;
	assert_int_equal(filter_compile(refused, COUNT(refused), FILTER_KILL, 0,
			     false, &f, &e),
	    ERR_BAD);
	assert_non_null(strstr(e.what, "socket"));
	assert_int_equal(filter_compile(unclear, COUNT(unclear), FILTER_KILL, 0,
			     false, &f, &e),
	    ERR_BAD);
	assert_int_equal(f.prog.len, 77);
}

static const struct filter_rule refined[] = {
	{ .syscall = "read", .verdict = FILTER_ALLOW },
	{ .syscall = "socket",
	    .verdict = FILTER_ERRNO,
	    .error = EDOM,
	    .compare = FILTER_MASKED,
	    .mask = 0xffffffff,
	    .value = 10 },
	{ .syscall = "socket", .verdict = FILTER_ALLOW },
	{ .syscall = "socket",
	    .verdict = FILTER_KILL,
	    .compare = FILTER_MASKED,
	    .mask = 0xffffffff,
	    .value = 17 },
};

/* Allowed, but not with this argument. */
static void
test_refine(void **state)
{
	struct filter f =
	    compile(refined, COUNT(refined), FILTER_ERRNO, EPERM, false);
	struct filter plain = compile(refined, 1, FILTER_ERRNO, EPERM, false);
	struct filter log =
	    compile(refined, COUNT(refined), FILTER_ERRNO, EPERM, true);
	struct seccomp_data foreign = { .nr = SYS_socket,
		.arch = AUDIT_ARCH_ARM };

	(void)state;
	assert_int_equal(f.refine.len, 0); /* folded */
	assert_int_equal(verdict(&f, SYS_socket, 0, 1), SECCOMP_RET_ALLOW);
	assert_int_equal(
	    verdict(&f, SYS_socket, 0, 10), SECCOMP_RET_ERRNO | EDOM);
	assert_int_equal(verdict(&f, SYS_socket, 0, 5ULL << 32 | 10),
	    SECCOMP_RET_ERRNO | EDOM);
	assert_int_equal(
	    verdict(&f, SYS_socket, 0, 17), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(verdict(&f, SYS_read, 0, 10), SECCOMP_RET_ALLOW);
	/* what the second program lets pass stays refused by the first */
	assert_int_equal(
	    verdict(&f, SYS_connect, 0, 1), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(evaluate(&f, &foreign), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(verdict(&log, SYS_socket, 0, 10), SECCOMP_RET_LOG);
	assert_int_equal(verdict(&log, SYS_socket, 0, 1), SECCOMP_RET_ALLOW);
	filter_fini(&f);
	assert_null(f.refine.filter);
	filter_fini(&plain);
	filter_fini(&log);
}

static void
test_too_long(void **state)
{
	enum { MANY = 1500 };
	struct filter_rule *rules = calloc(MANY, sizeof(*rules));
	struct filter f;
	struct err e;

	(void)state;
	assert_non_null(rules);
	for (size_t i = 0; i < MANY; i++)
		rules[i] = (struct filter_rule){ .syscall = "ioctl",
			.compare = FILTER_EQ,
			.arg = 1,
			.value = i * 0x100000001ULL };
	assert_int_equal(
	    filter_compile(rules, MANY, FILTER_KILL, 0, false, &f, &e),
	    ERR_BAD);
	assert_non_null(strstr(e.what, "4096"));
	free(rules);
}

static void
test_digest(void **state)
{
	struct filter a = compile(mixed, COUNT(mixed), FILTER_KILL, 0, false);
	struct filter b = compile(mixed, COUNT(mixed), FILTER_KILL, 0, false);
	struct filter c = compile(mixed, 2, FILTER_KILL, 0, false);
	uint8_t own[DIGEST_BYTES];

	(void)state;
	digest_sha256(
	    bytes_make(a.prog.filter, a.prog.len * sizeof(struct sock_filter)),
	    own);
	assert_memory_equal(a.digest, own, sizeof(own));
	assert_memory_equal(a.digest, b.digest, sizeof(own));
	assert_memory_not_equal(a.digest, c.digest, sizeof(own));
	filter_fini(&a);
	filter_fini(&b);
	filter_fini(&c);
}

static void
test_describe(void **state)
{
	char text[2][16384] = { "", "" };
	struct err e;

	(void)state;
	for (int i = 0; i < 2; i++) {
		CLEANUP_FD int fd = memfd_create("pfc", MFD_CLOEXEC);

		assert_int_equal(filter_describe(mixed, COUNT(mixed),
				     FILTER_ERRNO, EPERM, NULL, fd, &e),
		    0);
		assert_true(pread(fd, text[i], sizeof(text[i]) - 1, 0) > 100);
	}
	assert_string_equal(text[0], text[1]);
	assert_non_null(strstr(text[0], "\"clone3\""));
	assert_null(strstr(text[0], "no_such_call"));
	assert_int_equal(filter_describe(mixed, COUNT(mixed), FILTER_ERRNO,
			     EPERM, NULL, -1, &e),
	    ERR_SYS);
}

/* Status of a child that loads f (or none) and makes this call. */
static int
call_under(const struct filter *f, long nr, bool drop_root, bool nnp)
{
	int status, r;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (drop_root && geteuid() == 0 &&
		    setresuid(65534, 65534, 65534) != 0)
			_exit(99);
		if (nnp && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
			_exit(98);
		if (f != NULL && (r = filter_load(f)) != 0)
			_exit(100 - r);
		errno = 0;
		(void)syscall(nr, 0, 0, 0, 0, 0, 0);
		_exit(errno);
	}
	assert_true(waitpid(pid, &status, 0) == pid);
	return status;
}

static void
test_load(void **state)
{
	static const struct filter_rule rules[] = {
		{ .syscall = "getpgid",
		    .verdict = FILTER_ERRNO,
		    .error = EDOM },
		{ .syscall = "getsid", .verdict = FILTER_KILL },
	};
	struct filter f = compile(rules, COUNT(rules), FILTER_ALLOW, 0, false);
	int status;

	(void)state;
	/* without the filter both calls succeed */
	assert_int_equal(call_under(NULL, SYS_getpgid, true, true), 0);
	assert_int_equal(call_under(NULL, SYS_getsid, true, true), 0);
	status = call_under(&f, SYS_getpgid, true, true);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EDOM);
	status = call_under(&f, SYS_getsid, true, true);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
	assert_int_equal(call_under(&f, SYS_getppid, true, true), 0);
#if defined(__x86_64__)
	status = call_under(&f, 0x40000000 | SYS_getppid, true, true);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
#endif
	filter_fini(&f);
}

static void
test_load_refined(void **state)
{
	static const struct filter_rule rules[] = {
		{ .syscall = "getpgid", .verdict = FILTER_ALLOW },
		{ .syscall = "getpgid",
		    .verdict = FILTER_ERRNO,
		    .error = EDOM,
		    .compare = FILTER_EQ,
		    .value = 0 },
	};
	struct filter f = compile(rules, COUNT(rules), FILTER_ALLOW, 0, false);
	int status = call_under(&f, SYS_getpgid, true, true);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EDOM);
	assert_int_equal(call_under(&f, SYS_getsid, true, true), 0);
	filter_fini(&f);
}

static void
test_load_refused(void **state)
{
	struct filter f = compile(mixed, COUNT(mixed), FILTER_ALLOW, 0, false);
	struct filter none = { 0 };

	(void)state;
	/* no_new_privs is missing */
	assert_int_equal(WEXITSTATUS(call_under(&f, SYS_getppid, true, false)),
	    100 + EACCES);
	assert_int_equal(
	    WEXITSTATUS(call_under(&none, SYS_getppid, true, true)),
	    100 + EINVAL);
	filter_fini(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_everything_else_falls_back),
		cmocka_unit_test(test_foreign_abis),
		cmocka_unit_test(test_log_only),
		cmocka_unit_test(test_many_rules),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_refine),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_load_refined),
		cmocka_unit_test(test_load_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
