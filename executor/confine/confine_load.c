/* SPDX-License-Identifier: MIT */
/*
 * confine_load: from keys to a plan.  Executor and mcp-execctl; the file is
 * the administrator's, and what it asks for and is not available is a finding.
 */
#include "executor/confine/confine_load.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "common/fdio.h"
#include "common/log.h"
#include "executor/confine/aliases.h"
#include "executor/confine/cgroup.h"
#include "executor/conf/hostnet.h"
#include "executor/confine/places.h"
#include "executor/confine/probe.h"
#include "executor/launcher/dynloader.h"

/* Paths that programs need to run; used when files.read is absent. */
static const char *const system_paths[] = { "/usr", "/bin", "/sbin", "/lib",
	"/lib32", "/lib64", "/libx32", "/etc", "/opt", NULL };

/* Ours; a command that could read these would know too much. */
static const char *const own_paths[] = { "/etc/mcp-execd", "/var/log/mcp-execd",
	"/var/lib/mcp-execd", "/run/mcp-execd", NULL };

/*
 * Where something with more rights listens and does what it is asked: hidden
 * wherever a policy would show it, except for what unix_sockets names.
 */
static const char *const delegates[] = { "/run/dbus", "/run/user",
	"/run/systemd/private", "/run/systemd/notify",
	"/run/systemd/io.system.ManagedOOM",
	"/run/systemd/io.systemd.ManagedOOM", "/run/systemd/userdb",
	"/run/systemd/journal", "/run/systemd/resolve/io.systemd.Resolve",
	"/run/systemd/resolve/io.systemd.Resolve.Monitor", "/run/systemd/oom",
	"/run/systemd/machine", "/run/udev/control", "/run/docker.sock",
	"/run/docker", "/run/podman", "/run/containerd", "/run/crio",
	"/run/buildkit", "/run/lxd", "/run/incus", "/var/lib/lxd/unix.socket",
	"/var/lib/incus/unix.socket", "/var/snap/lxd/common/lxd/unix.socket",
	"/run/libvirt", "/run/snapd.socket", "/run/snapd-snap.socket",
	"/run/acpid.socket", "/run/cups", "/run/pcscd", "/run/uuidd",
	"/run/rpcbind.sock", "/run/screen", "/run/tmux", "/run/sudo",
	"/run/polkit", "/var/spool/cron", "/var/spool/at", "/var/spool/anacron",
	"/var/lib/systemd/linger", NULL };

static const char *const program_dirs[] = { "/usr/bin", "/usr/sbin",
	"/usr/local/bin", "/usr/local/sbin", "/usr/games", "/bin", "/sbin",
	NULL };

/* What programs expect to be there, if only empty. */
static const char *const standard_places[] = { "/run", "/var/run", NULL };

static const char *const devices[] = { "/dev/null", "/dev/zero", "/dev/full",
	"/dev/random", "/dev/urandom", "/dev/tty", NULL };

static const char *const network_names[] = { "none", "loopback", "look", "host",
	NULL };

static enum confine_posture default_posture = CONFINE_STRICT;

/* One load; what the steps below share. */
struct load {
	const struct keys *k;
	const struct confine_keys *v;
	const struct confine_input *in;
	struct confine *c;
	const struct probe *probe;
	unsigned disabled; /* layers that the policy leaves out */
};

static bool
add_place(const struct load *l, const struct json_value *at,
    enum mounts_kind kind, const char *path, bool optional)
{
	struct err e = { 0 };

	if (mounts_add(&l->c->mounts, kind, path, optional, &e) == 0)
		return true;
	keys_complain(l->k, at, "%s", e.what);
	return false;
}

static void
add_defaults(
    const struct load *l, enum mounts_kind kind, const char *const *paths)
{
	for (; *paths != NULL; paths++)
		(void)add_place(l, NULL, kind, *paths, true);
}

/* Each string of a list, as an absolute path that must exist. */
static void
add_list(const struct load *l, const struct json_value *list,
    enum mounts_kind kind, const char *name)
{
	const struct json_value *v;
	char path[PATH_MAX];

