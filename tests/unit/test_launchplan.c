/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/launcher/launchplan and planstore against bytes that
 * executor/run/launchblob wrote: as they are, cut, and forged.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "common/digest.h"
#include "executor/launcher/plannames.h"
#include "executor/launcher/planstore.h"
#include "executor/launcher/rights.h"
#include "executor/run/launchblob.h"
#include "executor/run/plansend.h"
#include "tests/unit/fixture_executor.h"
#include "tests/unit/fixture_fds.h"
#include "tests/unit/fixture_skip.h"

static struct launchplan plan;
static struct launchplan_order order;

static struct policy *
some_policy(void)
{
	struct policy *p = fixture_policy(
	    fixture_top, ",\"require\":[],\"files\":{\"read\":[\"/usr\"]}");

	p->confine.own_sockets = true;
	p->confine.watched = 1U << RIGHTS_BIND | 1U << RIGHTS_SOCKET;
	p->confine.socket[0] = strdup("/run/some.socket");
	return p;
}

static void
write_plan(const struct policy *p, struct buf *b, int *fds, size_t *count)
{
	struct err e = { 0 };

	buf_init(b, LAUNCHPLAN_MAX_BYTES);
	assert_int_equal(launchblob_plan(p, true, b, fds, count, &e), 0);
}

/* A copy of exactly that size, so that a sanitizer sees a step beyond it. */
static void *
copy_of(const void *p, size_t size)
{
	void *q = malloc(size > 0 ? size : 1);

	assert_non_null(q);
	memcpy(q, p, size);
	return q;
}

static bool
reads(const void *p, size_t size, size_t fds)
{
	void *q = copy_of(p, size);
	bool ok = launchplan_read(q, size, fds, &plan);

	free(q);
	return ok;
}

static void
test_plan(void **state)
{
	struct policy *p = some_policy();
	int fds[LAUNCHPLAN_FDS];
	struct buf b;
	size_t count, i;

	(void)state;
	write_plan(p, &b, fds, &count);
	assert_true(launchplan_read(b.p, b.len, count, &plan));
	assert_int_equal(plan.uid, p->uid);
	assert_int_equal(plan.umask, p->umask);
	assert_int_equal(plan.rlimit_count, p->rlimit_count);
	assert_int_equal(plan.confine.layers, p->confine.layers);
	assert_int_equal(plan.confine.mounts.count, p->confine.mounts.count);
	assert_string_equal(plan.directory, fixture_top);
	assert_int_equal(plan.filter.prog.len, p->filter.prog.len);
	assert_memory_equal(plan.filter.prog.filter, p->filter.prog.filter,
	    p->filter.prog.len * sizeof(struct sock_filter));
	for (i = 0; i < plan.confine.mounts.count; i++)
		assert_string_equal(plan.confine.mounts.op[i].path,
		    p->confine.mounts.op[i].path);
	assert_int_equal(plan.confine.own_sockets, p->confine.own_sockets);
	assert_int_equal(plan.confine.watched, p->confine.watched);
	for (i = 0; p->confine.socket[i] != NULL; i++)
		assert_string_equal(
		    plan.confine.socket[i], p->confine.socket[i]);
	assert_null(plan.confine.socket[i]);
	launchplan_hold(&plan, fds);
	for (i = 0; i < plan.confine.mounts.count; i++)
		assert_int_equal(plan.confine.mounts.op[i].held,
		    p->confine.mounts.op[i].held);
	buf_fini(&b);
	policy_unref(p);
}

static void
test_plan_cut(void **state)
{
	struct policy *p = some_policy();
	int fds[LAUNCHPLAN_FDS];
	struct buf b;
	size_t count, n;

	(void)state;
	write_plan(p, &b, fds, &count);
	for (n = 0; n < b.len; n++)
		assert_false(reads(b.p, n, count));
	assert_true(reads(b.p, b.len, count));
	buf_put_u8(&b, 0); /* nor is there more */
	assert_false(reads(b.p, b.len, count));
	buf_fini(&b);
	policy_unref(p);
}

