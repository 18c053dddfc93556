/* SPDX-License-Identifier: MIT */
/* planstore: take, check, find and drop plans.  Launcher. */
#include "executor/launcher/planstore.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "executor/launcher/plannames.h"
#include "executor/launcher/template.h"

/* It does not follow what a static table of plans holds. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

static struct {
	size_t used; /* places from here on are free */
	struct planstore_plan *last; /* whose descriptors come */
	bool by_loads; /* else each is in force when it is whole */
	uint64_t load, began_ns; /* the last one */
	size_t brought; /* plans, by the one that is under way */
	const char *wrong; /* with that, or NULL */
	uint64_t due_ms; /* when the first retired one is freed; 0: never */
	size_t networks;
	uint64_t serial;
	uint64_t key[PLANSTORE_MAX]; /* of their digests: to be found quickly */
	struct planstore_plan plan[PLANSTORE_MAX];
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

	plannames_forget(p);
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

static uint64_t
key_of(const uint8_t digest[DIGEST_BYTES])
{
	uint64_t key;

	memcpy(&key, digest, sizeof(key));
	return key;
}

static struct planstore_plan *
find_any(const uint8_t digest[DIGEST_BYTES])
{
	uint64_t key = key_of(digest);
	size_t i;

	for (i = 0; i < self.used; i++)
		if (self.key[i] == key && self.plan[i].bytes != NULL &&
		    memcmp(self.plan[i].digest, digest, DIGEST_BYTES) == 0)
			return &self.plan[i];
	return NULL;
}

struct planstore_plan *
planstore_find(const uint8_t by[DIGEST_BYTES])
{
	struct planstore_plan *p =
	    self.by_loads ? plannames_find(by) : find_any(by);

	return p != NULL && p->whole && p->in_force ? p : NULL;
}

/* The one that was retired first makes room. */
static struct planstore_plan *
take_retired(void)
{
	struct planstore_plan *oldest = NULL;

	for (size_t i = 0; i < self.used; i++)
		if (self.plan[i].until_ms != 0 && !self.plan[i].staged &&
		    (oldest == NULL ||
			self.plan[i].until_ms < oldest->until_ms))
			oldest = &self.plan[i];
	if (oldest == NULL)
		return NULL;
	free_plan(oldest);
	if (self.used <= (size_t)(oldest - self.plan))
		self.used = (size_t)(oldest - self.plan) + 1;
	return oldest;
}

