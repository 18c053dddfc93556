/* SPDX-License-Identifier: MIT */
/*
 * kernel_as: run a program as another kernel would answer it.
 *
 *   kernel_as ANSWER... -- PROGRAM [ARGUMENT...]
 *
 * Answers are made for the program and all that it starts: a filter stops at
 * the calls in question, and a tracer gives the answer.  The
 * program keeps its process id, its parent and its listener of a filter, which
 * a supervisor by seccomp_unotify(2) would take from it.  An ANSWER is one of
 *
 *   CALL=ERRNO              each call of that name fails so
 *   landlock=ABI[,-BIT...]  of an older ABI, or without single bits of it:
 *                           fsN, netN, scopeN
 *   namespaces=ERRNO        clone, clone3 and unshare with any of CLONE_NEW*
 *   userns=ERRNO            the same with CLONE_NEWUSER only
 *   idmap=ERRNO             opening uid_map and gid_map for writing
 *   notify=ERRNO            a filter with a listener, and asking for one
 *   attach=ERRNO            what asks for the right to trace a process, as Yama
 *                           answers with ptrace_scope 3
 *   nth=FILE                CALL=ERRNO of one call alone: FILE is a struct nth,
 *                           which is looked into at each call
 *
 * x86-64 only; needs root, to trace what is not dumpable.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	MAX_RULES = 64,
	NAMESPACES = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET |
		     CLONE_NEWUSER | CLONE_NEWUTS | CLONE_NEWCGROUP,
	NEW_LISTENER = 8, /* SECCOMP_FILTER_FLAG_NEW_LISTENER */
	FS_BITS_1 = 13
};

static const struct {
	const char *name;
	long nr;
} calls[] = {
	{ "mount_setattr", SYS_mount_setattr },
	{ "clone3", SYS_clone3 },
	{ "openat2", SYS_openat2 },
	{ "pidfd_getfd", SYS_pidfd_getfd },
	{ "pidfd_open", SYS_pidfd_open },
	{ "close_range", SYS_close_range },
	{ "landlock_create_ruleset", SYS_landlock_create_ruleset },
	{ "landlock_add_rule", SYS_landlock_add_rule },
	{ "landlock_restrict_self", SYS_landlock_restrict_self },
	{ "mount", SYS_mount },
	{ "pivot_root", SYS_pivot_root },
	{ "umount2", SYS_umount2 },
	{ "setns", SYS_setns },
	{ "unshare", SYS_unshare },
	{ "keyctl", SYS_keyctl },
	{ "chroot", SYS_chroot },
	{ "seccomp", SYS_seccomp },
	{ "memfd_secret", 447 },
	{ "capget", SYS_capget },
	{ "capset", SYS_capset },
	{ "clone", SYS_clone },
	{ "connect", SYS_connect },
	{ "dup", SYS_dup },
	{ "dup3", SYS_dup3 },
	{ "epoll_create1", SYS_epoll_create1 },
	{ "epoll_ctl", SYS_epoll_ctl },
	{ "execve", SYS_execve },
	{ "fchdir", SYS_fchdir },
	{ "fchmod", SYS_fchmod },
	{ "fchown", SYS_fchown },
	{ "fcntl", SYS_fcntl },
	{ "fdatasync", SYS_fdatasync },
	{ "fsmount", SYS_fsmount },
	{ "fstat", SYS_fstat },
	{ "fsync", SYS_fsync },
	{ "ftruncate", SYS_ftruncate },
	{ "getdents64", SYS_getdents64 },
	{ "getrandom", SYS_getrandom },
	{ "linkat", SYS_linkat },
	{ "memfd_create", SYS_memfd_create },
	{ "mkdirat", SYS_mkdirat },
	{ "move_mount", SYS_move_mount },
	{ "newfstatat", SYS_newfstatat },
	{ "open_tree", SYS_open_tree },
	{ "openat", SYS_openat },
	{ "pipe2", SYS_pipe2 },
	{ "prctl", SYS_prctl },
	{ "pread64", SYS_pread64 },
	{ "prlimit64", SYS_prlimit64 },
	{ "read", SYS_read },
	{ "recvmsg", SYS_recvmsg },
	{ "rename", SYS_rename },
	{ "renameat2", SYS_renameat2 },
	{ "sendmsg", SYS_sendmsg },
	{ "setgroups", SYS_setgroups },
	{ "setresgid", SYS_setresgid },
	{ "setresuid", SYS_setresuid },
	{ "setsid", SYS_setsid },
	{ "socket", SYS_socket },
	{ "socketpair", SYS_socketpair },
	{ "fstatfs", SYS_fstatfs },
	{ "symlinkat", SYS_symlinkat },
	{ "unlinkat", SYS_unlinkat },
	{ "write", SYS_write },
};

