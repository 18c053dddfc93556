/* SPDX-License-Identifier: MIT */
/*
 * try: what a hostile command would try, one verb each; for tests/sandbox.
 *
 * Runs inside a sandbox and, to compare, outside of one; says what came of it
 * on standard output.  `calls` and `sockets` give each system call arguments
 * that the kernel refuses without doing anything: any error but EPERM, ENOSYS
 * and EACCES shows that the call reached the kernel.  Built without sanitizers.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_S = 2, ROW_ARGS = 6 };

/* What tests look for in output: an attack that came through says it. */
static const char came_through[] = "CAME-THROUGH";

static const char *
error_name(int error)
{
	const char *name = strerrorname_np(error);

	return name != NULL ? name : "?";
}

/* "what ok" or "what ERRNO"; the status of the process. */
static int
say(const char *what, long result)
{
	printf("%s %s\n", what, result == -1 ? error_name(errno) : "ok");
	(void)fflush(stdout);
	return result == -1;
}

static int
through(const char *what, long result)
{
	(void)say(what, result);
	if (result == -1)
		return 1;
	printf("%s\n", came_through);
	(void)fflush(stdout);
	return 0;
}

static long
number(const char *text)
{
	return strtol(text, NULL, 0);
}

/* --- system calls by table --------------------------------------------- */

#define BAD    8L /* an address that nothing is mapped at */
#define NOBODY 0x3ffffffL /* a process id that nobody has */
#define HIGH   0x100000000L /* a kernel that takes an int drops this bit */
/* With CLONE_SIGHAND and without CLONE_VM the kernel refuses all of these. */
#define CLONE(flag)                                                            \
	SYS_clone,                                                             \
	{                                                                      \
		(long)(flag) | CLONE_SIGHAND                                   \
	}

/* Newer than the oldest headers; these are the same everywhere. */
enum {
	NR_open_tree = 428,
	NR_move_mount = 429,
	NR_fsopen = 430,
	NR_fsconfig = 431,
	NR_fsmount = 432,
	NR_fspick = 433,
	NR_clone3 = 435,
	NR_pidfd_getfd = 438,
	NR_process_madvise = 440,
	NR_mount_setattr = 442,
	NR_quotactl_fd = 443,
	NR_memfd_secret = 447,
	NR_process_mrelease = 448,
	NR_listmount = 458,
	NR_lsm_set_self_attr = 460,
	NR_open_tree_attr = 467
};

static const struct row {
	const char *name;
	long nr;
	long arg[ROW_ARGS];
} rows[] = {
	/* mounts and namespaces */
	{ "mount", SYS_mount, { BAD, BAD, BAD, 0, BAD } },
	{ "umount2", SYS_umount2, { BAD, 0 } },
	{ "pivot_root", SYS_pivot_root, { BAD, BAD } },
	{ "chroot", SYS_chroot, { BAD } },
	{ "open_tree", NR_open_tree, { -1, BAD, 0 } },
	{ "move_mount", NR_move_mount, { -1, BAD, -1, BAD, 0 } },
	{ "fsopen", NR_fsopen, { BAD, 0 } },
	{ "fsconfig", NR_fsconfig, { -1, 99, 0, 0, 0 } },
	{ "fsmount", NR_fsmount, { -1, 0, 0 } },
	{ "fspick", NR_fspick, { -1, BAD, 0 } },
	{ "mount_setattr", NR_mount_setattr, { -1, BAD, 0, BAD, 32 } },
	{ "open_tree_attr", NR_open_tree_attr, { -1, BAD, 0, BAD, 32 } },
	{ "listmount", NR_listmount, { BAD, BAD, 1, 0 } },
	{ "unshare", SYS_unshare, { 0 } },
	{ "setns", SYS_setns, { -1, 0 } },
	{ "clone.newuser", CLONE(CLONE_NEWUSER) },
	{ "clone.newns", CLONE(CLONE_NEWNS) },
	{ "clone.newpid", CLONE(CLONE_NEWPID) },
	{ "clone.newnet", CLONE(CLONE_NEWNET) },
	{ "clone.newipc", CLONE(CLONE_NEWIPC) },
	{ "clone.newuts", CLONE(CLONE_NEWUTS) },
	{ "clone.newcgroup", CLONE(CLONE_NEWCGROUP) },
	{ "clone.newuser.high", CLONE(CLONE_NEWUSER | HIGH) },
	{ "clone3", NR_clone3, { BAD, 64 } },
	{ "clone3.small", NR_clone3, { BAD, 8 } },
	/* other processes */
	{ "ptrace.peek", SYS_ptrace, { 2, NOBODY, BAD, 0 } },
	{ "ptrace.attach", SYS_ptrace, { 16, NOBODY, 0, 0 } },
	{ "ptrace.seize", SYS_ptrace, { 0x4206, NOBODY, 0, 0 } },
	{ "process_vm_readv", SYS_process_vm_readv, { NOBODY, 0, 0, 0, 0, 1 } },
	{ "process_vm_writev", SYS_process_vm_writev,
	    { NOBODY, 0, 0, 0, 0, 1 } },
	{ "process_madvise", NR_process_madvise, { -1, BAD, 1, 0, 0 } },
	{ "process_mrelease", NR_process_mrelease, { -1, 0 } },
	{ "pidfd_getfd", NR_pidfd_getfd, { -1, 0, 0 } },
	{ "kcmp", SYS_kcmp, { NOBODY, NOBODY, 0, 0, 0 } },
	{ "move_pages", SYS_move_pages, { NOBODY, 0, 0, 0, 0, 0x100 } },
	{ "migrate_pages", SYS_migrate_pages, { NOBODY, 1, BAD, BAD } },
	{ "perf_event_open", SYS_perf_event_open, { BAD, 0, -1, -1, 0 } },
	{ "userfaultfd", SYS_userfaultfd, { 0x40000001 } },
	{ "lsm_set_self_attr", NR_lsm_set_self_attr, { 99, BAD, 8, 0 } },
	/* keys, rings, programs for the kernel */
	{ "keyctl", SYS_keyctl, { 0x7fff, 0, 0, 0, 0 } },
	{ "add_key", SYS_add_key, { BAD, BAD, 0, 0, 0 } },
	{ "request_key", SYS_request_key, { BAD, BAD, 0, 0 } },
	{ "io_uring_setup", SYS_io_uring_setup, { 1, BAD } },
	{ "io_uring_enter", SYS_io_uring_enter, { -1, 0, 0, 0, 0, 0 } },
	{ "io_uring_register", SYS_io_uring_register, { -1, 0, 0, 0 } },
	{ "bpf", SYS_bpf, { 0, BAD, 8 } },
	{ "memfd_secret", NR_memfd_secret, { 0x40000000 } },
	{ "name_to_handle_at", SYS_name_to_handle_at,
	    { -1, BAD, BAD, BAD, 0x40000000 } },
	{ "open_by_handle_at", SYS_open_by_handle_at, { -1, BAD, 0 } },
	{ "fanotify_init", SYS_fanotify_init, { 0x40000000, 0 } },
	{ "fanotify_mark", SYS_fanotify_mark, { -1, 0x40000000, 0, -1, BAD } },
	/* the machine */
	{ "kexec_load", SYS_kexec_load, { 0, 0xffff, BAD, 0 } },
	{ "kexec_file_load", SYS_kexec_file_load, { -1, -1, 0, BAD, 0x8000 } },
	{ "init_module", SYS_init_module, { BAD, 64, BAD } },
	{ "finit_module", SYS_finit_module, { -1, BAD, 0x4000 } },
	{ "delete_module", SYS_delete_module, { BAD, O_NONBLOCK } },
	{ "reboot", SYS_reboot, { 0, 0, 0, 0 } },
	{ "swapon", SYS_swapon, { BAD, 0 } },
	{ "swapoff", SYS_swapoff, { BAD } },
	{ "acct", SYS_acct, { BAD } },
	{ "settimeofday", SYS_settimeofday, { BAD, 0 } },
	{ "clock_settime", SYS_clock_settime, { CLOCK_REALTIME, BAD } },
	{ "adjtimex", SYS_adjtimex, { BAD } },
	{ "clock_adjtime", SYS_clock_adjtime, { CLOCK_REALTIME, BAD } },
	{ "sethostname", SYS_sethostname, { BAD, -1 } },
	{ "setdomainname", SYS_setdomainname, { BAD, -1 } },
	{ "syslog", SYS_syslog, { 99, 0, 0 } },
	{ "quotactl", SYS_quotactl, { 0x7fffffff, BAD, 0, BAD } },
	{ "quotactl_fd", NR_quotactl_fd, { -1, 0x7fffffff, 0, BAD } },
	{ "personality", SYS_personality, { 0x0040000 } },
#ifdef __x86_64__
	{ "iopl", SYS_iopl, { 99 } },
	{ "ioperm", SYS_ioperm, { -1, 1, 1 } },
	{ "modify_ldt", SYS_modify_ldt, { 0, BAD, 0 } },
#endif
	/* typing into a terminal; standard input must not be one */
	{ "ioctl.tiocsti", SYS_ioctl, { 0, TIOCSTI, BAD } },
	{ "ioctl.tiocsti.high", SYS_ioctl, { 0, TIOCSTI | HIGH, BAD } },
	{ "ioctl.tiocsti.top", SYS_ioctl,
	    { 0, (long)(TIOCSTI | 1UL << 63), BAD } },
	{ "ioctl.tioclinux", SYS_ioctl, { 0, TIOCLINUX, BAD } },
	{ "ioctl.tioclinux.high", SYS_ioctl, { 0, TIOCLINUX | HIGH, BAD } },
	/* another line discipline, of a module that the kernel would load */
	{ "ioctl.tiocsetd", SYS_ioctl, { 0, TIOCSETD, BAD } },
	{ "ioctl.tiocsetd.high", SYS_ioctl, { 0, TIOCSETD | HIGH, BAD } },
	/* a copy of a tree, of btrfs and bcachefs */
	{ "ioctl.snapshot", SYS_ioctl, { 0, 0x50009401, BAD } },
	{ "ioctl.snapshot_v2", SYS_ioctl, { 0, 0x50009417, BAD } },
	{ "ioctl.snapshot_high", SYS_ioctl, { 0, 0x50009417 | HIGH, BAD } },
	{ "ioctl.subvolume", SYS_ioctl, { 0, 0x4020bc10, BAD } },
	/* to compare: what every profile must let through */
	{ "allowed.openat", SYS_openat, { -1, BAD, 0, 0 } },
	{ "allowed.execve", SYS_execve, { BAD, 0, 0 } },
	{ "allowed.ioctl", SYS_ioctl, { 0, TCGETS, BAD } },
	{ "allowed.close", SYS_close, { -1 } },
};

