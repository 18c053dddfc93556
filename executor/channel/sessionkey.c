/* SPDX-License-Identifier: MIT */
/* sessionkey: read, made, replaced.  Executor. */
#include "executor/channel/sessionkey.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/digest.h"
#include "common/fdio.h"
#include "common/log.h"

static bool
path_of(char path[PATH_MAX], const char *log)
{
	const char *name = strrchr(log, '/');

	name = name != NULL ? name + 1 : log;
	return snprintf(path, PATH_MAX, "%.*ssessions.%s", (int)(name - log),
		   log, name) < PATH_MAX;
}

/* false: there is none that could be used, which is said unless it is new. */
static bool
read_key(struct sessionkey *k, const char *path)
{
	struct buf b;
	struct err e;
	bool good;

	buf_init(&b, sizeof(*k) + 1);
	good = fdio_read_file(path, true, &b, &e) == 0 && b.len == sizeof(*k);
	if (good)
		memcpy(k, b.p, sizeof(*k));
	else if (access(path, F_OK) == 0 || errno != ENOENT)
		log_warn(
		    "sessions: %s cannot be used, and is created again: clients have to initialize again",
		    path);
	buf_wipe(&b);
	buf_fini(&b);
	return good;
}

static bool
is_due(const struct sessionkey *k, uint64_t now_s)
{
	const uint64_t age = (uint64_t)SESSIONKEY_DAYS * 24 * 3600;

	/* a clock that was wrong when it was made decides nothing */
	return k->made_s > now_s || now_s - k->made_s >= age;
}

void
sessionkey_load(struct sessionkey *k, const char *log, uint64_t now_s)
{
	char path[PATH_MAX] = "";
	struct err e;

	memset(k, 0, sizeof(*k));
	if (path_of(path, log) && read_key(k, path) && !is_due(k, now_s))
		return;
	memcpy(k->before, k->now, sizeof(k->before));
	digest_random(k->now, sizeof(k->now));
	k->made_s = now_s;
	if (fdio_write_file(path, 0600, bytes_make(k, sizeof(*k)), false, &e) !=
	    0)
		log_warn(
		    "sessions: clients have to initialize again after the next start: %s",
		    e.what);
}
