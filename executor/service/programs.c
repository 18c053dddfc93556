/* SPDX-License-Identifier: MIT */
/* programs: paths, words and descriptors of all programs.  Executor. */
#include "executor/service/programs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "executor/launcher/launchmsg.h"
#include "executor/service/plans.h"
#include "proto/proto.h"

/* Numbers of one program's words. */
struct numbers {
	char listeners[16], connections[16], header[16], uid[16], gid[16];
};

static void
put_numbers(const struct conf *c, size_t listeners, struct numbers *n)
{
	(void)snprintf(n->listeners, sizeof(n->listeners), "%zu", listeners);
	(void)snprintf(n->connections, sizeof(n->connections), "%u",
	    c->limits.connections);
	(void)snprintf(
	    n->header, sizeof(n->header), "%u", c->limits.header_bytes);
	(void)snprintf(n->uid, sizeof(n->uid), "%u", c->frontend_uid);
	(void)snprintf(n->gid, sizeof(n->gid), "%u", c->frontend_gid);
}

/* Its log, the pair, the listeners, its note. */
static void
plan_frontend(struct keepmsg_plan *p, const struct conf *c, size_t listeners)
{
	struct numbers n;
	const char *words[] = { "mcp-execd-frontend", "-l", n.listeners, "-n",
		n.connections, "-m", n.header, "-u", n.uid, "-g", n.gid };
	size_t count = sizeof(words) / sizeof(words[0]);

	put_numbers(c, listeners, &n);
	keeper_add(p, KEEPMSG_FRONTEND, c->frontend_path, words,
	    geteuid() == 0 ? count : count - 4);
	keeper_place(p, KEEPMSG_FRONTEND, 0, STDOUT_FILENO);
	keeper_place(p, KEEPMSG_FRONTEND, 0, STDERR_FILENO);
	keeper_place(p, KEEPMSG_FRONTEND, 1, PROTO_FD);
	for (unsigned i = 0; i <= listeners; i++)
		keeper_place(p, KEEPMSG_FRONTEND, 2 + i, PROTO_FD_LISTEN + i);
}

static void
plan_check(struct keepmsg_plan *p, const struct conf *c)
{
	struct numbers n;
	const char *words[] = { "mcp-execd-frontend", "--check-tls", "-u",
		n.uid, "-g", n.gid };
	size_t count = sizeof(words) / sizeof(words[0]);

	put_numbers(c, 0, &n);
	keeper_add(p, KEEPMSG_CHECK, c->frontend_path, words,
	    geteuid() == 0 ? count : count - 4);
	keeper_place(p, KEEPMSG_CHECK, 0, STDIN_FILENO);
	keeper_place(p, KEEPMSG_CHECK, 0, STDOUT_FILENO);
}

static void
plan_screen(struct keepmsg_plan *p, const struct conf *c)
{
	struct numbers n;
	const char *words[] = { "mcp-execd-frontend", "--screen", "-u", n.uid,
		"-g", n.gid };
	size_t count = sizeof(words) / sizeof(words[0]);

	put_numbers(c, 0, &n);
	keeper_add(p, KEEPMSG_SCREEN, c->frontend_path, words,
	    geteuid() == 0 ? count : count - 4);
	keeper_place(p, KEEPMSG_SCREEN, 0, STDIN_FILENO);
	keeper_place(p, KEEPMSG_SCREEN, 1, STDOUT_FILENO);
}

/* The pair with the launcher, and facts of the start; nothing of ours. */
static void
plan_loader(struct keepmsg_plan *p, const struct conf *c, const char *path)
{
	static const char *const words[] = { "mcp-execd", "--plans", "-c" };

	(void)snprintf(p->config, sizeof(p->config), "%s", c->path);
	keeper_add(p, KEEPMSG_LOADER, path, words, 3);
	keeper_adds(p, KEEPMSG_LOADER, KEEPMSG_LOADERS_END);
	keeper_place(p, KEEPMSG_LOADER, 0, PLANS_PAIR_FD);
	keeper_place(p, KEEPMSG_LOADER, 1, PLANS_FACTS_FD);
}

/* Where it holds jobs, if there is such a place. */
static void
plan_launcher(struct keepmsg_plan *p, const struct conf *c, const char *held)
{
	char ms[16];
	const char *words[] = { "mcp-execd-launcher", "--hold", ms };

	(void)snprintf(ms, sizeof(ms), "%u", c->survive_grace_ms);
	keeper_add(p, KEEPMSG_LAUNCHER, c->launcher_path, words,
	    held[0] != '\0' ? 3 : 1);
	(void)snprintf(p->row[KEEPMSG_LAUNCHER].last,
	    sizeof(p->row[KEEPMSG_LAUNCHER].last), "%s", held);
	keeper_place(p, KEEPMSG_LAUNCHER, 0, LAUNCHMSG_FD);
	keeper_adds(p, KEEPMSG_LAUNCHER, KEEPMSG_LAUNCHERS_END);
	keeper_place(p, KEEPMSG_LAUNCHER, 1, LAUNCHMSG_PLANS_FD);
}

int
programs_keep(const struct conf *c, size_t listeners,
    const struct programs_held *held, struct err *e)
{
	static const char *const accounts[] = { "mcp-execd", "--accounts" };
	static struct keepmsg_plan p;
	CLEANUP_FD int facts = plans_facts(c, e);
	char self[PATH_MAX];
	int rc;

	if (facts < 0)
		return e->code;
	if (realpath("/proc/self/exe", self) == NULL)
		return err_sys(e, "reading /proc/self/exe");
	p = (struct keepmsg_plan){ .format = 0 };
	for (size_t i = 0; held != NULL && i < held->count; i++)
		p.adopted[i] = held->launcher[i];
	plan_launcher(&p, c, held != NULL ? held->dir : "");
	plan_loader(&p, c, self);
	plan_frontend(&p, c, listeners);
	plan_check(&p, c);
	plan_screen(&p, c);
	keeper_add(&p, KEEPMSG_ACCOUNTS, self, accounts, 2);
	keeper_place(&p, KEEPMSG_ACCOUNTS, 0, STDIN_FILENO);
	rc = keeper_open(c->launcher_path, &p, facts, e);
	memset(&p, 0, sizeof(p)); /* common/rest: the keeper has it */
	return rc;
}
