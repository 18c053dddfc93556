/* SPDX-License-Identifier: MIT */
/*
 * syscall_group: system calls by purpose, in the way of systemd.exec(5).
 * Executor and mcp-execctl; const tables, names that an architecture does
 * not have are skipped when a filter is compiled.
 */
#include "executor/confine/syscall_group.h"

#include <string.h>

/* clang-format off */
/* memory of the process */
static const char *const memory_calls[] = {
	"brk", "madvise", "mincore", "mlock", "mlock2", "mlockall", "mmap",
	"mmap2", "mprotect", "mremap", "msync", "munlock", "munlockall",
	"munmap", "memfd_create", "membarrier", "pkey_alloc", "pkey_free",
	"pkey_mprotect", "remap_file_pages", "mbind", "get_mempolicy",
	"set_mempolicy", NULL
};

/* processes and threads */
static const char *const process_calls[] = {
	"execve", "execveat", "exit", "exit_group", "fork", "vfork", "wait4",
	"waitid", "waitpid", "getpid", "getppid", "gettid", "getpgid",
	"getpgrp", "getsid", "setpgid", "setsid", "set_tid_address",
	"set_robust_list", "get_robust_list", "futex", "futex_waitv", "rseq",
	"arch_prctl", "set_thread_area", "get_thread_area", "prctl",
	"getrlimit", "setrlimit", "ugetrlimit", "getrusage",
	"getpriority", "ioprio_get", "sched_yield", "sched_getaffinity",
	"sched_getattr", "sched_getparam", "sched_getscheduler",
	"sched_get_priority_max", "sched_get_priority_min",
	"sched_rr_get_interval", "getcpu", "capget", "pidfd_open",
	"pidfd_send_signal", "restart_syscall", "riscv_flush_icache", NULL
};

/* priorities and processors */
static const char *const scheduler_calls[] = {
	"sched_setaffinity", "sched_setattr", "sched_setparam",
	"sched_setscheduler", "setpriority", "ioprio_set", NULL
};

/* signals */
static const char *const signal_calls[] = {
	"kill", "tkill", "tgkill", "pause", "rt_sigaction", "rt_sigpending",
	"rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend",
	"rt_sigtimedwait", "rt_tgsigqueueinfo", "sigaltstack", "signalfd",
	"signalfd4", "sigaction", "sigprocmask", "sigreturn", "sigsuspend", NULL
};

/* clocks and timers */
static const char *const timer_calls[] = {
	"alarm", "clock_getres", "clock_gettime", "clock_nanosleep",
	"getitimer", "gettimeofday", "nanosleep", "setitimer", "time",
	"timer_create", "timer_delete", "timer_getoverrun", "timer_gettime",
	"timer_settime", "timerfd_create", "timerfd_gettime",
	"timerfd_settime", "times", NULL
};

/* asking for ids, and giving up what one has */
static const char *const identity_calls[] = {
	"getegid", "geteuid", "getgid", "getgroups", "getresgid", "getresuid",
	"getuid", "setgid", "setgroups", "setregid", "setresgid", "setresuid",
	"setreuid", "setuid", "setfsgid", "setfsuid", "capset", NULL
};

/* descriptors and waiting for them */
static const char *const descriptor_calls[] = {
	"close", "close_range", "dup", "dup2", "dup3", "fcntl", "fcntl64",
	"flock", "pipe", "pipe2", "poll", "ppoll", "select", "_newselect",
	"pselect6", "epoll_create", "epoll_create1", "epoll_ctl",
	"epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd", "eventfd2",
	"inotify_add_watch", "inotify_init", "inotify_init1",
	"inotify_rm_watch", NULL
};

/* reading and writing */
static const char *const io_calls[] = {
	"read", "readv", "pread64", "preadv", "preadv2", "write", "writev",
	"pwrite64", "pwritev", "pwritev2", "lseek", "_llseek", "readahead",
	"sendfile", "sendfile64", "splice", "tee", "vmsplice",
	"copy_file_range", "fadvise64", "fadvise64_64", "fallocate",
	"ftruncate", "ftruncate64", "fsync", "fdatasync", "sync",
	"sync_file_range", "syncfs", NULL
};

/* asynchronous reading and writing, the old way */
static const char *const aio_calls[] = {
	"io_setup", "io_submit", "io_getevents", "io_pgetevents", "io_cancel",
	"io_destroy", NULL
};

/* files and directories */
static const char *const file_calls[] = {
	"access", "faccessat", "faccessat2", "chdir", "fchdir", "chmod",
	"fchmod", "fchmodat", "creat", "open", "openat", "openat2", "getcwd",
	"getdents", "getdents64", "link", "linkat", "symlink", "symlinkat",
	"mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename",
	"renameat", "renameat2", "readlink", "readlinkat", "stat", "stat64",
	"lstat", "lstat64", "fstat", "fstat64", "fstatat64", "newfstatat",
	"statx", "statfs", "statfs64", "fstatfs", "fstatfs64", "truncate",
	"truncate64", "umask", "utime", "utimensat", "utimes", "futimesat",
	"getxattr", "lgetxattr", "fgetxattr", "listxattr", "llistxattr",
	"flistxattr", "setxattr", "lsetxattr", "fsetxattr", "removexattr",
	"lremovexattr", "fremovexattr", NULL
};

