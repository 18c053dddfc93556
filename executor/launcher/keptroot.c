/* SPDX-License-Identifier: MIT */
/* keptroot: note and compare.  Guard. */
#include "executor/launcher/keptroot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool
is_private(const struct mounts_op *op)
{
	return op->kind == MOUNTS_TMPFS || op->kind == MOUNTS_TMPFS_NOEXEC ||
	       op->kind == MOUNTS_DEV;
}

/* Reading alone does not change it, though the next run may see that. */
static bool
is_alike(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_mode == b->st_mode && a->st_nlink == b->st_nlink &&
	       a->st_uid == b->st_uid && a->st_gid == b->st_gid &&
	       a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* System V's of this IPC: none.  svipc(7); a kernel without has none. */
static bool
has_no_ids(void)
{
	struct shm_info shm = { 0 };
	struct seminfo sem = { 0 };
	struct msginfo msg = { 0 };

	if (syscall(SYS_shmctl, 0, SHM_INFO, &shm) == -1 ||
	    syscall(SYS_semctl, 0, 0, SEM_INFO, &sem) == -1 ||
	    syscall(SYS_msgctl, 0, MSG_INFO, &msg) == -1)
		return errno == ENOSYS;
	return shm.used_ids == 0 && sem.semusz == 0 && msg.msgpool == 0;
}

/* Terminals of its own: only the way to new ones, ptmx, is there. */
static bool
has_no_terminal(const char *path)
{
	enum { NAMES = 3 }; /* with those of itself and of what is above */
	_Alignas(8) char text[1024];
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), names = 0;
	long n, at;

	if (dir == -1)
		return false;
	n = syscall(SYS_getdents64, dir, text, sizeof(text));
	for (at = 0; at < n; names++)
		at += *(const uint16_t *)(const void *)(text + at + 16);
	(void)close(dir);
	return names == NAMES;
}

/* Next to another one, NULL: one file system is asked once what is free. */
static bool
look_at(const char *path, const struct keptroot_place *beside,
    struct keptroot_place *out)
{
	struct statfs fs;

	if (lstat(path, &out->is) == -1)
		return false;
	if (beside != NULL && beside->is.st_dev == out->is.st_dev) {
		out->free_blocks = beside->free_blocks;
		out->free_files = beside->free_files;
		return true;
	}
	if (statfs(path, &fs) == -1)
		return false;
	out->free_blocks = fs.f_bfree;
	out->free_files = fs.f_ffree;
	return true;
}

void
keptroot_init(struct keptroot *k)
{
	k->noted = false;
	k->ruleset = k->queues = -1;
}

void
keptroot_forget(struct keptroot *k)
{
	if (k->ruleset != -1)
		(void)close(k->ruleset);
	if (k->queues != -1)
		(void)close(k->queues);
	keptroot_init(k);
}

static bool
note_places(struct keptroot *k, const struct mounts *m)
{
	const struct keptroot_place *beside = NULL;
	size_t i;

	for (i = 0; i < m->count; i++) {
		struct keptroot_place *its = &k->were[k->count];

		if (!is_private(&m->op[i]))
			continue;
		if (k->count++ == KEPTROOT_PRIVATES ||
		    !look_at(m->op[i].path, beside, its))
			return false;
		beside = its;
	}
	return true;
}

void
keptroot_note(struct keptroot *k, const struct mounts *m, int ruleset)
{
	k->count = 0;
	k->queues = mounts_detached("mqueue"); /* of its IPC */
	k->noted = k->queues != -1 && fstat(k->queues, &k->queues_were) == 0 &&
		   note_places(k, m);
	if (k->noted)
		k->ruleset = ruleset;
	else
		keptroot_forget(k);
}

/* What it is now is in *now, which has the one before until then. */
static bool
is_as_it_was(const struct keptroot *k, const char *path, size_t at,
    struct keptroot_place *now)
{
	const struct keptroot_place before = *now;

	return at < k->count && look_at(path, at > 0 ? &before : NULL, now) &&
	       is_alike(&now->is, &k->were[at].is) &&
	       now->free_blocks == k->were[at].free_blocks &&
	       now->free_files == k->were[at].free_files;
}

bool
keptroot_is(const struct keptroot *k, const struct mounts *m)
{
	struct keptroot_place now = { 0 };
	size_t i, at = 0;
	struct stat st;

	if (!k->noted || !has_no_ids() || fstat(k->queues, &st) == -1 ||
	    !is_alike(&st, &k->queues_were))
		return false;
	for (i = 0; i < m->count; i++) {
		const struct mounts_op *op = &m->op[i];

		if (is_private(op) && !is_as_it_was(k, op->path, at++, &now))
			return false;
		if (op->kind == MOUNTS_PTS && !has_no_terminal(op->path))
			return false;
	}
	return true;
}
