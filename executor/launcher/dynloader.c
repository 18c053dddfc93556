/* SPDX-License-Identifier: MIT */
/* dynloader: known by device and inode.  Guard; the list also at load. */
#include "executor/launcher/dynloader.h"

#include <fcntl.h>
#include <string.h>

#include "executor/launcher/confine_enter.h"
#include "executor/launcher/image.h"

static const char *const paths[] = { "/lib64/ld-linux-x86-64.so.2",
	"/lib/ld-linux-aarch64.so.1", "/lib/ld-linux-riscv64-lp64d.so.1",
	"/lib64/ld64.so.2", "/lib/ld-musl-x86_64.so.1",
	"/lib/ld-musl-aarch64.so.1", NULL };

const char *const *
dynloader_paths(void)
{
	return paths;
}

static bool
is_loader(const struct filehash_version *v)
{
	struct filehash_version its;
	size_t i;

	for (i = 0; paths[i] != NULL; i++)
		if (filehash_look(AT_FDCWD, paths[i], &its, NULL) &&
		    its.device == v->device && its.inode == v->inode)
			return true;
	return false;
}

static bool
is_below(const char *path, const char *dir)
{
	size_t n = strcmp(dir, "/") == 0 ? 0 : strlen(dir);

	return strncmp(path, dir, n) == 0 && path[n] == '/';
}

static bool
is_listed(const struct mounts *m, const char *path)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (m->op[i].kind == MOUNTS_PROGRAM && m->op[i].directory &&
		    is_below(path, m->op[i].path))
			return true;
	return false;
}

bool
dynloader_is_unlisted(const struct confine *c, const struct image *i)
{
	return c->listed_programs && i->file.inode != 0 &&
	       is_loader(&i->file) && !is_listed(&c->mounts, i->executable);
}
