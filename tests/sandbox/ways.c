/* SPDX-License-Identifier: MIT */
/*
 * ways: start a program in many ways.  tests/sandbox/execs compares what the
 * audit log says of them with what the kernel and the programs themselves say.
 *
 *   ways list              name and kind of each way
 *   ways batch FILE JOBS   each line of FILE is WAY TAG; JOBS at a time
 *   ways WAY TAG
 *
 * In the current directory are this program, `bare` (without libc, which only
 * writes its tag), and `witness`.  A program that has been started, with
 * MARK_TAG in its environment, appends one line to that: the tag, its process
 * id, device and inode of its file, and its words in hexadecimal.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { WITNESS_FD = 77, LONG_WORD = 100000, MANY_WORDS = 3000, TRIES = 20000 };

static const char *tag;
static char here[PATH_MAX];
static char *words[] = { (char *)"ways", (char *)"mark", NULL, NULL };

/* --- the program that was started ------------------------------------- */

static int
mark(const char *name)
{
	static char raw[400000], line[sizeof(raw) * 2 + 1000];
	struct stat st = { 0 };
	int fd = open("/proc/self/cmdline", O_RDONLY);
	ssize_t got = fd == -1 ? 0 : 1;
	size_t n = 0;
	int at;

	while (fd != -1 && n < sizeof(raw) &&
	       (got = read(fd, raw + n, sizeof(raw) - n)) > 0)
		n += (size_t)got;
	(void)stat("/proc/self/exe", &st);
	at = snprintf(line, 1000, "%s %d %llu %llu ", name, (int)getpid(),
	    (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	for (size_t i = 0; i < n; i++)
		at += sprintf(line + at, "%02x", (unsigned char)raw[i]);
	line[at++] = '\n';
	return write(WITNESS_FD, line, (size_t)at) == at ? 0 : 1;
}

/* --- helpers ----------------------------------------------------------- */

static _Noreturn void
give_up(const char *what)
{
	fprintf(stderr, "ways: %s: %s: %s\n", tag, what, strerror(errno));
	_exit(1);
}

static void
start(const char *path)
{
	(void)execve(path, words, environ);
}

static const char *
named(const char *prefix)
{
	static char names[4][300];
	static unsigned next;
	char *name = names[next++ % 4];

	snprintf(name, 300, "%s-%s", prefix, tag);
	return name;
}

static const char *
inside(const char *name)
{
	static char path[2][PATH_MAX * 2];
	static unsigned next;
	char *p = path[next++ % 2];

	snprintf(p, sizeof(path[0]), "%s/%s", here, name);
	return p;
}

static void
pour(int to, const char *from)
{
	static char piece[65536];
	int fd = open(from, O_RDONLY);
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) > 0)
		if (write(to, piece, (size_t)n) != n)
			give_up("write");
	if (fd == -1 || n != 0)
		give_up(from);
	close(fd);
}

static const char *
copy(const char *from, const char *prefix, mode_t mode)
{
	const char *to = named(prefix);
	int fd = open(to, O_WRONLY | O_CREAT | O_EXCL, 0700);

	if (fd == -1)
		give_up(to);
	pour(fd, from);
	fchmod(fd, mode);
	close(fd);
	return to;
}

static const char *
put_text(const char *prefix, const char *text, mode_t mode)
{
	const char *to = named(prefix);
	int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, mode);

	if (fd == -1 || write(fd, text, strlen(text)) == -1)
		give_up(to);
	close(fd);
	return to;
}

/* A script of which `interpreter` is the program. */
static const char *
script(const char *prefix, const char *interpreter, const char *argument)
{
	char text[PATH_MAX * 2];

	snprintf(text, sizeof(text), "#!%s%s%s\n", interpreter,
	    argument[0] != '\0' ? " " : "", argument);
	return put_text(prefix, text, 0755);
}

static void
start_fd(int fd)
{
	(void)syscall(SYS_execveat, fd, "", words, environ, AT_EMPTY_PATH);
}

static void
start_at(const char *format, int n)
{
	char path[100];

	snprintf(path, sizeof(path), format, n);
	start(path);
}

static int
open_path(const char *path)
{
	int fd = open(path, O_RDONLY); /* a script's is read again */

	if (fd == -1)
		give_up(path);
	return fd;
}