	if (list == NULL || !keys_array(l->k, list, name))
		return;
	for (v = list->child; v != NULL; v = v->next)
		if (keys_string(l->k, v, 1, path, sizeof(path)))
			(void)add_place(l, v, kind, path, false);
}

/* Does a datagram socket have this name now?  By /proc/net/unix, proc(5). */
static bool
takes_datagrams(const char *path)
{
	char line[PATH_MAX + 128], real[PATH_MAX];
	char type[8 + 1]; /* hexadecimal digits */
	bool found = false;
	FILE *f =
	    realpath(path, real) != NULL ? fopen("/proc/net/unix", "re") : NULL;
	char *name;

	if (f == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), f) != NULL) {
		name = strchr(line, '/');
		line[strcspn(line, "\n")] = '\0';
		found = name != NULL &&
			sscanf(line, "%*s %*s %*s %*s %8s", type) == 1 &&
			strtoul(type, NULL, 16) == SOCK_DGRAM &&
			(strcmp(name, path) == 0 || strcmp(name, real) == 0);
	}
	(void)fclose(f);
	return found;
}

/* As the run knows them. */
static void
name_sockets(const struct load *l)
{
	const struct json_value *v;
	char path[PATH_MAX];
	size_t n = 0;

	if (!l->c->sockets)
		return;
	for (v = l->v->unix_sockets->child; v != NULL; v = v->next) {
		if (v->type != JSON_STRING || v->text.len >= sizeof(path))
			continue;
		if (n == CONFINE_MAX_SOCKETS) {
			keys_complain(l->k, v,
			    "\"unix_sockets\" may name %d sockets at most",
			    CONFINE_MAX_SOCKETS);
			return;
		}
		(void)snprintf(path, sizeof(path), "%.*s", (int)v->text.len,
		    (const char *)v->text.p);
		l->c->socket[n++] = strdup(path);
		l->c->datagrams = l->c->datagrams || takes_datagrams(path);
	}
}

/* As add_list; "@system" stands for what is read without the key. */
static void
add_read(const struct load *l, const struct json_value *list)
{
	const struct json_value *v;
	char path[PATH_MAX];

	if (!keys_array(l->k, list, "\"files\".\"read\""))
		return;
	for (v = list->child; v != NULL; v = v->next) {
		if (!keys_string(l->k, v, 1, path, sizeof(path)))
			continue;
		if (strcmp(path, "@system") == 0)
			add_defaults(l, MOUNTS_READ, system_paths);
		else
			(void)add_place(l, v, MOUNTS_READ, path, false);
	}
}

static bool
list_has(const struct json_value *list, const char *text)
{
	const struct json_value *v = list != NULL ? list->child : NULL;

	for (; v != NULL; v = v->next)
		if (bytes_eq_str(v->text, text))
			return true;
	return false;
}

/* Does a path of the list lie in this directory? */
static bool
list_covers(const struct json_value *list, const char *dir)
{
	const struct json_value *v = list != NULL ? list->child : NULL;
	size_t n = strlen(dir);

	for (; v != NULL; v = v->next)
		if (bytes_starts(v->text, dir) && v->text.len > n &&
		    v->text.p[n] == '/')
			return true;
	return false;
}

/*
 * Hidden, or emptied where a socket inside is granted.  What listens there
 * comes and goes: hidden is what is there when a run begins, or later.
 */
static void
hide_covered(const struct load *l, const char *const *paths, bool steady)
{
	struct mounts *m = &l->c->mounts;
	struct err e = { 0 };

	if ((l->c->layers & CONFINE_MOUNTS) == 0)
		return;
	for (; *paths != NULL; paths++)
		if (!mounts_cover(m, *paths) ||
		    list_has(l->v->unix_sockets, *paths))
			continue;
		else if (list_covers(l->v->unix_sockets, *paths))
			(void)add_place(l, NULL, MOUNTS_EMPTY, *paths, true);
		else if (mounts_add_hidden(m, *paths, &e) != 0)
			keys_complain(l->k, NULL, "%s", e.what);
		else
			m->op[m->count - 1].steady = steady;
}

