/* SPDX-License-Identifier: MIT */
/*
 * profiles: system calls that commands may use, grouped by purpose as in
 * systemd.exec(5).  Executor; compiled once when a policy is loaded.
 *
 * A profile is an allow-list.  A call that nobody names fails with ENOSYS, so
 * that a libc newer than this table falls back to an older call.  Calls that
 * programs are known to try, and that are refused on purpose, fail with EPERM.
 */
#include "executor/profiles.h"

#include <errno.h>
#include <linux/sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* clang-format off: tables are read as tables */
#define ALLOW(name)                                                            \
	{                                                                      \
		.syscall = name, .verdict = FILTER_ALLOW                       \
	}
#define REFUSE(name)                                                           \
	{                                                                      \
		.syscall = name, .verdict = FILTER_ERRNO, .error = EPERM       \
	}
#define MISSING(name)                                                          \
	{                                                                      \
		.syscall = name, .verdict = FILTER_ERRNO, .error = ENOSYS      \
	}
/* Kernel interfaces that take an int look at the low 32 bits only. */
#define LOW32 0xffffffffULL
/* Only where the masked bits of an argument have this value. */
#define ALLOW_IF(name, n, bits, want)                                          \
	{                                                                      \
		.syscall = name, .verdict = FILTER_ALLOW,                      \
		.compare = FILTER_MASKED, .arg = n, .mask = bits,              \
		.value = want                                                  \
	}
#define REFUSE_IF(name, n, bits, want)                                         \
	{                                                                      \
		.syscall = name, .verdict = FILTER_ERRNO, .error = EPERM,      \
		.compare = FILTER_MASKED, .arg = n, .mask = bits,              \
		.value = want                                                  \
	}
#define FAMILY(call, f) ALLOW_IF(call, 0, LOW32, f)
#define NO_CLONE(flag)  REFUSE_IF("clone", 0, flag, flag)

/* Namespaces that clone(2) could make. */
#define NAMESPACES                                                             \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |         \
	    CLONE_NEWUSER | CLONE_NEWPID | (unsigned)CLONE_NEWNET)

