/* SPDX-License-Identifier: MIT */
/* accountdb: look up here, or ask.  Executor and mcp-execctl. */
#include "executor/conf/accountdb.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/caps.h"
#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/log.h"
#include "executor/power/keeper.h"

enum {
	GROUPS = 256, /* of one account, before they are counted */
	KEPT =
	    32, /* replies, until the load is over: most policies have one user */
	PATIENCE_MS = 30000 /* for a database on the network */
};

enum kind { USER = 1, USER_BY_ID, GROUP, GROUPS_OF };

struct question {
	uint32_t kind, id;
	char name[64];
};

struct reply {
	char version[48]; /* of the program that answers */
	struct question asked;
	uint32_t found; /* enum accountdb_answer */
	int32_t count; /* of gid, or ACCOUNTDB_TOO_MANY and the like */
	struct account account;
	gid_t gid[GROUPS];
};

static struct {
	struct question question[KEPT];
	struct reply reply[KEPT];
	size_t kept; /* in all; those that are there are the last ones */
	int fd; /* -1: nobody is asked yet */
	int pidfd;
	pid_t pid;
	bool asks; /* another process, which the keeper starts */
} self = { .fd = -1, .pidfd = -1 };

/* --- looking up ------------------------------------------------------------ */

static void
copy_user(const struct passwd *pw, struct reply *r)
{
	if (pw == NULL)
		return;
	r->found = ACCOUNTDB_FOUND;
	r->account.uid = pw->pw_uid;
	r->account.gid = pw->pw_gid;
	r->account.has_gid = true;
	(void)snprintf(
	    r->account.name, sizeof(r->account.name), "%s", pw->pw_name);
	(void)snprintf(r->account.home, sizeof(r->account.home), "%s",
	    pw->pw_dir[0] == '/' ? pw->pw_dir : "/");
}

static void
find_groups(const struct question *q, struct reply *r)
{
	int count = GROUPS;

	if (getpwnam(q->name) == NULL) /* a number that no account has */
		return;
	r->found = ACCOUNTDB_FOUND;
	r->count = getgrouplist(q->name, q->id, r->gid, &count) == -1
		       ? ACCOUNTDB_TOO_MANY
		       : count;
}

static void
look_up(const struct question *q, struct reply *r)
{
	const struct group *gr;

	memset(r, 0, sizeof(*r));
	(void)snprintf(r->version, sizeof(r->version), "%s", MCP_EXECD_VERSION);
	r->asked = *q;
	switch ((enum kind)q->kind) {
	case USER:
		copy_user(getpwnam(q->name), r);
		break;
	case USER_BY_ID:
		copy_user(getpwuid(q->id), r);
		break;
	case GROUP:
		gr = getgrnam(q->name);
		r->found = gr != NULL ? ACCOUNTDB_FOUND : ACCOUNTDB_NONE;
		r->gid[0] = gr != NULL ? gr->gr_gid : 0;
		break;
	case GROUPS_OF:
		find_groups(q, r);
		break;
	default:
		break;
	}
}

int
accountdb_serve(int fd)
{
	static struct question q;
	static struct reply r;
	struct err e;

	log_set_name("accounts");
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    caps_drop((uid_t)-1, (gid_t)-1, &e) != 0)
		return 1;
	while (recv(fd, &q, sizeof(q), 0) == (ssize_t)sizeof(q)) {
		q.name[sizeof(q.name) - 1] = '\0';
		look_up(&q, &r);
		if (send(fd, &r, sizeof(r), MSG_NOSIGNAL) != (ssize_t)sizeof(r))
			break;
	}
	return 0;
}

/* --- asking ------------------------------------------------------------------ */

void
accountdb_end(void)
{
	int status;

	cleanup_fd(&self.fd);
	self.fd = -1;
	self.kept = 0;
	if (self.pid <= 0)
		return;
	(void)keeper_end(self.pid, self.pidfd, "mcp-execd --accounts", &status);
	cleanup_fd(&self.pidfd);
	self.pidfd = -1;
	self.pid = 0;
}

pid_t
accountdb_pid(void)
{
	return self.pid > 0 ? self.pid : 0;
}

