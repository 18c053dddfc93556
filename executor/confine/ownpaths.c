/* SPDX-License-Identifier: MIT */
/* ownpaths: places that no run sees.  Executor and mcp-execctl. */
#include "executor/confine/ownpaths.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "executor/conf/instance.h"

enum { MAX_PATHS = 12 };

static struct ownpaths {
	char path[MAX_PATHS][PATH_MAX];
	size_t count;
} self;

static void
add(const char *path)
{
	if (path[0] == '/' && self.count < MAX_PATHS)
		(void)snprintf(self.path[self.count++], PATH_MAX, "%s", path);
}

/* Its directory, if that is for nobody else. */
static void
add_with_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	struct stat st;

	if (slash == NULL || slash == path)
		return;
	(void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	add(stat(dir, &st) == 0 && (st.st_mode & S_IRWXO) == 0 ? dir : path);
}

/* Of an account's service all of it: policies, tools, what is beside them. */
static void
add_configuration(const char *path)
{
	char name[INSTANCE_NAME], dir[PATH_MAX];
	bool instance = instance_of(path, name);

	(void)snprintf(
	    dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	add(instance ? dir : path);
}

void
ownpaths_set(const struct conf *c)
{
	self.count = 0;
	add_with_directory(c->audit_file);
	add_with_directory(c->audit_seal_state);
	add_with_directory(c->control);
	add_configuration(c->path);
	add(c->policy_dir);
	add(c->token_dir);
	add(c->recordings_dir);
	add(c->tls_key);
}

const char *
ownpaths_get(size_t i)
{
	return i < self.count ? self.path[i] : NULL;
}