static bool
read_bool(const struct load *l, const struct json_value *v, bool by_default)
{
	if (v == NULL)
		return by_default;
	if (!json_is(v, JSON_BOOL)) {
		keys_complain(l->k, v, "\"%.*s\" must be true or false",
		    (int)v->key.len, (const char *)v->key.p);
		return by_default;
	}
	return v->boolean;
}

static void
read_network(const struct load *l)
{
	const struct json_value *v = l->v->network;
	size_t i;

	l->c->network = CONFINE_NONE;
	if (v == NULL)
		return;
	for (i = 0; network_names[i] != NULL; i++)
		if (json_is(v, JSON_STRING) &&
		    bytes_eq_str(v->text, network_names[i])) {
			l->c->network = (enum confine_network)i;
			return;
		}
	keys_complain(l->k, v,
	    "\"network\" is \"none\", \"loopback\" (one of the run's own), \"look\" (the host's can be listed) or \"host\"");
}

static void
read_processes(const struct load *l)
{
	const struct json_value *v = l->v->processes;

	if (v == NULL ||
	    (json_is(v, JSON_STRING) && bytes_eq_str(v->text, "own")))
		return;
	if (json_is(v, JSON_STRING) && bytes_eq_str(v->text, "see"))
		l->c->processes = true;
	else
		keys_complain(l->k, v,
		    "\"processes\" is \"own\" (those of the run) or \"see\" (the machine's can be seen, and not be signalled or traced)");
}

/* A list of layer names as bits. */
static unsigned
read_layers(
    const struct load *l, const struct json_value *list, const char *name)
{
	const struct json_value *v;
	unsigned bits = 0, bit;

	if (list == NULL || !keys_array(l->k, list, name))
		return 0;
	for (v = list->child; v != NULL; v = v->next) {
		bit = json_is(v, JSON_STRING) ? confine_layer_find(v->text) : 0;
		if (bit == 0)
			keys_complain(l->k, v,
			    "%s: layers are mounts, pids, ipc, network, user, landlock, seccomp, cgroup, loginuid",
			    name);
		bits |= bit;
	}
	return bits;
}

static void
add_basics(const struct load *l, bool private_tmp)
{
	struct mounts *m = &l->c->mounts;
	struct err e = { 0 };

	(void)add_place(l, NULL,
	    l->c->processes ? MOUNTS_PROC_ALL : MOUNTS_PROC, "/proc", false);
	(void)add_place(l, NULL, MOUNTS_DEV, "/dev", false);
	add_defaults(l, MOUNTS_DEVICE, devices);
	if ((l->c->layers & CONFINE_MOUNTS) != 0) {
		(void)add_place(l, NULL, MOUNTS_PTS, "/dev/pts", true);
		if (mounts_add_link(m, "/dev/ptmx", "pts/ptmx", &e) != 0)
			keys_complain(l->k, NULL, "%s", e.what);
	}
	if (!mounts_cover(m, "/run"))
		add_defaults(l, MOUNTS_PLACE, standard_places);
	if (mounts_add_link(m, "/dev/fd", "/proc/self/fd", &e) != 0 ||
	    mounts_add_link(m, "/dev/stdin", "/proc/self/fd/0", &e) != 0 ||
	    mounts_add_link(m, "/dev/stdout", "/proc/self/fd/1", &e) != 0 ||
	    mounts_add_link(m, "/dev/stderr", "/proc/self/fd/2", &e) != 0)
		keys_complain(l->k, NULL, "%s", e.what);
	(void)add_place(l, NULL, MOUNTS_TMPFS_NOEXEC, "/dev/shm", true);
	if (!private_tmp)
		return;
	(void)add_place(l, NULL,
	    l->c->noexec ? MOUNTS_TMPFS_NOEXEC : MOUNTS_TMPFS, "/tmp", true);
	(void)add_place(l, NULL,
	    l->c->noexec ? MOUNTS_TMPFS_NOEXEC : MOUNTS_TMPFS, "/var/tmp",
	    true);
}

