/* SPDX-License-Identifier: MIT */
/* confine: the layers of a run; confine_enter puts them on. */
#include "executor/confine/confine.h"

#include <stdlib.h>
#include <string.h>

#include "common/landlock.h"

static const struct {
	enum confine_layer layer;
	const char *name;
} layers[] = {
	{ CONFINE_MOUNTS, "mounts" },
	{ CONFINE_PIDS, "pids" },
	{ CONFINE_IPC, "ipc" },
	{ CONFINE_NET, "network" },
	{ CONFINE_USER, "user" },
	{ CONFINE_LANDLOCK, "landlock" },
	{ CONFINE_SECCOMP, "seccomp" },
	{ CONFINE_CGROUP, "cgroup" },
	{ CONFINE_LOGINUID, "loginuid" },
};

_Static_assert(sizeof(layers) / sizeof(layers[0]) == CONFINE_LAYERS,
    "each layer has its name");

const char *
confine_layer_name(unsigned layer)
{
	size_t i;

	for (i = 0; i < CONFINE_LAYERS; i++)
		if ((unsigned)layers[i].layer == layer)
			return layers[i].name;
	return NULL;
}

unsigned
confine_layer_find(struct bytes name)
{
	size_t i;

	for (i = 0; i < CONFINE_LAYERS; i++)
		if (bytes_eq_str(name, layers[i].name))
			return layers[i].layer;
	return 0;
}

static const struct confine_gap gaps[] = {
	{ "refer", "moving files between directories (refused altogether)",
	    LANDLOCK_REFER, 0, 0, 0 },
	{ "truncate", "truncating files", LANDLOCK_TRUNCATE, 0, 0,
	    CONFINE_MOUNTS },
	{ "ioctl_dev", "ioctl on devices", LANDLOCK_IOCTL_DEV, 0, 0,
	    CONFINE_MOUNTS },
	{ "bind_tcp", "TCP servers", 0, LANDLOCK_BIND_TCP, 0, CONFINE_NET },
	{ "connect_tcp", "TCP connections", 0, LANDLOCK_CONNECT_TCP, 0,
	    CONFINE_NET },
	{ "scope_abstract", "abstract sockets of others", 0, 0,
	    LANDLOCK_SCOPE_ABSTRACT, CONFINE_NET },
	{ "scope_signal", "signals to others", 0, 0, LANDLOCK_SCOPE_SIGNAL,
	    CONFINE_PIDS },
};

static bool
is_open(const struct confine_gap *g, const struct landlock_support *s)
{
	return (g->fs & ~s->fs) != 0 || (g->net & ~s->net) != 0 ||
	       (g->scoped & ~s->scoped) != 0;
}

const struct confine_gap *
confine_gap(const struct landlock_support *s, size_t i)
{
	size_t g;

	for (g = 0; g < sizeof(gaps) / sizeof(gaps[0]); g++)
		if (is_open(&gaps[g], s) && i-- == 0)
			return &gaps[g];
	return NULL;
}

/* With "look" no socket is made that could do it: see profiles.c. */
static bool
filter_keeps(const struct confine *c, const struct confine_gap *g)
{
	return c->network == CONFINE_LOOK &&
	       (c->layers & CONFINE_SECCOMP) != 0 &&
	       (g->net != 0 ||
		   (g->scoped == LANDLOCK_SCOPE_ABSTRACT && !c->sockets));
}

const char *
confine_gap_keeper(const struct confine *c, const struct confine_gap *g)
{
	if (g->net != 0 && c->network == CONFINE_HOST)
		return NULL;
	if ((g->cover & c->layers) != 0)
		return confine_layer_name(g->cover);
	return filter_keeps(c, g) ? confine_layer_name(CONFINE_SECCOMP) : "";
}

const char *
confine_network_name(enum confine_network n)
{
	static const char *const names[] = { "none", "loopback", "look",
		"host" };

	return names[n];
}

bool
confine_shares_network(const struct confine *c)
{
	return c->network == CONFINE_LOOK || c->network == CONFINE_HOST;
}

const char *
confine_processes_name(const struct confine *c)
{
	return (c->layers & CONFINE_PIDS) == 0 || c->processes ? "see" : "own";
}

bool
confine_shows(const struct confine *c, const struct mounts_op *op)
{
	if (op->pin)
		return false;
	if ((c->layers & CONFINE_MOUNTS) != 0)
		return true;
	return (c->layers & CONFINE_LANDLOCK) != 0 &&
	       (op->kind == MOUNTS_READ || op->kind == MOUNTS_PROGRAM ||
		   mounts_is_writable(op->kind) || op->kind == MOUNTS_DEVICE ||
		   op->kind == MOUNTS_PROC || op->kind == MOUNTS_PROC_ALL);
}

static const char *const postures[] = { "strict", "kernel" };

const char *
confine_posture_name(enum confine_posture p)
{
	return postures[p];
}

bool
confine_posture_find(struct bytes name, enum confine_posture *out)
{
	size_t i;

	for (i = 0; i < sizeof(postures) / sizeof(postures[0]); i++)
		if (bytes_eq_str(name, postures[i])) {
			*out = (enum confine_posture)i;
			return true;
		}
	return false;
}

void
confine_init(struct confine *c)
{
	memset(c, 0, sizeof(*c));
	mounts_init(&c->mounts);
}

void
confine_fini(struct confine *c)
{
	mounts_fini(&c->mounts);
	for (size_t i = 0; i < CONFINE_MAX_SOCKETS; i++)
		free(c->socket[i]);
	confine_init(c);
}