static int
memory(unsigned flags)
{
	int fd = (int)syscall(SYS_memfd_create, "ways", flags);

	if (fd == -1)
		give_up("memfd_create");
	pour(fd, "ways");
	return fd;
}

static void *
shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		give_up("mmap");
	return p;
}

/* A child that does something over and over while its parent lives. */
static pid_t
meanwhile(void (*what)(void *arg, long i), void *arg)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (long i = 0; getppid() == parent && i < 3000000; i++)
		what(arg, i);
	_exit(0);
}

static void
await(pid_t pid)
{
	while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
		;
}

/* --- paths ------------------------------------------------------------- */

static void
way_plain(void)
{
	start(inside("ways"));
}
static void
way_relative(void)
{
	start("./ways");
}
static void
way_dots(void)
{
	start(".//././ways");
}
static void
way_proc_cwd(void)
{
	start("/proc/self/cwd/ways");
}
static void
way_proc_thread(void)
{
	start("/proc/thread-self/cwd/ways");
}
static void
way_proc_exe(void)
{
	start("/proc/self/exe");
}
static void
way_proc_parent(void)
{
	start_at("/proc/%d/cwd/ways", getppid());
}
static void
way_proc_pid(void)
{
	start_at("/proc/%d/exe", getpid());
}
static void
way_fexecve(void)
{
	start_fd(open_path("ways"));
}
static void
way_dev_fd(void)
{
	start_at("/dev/fd/%d", open_path("ways"));
}

static void
way_proc_root(void)
{
	char path[PATH_MAX * 3];

	snprintf(path, sizeof(path), "/proc/self/root%s", inside("ways"));
	start(path);
}

static void
way_proc_task(void)
{
	start_at("/proc/self/task/%d/cwd/ways", (int)syscall(SYS_gettid));
}

static void
way_proc_fd(void)
{
	start_at("/proc/self/fd/%d", open_path("ways"));
}

static void
way_path(void)
{
	setenv("PATH", "/nonexistent:/dev/null:/proc/1/root:.", 1);
	execvp("ways", words);
}

static void
way_symlink(void)
{
	if (symlink("ways", named("l")) == -1)
		give_up("symlink");
	start(named("l"));
}

static void
way_symlinks(void)
{
	if (symlink("ways", named("l1")) == -1 ||
	    symlink(named("l1"), named("l2")) == -1)
		give_up("symlink");
	start(named("l2"));
}

static void
way_hard_link(void)
{
	if (link("ways", named("h")) == -1)
		give_up("link");
	start(named("h"));
}

static void
way_copy(void)
{
	start(copy("ways", "c", 0755));
}

static void
way_execveat(void)
{
	int fd = open(".", O_PATH | O_DIRECTORY);

	(void)syscall(SYS_execveat, fd, "ways", words, environ, 0);
}

static void
way_execveat_cwd(void)
{
	(void)syscall(SYS_execveat, AT_FDCWD, "ways", words, environ, 0);
}

static void
way_execveat_path(void)
{
	(void)syscall(SYS_execveat, -5, inside("ways"), words, environ, 0);
}

static void
way_o_path(void)
{
	start_fd(open("ways", O_PATH | O_CLOEXEC));
}

/* --- files that have no name ------------------------------------------ */

static void
way_memfd(void)
{
	start_fd(memory(MFD_CLOEXEC));
}
static void
way_memfd_path(void)
{
	start_at("/proc/self/fd/%d", memory(0));
}

static void
way_memfd_sealed(void)
{
	int fd = memory(MFD_ALLOW_SEALING);

	fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK);
	start_fd(fd);
}

/* The descriptor of another process, which is gone by then. */
static void
way_passed_fd(void)
{
	int ends[2], fd = -1;
	char c, room[CMSG_SPACE(sizeof(int))];
	struct iovec v = { &c, 1 };
	struct msghdr m = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = sizeof(room) };
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == -1)
		give_up("socketpair");
	pid = fork();
	if (pid == 0) {
		fd = memory(MFD_CLOEXEC);
		*CMSG_FIRSTHDR(&m) =
		    (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(fd)),
			    .cmsg_level = SOL_SOCKET,
			    .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof(fd));
		_exit(sendmsg(ends[1], &m, 0) == 1 ? 0 : 1);
	}
	await(pid);
	if (recvmsg(ends[0], &m, MSG_CMSG_CLOEXEC) == 1)
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	start_fd(fd);
}

