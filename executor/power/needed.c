/* SPDX-License-Identifier: MIT */
/*
 * needed: the executor's allow-list.
 *
 * Who has taken this process over chooses the arguments of these calls.  It
 * still is the user that it was, root mostly, and so is much that listens on
 * this machine: what a call could make others do counts as well as what it
 * does itself.  So there is no stream socket of its own (to ask systemd or
 * D-Bus, which believe root), no signal, no owner of one (F_SETOWN), no file
 * that runs as its owner, no program, no namespace, no thread, no memory of
 * others, and no memory that executes.
 *
 * What is not listed fails with EPERM.  What nobody ever asks for by mistake
 * ends the process, and shows in the journal.
 */
#include "executor/power/needed.h"

#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/filter_rows.h"
#include "common/log.h"

#define SET_IDS      (S_ISUID | S_ISGID) /* of a mode */
#define SOCKET_FLAGS ((uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK))
#ifndef MFD_EXEC
#define MFD_EXEC 0x10U /* Linux 6.3 */
#endif

#define FCNTL(command) ALLOW_IF("fcntl", 1, LOW32, command)
/* The C library, or ours, has another way. */
#define ABSENT(name)                                                           \
	{                                                                      \
		.syscall = name, .verdict = FILTER_ERRNO, .error = ENOSYS      \
	}
#define KILL(name)                                                             \
	{                                                                      \
		.syscall = name, .verdict = FILTER_KILL                        \
	}