/* In a child, as a call may be answered by the end of the process. */
static void
try_row(const struct row *r)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		_exit(
		    say(r->name, syscall(r->nr, r->arg[0], r->arg[1], r->arg[2],
				     r->arg[3], r->arg[4], r->arg[5])));
	}
	if (pid == -1 || waitpid(pid, &status, 0) == -1)
		exit(2);
	if (WIFSIGNALED(status))
		printf("%s %s\n", r->name, strsignal(WTERMSIG(status)));
	(void)fflush(stdout);
}

static int
do_calls(char **arg)
{
	size_t i;

	(void)arg;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		try_row(&rows[i]);
	return 0;
}

/* --- sockets ------------------------------------------------------------ */

enum {
	KEY = 15,
	RDS = 21,
	LLC = 26,
	CAN = 29,
	TIPC = 30,
	BLUETOOTH = 31,
	IEEE802154 = 36,
	ALG = 38,
	NFC = 39,
	VSOCK = 40,
	KCM = 41,
	QIPCRTR = 42,
	SMC = 43,
	XDP = 44,
	MCTP = 45,
	MPTCP = 262
};

static const struct {
	const char *name;
	long family, type, protocol;
} sockets[] = {
	{ "unix", AF_UNIX, SOCK_STREAM, 0 },
	{ "inet.stream", AF_INET, SOCK_STREAM, 0 },
	{ "inet.dgram", AF_INET, SOCK_DGRAM, 0 },
	{ "inet.raw", AF_INET, SOCK_RAW, IPPROTO_ICMP },
	{ "inet.ping", AF_INET, SOCK_DGRAM, IPPROTO_ICMP },
	{ "inet.mptcp", AF_INET, SOCK_STREAM, MPTCP },
	{ "inet.sctp", AF_INET, SOCK_STREAM, 132 },
	{ "inet.high", AF_INET | HIGH, SOCK_STREAM, 0 },
	{ "inet6.stream", AF_INET6, SOCK_STREAM, 0 },
	{ "inet6.dgram", AF_INET6, SOCK_DGRAM, 0 },
	{ "inet6.raw", AF_INET6, SOCK_RAW, IPPROTO_ICMPV6 },
	{ "netlink.route", AF_NETLINK, SOCK_RAW, 0 },
	{ "netlink.diag", AF_NETLINK, SOCK_RAW, 4 },
	{ "netlink.xfrm", AF_NETLINK, SOCK_RAW, 6 },
	{ "netlink.audit", AF_NETLINK, SOCK_RAW, 9 },
	{ "netlink.netfilter", AF_NETLINK, SOCK_RAW, 12 },
	{ "netlink.uevent", AF_NETLINK, SOCK_RAW, 15 },
	{ "netlink.generic", AF_NETLINK, SOCK_RAW, 16 },
	{ "netlink.crypto", AF_NETLINK, SOCK_RAW, 21 },
	{ "packet.raw", AF_PACKET, SOCK_RAW, 0 },
	{ "packet.dgram", AF_PACKET, SOCK_DGRAM, 0 },
	{ "packet.high", AF_PACKET | HIGH, SOCK_RAW, 0 },
	{ "vsock", VSOCK, SOCK_STREAM, 0 },
	{ "alg", ALG, SOCK_SEQPACKET, 0 },
	{ "xdp", XDP, SOCK_RAW, 0 },
	{ "key", KEY, SOCK_RAW, 2 },
	{ "bluetooth", BLUETOOTH, SOCK_RAW, 1 },
	{ "can", CAN, SOCK_RAW, 1 },
	{ "tipc", TIPC, SOCK_STREAM, 0 },
	{ "rds", RDS, SOCK_SEQPACKET, 0 },
	{ "kcm", KCM, SOCK_DGRAM, 0 },
	{ "smc", SMC, SOCK_STREAM, 0 },
	{ "nfc", NFC, SOCK_RAW, 0 },
	{ "qipcrtr", QIPCRTR, SOCK_DGRAM, 0 },
	{ "llc", LLC, SOCK_DGRAM, 0 },
	{ "ieee802154", IEEE802154, SOCK_DGRAM, 0 },
	{ "mctp", MCTP, SOCK_DGRAM, 0 },
	{ "x25", AF_X25, SOCK_SEQPACKET, 0 },
	{ "appletalk", AF_APPLETALK, SOCK_DGRAM, 0 },
	{ "pppox", AF_PPPOX, SOCK_STREAM, 0 },
};