static void
way_deleted(void)
{
	const char *path = copy("ways", "d", 0755);
	int fd = open_path(path);

	unlink(path);
	start_fd(fd);
}

static void
way_deleted_path(void)
{
	const char *path = copy("ways", "d", 0755);
	int fd = open_path(path);

	unlink(path);
	start_at("/proc/self/fd/%d", fd);
}

static void
way_tmpfile(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0700), again;
	char path[40];

	if (fd == -1)
		give_up("O_TMPFILE");
	pour(fd, "ways");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open_path(path);
	close(fd);
	start_fd(again);
}

static void
way_replaced(void)
{
	const char *path = copy("ways", "r", 0755);
	int fd = open_path(path);

	if (rename(copy("bare", "s", 0755), path) == -1)
		give_up("rename");
	start_fd(fd);
}

/* --- threads and processes --------------------------------------------- */

static void *
thread_start(void *arg)
{
	pthread_barrier_t *b = arg;

	if (b != NULL)
		(void)pthread_barrier_wait(b);
	start("./ways");
	return NULL;
}

static void
way_thread(void)
{
	pthread_t t;

	pthread_create(&t, NULL, thread_start, NULL);
	sleep(20);
}

static void
way_threads(void)
{
	static pthread_barrier_t b;
	pthread_t t;

	pthread_barrier_init(&b, NULL, 8);
	for (int i = 0; i < 8; i++)
		pthread_create(&t, NULL, thread_start, &b);
	sleep(20);
}

static void
way_thread_among_failures(void)
{
	pthread_t t;

	pthread_create(&t, NULL, thread_start, NULL);
	for (;;)
		start("/nonexistent");
}

static void *
fail_on(void *arg)
{
	(void)arg;
	for (;;)
		start("/nonexistent");
	return NULL;
}

static void
way_among_failures(void)
{
	pthread_t t;

	for (int i = 0; i < 3; i++)
		pthread_create(&t, NULL, fail_on, NULL);
	usleep(2000);
	start("./ways");
}

static void
way_thread_exited_leader(void)
{
	pthread_t t;

	pthread_create(&t, NULL, thread_start, NULL);
	pthread_exit(NULL);
}

static void
way_thread_killed(void)
{
	pthread_t t;
	pid_t pid = fork();

	if (pid == 0) {
		pthread_create(&t, NULL, thread_start, NULL);
		sleep(20);
		_exit(1);
	}
	usleep((useconds_t)(strtoul(tag, NULL, 10) * 37 % 3000));
	kill(pid, SIGKILL);
	await(pid);
	_exit(0);
}

static void
way_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		start("./ways");
		_exit(1);
	}
	await(pid);
	_exit(0);
}

static void
way_spawn(void)
{
	pid_t pid;

	if (posix_spawn(&pid, "./ways", NULL, NULL, words, environ) != 0)
		give_up("posix_spawn");
	await(pid);
	_exit(0);
}

static int
start_in_clone(void *arg)
{
	(void)arg;
	start("./ways");
	return 1;
}

static void
way_clone_vm(void)
{
	static char stack[1 << 16];
	int pid = clone(start_in_clone, stack + sizeof(stack) - 64,
	    CLONE_VM | CLONE_UNTRACED | SIGCHLD, NULL);

	await(pid);
	_exit(0);
}

/* Processes of one memory, of which one starts what another one writes. */
static char spoken[20];

static int
start_spoken(void *arg)
{
	(void)arg;
	for (int i = 0; i < TRIES; i++)
		start(spoken);
	return 1;
}

static int
speak(void *arg)
{
	(void)arg;
	for (long i = 0; i < 300000; i++)
		__builtin_memcpy(spoken, i & 1 ? "./ways" : "./away", 7);
	strcpy(spoken, "./ways");
	return 0;
}

