/* SPDX-License-Identifier: MIT */
/* plans: facts of the start, and the loader's main function. */
#include "executor/service/plans.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fdio.h"
#include "common/log.h"
#include "executor/conf/hostnet.h"
#include "executor/confine/cgroup.h"
#include "executor/policy/store.h"
#include "executor/run/plansend.h"

enum {
	PIECE = 4096, /* a page of the facts: most have nothing but zeros */
	PATIENCE_MS = 60000 /* for the launcher's word; valgrind is slow */
};

/* --- facts ------------------------------------------------------------------ */

static bool
is_zero(const uint8_t *p, size_t size)
{
	return p[0] == 0 && memcmp(p, p + 1, size - 1) == 0;
}

/* Pages of zeros take no memory if nobody writes them. */
static int
write_sparse(int fd, const void *from, size_t size, struct err *e)
{
	const uint8_t *p = from;
	size_t at, n;

	if (ftruncate(fd, (off_t)size) == -1)
		return err_sys(e, "ftruncate");
	for (at = 0; at < size; at += n) {
		n = size - at < PIECE ? size - at : PIECE;
		if (!is_zero(p + at, n) &&
		    pwrite(fd, p + at, n, (off_t)at) != (ssize_t)n)
			return err_sys(e, "pwrite");
	}
	return 0;
}

/* The caller frees it: there are many pages of it. */
static struct plans_facts *
find_facts(const struct conf *c, struct err *e)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	struct plans_facts *f = err_alloc(1, sizeof(*f), e);

	if (f == NULL)
		return NULL;
	f->group = cgroup_ready();
	f->controllers = cgroup_controllers();
	f->private_network = hostnet_is_private();
	probe_tell(&f->probe);
	(void)snprintf(f->version, sizeof(f->version), "%s", MCP_EXECD_VERSION);
	(void)snprintf(f->credentials, sizeof(f->credentials), "%s",
	    credentials != NULL ? credentials : "");
	f->conf = *c;
	memset(f->conf.redact, 0, sizeof(f->conf.redact));
	f->conf.redact_count = 0;
	return f;
}

int
plans_facts(const struct conf *c, struct err *e)
{
	CLEANUP_FD int fd =
	    memfd_create("mcp-execd-facts", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct plans_facts *f;
	int rc;

	if (fd == -1)
		return err_sys(e, "memfd_create");
	f = find_facts(c, e);
	if (f == NULL)
		return e->code;
	rc = write_sparse(fd, f, sizeof(*f), e);
	free(f);
	if (rc != 0)
		return rc;
	if (fcntl(fd, F_ADD_SEALS,
		F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == -1)
		return err_sys(e, "F_ADD_SEALS");
	return steal_fd(&fd);
}

/* NULL: they are of another build, or can be changed. */
static const struct plans_facts *
read_facts(void)
{
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	int has = fcntl(PLANS_FACTS_FD, F_GET_SEALS);
	const struct plans_facts *f;
	struct stat st;

	if (has == -1 || (has & seals) != seals ||
	    fstat(PLANS_FACTS_FD, &st) == -1 || st.st_size != (off_t)sizeof(*f))
		return NULL;
	f = mmap(NULL, sizeof(*f), PROT_READ, MAP_PRIVATE, PLANS_FACTS_FD, 0);
	(void)close(PLANS_FACTS_FD);
	if (f == MAP_FAILED ||
	    strncmp(f->version, MCP_EXECD_VERSION, sizeof(f->version)) != 0)
		return NULL;
	return f;
}

/* As the executor found it, which is elsewhere: in a group of its own. */
static void
assume_facts(const struct plans_facts *f)
{
	cgroup_assume(f->group, f->controllers);
	hostnet_assume(f->private_network);
	probe_assume(&f->probe);
	if (f->credentials[0] != '\0')
		(void)setenv("CREDENTIALS_DIRECTORY", f->credentials, 1);
}

/* --- sending ------------------------------------------------------------------ */

static int
say_order(
    enum launchmsg_kind kind, uint64_t number, size_t count, struct err *e)
{
	const struct launchmsg_order o = {
		.kind = kind, .run = number, .size = (uint32_t)count
	};

	return plansend_order(
	    PLANS_PAIR_FD, &o, bytes_make(NULL, 0), NULL, 0, e);
}

static int
send_all(const struct store *s, size_t *count, struct err *e)
{
	const unsigned kept =
	    plansend_kept(s->conf.templates, s->conf.reuse_guards);
	size_t i;

	*count = 0;
	for (i = 0; i < s->policies.count; i++, (*count)++)
		if (plansend_plan(PLANS_PAIR_FD, s->policies.p[i], kept, e) !=
		    0)
			return err_wrap(
			    e, "policy \"%s\"", s->policies.p[i]->name);
	for (i = 0; i < s->tokens.count; i++) {
		const struct token *t = s->tokens.t[i];

		if (t->policy == t->whole)
			continue;
		if (plansend_plan(PLANS_PAIR_FD, t->policy, kept, e) != 0)
			return err_wrap(e, "token \"%s\"", t->name);
		++*count;
	}
	return 0;
}

/* Of one before this, which was ended, an answer may be there. */
static int
hear_loaded(uint64_t number, struct err *e)
{
	struct launchmsg_answer a = { 0 };

	do
		if (!fdio_await(PLANS_PAIR_FD, PATIENCE_MS) ||
		    recv(PLANS_PAIR_FD, &a, sizeof(a), 0) != (ssize_t)sizeof(a))
			return err_set(
			    e, ERR_BUSY, "the launcher does not answer");
	while (a.run != number);
	if (a.kind == LAUNCHMSG_LOADED && a.value == 0)
		return 0;
	return err_set(
	    e, ERR_BAD, "the launcher refuses them; its line above says why");
}

static int
send_load(const struct store *s, struct err *e)
{
	uint64_t number = clock_mono_ns();
	size_t count;

	if (say_order(LAUNCHMSG_BEGIN, number, 0, e) != 0 ||
	    send_all(s, &count, e) != 0 ||
	    say_order(LAUNCHMSG_COMMIT, number, count, e) != 0 ||
	    hear_loaded(number, e) != 0)
		return e->code;
	log_debug("plans: loaded count=%zu", count);
	return 0;
}

int
plans_serve(const char *config)
{
	static struct store store;
	const struct plans_facts *f;
	struct conf_report r;
	struct err e = { 0 };
	int rc;

	log_set_name("loader");
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	f = read_facts();
	if (f == NULL || strcmp(f->conf.path, config) != 0) {
		log_err(
		    "it is started by mcp-execd, and is of another build or not what was started: install one package, and restart mcp-execd");
		return 2;
	}
	(void)setpriority(PRIO_PROCESS, 0, 5);
	assume_facts(f);
	conf_report_init(&r);
	rc = store_load_plans(&store, &f->conf, &r, &e);
	if (rc == 0)
		rc = send_load(&store, &e);
	conf_report_fini(&r);
	if (rc != 0)
		log_err("plans: %s", e.what);
	return rc != 0;
}
