/* SPDX-License-Identifier: MIT */
/* cgroup: version 2 by files, cgroups(7).  Executor. */
#include "executor/confine/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"

#define SERVICE_GROUP "/system.slice/mcp-execd"

enum {
	CGROUP2_MAGIC = 0x63677270,
	MAX_ID = 40,
	MAX_DYING = 512, /* groups that were still populated */
	MAX_NESTED = 16, /* groups inside a run's, that are removed with it */
	CPU_PERIOD_US = 100000,
	GUARDS = 1, /* in a run's group, in addition to its own processes */
	OWN_WEIGHT = 1000, /* of processors; all runs together have 100 */
	OWN_SHARE = 8, /* of tasks and memory, one in so many is not for runs */
	FAIR_SHARE = 4 /* of the tasks of all runs, to one that says nothing */
};

static struct cgroup {
	int runs; /* O_PATH of BASE/runs, -1: not in use */
	bool only_look;
	char instance[64]; /* "@NAME" of the service that is looked for */
	bool assumed; /* there will be one, when runs are made */
	bool supposed; /* only if somebody gives us one */
	unsigned controllers;
	bool began_there; /* in BASE itself */
	uint64_t fair_processes;
	char dying[MAX_DYING][MAX_ID];
	size_t dying_count;
} self = { .runs = -1 };

static const struct {
	unsigned bit;
	const char *name;
} controllers[] = {
	{ CGROUP_MEMORY, "memory" },
	{ CGROUP_PIDS, "pids" },
	{ CGROUP_CPU, "cpu" },
};

static int
write_at(int dir, const char *name, const char *text)
{
	CLEANUP_FD int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
	ssize_t n = (ssize_t)strlen(text);

	return fd != -1 && write(fd, text, (size_t)n) == n ? 0 : -1;
}

/* The file's text, NUL-terminated; empty if it cannot be read. */
static void
read_at(int dir, const char *name, char *text, size_t size)
{
	CLEANUP_FD int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
}

/* The number behind "key " in a flat-keyed file, or of the whole file. */
static uint64_t
number_at(int dir, const char *name, const char *key)
{
	char text[2048];
	const char *p = text;

	read_at(dir, name, text, sizeof(text));
	if (key != NULL) {
		p = strstr(text, key);
		if (p == NULL)
			return 0;
		p += strlen(key);
	}
	return strtoull(p, NULL, 10);
}

/* --- setting up ------------------------------------------------------- */

const char *
cgroup_mount(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", CGROUP_HYBRID,
		NULL };
	struct statfs fs;
	size_t i;

	for (i = 0; places[i] != NULL; i++)
		if (statfs(places[i], &fs) == 0 && fs.f_type == CGROUP2_MAGIC)
			return places[i];
	return NULL;
}

/* A process's group, from the line "0::/path" of its file in /proc. */
static bool
find_group(pid_t pid, char path[PATH_MAX])
{
	const char *mount = cgroup_mount();
	char text[4096], *line, *end;

	if (mount == NULL)
		return false;
	(void)snprintf(path, PATH_MAX, "/proc/%d/cgroup", (int)pid);
	read_at(AT_FDCWD, path, text, sizeof(text));
	line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (line == NULL)
		return false;
	line = strchr(line, '/');
	if (line == NULL)
		return false;
	end = strchr(line, '\n');
	if (end != NULL)
		*end = '\0';
	return snprintf(path, PATH_MAX, "%s%s", mount, line) < PATH_MAX;
}

static bool
find_own(char path[PATH_MAX])
{
	return find_group(getpid(), path);
}

static bool
is_delegated(const char *path)
{
	char value[8];

	return getxattr(path, "user.delegate", value, sizeof(value)) > 0 ||
	       getxattr(path, "trusted.delegate", value, sizeof(value)) > 0;
}

/* Where DelegateSubgroup= of systemd(1) has the unit's processes begin. */
#define LEAF "supervisor"

