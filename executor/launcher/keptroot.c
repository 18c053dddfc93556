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
has_no_terminal(int dir)
{
	enum { NAMES = 3 }; /* with those of itself and of what is above */
	_Alignas(8) char text[1024];
	int names = 0;
	long n, at;

	if (lseek(dir, 0, SEEK_SET) != 0)
		return false;
	n = syscall(SYS_getdents64, dir, text, sizeof(text));
	for (at = 0; at < n; names++)
		at += *(const uint16_t *)(const void *)(text + at + 16);
	return names == NAMES;
}

/* Next to another one, NULL: one file system is asked once what is free. */
static bool
look_at(struct keptroot_place *its, const struct keptroot_place *beside)
{
	struct statfs fs;

	if (fstat(its->fd, &its->is) == -1)
		return false;
	if (beside != NULL && beside->is.st_dev == its->is.st_dev) {
		its->free_blocks = beside->free_blocks;
		its->free_files = beside->free_files;
		return true;
	}
	if (fstatfs(its->fd, &fs) == -1)
		return false;
	its->free_blocks = fs.f_bfree;
	its->free_files = fs.f_ffree;
	return true;
}

void
keptroot_init(struct keptroot *k)
{
	k->noted = false;
	k->ruleset = k->queues = k->terminals = -1;
	k->count = 0;
}

size_t
keptroot_fds(const struct keptroot *k, int out[KEPTROOT_FDS])
{
	size_t i, n = 0;

	out[n++] = k->ruleset;
	out[n++] = k->queues;
	out[n++] = k->terminals;
	for (i = 0; i < k->count; i++)
		out[n++] = k->were[i].fd;
	return n;
}

void
keptroot_forget(struct keptroot *k)
{
	int fd[KEPTROOT_FDS];
	size_t n = keptroot_fds(k, fd);

	while (n-- > 0)
		if (fd[n] != -1)
			(void)close(fd[n]);
	keptroot_init(k);
}

static bool
note_place(struct keptroot *k, const char *path)
{
	struct keptroot_place *its = &k->were[k->count];

	if (k->count == KEPTROOT_PRIVATES)
		return false;
	its->fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (its->fd == -1)
		return false;
	k->count++;
	return look_at(its, k->count > 1 ? its - 1 : NULL);
}

static bool
note_terminals(struct keptroot *k, const char *path)
{
	if (k->terminals != -1)
		return false;
	k->terminals = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return k->terminals != -1;
}

static bool
note_places(struct keptroot *k, const struct mounts *m)
{
	size_t i;

	for (i = 0; i < m->count; i++) {
		const struct mounts_op *op = &m->op[i];

		if ((is_private(op) && !note_place(k, op->path)) ||
		    (op->kind == MOUNTS_PTS && !note_terminals(k, op->path)))
			return false;
	}
	return true;
}

void
keptroot_note(struct keptroot *k, const struct mounts *m, int ruleset)
{
	k->queues = mounts_detached("mqueue"); /* of its IPC */
	k->noted = k->queues != -1 && fstat(k->queues, &k->queues_were) == 0 &&
		   note_places(k, m);
	if (k->noted)
		k->ruleset = ruleset;
	else
		keptroot_forget(k);
}

static bool
is_as_it_was(const struct keptroot_place *was, struct keptroot_place *now,
    const struct keptroot_place *beside)
{
	now->fd = was->fd;
	return look_at(now, beside) && is_alike(&now->is, &was->is) &&
	       now->free_blocks == was->free_blocks &&
	       now->free_files == was->free_files;
}

bool
keptroot_is(const struct keptroot *k)
{
	struct keptroot_place now[2]; /* in turn */
	struct stat st;
	size_t i;

	if (!k->noted || !has_no_ids() || fstat(k->queues, &st) == -1 ||
	    !is_alike(&st, &k->queues_were))
		return false;
	for (i = 0; i < k->count; i++)
		if (!is_as_it_was(&k->were[i], &now[i % 2],
			i > 0 ? &now[1 - i % 2] : NULL))
			return false;
	return k->terminals == -1 || has_no_terminal(k->terminals);
}
