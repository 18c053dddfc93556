/* SPDX-License-Identifier: MIT */
/* image: /proc/PID and the memory of a process that is stopped.  Guard. */
#include "executor/launcher/image.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "executor/launcher/unotify.h"

/* Of /proc/PID/stat, proc_pid_stat(5), counted from 1. */
enum field {
	PARENT = 4,
	BEGAN = 22,
	CODE = 26,
	STACK = 28,
	ARG_START = 48,
	ARG_END = 49,
	ENV_END = 51,
	FIELDS = 53
};

enum {
	MAX_ARGS = 8 << 20, /* more than any kernel takes */
	PIECE = 16384
};

/* false if it cannot be read to the end. */
static bool
read_stat(pid_t pid, uint64_t field[FIELDS])
{
	char text[1024];
	const char *p;
	size_t i = 3;

	memset(field, 0, FIELDS * sizeof(*field));
	(void)unotify_read_proc(pid, "stat", text, sizeof(text));
	p = strrchr(text, ')'); /* the name may hold anything */
	if (p == NULL || p[1] == '\0')
		return false;
	for (p += 2; *p != '\0' && i < FIELDS; p++)
		if (*p == ' ')
			i++;
		else if (*p >= '0' && *p <= '9')
			field[i] = field[i] * 10 + (uint64_t)(*p - '0');
	return i > ENV_END;
}

void
image_id(pid_t pid, struct image_id *out)
{
	uint64_t field[FIELDS];

	(void)read_stat(pid, field);
	*out = (struct image_id){ .began = field[BEGAN],
		.code = field[CODE],
		.stack = field[STACK],
		.args = field[ARG_START] };
}

bool
image_same(const struct image_id *a, const struct image_id *b)
{
	return a->code == b->code && a->stack == b->stack && a->args == b->args;
}

/* All of the words, piece by piece, of which nothing stays for the next run. */
static bool
sum_args(pid_t pid, uint64_t at, struct image *out)
{
	static uint8_t piece[PIECE];
	uint64_t left = out->args_total;
	struct digest d;
	size_t n, got;

	digest_init(&d);
	while (left > 0) {
		n = left < PIECE ? (size_t)left : PIECE;
		got = unotify_read_memory(pid, at, piece, n);
		digest_update(&d, bytes_make(piece, got));
		memset(piece, 0, got);
		if (got != n)
			return false;
		at += n;
		left -= n;
	}
	digest_final(&d, out->args_sum);
	return true;
}

static bool
read_args(pid_t pid, const uint64_t field[FIELDS], struct image *out)
{
	uint64_t start = field[ARG_START], end = field[ARG_END];
	size_t want;

	if (start == 0 || end < start || end - start > MAX_ARGS)
		return false;
	out->args_total = end - start;
	want = out->args_total < IMAGE_MAX_ARGS ? (size_t)out->args_total
						: IMAGE_MAX_ARGS - 1;
	out->args_len = unotify_read_memory(pid, start, out->args, want);
	if (out->args_len < out->args_total)
		out->args_summed = sum_args(pid, start, out);
	return out->args_len == want;
}

/*
 * The kernel puts the path of its call behind the environment, execve(2) and
 * getauxval(3), AT_EXECFN: a script's where an interpreter runs it.
 */
static void
read_asked(pid_t pid, const uint64_t field[FIELDS], struct image *out)
{
	if (field[ENV_END] != 0)
		unotify_read_text(
		    pid, field[ENV_END], out->asked, sizeof(out->asked));
}

/* The mount namespace of this process, 0: not looked up since image_moved. */
static ino_t our_mounts;

void
image_moved(void)
{
	our_mounts = 0;
}

/* Ours and its: the same number means the same namespace. */
static bool
has_own_mounts(pid_t pid)
{
	char path[UNOTIFY_PATH];
	struct stat st;
	int at;

	if (our_mounts == 0 && stat("/proc/self/ns/mnt", &st) == 0)
		our_mounts = st.st_ino;
	at = unotify_proc_path(pid, "ns/mnt", path);
	return our_mounts != 0 && fstatat(at, path, &st, 0) == 0 &&
	       st.st_ino != our_mounts;
}

/*
 * The very file, by the kernel's link to it.  As long as it runs nobody can
 * write to it; no file system is asked that might not answer.
 */
static void
read_file(pid_t pid, struct image *out)
{
	char path[UNOTIFY_PATH];
	int at = unotify_proc_path(pid, "exe", path);

	if (filehash_look(at, path, &out->file, &out->owner))
		out->summed = filehash_get(
		    at, path, &out->file, out->sum, &out->remember);
}

bool
image_look(pid_t pid, struct image *out)
{
	uint64_t field[FIELDS];
	bool whole;

	memset(out, 0, sizeof(*out));
	whole = read_stat(pid, field) && read_args(pid, field, out);
	out->process = pid;
	out->parent = (pid_t)field[PARENT];
	read_asked(pid, field, out);
	unotify_read_link(pid, "exe", out->executable, sizeof(out->executable));
	unotify_read_link(pid, "cwd", out->directory, sizeof(out->directory));
	out->own_mounts = has_own_mounts(pid);
	read_file(pid, out);
	return whole && out->executable[0] != '\0';
}