static const struct filter_rule fixed[] = {
	/* files, of which Landlock says where they may be changed */
	ALLOW_IF("open", 2, SET_IDS, 0),
	ALLOW_IF("openat", 3, SET_IDS, 0),
	ABSENT("openat2"), /* its mode cannot be seen */
	ALLOW("read"),
	ALLOW("readv"),
	ALLOW("pread64"),
	ALLOW("write"),
	ALLOW("writev"),
	ALLOW("pwrite64"),
	ALLOW("lseek"),
	ALLOW("fstat"),
	ALLOW("stat"),
	ALLOW("lstat"),
	ALLOW("newfstatat"),
	ALLOW("statx"),
	ALLOW("statfs"),
	ALLOW("fstatfs"),
	ALLOW("access"),
	ALLOW("faccessat"),
	ALLOW("faccessat2"),
	ALLOW("readlink"),
	ALLOW("readlinkat"),
	ALLOW("getcwd"),
	ALLOW("getdents64"),
	ALLOW("getxattr"),
	ALLOW("mkdir"),
	ALLOW("mkdirat"),
	ALLOW("rmdir"),
	ALLOW("linkat"), /* a new file's name, which replaces none */
	ALLOW("unlink"),
	ALLOW("unlinkat"),
	ALLOW("rename"),
	ALLOW("renameat"),
	ALLOW("renameat2"),
	ALLOW_IF("fchmod", 1, SET_IDS, 0),
	ALLOW("truncate"),
	ALLOW("ftruncate"),
	ALLOW("fallocate"),
	ALLOW("fadvise64"),
	ALLOW("fsync"),
	ALLOW("fdatasync"),
	ALLOW("sync_file_range"),
	ALLOW("flock"),
	ALLOW("umask"),
	ALLOW("inotify_init1"),
	ALLOW("inotify_add_watch"),
	ALLOW("inotify_rm_watch"),
	/* descriptors; no F_SETOWN, which signals others */
	ALLOW("close"),
	ALLOW("close_range"),
	ALLOW("dup"),
	ALLOW("dup2"),
	ALLOW("dup3"),
	ALLOW("pipe"),
	ALLOW("pipe2"),
	ALLOW("splice"), /* output of jobs: executor/run/held */
	ALLOW("tee"),
	FCNTL(F_DUPFD),
	FCNTL(F_DUPFD_CLOEXEC),
	FCNTL(F_GETFD),
	FCNTL(F_SETFD),
	FCNTL(F_GETFL),
	FCNTL(F_SETFL),
	FCNTL(F_GETPIPE_SZ),
	FCNTL(F_SETPIPE_SZ),
	FCNTL(F_ADD_SEALS),
	FCNTL(F_GET_SEALS),
	FCNTL(F_SETLK),
	FCNTL(F_OFD_SETLK),
	ALLOW_IF("ioctl", 1, LOW32, FIONREAD),
	/* a job's terminal: newer C libraries ask by termios2 */
	ALLOW_IF("ioctl", 1, LOW32, TCGETS),
	ALLOW_IF("ioctl", 1, LOW32, TCGETS2),
	ALLOW_IF("ioctl", 1, LOW32, TIOCSWINSZ),
	ALLOW_IF("memfd_create", 1, MFD_EXEC, 0),
	ALLOW("pidfd_open"),
	/* sockets: pairs, datagrams to the journal and its like, auditd's */
	ALLOW_IF("socketpair", 0, LOW32, AF_UNIX),
	ALLOW_IF2(
	    "socket", 0, LOW32, AF_UNIX, 1, LOW32 & ~SOCKET_FLAGS, SOCK_DGRAM),
	ALLOW_IF2("socket", 0, LOW32, AF_NETLINK, 2, LOW32, NETLINK_AUDIT),
	ALLOW("connect"),
	ALLOW("accept4"),
	ALLOW("listen"), /* to one that is bound: its health */
	ALLOW("shutdown"),
	ALLOW("sendto"),
	ALLOW("sendmsg"),
	ALLOW("recvfrom"),
	ALLOW("recvmsg"),
	ALLOW("getsockopt"),
	ALLOW("setsockopt"),
	ALLOW("getsockname"),
	ALLOW("getpeername"),
	/* waiting */
	ALLOW("epoll_create1"),
	ALLOW("epoll_ctl"),
	ALLOW("epoll_wait"),
	ALLOW("epoll_pwait"),
	ALLOW("poll"),
	ALLOW("ppoll"),
	ALLOW("signalfd4"),
	ALLOW("wait4"),
	ALLOW("waitid"),
	ALLOW("nanosleep"),
	ALLOW("clock_nanosleep"),
	ALLOW("restart_syscall"),
	/* memory of its own, never executable */
	ALLOW("brk"),
	ALLOW("munmap"),
	ALLOW_IF("mremap", 3, LOW32 & ~(uint32_t)MREMAP_MAYMOVE, 0),
	ALLOW("madvise"),
	ALLOW("mlock"),
	ALLOW("munlock"),
	ALLOW_IF("mmap", 2, PROT_EXEC, 0),
	ALLOW_IF("mprotect", 2, PROT_EXEC, 0),
	ALLOW("futex"),
	/* time, random numbers, itself */
	ALLOW("clock_gettime"),
	ALLOW("gettimeofday"),
	ALLOW("time"),
	ALLOW("getrandom"),
	ALLOW("uname"),
	ALLOW("sysinfo"),
	ALLOW("getrusage"),
	ALLOW("getrlimit"),
	ALLOW_IF2("prlimit64", 0, LOW32, 0, 2, UINT64_MAX, 0),
	ALLOW("getpid"),
	ALLOW("gettid"),
	ALLOW("getppid"),
	ALLOW("getuid"),
	ALLOW("geteuid"),
	ALLOW("getgid"),
	ALLOW("getegid"),
	ALLOW("getgroups"),
	ALLOW("rt_sigprocmask"),
	ALLOW("rt_sigaction"),
	ALLOW("rt_sigreturn"),
	ALLOW("exit"),
	ALLOW("exit_group"),
	/* fork(3), for the child that compiles filters, and its start */
	ALLOW_IF("clone", 0, UINT64_MAX,
	    CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD),
	ABSENT("clone3"),
	ALLOW("set_robust_list"),
	ALLOW_IF("prctl", 0, LOW32, PR_SET_PDEATHSIG),
	ALLOW_IF2("setpriority", 0, LOW32, PRIO_PROCESS, 1, LOW32, 0),
	/* nobody's mistake */
	KILL("execve"),
	KILL("execveat"),
	KILL("ptrace"),
	KILL("process_vm_readv"),
	KILL("process_vm_writev"),
	KILL("process_madvise"),
	KILL("pidfd_getfd"),
	KILL("mount"),
	KILL("umount2"),
	KILL("move_mount"),
	KILL("open_tree"),
	KILL("fsopen"),
	KILL("mount_setattr"),
	KILL("pivot_root"),
	KILL("chroot"),
	KILL("setns"),
	KILL("unshare"),
	KILL("setuid"),
	KILL("setgid"),
	KILL("setreuid"),
	KILL("setregid"),
	KILL("setresuid"),
	KILL("setresgid"),
	KILL("setgroups"),
	KILL("setfsuid"),
	KILL("setfsgid"),
	KILL("capset"),
	KILL("bpf"),
	KILL("perf_event_open"),
	KILL("userfaultfd"),
	KILL("io_uring_setup"),
	KILL("init_module"),
	KILL("finit_module"),
	KILL("delete_module"),
	KILL("kexec_load"),
	KILL("kexec_file_load"),
	KILL("reboot"),
	KILL("open_by_handle_at"),
	KILL("keyctl"),
	KILL("pidfd_send_signal"),
};

size_t
needed_rules(struct filter_rule out[NEEDED_MAX_RULES])
{
	const size_t count = sizeof(fixed) / sizeof(fixed[0]);
	size_t i;

	if (count + 1 > NEEDED_MAX_RULES)
		fatal("needed: more than %d rules", NEEDED_MAX_RULES);
	for (i = 0; i < count; i++)
		out[i] = fixed[i];
	/* abort(3): ends this process, and no other */
	out[i] = (struct filter_rule)ALLOW_IF2(
	    "tgkill", 0, LOW32, (uint64_t)getpid(), 2, LOW32, SIGABRT);
	return count + 1;
}