static const struct filter_rule default_rules[] = {
	/* memory */
	ALLOW("brk"),
	ALLOW("madvise"),
	ALLOW("mincore"),
	ALLOW("mlock"),
	ALLOW("mlock2"),
	ALLOW("mlockall"),
	ALLOW("mmap"),
	ALLOW("mmap2"),
	ALLOW("mprotect"),
	ALLOW("mremap"),
	ALLOW("msync"),
	ALLOW("munlock"),
	ALLOW("munlockall"),
	ALLOW("munmap"),
	ALLOW("memfd_create"),
	ALLOW("membarrier"),
	ALLOW("pkey_alloc"),
	ALLOW("pkey_free"),
	ALLOW("pkey_mprotect"),
	ALLOW("remap_file_pages"),
	ALLOW("mbind"),
	ALLOW("get_mempolicy"),
	ALLOW("set_mempolicy"),

	/* processes and threads */
	ALLOW("execve"),
	ALLOW("execveat"),
	ALLOW("exit"),
	ALLOW("exit_group"),
	ALLOW("fork"),
	ALLOW("vfork"),
	ALLOW("wait4"),
	ALLOW("waitid"),
	ALLOW("waitpid"),
	ALLOW("getpid"),
	ALLOW("getppid"),
	ALLOW("gettid"),
	ALLOW("getpgid"),
	ALLOW("getpgrp"),
	ALLOW("getsid"),
	ALLOW("setpgid"),
	ALLOW("setsid"),
	ALLOW("set_tid_address"),
	ALLOW("set_robust_list"),
	ALLOW("get_robust_list"),
	ALLOW("futex"),
	ALLOW("futex_waitv"),
	ALLOW("rseq"),
	ALLOW("arch_prctl"),
	ALLOW("set_thread_area"),
	ALLOW("get_thread_area"),
	ALLOW("prctl"),
	ALLOW("prlimit64"),
	ALLOW("getrlimit"),
	ALLOW("setrlimit"),
	ALLOW("ugetrlimit"),
	ALLOW("getrusage"),
	ALLOW("getpriority"),
	ALLOW("setpriority"),
	ALLOW("ioprio_get"),
	ALLOW("ioprio_set"),
	ALLOW("sched_yield"),
	ALLOW("sched_getaffinity"),
	ALLOW("sched_setaffinity"),
	ALLOW("sched_getattr"),
	ALLOW("sched_getparam"),
	ALLOW("sched_getscheduler"),
	ALLOW("sched_get_priority_max"),
	ALLOW("sched_get_priority_min"),
	ALLOW("sched_rr_get_interval"),
	ALLOW("sched_setattr"),
	ALLOW("sched_setparam"),
	ALLOW("sched_setscheduler"),
	ALLOW("getcpu"),
	ALLOW("capget"),
	ALLOW("pidfd_open"),
	ALLOW("pidfd_send_signal"),
	ALLOW("restart_syscall"),
	ALLOW("riscv_flush_icache"),
	ALLOW_IF("clone", 0, NAMESPACES, 0),
	NO_CLONE(CLONE_NEWNS),
	NO_CLONE(CLONE_NEWCGROUP),
	NO_CLONE(CLONE_NEWUTS),
	NO_CLONE(CLONE_NEWIPC),
	NO_CLONE(CLONE_NEWUSER),
	NO_CLONE(CLONE_NEWPID),
	NO_CLONE((unsigned)CLONE_NEWNET),
	/* its flags are in memory, out of a filter's sight: libc falls back */
	MISSING("clone3"),

	/* signals */
	ALLOW("kill"),
	ALLOW("tkill"),
	ALLOW("tgkill"),
	ALLOW("pause"),
	ALLOW("rt_sigaction"),
	ALLOW("rt_sigpending"),
	ALLOW("rt_sigprocmask"),
	ALLOW("rt_sigqueueinfo"),
	ALLOW("rt_sigreturn"),
	ALLOW("rt_sigsuspend"),
	ALLOW("rt_sigtimedwait"),
	ALLOW("rt_tgsigqueueinfo"),
	ALLOW("sigaltstack"),
	ALLOW("signalfd"),
	ALLOW("signalfd4"),
	ALLOW("sigaction"),
	ALLOW("sigprocmask"),
	ALLOW("sigreturn"),
	ALLOW("sigsuspend"),

	/* time */
	ALLOW("alarm"),
	ALLOW("clock_getres"),
	ALLOW("clock_gettime"),
	ALLOW("clock_nanosleep"),
	ALLOW("getitimer"),
	ALLOW("gettimeofday"),
	ALLOW("nanosleep"),
	ALLOW("setitimer"),
	ALLOW("time"),
	ALLOW("timer_create"),
	ALLOW("timer_delete"),
	ALLOW("timer_getoverrun"),
	ALLOW("timer_gettime"),
	ALLOW("timer_settime"),
	ALLOW("timerfd_create"),
	ALLOW("timerfd_gettime"),
	ALLOW("timerfd_settime"),
	ALLOW("times"),

	/* identity, as far as one may ask and change without privilege */
	ALLOW("getegid"),
	ALLOW("geteuid"),
	ALLOW("getgid"),
	ALLOW("getgroups"),
	ALLOW("getresgid"),
	ALLOW("getresuid"),
	ALLOW("getuid"),
	ALLOW("setgid"),
	ALLOW("setgroups"),
	ALLOW("setregid"),
	ALLOW("setresgid"),
	ALLOW("setresuid"),
	ALLOW("setreuid"),
	ALLOW("setuid"),
	ALLOW("setfsgid"),
	ALLOW("setfsuid"),
	ALLOW("capset"),

	/* descriptors */
	ALLOW("close"),
	ALLOW("close_range"),
	ALLOW("dup"),
	ALLOW("dup2"),
	ALLOW("dup3"),
	ALLOW("fcntl"),
	ALLOW("fcntl64"),
	ALLOW("flock"),
	ALLOW("pipe"),
	ALLOW("pipe2"),
	ALLOW("poll"),
	ALLOW("ppoll"),
	ALLOW("select"),
	ALLOW("_newselect"),
	ALLOW("pselect6"),
	ALLOW("epoll_create"),
	ALLOW("epoll_create1"),
	ALLOW("epoll_ctl"),
	ALLOW("epoll_pwait"),
	ALLOW("epoll_pwait2"),
	ALLOW("epoll_wait"),
	ALLOW("eventfd"),
	ALLOW("eventfd2"),
	ALLOW("inotify_add_watch"),
	ALLOW("inotify_init"),
	ALLOW("inotify_init1"),
	ALLOW("inotify_rm_watch"),
	/* every ioctl but typing into a terminal; the command is an int */
	REFUSE_IF("ioctl", 1, LOW32, TIOCSTI),
	REFUSE_IF("ioctl", 1, LOW32, TIOCLINUX),
	ALLOW("ioctl"),

	/* reading and writing */
	ALLOW("read"),
	ALLOW("readv"),
	ALLOW("pread64"),
	ALLOW("preadv"),
	ALLOW("preadv2"),
	ALLOW("write"),
	ALLOW("writev"),
	ALLOW("pwrite64"),
	ALLOW("pwritev"),
	ALLOW("pwritev2"),
	ALLOW("lseek"),
	ALLOW("_llseek"),
	ALLOW("readahead"),
	ALLOW("sendfile"),
	ALLOW("sendfile64"),
	ALLOW("splice"),
	ALLOW("tee"),
	ALLOW("vmsplice"),
	ALLOW("copy_file_range"),
	ALLOW("io_setup"),
	ALLOW("io_submit"),
	ALLOW("io_getevents"),
	ALLOW("io_pgetevents"),
	ALLOW("io_cancel"),
	ALLOW("io_destroy"),
	ALLOW("fadvise64"),
	ALLOW("fadvise64_64"),
	ALLOW("fallocate"),
	ALLOW("ftruncate"),
	ALLOW("ftruncate64"),
	ALLOW("fsync"),
	ALLOW("fdatasync"),
	ALLOW("sync"),
	ALLOW("sync_file_range"),
	ALLOW("syncfs"),

	/* files */
	ALLOW("access"),
	ALLOW("faccessat"),
	ALLOW("faccessat2"),
	ALLOW("chdir"),
	ALLOW("fchdir"),
	ALLOW("chmod"),
	ALLOW("fchmod"),
	ALLOW("fchmodat"),
	ALLOW("chown"),
	ALLOW("fchown"),
	ALLOW("fchownat"),
	ALLOW("lchown"),
	ALLOW("creat"),
	ALLOW("open"),
	ALLOW("openat"),
	ALLOW("openat2"),
	ALLOW("getcwd"),
	ALLOW("getdents"),
	ALLOW("getdents64"),
	ALLOW("link"),
	ALLOW("linkat"),
	ALLOW("symlink"),
	ALLOW("symlinkat"),
	ALLOW("mkdir"),
	ALLOW("mkdirat"),
	ALLOW("rmdir"),
	ALLOW("unlink"),
	ALLOW("unlinkat"),
	ALLOW("rename"),
	ALLOW("renameat"),
	ALLOW("renameat2"),
	ALLOW("readlink"),
	ALLOW("readlinkat"),
	ALLOW("stat"),
	ALLOW("stat64"),
	ALLOW("lstat"),
	ALLOW("lstat64"),
	ALLOW("fstat"),
	ALLOW("fstat64"),
	ALLOW("fstatat64"),
	ALLOW("newfstatat"),
	ALLOW("statx"),
	ALLOW("statfs"),
	ALLOW("statfs64"),
	ALLOW("fstatfs"),
	ALLOW("fstatfs64"),
	ALLOW("truncate"),
	ALLOW("truncate64"),
	ALLOW("umask"),
	ALLOW("utime"),
	ALLOW("utimensat"),
	ALLOW("utimes"),
	ALLOW("futimesat"),
	ALLOW("getxattr"),
	ALLOW("lgetxattr"),
	ALLOW("fgetxattr"),
	ALLOW("listxattr"),
	ALLOW("llistxattr"),
	ALLOW("flistxattr"),
	ALLOW("setxattr"),
	ALLOW("lsetxattr"),
	ALLOW("fsetxattr"),
	ALLOW("removexattr"),
	ALLOW("lremovexattr"),
	ALLOW("fremovexattr"),
	ALLOW("mknod"),
	ALLOW("mknodat"),
	ALLOW("landlock_create_ruleset"),
	ALLOW("landlock_add_rule"),
	ALLOW("landlock_restrict_self"),

	/* sockets; which families may be made, the policy's keys say */
	FAMILY("socketpair", AF_UNIX),
	ALLOW("accept"),
	ALLOW("accept4"),
	ALLOW("bind"),
	ALLOW("connect"),
	ALLOW("getpeername"),
	ALLOW("getsockname"),
	ALLOW("getsockopt"),
	ALLOW("listen"),
	ALLOW("recv"),
	ALLOW("recvfrom"),
	ALLOW("recvmmsg"),
	ALLOW("recvmsg"),
	ALLOW("send"),
	ALLOW("sendmmsg"),
	ALLOW("sendmsg"),
	ALLOW("sendto"),
	ALLOW("setsockopt"),
	ALLOW("shutdown"),

	/* System V and POSIX inter-process communication */
	ALLOW("msgctl"),
	ALLOW("msgget"),
	ALLOW("msgrcv"),
	ALLOW("msgsnd"),
	ALLOW("semctl"),
	ALLOW("semget"),
	ALLOW("semop"),
	ALLOW("semtimedop"),
	ALLOW("shmat"),
	ALLOW("shmctl"),
	ALLOW("shmdt"),
	ALLOW("shmget"),
	ALLOW("mq_getsetattr"),
	ALLOW("mq_notify"),
	ALLOW("mq_open"),
	ALLOW("mq_timedreceive"),
	ALLOW("mq_timedsend"),
	ALLOW("mq_unlink"),

	/* the system, asked only */
	ALLOW("getrandom"),
	ALLOW("sysinfo"),
	ALLOW("uname"),
	ALLOW("seccomp"),

	/* refused on purpose, and known to be tried */
	REFUSE("acct"),
	REFUSE("add_key"),
	REFUSE("adjtimex"),
	REFUSE("bpf"),
	REFUSE("chroot"),
	REFUSE("clock_adjtime"),
	REFUSE("clock_settime"),
	REFUSE("delete_module"),
	REFUSE("fanotify_init"),
	REFUSE("fanotify_mark"),
	REFUSE("finit_module"),
	REFUSE("fsconfig"),
	REFUSE("fsmount"),
	REFUSE("fsopen"),
	REFUSE("fspick"),
	REFUSE("init_module"),
	REFUSE("io_uring_enter"),
	REFUSE("io_uring_register"),
	REFUSE("io_uring_setup"),
	REFUSE("ioperm"),
	REFUSE("iopl"),
	REFUSE("kcmp"),
	REFUSE("kexec_file_load"),
	REFUSE("kexec_load"),
	REFUSE("keyctl"),
	REFUSE("lookup_dcookie"),
	REFUSE("migrate_pages"),
	REFUSE("mount"),
	REFUSE("mount_setattr"),
	REFUSE("move_mount"),
	REFUSE("move_pages"),
	REFUSE("name_to_handle_at"),
	REFUSE("nfsservctl"),
	REFUSE("open_by_handle_at"),
	REFUSE("open_tree"),
	REFUSE("perf_event_open"),
	REFUSE("pidfd_getfd"),
	REFUSE("pivot_root"),
	REFUSE("process_madvise"),
	REFUSE("process_vm_readv"),
	REFUSE("process_vm_writev"),
	REFUSE("ptrace"),
	REFUSE("quotactl"),
	REFUSE("quotactl_fd"),
	REFUSE("reboot"),
	REFUSE("request_key"),
	REFUSE("setdomainname"),
	REFUSE("sethostname"),
	REFUSE("setns"),
	REFUSE("settimeofday"),
	REFUSE("swapoff"),
	REFUSE("swapon"),
	REFUSE("syslog"),
	REFUSE("umount"),
	REFUSE("umount2"),
	REFUSE("unshare"),
	REFUSE("userfaultfd"),
	REFUSE("vhangup"),
	/* asking for the personality and for the ordinary one */
	ALLOW_IF("personality", 0, LOW32, 0),
	ALLOW_IF("personality", 0, LOW32, LOW32),
};