/* Each byte another: it is refused, or all that it says lies within it. */
static void
test_plan_forged(void **state)
{
	struct policy *p = some_policy();
	int fds[LAUNCHPLAN_FDS];
	const struct mounts *m = &plan.confine.mounts;
	struct buf b;
	size_t count, n, i;
	uint8_t old;

	(void)state;
	write_plan(p, &b, fds, &count);
	for (n = 0; n < b.len; n++) {
		old = b.p[n];
		b.p[n] = old == 0xff ? 0x7f : 0xff;
		if (launchplan_read(b.p, b.len, count, &plan)) {
			assert_true(m->count <= MOUNTS_MAX);
			assert_true(plan.group_count <= LAUNCHPLAN_GROUPS);
			for (i = 0; i < m->count; i++) {
				assert_int_equal(m->op[i].path[0], '/');
				assert_true(m->op[i].held < (int)count);
				assert_true(m->op[i].kind <= MOUNTS_HIDE);
			}
		}
		b.p[n] = old;
	}
	assert_true(launchplan_read(b.p, b.len, count, &plan));
	assert_false(launchplan_read(b.p, b.len, 0, &plan));
	buf_fini(&b);
	policy_unref(p);
}

/* Paths of the host are absolute. */
static void
test_plan_paths(void **state)
{
	static const char *const bad[] = { "usr", "" };
	struct policy *p = some_policy();
	int fds[LAUNCHPLAN_FDS];
	struct mounts_op *op = &p->confine.mounts.op[0];
	char *path = op->path;
	size_t count, i;
	struct buf b;

	(void)state;
	assert_true(p->confine.mounts.count > 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		op->path = (char *)(uintptr_t)bad[i];
		write_plan(p, &b, fds, &count);
		assert_false(launchplan_read(b.p, b.len, count, &plan));
		buf_fini(&b);
	}
	op->path = path;
	policy_unref(p);
}

static void
test_order(void **state)
{
	struct policy *p = some_policy();
	struct plan run;
	struct err e = { 0 };
	struct buf b;
	void *q;
	size_t n;

	(void)state;
	fixture_plan(&run, p, "echo some words", NULL);
	buf_init(&b, LAUNCHPLAN_MAX_BYTES);
	assert_int_equal(launchblob_order(&run, &b, &e), 0);
	for (n = 0; n < b.len; n++) {
		q = copy_of(b.p, n);
		assert_false(launchplan_read_order(q, n, &order));
		free(q);
	}
	assert_true(launchplan_read_order(b.p, b.len, &order));
	assert_string_equal(order.cwd, run.cwd);
	assert_string_equal(order.argv[2], "echo some words");
	assert_null(order.argv[3]);
	for (n = 0; run.envp[n] != NULL; n++)
		assert_string_equal(order.envp[n], run.envp[n]);
	assert_null(order.envp[n]);
	buf_fini(&b);
	plan_fini(&run);
	policy_unref(p);
}

static void
write_number(struct buf *b, size_t at, uint64_t value)
{
	assert_true(at + sizeof(value) <= b->len);
	memcpy(b->p + at, &value, sizeof(value));
}

/* A terminal has both sizes, and what is run has a name at least. */
static void
test_order_forged(void **state)
{
	enum { COLUMNS = 2 * 8, ROWS = 3 * 8 };
	struct policy *p = some_policy();
	struct plan run;
	struct err e = { 0 };
	struct buf b;
	char *none = NULL;

	(void)state;
	fixture_plan(&run, p, "echo some words", NULL);
	buf_init(&b, LAUNCHPLAN_MAX_BYTES);
	assert_int_equal(launchblob_order(&run, &b, &e), 0);
	write_number(&b, COLUMNS, 80);
	assert_false(launchplan_read_order(b.p, b.len, &order));
	write_number(&b, ROWS, 24);
	assert_true(launchplan_read_order(b.p, b.len, &order));
	assert_true(order.columns == 80 && order.rows == 24);
	write_number(&b, COLUMNS, 0);
	assert_false(launchplan_read_order(b.p, b.len, &order));
	write_number(&b, ROWS, 0);
	assert_true(launchplan_read_order(b.p, b.len, &order));
	buf_reset(&b);
	run.argv = &none;
	assert_int_equal(launchblob_order(&run, &b, &e), 0);
	assert_false(launchplan_read_order(b.p, b.len, &order));
	buf_fini(&b);
	plan_fini(&run);
	policy_unref(p);
}

