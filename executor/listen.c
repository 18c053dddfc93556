/* SPDX-License-Identifier: MIT */
/* listen: bind the configured addresses.  Executor, at start. */
#include "executor/listen.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"

enum { BACKLOG = 512 };

static int
listen_one(const struct conf_listener *l, struct err *e)
{
	const int on = 1;
	CLEANUP_FD int fd = socket(
	    l->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1)
		return err_sys(e, "listen %s: socket", l->text);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1)
		return err_sys(e, "listen %s: SO_REUSEADDR", l->text);
	if (l->addr.ss_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == -1)
		return err_sys(e, "listen %s: IPV6_V6ONLY", l->text);
	if (bind(fd, (const struct sockaddr *)&l->addr, l->addr_len) == -1) {
		if (errno == EADDRINUSE)
			return err_set(e, ERR_BAD,
			    "listen %s: another program "
			    "uses this port; stop it or change \"listen\"",
			    l->text);
		return err_sys(e, "listen %s: bind", l->text);
	}
	if (listen(fd, BACKLOG) == -1)
		return err_sys(e, "listen %s", l->text);
	return steal_fd(&fd);
}

int
listen_open(const struct conf *c, int fds[CONF_MAX_LISTENERS], struct err *e)
{
	size_t i;

	for (i = 0; i < c->listen_count; i++) {
		int fd = listen_one(&c->listen[i], e);

		if (fd < 0) {
			while (i-- > 0)
				(void)close(fds[i]);
			return e->code;
		}
		fds[i] = fd;
	}
	return 0;
}