static void
way_clone_vm_flip(void)
{
	static char stack[2][1 << 16];
	int pid[2];

	strcpy(spoken, "./away");
	pid[0] = clone(
	    speak, stack[0] + sizeof(stack[0]) - 64, CLONE_VM | SIGCHLD, NULL);
	pid[1] = clone(start_spoken, stack[1] + sizeof(stack[1]) - 64,
	    CLONE_VM | SIGCHLD, NULL);
	await(pid[1]);
	await(pid[0]);
	_exit(0);
}

static void
vfork_and_start(const char *path)
{
	if (vfork() == 0) {
		start(path);
		_exit(1);
	}
}

/* One of many. */
static void
way_vfork_storm(void)
{
	for (int i = 0; i < 100; i++)
		vfork_and_start(i == 50 ? "./ways" : "/nonexistent");
	while (wait(NULL) > 0)
		;
	_exit(0);
}

static void
way_daemon(void)
{
	if (fork() != 0)
		_exit(0);
	setsid();
	if (fork() != 0)
		_exit(0);
	start("./ways");
}

static void
way_again(void)
{
	static char n[] = "3";
	char *av[] = { (char *)"ways", (char *)"again", (char *)tag, n, NULL };

	unsetenv("MARK_TAG");
	execv("./ways", av);
}

/* --- scripts and loaders ----------------------------------------------- */

static void
way_script(void)
{
	start(script("s", inside("ways"), ""));
}
static void
way_script_word(void)
{
	start(script("s", inside("ways"), "a b"));
}

static void
way_script_chain(void)
{
	const char *inner = script("s1", inside("ways"), "inner");

	start(script("s2", inside(inner), "outer"));
}

static void
way_script_fd(void)
{
	start_at("/dev/fd/%d", open_path(script("s", inside("ways"), "")));
}

static void
way_script_memfd(void)
{
	int fd = (int)syscall(SYS_memfd_create, "script", 0U);
	char text[PATH_MAX + 10];

	snprintf(text, sizeof(text), "#!%s x\n", inside("ways"));
	if (fd == -1 || write(fd, text, strlen(text)) == -1)
		give_up("memfd_create");
	start_fd(fd);
}

static void
way_shell(void)
{
	execl("/bin/sh", "sh", "-c", "exec ./ways mark \"$MARK_TAG\"", NULL);
}

static void
way_loader(void)
{
	static const char *const loaders[] = { "/lib64/ld-linux-x86-64.so.2",
		"/lib/ld-linux-aarch64.so.1",
		"/lib/ld-linux-riscv64-lp64d.so.1" };
	char *av[] = { (char *)"ld.so", (char *)"./ways", (char *)"mark",
		(char *)tag, NULL };

	for (size_t i = 0; i < sizeof(loaders) / sizeof(loaders[0]); i++)
		(void)execv(loaders[i], av);
}

static void
way_bare(void)
{
	start("./bare");
}

static void
way_bare_memfd(void)
{
	int fd = (int)syscall(SYS_memfd_create, "bare", MFD_CLOEXEC);

	if (fd == -1)
		give_up("memfd_create");
	pour(fd, "bare");
	start_fd(fd);
}

/* --- races ------------------------------------------------------------- */

static void
flip_letter(void *arg, long i)
{
	((volatile char *)arg)[2] = i & 1 ? 'w' : '!';
}

static void
way_flip_path(void)
{
	char *path = shared(100);

	strcpy(path, "./ways");
	(void)meanwhile(flip_letter, path);
	for (int i = 0; i < TRIES; i++)
		start(path);
}

static void
flip_program(void *arg, long i)
{
	__builtin_memcpy((char *)arg + 2, i & 1 ? "ways" : "bare", 4);
}

static void
way_flip_program(void)
{
	char *path = shared(100);

	strcpy(path, "./ways");
	(void)meanwhile(flip_program, path);
	usleep(1000);
	for (int i = 0; i < TRIES; i++)
		start(path);
}

static void
flip_word(void *arg, long i)
{
	memset(arg, i & 1 ? 'A' : 'B', 500);
}

static void
way_flip_words(void)
{
	char *word = shared(1000);
	char *av[] = { words[0], words[1], words[2], word, NULL };

	memset(word, 'A', 500);
	(void)meanwhile(flip_word, word);
	usleep(1000);
	execv("./ways", av);
}

