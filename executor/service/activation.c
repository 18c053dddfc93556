/* SPDX-License-Identifier: MIT */
/*
 * activation: sockets of a service manager.  Executor, at start; the program that starts
 * us is trusted, but may be configured wrongly.
 */
#include "executor/service/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cidr.h"
#include "common/fdio.h"
#include "executor/conf/hostnet.h"

enum {
	FIRST_FD = 3, /* SD_LISTEN_FDS_START */
	MAX_NAME = 255, /* bytes of one name, as systemd.socket(5) has it */
	MAX_TURNED_AWAY = 4096 /* of one socket, whose queue others fill */
};

/* --- the variables ---------------------------------------------------- */

static bool
for_us(void)
{
	const char *pid = getenv("LISTEN_PID");
	uint64_t n;
	struct err e;

	return pid != NULL && getenv("LISTEN_FDS") != NULL &&
	       bytes_to_u64(bytes_of(pid), 1, INT32_MAX, &n, &e) == 0 &&
	       (pid_t)n == getpid();
}

/* As many names as sockets, each of printable characters without a colon. */
static int
check_names(const char *names, size_t count, struct err *e)
{
	size_t n = 1, len = 0;

	for (; names != NULL && *names != '\0'; names++) {
		if (*names == ':') {
			n++;
			len = 0;
		} else if (*names <= ' ' || *names == 0x7f ||
			   ++len > MAX_NAME) {
			return err_set(e, ERR_BAD,
			    "LISTEN_FDNAMES holds an invalid name: see FileDescriptorName= of the socket unit");
		}
	}
	if (names != NULL && n != count)
		return err_set(e, ERR_BAD,
		    "LISTEN_FDNAMES names %zu sockets, LISTEN_FDS says %zu", n,
		    count);
	return 0;
}

/* --- a socket --------------------------------------------------------- */

static bool
has_option(int fd, int level, int name, int want)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, name, &value, &len) == 0 && value == want;
}

static int
check_socket(int fd, struct err *e)
{
	if (fdio_set_cloexec(fd, true, e) != 0)
		return err_wrap(e, "descriptor %d of the service manager", fd);
	if (!has_option(fd, SOL_SOCKET, SO_TYPE, SOCK_STREAM) ||
	    !has_option(fd, SOL_SOCKET, SO_ACCEPTCONN, 1))
		return err_set(e, ERR_BAD,
		    "descriptor %d of the service manager is not a listening stream socket: use ListenStream= and Accept=no in the socket unit",
		    fd);
	return fdio_set_nonblock(fd, e);
}

static void
address_text(int fd, char *out, size_t size)
{
	struct sockaddr_storage a = { 0 };
	socklen_t len = sizeof(a);
	char text[CIDR_TEXT];

	if (getsockname(fd, (struct sockaddr *)&a, &len) != 0 ||
	    (a.ss_family != AF_INET && a.ss_family != AF_INET6)) {
		(void)snprintf(out, size, "a socket that is not a TCP port");
		return;
	}
	cidr_address((const struct sockaddr *)&a, text);
	(void)snprintf(out, size, a.ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u",
	    text, ntohs(((const struct sockaddr_in *)&a)->sin_port));
}

static bool
is_at(int fd, const struct conf_listener *l)
{
	struct sockaddr_storage a = { 0 };
	const struct sockaddr_in *v4 = (const void *)&a,
				 *w4 = (const void *)&l->addr;
	const struct sockaddr_in6 *v6 = (const void *)&a,
				  *w6 = (const void *)&l->addr;
	const struct sockaddr_un *un = (const void *)&a,
				 *wn = (const void *)&l->addr;
	socklen_t len = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &len) != 0 ||
	    a.ss_family != l->addr.ss_family)
		return false;
	switch (a.ss_family) {
	case AF_INET:
		return v4->sin_port == w4->sin_port &&
		       v4->sin_addr.s_addr == w4->sin_addr.s_addr;
	case AF_INET6: /* "[::]" of ours takes no IPv4 */
		return v6->sin6_port == w6->sin6_port &&
		       memcmp(&v6->sin6_addr, &w6->sin6_addr,
			   sizeof(v6->sin6_addr)) == 0 &&
		       has_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	case AF_UNIX:
		return strncmp(un->sun_path, wn->sun_path,
			   sizeof(un->sun_path)) == 0;
	default:
		return false;
	}
}

/* --- the outside ------------------------------------------------------ */

int
activation_take(struct activation *in, struct err *e)
{
	bool ours = for_us();
	uint64_t n = 0;
	int rc = 0;

	memset(in, 0, sizeof(*in));
	if (ours && (bytes_to_u64(bytes_of(getenv("LISTEN_FDS")), 0,
			 CONF_MAX_LISTENERS, &n, e) != 0))
		rc = err_wrap(e, "LISTEN_FDS");
	if (ours && rc == 0 && n > 0)
		rc = check_names(getenv("LISTEN_FDNAMES"), (size_t)n, e);
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	for (; rc == 0 && in->count < n; in->count++) {
		in->fd[in->count] = FIRST_FD + (int)in->count;
		rc = check_socket(in->fd[in->count], e);
		hostnet_given(in->fd[in->count]);
	}
	return rc;
}

int
activation_find(struct activation *in, const struct conf_listener *l)
{
	for (size_t i = 0; i < in->count; i++) {
		if (in->given[i] || !is_at(in->fd[i], l))
			continue;
		in->given[i] = true;
		return in->fd[i];
	}
	return -1;
}

bool
activation_gave(const struct activation *in, int fd)
{
	for (size_t i = 0; i < in->count; i++)
		if (in->given[i] && in->fd[i] == fd)
			return true;
	return false;
}

int
activation_all_found(const struct activation *in, struct err *e)
{
	char text[CIDR_TEXT + 16];

	for (size_t i = 0; i < in->count; i++) {
		if (in->given[i])
			continue;
		address_text(in->fd[i], text, sizeof(text));
		return err_set(e, ERR_BAD,
		    "the service manager hands over %s, which \"listen\" does not name: write the same addresses there and as ListenStream= of the socket unit%s",
		    text,
		    text[0] == '[' ? ", with BindIPv6Only=ipv6-only" : "");
	}
	return 0;
}

void
activation_turn_away(const struct activation *in)
{
	struct pollfd waits = { .events = POLLIN };
	int tries, fd;

	for (size_t i = 0; i < in->count; i++)
		for (tries = 0; tries < MAX_TURNED_AWAY; tries++) {
			waits.fd = in->fd[i];
			if (poll(&waits, 1, 0) != 1)
				break;
			/* cppcheck-suppress nullPointer ; accept4(2) takes it */
			fd = accept4(in->fd[i], NULL, NULL, SOCK_CLOEXEC);
			if (fd >= 0)
				(void)close(fd);
		}
}

void
activation_fini(struct activation *in)
{
	while (in->count > 0)
		if (!in->given[--in->count])
			(void)close(in->fd[in->count]);
}
