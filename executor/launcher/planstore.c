/* SPDX-License-Identifier: MIT */
/* planstore: take, check, find and drop plans.  Launcher. */
#include "executor/launcher/planstore.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executor/launcher/template.h"

/* It does not follow what a static table of plans holds. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

static struct {
	struct planstore_plan plan[PLANSTORE_MAX];
	size_t used; /* places from here on are free */
	struct planstore_plan *last; /* whose descriptors come */
	size_t networks;
	uint64_t serial;
} self;

static void
close_all(const int *fds, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		(void)close(fds[i]);
}

static const char *
refuse_fds(const int *fds, size_t count, const char *why)
{
	close_all(fds, count);
	return why;
}

static void
free_plan(struct planstore_plan *p)
{
	int net;

	if (p->templates)
		template_drop(p->serial);
	while ((net = planstore_take_network(p)) != -1)
		(void)close(net);
	close_all(p->fds, p->fd_count);
	free(p->fds);
	if (p->bytes != NULL)
		(void)munmap((void *)(uintptr_t)p->bytes, p->size);
	memset(p, 0, sizeof(*p));
	while (self.used > 0 && self.plan[self.used - 1].bytes == NULL)
		self.used--;
}

static struct planstore_plan *
find_any(const uint8_t digest[DIGEST_BYTES])
{
	size_t i;

	for (i = 0; i < self.used; i++)
		if (self.plan[i].bytes != NULL &&
		    memcmp(self.plan[i].digest, digest, DIGEST_BYTES) == 0)
			return &self.plan[i];
	return NULL;
}

struct planstore_plan *
planstore_find(const uint8_t digest[DIGEST_BYTES])
{
	struct planstore_plan *p = find_any(digest);

	return p != NULL && p->whole ? p : NULL;
}

static struct planstore_plan *
find_place(void)
{
	size_t i;

	for (i = 0; i < self.used; i++)
		if (self.plan[i].bytes == NULL)
			return &self.plan[i];
	return self.used < PLANSTORE_MAX ? &self.plan[self.used++] : NULL;
}

/* It cannot be written to, shortened or prolonged by anybody any more. */
static const void *
map_sealed(int fd, size_t size)
{
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	int has = fcntl(fd, F_GET_SEALS);
	struct stat st;
	void *p;

	if (has == -1 || (has & seals) != seals || fstat(fd, &st) == -1 ||
	    size == 0 || (uint64_t)st.st_size != size)
		return NULL;
	p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	/* cppcheck-suppress memleak ; the caller's to unmap */
	return p == MAP_FAILED ? NULL : p;
}

/* Runs that could write in it, or change mounts, are on their own. */
static bool
may_share_root(const struct launchplan *p)
{
	return p->templates &&
	       (p->confine.layers & (CONFINE_MOUNTS | CONFINE_USER)) ==
		   CONFINE_MOUNTS &&
	       p->uid != geteuid() && p->uid != 0 && p->capabilities == 0;
}

static const char *
check_plan(struct planstore_plan *p)
{
	static struct launchplan plan;
	uint8_t sum[DIGEST_BYTES];

	digest_sha256(bytes_make(p->bytes, p->size), sum);
	if (memcmp(sum, p->digest, sizeof(sum)) != 0)
		return "it has not the digest that it is named by";
	if (!launchplan_read(p->bytes, p->size, p->fd_want, &plan))
		return "it cannot be read";
	p->keeps_network = plan.keeps_network;
	p->templates = may_share_root(&plan);
	p->namespaces = confine_clone_flags(&plan.confine, -1);
	return NULL;
}

const char *
planstore_add(const struct launchmsg_order *m, const int *fds, size_t count)
{
	struct planstore_plan *p = find_any(m->plan);
	const char *wrong = NULL;

	if (p != NULL) {
		p->users++;
		self.last = NULL; /* what is held is held already */
		return refuse_fds(fds, count, NULL);
	}
	if (count < 2 || m->held == 0 || m->held > LAUNCHPLAN_FDS ||
	    count - 1 > m->held || m->size > LAUNCHPLAN_MAX_BYTES)
		return refuse_fds(fds, count, "its head is wrong");
	p = find_place();
	if (p == NULL)
		return refuse_fds(fds, count, "there are too many");
	p->bytes = map_sealed(fds[0], m->size);
	p->size = m->size;
	p->fd_want = m->held;
	p->users = 1;
	p->serial = ++self.serial;
	memcpy(p->digest, m->plan, sizeof(p->digest));
	p->fds = NULL;
	if (p->bytes == NULL)
		wrong = "it is not in a sealed file of its size";
	else if ((p->fds = calloc(m->held, sizeof(*p->fds))) == NULL)
		wrong = "memory has run out";
	else
		wrong = check_plan(p);
	if (wrong != NULL) {
		free_plan(p);
		return refuse_fds(fds, count, wrong);
	}
	(void)close(fds[0]);
	self.last = p;
	return planstore_hold(fds + 1, count - 1);
}

const char *
planstore_hold(const int *fds, size_t count)
{
	struct planstore_plan *p = self.last;

	if (p == NULL) /* of a plan that was here already */
		return refuse_fds(fds, count, NULL);
	if (count > p->fd_want - p->fd_count)
		return refuse_fds(
		    fds, count, "it has more descriptors than said");
	if (count > 0)
		memcpy(p->fds + p->fd_count, fds, count * sizeof(*fds));
	p->fd_count += count;
	p->whole = p->fd_count == p->fd_want;
	return NULL;
}

void
planstore_drop(const uint8_t digest[DIGEST_BYTES])
{
	struct planstore_plan *p = find_any(digest);

	if (p == NULL || --p->users > 0)
		return;
	if (self.last == p)
		self.last = NULL;
	free_plan(p);
}

int
planstore_take_network(struct planstore_plan *p)
{
	if (p->network_count == 0)
		return -1;
	self.networks--;
	return p->networks[--p->network_count];
}

void
planstore_keep_network(struct planstore_plan *p, uint64_t serial, int net)
{
	if (p->serial != serial || p->network_count == PLANSTORE_NETWORKS ||
	    self.networks == PLANSTORE_NETWORKS_IN_ALL) {
		(void)close(net);
		return;
	}
	p->networks[p->network_count++] = net;
	self.networks++;
}