static int
do_sockets(char **arg)
{
	int pair[2];
	size_t i;

	(void)arg;
	for (i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++) {
		long fd = syscall(SYS_socket, sockets[i].family,
		    sockets[i].type, sockets[i].protocol);

		(void)say(sockets[i].name, fd);
		if (fd != -1)
			(void)close((int)fd);
	}
	(void)say(
	    "pair.tipc", syscall(SYS_socketpair, TIPC, SOCK_STREAM, 0, pair));
	(void)say("pair.inet",
	    syscall(SYS_socketpair, AF_INET, SOCK_STREAM, 0, pair));
	return 0;
}

/* PATH, or @NAME for an abstract one. */
static socklen_t
unix_address(struct sockaddr_un *a, const char *name)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	(void)snprintf(a->sun_path, sizeof(a->sun_path), "%s", name);
	if (name[0] != '@')
		return sizeof(*a);
	a->sun_path[0] = '\0';
	return (
	    socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
}

/* Send a text, so that the listener sees who came. */
static int
greet(int fd, const char *text)
{
	return through("send", send(fd, text, strlen(text), MSG_NOSIGNAL));
}

static int
do_unix(char **arg)
{
	struct sockaddr_un a;
	socklen_t len = unix_address(&a, arg[0]);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd == -1)
		return say("socket", -1);
	if (connect(fd, (struct sockaddr *)&a, len) == -1)
		return say("connect", -1);
	return greet(fd, arg[1]);
}

static int
do_unix_dgram(char **arg)
{
	struct sockaddr_un a;
	socklen_t len = unix_address(&a, arg[0]);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (fd == -1)
		return say("socket", -1);
	return through("sendto",
	    sendto(fd, arg[1], strlen(arg[1]), 0, (struct sockaddr *)&a, len));
}

/* PATH TEXT from one end of a pair of datagram sockets. */
static int
do_unix_pair(char **arg)
{
	struct sockaddr_un a;
	socklen_t len = unix_address(&a, arg[0]);
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fd) == -1)
		return say("socketpair", -1);
	return through("sendto", sendto(fd[0], arg[1], strlen(arg[1]), 0,
				     (struct sockaddr *)&a, len));
}

/* The same by connect(2). */
static int
do_unix_pair_connect(char **arg)
{
	struct sockaddr_un a;
	socklen_t len = unix_address(&a, arg[0]);
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_RAW, 0, fd) == -1)
		return say("socketpair", -1);
	if (connect(fd[0], (struct sockaddr *)&a, len) == -1)
		return say("connect", -1);
	return through("send", send(fd[0], arg[1], strlen(arg[1]), 0));
}

/* Pairs that cannot become anything else. */
static int
do_pairs(char **arg)
{
	int fd[2];
	char c = 0;
	(void)arg;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == -1 ||
	    write(fd[0], "s", 1) != 1 || read(fd[1], &c, 1) != 1 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) == -1 ||
	    write(fd[1], "p", 1) != 1 || read(fd[0], &c, 1) != 1)
		return say("socketpair", -1);
	return through("pairs", c == 'p' ? 0 : -1);
}

static socklen_t
ip_address(struct sockaddr_storage *a, const char *host, const char *port)
{
	struct sockaddr_in6 *six = (void *)a;
	struct sockaddr_in *four = (void *)a;

	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)number(port));
		return sizeof(*four);
	}
	if (inet_pton(AF_INET6, host, &six->sin6_addr) != 1)
		exit(2);
	six->sin6_family = AF_INET6;
	six->sin6_port = htons((uint16_t)number(port));
	return sizeof(*six);
}

/* HOST PORT TEXT over TCP. */
static int
do_tcp(char **arg)
{
	struct timeval limit = { .tv_sec = ANSWER_S };
	struct sockaddr_storage a;
	socklen_t len = ip_address(&a, arg[0], arg[1]);
	int fd = socket(a.ss_family, SOCK_STREAM, 0);

	if (fd == -1)
		return say("socket", -1);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&a, len) == -1)
		return say("connect", -1);
	return greet(fd, arg[2]);
}

/* The same by MSG_FASTOPEN, which connects without connect(2). */
static int
do_fastopen(char **arg)
{
	struct sockaddr_storage a;
	socklen_t len = ip_address(&a, arg[0], arg[1]);
	int fd = socket(a.ss_family, SOCK_STREAM, 0);

	if (fd == -1)
		return say("socket", -1);
	return through("sendto",
	    sendto(fd, arg[2], strlen(arg[2]), MSG_FASTOPEN | MSG_NOSIGNAL,
		(struct sockaddr *)&a, len));
}

static int
do_udp(char **arg)
{
	struct sockaddr_storage a;
	socklen_t len = ip_address(&a, arg[0], arg[1]);
	int fd = socket(a.ss_family, SOCK_DGRAM, 0);

	if (fd == -1)
		return say("socket", -1);
	return through("sendto",
	    sendto(fd, arg[2], strlen(arg[2]), 0, (struct sockaddr *)&a, len));
}

/* PORT [MS]: listen on 127.0.0.1 for that long. */
static int
do_listen(char **arg)
{
	struct sockaddr_storage a;
	socklen_t len = ip_address(&a, "127.0.0.1", arg[0]);
	int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

	if (fd == -1)
		return say("socket", -1);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, (struct sockaddr *)&a, len) == -1)
		return say("bind", -1);
	if (listen(fd, 1) == -1)
		return say("listen", -1);
	printf("listening\n");
	(void)fflush(stdout);
	(void)usleep((useconds_t)(arg[1] != NULL ? number(arg[1]) : 0) * 1000);
	return 0;
}