/* A root made from nothing, and a bad text before others. */
static void
test_plan_contradicts(void **state)
{
	struct policy *p = some_policy();
	struct confine *c = &p->confine;
	int fds[LAUNCHPLAN_FDS];
	size_t count, mounts = c->mounts.count;
	struct buf b;
	uint8_t *text;

	(void)state;
	c->socket[1] = strdup("/run/other.socket");
	write_plan(p, &b, fds, &count);
	assert_true(reads(b.p, b.len, count));
	text = memmem(b.p, b.len, "some.socket", sizeof("some.socket"));
	assert_non_null(text);
	*text = '\0'; /* shorter than it says */
	assert_false(launchplan_read(b.p, b.len, count, &plan));
	assert_null(plan.confine.socket[1]);
	buf_fini(&b);
	for (unsigned whole = 0; whole < 2; whole++) {
		c->mounts.whole_root = whole != 0;
		c->mounts.count = 0;
		write_plan(p, &b, fds, &count);
		assert_int_equal(
		    reads(b.p, b.len, count), !c->mounts.whole_root);
		buf_fini(&b);
	}
	c->mounts.count = mounts;
	policy_unref(p);
}

static int
file_of(struct bytes b, bool sealed)
{
	int fd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(write(fd, b.p, b.len), b.len);
	if (sealed)
		assert_int_equal(
		    fcntl(fd, F_ADD_SEALS,
			F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW),
		    0);
	return fd;
}

/* Its descriptors as the launcher gets them: it closes them. */
static const char *
add(struct bytes b, const struct launchmsg_order *m, const int *fds,
    size_t count, bool sealed)
{
	int all[LAUNCHMSG_FDS] = { file_of(b, sealed) };
	size_t i;

	for (i = 0; i < count; i++)
		all[i + 1] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
	return planstore_add(m, all, count + 1);
}

static void
test_store(void **state)
{
	struct policy *p = some_policy();
	struct launchmsg_order m = { .kind = LAUNCHMSG_PLAN }, wrong;
	int fds[LAUNCHPLAN_FDS];
	size_t before;
	struct buf b;
	size_t count;

	(void)state;
	write_plan(p, &b, fds, &count);
	assert_int_not_equal(count, 0);
	before = open_fds();
	m.size = (uint32_t)b.len;
	m.held = (uint32_t)count;
	digest_sha256(buf_bytes(&b), m.plan);
	assert_non_null(add(buf_bytes(&b), &m, fds, count, false));
	wrong = m;
	wrong.size--;
	assert_non_null(add(buf_bytes(&b), &wrong, fds, count, true));
	wrong = m;
	wrong.plan[0] ^= 1;
	assert_non_null(add(buf_bytes(&b), &wrong, fds, count, true));
	wrong = m;
	wrong.held = 0;
	assert_non_null(add(buf_bytes(&b), &wrong, fds, count, true));
	assert_null(planstore_find(m.plan));
	assert_int_equal(open_fds(), before); /* none was kept */
	assert_null(add(buf_bytes(&b), &m, fds, count, true));
	assert_non_null(planstore_find(m.plan));
	assert_null(add(buf_bytes(&b), &m, fds, count, true));
	planstore_drop(m.plan);
	assert_non_null(planstore_find(m.plan)); /* of the other policy */
	planstore_drop(m.plan);
	assert_null(planstore_find(m.plan));
	assert_int_equal(open_fds(), before);
	buf_fini(&b);
	policy_unref(p);
}

static bool
is_named_alike(struct policy *p, bool templates, const uint8_t *name)
{
	struct err e;

	assert_int_equal(plansend_name(p, templates, &e), 0);
	return memcmp(p->plan_name, name, DIGEST_BYTES) == 0;
}

/* There are so many names and no more; a load that is given up has none. */
static void
test_names_full(void **state)
{
	static struct planstore_plan one;
	uint8_t name[DIGEST_BYTES] = { 0xfe };
	uint32_t n = 0;

	(void)state;
	plannames_begin();
	do {
		memcpy(name + 1, &n, sizeof(n));
		n++;
	} while (plannames_stage(name, &one) && n < 100000);
	assert_int_equal(n, 8192 + 1);
	assert_false(plannames_stage(name, &one));
	plannames_begin();
	assert_true(plannames_stage(name, &one));
	plannames_begin();
}

