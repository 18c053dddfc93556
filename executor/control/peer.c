/* SPDX-License-Identifier: MIT */
/* peer: who connected.  Executor; see what is believed in the header. */
#include "executor/control/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "executor/audit/audit.h"
#include "executor/launcher/proctree.h"
#include "executor/power/keeper.h"

/* One line of /proc/PID/NAME, "" if it cannot be read. */
static void
read_proc(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];
	ssize_t n = -1;
	CLEANUP_FD int fd = -1;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd != -1)
		n = read(fd, out, size - 1);
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

static void
fill_peer(struct peer *out, uid_t uid, pid_t pid)
{
	struct err unused;
	char login[16];
	uint64_t n;
	bool ours;

	memset(out, 0, sizeof(*out));
	out->uid = uid;
	out->pid = pid;
	if (keeper_ask_peer(pid, &ours, out->name, &out->login))
		return;
	read_proc(pid, "comm", out->name, sizeof(out->name));
	read_proc(pid, "loginuid", login, sizeof(login));
	out->login = UINT32_MAX;
	if (bytes_to_u64(bytes_of(login), 0, UINT32_MAX, &n, &unused) == 0)
		out->login = (uint32_t)n;
}

void
peer_self(struct peer *out)
{
	fill_peer(out, geteuid(), getpid());
}

int
peer_read(int fd, struct peer *out, struct err *e)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == -1)
		return err_sys(e, "SO_PEERCRED");
	fill_peer(out, who.uid, who.pid);
	return 0;
}

/* Of root's processes, the keeper sees those that proc(5) hides from us. */
static bool
is_ours(pid_t pid)
{
	char name[PEER_NAME];
	uint32_t login;
	bool ours;

	return keeper_ask_peer(pid, &ours, name, &login)
		   ? ours
		   : proctree_has_ancestor(pid, getpid());
}

int
peer_check(const struct peer *p, struct err *e)
{
	if (p->uid != 0 && p->uid != geteuid())
		return err_set(e, ERR_DENIED,
		    "only root and the user that mcp-execd runs as may ask");
	if (p->pid > 0 && !is_ours(p->pid))
		return 0;
	if (p->pid > 0 && kill(p->pid, 0) == -1 && errno == ESRCH)
		return err_set(e, ERR_DENIED,
		    "who asked has ended already, so that mcp-execd cannot tell whether it runs it");
	return err_set(
	    e, ERR_DENIED, "a command that mcp-execd runs may not ask");
}

void
peer_put(struct buf *b, const struct peer *p)
{
	audit_put_i64(b, "user.id", p->uid);
	if (p->login != UINT32_MAX)
		audit_put_i64(b, "user.audit.id", p->login);
	audit_put_i64(b, "process.pid", p->pid);
	audit_put_str(b, "process.name", p->name);
}