/* @NAME or PATH [MS]: listen on a UNIX socket for that long. */
static int
do_unix_listen(char **arg)
{
	struct sockaddr_un a;
	socklen_t len = unix_address(&a, arg[0]);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd == -1 || bind(fd, (struct sockaddr *)&a, len) == -1 ||
	    listen(fd, 1) == -1)
		return say("listen", -1);
	printf("listening\n");
	(void)fflush(stdout);
	(void)usleep((useconds_t)(arg[1] != NULL ? number(arg[1]) : 0) * 1000);
	return 0;
}

/* Turn an address, and what a descriptor is, while connect(2) is decided. */
struct turning {
	struct sockaddr_un a, own, other;
	socklen_t len;
	volatile int end;
};

static void *
turn_address(void *arg)
{
	struct turning *t = arg;

	while (!t->end) {
		memcpy(&t->a, &t->other, sizeof(t->a));
		__asm__ volatile("" ::: "memory");
		memcpy(&t->a, &t->own, sizeof(t->a));
		__asm__ volatile("" ::: "memory");
	}
	return NULL;
}

/* OWN OTHER TEXT: listen at OWN, and come to OTHER by what it leads to. */
static int
do_unix_race(char **arg)
{
	struct turning t = { .end = 0 };
	int ear = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), fd;
	struct timespec now;
	pthread_t thread;
	time_t end;

	t.len = unix_address(&t.own, arg[0]);
	(void)unix_address(&t.other, arg[1]);
	t.a = t.own;
	if (ear == -1 || bind(ear, (struct sockaddr *)&t.own, t.len) == -1 ||
	    listen(ear, 64) == -1)
		return say("listen", -1);
	if (pthread_create(&thread, NULL, turn_address, &t) != 0)
		return 1;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	for (end = now.tv_sec + 2; now.tv_sec < end;
	     (void)clock_gettime(CLOCK_MONOTONIC, &now)) {
		(void)sched_yield();
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(fd, (struct sockaddr *)&t.a, t.len) == 0)
			(void)send(fd, arg[2], strlen(arg[2]), MSG_NOSIGNAL);
		(void)close(fd);
		fd = accept(ear, NULL, NULL);
		(void)close(fd);
	}
	t.end = 1;
	(void)pthread_join(thread, NULL);
	(void)unlink(arg[0]);
	printf("raced\n");
	return 0;
}

/* PATH: a listener of one's own, what it hears, and who it says has come. */
static int
do_unix_own(char **arg)
{
	struct sockaddr_un a;
	socklen_t len = unix_address(&a, arg[0]), size;
	int ear = socket(AF_UNIX, SOCK_STREAM, 0);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), peer;
	struct ucred who = { 0 };

	if (ear == -1 || bind(ear, (struct sockaddr *)&a, len) == -1 ||
	    listen(ear, 1) == -1)
		return say("listen", -1);
	if (connect(fd, (struct sockaddr *)&a, len) == -1)
		return say("connect", -1);
	peer = accept(ear, NULL, NULL);
	size = sizeof(who);
	if (getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &who, &size) == -1 ||
	    who.uid != getuid() || who.gid != getgid() || who.pid <= 0)
		return say("credentials", -1);
	(void)unlink(arg[0]);
	return through("own", 0);
}

/* --- programs ----------------------------------------------------------- */

/* PROGRAM ARGS...: a copy in memory, executed from there. */
static int
do_memfd(char **arg)
{
	int in = open(arg[0], O_RDONLY), fd;
	char path[64], piece[65536];
	ssize_t n;

	fd = (int)syscall(SYS_memfd_create, "x", 0U);
	if (in == -1 || fd == -1)
		return say(in == -1 ? "open" : "memfd_create", -1);
	while ((n = read(in, piece, sizeof(piece))) > 0)
		if (write(fd, piece, (size_t)n) != n)
			return say("write", -1);
	(void)syscall(SYS_execveat, fd, "", arg, environ, AT_EMPTY_PATH);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return say("execve", execve(path, arg, environ));
}

/* PROGRAM ARGS...: by descriptor instead of by name. */
static int
do_fexecve(char **arg)
{
	int fd = open(arg[0], O_PATH);

	if (fd == -1)
		return say("open", -1);
	return say("execveat",
	    syscall(SYS_execveat, fd, "", arg, environ, AT_EMPTY_PATH));
}

/* NAME PROGRAM: called by another name. */
static int
do_named(char **arg)
{
	char *argv[] = { arg[0], NULL };

	return say("execve", execve(arg[1], argv, environ));
}

/*
 * Stopped before or behind a call: a call that tells that a program has begun
 * is not made, but done for it.
 */
static void
swallow_call(pid_t pid, bool *swallowed)
{
#ifdef __x86_64__
	const unsigned long set_fs = 0x1002;
	struct user_regs_struct r;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &r) == -1)
		return;
	if (*swallowed) {
		r.rax = 0;
		r.fs_base = r.rsi;
	} else if (r.orig_rax == SYS_arch_prctl && r.rdi == set_fs) {
		r.orig_rax = (unsigned long)-1;
	} else {
		return;
	}
	*swallowed = !*swallowed;
	(void)ptrace(PTRACE_SETREGS, pid, NULL, &r);
#else
	(void)pid;
	(void)swallowed;
#endif
}

/* PROGRAM ARGS...: traced, so that nobody else sees it begin. */
static int
do_trace(char **arg)
{
	bool swallowed = false;
	int status, sig;
	pid_t pid = fork();

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1)
			_exit(say("ptrace", -1) + 1);
		(void)raise(SIGSTOP);
		_exit(say("execve", execve(arg[0], arg, environ)) + 1);
	}
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		sig = WSTOPSIG(status);
		(void)ptrace(
		    PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD);
		if (sig == (SIGTRAP | 0x80))
			swallow_call(pid, &swallowed);
		sig = (sig & 0x7f) == SIGTRAP || sig == SIGSTOP ? 0 : sig;
		(void)ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(intptr_t)sig);
	}
	return 0;
}

/* FILE: mapped as program text, as a loader does it. */
static int
do_map(char **arg)
{
	int fd = open(arg[0], O_RDONLY);
	void *p;

	if (fd == -1)
		return say("open", -1);
	p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	return through("mmap", p == MAP_FAILED ? -1 : 0);
}

/* FD PROGRAM ARGS...: only with that descriptor, to show what is inherited. */
static int
do_fds(char **arg)
{
	char path[64], target[256];
	int fd;
	ssize_t n;

	(void)arg;
	for (fd = 0; fd < 65536; fd++) {
		if (fcntl(fd, F_GETFD) == -1)
			continue;
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		printf("%d %s\n", fd, target);
	}
	return 0;
}

/* --- other processes ----------------------------------------------------- */

static char secret[64];