/* What it cannot take yet is not what it never takes. */
static void
test_sending(void **state)
{
	const struct launchmsg_order o = { .kind = LAUNCHMSG_RETIRE };
	const struct bytes none = bytes_make(NULL, 0);
	struct err e = { 0 };
	int pair[2];

	(void)state;
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(plansend_order(pair[0], &o, none, NULL, 0, &e), 0);
	while (plansend_order(pair[0], &o, none, NULL, 0, &e) == 0)
		;
	assert_int_equal(e.code, ERR_AGAIN);
	(void)close(pair[1]);
	memset(&e, 0, sizeof(e));
	assert_int_equal(
	    plansend_order(pair[0], &o, none, NULL, 0, &e), ERR_EOF);
	assert_int_equal(e.code, ERR_EOF);
	(void)close(pair[0]);
	assert_int_equal(plansend_order(-1, &o, none, NULL, 0, &e), ERR_SYS);
}

/* Who finds a layer missing does not come to the same name. */
static void
test_name(void **state)
{
	struct policy *p = some_policy();
	uint8_t name[DIGEST_BYTES];
	struct err e;

	(void)state;
	assert_int_equal(plansend_name(p, true, &e), 0);
	memcpy(name, p->plan_name, sizeof(name));
	assert_false(is_named_alike(p, false, name));
	p->umask ^= 1;
	assert_false(is_named_alike(p, true, name));
	p->umask ^= 1;
	p->uid++;
	assert_false(is_named_alike(p, true, name));
	p->uid--;
	p->confine.layers ^= CONFINE_NET;
	assert_false(is_named_alike(p, true, name));
	p->confine.layers ^= CONFINE_NET;
	p->confine.landlock.fs ^= 1;
	assert_false(is_named_alike(p, true, name));
	p->confine.landlock.fs ^= 1;
	p->rlimit_count--;
	assert_false(is_named_alike(p, true, name));
	p->rlimit_count++;
	p->filter.prog.len--;
	assert_false(is_named_alike(p, true, name));
	p->filter.prog.len++;
	p->text_digest[0] ^= 1;
	assert_false(is_named_alike(p, true, name));
	p->text_digest[0] ^= 1;
	/* of the machine as it is just now */
	assert_true(p->confine.mounts.count > 0);
	p->confine.mounts.op[0].ino++;
	assert_true(is_named_alike(p, true, name));
	policy_unref(p);
}

/* A plan of its own: another umask. */
static void
other_plan(struct buf *b, int fds[LAUNCHPLAN_FDS], size_t *count, mode_t umask,
    struct launchmsg_order *m)
{
	struct policy *p = some_policy();

	p->umask = umask;
	write_plan(p, b, fds, count);
	fds[0] = STDIN_FILENO; /* for the policy's, which is closed */
	*m = (struct launchmsg_order){ .kind = LAUNCHMSG_PLAN,
		.size = (uint32_t)b->len,
		.held = (uint32_t)*count };
	digest_sha256(buf_bytes(b), m->plan);
	memcpy(m->name, m->plan, sizeof(m->name));
	m->name[0] ^= 1;
	assert_int_equal(*count, 1);
	policy_unref(p);
}

struct shares {
	uid_t uid;
	uint32_t layers;
	uint64_t capabilities;
	bool templates, want;
};

/* What of it may be kept for another run. */
static unsigned
kept_of(const struct shares *row, unsigned asked, enum confine_network network)
{
	struct policy *p = some_policy();
	struct launchmsg_order m = { .kind = LAUNCHMSG_PLAN };
	const struct planstore_plan *found;
	int fds[LAUNCHPLAN_FDS];
	size_t count;
	struct err e = { 0 };
	struct buf b;
	unsigned kept;

	p->uid = row->uid;
	p->confine.network = network;
	p->confine.layers = row->layers;
	p->capabilities = row->capabilities;
	buf_init(&b, LAUNCHPLAN_MAX_BYTES);
	assert_int_equal(launchblob_plan(p, asked, &b, fds, &count, &e), 0);
	m.size = (uint32_t)b.len;
	m.held = (uint32_t)count;
	digest_sha256(buf_bytes(&b), m.plan);
	assert_null(add(buf_bytes(&b), &m, fds, count, true));
	found = planstore_find(m.plan);
	assert_non_null(found);
	kept = plansend_kept(found->templates, found->guards);
	planstore_drop(m.plan);
	assert_null(planstore_find(m.plan));
	buf_fini(&b);
	policy_unref(p);
	return kept;
}