static struct planstore_plan *
find_place(void)
{
	size_t i;

	for (i = 0; i < self.used; i++)
		if (self.plan[i].bytes == NULL)
			return &self.plan[i];
	return self.used < PLANSTORE_MAX ? &self.plan[self.used++]
					 : take_retired();
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

/*
 * Where all that a run could change goes with it, or with the namespaces that
 * are made for each.
 */
static bool
may_share_guard(const struct launchplan *p)
{
	const unsigned own = CONFINE_MOUNTS | CONFINE_PIDS | CONFINE_IPC;
	unsigned layers = p->confine.layers;

	return p->guards && may_share_root(p) && (layers & own) == own &&
	       ((layers & CONFINE_NET) == 0 || p->keeps_network);
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
	p->guards = may_share_guard(&plan);
	p->namespaces = confine_clone_flags(&plan.confine, -1);
	return NULL;
}

static const char *
hold_fds(const int *fds, size_t count)
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

static const char *
name_plan(const struct launchmsg_order *m, struct planstore_plan *p)
{
	return !self.by_loads || plannames_stage(m->name, p)
		   ? NULL
		   : "there are too many names";
}

static const char *
add_plan(const struct launchmsg_order *m, const int *fds, size_t count)
{
	struct planstore_plan *p = find_any(m->plan);
	const char *wrong = NULL;

	if (p != NULL) {
		p->users++;
		p->staged = self.by_loads;
		self.last = NULL; /* what is held is held already */
		return refuse_fds(fds, count, name_plan(m, p));
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
	p->staged = self.by_loads;
	p->in_force = !self.by_loads;
	p->serial = ++self.serial;
	memcpy(p->digest, m->plan, sizeof(p->digest));
	self.key[p - self.plan] = key_of(p->digest);
	p->fds = NULL;
	if (p->bytes == NULL)
		wrong = "it is not in a sealed file of its size";
	else if ((p->fds = calloc(m->held, sizeof(*p->fds))) == NULL)
		wrong = "memory has run out";
	else
		wrong = check_plan(p);
	if (wrong == NULL)
		wrong = name_plan(m, p);
	if (wrong != NULL) {
		free_plan(p);
		return refuse_fds(fds, count, wrong);
	}
	(void)close(fds[0]);
	self.last = p;
	return hold_fds(fds + 1, count - 1);
}

/* One plan that is wrong spoils its load. */
static const char *
note_wrong(const char *wrong)
{
	if (wrong != NULL)
		self.wrong = wrong;
	return wrong;
}

const char *
planstore_add(const struct launchmsg_order *m, const int *fds, size_t count)
{
	self.brought++;
	return note_wrong(add_plan(m, fds, count));
}

const char *
planstore_hold(const int *fds, size_t count)
{
	return note_wrong(hold_fds(fds, count));
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

/* --- loads ------------------------------------------------------------ */

void
planstore_use_loads(void)
{
	self.by_loads = true;
}

/* When the first retired plan is to be freed. */
static void
note_due(void)
{
	self.due_ms = 0;
	for (size_t i = 0; i < self.used; i++)
		if (self.plan[i].until_ms != 0 &&
		    (self.due_ms == 0 || self.plan[i].until_ms < self.due_ms))
			self.due_ms = self.plan[i].until_ms;
}

void
planstore_begin(void)
{
	plannames_begin();
	for (size_t i = self.used; i-- > 0;) {
		self.plan[i].staged = false;
		if (self.plan[i].bytes != NULL && !self.plan[i].in_force)
			free_plan(&self.plan[i]);
	}
	self.last = NULL;
	self.brought = 0;
	self.wrong = NULL;
}

static bool
all_is_whole(void)
{
	for (size_t i = 0; i < self.used; i++)
		if (self.plan[i].staged && !self.plan[i].whole)
			return false;
	return true;
}

const char *
planstore_commit(size_t count, uint64_t began_ns)
{
	const char *wrong = self.wrong;

	if (wrong == NULL && self.brought != count)
		wrong = "it has not as many plans as said";
	if (wrong == NULL && !all_is_whole())
		wrong = "descriptors are missing";
	if (wrong == NULL) {
		self.load++;
		self.began_ns = began_ns;
		plannames_commit();
		for (size_t i = 0; i < self.used; i++) {
			struct planstore_plan *p = &self.plan[i];

			if (!p->staged)
				continue;
			p->in_force = true;
			p->load = self.load;
			p->until_ms = 0;
		}
		note_due();
	}
	planstore_begin(); /* nothing of it is open any more */
	return wrong;
}

void
planstore_retire(uint64_t asked_ns)
{
	if (asked_ns < self.began_ns)
		return;
	for (size_t i = 0; i < self.used; i++) {
		struct planstore_plan *p = &self.plan[i];

		if (p->in_force && p->load != self.load && p->until_ms == 0)
			p->until_ms = clock_mono_ms() + PLANSTORE_RETIRED_MS;
	}
	note_due();
}

int
planstore_wait_ms(void)
{
	uint64_t now;

	if (self.due_ms == 0)
		return -1;
	now = clock_mono_ms();
	return self.due_ms <= now ? 0 : (int)(self.due_ms - now);
}

void
planstore_tidy(void)
{
	uint64_t now = clock_mono_ms();

	if (self.due_ms == 0 || self.due_ms > now)
		return;
	for (size_t i = self.used; i-- > 0;) {
		struct planstore_plan *p = &self.plan[i];

		if (p->until_ms == 0 || p->until_ms > now)
			continue;
		if (p->staged) /* the load under way has it again */
			p->until_ms = now + PLANSTORE_RETIRED_MS;
		else
			free_plan(p);
	}
	note_due();
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
