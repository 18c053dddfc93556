/* SPDX-License-Identifier: MIT */
/*
 * notify: one datagram to the service manager; executor.  Written out because
 * it is all that libsystemd would be linked for.
 */
#include "common/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"

enum {
	NOTIFY_TIMEOUT_S = 2 /* a manager that hangs must not hold us */
};

static int
notify_address(
    const char *name, struct sockaddr_un *out, socklen_t *len, struct err *e)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t n = strlen(name);

	if (n < 2 || n >= sizeof(un.sun_path) ||
	    (name[0] != '/' && name[0] != '@'))
		return err_set(e, ERR_BAD,
		    "NOTIFY_SOCKET must be an absolute path or @NAME");
	(void)memcpy(un.sun_path, name, n);
	if (name[0] == '@')
		un.sun_path[0] = '\0';
	*out = un;
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	return 0;
}

static int
notify_try(const char *name, const char *state, struct err *e)
{
	struct timeval timeout = { .tv_sec = NOTIFY_TIMEOUT_S };
	CLEANUP_FD int fd = -1;
	struct sockaddr_un un;
	socklen_t len = 0;
	ssize_t n;

	if (notify_address(name, &un, &len, e) != 0)
		return e->code;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout,
			  sizeof(timeout)) != 0)
		return err_sys(e, "socket");
	do
		n = sendto(fd, state, strlen(state), MSG_NOSIGNAL,
		    (const struct sockaddr *)&un, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? err_sys(e, "sendto %s", name) : 0;
}

void
notify_send(const char *state)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct err e;

	if (name == NULL || name[0] == '\0')
		return;
	if (notify_try(name, state, &e) != 0)
		log_warn("notify: not sent: %s", e.what);
}

void
notify_reloading(void)
{
	char text[80];

	(void)snprintf(text, sizeof(text),
	    "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_mono_ns() / 1000);
	notify_send(text);
}

/* A variable that is a number of at most `most`; 0: it is not. */
static uint64_t
read_number(const char *name, uint64_t most)
{
	const char *text = getenv(name);
	struct err unused;
	uint64_t n;

	if (text == NULL ||
	    bytes_to_u64(bytes_of(text), 1, most, &n, &unused) != 0)
		return 0;
	return n;
}

unsigned
notify_watchdog_ms(void)
{
	uint64_t us = read_number("WATCHDOG_USEC", INT64_MAX);

	if (getenv("WATCHDOG_PID") != NULL &&
	    read_number("WATCHDOG_PID", INT_MAX) != (uint64_t)getpid())
		return 0;
	if (us / 1000 > UINT_MAX)
		return UINT_MAX;
	return us > 0 && us < 1000 ? 1 : (unsigned)(us / 1000);
}