static bool
is_shared(const struct shares *row)
{
	return kept_of(row, row->templates ? LAUNCHPLAN_TEMPLATES : 0,
		   CONFINE_NONE) != 0;
}

/* A guard only where all that a run could change goes with it. */
static void
test_shared_guard(void **state)
{
	enum {
		USER = FIXTURE_NOBODY - 1,
		BOTH = LAUNCHPLAN_TEMPLATES | LAUNCHPLAN_GUARDS
	};
	const uint32_t has = CONFINE_MOUNTS | CONFINE_PIDS | CONFINE_IPC;
	const struct shares whole = { .uid = USER, .layers = has };
	const struct shares fewer[] = {
		{ .uid = USER, .layers = has & ~(uint32_t)CONFINE_PIDS },
		{ .uid = USER, .layers = has & ~(uint32_t)CONFINE_IPC },
		{ .uid = USER, .layers = has & ~(uint32_t)CONFINE_MOUNTS },
		{ .uid = USER, .layers = has | CONFINE_USER },
		{ .uid = USER, .layers = has, .capabilities = 1 },
		{ .uid = 0, .layers = has },
	};
	const struct shares net = { .uid = USER, .layers = has | CONFINE_NET };
	size_t i;

	(void)state;
	assert_int_equal(kept_of(&whole, BOTH, CONFINE_HOST), BOTH);
	assert_int_equal(kept_of(&whole, LAUNCHPLAN_TEMPLATES, CONFINE_HOST),
	    LAUNCHPLAN_TEMPLATES);
	for (i = 0; i < sizeof(fewer) / sizeof(fewer[0]); i++)
		assert_int_equal(
		    kept_of(&fewer[i], BOTH, CONFINE_HOST) & LAUNCHPLAN_GUARDS,
		    0);
	assert_int_equal(kept_of(&net, BOTH, CONFINE_NONE), BOTH);
	assert_int_equal(
	    kept_of(&net, BOTH, CONFINE_LOOPBACK), LAUNCHPLAN_TEMPLATES);
}