/* Of the calls of processes of that name: which fails, how many have come. */
struct nth {
	int64_t which, come;
	char name[16]; /* how it begins */
};

static const struct {
	const char *name;
	int error;
} errors[] = {
	{ "ENOSYS", ENOSYS },
	{ "EPERM", EPERM },
	{ "EINVAL", EINVAL },
	{ "EOPNOTSUPP", EOPNOTSUPP },
	{ "EACCES", EACCES },
	{ "EIO", EIO },
};

/* What is answered; 0: as this kernel does. */
static struct {
	int refused[512]; /* by number */
	int landlock; /* ABI; -1: as it is */
	uint64_t lacks[3]; /* fs, net, scope */
	int namespaces, userns, idmap, notify, attach;
	bool traced[512];
	struct nth *nth; /* NULL: all of them */
} as = { .landlock = -1 };

#define PASS LONG_MIN /* this kernel answers */

static _Noreturn void
die(const char *what)
{
	(void)fprintf(stderr, "kernel_as: %s: %s\n", what, strerror(errno));
	exit(125);
}

static _Noreturn void
usage(const char *word)
{
	(void)fprintf(stderr, "kernel_as: what is \"%s\"?\n", word);
	exit(125);
}

/* --- answers ---------------------------------------------------------- */

static int
find_error(const char *name)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].error;
	usage(name);
}

/* "-scope1" */
static void
read_bit(const char *word)
{
	static const char *const members[] = { "-fs", "-net", "-scope" };
	size_t n;

	for (size_t i = 0; i < 3; i++) {
		n = strlen(members[i]);
		if (strncmp(word, members[i], n) == 0) {
			as.lacks[i] |= 1ULL << strtoul(word + n, NULL, 10);
			return;
		}
	}
	usage(word);
}

static void
read_landlock(char *value)
{
	char *save = NULL, *word = strtok_r(value, ",", &save);

	as.landlock = word != NULL ? atoi(word) : 0;
	while ((word = strtok_r(NULL, ",", &save)) != NULL)
		read_bit(word);
	as.traced[SYS_landlock_create_ruleset] = true;
}

static void
trace_clones(void)
{
	as.traced[SYS_clone] = true;
	as.traced[SYS_clone3] = true;
	as.traced[SYS_unshare] = true;
}

static void
read_call(const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i].name, name) == 0) {
			as.refused[calls[i].nr] = find_error(value);
			as.traced[calls[i].nr] = true;
			return;
		}
	usage(name);
}

static void
map_nth(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd == -1)
		die(path);
	as.nth = mmap(
	    NULL, sizeof(*as.nth), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (as.nth == MAP_FAILED)
		die(path);
	(void)close(fd);
}

static void
read_answer(char *word)
{
	char *value = strchr(word, '=');

	if (value == NULL)
		usage(word);
	*value++ = '\0';
	if (strcmp(word, "landlock") == 0) {
		read_landlock(value);
	} else if (strcmp(word, "namespaces") == 0) {
		as.namespaces = find_error(value);
		trace_clones();
	} else if (strcmp(word, "userns") == 0) {
		as.userns = find_error(value);
		trace_clones();
	} else if (strcmp(word, "idmap") == 0) {
		as.idmap = find_error(value);
		as.traced[SYS_openat] = true;
	} else if (strcmp(word, "notify") == 0) {
		as.notify = find_error(value);
		as.traced[SYS_seccomp] = true;
	} else if (strcmp(word, "attach") == 0) {
		as.attach = find_error(value);
		as.traced[SYS_ptrace] = true;
		as.traced[SYS_pidfd_getfd] = true;
	} else if (strcmp(word, "nth") == 0) {
		map_nth(value);
	} else {
		read_call(word, value);
	}
}