static void
exchange(void *arg, long i)
{
	const char *const *name = arg;

	(void)i;
	(void)syscall(SYS_renameat2, AT_FDCWD, name[0], AT_FDCWD, name[1],
	    2 /* RENAME_EXCHANGE */);
}

static void
way_rename_race(void)
{
	static char name[2][300];
	const char *both[] = { name[0], name[1] };

	strcpy(name[0], copy("ways", "x", 0755));
	strcpy(name[1], copy("bare", "y", 0755));
	(void)meanwhile(exchange, both);
	usleep(500);
	start(name[0]);
}

static pid_t target;

static void
send_harmless(void *arg, long i)
{
	(void)arg;
	kill(target, i & 1 ? SIGWINCH : SIGURG);
}

static void
on_signal(int sig)
{
	(void)sig;
}

static void
way_signals(void)
{
	signal(SIGWINCH, on_signal);
	signal(SIGURG, on_signal);
	target = getpid();
	(void)meanwhile(send_harmless, NULL);
	for (int i = 0; i < 30; i++)
		start("/nonexistent");
	start("./ways");
}

static void
stop_and_go(void *arg, long i)
{
	(void)arg;
	kill(target, i & 1 ? SIGCONT : SIGSTOP);
	if (i & 1)
		usleep(50);
	if (i > 2000)
		_exit(0);
}

static void
way_stops(void)
{
	target = getpid();
	(void)meanwhile(stop_and_go, NULL);
	for (int i = 0; i < 30; i++)
		start("/nonexistent");
	start("./ways");
}

static void
way_killed(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		start("./ways");
		_exit(1);
	}
	usleep((useconds_t)(strtoul(tag, NULL, 10) * 37 % 3000));
	kill(pid, SIGKILL);
	await(pid);
	_exit(0);
}

static void *
leave(void *arg)
{
	(void)arg;
	usleep((useconds_t)(strtoul(tag, NULL, 10) * 37 % 1500));
	_exit(0);
}

static void
way_exit_race(void)
{
	pthread_t t;

	pthread_create(&t, NULL, leave, NULL);
	start("./ways");
}

/* What was started is another file by the time that one looks. */
static void
way_rewritten(void)
{
	const char *path = copy("ways", "w", 0755);
	int fd = open(path, O_WRONLY | O_APPEND), started[2];
	pid_t pid;
	char c;

	if (fd == -1 || write(fd, tag, strlen(tag)) == -1 ||
	    pipe2(started, O_CLOEXEC) == -1)
		give_up(path);
	close(fd);
	pid = fork();
	if (pid == 0) {
		start(path);
		_exit(1);
	}
	close(started[1]);
	(void)!read(started[0], &c, 1); /* until it has been started */
	await(pid);
	fd = open(path, O_WRONLY | O_APPEND);
	if (fd == -1 || write(fd, "later", 5) == -1)
		give_up(path);
	_exit(0);
}

/* --- words ------------------------------------------------------------- */

static void
way_long_word(void)
{
	static char word[LONG_WORD];
	char *av[] = { words[0], words[1], words[2], word, NULL };

	memset(word, 'x', sizeof(word) - 1);
	execv("./ways", av);
}

static void
way_many_words(void)
{
	static char *av[MANY_WORDS + 4];

	memcpy(av, words, sizeof(words));
	for (int i = 3; i < MANY_WORDS; i++)
		av[i] = (char *)"word";
	execv("./ways", av);
}

static void
way_no_words(void)
{
	char *av[] = { NULL };

	(void)execve("./ways", av, environ);
}

static void
way_first_word(void)
{
	words[0] = (char *)"/usr/bin/true";
	start("./ways");
}

static void
way_odd_words(void)
{
	char *av[] = { (char *)"", (char *)"mark", (char *)tag,
		(char *)"a\nb\t\x01\x7f\xff\xfe\"\\", (char *)"", NULL };

	execv("./ways", av);
}

static void
way_big_environment(void)
{
	static char value[1000];
	char name[20];

	memset(value, 'e', sizeof(value) - 1);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "FILLER%d", i);
		setenv(name, value, 1);
	}
	start("./ways");
}

/* --- what a process can be --------------------------------------------- */

static void
way_undumpable(void)
{
	prctl(PR_SET_DUMPABLE, 0);
	start("./ways");
}

static void
way_unreadable(void)
{
	start(copy("ways", "u", 0111));
}