/* TEXT MS: holds a secret for others to read: "PID ADDRESS". */
static int
do_victim(char **arg)
{
	static char buffer[64];

	(void)snprintf(secret, sizeof(secret), "secret-%s", arg[0]);
	(void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	(void)snprintf(
	    buffer, sizeof(buffer), "%d %p\n", (int)getpid(), (void *)secret);
	(void)!write(STDOUT_FILENO, buffer, strlen(buffer));
	if (arg[1] == NULL)
		return 2;
	(void)usleep((useconds_t)number(arg[1]) * 1000);
	printf("%s\n", secret);
	return 0;
}

static void *
pointer(const char *text)
{
	return (void *)strtoul(text, NULL, 0);
}

/* PID ADDRESS */
static int
do_vm_read(char **arg)
{
	char text[64] = "";
	struct iovec here = { text, sizeof(text) };
	struct iovec there = { pointer(arg[1]), sizeof(text) };

	if (process_vm_readv((pid_t)number(arg[0]), &here, 1, &there, 1, 0) ==
	    -1)
		return say("process_vm_readv", -1);
	printf("%.63s\n", text);
	return 0;
}

/* PID ADDRESS TEXT */
static int
do_vm_write(char **arg)
{
	struct iovec here = { arg[2], strlen(arg[2]) + 1 };
	struct iovec there = { pointer(arg[1]), strlen(arg[2]) + 1 };

	return through("process_vm_writev",
	    process_vm_writev((pid_t)number(arg[0]), &here, 1, &there, 1, 0));
}

/* PID ADDRESS: by /proc/PID/mem. */
static int
do_mem(char **arg)
{
	char path[64], text[64] = "";
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%s/mem", arg[0]);
	fd = open(path, O_RDONLY);
	if (fd == -1 || pread(fd, text, sizeof(text) - 1,
			    (off_t)strtoul(arg[1], NULL, 0)) == -1)
		return say("mem", -1);
	printf("%s\n", text);
	return 0;
}

/* PID */
static int
do_ptrace(char **arg)
{
	pid_t pid = (pid_t)number(arg[0]);
	int r = through("ptrace", ptrace(PTRACE_ATTACH, pid, NULL, NULL));

	if (r == 0) {
		(void)waitpid(pid, NULL, __WALL);
		(void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
	}
	return r;
}

/* PID FD: take that process's descriptor. */
static int
do_getfd(char **arg)
{
	long pidfd = syscall(SYS_pidfd_open, number(arg[0]), 0);

	if (pidfd == -1)
		return say("pidfd_open", -1);
	return through(
	    "pidfd_getfd", syscall(NR_pidfd_getfd, pidfd, number(arg[1]), 0));
}

/* PID SIGNAL, not by kill(2). */
/* /proc/PID itself is taken for a pidfd too. */
static int
do_procfd_signal(char **arg)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%s", arg[0]);
	fd = open(path, O_DIRECTORY | O_RDONLY);
	if (fd == -1)
		return say("open", -1);
	return through("pidfd_send_signal",
	    syscall(SYS_pidfd_send_signal, fd, number(arg[1]), NULL, 0));
}

static int
do_pidfd_signal(char **arg)
{
	long pidfd = syscall(SYS_pidfd_open, number(arg[0]), 0);

	if (pidfd == -1)
		return say("pidfd_open", -1);
	return through("pidfd_send_signal",
	    syscall(SYS_pidfd_send_signal, pidfd, number(arg[1]), NULL, 0));
}

/* PID CPU-SECONDS: another process's limit. */
static int
do_prlimit(char **arg)
{
	struct rlimit limit = { (rlim_t)number(arg[1]), RLIM_INFINITY };

	return through("prlimit",
	    prlimit((pid_t)number(arg[0]), RLIMIT_CPU, &limit, NULL));
}

/* --- namespaces, privileges ---------------------------------------------- */

static int
do_userns(char **arg)
{
	(void)arg;
	return through("unshare", unshare(CLONE_NEWUSER));
}

static int
idle(void *arg)
{
	(void)arg;
	return 0;
}

static int
do_clone_userns(char **arg)
{
	static char stack[65536] __attribute__((aligned(16)));
	int pid =
	    clone(idle, stack + sizeof(stack), CLONE_NEWUSER | SIGCHLD, NULL);

	(void)arg;
	return through("clone", pid);
}

/* libc's own way to make threads and processes must still work. */
static int
do_clone3_userns(char **arg)
{
	struct {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal;
		uint64_t stack, stack_size, tls;
	} a = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	long pid = syscall(NR_clone3, &a, sizeof(a));

	(void)arg;
	if (pid == 0)
		_exit(0);
	return through("clone3", pid);
}

/* FROM TO: a bind mount. */
static int
do_bind(char **arg)
{
	return through("mount", mount(arg[0], arg[1], NULL, MS_BIND, NULL));
}

static int
do_remount(char **arg)
{
	return through(
	    "mount", mount(NULL, arg[0], NULL, MS_REMOUNT | MS_BIND, NULL));
}

static int
do_umount(char **arg)
{
	return through("umount", umount2(arg[0], MNT_DETACH));
}

/* PATH of a namespace file */
static int
do_setns(char **arg)
{
	int fd = open(arg[0], O_RDONLY);

	return fd == -1 ? say("open", -1) : through("setns", setns(fd, 0));
}

static int
do_setuid(char **arg)
{
	(void)arg;
	(void)say("setgid", syscall(SYS_setresgid, 0, 0, 0));
	return through("setuid", syscall(SYS_setresuid, 0, 0, 0));
}

static int
do_ids(char **arg)
{
	uid_t r, e, s;
	gid_t group[64];
	int n = getgroups(64, group), i;

	(void)arg;
	(void)getresuid(&r, &e, &s);
	printf("uid %u %u %u\n", r, e, s);
	(void)getresgid(&r, &e, &s);
	printf("gid %u %u %u\n", r, e, s);
	printf("groups");
	for (i = 0; i < n; i++)
		printf(" %u", group[i]);
	printf("\nno_new_privs %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	printf("seccomp %d\n", prctl(PR_GET_SECCOMP));
	printf("securebits %#x\n", (unsigned)prctl(PR_GET_SECUREBITS));
	printf("session %d\n", getsid(0) == getpid() || getsid(0) != 0);
	printf("terminal %d\n", open("/dev/tty", O_RDWR) != -1);
	printf("umask %03o\n", (unsigned)umask(0));
	return 0;
}

/* Raise one capability into the ambient set. */
static int
do_ambient(char **arg)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct set[2] = { { 0 }, { 0 } };

	(void)arg;
	set[0].effective = set[0].permitted = set[0].inheritable = 1;
	if (syscall(SYS_capset, &head, set) == -1)
		return say("capset", -1);
	return through(
	    "ambient", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 0, 0, 0));
}

static int
do_add_key(char **arg)
{
	return through("add_key", syscall(SYS_add_key, "user", arg[0], "x", 1UL,
				      -4 /* KEY_SPEC_USER_KEYRING */));
}