/* --- the tracer ------------------------------------------------------- */

static bool
read_memory(pid_t pid, uint64_t at, void *out, size_t size)
{
	struct iovec to = { out, size };
	struct iovec from = { (void *)(uintptr_t)at, size };

	return process_vm_readv(pid, &to, 1, &from, 1, 0) == (ssize_t)size;
}

static uint64_t
fs_bits(int abi)
{
	unsigned n = FS_BITS_1 + (abi >= 2) + (abi >= 3) + (abi >= 5);

	return (1ULL << n) - 1;
}

/* As landlock_create_ruleset(2) of that ABI; PASS: this kernel may. */
static long
answer_landlock(pid_t pid, const struct user_regs_struct *r)
{
	uint64_t attr[3] = { 0 }, knows[3];
	size_t size = r->rsi, members = as.landlock >= 6   ? 3
					: as.landlock >= 4 ? 2
							   : 1;

	if (as.landlock == 0)
		return -EOPNOTSUPP;
	if (r->rdx == 1)
		return as.landlock;
	if (size < sizeof(attr[0]) || size > sizeof(attr) ||
	    !read_memory(pid, r->rdi, attr, size))
		return PASS;
	knows[0] = fs_bits(as.landlock) & ~as.lacks[0];
	knows[1] = (as.landlock >= 4 ? 3 : 0) & ~as.lacks[1];
	knows[2] = (as.landlock >= 6 ? 3 : 0) & ~as.lacks[2];
	for (size_t i = members; i < 3; i++)
		if (attr[i] != 0)
			return -E2BIG;
	for (size_t i = 0; i < members; i++)
		if ((attr[i] & ~knows[i]) != 0)
			return -EINVAL;
	return PASS;
}

static long
answer_clone(pid_t pid, const struct user_regs_struct *r)
{
	uint64_t flags = r->rdi;

	if (r->orig_rax == SYS_clone3 &&
	    !read_memory(pid, r->rdi, &flags, sizeof(flags)))
		return PASS;
	if (as.namespaces != 0 && (flags & NAMESPACES) != 0)
		return -as.namespaces;
	if (as.userns != 0 && (flags & CLONE_NEWUSER) != 0)
		return -as.userns;
	return PASS;
}

static long
answer_open(pid_t pid, const struct user_regs_struct *r)
{
	char path[32] = "";
	const size_t n = strlen("/proc/self/uid_map");

	if ((r->rdx & O_ACCMODE) == O_RDONLY ||
	    !read_memory(pid, r->rsi, path, n))
		return PASS;
	return strcmp(path, "/proc/self/uid_map") == 0 ||
		       strcmp(path, "/proc/self/gid_map") == 0
		   ? -as.idmap
		   : PASS;
}

static long
answer_seccomp(pid_t pid, const struct user_regs_struct *r)
{
	uint32_t action = 0;

	if (r->rdi == SECCOMP_SET_MODE_FILTER)
		return (r->rsi & NEW_LISTENER) != 0 ? -as.notify : PASS;
	if (r->rdi == SECCOMP_GET_ACTION_AVAIL &&
	    read_memory(pid, r->rdx, &action, sizeof(action)) &&
	    action == SECCOMP_RET_USER_NOTIF)
		return -EOPNOTSUPP;
	return PASS;
}

/* A descriptor or a request that is wrong is seen before. */
static long
answer_attach(const struct user_regs_struct *r)
{
	if (r->orig_rax == SYS_pidfd_getfd)
		return (int)r->rdi >= 0 ? -as.attach : PASS;
	return r->rdi == PTRACE_ATTACH || r->rdi == PTRACE_SEIZE ? -as.attach
								 : PASS;
}

static bool
has_name(pid_t pid, const char *begin)
{
	char path[64], name[17];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return false;
	n = read(fd, name, sizeof(name) - 1);
	(void)close(fd);
	name[n > 0 ? n : 0] = '\0';
	return strncmp(name, begin, strlen(begin)) == 0;
}