static void
way_setuid(void)
{
	start(copy("ways", "i", 06755));
}

static void
way_few_files(void)
{
	struct rlimit r = { 12, 12 };

	setrlimit(RLIMIT_NOFILE, &r);
	start("./ways");
}

static void
way_own_filter(void)
{
	static struct sock_filter allow[] = {
		{ .code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW },
	};
	static struct sock_fprog prog = { 1, allow };

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == -1)
		give_up("seccomp");
	start("./ways");
}

static void
way_blocked_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	start("./ways");
}

/* --- what must not be on record as started ----------------------------- */

static void
way_no_file(void)
{
	start("/nonexistent");
}
static void
way_no_right(void)
{
	start("/etc/passwd");
}
static void
way_directory(void)
{
	start("/usr");
}
static void
way_bad_address(void)
{
	start((const char *)8);
}

static void
way_no_format(void)
{
	start(put_text("n", "this is not a program\n", 0755));
}

static void
way_no_interpreter(void)
{
	start(script("n", "/nonexistent/interpreter", ""));
}

static void
way_loop(void)
{
	if (symlink(named("o"), named("o")) == -1)
		give_up("symlink");
	start(named("o"));
}

static void
way_too_long(void)
{
	static char word[1 << 18];
	char *av[] = { words[0], word, NULL };

	memset(word, 'x', sizeof(word) - 1);
	execv("./ways", av);
}

/* An announcement, and then all that a program does that has started. */
static void
way_forged(void)
{
	start("not-there");
	start("/etc/passwd");
	memset(words[0], 'x', 1);
#ifdef __x86_64__
	unsigned long fs;

	(void)syscall(SYS_arch_prctl, 0x1003, &fs);
	(void)syscall(SYS_arch_prctl, 0x1002, fs);
#endif
	(void)syscall(SYS_brk, 0);
	(void)syscall(SYS_brk, 0);
	_exit(0);
}

/* A memory map that says that it is another program's: PR_SET_MM_MAP. */
static void
way_forged_map(void)
{
	struct prctl_mm_map map;

	memset(&map, 0, sizeof(map));
	start("/etc/passwd");
	(void)prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0);
	(void)prctl(PR_SET_MM, PR_SET_MM_START_STACK, here, 0, 0);
	way_forged();
}

/* Not dumpable, so that nothing can be seen, after a call that failed. */
static void
way_forged_undumpable(void)
{
	start("/etc/passwd");
	prctl(PR_SET_DUMPABLE, 0);
	way_forged();
}

/* A first thread that has exited shows no memory either. */
static void *
forge_later(void *arg)
{
	(void)arg;
	usleep(2000);
	start("/etc/passwd");
	start("/etc/passwd");
	_exit(0);
}

static void
way_forged_leader(void)
{
	pthread_t t;

	start("not-there");
	pthread_create(&t, NULL, forge_later, NULL);
	pthread_exit(NULL);
}

/* The numbers of 32 bits and of x32: the process is killed. */
static void
way_foreign_call(void)
{
#ifdef __x86_64__
	long r = strtol(tag, NULL, 10) & 1 ? 11 : 0x40000000 | 520;

	if (r == 11)
		__asm__ volatile("int $0x80"
				 : "+a"(r)
				 : "b"(0x1000), "c"(0), "d"(0)
				 : "memory");
	else
		(void)syscall(r, "./ways", words, environ);
#endif
	_exit(0);
}

/* --- with namespaces ---------------------------------------------------- */

static void
way_own_mounts(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == -1 ||
	    mount("bare", "/usr/bin/env", NULL, MS_BIND, NULL) == -1)
		give_up("unshare, mount");
	start("/usr/bin/env");
}

static void
way_own_root(void)
{
	static char name[400];

	snprintf(name, sizeof(name), "%s", named("root"));
	if (mkdir(name, 0700) == -1 || chdir(name) == -1 ||
	    mkdir("old", 0700) == -1 || link("../bare", "bare") == -1 ||
	    unshare(CLONE_NEWUSER | CLONE_NEWNS) == -1 ||
	    mount(".", ".", NULL, MS_BIND, NULL) == -1 ||
	    chdir(inside(name)) == -1 ||
	    syscall(SYS_pivot_root, ".", "old") == -1 ||
	    umount2("/old", MNT_DETACH) == -1)
		give_up("pivot_root");
	start("/bare");
}