/* PATH: read a file through its handle. */
static int
do_handle(char **arg)
{
	struct {
		struct file_handle h;
		unsigned char data[128];
	} f;
	char text[256] = "";
	int mount_id, fd, root = open("/", O_RDONLY);

	f.h.handle_bytes = sizeof(f.data);
	if (name_to_handle_at(AT_FDCWD, arg[0], &f.h, &mount_id, 0) == -1)
		return say("name_to_handle_at", -1);
	fd = open_by_handle_at(root, &f.h, O_RDONLY);
	if (fd == -1)
		return say("open_by_handle_at", -1);
	(void)!read(fd, text, sizeof(text) - 1);
	printf("%s\n", text);
	return 0;
}

/* PATH MAJOR MINOR: make a device node and open it. */
static int
do_mknod(char **arg)
{
	(void)unlink(arg[0]);
	if (mknod(arg[0], S_IFCHR | 0666,
		makedev((unsigned)number(arg[1]), (unsigned)number(arg[2]))) ==
	    -1)
		return say("mknod", -1);
	(void)chmod(arg[0], 0666);
	return through("open", open(arg[0], O_RDONLY));
}

/* PATH: open a device. */
static int
do_open(char **arg)
{
	return through("open", open(arg[0], O_RDWR));
}

/* PATH, truncated by truncate(2). */
static int
do_truncate(char **arg)
{
	return through("truncate", truncate(arg[0], 0));
}

/* PATH NAME */
static int
do_xattr(char **arg)
{
	return through(
	    "setxattr", syscall(SYS_setxattr, arg[0], arg[1], "x", 1UL, 0));
}

static long
rename_by(int dir, const char *a, const char *b, unsigned flags)
{
	return syscall(SYS_renameat2, dir, a, dir, b, flags);
}

/* A B: each takes the other's name. */
static int
do_exchange(char **arg)
{
	return through("renameat2",
	    rename_by(AT_FDCWD, arg[0], arg[1], 2 /* RENAME_EXCHANGE */));
}

/* A B: what is left in its place hides what an overlay has below. */
static int
do_whiteout(char **arg)
{
	return through("renameat2",
	    rename_by(AT_FDCWD, arg[0], arg[1], 4 /* RENAME_WHITEOUT */));
}

/* DIR NAME: a file without a name there, and then with one. */
static int
do_tmpfile(char **arg)
{
	char at[40];
	int fd = open(arg[0], O_TMPFILE | O_RDWR, 0644);

	if (fd == -1)
		return say("open", -1);
	(void)snprintf(at, sizeof(at), "/proc/self/fd/%d", fd);
	return through("linkat",
	    linkat(AT_FDCWD, at, AT_FDCWD, arg[1], AT_SYMLINK_FOLLOW));
}

/* FILE NAME: another name of an open file; then it is written. */
static int
do_link_open(char **arg)
{
	char at[40];
	int fd = open(arg[0], O_PATH);

	if (fd == -1)
		return say("open", -1);
	(void)snprintf(at, sizeof(at), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, at, AT_FDCWD, arg[1], AT_SYMLINK_FOLLOW) == -1)
		return say("linkat", -1);
	fd = open(arg[1], O_WRONLY | O_APPEND);
	return through("write", fd == -1 ? -1 : write(fd, "x", 1));
}

/* FILE: all that a descriptor for reading could be turned into. */
static int
do_reopen(char **arg)
{
	char at[40];
	int again, flags = 0x40 /* FS_NODUMP_FL */;
	int fd = open(arg[0], O_RDONLY);

	if (fd == -1)
		return say("open", -1);
	(void)snprintf(at, sizeof(at), "/proc/self/fd/%d", fd);
	again = open(at, O_WRONLY | O_TRUNC);
	(void)!write(again, "x", 1);
	(void)!write(fd, "x", 1);
	(void)!ftruncate(fd, 0);
	(void)!truncate(at, 0);
	(void)fallocate(fd, 0, 0, 100);
	if (ioctl(fd, _IOW('f', 2, long) /* FS_IOC_SETFLAGS */, &flags) == 0)
		printf("%s\n", came_through);
	(void)fchmod(fd, 0777);
	(void)syscall(SYS_fsetxattr, fd, "user.x", "x", 1, 0);
	return say("futimens", futimens(fd, NULL));
}

/*
 * DIR A B: rename A there from a mount namespace in which nothing is mounted
 * on it, and put a directory with its files in its place.
 */
static int
do_elsewhere(char **arg)
{
	int dir = open(arg[0], O_PATH | O_DIRECTORY), fd;
	char file[256];

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
	    mount("new", "/tmp", "tmpfs", 0, NULL) == 0 && chdir("/tmp") == 0 &&
	    syscall(SYS_pivot_root, ".", ".") == 0)
		(void)umount2(".", MNT_DETACH);
	if (rename_by(dir, arg[1], arg[2], 0) == -1)
		return say("renameat2", -1);
	(void)mkdirat(dir, arg[1], 0755);
	(void)snprintf(file, sizeof(file), "%s/code", arg[1]);
	fd = openat(dir, file, O_WRONLY | O_CREAT, 0644);
	return through("write", fd == -1 ? -1 : write(fd, "x", 1));
}

/* A B MS: the same, all the time. */
static int
do_swap(char **arg)
{
	struct timespec now, end;
	long i, ms = number(arg[2]);

	printf("swapping\n");
	(void)fflush(stdout);
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += ms / 1000;
	do {
		for (i = random() % 50; i >= 0; i--)
			(void)rename_by(AT_FDCWD, arg[0], arg[1], 2);
		(void)usleep((useconds_t)(random() % 500));
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec <= end.tv_sec);
	return 0;
}

/* --- the machine's other doors ------------------------------------------- */

static int
do_io_uring(char **arg)
{
	struct io_uring_params p;

	(void)arg;
	memset(&p, 0, sizeof(p));
	return through("io_uring_setup", syscall(SYS_io_uring_setup, 4, &p));
}

#ifdef __x86_64__
static int
do_int80(char **arg)
{
	long r = 20; /* getpid of the 32-bit table */

	(void)arg;
	__asm__ volatile("int $0x80"
			 : "+a"(r)
			 :
			 : "memory", "r8", "r9", "r10", "r11");
	printf("int80 %s\n%s\n", r == getpid() ? "pid" : "other",
	    r > 0 ? came_through : "");
	return r <= 0;
}

static int
do_x32(char **arg)
{
	long r = syscall(0x40000000L | SYS_getpid);

	(void)arg;
	(void)say("x32", r);
	printf("%s\n", came_through); /* the filter ends the process */
	return 0;
}
#endif

/* KEY TEXT: leave a text in System V shared memory ... */
static int
do_shm_put(char **arg)
{
	int id = shmget((key_t)number(arg[0]), 4096, IPC_CREAT | 0666);
	char *p = id == -1 ? (void *)-1 : shmat(id, NULL, 0);

	if (p == (void *)-1)
		return say("shm", -1);
	(void)snprintf(p, 4096, "%s", arg[1]);
	printf("left\n");
	return 0;
}

