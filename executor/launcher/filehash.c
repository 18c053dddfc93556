/* SPDX-License-Identifier: MIT */
/* filehash: read a program once.  Guard, and the executor's memory of it. */
#include "executor/launcher/filehash.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "executor/launcher/modules.h"

static const char *const anchors[] = { "/", "/usr", "/usr/local", "/opt" };

enum {
	REMEMBERED = 256,
	PAGE = 4096, /* where one is larger, what is used stays */
	PIECE = 65536,
	ANCHORS = sizeof(anchors) / sizeof(anchors[0]),
	/*
	 * A file's times move in ticks, of up to 2 s on some file systems: two
	 * versions within one cannot be told apart.
	 */
	SETTLED_US = 2000000
};

static struct {
	struct {
		struct filehash_version v; /* zeros: free */
		uint8_t sum[DIGEST_BYTES];
	} known[REMEMBERED];
	size_t next; /* to be replaced */
	uint64_t device[ANCHORS]; /* of the anchors; 0: there is none */
} self;

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool
filehash_same(
    const struct filehash_version *a, const struct filehash_version *b)
{
	return a->device == b->device && a->inode == b->inode &&
	       a->size == b->size && same_time(&a->modified, &b->modified) &&
	       same_time(&a->changed, &b->changed);
}

void
filehash_prepare(void)
{
	struct stat st;
	size_t i;

	for (i = 0; i < ANCHORS; i++)
		self.device[i] = stat(anchors[i], &st) == 0 ? st.st_dev : 0;
}

static const uint8_t *
find_known(const struct filehash_version *v)
{
	size_t i;

	for (i = 0; i < REMEMBERED && self.known[i].v.inode != 0; i++)
		if (filehash_same(&self.known[i].v, v))
			return self.known[i].sum;
	return NULL;
}

static bool
is_near(uint64_t device)
{
	size_t i;

	for (i = 0; i < ANCHORS; i++)
		if (device != 0 && self.device[i] == device)
			return true;
	return false;
}

/* May that much be read now? */
static bool
can_afford(uint64_t size)
{
	uint64_t now = clock_mono_ms() / 1000;

	if (now != modules()->second) {
		modules()->second = now;
		modules()->spent = 0;
	}
	if (size > FILEHASH_MAX_FILE ||
	    modules()->spent + size > FILEHASH_PER_SECOND)
		return false;
	modules()->spent += size;
	return true;
}

static bool
take_version(const struct statx *s, struct filehash_version *out)
{
	if (!S_ISREG(s->stx_mode))
		return false;
	*out = (struct filehash_version){
		.device = makedev(s->stx_dev_major, s->stx_dev_minor),
		.inode = s->stx_ino,
		.size = s->stx_size,
		.modified = { s->stx_mtime.tv_sec, s->stx_mtime.tv_nsec },
		.changed = { s->stx_ctime.tv_sec, s->stx_ctime.tv_nsec },
	};
	return true;
}

bool
filehash_look(int at, const char *path, struct filehash_version *out,
    struct filehash_owner *owner)
{
	struct statx s;

	if (statx(at, path, AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &s) == -1 ||
	    !take_version(&s, out))
		return false;
	if (owner != NULL)
		*owner =
		    (struct filehash_owner){ s.stx_uid, s.stx_gid, s.stx_mode };
	return true;
}

/* false if it changed meanwhile. */
static bool
read_all(int fd, const struct filehash_version *v, uint8_t out[DIGEST_BYTES])
{
	static _Alignas(PAGE) uint8_t piece[PIECE];
	struct filehash_version after;
	struct digest d;
	uint64_t total = 0;
	struct statx s;
	ssize_t n;

	digest_init(&d);
	while (total <= v->size && (n = read(fd, piece, sizeof(piece))) > 0) {
		digest_update(&d, bytes_make(piece, (size_t)n));
		total += (uint64_t)n;
	}
	digest_final(&d, out);
	/* Rarely needed, and each command's fork would copy it. */
	(void)madvise(piece, sizeof(piece), MADV_DONTNEED);
	return total == v->size &&
	       statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &s) == 0 &&
	       take_version(&s, &after) && filehash_same(v, &after);
}

static bool
is_settled(const struct filehash_version *v)
{
	uint64_t now = clock_wall_us();
	uint64_t changed = (uint64_t)v->changed.tv_sec * 1000000 +
			   (uint64_t)v->changed.tv_nsec / 1000;

	return v->changed.tv_sec >= 0 && changed < now &&
	       now - changed > SETTLED_US;
}

bool
filehash_get(int at, const char *path, const struct filehash_version *v,
    uint8_t out[DIGEST_BYTES], bool *remember)
{
	const uint8_t *sum = find_known(v);
	CLEANUP_FD int fd = -1;

	*remember = false;
	if (sum != NULL) {
		memcpy(out, sum, DIGEST_BYTES);
		return true;
	}
	if (!is_near(v->device) || !can_afford(v->size))
		return false;
	fd = openat(at, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1 || !read_all(fd, v, out))
		return false;
	*remember = is_settled(v);
	if (*remember)
		filehash_remember(v, out);
	return true;
}

void
filehash_remember(
    const struct filehash_version *v, const uint8_t sum[DIGEST_BYTES])
{
	if (find_known(v) != NULL)
		return;
	self.known[self.next].v = *v;
	memcpy(self.known[self.next].sum, sum, DIGEST_BYTES);
	self.next = (self.next + 1) % REMEMBERED;
}
