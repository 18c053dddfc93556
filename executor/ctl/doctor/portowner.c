/* SPDX-License-Identifier: MIT */
/* portowner: from a port to an inode to a process.  mcp-execctl. */
#include "executor/ctl/doctor/portowner.h"

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

/* The words of a row, see proc_net(5). */
enum column { LOCAL = 1, STATE = 3, INODE = 9, COLUMNS };

/* Inode of the row's socket if it listens on the port; 0: it does not. */
static unsigned long
inode_of(char *row, unsigned port)
{
	char *save = NULL, *word[COLUMNS], *colon;

	for (size_t i = 0; i < COLUMNS; i++, row = NULL) {
		word[i] = strtok_r(row, " ", &save);
		if (word[i] == NULL)
			return 0;
	}
	colon = strrchr(word[LOCAL], ':');
	if (colon == NULL || strtoul(colon + 1, NULL, 16) != port ||
	    strtoul(word[STATE], NULL, 16) != LISTENING)
		return 0;
	return strtoul(word[INODE], NULL, 10);
}

static unsigned long
find_inode(const char *table, unsigned port)
{
	FILE *f = fopen(table, "re");
	unsigned long inode = 0;
	char line[512];

	while (f != NULL && inode == 0 && fgets(line, sizeof(line), f) != NULL)
		inode = inode_of(line, port);
	if (f != NULL)
		(void)fclose(f);
	return inode;
}

static bool
leads_to(const char *dir, const char *fd, const char *socket)
{
	char path[352], target[64];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, fd);
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	return strcmp(target, socket) == 0;
}

static bool
holds_socket(const char *pid, const char *socket)
{
	struct dirent **fds = NULL;
	char dir[64];
	bool found = false;
	int n;

	(void)snprintf(dir, sizeof(dir), "/proc/%.16s/fd", pid);
	/* cppcheck-suppress nullPointer ; scandir(3) takes it */
	n = scandir(dir, &fds, NULL, NULL);
	for (int i = 0; i < n; i++) {
		found |= leads_to(dir, fds[i]->d_name, socket);
		free(fds[i]);
	}
	free(fds);
	return found;
}

static void
describe_process(const char *pid, char out[PORTOWNER_TEXT])
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

static int
is_pid(const struct dirent *d)
{
	return d->d_name[0] >= '1' && d->d_name[0] <= '9';
}

void
portowner_find(const struct conf_listener *l, char out[PORTOWNER_TEXT])
{
	unsigned long inode = find_inode("/proc/net/tcp", port_of(l));
	struct dirent **pids = NULL;
	char socket[48];
	int n = 0;

	out[0] = '\0';
	if (inode == 0)
		inode = find_inode("/proc/net/tcp6", port_of(l));
	(void)snprintf(socket, sizeof(socket), "socket:[%lu]", inode);
	if (inode != 0)
		/* cppcheck-suppress nullPointer ; scandir(3) takes it */
		n = scandir("/proc", &pids, is_pid, NULL);
	for (int i = 0; i < n; i++) {
		if (out[0] == '\0' && holds_socket(pids[i]->d_name, socket))
			describe_process(pids[i]->d_name, out);
		free(pids[i]);
	}
	free(pids);
}
