/* SPDX-License-Identifier: MIT */
/* listen: bind the configured addresses.  Executor, at start. */
#include "executor/service/listen.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "executor/conf/hostnet.h"
#include "executor/service/listen_unix.h"

/* What bind(2) says, and what to do about it. */
static int
refuse_address(struct err *e)
{
	switch (errno) {
	case EADDRINUSE:
		return err_set(e, ERR_BAD,
		    "another program uses this port: stop it or change \"listen\"");
	case EADDRNOTAVAIL:
		return err_set(e, ERR_BAD,
		    "no interface of this machine has that address (yet?): change \"listen\", or start after the network is there (After=network-online.target)");
	case EACCES:
		return err_set(e, ERR_BAD,
		    "a port below net.ipv4.ip_unprivileged_port_start takes root, or CAP_NET_BIND_SERVICE: change \"listen\"");
	default:
		return err_sys(e, "bind");
	}
}

static int
bind_tcp(const struct conf_listener *l, struct err *e)
{
	const int on = 1;
	CLEANUP_FD int fd = socket(
	    l->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1)
		return err_sys(e, "socket");
	if (hostnet_is_private())
		return err_set(e, ERR_BAD,
		    "the unit has PrivateNetwork=yes, so nobody could connect: write the address as ListenStream= of the socket unit, and start that first");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1)
		return err_sys(e, "SO_REUSEADDR");
	if (l->addr.ss_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == -1)
		return err_sys(e, "IPV6_V6ONLY");
	if (bind(fd, (const struct sockaddr *)&l->addr, l->addr_len) == 0)
		return steal_fd(&fd);
	return refuse_address(e);
}

static int
listen_one(const struct conf_listener *l, const struct conf *c, struct err *e)
{
	CLEANUP_FD int fd = l->addr.ss_family == AF_UNIX
				? listen_unix_bind(l, c, e)
				: bind_tcp(l, e);

	if (fd < 0)
		return err_wrap(e, "listen %s", l->text);
	if (listen(fd, LISTEN_BACKLOG) == -1)
		return err_sys(e, "listen %s", l->text);
	return steal_fd(&fd);
}

int
listen_open(const struct conf *c, struct activation *in,
    int fds[CONF_MAX_LISTENERS], struct err *e)
{
	size_t i;

	for (i = 0; i < c->listen_count; i++) {
		fds[i] = activation_find(in, &c->listen[i]);
		if (fds[i] == -1)
			fds[i] = listen_one(&c->listen[i], c, e);
		if (fds[i] < 0)
			break;
	}
	if (i == c->listen_count && activation_all_found(in, e) == 0)
		return 0;
	listen_close(c, in, fds, i);
	return e->code;
}

void
listen_close(const struct conf *c, const struct activation *in, const int *fds,
    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!activation_gave(in, fds[i]))
			listen_unix_remove(&c->listen[i]);
		(void)close(fds[i]);
	}
}
