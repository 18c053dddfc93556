/* SPDX-License-Identifier: MIT */
/* unotify: receive, look, answer.  Guard; the processes are hostile. */
#include "executor/launcher/unotify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/decimal.h"
#include "executor/launcher/modules.h"

enum { PAGE = 4096 };

int
unotify_receive(int fd, struct unotify_call *out)
{
	union {
		struct seccomp_notif n;
		char room[512]; /* newer kernels may write more */
	} in;

	memset(&in, 0, sizeof(in));
	memset(out, 0, sizeof(*out));
	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &in.n) == -1)
		return errno == ENOENT || errno == EINTR ? -EAGAIN : -errno;
	out->id = in.n.id;
	out->nr = in.n.data.nr;
	out->pid = (pid_t)in.n.pid;
	for (size_t i = 0; i < 6; i++)
		out->args[i] = in.n.data.args[i];
	return 0;
}

static int
send_answer(int fd, const struct unotify_call *n, int64_t value, int error,
    unsigned flags)
{
	union {
		struct seccomp_notif_resp r;
		char room[512];
	} answer;

	memset(&answer, 0, sizeof(answer));
	answer.r.id = n->id;
	answer.r.val = value;
	answer.r.error = -error;
	answer.r.flags = flags;
	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &answer.r) == -1)
		return errno == ENOENT ? -EAGAIN : -errno;
	return 0;
}

int
unotify_answer(int fd, const struct unotify_call *n, int error)
{
	return send_answer(
	    fd, n, 0, error, error == 0 ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0);
}

int
unotify_answer_value(int fd, const struct unotify_call *n, int64_t value)
{
	return send_answer(fd, n, value, 0, 0);
}

bool
unotify_valid(int fd, const struct unotify_call *n)
{
	return ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &n->id) == 0;
}

size_t
unotify_read_memory(pid_t pid, uint64_t address, void *out, size_t size)
{
	struct iovec mine = { out, size };
	struct iovec theirs = { (void *)(uintptr_t)address, size };
	ssize_t r = process_vm_readv(pid, &mine, 1, &theirs, 1, 0);

	return r > 0 ? (size_t)r : 0;
}

/* Page by page, as the text may end just before one that is not there. */
void
unotify_read_text(pid_t pid, uint64_t address, char *out, size_t size)
{
	size_t got = 0, want, r;

	while (got < size - 1) {
		want = PAGE - (address + got) % PAGE;
		if (want > size - 1 - got)
			want = size - 1 - got;
		r = unotify_read_memory(pid, address + got, out + got, want);
		if (r == 0)
			break;
		if (memchr(out + got, '\0', r) != NULL)
			return;
		got += r;
	}
	out[got] = '\0';
}

void
unotify_use_proc(int fd)
{
	modules()->looked_up = fd;
}

int
unotify_open_proc(void)
{
	return modules()->looked_up == -1
		   ? open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
		   : openat(modules()->looked_up, ".",
			 O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int
unotify_proc_path(pid_t pid, const char *name, char out[UNOTIFY_PATH])
{
	char *p = out;

	if (modules()->looked_up == -1) {
		memcpy(p, "/proc/", 6);
		p += 6;
	}
	p = decimal_put(p, (unsigned)pid);
	*p++ = '/';
	memcpy(p, name, strlen(name) + 1);
	return modules()->looked_up == -1 ? AT_FDCWD : modules()->looked_up;
}

static size_t
read_at(int at, const char *path, char *out, size_t size)
{
	ssize_t n = -1;
	int fd = openat(at, path, O_RDONLY | O_CLOEXEC);

	if (fd != -1) {
		n = read(fd, out, size - 1);
		(void)close(fd);
	}
	if (n < 0)
		n = 0;
	out[n] = '\0';
	return (size_t)n;
}

size_t
unotify_read_file(const char *path, char *out, size_t size)
{
	return read_at(AT_FDCWD, path, out, size);
}

size_t
unotify_read_proc(pid_t pid, const char *name, char *out, size_t size)
{
	char path[UNOTIFY_PATH];
	int at = unotify_proc_path(pid, name, path);

	return read_at(at, path, out, size);
}

void
unotify_read_link(pid_t pid, const char *name, char *out, size_t size)
{
	char path[UNOTIFY_PATH];
	int at = unotify_proc_path(pid, name, path);
	ssize_t n = readlinkat(at, path, out, size - 1);

	out[n > 0 ? n : 0] = '\0';
}

pid_t
unotify_status_number(pid_t pid, const char *key)
{
	char text[2048];
	const char *p;

	(void)unotify_read_proc(pid, "status", text, sizeof(text));
	p = strstr(text, key);
	if (p == NULL)
		return 0;
	p += strlen(key);
	return (pid_t)decimal_take(&p);
}

/* pidfd_open(2) takes only first threads. */
pid_t
unotify_process(pid_t thread)
{
	int fd = (int)syscall(SYS_pidfd_open, thread, 0);
	pid_t process;

	if (fd != -1) {
		(void)close(fd);
		return thread;
	}
	process = unotify_status_number(thread, "\nTgid:\t");
	return process != 0 ? process : thread;
}