static int
start_server(struct err *e)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return err_sys(e, "socketpair");
	self.pid = keeper_run(KEEPMSG_ACCOUNTS, &pair[1], 1, &self.pidfd, e);
	(void)close(pair[1]);
	self.fd = pair[0];
	return self.pid < 0 ? e->code : 0;
}

int
accountdb_share(void)
{
	struct err e = { 0 };

	if (self.fd == -1 && self.asks && start_server(&e) != 0) {
		log_err("accounts: %s", e.what);
		accountdb_end();
	}
	return self.fd;
}

void
accountdb_give_up(void)
{
	self.asks = true;
}

void
accountdb_use(int fd)
{
	self.fd = fd;
	self.pid = 0;
	self.pidfd = -1;
}

/*
 * To this question: a child that shared the socket may have ended before it
 * took the answer to its last one.
 */
static bool
hear_reply(const struct question *q, struct reply *r)
{
	while (
	    fdio_await(self.fd, PATIENCE_MS) &&
	    recv(self.fd, r, sizeof(*r), MSG_DONTWAIT) == (ssize_t)sizeof(*r) &&
	    strncmp(r->version, MCP_EXECD_VERSION, sizeof(r->version)) == 0)
		if (memcmp(&r->asked, q, sizeof(*q)) == 0)
			return true;
	return false;
}

static void
ask_server(const struct question *q, struct reply *r)
{
	struct err e = { 0 };

	if (self.fd == -1 && !self.asks) {
		look_up(q, r);
		return;
	}
	if (self.fd == -1 && start_server(&e) != 0)
		log_err("accounts: %s", e.what);
	else if (send(self.fd, q, sizeof(*q), MSG_NOSIGNAL) ==
		     (ssize_t)sizeof(*q) &&
		 hear_reply(q, r))
		return;
	else
		log_err(
		    "accounts: mcp-execd --accounts does not answer: was mcp-execd updated? restart it");
	accountdb_end();
	memset(r, 0, sizeof(*r));
	r->found = ACCOUNTDB_UNKNOWN;
	r->count = ACCOUNTDB_NO_ANSWER;
}

static const struct reply *
find_kept(const struct question *q)
{
	for (size_t i = 0; i < self.kept && i < KEPT; i++)
		if (memcmp(&self.question[i], q, sizeof(*q)) == 0)
			return &self.reply[i];
	return NULL;
}

static const struct reply *
ask_name(enum kind kind, const char *name, uint32_t id)
{
	struct question q;
	const struct reply *known;
	struct reply *r;

	memset(&q, 0, sizeof(q));
	q.kind = (uint32_t)kind;
	q.id = id;
	(void)snprintf(q.name, sizeof(q.name), "%s", name);
	known = find_kept(&q);
	if (known != NULL)
		return known;
	r = &self.reply[self.kept % KEPT];
	ask_server(&q, r);
	if (r->found == ACCOUNTDB_FOUND) {
		self.question[self.kept % KEPT] = q;
		self.kept++;
	}
	return r;
}

enum accountdb_answer
accountdb_user(const char *name, struct account *out)
{
	const struct reply *r = ask_name(USER, name, 0);

	if (r->found == ACCOUNTDB_FOUND)
		*out = r->account;
	return (enum accountdb_answer)r->found;
}

enum accountdb_answer
accountdb_user_by_id(uid_t uid, struct account *out)
{
	const struct reply *r = ask_name(USER_BY_ID, "", uid);

	if (r->found == ACCOUNTDB_FOUND)
		*out = r->account;
	return (enum accountdb_answer)r->found;
}

enum accountdb_answer
accountdb_group(const char *name, gid_t *out)
{
	const struct reply *r = ask_name(GROUP, name, 0);

	if (r->found == ACCOUNTDB_FOUND)
		*out = r->gid[0];
	return (enum accountdb_answer)r->found;
}

int
accountdb_groups(const char *name, gid_t gid, gid_t *out, int max)
{
	const struct reply *r = ask_name(GROUPS_OF, name, gid);
	int i, n = 0;

	for (i = 0; i < r->count; i++)
		if (r->gid[i] != gid && n == max)
			return ACCOUNTDB_TOO_MANY;
		else if (r->gid[i] != gid)
			out[n++] = r->gid[i];
	return r->count < 0 ? r->count : n;
}
