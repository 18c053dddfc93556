/* SPDX-License-Identifier: MIT */
/* hostnet: interfaces, and where the manager's sockets are.  Executor. */
#include "executor/conf/hostnet.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif

static struct hostnet {
	uint64_t given; /* cookie of a given socket's network; 0: not known */
	bool asked, private;
} self;

/* 0: not known */
static uint64_t
netns_cookie(int fd)
{
	uint64_t value = 0;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &value, &len) == -1)
		return 0;
	return value;
}

void
hostnet_given(int fd)
{
	if (self.given == 0)
		self.given = netns_cookie(fd);
}

static bool
leads_nowhere(void)
{
	struct ifaddrs *all, *i;
	bool out = false;

	if (getifaddrs(&all) == -1)
		return true;
	for (i = all; i != NULL; i = i->ifa_next)
		out |= (i->ifa_flags & IFF_UP) != 0 &&
		       (i->ifa_flags & IFF_LOOPBACK) == 0;
	freeifaddrs(all);
	return !out;
}

static bool
given_is_elsewhere(void)
{
	CLEANUP_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t here = fd == -1 ? 0 : netns_cookie(fd);

	return self.given != 0 && here != 0 && self.given != here;
}

/* Its line ends with the path; what is in another network has no line. */
static bool
notify_is_elsewhere(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	FILE *f = path == NULL ? NULL : fopen("/proc/self/net/unix", "re");
	char line[512];
	bool here = false;

	if (f == NULL)
		return false;
	while (fgets(line, sizeof(line), f) != NULL) {
		char *name = strrchr(line, ' ');

		line[strcspn(line, "\n")] = '\0';
		here |= name != NULL && strcmp(name + 1, path) == 0;
	}
	(void)fclose(f);
	return !here;
}

void
hostnet_assume(bool private)
{
	self.asked = true;
	self.private = private;
}

bool
hostnet_is_private(void)
{
	if (!self.asked)
		self.private = leads_nowhere() &&
			       (given_is_elsewhere() || notify_is_elsewhere());
	self.asked = true;
	return self.private;
}
