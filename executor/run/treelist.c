/* SPDX-License-Identifier: MIT */
/* treelist: a look at a run's processes.  Executor; names are untrusted. */
#include "executor/run/treelist.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PROCESSES = 256, /* that are looked at */
	NAMED = 8, /* that are named */
	CHILDREN = 4096 /* bytes of a list of children */
};

struct tree {
	pid_t pid[PROCESSES];
	size_t count;
};

static size_t
read_text(const char *path, char *out, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t n = f == NULL ? 0 : fread(out, 1, size - 1, f);

	if (f != NULL)
		(void)fclose(f);
	out[n] = '\0';
	return n;
}

static void
add_children(struct tree *t, const char *list)
{
	char *end;
	long pid;

	while (t->count < PROCESSES) {
		pid = strtol(list, &end, 10);
		if (end == list || pid <= 0)
			return;
		t->pid[t->count++] = (pid_t)pid;
		list = end;
	}
}

/* Each thread has children of its own. */
static void
look_below(struct tree *t, pid_t pid)
{
	char path[sizeof(((struct dirent *)NULL)->d_name) + 64];
	char list[CHILDREN];
	struct dirent *d;
	DIR *tasks;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	if (tasks == NULL)
		return;
	while ((d = readdir(tasks)) != NULL && t->count < PROCESSES) {
		(void)snprintf(path, sizeof(path), "/proc/%d/task/%s/children",
		    (int)pid, d->d_name);
		if (d->d_name[0] != '.' &&
		    read_text(path, list, sizeof(list)) > 0)
			add_children(t, list);
	}
	(void)closedir(tasks);
}

static void
put_name(struct buf *out, pid_t pid)
{
	char path[64], name[32];
	size_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	n = read_text(path, name, sizeof(name));
	while (n > 0 && name[n - 1] == '\n')
		n--;
	for (size_t i = 0; i < n; i++)
		buf_put_u8(out,
		    name[i] > ' ' && name[i] < 0x7f ? (uint8_t)name[i] : '?');
	if (n == 0)
		buf_put_u8(out, '?');
}

void
treelist_put(struct buf *out, pid_t guard)
{
	struct tree t = { .count = 0 };
	size_t i;

	look_below(&t, guard);
	for (i = 0; i < t.count; i++)
		look_below(&t, t.pid[i]);
	if (t.count == 0)
		return;
	buf_printf(out, "%s%zu process%s (",
	    t.count == PROCESSES ? "at least " : "", t.count,
	    t.count == 1 ? "" : "es");
	for (i = 0; i < t.count && i < NAMED; i++) {
		buf_put_str(out, i > 0 ? ", " : "");
		put_name(out, t.pid[i]);
	}
	buf_put_str(out, t.count > NAMED ? ", ...)" : ")");
}