/* With the policy's "network" other than none. */
static const struct filter_rule internet_rules[] = {
	FAMILY("socket", AF_INET),
	FAMILY("socket", AF_INET6),
	/* of netlink only routing, protocol 0: getaddrinfo(3) asks it */
	{ .syscall = "socket",
	    .verdict = FILTER_ALLOW,
	    .compare = FILTER_MASKED,
	    .arg = 0,
	    .mask = LOW32,
	    .value = AF_NETLINK,
	    .arg_b = 2,
	    .mask_b = LOW32,
	    .value_b = 0 },
};

static const struct filter_rule unix_rules[] = {
	FAMILY("socket", AF_UNIX),
};

/* A file that is only memory is no listed program. */
static const struct filter_rule listed_rules[] = {
	REFUSE("memfd_create"),
};
/* clang-format on */

enum { MAX_RULES = 1024 };

/* An unconditional rule replaces an earlier one of the same call. */
static void
put_rules(struct filter_rule *all, size_t *count,
    const struct filter_rule *more, size_t n)
{
	size_t i, j;

	for (i = 0; i < n && *count < MAX_RULES; i++) {
		for (j = 0; j < *count; j++)
			if (more[i].compare == FILTER_ANY &&
			    all[j].compare == FILTER_ANY &&
			    strcmp(all[j].syscall, more[i].syscall) == 0)
				break;
		all[j] = more[i];
		if (j == *count)
			(*count)++;
	}
}

