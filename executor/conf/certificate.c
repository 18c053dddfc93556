/* SPDX-License-Identifier: MIT */
/* certificate: files to memory, and the check by the frontend's program. */
#include "executor/conf/certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/sigreset.h"
#include "executor/conf/pemfile.h"
#include "executor/conf/servername.h"
#include "executor/power/keeper.h"

enum {
	MAX_CHAIN = 65536, /* the frontend's TLS_MAX_CHAIN, TLS_MAX_KEY */
	MAX_KEY = 16384,
	MEMORY = MAX_CHAIN + MAX_KEY + 2,
	MAX_NAMES = 16384, /* the frontend's TLSCHECK_MAX_NAMES */
	PATIENCE_S = 30, /* for the check; valgrind is slow */
	DAY_S = 86400
};

/* --- check --------------------------------------------------------------- */

static _Noreturn void
exec_check(const struct conf *c, int fd)
{
	char uid[16], gid[16];
	char *argv[] = { (char *)(uintptr_t) "mcp-execd-frontend",
		(char *)(uintptr_t) "--check-tls", (char *)(uintptr_t) "-u",
		uid, (char *)(uintptr_t) "-g", gid, NULL };
	char *envp[] = { NULL };

	(void)snprintf(uid, sizeof(uid), "%u", c->frontend_uid);
	(void)snprintf(gid, sizeof(gid), "%u", c->frontend_gid);
	if (geteuid() != 0)
		argv[2] = NULL;
	(void)sigreset_all();
	if (dup2(fd, STDIN_FILENO) == -1 || dup2(fd, STDOUT_FILENO) == -1)
		_exit(126);
	(void)syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
	(void)execve(c->frontend_path, argv, envp);
	_exit(127);
}

static bool
send_all(int fd, struct bytes b)
{
	while (b.len > 0) {
		ssize_t n = send(fd, b.p, b.len, MSG_NOSIGNAL);

		if (n == -1 && errno == EINTR) /* stopped, and continued */
			continue;
		if (n <= 0)
			return false;
		b.p += n;
		b.len -= (size_t)n;
	}
	return true;
}

static bool
send_names(int fd, const struct conf *c)
{
	CLEANUP_BUF struct buf names;

	buf_init(&names, MAX_NAMES);
	servername_put(c, &names);
	return send_all(fd, buf_bytes(&names));
}

/* What the program says; "" if it says nothing. */
static void
ask_frontend(int fd, const struct conf *c, const struct certificate *cert,
    char *out, size_t size)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	size_t len = 0;
	ssize_t n = 0;

	(void)setsockopt(
	    fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	(void)setsockopt(
	    fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (send_all(fd, cert->chain) && send_all(fd, bytes_make("", 1)) &&
	    send_all(fd, cert->key) && send_all(fd, bytes_make("", 1)) &&
	    send_names(fd, c))
		(void)shutdown(fd, SHUT_WR);
	do {
		n = recv(fd, out + len, size - 1 - len, 0);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 || (n == -1 && errno == EINTR)) && len < size - 1);
	out[len] = '\0';
}

/* By the keeper, or, in mcp-execctl and at start, as a child. */
static pid_t
start_check(const struct conf *c, int theirs, int *pidfd, struct err *e)
{
	pid_t pid;

	if (keeper_is_open())
		return keeper_run(KEEPMSG_CHECK, &theirs, 1, pidfd, e);
	pid = fork();
	if (pid == 0)
		exec_check(c, theirs);
	if (pid == -1)
		return err_sys(e, "fork");
	*pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	return pid;
}

static int
run_check(const struct conf *c, const struct certificate *cert, char *out,
    size_t size, struct err *e)
{
	CLEANUP_FD int mine = -1;
	CLEANUP_FD int theirs = -1;
	CLEANUP_FD int pidfd = -1;
	int pair[2], status = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		return err_sys(e, "socketpair");
	mine = pair[0];
	theirs = pair[1];
	pid = start_check(c, theirs, &pidfd, e);
	if (pid < 0)
		return e->code;
	cleanup_fd(&theirs);
	theirs = -1;
	ask_frontend(mine, c, cert, out, size);
	/* it is over, or late */
	(void)keeper_end(pid, pidfd, "the check of a certificate", &status);
	if (out[0] == '\0')
		return err_set(e, ERR_SYS,
		    "%s --check-tls said nothing (status %d): install both programs from the same package",
		    c->frontend_path, status);
	return 0;
}

static int
check_pair(const struct conf *c, struct certificate *cert, struct err *e)
{
	char said[CERTIFICATE_MAX_REMARKS] = "", *next;
	size_t line;

	if (run_check(c, cert, said, sizeof(said), e) != 0)
		return e->code;
	line = strcspn(said, "\n");
	if (strncmp(said, "ok ", 3) == 0) {
		cert->from = strtoll(said + 3, &next, 10);
		cert->until = strtoll(next, NULL, 10);
		(void)snprintf(cert->remarks, sizeof(cert->remarks), "%s",
		    said + line + (said[line] == '\n'));
		return 0;
	}
	said[line] = '\0';
	return err_set(e, ERR_BAD, "%.300s", log_text(bytes_of(said)).s);
}

#define KEY_MARK "PRIVATE KEY-----"