static bool
is_nth(pid_t pid)
{
	if (as.nth == NULL)
		return true;
	if (as.nth->which == 0 || !has_name(pid, as.nth->name))
		return false;
	return ++as.nth->come == as.nth->which;
}

static long
answer(pid_t pid, const struct user_regs_struct *r)
{
	long nr = (long)r->orig_rax;

	if (nr >= 0 && nr < 512 && as.refused[nr] != 0)
		return is_nth(pid) ? -as.refused[nr] : PASS;
	switch (nr) {
	case SYS_landlock_create_ruleset:
		return as.landlock >= 0 ? answer_landlock(pid, r) : PASS;
	case SYS_clone:
	case SYS_clone3:
	case SYS_unshare:
		return answer_clone(pid, r);
	case SYS_openat:
		return as.idmap != 0 ? answer_open(pid, r) : PASS;
	case SYS_ptrace:
	case SYS_pidfd_getfd:
		return as.attach != 0 ? answer_attach(r) : PASS;
	case SYS_seccomp:
		return as.notify != 0 ? answer_seccomp(pid, r) : PASS;
	default:
		return PASS;
	}
}

static void
on_call(pid_t pid)
{
	struct user_regs_struct r;
	long value;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &r) == -1)
		return;
	value = answer(pid, &r);
	if (value == PASS)
		return;
	r.orig_rax = (unsigned long long)-1; /* this kernel is not asked */
	r.rax = (unsigned long long)value;
	(void)ptrace(PTRACE_SETREGS, pid, NULL, &r);
}

static void
on_stop(pid_t pid, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;

	if (event == PTRACE_EVENT_SECCOMP)
		on_call(pid);
	if (event == PTRACE_EVENT_STOP && sig != SIGTRAP) {
		(void)ptrace(PTRACE_LISTEN, pid, NULL, NULL);
		return;
	}
	(void)ptrace(
	    PTRACE_CONT, pid, NULL, (void *)(intptr_t)(event != 0 ? 0 : sig));
}

static _Noreturn void
trace(pid_t pid, int ready)
{
	const long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK |
			     PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
			     PTRACE_O_EXITKILL;
	int status;

	(void)setsid();
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)options) == -1)
		die("PTRACE_SEIZE");
	if (write(ready, "", 1) != 1)
		die("write");
	(void)close(ready);
	for (;;) {
		pid = waitpid(-1, &status, __WALL);
		if (pid == -1 && errno == ECHILD)
			_exit(0);
		if (pid > 0 && WIFSTOPPED(status))
			on_stop(pid, status);
	}
}

/* --- the program ------------------------------------------------------ */

static void
stop_at_calls(void)
{
	struct sock_filter code[2 * MAX_RULES + 2];
	struct sock_fprog prog = { 0, code };
	unsigned short n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(
	    BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned nr = 0; nr < 512 && n < 2 * MAX_RULES; nr++) {
		if (!as.traced[nr])
			continue;
		code[n++] = (struct sock_filter)BPF_JUMP(
		    BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(
		    BPF_RET | BPF_K, SECCOMP_RET_TRACE);
	}
	code[n++] =
	    (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	prog.len = n;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == -1)
		die("the filter");
}

int
main(int argc, char **argv)
{
	int ready[2], i = 1;
	pid_t me = getpid(), between;
	char byte;

	for (; i < argc && strcmp(argv[i], "--") != 0; i++)
		read_answer(argv[i]);
	if (i + 1 >= argc)
		usage("the program");
	if (pipe2(ready, O_CLOEXEC) == -1 || (between = fork()) == -1)
		die("fork");
	/* The program gets no child by us. */
	if (between == 0 && fork() == 0)
		trace(me, ready[1]);
	if (between == 0)
		_exit(0);
	(void)waitpid(between, NULL, 0);
	(void)close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		die("the tracer");
	(void)close(ready[0]);
	stop_at_calls();
	(void)execvp(argv[i + 1], argv + i + 1);
	die(argv[i + 1]);
}