static const char leaf[] = "/" LEAF;

/* Does the path end in the leaf?  It is cut off then. */
static bool
leave_leaf(char *path)
{
	size_t len = strlen(path);

	if (len < sizeof(leaf) ||
	    strcmp(path + len - (sizeof(leaf) - 1), leaf) != 0)
		return false;
	path[len - (sizeof(leaf) - 1)] = '\0';
	return true;
}

/* It, or the one around it if it is the leaf of that. */
static bool
find_delegated_at(char *path)
{
	return is_delegated(path) || (leave_leaf(path) && is_delegated(path));
}

/* Hand a group's controllers on to the groups inside it. */
static unsigned
enable_controllers(int dir)
{
	char text[512], word[32];
	unsigned have = 0;
	size_t i;

	read_at(dir, "cgroup.controllers", text, sizeof(text));
	for (i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++) {
		(void)snprintf(word, sizeof(word), "+%s", controllers[i].name);
		if (strstr(text, controllers[i].name) != NULL &&
		    write_at(dir, "cgroup.subtree_control", word) == 0)
			have |= controllers[i].bit;
	}
	return have;
}

static int
set_number(int dir, const char *name, uint64_t value)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	return write_at(dir, name, text);
}

/*
 * The service's own processes come first: they keep a part of its tasks and
 * memory (TasksMax=, MemoryMax=) that no run gets, and most of the processors
 * when all want them.
 */
static void
keep_own_share(int base, int runs)
{
	uint64_t tasks = number_at(base, "pids.max", NULL); /* "max" is 0 */
	uint64_t memory = number_at(base, "memory.max", NULL);

	if ((self.controllers & CGROUP_CPU) != 0)
		(void)set_number(base, "supervisor/cpu.weight", OWN_WEIGHT);
	tasks -= tasks / OWN_SHARE;
	if (tasks > 0 && set_number(runs, "pids.max", tasks) == 0)
		self.fair_processes = tasks / FAIR_SHARE;
	if (memory > 0)
		(void)set_number(
		    runs, "memory.max", memory - memory / OWN_SHARE);
}

/* Is this process in the group itself, and not in one inside? */
static bool
is_own(int base)
{
	char path[PATH_MAX];
	struct stat own, st;

	return find_own(path) && stat(path, &own) == 0 &&
	       fstat(base, &st) == 0 && own.st_dev == st.st_dev &&
	       own.st_ino == st.st_ino;
}