/* Names lead to the network in files that links may put elsewhere. */
static void
add_resolver(const struct load *l)
{
	if (l->c->network == CONFINE_HOST &&
	    mounts_cover(&l->c->mounts, "/etc/resolv.conf"))
		(void)add_place(l, NULL, MOUNTS_READ, "/etc/resolv.conf", true);
}

static void
add_files(const struct load *l)
{
	enum mounts_kind writable =
	    l->c->noexec ? MOUNTS_WRITE_NOEXEC : MOUNTS_WRITE;
	size_t before;

	if (l->v->read == NULL)
		add_defaults(l, MOUNTS_READ, system_paths);
	else
		add_read(l, l->v->read);
	before = l->c->mounts.count;
	if (l->in->directory != NULL)
		(void)add_place(l, NULL, writable, l->in->directory, false);
	for (; before < l->c->mounts.count; before++)
		l->c->mounts.op[before].jail =
		    l->c->mounts.op[before].kind == writable;
	add_list(l, l->v->write, writable, "\"files\".\"write\"");
	add_resolver(l);
}

/*
 * Only the listed programs: Landlock lets nothing else execute but dynamic
 * loaders, without which none would start, and a guard ends those that are
 * started themselves.  The directories of programs hold nothing else, so that
 * also what no guard can hold finds no other program there to load.
 */
static void
add_programs(const struct load *l)
{
	if (!l->c->listed_programs)
		return;
	if ((l->c->layers & CONFINE_LANDLOCK) == 0 ||
	    (l->c->layers & CONFINE_MOUNTS) == 0)
		keys_complain(l->k, l->v->programs,
		    "\"programs\" needs the layers landlock and mounts, which this machine or this policy does not have");
	add_defaults(l, MOUNTS_EMPTY, program_dirs);
	add_defaults(l, MOUNTS_PROGRAM, dynloader_paths());
	add_list(l, l->v->programs, MOUNTS_PROGRAM, "\"programs\"");
	if (l->in->shell != NULL)
		(void)add_place(l, NULL, MOUNTS_PROGRAM, l->in->shell, false);
	for (size_t i = 0; i < l->in->tool_count; i++)
		if (!add_place(l, NULL, MOUNTS_PROGRAM, l->in->tools[i], false))
			return; /* of hundreds, once */
}

/*
 * Up to the first name that is not there, or not a directory: that is then
 * itself what may not be made or changed.  A link could be replaced by the run, and be mounted on by nobody.
 */
static int
cut_at_missing(char *path, size_t place_len, struct err *e)
{
	char *slash = path + place_len;
	struct stat st;

	while (slash != NULL) {
		slash = strchr(slash + 1, '/');
		if (slash != NULL)
			*slash = '\0';
		if (lstat(path, &st) == -1)
			return 0;
		if (S_ISLNK(st.st_mode))
			return err_set(e, ERR_BAD,
			    "%s is a link, which a run could replace: name what it leads to",
			    path);
		if (slash != NULL && S_ISDIR(st.st_mode))
			*slash = '/';
		else
			slash = NULL;
	}
	return 0;
}

/* "a/b", without any part that leads elsewhere. */
static bool
is_plain_name(const char *name)
{
	size_t n;

	for (; *name != '\0'; name += n + (name[n] == '/')) {
		n = strcspn(name, "/");
		if (n == 0 || (n == 1 && name[0] == '.') ||
		    (n == 2 && name[0] == '.' && name[1] == '.') ||
		    strcmp(name + n, "/") == 0)
			return false;
	}
	return true;
}

/* A name of "protect" in one writable place. */
static void
protect_place(
    const struct load *l, const struct json_value *at, const char *place)
{
	char name[NAME_MAX], path[PATH_MAX];
	struct err e = { 0 };

	if (!keys_string(l->k, at, 1, name, sizeof(name)))
		return;
	if (!is_plain_name(name))
		keys_complain(l->k, at,
		    "\"protect\" has names inside what may be written, such as \".git\"");
	else if (fdio_join(path, sizeof(path), place, name, &e) != 0 ||
		 cut_at_missing(path, strlen(place), &e) != 0 ||
		 mounts_add_protected(&l->c->mounts, path, &e) != 0)
		keys_complain(l->k, at, "%s", e.what);
}

