/* SPDX-License-Identifier: MIT */
/* template: make, keep and drop prepared roots.  Launcher. */
#include "executor/launcher/template.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"

enum {
	AGAIN_MS = 500, /* from one that was no good to the next */
	REFUSED = 2 /* status: this plan has none */
};

struct template
{
	uint64_t serial; /* of its plan; 0: none */
	bool wanted; /* by the run before */
	bool refused;
	bool dropped; /* as soon as its maker has ended */
	bool good;
	pid_t maker; /* 0: none */
	int ns; /* -1: none */
	uint64_t number; /* of the preparation */
	uint64_t again_ms; /* monotonic; not made before */
	struct mounts_records *records;
};

static struct {
	struct template template[TEMPLATE_MAX];
	int table; /* of the host's mounts */
	int host; /* its namespace */
	uint64_t made, outdated;
} self = { .table = -1, .host = -1 };

void
template_init(void)
{
	size_t i;

	for (i = 0; i < TEMPLATE_MAX; i++)
		self.template[i].ns = -1;
	self.host = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (self.host != -1)
		self.table = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
}

int
template_fd(void)
{
	return self.table;
}

int
template_host(void)
{
	return self.host;
}

static struct template *
find_template(uint64_t serial)
{
	size_t i;

	for (i = 0; i < TEMPLATE_MAX; i++)
		if (self.template[i].serial == serial &&
		    !self.template[i].dropped)
			return &self.template[i];
	return NULL;
}

/* Guards that began with it keep what they have of it. */
static void
let_go(struct template *t)
{
	if (t->ns != -1)
		(void)close(t->ns);
	if (t->records != NULL)
		(void)munmap(t->records, sizeof(*t->records));
	t->ns = -1;
	t->records = NULL;
	t->good = false;
}

/* What is being made would be no good either. */
static void
drop_copy(struct template *t)
{
	let_go(t);
	if (t->maker != 0)
		(void)kill(t->maker, SIGKILL);
}

uint64_t
template_outdated(void)
{
	return self.outdated;
}

void
template_outdate(void)
{
	size_t i;

	self.outdated++;
	for (i = 0; i < TEMPLATE_MAX; i++)
		if (self.template[i].serial != 0) {
			drop_copy(&self.template[i]);
			self.template[i].refused = false;
		}
}

/* Since the launcher waited last. */
static void
look_at_table(void)
{
	struct pollfd p = { .fd = self.table };

	if (poll(&p, 1, 0) > 0 && p.revents != 0)
		template_outdate();
}

bool
template_take(uint64_t serial, struct mounts_ready *out)
{
	struct template *t;

	if (self.table == -1)
		return false;
	look_at_table();
	t = find_template(serial);
	if (t == NULL)
		t = find_template(0);
	if (t == NULL)
		return false;
	t->serial = serial;
	if (t->good && t->records->stale) {
		let_go(t);
		t->again_ms = clock_mono_ms() + AGAIN_MS;
	}
	if (!t->good) {
		t->wanted = t->maker == 0 && !t->refused &&
			    clock_mono_ms() >= t->again_ms;
		return false;
	}
	*out = (struct mounts_ready){ t->records, t->ns, self.host, t->number };
	return true;
}

static _Noreturn void
make_root(const struct mounts *m, struct mounts_records *r)
{
	int rc;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)prctl(PR_SET_NAME, "mcp-execd-tmpl", 0, 0, 0);
	rc = mounts_ready_make(m, r);
	_exit(rc == 0 ? 0 : rc == -ENOTSUP ? REFUSED : 1);
}

static void
start_maker(struct template *t, const struct mounts *m)
{
	char path[40];

	t->maker = confine_clone(CLONE_NEWNS, NULL);
	if (t->maker == 0)
		make_root(m, t->records);
	if (t->maker == -1) {
		t->maker = 0;
		t->refused = true;
		let_go(t);
		return;
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)t->maker);
	t->ns = open(path, O_RDONLY | O_CLOEXEC);
}

void
template_make(uint64_t serial, const struct launchplan *plan)
{
	struct template *t = find_template(serial);
	void *p;

	if (t == NULL || !t->wanted)
		return;
	t->wanted = false;
	t->again_ms = clock_mono_ms() + AGAIN_MS;
	p = mmap(NULL, sizeof(*t->records), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return;
	t->records = p;
	t->number = ++self.made;
	start_maker(t, &plan->confine.mounts);
}

static void
forget_template(struct template *t)
{
	let_go(t);
	*t = (struct template){ .ns = -1 };
}

void
template_drop(uint64_t serial)
{
	struct template *t = find_template(serial);

	if (t == NULL)
		return;
	drop_copy(t);
	t->dropped = true;
	if (t->maker == 0)
		forget_template(t);
}

bool
template_reaped(pid_t pid, int status)
{
	struct template *t;
	size_t i;

	for (i = 0; i < TEMPLATE_MAX && self.template[i].maker != pid; i++)
		;
	if (i == TEMPLATE_MAX)
		return false;
	t = &self.template[i];
	t->maker = 0;
	t->refused = WIFEXITED(status) && WEXITSTATUS(status) == REFUSED;
	t->good = status == 0 && t->ns != -1 && t->records != NULL;
	if (!t->good)
		let_go(t);
	if (t->dropped)
		forget_template(t);
	return true;
}

size_t
template_makers(pid_t *out, size_t max)
{
	size_t i, n = 0;

	for (i = 0; i < TEMPLATE_MAX && n < max; i++)
		if (self.template[i].maker != 0)
			out[n++] = self.template[i].maker;
	return n;
}