static void
way_overlay(void)
{
	char options[PATH_MAX + 40];

	snprintf(options, sizeof(options), "lowerdir=%s:/etc", here);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == -1 ||
	    mount("none", "/tmp", "overlay", 0, options) == -1)
		give_up("overlay");
	start("/tmp/ways");
}

static void
way_own_pids(void)
{
	pid_t pid;

	if (unshare(CLONE_NEWUSER | CLONE_NEWPID) == -1)
		give_up("unshare");
	pid = fork();
	if (pid == 0) {
		start("./ways");
		_exit(1);
	}
	await(pid);
	_exit(0);
}

static void
way_chroot(void)
{
	if (unshare(CLONE_NEWUSER) == -1 || chroot(".") == -1)
		give_up("chroot");
	start("/bare");
}

/* --- with tracers -------------------------------------------------------- */

static void
pass_all(pid_t pid, bool follow)
{
	int status, sig;
	pid_t who;

	while ((who = waitpid(-1, &status, __WALL)) > 0) {
		if (!WIFSTOPPED(status)) {
			if (who == pid && !follow)
				break;
			continue;
		}
		sig = WSTOPSIG(status);
		(void)ptrace(PTRACE_CONT, who, NULL,
		    status >> 16 != 0 || sig == SIGTRAP ? 0L : (long)sig);
	}
	_exit(0);
}

static void
way_traceme(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1)
			give_up("ptrace");
		start("./ways");
		_exit(1);
	}
	pass_all(pid, false);
}

static void
way_seized(void)
{
	int ready[2];
	char c;
	pid_t pid;

	if (pipe(ready) == -1)
		give_up("pipe");
	pid = fork();
	if (pid == 0) {
		if (read(ready[0], &c, 1) != 1)
			_exit(1);
		way_vfork();
	}
	if (ptrace(PTRACE_SEIZE, pid, NULL,
		PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
		    PTRACE_O_TRACECLONE) == -1)
		give_up("ptrace");
	if (write(ready[1], "", 1) != 1)
		give_up("write");
	pass_all(pid, true);
}

static void
way_traced_bare(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		start("./bare");
		_exit(1);
	}
	pass_all(pid, false);
}

static void
way_traced_forged(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		way_forged_map();
	}
	pass_all(pid, false);
}

/* --- the table ----------------------------------------------------------- */

/*
 * starts: there is one program with the tag; never: there is none; perhaps:
 * there may be one; spaces, traces: it starts, with rights to have that.
 */
#define WAY(kind, name)                                                        \
	{                                                                      \
#kind, #name, way_##name                                       \
	}