/* In each place that may be written, by the name that its row has. */
static void
add_protected(const struct load *l)
{
	const struct json_value *list = l->v->protect, *v;
	const struct mounts *m = &l->c->mounts;
	size_t rows = m->count;

	if (list == NULL || !keys_array(l->k, list, "\"files\".\"protect\""))
		return;
	if ((l->c->layers & CONFINE_MOUNTS) == 0)
		keys_complain(l->k, list, "\"protect\" needs the layer mounts");
	for (v = list->child; v != NULL; v = v->next)
		for (size_t i = 0; i < rows; i++)
			if (mounts_is_writable(m->op[i].kind) &&
			    m->op[i].directory)
				protect_place(l, v, m->op[i].path);
}

/* Of the policy's directory a token may have a part. */
static void
clip_plan(const struct load *l)
{
	struct err e = { 0 };

	if (l->in->narrow != NULL &&
	    places_clip(&l->c->mounts, l->in->whole, l->in->narrow, &e) != 0)
		keys_complain(l->k, NULL, "%s", e.what);
}

/* Without the layer there is no rule that takes something away. */
static void
add_further_paths(const struct load *l)
{
	struct err e = { 0 };

	if ((l->c->layers & CONFINE_MOUNTS) != 0 &&
	    aliases_add(&l->c->mounts, &e) != 0)
		keys_complain(l->k, NULL, "%s", e.what);
}

/* Layers that can be had here, less what the policy does not want. */
static void
choose_layers(const struct load *l)
{
	unsigned layers = l->probe->layers;

	if (!l->in->filtered)
		layers &= ~(unsigned)CONFINE_SECCOMP;
	if (cgroup_ready())
		layers |= CONFINE_CGROUP;
	layers &= ~l->disabled;
	if (confine_shares_network(l->c))
		layers &= ~(unsigned)CONFINE_NET;
	/* A root without the process ids of its own cannot mount proc. */
	if ((layers & CONFINE_PIDS) == 0)
		layers &= ~(unsigned)CONFINE_MOUNTS;
	if ((layers & (CONFINE_MOUNTS | CONFINE_PIDS | CONFINE_IPC |
			  CONFINE_NET)) == 0)
		layers &= ~(unsigned)CONFINE_USER;
	/* A user namespace knows none of the uids. */
	if ((layers & CONFINE_USER) != 0)
		layers &= ~(unsigned)CONFINE_LOGINUID;
	l->c->layers = layers;
	if ((layers & CONFINE_LANDLOCK) != 0)
		l->c->landlock = l->probe->landlock;
}

/*
 * Through /proc/PID/root, cwd and fd a process leads to its files.  The
 * kernel asks for the right to trace it, which by its user alone another
 * run of the same user would have: Landlock and a user namespace refuse it.
 * Where this kernel has no Landlock, the posture "kernel" shows less instead.
 */
static void
check_processes(const struct load *l)
{
	unsigned layers = l->c->layers;

	if (!l->c->processes)
		return;
	if (l->c->posture == CONFINE_KERNEL && (layers & CONFINE_MOUNTS) != 0 &&
	    ((l->probe->layers & CONFINE_WALLS) == CONFINE_MOUNTS)) {
		l->c->processes = false;
		l->c->withheld = true;
		return;
	}
	if ((layers & CONFINE_PIDS) == 0 || (layers & CONFINE_MOUNTS) == 0)
		keys_complain(l->k, l->v->processes,
		    "\"processes\": \"see\" needs the layers pids and mounts, which this machine or this policy does not have; without pids all processes are seen anyway: leave the key out");
	else if ((layers & (CONFINE_LANDLOCK | CONFINE_USER)) == 0)
		keys_complain(l->k, l->v->processes,
		    "\"processes\": \"see\" needs the layer landlock, without which a run could reach files through other processes of its user: say \"own\"");
}

static void
read_posture(const struct load *l)
{
	const struct json_value *v = l->v->posture;

	l->c->posture = default_posture;
	if (v != NULL && (!json_is(v, JSON_STRING) ||
			     !confine_posture_find(v->text, &l->c->posture)))
		keys_complain(l->k, v,
		    "\"posture\" is \"strict\" (all that a current kernel has) or \"kernel\" (the strongest that this kernel has)");
}