/* A root is prepared only for those who cannot change what others get. */
static void
test_shared_root(void **state)
{
	enum { USER = FIXTURE_NOBODY - 1 };
	const uint32_t has = CONFINE_MOUNTS | CONFINE_PIDS;
	const struct shares rows[] = {
		{ USER, has, 0, true, true },
		{ USER, has, 0, false, false },
		{ USER, has | CONFINE_USER, 0, true, false },
		{ USER, CONFINE_PIDS, 0, true, false },
		{ USER, CONFINE_USER, 0, true, false },
		{ USER, has, 1, true, false },
		{ USER, has, 1ULL << 40, true, false },
		{ 0, has, 0, true, false },
		{ geteuid(), has, 0, true, false },
		{ FIXTURE_NOBODY, has, 0, true, geteuid() != FIXTURE_NOBODY },
	};
	int status;
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(is_shared(&rows[i]), rows[i].want);
	if (geteuid() != 0)
		return;
	pid = fork(); /* whose own user is not root */
	if (pid == 0) {
		const struct shares own = { FIXTURE_NOBODY, has, 0, true, 0 };

		(void)chmod(fixture_top, 0755);
		if (seteuid(FIXTURE_NOBODY) == -1)
			_exit(1);
		_exit(is_shared(&rows[0]) && !is_shared(&rows[7]) &&
			      !is_shared(&own)
			  ? 0
			  : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

enum { LOADED_NS = 1000 };

/* As if its ten minutes were over. */
static void
make_due(const uint8_t digest[DIGEST_BYTES])
{
	struct planstore_plan *p = planstore_find(digest);

	assert_non_null(p);
	assert_true(p->until_ms != 0);
	p->until_ms = 1;
	planstore_retire(LOADED_NS);
}

/*
 * The last one, as it cannot be undone: nothing is in force before a commit,
 * all of a load is at once, and what is retired is found for some time yet.
 */
static void
test_loads(void **state)
{
	struct launchmsg_order m[3], cut;
	const struct planstore_plan *one;
	int fds[3][LAUNCHPLAN_FDS];
	size_t count[3], i;
	struct buf b[3];

	(void)state;
	for (i = 0; i < 3; i++)
		other_plan(&b[i], fds[i], &count[i], (mode_t)(0700 + i), &m[i]);
	planstore_use_loads();
	planstore_begin();
	assert_null(add(buf_bytes(&b[0]), &m[0], fds[0], 1, true));
	assert_null(planstore_find(m[0].name));
	assert_null(planstore_commit(1, LOADED_NS));
	assert_non_null(planstore_find(m[0].name));

	/* one that ended before its commit leaves nothing */
	planstore_begin();
	assert_null(add(buf_bytes(&b[1]), &m[1], fds[1], 1, true));
	planstore_begin();
	assert_non_null(
	    planstore_commit(1, LOADED_NS)); /* none of these was sent */
	assert_null(planstore_find(m[1].name));
	assert_non_null(planstore_find(m[0].name));

	/* one that is wrong, or not whole, spoils all */
	planstore_begin();
	assert_null(add(buf_bytes(&b[1]), &m[1], fds[1], 1, true));
	assert_non_null(add(buf_bytes(&b[2]), &m[2], fds[2], 1, false));
	assert_non_null(planstore_commit(2, LOADED_NS));
	assert_null(planstore_find(m[1].name));
	planstore_begin();
	cut = m[1];
	cut.held = 2;
	assert_null(add(buf_bytes(&b[1]), &cut, fds[1], 1, true));
	assert_non_null(planstore_commit(1, LOADED_NS));
	assert_null(planstore_find(m[1].name));
	assert_non_null(planstore_find(m[0].name));

	/* without the first one; it is there for runs that wait */
	planstore_begin();
	assert_null(add(buf_bytes(&b[1]), &m[1], fds[1], 1, true));
	assert_null(add(buf_bytes(&b[1]), &m[1], fds[1], 1, true));
	assert_null(planstore_commit(2, LOADED_NS));
	assert_int_equal(planstore_wait_ms(), -1);
	planstore_retire(LOADED_NS - 1); /* what came before this load */
	assert_int_equal(planstore_wait_ms(), -1);
	planstore_retire(LOADED_NS);
	assert_non_null(planstore_find(m[0].name));
	assert_non_null(planstore_find(m[1].name));
	assert_in_range(planstore_wait_ms(), 1, PLANSTORE_RETIRED_MS);

	/* a load that has it again keeps it */
	planstore_begin();
	assert_null(add(buf_bytes(&b[0]), &m[0], fds[0], 1, true));
	assert_null(planstore_commit(1, LOADED_NS));
	assert_int_equal(planstore_wait_ms(), -1);

	/* ten minutes later the other one goes, and what is in force does not */
	planstore_retire(LOADED_NS);
	planstore_tidy();
	assert_in_range(planstore_wait_ms(), 1, PLANSTORE_RETIRED_MS);
	assert_non_null(planstore_find(m[1].name));
	make_due(m[1].name);
	assert_int_equal(planstore_wait_ms(), 0);
	planstore_tidy();
	assert_null(planstore_find(m[1].name));
	assert_non_null(planstore_find(m[0].name));
	assert_int_equal(planstore_wait_ms(), -1);
	planstore_tidy();
	assert_non_null(planstore_find(m[0].name));

	/* unless a load that is under way has it again */
	planstore_begin();
	assert_null(add(buf_bytes(&b[2]), &m[2], fds[2], 1, true));
	assert_null(planstore_commit(1, LOADED_NS));
	planstore_retire(LOADED_NS);
	make_due(m[0].name);
	planstore_begin();
	assert_null(add(buf_bytes(&b[0]), &m[0], fds[0], 1, true));
	planstore_tidy();
	assert_non_null(planstore_find(m[0].name));
	assert_in_range(planstore_wait_ms(), 1, PLANSTORE_RETIRED_MS);
	assert_null(planstore_commit(1, LOADED_NS));
	assert_int_equal(planstore_wait_ms(), -1);

	/* a name means what the last load says, once that is committed */
	one = planstore_find(m[0].name);
	memcpy(m[2].name, m[0].name, sizeof(m[2].name));
	planstore_begin();
	assert_null(add(buf_bytes(&b[2]), &m[2], fds[2], 1, true));
	assert_ptr_equal(planstore_find(m[0].name), one);
	planstore_begin(); /* it ended before */
	assert_null(add(buf_bytes(&b[2]), &m[2], fds[2], 1, true));
	assert_null(planstore_commit(1, LOADED_NS));
	assert_ptr_not_equal(planstore_find(m[0].name), one);
	assert_memory_equal(
	    planstore_find(m[0].name)->digest, m[2].plan, DIGEST_BYTES);
	assert_null(planstore_find(m[2].plan)); /* not a name */

	/* two names of one plan */
	m[1].name[1] ^= 1;
	memcpy(m[0].name, m[1].name, sizeof(m[0].name));
	m[0].name[1] ^= 2;
	planstore_begin();
	assert_null(add(buf_bytes(&b[1]), &m[1], fds[1], 1, true));
	memcpy(m[1].name, m[0].name, sizeof(m[1].name));
	assert_null(add(buf_bytes(&b[1]), &m[1], fds[1], 1, true));
	assert_null(planstore_commit(2, LOADED_NS));
	one = planstore_find(m[0].name);
	assert_non_null(one);
	m[1].name[1] ^= 2;
	assert_ptr_equal(planstore_find(m[1].name), one);
	for (i = 0; i < 3; i++)
		buf_fini(&b[i]);
}

/* With every place taken, the one that was retired first makes room. */
static void
test_no_place(void **state)
{
	struct policy *p = some_policy();
	struct launchmsg_order first = { 0 }, second = { 0 }, last = { 0 }, m;
	struct rlimit old, more;
	int fds[LAUNCHPLAN_FDS];
	const char *wrong;
	size_t count, n;
	struct buf b;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	more = old;
	more.rlim_cur = PLANSTORE_MAX + 200;
	if (setrlimit(RLIMIT_NOFILE, &more) == -1)
		SKIP("so many descriptors may not be open");
	planstore_begin();
	assert_null(planstore_commit(
	    0, LOADED_NS)); /* all that is there is of before */
	for (n = 0;; n++) {
		p->gid = (gid_t)(1000 + n);
		write_plan(p, &b, fds, &count);
		fds[0] = STDIN_FILENO;
		m = (struct launchmsg_order){ .kind = LAUNCHMSG_PLAN,
			.size = (uint32_t)b.len,
			.held = (uint32_t)count };
		digest_sha256(buf_bytes(&b), m.plan);
		memcpy(m.name, m.plan, sizeof(m.name));
		planstore_begin();
		wrong = add(buf_bytes(&b), &m, fds, count, true);
		if (wrong != NULL)
			break;
		assert_null(planstore_commit(1, LOADED_NS));
		assert_true(n < PLANSTORE_MAX);
		if (n == 0)
			first = m;
		else if (n == 1)
			second = m;
		last = m;
		buf_fini(&b);
	}
	assert_string_equal(wrong, "there are too many");
	assert_in_range(n, PLANSTORE_MAX - 4, PLANSTORE_MAX - 1);
	assert_null(planstore_find(m.plan));
	planstore_retire(LOADED_NS);
	make_due(first.plan); /* before all the others */
	planstore_begin();
	assert_null(add(buf_bytes(&b), &m, fds, count, true));
	assert_null(planstore_find(first.plan));
	assert_non_null(planstore_find(second.plan));
	assert_null(planstore_commit(1, LOADED_NS));
	assert_non_null(planstore_find(m.plan));
	buf_fini(&b);
	planstore_retire(LOADED_NS);
	make_due(last.plan); /* in the last place */
	p->gid = 1000;
	write_plan(p, &b, fds, &count);
	fds[0] = STDIN_FILENO;
	planstore_begin();
	assert_null(add(buf_bytes(&b), &first, fds, count, true));
	assert_null(planstore_commit(1, LOADED_NS));
	assert_non_null(planstore_find(first.plan));
	assert_null(planstore_find(last.plan));
	buf_fini(&b);
	policy_unref(p);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_plan_cut),
		cmocka_unit_test(test_plan_forged),
		cmocka_unit_test(test_plan_paths),
		cmocka_unit_test(test_plan_contradicts),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_order_forged),
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_names_full),
		cmocka_unit_test(test_sending),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_shared_guard),
		cmocka_unit_test(test_shared_root),
		cmocka_unit_test(test_loads),
		cmocka_unit_test(test_no_place),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