static int
use_path(const char *path, struct err *e)
{
	CLEANUP_FD int base = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int runs = -1;
	char pid[16];

	if (base == -1)
		return err_sys(e, "cgroup %s", path);
	self.began_there = is_own(base);
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if ((mkdirat(base, LEAF, 0755) == -1 && errno != EEXIST) ||
	    (mkdirat(base, "runs", 0755) == -1 && errno != EEXIST) ||
	    write_at(base, LEAF "/cgroup.procs", pid) == -1)
		return err_sys(e, "cgroup %s: cannot be used", path);
	runs = openat(base, "runs", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (runs == -1 ||
	    (mkdirat(base, "guards", 0755) == -1 && errno != EEXIST))
		return err_sys(e, "cgroup %s/runs", path);
	(void)enable_controllers(base);
	self.controllers = enable_controllers(runs);
	keep_own_share(base, runs);
	self.runs = steal_fd(&runs);
	log_info("cgroup: in use path=%s memory=%d pids=%d cpu=%d", path,
	    (self.controllers & CGROUP_MEMORY) != 0,
	    (self.controllers & CGROUP_PIDS) != 0,
	    (self.controllers & CGROUP_CPU) != 0);
	return 0;
}

void
cgroup_of_instance(const char *name)
{
	(void)snprintf(self.instance, sizeof(self.instance), "@%s", name);
}

void
cgroup_only_look(void)
{
	self.only_look = true;
}

int
cgroup_setup(const char *where, struct err *e)
{
	char path[PATH_MAX];
	struct err ignored = { 0 };
	unsigned bits;

	if (self.only_look) {
		if (cgroup_look(where, path, &bits, e) != 0)
			return e->code;
		cgroup_assume(path[0] != '\0', bits);
		return 0;
	}
	if (self.runs != -1 || strcmp(where, "off") == 0)
		return 0;
	if (strcmp(where, "auto") != 0)
		return use_path(where, e);
	if (find_own(path) && find_delegated_at(path) &&
	    use_path(path, &ignored) != 0)
		log_warn("cgroup: %s", ignored.what);
	return 0;
}

/*
 * Our own, or that of the service: around us, as systemd runs what a unit says
 * for its reload in .control, or where systemd puts it.
 */
static bool
find_delegated(char path[PATH_MAX])
{
	const char *mount = cgroup_mount();
	char *end;

	if (find_own(path)) {
		end = strrchr(path, '/');
		if (strcmp(end, "/.control") == 0)
			*end = '\0';
		if (find_delegated_at(path))
			return true;
	}
	return mount != NULL &&
	       snprintf(path, PATH_MAX, "%s" SERVICE_GROUP "%s.service", mount,
		   self.instance) < PATH_MAX &&
	       is_delegated(path);
}

int
cgroup_look(
    const char *where, char path[PATH_MAX], unsigned *bits, struct err *e)
{
	CLEANUP_FD int dir = -1;
	char text[512], *word, *save;
	size_t i;

	*bits = 0;
	path[0] = '\0';
	if (strcmp(where, "off") == 0)
		return 0;
	if (strcmp(where, "auto") != 0)
		(void)snprintf(path, PATH_MAX, "%s", where);
	else if (!find_delegated(path)) {
		path[0] = '\0';
		return 0;
	}
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir == -1 || faccessat(dir, ".", W_OK | X_OK, AT_EACCESS) == -1 ||
	    faccessat(dir, "cgroup.procs", W_OK, AT_EACCESS) == -1) {
		(void)err_sys(e, "cgroup %s", path);
		path[0] = '\0';
		return e->code;
	}
	read_at(dir, "cgroup.controllers", text, sizeof(text));
	for (word = strtok_r(text, " \n", &save); word != NULL;
	     word = strtok_r(NULL, " \n", &save))
		for (i = 0; i < sizeof(controllers) / sizeof(controllers[0]);
		     i++)
			if (strcmp(word, controllers[i].name) == 0)
				*bits |= controllers[i].bit;
	return 0;
}

void
cgroup_assume(bool there, unsigned bits)
{
	if (self.runs != -1)
		return;
	self.assumed = there;
	self.supposed = false;
	self.controllers = there ? bits : 0;
}

void
cgroup_suppose(unsigned bits)
{
	cgroup_assume(true, bits);
	self.supposed = true;
}

bool
cgroup_supposed(void)
{
	return self.supposed;
}

/* It is in the leaf of that group, if it uses one, see use_path(). */
bool
cgroup_of_service(pid_t pid, char path[PATH_MAX])
{
	return find_group(pid, path) && leave_leaf(path);
}

bool
cgroup_ready(void)
{
	return self.runs != -1 || self.assumed;
}

bool
cgroup_has_room(void)
{
	return !self.began_there || self.controllers == 0;
}

unsigned
cgroup_controllers(void)
{
	return self.controllers;
}

uint64_t
cgroup_fair_processes(void)
{
	return self.fair_processes;
}

/* --- a run's group ---------------------------------------------------- */