/*
 * What strict wants: of a privileged executor all that a stock Debian 12,
 * Ubuntu 24.04 and RHEL 9.6 give it, of an ordinary user one wall around
 * files.  What the policy disables by name it does not want.
 */
static unsigned
wanted_layers(const struct load *l)
{
	unsigned want =
	    CONFINE_WALLS | CONFINE_PIDS | CONFINE_IPC | CONFINE_SECCOMP;

	if (!confine_shares_network(l->c))
		want |= CONFINE_NET;
	if (l->probe->loginuid != PROBE_NO_LOGINUIDS)
		want |= CONFINE_LOGINUID;
	if (!l->in->filtered)
		want &= ~(unsigned)CONFINE_SECCOMP;
	if (!l->probe->privileged)
		want =
		    (l->c->layers & CONFINE_MOUNTS) != 0 ? 0 : CONFINE_LANDLOCK;
	return want & ~l->disabled;
}

/*
 * The posture "kernel" excuses what is not available here, except for one wall
 * around files, if not both are disabled by name, and the filter.
 */
static unsigned
required_layers(const struct load *l)
{
	unsigned need = wanted_layers(l), wall = CONFINE_WALLS & ~l->disabled;

	if (l->c->posture != CONFINE_KERNEL)
		return need;
	need &= l->c->layers | CONFINE_SECCOMP;
	if (l->in->filtered)
		need |= CONFINE_SECCOMP & ~l->disabled;
	return (l->c->layers & CONFINE_WALLS) == 0 ? need | wall : need;
}

static const char *
why_missing(unsigned layer)
{
	const char *why = probe_why(layer);

	if (layer == CONFINE_CGROUP)
		return cgroup_mount() == NULL
			   ? "this machine has control groups of version 1 only (boot with systemd.unified_cgroup_hierarchy=1)"
			   : "no control group of version 2 is delegated to mcp-execd";
	return why != NULL ? why : "this policy does without it";
}

static void
complain_layer(const struct load *l, unsigned bit, bool asked)
{
	const char *name = confine_layer_name(bit);
	unsigned walls = l->c->layers & CONFINE_WALLS & ~bit;

	if (asked && (l->disabled & bit) != 0)
		keys_complain(l->k, l->v->require,
		    "the layer \"%s\" is in \"require\" and in \"disable\": remove it from one of them",
		    name);
	else if (asked)
		keys_complain(l->k, l->v->require,
		    "the layer \"%s\" is required and not available here: %s: run mcp-execctl doctor, or take it out of \"require\"",
		    name, why_missing(bit));
	else if (bit == CONFINE_SECCOMP)
		keys_complain(l->k, l->v->disable,
		    "the layer \"seccomp\" is required and not available here: %s: run mcp-execctl doctor; only if you accept that no system call is filtered, say \"disable\": [\"seccomp\"]",
		    why_missing(bit));
	else if ((bit & CONFINE_WALLS) != 0 && walls == 0)
		keys_complain(l->k, l->v->disable,
		    "the layer \"%s\" is required and not available here: %s; no other layer would keep files, so this machine cannot confine the policy's commands: run mcp-execctl doctor",
		    name, why_missing(bit));
	else
		keys_complain(l->k, l->v->disable,
		    "the layer \"%s\" is required and not available here: %s: run mcp-execctl doctor; if you accept that, say \"posture\": \"kernel\" (the strongest that this kernel has) or \"disable\": [\"%s\"]",
		    name, why_missing(bit), name);
}

static void
check_required(const struct load *l)
{
	unsigned asked = read_layers(l, l->v->require, "\"require\"");
	unsigned missing = (required_layers(l) | asked) & ~l->c->layers, bit;

	l->c->asked = asked;
	l->c->missing = wanted_layers(l) & ~l->c->layers;
	if ((missing & CONFINE_NET) != 0 && confine_shares_network(l->c)) {
		missing &= ~(unsigned)CONFINE_NET;
		keys_complain(l->k, l->v->require,
		    "the layer \"network\" is required, and \"network\": \"%s\" does without it: remove one of them",
		    confine_network_name(l->c->network));
	}
	for (bit = 1; missing != 0 && bit <= CONFINE_LOGINUID; bit <<= 1)
		if ((missing & bit) != 0)
			complain_layer(l, bit, (asked & bit) != 0);
}

