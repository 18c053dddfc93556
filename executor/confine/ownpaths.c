/* SPDX-License-Identifier: MIT */
/* ownpaths: places that no run sees or changes.  Executor and mcp-execctl. */
#include "executor/confine/ownpaths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "executor/conf/instance.h"
#include "executor/launcher/holdmsg.h"

enum { MAX_PATHS = 24 + CONF_MAX_LISTENERS };

static struct ownpaths {
	struct ownpath path[MAX_PATHS];
	size_t count;
} self;

static struct ownpath *
add_path(enum ownpath_how how, const char *path)
{
	struct ownpath *own = &self.path[self.count];

	if (path == NULL || path[0] != '/' || self.count == MAX_PATHS)
		return NULL;
	*own = (struct ownpath){ .how = how };
	(void)snprintf(own->path, sizeof(own->path), "%s", path);
	self.count++;
	return own;
}

/* With its directory, if that is for nobody else. */
static void
add_file(const char *path, bool replaced)
{
	struct ownpath *own = add_path(OWNPATH_HIDE, path);
	struct stat st;

	if (own == NULL)
		return;
	own->replaced = replaced;
	(void)snprintf(own->directory, sizeof(own->directory), "%.*s",
	    (int)(strrchr(path, '/') - path), path);
	if (own->directory[0] == '\0' || stat(own->directory, &st) == -1 ||
	    (st.st_mode & S_IRWXO) != 0)
		own->directory[0] = '\0';
}

/* Of an account's service all of it: policies, tools, what is next to them. */
static void
add_configuration(const char *path)
{
	char name[INSTANCE_NAME], dir[PATH_MAX];
	bool instance;

	if (path == NULL)
		return;
	instance = instance_of(path, name);
	(void)snprintf(
	    dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	(void)add_path(OWNPATH_HIDE, instance ? dir : path);
}

/* A process that takes over the name of a socket would get our tokens. */
static void
add_listeners(const struct conf *c)
{
	const struct sockaddr_un *un;

	for (size_t i = 0; i < c->listen_count; i++) {
		un = (const void *)&c->listen[i].addr;
		if (un->sun_family == AF_UNIX)
			(void)add_path(OWNPATH_HIDE, un->sun_path);
	}
}

/* This program, our files next to it, the frontend and the launcher. */
static void
add_programs(const struct conf *c)
{
	static const char *const names[] = { "mcp-execd", "mcp-execctl" };
	char path[PATH_MAX], beside[PATH_MAX + 16];
	char *slash;

	(void)add_path(OWNPATH_KEEP, c->frontend_path);
	(void)add_path(OWNPATH_KEEP, c->launcher_path);
	if (realpath("/proc/self/exe", path) == NULL)
		return;
	(void)add_path(OWNPATH_KEEP, path);
	slash = strrchr(path, '/');
	*slash = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(beside, sizeof(beside), "%s/%s", path, names[i]);
		if (strlen(beside) < PATH_MAX)
			(void)add_path(OWNPATH_KEEP, beside);
	}
}

/* Sockets of launchers, by which a next executor finds jobs. */
static void
add_held(const struct conf *c)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s" HOLDMSG_PLACE,
		c->control) < sizeof(path))
		(void)add_path(OWNPATH_HIDE, path);
}

void
ownpaths_set(const struct conf *c)
{
	self.count = 0;
	add_file(c->audit_file, true);
	add_file(c->audit_seal_state, true);
	add_file(c->control, false);
	add_held(c);
	add_configuration(c->path);
	(void)add_path(OWNPATH_HIDE, c->policy_dir);
	(void)add_path(OWNPATH_HIDE, c->token_dir);
	(void)add_path(OWNPATH_HIDE, c->tool_dir);
	(void)add_path(OWNPATH_HIDE, c->recordings_dir);
	(void)add_path(OWNPATH_HIDE, c->redact_key);
	(void)add_path(OWNPATH_HIDE, c->tls_key);
	(void)add_path(OWNPATH_HIDE, c->tls_certificate);
	(void)add_path(OWNPATH_HIDE, getenv("CREDENTIALS_DIRECTORY"));
	add_listeners(c);
	add_programs(c);
}

const struct ownpath *
ownpaths_get(size_t i)
{
	return i < self.count ? &self.path[i] : NULL;
}