/* --- memory -------------------------------------------------------------- */

static int
allocate_texts(struct certificate *c, struct err *e)
{
	void *p = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return err_sys(e, "memory for the certificate");
	c->memory = p;
	if (madvise(p, MEMORY, MADV_DONTFORK) != 0 ||
	    madvise(p, MEMORY, MADV_DONTDUMP) != 0)
		return err_sys(e, "madvise");
	(void)mlock(p, MEMORY); /* where the limit allows it */
	return 0;
}

void
certificate_fini(struct certificate *c)
{
	if (c->memory != NULL) {
		explicit_bzero(c->memory, MEMORY);
		(void)munmap(c->memory, MEMORY);
	}
	memset(c, 0, sizeof(*c));
}

static int
read_one(const char *name, bool secret, uint8_t *to, size_t size,
    struct bytes *out, struct err *e)
{
	char path[PATH_MAX];
	int n;

	if (pemfile_path(name, path, e) != 0)
		return e->code;
	n = pemfile_read(path, secret, to, size, e);
	if (n < 0)
		return n;
	*out = bytes_make(to, (size_t)n);
	if (bytes_has_nul(*out))
		return err_set(e, ERR_BAD,
		    "%s: is not in PEM: convert it, from DER with openssl %s -inform DER -in FILE",
		    path, secret ? "pkey" : "x509");
	/* a key in the certificate's file is one nevertheless */
	if (!secret && memmem(out->p, out->len, KEY_MARK, strlen(KEY_MARK)) &&
	    read_one(name, true, to, size, out, e) != 0)
		return err_wrap(e, "the certificate's file holds a key");
	return 0;
}

static int
load_files(const struct conf *c, struct certificate *out, struct err *e)
{
	if (allocate_texts(out, e) != 0 ||
	    read_one(c->tls_certificate, false, out->memory, MAX_CHAIN + 1,
		&out->chain, e) != 0 ||
	    read_one(c->tls_key, true, out->memory + MAX_CHAIN + 1, MAX_KEY + 1,
		&out->key, e) != 0)
		return e->code;
	if (check_pair(c, out, e) == 0)
		return 0;
	if (strncmp(c->tls_key, PEMFILE_CREDENTIAL,
		sizeof(PEMFILE_CREDENTIAL) - 1) == 0)
		(void)err_wrap(e, "systemd renews credentials at a restart");
	return err_wrap(e, "%s with %s", c->tls_certificate, c->tls_key);
}

int
certificate_load(const struct conf *c, struct certificate *out, struct err *e)
{
	struct certificate fresh = { .memory = NULL };

	if (c->tls_certificate[0] != '\0' && load_files(c, &fresh, e) != 0) {
		certificate_fini(&fresh);
		return e->code;
	}
	*out = fresh;
	return 0;
}

/* --- time ---------------------------------------------------------------- */

enum certificate_state
certificate_state_at(const struct certificate *c, int64_t now_s)
{
	if (c->chain.len == 0)
		return CERTIFICATE_GOOD;
	if (c->until <= now_s)
		return CERTIFICATE_EXPIRED;
	if (c->from > now_s)
		return CERTIFICATE_EARLY;
	return c->until - now_s < (int64_t)CERTIFICATE_SOON_DAYS * DAY_S
		   ? CERTIFICATE_SOON
		   : CERTIFICATE_GOOD;
}

static void
put_time(int64_t at_s, char out[32])
{
	time_t t = (time_t)at_s;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(out, 32, "%" PRId64, at_s);
}

void
certificate_describe(
    const struct certificate *c, int64_t now_s, char *out, size_t size)
{
	int64_t days = (c->until - now_s) / DAY_S;
	char from[32], until[32];

	put_time(c->from, from);
	put_time(c->until, until);
	if (c->chain.len == 0)
		out[0] = '\0';
	else if (c->until <= now_s)
		(void)snprintf(out, size, "expired at %s", until);
	else if (c->from > now_s)
		(void)snprintf(out, size, "is not valid before %s", from);
	else
		(void)snprintf(out, size,
		    "is valid for %" PRId64 " days, until %s", days, until);
}

bool
certificate_remark(const char **at, char *out, size_t size)
{
	size_t n = strcspn(*at, "\n");

	if (n == 0)
		return false;
	(void)snprintf(out, size, "%s", log_text(bytes_make(*at, n)).s);
	*at += n + ((*at)[n] == '\n');
	return true;
}

void
certificate_warn(const struct certificate *c)
{
	int64_t now = (int64_t)(clock_wall_us() / 1000000);
	const char *at = c->remarks;
	char text[512];

	while (certificate_remark(&at, text, sizeof(text)))
		log_warn("tls: the certificate: %s", text);
	certificate_describe(c, now, text, sizeof(text));
	switch (certificate_state_at(c, now)) {
	case CERTIFICATE_GOOD:
		return;
	case CERTIFICATE_SOON:
		log_warn("tls: the certificate %s: renew it and reload", text);
		return;
	case CERTIFICATE_EARLY:
	case CERTIFICATE_EXPIRED:
		log_err(
		    "tls: the certificate %s, so clients refuse it: renew it and reload, or look at the clock",
		    text);
		return;
	}
}