/* owners and special files */
static const char *const chown_calls[] = {
	"chown", "fchown", "fchownat", "lchown", "mknod", "mknodat", NULL
};

/* sockets, once made; the families are a matter of their own */
static const char *const socket_calls[] = {
	"accept", "accept4", "bind", "connect", "getpeername", "getsockname",
	"getsockopt", "listen", "recv", "recvfrom", "recvmmsg", "recvmsg",
	"send", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown", NULL
};

/* System V and POSIX inter-process communication */
static const char *const ipc_calls[] = {
	"msgctl", "msgget", "msgrcv", "msgsnd", "semctl", "semget", "semop",
	"semtimedop", "shmat", "shmctl", "shmdt", "shmget", "mq_getsetattr",
	"mq_notify", "mq_open", "mq_timedreceive", "mq_timedsend", "mq_unlink", NULL
};

/* giving up further rights */
static const char *const sandbox_calls[] = {
	"landlock_create_ruleset", "landlock_add_rule",
	"landlock_restrict_self", "seccomp", NULL
};

/* the system, asked only */
static const char *const system_info_calls[] = {
	"getrandom", "sysinfo", "uname", NULL
};

/* looking into other processes */
static const char *const debug_calls[] = {
	"ptrace", "process_vm_readv", "kcmp",
	"pidfd_getfd", "process_madvise", NULL
};

/*
 * Writing into other processes.  Debuggers write by ptrace(2), and so only
 * where nobody else traces: not while execlog looks at a new program.
 */
static const char *const inject_calls[] = { "process_vm_writev", NULL };

/* the tree of files itself */
static const char *const mount_calls[] = {
	"mount", "mount_setattr", "move_mount", "fsconfig", "fsmount",
	"fsopen", "fspick", "open_tree", "pivot_root", "umount", "umount2",
	"chroot", NULL
};

/* namespaces */
static const char *const namespace_calls[] = {
	"setns", "unshare", NULL
};

/* the kernel's keyrings */
static const char *const keyring_calls[] = {
	"add_key", "keyctl", "request_key", NULL
};

/* rings that carry out any call unseen */
static const char *const io_uring_calls[] = {
	"io_uring_enter", "io_uring_register", "io_uring_setup", NULL
};

/* loading kernel code */
static const char *const module_calls[] = {
	"delete_module", "finit_module", "init_module", "kexec_file_load",
	"kexec_load", NULL
};

/* setting the machine's clock */
static const char *const clock_calls[] = {
	"adjtimex", "clock_adjtime", "clock_settime", "settimeofday", NULL
};

/* the machine itself */
static const char *const raw_io_calls[] = {
	"ioperm", "iopl", NULL
};

/* files by handle, past every path */
static const char *const handle_calls[] = {
	"name_to_handle_at", "open_by_handle_at", NULL
};

/* administration of the machine */
static const char *const admin_calls[] = {
	"acct", "bpf", "fanotify_init", "fanotify_mark", "lookup_dcookie",
	"migrate_pages", "move_pages", "nfsservctl", "perf_event_open",
	"quotactl", "quotactl_fd",
	"reboot", "setdomainname", "sethostname", "swapoff", "swapon",
	"syslog", "userfaultfd", "vhangup", NULL
};

static const struct syscall_group groups[] = {
	{ "@memory", "memory of the process", memory_calls },
	{ "@process", "processes and threads", process_calls },
	{ "@scheduler", "priorities and processors", scheduler_calls },
	{ "@signal", "signals", signal_calls },
	{ "@timer", "clocks and timers", timer_calls },
	{ "@identity", "asking for ids, and giving up what one has", identity_calls },
	{ "@descriptor", "descriptors and waiting for them", descriptor_calls },
	{ "@io", "reading and writing", io_calls },
	{ "@aio", "asynchronous reading and writing, the old way", aio_calls },
	{ "@file", "files and directories", file_calls },
	{ "@chown", "owners and special files", chown_calls },
	{ "@socket", "sockets, once made; the families are a matter of their own", socket_calls },
	{ "@ipc", "System V and POSIX inter-process communication", ipc_calls },
	{ "@sandbox", "giving up further rights", sandbox_calls },
	{ "@system-info", "the system, asked only", system_info_calls },
	{ "@debug", "looking into other processes", debug_calls },
	{ "@inject", "writing into other processes", inject_calls },
	{ "@mount", "the tree of files itself", mount_calls },
	{ "@namespace", "namespaces", namespace_calls },
	{ "@keyring", "the kernel's keyrings", keyring_calls },
	{ "@io-uring", "rings that carry out any call unseen", io_uring_calls },
	{ "@module", "loading kernel code", module_calls },
	{ "@clock", "setting the machine's clock", clock_calls },
	{ "@raw-io", "the machine itself", raw_io_calls },
	{ "@handle", "files by handle, past every path", handle_calls },
	{ "@admin", "administration of the machine", admin_calls },
};
/* clang-format on */

const struct syscall_group *
syscall_group_at(size_t i)
{
	return i < sizeof(groups) / sizeof(groups[0]) ? &groups[i] : NULL;
}

const struct syscall_group *
syscall_group_find(const char *name)
{
	const struct syscall_group *g;
	size_t i;

	for (i = 0; (g = syscall_group_at(i)) != NULL; i++)
		if (strcmp(g->name, name) == 0)
			return g;
	return NULL;
}