static const struct way {
	const char *kind, *name;
	void (*run)(void);
} ways[] = {
	WAY(starts, plain),
	WAY(starts, relative),
	WAY(starts, dots),
	WAY(starts, proc_cwd),
	WAY(starts, proc_root),
	WAY(starts, proc_fd),
	WAY(starts, proc_thread),
	WAY(starts, proc_task),
	WAY(starts, proc_exe),
	WAY(starts, proc_pid),
	WAY(starts, proc_parent),
	WAY(starts, dev_fd),
	WAY(starts, path),
	WAY(starts, symlink),
	WAY(starts, symlinks),
	WAY(starts, hard_link),
	WAY(starts, copy),
	WAY(starts, fexecve),
	WAY(starts, o_path),
	WAY(starts, execveat),
	WAY(starts, execveat_cwd),
	WAY(starts, execveat_path),
	WAY(starts, memfd),
	WAY(starts, memfd_path),
	WAY(starts, memfd_sealed),
	WAY(starts, passed_fd),
	WAY(starts, deleted),
	WAY(starts, deleted_path),
	WAY(starts, tmpfile),
	WAY(starts, replaced),
	WAY(starts, thread),
	WAY(starts, threads),
	WAY(starts, thread_among_failures),
	WAY(starts, among_failures),
	WAY(starts, thread_exited_leader),
	WAY(starts, vfork),
	WAY(starts, spawn),
	WAY(starts, clone_vm),
	WAY(starts, clone_vm_flip),
	WAY(starts, vfork_storm),
	WAY(starts, daemon),
	WAY(starts, again),
	WAY(starts, script),
	WAY(starts, script_word),
	WAY(starts, script_chain),
	WAY(starts, script_fd),
	WAY(starts, script_memfd),
	WAY(starts, shell),
	WAY(starts, loader),
	WAY(starts, bare),
	WAY(starts, bare_memfd),
	WAY(starts, flip_path),
	WAY(starts, flip_program),
	WAY(starts, flip_words),
	WAY(starts, rename_race),
	WAY(starts, signals),
	WAY(starts, stops),
	WAY(starts, rewritten),
	WAY(starts, long_word),
	WAY(starts, many_words),
	WAY(starts, no_words),
	WAY(starts, first_word),
	WAY(starts, odd_words),
	WAY(starts, big_environment),
	WAY(starts, undumpable),
	WAY(starts, unreadable),
	WAY(starts, setuid),
	WAY(starts, few_files),
	WAY(starts, own_filter),
	WAY(starts, blocked_signals),
	WAY(perhaps, killed),
	WAY(perhaps, thread_killed),
	WAY(perhaps, exit_race),
	WAY(never, no_file),
	WAY(never, no_right),
	WAY(never, directory),
	WAY(never, bad_address),
	WAY(never, no_format),
	WAY(never, no_interpreter),
	WAY(never, loop),
	WAY(never, too_long),
	WAY(never, forged),
	WAY(never, forged_map),
	WAY(never, forged_undumpable),
	WAY(never, forged_leader),
	WAY(never, foreign_call),
	WAY(spaces, own_mounts),
	WAY(spaces, own_root),
	WAY(spaces, overlay),
	WAY(spaces, own_pids),
	WAY(spaces, chroot),
	WAY(traces, traceme),
	WAY(traces, seized),
	WAY(traces, traced_bare),
	WAY(never, traced_forged),
};

enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static int
do_way(const char *name, const char *its_tag)
{
	for (size_t i = 0; i < WAYS; i++) {
		if (strcmp(ways[i].name, name) != 0)
			continue;
		tag = words[2] = strdup(its_tag);
		words[0] = strdup("ways");
		setenv("MARK_TAG", tag, 1);
		ways[i].run();
		if (strcmp(ways[i].kind, "never") != 0)
			give_up(name);
		return 0;
	}
	fprintf(stderr, "ways: there is no way %s\n", name);
	return 2;
}

static int
do_again(char **argv)
{
	int left = atoi(argv[3]);
	char n[20];

	if (left == 0)
		return do_way("relative", argv[2]);
	snprintf(n, sizeof(n), "%d", left - 1);
	argv[3] = n;
	execv("./ways", argv);
	return 1;
}

static int
do_batch(const char *file, int jobs)
{
	char name[100], its_tag[100];
	FILE *f = fopen(file, "re");
	int fd = open("witness", O_WRONLY | O_APPEND | O_CREAT, 0600);

	if (f == NULL || fd == -1 || dup2(fd, WITNESS_FD) == -1)
		return 2;
	close(fd);
	while (fscanf(f, "%99s %99s", name, its_tag) == 2) {
		if (jobs-- <= 0)
			(void)wait(NULL);
		fflush(NULL);
		if (fork() == 0) {
			fclose(f);
			_exit(do_way(name, its_tag));
		}
	}
	while (wait(NULL) > 0)
		;
	usleep(300000); /* for daemons, which end with their run */
	return 0;
}

int
main(int argc, char **argv)
{
	if (getenv("MARK_TAG") != NULL)
		return mark(getenv("MARK_TAG"));
	if (getcwd(here, sizeof(here)) == NULL)
		return 2;
	if (argc == 2 && strcmp(argv[1], "list") == 0)
		for (size_t i = 0; i < WAYS; i++)
			printf("%s %s\n", ways[i].name, ways[i].kind);
	else if (argc == 4 && strcmp(argv[1], "batch") == 0)
		return do_batch(argv[2], atoi(argv[3]));
	else if (argc == 4 && strcmp(argv[1], "again") == 0)
		return do_again(argv);
	else if (argc == 3)
		return do_way(argv[1], argv[2]);
	return argc == 2 ? 0 : 2;
}