static int
set_limits(int dir, const struct cgroup_limits *l)
{
	char text[64];

	if (l->memory_bytes > 0 && (self.controllers & CGROUP_MEMORY) != 0) {
		if (set_number(dir, "memory.max", l->memory_bytes) == -1)
			return -1;
		(void)write_at(dir, "memory.swap.max", "0");
		(void)write_at(dir, "memory.oom.group", "1");
	}
	if (l->processes > 0 && (self.controllers & CGROUP_PIDS) != 0 &&
	    set_number(dir, "pids.max", l->processes + GUARDS) == -1)
		return -1;
	(void)snprintf(text, sizeof(text), "%" PRIu64 " %d",
	    (uint64_t)l->cpu_percent * CPU_PERIOD_US / 100, CPU_PERIOD_US);
	if (l->cpu_percent > 0 && (self.controllers & CGROUP_CPU) != 0)
		return write_at(dir, "cpu.max", text);
	return 0;
}

int
cgroup_fd(void)
{
	return self.runs;
}

int
cgroup_make(const char *id, const struct cgroup_limits *l, struct err *e)
{
	CLEANUP_FD int dir = -1;

	cgroup_sweep();
	if (mkdirat(self.runs, id, 0755) == -1)
		return err_sys(e, "cgroup of the run");
	dir = openat(self.runs, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir == -1 || set_limits(dir, l) == -1) {
		(void)err_sys(e, "cgroup of the run: limits");
		(void)unlinkat(self.runs, id, AT_REMOVEDIR);
		return e->code;
	}
	return steal_fd(&dir);
}

void
cgroup_end(const char *id, struct cgroup_usage *u)
{
	CLEANUP_FD int dir =
	    openat(self.runs, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	memset(u, 0, sizeof(*u));
	if (dir == -1)
		return;
	(void)write_at(dir, "cgroup.kill", "1");
	u->memory_peak = number_at(dir, "memory.peak", NULL);
	u->cpu_us = number_at(dir, "cpu.stat", "usage_usec ");
	u->memory_full = number_at(dir, "memory.events", "oom ");
	u->oom_kills = number_at(dir, "memory.events", "oom_kill ");
	u->pids_denied = number_at(dir, "pids.events", "max ");
}

/*
 * 0, or -1: somebody is in it yet.  A run that could make groups inside has
 * them removed; one that nests them deeper keeps them.
 */
static int
remove_at(int dir, const char *name, unsigned depth)
{
	CLEANUP_FD int fd = -1;
	const struct dirent *d;
	DIR *inside;

	if (unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno != EBUSY)
		return 0;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	inside = depth == 0 || fd == -1 ? NULL : fdopendir(fd);
	if (inside == NULL)
		return -1;
	(void)steal_fd(&fd);
	while ((d = readdir(inside)) != NULL)
		if (d->d_type == DT_DIR && d->d_name[0] != '.')
			(void)remove_at(dirfd(inside), d->d_name, depth - 1);
	(void)closedir(inside);
	return unlinkat(dir, name, AT_REMOVEDIR) == -1 && errno == EBUSY ? -1
									 : 0;
}

void
cgroup_remove(const char *id)
{
	if (remove_at(self.runs, id, MAX_NESTED) == -1 &&
	    self.dying_count < MAX_DYING)
		(void)snprintf(
		    self.dying[self.dying_count++], MAX_ID, "%s", id);
}

void
cgroup_sweep(void)
{
	size_t i, n = 0;

	for (i = 0; i < self.dying_count; i++)
		if (remove_at(self.runs, self.dying[i], MAX_NESTED) == -1)
			memmove(self.dying[n++], self.dying[i], MAX_ID);
	self.dying_count = n;
}

void
cgroup_clear(bool (*spare)(const char *id))
{
	CLEANUP_FD int fd = -1;
	struct cgroup_usage unused;
	const struct dirent *d;
	DIR *dir;

	if (self.runs == -1)
		return;
	fd = openat(self.runs, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fdopendir(fd);
	if (dir == NULL)
		return;
	(void)steal_fd(&fd);
	while ((d = readdir(dir)) != NULL)
		if (d->d_type == DT_DIR && d->d_name[0] != '.' &&
		    (spare == NULL || !spare(d->d_name))) {
			cgroup_end(d->d_name, &unused);
			cgroup_remove(d->d_name);
		}
	(void)closedir(dir);
}