/* Where nothing confines files, a directory is only a place to start in. */
static void
check_narrowed(const struct load *l)
{
	if (l->in->narrow != NULL && (l->c->layers & CONFINE_WALLS) == 0)
		keys_complain(l->k, NULL,
		    "a token's \"directory\" needs the layer mounts or landlock, and neither is in force: leave it out of the token, or have one of them (run mcp-execctl doctor)");
}

/* Without its layer a network of the run's own would be the host's. */
static void
check_network(const struct load *l)
{
	if (confine_shares_network(l->c) && hostnet_is_private())
		keys_complain(l->k, l->v->network,
		    "\"network\": \"%s\" would be empty, as the unit has PrivateNetwork=yes: say \"none\" or \"loopback\", or set PrivateNetwork=no in a drop-in of the unit, as examples/systemd/host-network.conf does",
		    confine_network_name(l->c->network));
	if (l->c->network == CONFINE_LOOK &&
	    (l->c->layers & CONFINE_SECCOMP) == 0)
		keys_complain(l->k, l->v->network,
		    "\"network\": \"look\" needs the layer seccomp, which keeps sockets from being made: choose a \"profile\", or say \"none\" or \"host\"");
	if ((l->c->layers & CONFINE_NET) != 0)
		return;
	if (l->c->network == CONFINE_LOOPBACK)
		keys_complain(l->k, l->v->network,
		    "\"network\": \"loopback\" needs the layer network, which this machine or this policy does not have: %s: say \"none\" or \"host\"",
		    why_missing(CONFINE_NET));
	else if (l->c->network == CONFINE_NONE &&
		 (l->c->layers & CONFINE_SECCOMP) == 0)
		keys_complain(l->k, l->v->network,
		    "\"network\": \"none\" needs the layer network or a filter of system calls, and there is neither: choose a \"profile\", or say \"host\"");
}

void
confine_load(const struct keys *k, const struct confine_keys *v,
    const struct confine_input *in, struct confine *out)
{
	struct load l = {
		.k = k, .v = v, .in = in, .c = out, .probe = probe_get()
	};
	struct err e = { 0 };

	l.disabled = read_layers(&l, v->disable, "\"disable\"");
	read_network(&l);
	read_processes(&l);
	read_posture(&l);
	l.c->listed_programs = v->programs != NULL;
	l.c->noexec = read_bool(&l, v->noexec, false) || l.c->listed_programs;
	choose_layers(&l);
	check_processes(&l);
	/* A socket in a tree that may be read could be anybody's: none. */
	l.c->sockets = v->unix_sockets != NULL && v->unix_sockets->count > 0;
	l.c->no_sockets = v->unix_sockets != NULL && !l.c->sockets;
	name_sockets(&l);
	add_files(&l);
	add_programs(&l);
	add_protected(&l);
	hide_covered(&l, own_paths, true);
	places_own(k, in, out);
	hide_covered(&l, delegates, false);
	add_list(&l, v->hide, MOUNTS_HIDE, "\"files\".\"hide\"");
	add_list(&l, v->unix_sockets, MOUNTS_READ, "\"unix_sockets\"");
	add_basics(&l, read_bool(&l, v->private_tmp, true));
	l.c->mounts.tmp_bytes = l.v->tmp_bytes;
	add_further_paths(&l);
	clip_plan(&l);
	if (mounts_done(&out->mounts, &e) != 0)
		keys_complain(k, NULL, "%s", e.what);
	places_check(k, v, in, out);
	check_required(&l);
	check_narrowed(&l);
	check_network(&l);
}

void
confine_load_posture(const char *name)
{
	if (!confine_posture_find(bytes_of(name), &default_posture))
		default_posture = CONFINE_STRICT;
}