/* KEY: ... and read it. */
static int
do_shm_get(char **arg)
{
	int id = shmget((key_t)number(arg[0]), 4096, 0);
	char *p = id == -1 ? (void *)-1 : shmat(id, NULL, SHM_RDONLY);

	if (p == (void *)-1)
		return say("shm", -1);
	printf("%.4095s\n", p);
	return 0;
}

/* NAME TEXT: a message in a POSIX queue ... */
static int
do_mq_put(char **arg)
{
	struct mq_attr a = { .mq_maxmsg = 2, .mq_msgsize = 256 };
	mqd_t q = mq_open(arg[0], O_CREAT | O_WRONLY | O_NONBLOCK, 0666, &a);

	if (q == -1 || mq_send(q, arg[1], strlen(arg[1]), 0) == -1)
		return say("mq", -1);
	printf("left\n");
	return 0;
}

/* NAME: ... and its text. */
static int
do_mq_get(char **arg)
{
	mqd_t q = mq_open(arg[0], O_RDONLY | O_NONBLOCK);
	char text[257] = "";

	if (q == -1 || mq_receive(q, text, 256, NULL) == -1)
		return say("mq", -1);
	printf("%s\n", text);
	return 0;
}

/* NAME: it is gone. */
static int
do_mq_drop(char **arg)
{
	return mq_unlink(arg[0]) == -1 ? say("mq", -1) : 0;
}

/* --- too much of everything ---------------------------------------------- */

/* MAX: processes until there are no more: "forked N". */
static int
do_forks(char **arg)
{
	long max = number(arg[0]), n;
	pid_t pid = 0;

	for (n = 0; n < max; n++) {
		pid = fork();
		if (pid == -1)
			break;
		if (pid == 0) {
			(void)pause();
			_exit(0);
		}
	}
	printf("forked %ld%s\n", n, pid == -1 ? "" : " all");
	(void)fflush(stdout);
	(void)signal(SIGTERM, SIG_IGN);
	(void)kill(0, SIGTERM);
	while (wait(NULL) != -1)
		;
	return pid != -1;
}

static int
do_descriptors(char **arg)
{
	long max = number(arg[0]), n;

	for (n = 0; n < max && dup(0) != -1; n++)
		;
	printf("opened %ld%s\n", n, n == max ? " all" : "");
	return n == max;
}

/* MIB: memory that is really used. */
static int
do_memory(char **arg)
{
	long max = number(arg[0]), n;

	for (n = 0; n < max; n++) {
		char *p = malloc(1 << 20);

		if (p == NULL)
			break;
		memset(p, 1, 1 << 20);
		__asm__ volatile("" : : "r"(p) : "memory");
	}
	printf("took %ld%s\n", n, n == max ? " all" : "");
	return n == max;
}

/* SECONDS of one processor's time */
static int
do_spin(char **arg)
{
	clock_t end = (clock_t)number(arg[0]) * CLOCKS_PER_SEC;

	while (clock() < end)
		;
	printf("%s\n", came_through);
	return 0;
}

/* PATH MIB: a file of that size, written: "wrote N". */
static int
do_fill(char **arg)
{
	int fd = open(arg[0], O_WRONLY | O_CREAT | O_TRUNC, 0600);
	long max = number(arg[1]), n;
	static char piece[1 << 20];

	if (fd == -1)
		return say("open", -1);
	(void)signal(SIGXFSZ, SIG_IGN);
	for (n = 0; n < max; n++)
		if (write(fd, piece, sizeof(piece)) != (ssize_t)sizeof(piece))
			break;
	printf("wrote %ld%s\n", n, n == max ? " all" : "");
	return n == max;
}

/* DIR MAX: that many empty files: "made N". */
static int
do_inodes(char **arg)
{
	long max = number(arg[1]), n;
	char path[512];

	for (n = 0; n < max; n++) {
		int fd;

		(void)snprintf(path, sizeof(path), "%s/i%ld", arg[0], n);
		fd = open(path, O_WRONLY | O_CREAT, 0600);
		if (fd == -1)
			break;
		(void)close(fd);
	}
	printf("made %ld%s\n", n, n == max ? " all" : "");
	return n == max;
}

/* Nothing but KILL ends it. */
static int
do_stubborn(char **arg)
{
	sigset_t all;
	int sig;

	for (sig = 1; sig < 65; sig++)
		(void)signal(sig, SIG_IGN);
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	printf("stubborn\n");
	(void)fflush(stdout);
	(void)sleep((unsigned)number(arg[0]));
	return 0;
}

/* SECONDS: away from parent, session and descriptors; a second word marks. */
static int
do_daemon(char **arg)
{
	int fd, status;
	pid_t pid = fork();

	if (pid > 0)
		return waitpid(pid, &status, 0) == -1;
	(void)setsid();
	if (fork() != 0)
		_exit(0);
	for (fd = 0; fd < 64; fd++)
		(void)close(fd);
	for (fd = 1; fd < 32; fd++)
		(void)signal(fd, SIG_IGN);
	(void)sleep((unsigned)number(arg[0]));
	_exit(0);
}

/* MARK: is there a process with that on its command line? */
static int
do_find(char **arg)
{
	DIR *d = opendir("/proc");
	char path[300], line[4096];
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		ssize_t n = -1, i;
		int fd;

		if (number(e->d_name) <= 0 || number(e->d_name) == getpid())
			continue;
		(void)snprintf(
		    path, sizeof(path), "/proc/%s/cmdline", e->d_name);
		fd = open(path, O_RDONLY);
		if (fd != -1) {
			n = read(fd, line, sizeof(line) - 1);
			(void)close(fd);
		}
		for (i = 0; i + 1 < n; i++)
			if (line[i] == '\0')
				line[i] = ' ';
		line[n > 0 ? n : 0] = '\0';
		if (strstr(line, arg[0]) != NULL &&
		    strstr(line, "find") == NULL)
			printf("%s %s\n", e->d_name, came_through);
	}
	return 0;
}

/* --- steps: what a script says, one line at a time ------------------------- */

/* What can be read of it, without following a link. */
static long
step_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = fd == -1 ? -1 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (fd != -1)
		(void)close(fd);
	return n;
}

static long
step_append(const char *path, int flags)
{
	int fd = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | flags, 0644);
	long n = fd == -1 ? -1 : write(fd, ".", 1);

	if (fd != -1)
		(void)close(fd);
	return n;
}

static long
step_list(const char *path)
{
	DIR *d = opendir(path);

	return d == NULL ? -1 : closedir(d);
}

/* Until it is there. */
static long
step_wait(const char *path)
{
	for (int i = 0; i < 20000; i++) {
		if (access(path, F_OK) == 0)
			return 0;
		(void)usleep(5000);
	}
	return -1;
}

static void
put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	(void)!write(fd, text, strlen(text));
	(void)close(fd);
}

/*
 * In namespaces of its own, in which it may mount: take off what is on the
 * path, and show what is above without what is mounted in it.
 */
