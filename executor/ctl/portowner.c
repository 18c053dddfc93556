/* SPDX-License-Identifier: MIT */
/* portowner: from a port to an inode to a process.  mcp-execctl. */
#include "executor/ctl/portowner.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

enum { LISTENING = 0x0a /* TCP_LISTEN of the table */ };

static unsigned
port_of(const struct conf_listener *l)
{
	const struct sockaddr_in *v4 = (const void *)&l->addr;

	return ntohs(v4->sin_port); /* at the same place in sockaddr_in6 */
}

/* Inode of a socket that listens on the port, 0: none, see proc_net(5). */
static unsigned long
find_inode(const char *table, unsigned port)
{
	FILE *f = fopen(table, "re");
	unsigned long inode = 0, found = 0;
	unsigned local, state;
	char line[512];

	while (f != NULL && found == 0 && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line,
			" %*u: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s "
			"%*u %*u %lu",
			&local, &state, &inode) == 3 &&
		    local == port && state == LISTENING)
			found = inode;
	if (f != NULL)
		(void)fclose(f);
	return found;
}

static bool
holds(const char *pid, const char *socket)
{
	char dir[64], path[352], target[64];
	struct dirent *d;
	bool found = false;
	ssize_t n;
	DIR *fds;

	(void)snprintf(dir, sizeof(dir), "/proc/%.16s/fd", pid);
	fds = opendir(dir);
	while (fds != NULL && !found && (d = readdir(fds)) != NULL) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, d->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		found = strcmp(target, socket) == 0;
	}
	if (fds != NULL)
		(void)closedir(fds);
	return found;
}

static void
describe(const char *pid, char out[PORTOWNER_TEXT])
{
	char path[64], name[32] = "?";
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
	f = fopen(path, "re");
	if (f != NULL && fgets(name, sizeof(name), f) != NULL)
		name[strcspn(name, "\n")] = '\0';
	if (f != NULL)
		(void)fclose(f);
	(void)snprintf(out, PORTOWNER_TEXT, "%.60s, process %.16s",
	    log_text(bytes_of(name)).s, pid);
}

void
portowner_find(const struct conf_listener *l, char out[PORTOWNER_TEXT])
{
	unsigned long inode = find_inode("/proc/net/tcp", port_of(l));
	char socket[48];
	struct dirent *d;
	DIR *proc;

	out[0] = '\0';
	if (inode == 0)
		inode = find_inode("/proc/net/tcp6", port_of(l));
	proc = inode != 0 ? opendir("/proc") : NULL;
	(void)snprintf(socket, sizeof(socket), "socket:[%lu]", inode);
	while (proc != NULL && out[0] == '\0' && (d = readdir(proc)) != NULL)
		if (d->d_name[0] >= '1' && d->d_name[0] <= '9' &&
		    holds(d->d_name, socket))
			describe(d->d_name, out);
	if (proc != NULL)
		(void)closedir(proc);
}