#define PUT(all, count, more)                                                  \
	put_rules(all, count, more, sizeof(more) / sizeof((more)[0]))

int
profile_compile(
    const struct profile_choice *c, struct filter *out, struct err *e)
{
	static struct filter_rule all[MAX_RULES];
	size_t count = 0;

	put_rules(all, &count, c->profile->rules, c->profile->rule_count);
	if (c->internet)
		PUT(all, &count, internet_rules);
	if (c->sockets)
		PUT(all, &count, unix_rules);
	if (c->listed_programs)
		PUT(all, &count, listed_rules);
	return filter_compile(all, count, c->profile->fallback,
	    c->profile->fallback_errno, false, out, e);
}

static const struct profile profiles[] = {
	{
	    "default",
	    "what ordinary programs use; no namespaces, mounts, tracing, "
	    "keyrings, io_uring, raw sockets or kernel administration",
	    default_rules,
	    sizeof(default_rules) / sizeof(default_rules[0]),
	    FILTER_ERRNO,
	    ENOSYS,
	},
};

const struct profile *
profile_at(size_t i)
{
	return i < sizeof(profiles) / sizeof(profiles[0]) ? &profiles[i] : NULL;
}

const struct profile *
profile_find(struct bytes name)
{
	const struct profile *p;
	size_t i;

	for (i = 0; (p = profile_at(i)) != NULL; i++)
		if (bytes_eq_str(name, p->name))
			return p;
	return NULL;
}