static long
step_escape(const char *path, char *text, size_t size)
{
	char map[64], shown[512];
	const char *name = strrchr(path, '/');
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == -1)
		return -1;
	put_text("/proc/self/setgroups", "deny");
	(void)snprintf(map, sizeof(map), "0 %u 1", uid);
	put_text("/proc/self/uid_map", map);
	(void)snprintf(map, sizeof(map), "0 %u 1", gid);
	put_text("/proc/self/gid_map", map);
	(void)umount2(path, MNT_DETACH);
	(void)mount(NULL, path, NULL, MS_REMOUNT | MS_BIND, NULL);
	(void)step_append(path, O_APPEND);
	if (step_read(path, text, size) > 0)
		return 1;
	(void)snprintf(shown, sizeof(shown), "%.*s", (int)(name - path), path);
	if (mount(shown, "/tmp", NULL, MS_BIND, NULL) == -1)
		return -1;
	(void)snprintf(shown, sizeof(shown), "/tmp%s", name);
	return step_read(shown, text, size);
}

static long
step(char *const *w, char *text, size_t size)
{
	const char *verb = w[0];

	if (strcmp(verb, "read") == 0)
		return step_read(w[1], text, size);
	if (strcmp(verb, "list") == 0)
		return step_list(w[1]);
	if (strcmp(verb, "write") == 0)
		return step_append(w[1], O_APPEND);
	if (strcmp(verb, "make") == 0)
		return step_append(w[1], O_CREAT | O_EXCL);
	if (strcmp(verb, "mkdir") == 0)
		return mkdir(w[1], 0755);
	if (strcmp(verb, "unlink") == 0)
		return unlink(w[1]);
	if (strcmp(verb, "rmdir") == 0)
		return rmdir(w[1]);
	if (strcmp(verb, "rename") == 0)
		return rename(w[1], w[2]);
	if (strcmp(verb, "exchange") == 0)
		return syscall(SYS_renameat2, AT_FDCWD, w[1], AT_FDCWD, w[2],
		    2 /* RENAME_EXCHANGE */);
	if (strcmp(verb, "link") == 0)
		return link(w[1], w[2]);
	if (strcmp(verb, "symlink") == 0)
		return symlink(w[1], w[2]);
	if (strcmp(verb, "wait") == 0)
		return step_wait(w[1]);
	if (strcmp(verb, "escape") == 0)
		return step_escape(w[1], text, size);
	errno = ENOSYS;
	return -1;
}

/* Each in a process of its own, so that none changes what the next may. */
static int
do_steps(char **arg)
{
	char line[1024], text[64], *w[3], *rest;
	size_t n;
	long r;

	(void)arg;
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		rest = line;
		for (n = 0; n < 3; n++)
			w[n] = rest != NULL ? strsep(&rest, "\t") : "";
		text[0] = '\0';
		(void)fflush(stdout);
		if (strcmp(w[0], "escape") != 0) {
			r = step(w, text, sizeof(text));
			printf("%s\t%s\n", r == -1 ? error_name(errno) : "ok",
			    text);
		} else if (fork() == 0) {
			r = step(w, text, sizeof(text));
			printf("%s\t%s\n", r == -1 ? error_name(errno) : "ok",
			    text);
			(void)fflush(stdout);
			_exit(0);
		} else {
			(void)wait(NULL);
		}
	}
	return 0;
}

/* ------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int args; /* at least */
	int (*run)(char **arg);
} verbs[] = {
	{ "calls", 0, do_calls },
	{ "sockets", 0, do_sockets },
	{ "unix", 2, do_unix },
	{ "unix-dgram", 2, do_unix_dgram },
	{ "unix-pair", 2, do_unix_pair },
	{ "unix-pair-connect", 2, do_unix_pair_connect },
	{ "pairs", 0, do_pairs },
	{ "unix-listen", 1, do_unix_listen },
	{ "unix-own", 1, do_unix_own },
	{ "unix-race", 3, do_unix_race },
	{ "tcp", 3, do_tcp },
	{ "fastopen", 3, do_fastopen },
	{ "udp", 3, do_udp },
	{ "listen", 1, do_listen },
	{ "memfd", 1, do_memfd },
	{ "fexecve", 1, do_fexecve },
	{ "named", 2, do_named },
	{ "map", 1, do_map },
	{ "fds", 0, do_fds },
	{ "victim", 2, do_victim },
	{ "vm-read", 2, do_vm_read },
	{ "vm-write", 3, do_vm_write },
	{ "mem", 2, do_mem },
	{ "ptrace", 1, do_ptrace },
	{ "trace", 1, do_trace },
	{ "getfd", 2, do_getfd },
	{ "pidfd-signal", 2, do_pidfd_signal },
	{ "procfd-signal", 2, do_procfd_signal },
	{ "prlimit", 2, do_prlimit },
	{ "userns", 0, do_userns },
	{ "clone-userns", 0, do_clone_userns },
	{ "clone3-userns", 0, do_clone3_userns },
	{ "bind", 2, do_bind },
	{ "remount", 1, do_remount },
	{ "umount", 1, do_umount },
	{ "setns", 1, do_setns },
	{ "setuid", 0, do_setuid },
	{ "ids", 0, do_ids },
	{ "ambient", 0, do_ambient },
	{ "add-key", 1, do_add_key },
	{ "handle", 1, do_handle },
	{ "mknod", 3, do_mknod },
	{ "open", 1, do_open },
	{ "truncate", 1, do_truncate },
	{ "xattr", 2, do_xattr },
	{ "exchange", 2, do_exchange },
	{ "whiteout", 2, do_whiteout },
	{ "tmpfile", 2, do_tmpfile },
	{ "link-open", 2, do_link_open },
	{ "reopen", 1, do_reopen },
	{ "elsewhere", 3, do_elsewhere },
	{ "steps", 0, do_steps },
	{ "swap", 3, do_swap },
	{ "io-uring", 0, do_io_uring },
#ifdef __x86_64__
	{ "int80", 0, do_int80 },
	{ "x32", 0, do_x32 },
#endif
	{ "shm-put", 2, do_shm_put },
	{ "shm-get", 1, do_shm_get },
	{ "mq-put", 2, do_mq_put },
	{ "mq-get", 1, do_mq_get },
	{ "mq-drop", 1, do_mq_drop },
	{ "forks", 1, do_forks },
	{ "descriptors", 1, do_descriptors },
	{ "memory", 1, do_memory },
	{ "spin", 1, do_spin },
	{ "fill", 2, do_fill },
	{ "inodes", 2, do_inodes },
	{ "stubborn", 1, do_stubborn },
	{ "daemon", 1, do_daemon },
	{ "find", 1, do_find },
};

int
main(int argc, char **argv)
{
	size_t i;

	for (i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[1], verbs[i].name) == 0 &&
		    argc - 2 >= verbs[i].args)
			return verbs[i].run(argv + 2);
	(void)fprintf(stderr, "try: no such verb, or too few words\n");
	return 2;
}
