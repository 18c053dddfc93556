/* SPDX-License-Identifier: MIT */
/* reload: steps of a load, and the child that compiles.  Executor. */
#include "executor/service/reload.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/log.h"
#include "executor/conf/accountdb.h"
#include "executor/confine/filtercache.h"
#include "executor/power/keeper.h"
#include "executor/power/ownchild.h"
#include "executor/run/launch.h"
#include "executor/service/loader.h"

enum {
	STEP_US = 500,
	STEP_MS = 1, /* between two steps */
	CHILD_MS = 60000, /* that the child may take */
	HIGH_FD = 64,
	MOST_BYTES = 64 << 20, /* of all filters together */
	OUT = 3, /* its only descriptors: what it says, */
	ACCOUNTS = 4 /* and where it asks for users and groups */
};

struct reload {
	struct loop *loop;
	struct store *store;
	const struct reload_ops *ops;
	void *arg;
	struct loop_timer step, late;
	struct store_load *load; /* NULL: none is under way */
	bool tidying; /* it has ended, and what was before is freed */
	enum store_kind kind; /* of that */
	struct conf_report report;
	uint64_t ticket; /* of that, or of the last one */
	bool again; /* another one follows, */
	enum store_kind next; /* of this kind */
	bool waits; /* for plans */
	bool compiled; /* the child had its chance */
	pid_t pid; /* -1: there is no child */
	int pidfd;
	struct loop_watch out; /* what it says */
	struct buf said;
};

static void begin_reload(struct reload *r, enum store_kind kind);

/* --- the child --------------------------------------------------------- */

static void
say_text(struct bytes text)
{
	while (text.len > 0) {
		ssize_t n = write(OUT, text.p, text.len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			_exit(1);
		text = bytes_make(text.p + n, text.len - (size_t)n);
	}
}

/*
 * No descriptor of the executor's stays open: the end of a run's input, or of
 * a frontend, would not be seen.
 */
static _Noreturn void
child_main(const struct store_load *l, int out, int accounts)
{
	size_t known = filtercache_count();
	struct buf text;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	keeper_leave();
	out = fcntl(out, F_DUPFD, HIGH_FD);
	accounts = accounts == -1 ? -1 : fcntl(accounts, F_DUPFD, HIGH_FD);
	if (dup2(out, OUT) == -1 ||
	    (accounts != -1 && dup2(accounts, ACCOUNTS) == -1))
		_exit(1);
	accountdb_use(accounts == -1 ? -1 : ACCOUNTS);
	(void)syscall(
	    SYS_close_range, accounts == -1 ? OUT + 1 : ACCOUNTS + 1, ~0U, 0);
	(void)setpriority(PRIO_PROCESS, 0, 5);
	store_load_compile(l);
	buf_init(&text, MOST_BYTES);
	filtercache_write(known, &text);
	if (!text.overflow)
		say_text(buf_bytes(&text));
	_exit(0);
}

static void
child_over(struct reload *r)
{
	int fd = r->out.fd, status;

	loop_timer_cancel(r->loop, &r->late);
	loop_del(r->loop, &r->out);
	cleanup_fd(&fd);
	if (r->pid > 0 &&
	    keeper_end(r->pid, r->pidfd, "the compiler of filters", &status) &&
	    WIFSIGNALED(status))
		log_warn(
		    "reload: the child that compiles filters was killed by signal %d: they are compiled here",
		    WTERMSIG(status));
	cleanup_fd(&r->pidfd);
	r->pid = r->pidfd = -1;
	buf_fini(&r->said);
	loop_timer_set(r->loop, &r->step, 0);
}

static void
on_late(void *arg)
{
	log_warn("reload: filters take too long to compile in a child");
	accountdb_end(); /* what it asked for is not for us */
	child_over(arg);
}

static void
on_said(void *arg, uint32_t events)
{
	struct reload *r = arg;
	uint8_t text[16384];
	struct err e;
	ssize_t n;
	(void)events;

	n = read(r->out.fd, text, sizeof(text));
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		buf_put(&r->said, text, (size_t)n);
		if (!r->said.overflow && filtercache_read(&r->said, &e) == 0)
			return;
	}
	if (n != 0 || r->said.len > 0) {
		log_warn("reload: the child that compiles filters failed");
		accountdb_end();
	}
	child_over(r);
}

/* false: there is none, for whatever reason. */
static bool
start_child(struct reload *r)
{
	struct err e;
	int fd[2], accounts = accountdb_share();

	if (pipe2(fd, O_CLOEXEC) == -1)
		return false;
	r->pid = fork();
	if (r->pid == 0)
		child_main(r->load, fd[1], accounts);
	if (r->pid > 0) {
		ownchild_add(r->pid);
		r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
	}
	(void)close(fd[1]);
	r->out =
	    (struct loop_watch){ .fd = fd[0], .handler = on_said, .arg = r };
	buf_init(&r->said, MOST_BYTES);
	loop_timer_set(r->loop, &r->late, CHILD_MS);
	if (r->pid != -1 && fdio_set_nonblock(fd[0], &e) == 0 &&
	    loop_add(r->loop, &r->out, EPOLLIN, &e) == 0)
		return true;
	r->out.fd = fd[0];
	child_over(r);
	return false;
}

/* --- steps --------------------------------------------------------------- */

/*
 * What is in force and what the launcher has change together: it has the new
 * plans before this, and keeps the old ones for some time.
 */
static void
end_reload(struct reload *r)
{
	struct reload_end over = { r->kind, r->ticket, &r->report, NULL, NULL };
	bool fresh = store_load_is_fresh(r->load);
	struct err e = { 0 };

	r->tidying = true;
	if (store_load_end(r->load, &e) != 0)
		over.failure = &e;
	else if (fresh)
		launch_retire();
	if (fresh)
		over.before = store_load_before(r->load);
	loader_ask_for(&r->store->tokens);
	r->ops->ended(r->arg, &over);
	conf_report_fini(&r->report);
	loop_timer_set(r->loop, &r->step, STEP_MS);
}

static void
tidy_reload(struct reload *r)
{
	if (!store_load_tidy(r->load, STEP_US)) {
		loop_timer_set(r->loop, &r->step, STEP_MS);
		return;
	}
	r->load = NULL;
	r->tidying = false;
	if (r->again) {
		r->again = false;
		begin_reload(r, r->next);
	}
}

/* What was loaded here; true: the plans of it are there, or nobody waits. */
static bool
has_plans(struct reload *r)
{
	struct err why;

	if (!store_load_is_fresh(r->load))
		return true;
	if (loader_is_busy())
		return false; /* reload_plans_came() goes on */
	if (!loader_succeeded(&why))
		store_load_refuse(r->load, &why);
	return loader_succeeded(&why);
}

void
reload_plans_came(struct reload *r)
{
	if (r != NULL && r->waits) {
		r->waits = false;
		loop_timer_set(r->loop, &r->step, 0);
	}
}

static void
on_step(void *arg)
{
	struct reload *r = arg;
	bool read;

	if (r->tidying) {
		tidy_reload(r);
		return;
	}
	if (!r->compiled && store_load_wants_filters(r->load)) {
		r->compiled = true;
		if (start_child(r))
			return; /* child_over() goes on */
	}
	read = store_load_step(r->load, STEP_US);
	if (read && has_plans(r))
		end_reload(r);
	else if (read && loader_is_busy())
		r->waits = true;
	else
		loop_timer_set(r->loop, &r->step, STEP_MS);
}

static void
begin_reload(struct reload *r, enum store_kind kind)
{
	struct err e = { 0 };

	r->ops->begins(r->arg);
	conf_report_init(&r->report);
	r->kind = kind;
	r->ticket++;
	r->compiled = false;
	r->load = store_load_begin(r->store, kind, &r->report, &e);
	if (r->load != NULL) {
		if (kind == STORE_ALL)
			loader_ask(); /* it works meanwhile */
		loop_timer_set(r->loop, &r->step, 0);
		return;
	}
	r->ops->ended(r->arg,
	    &(struct reload_end){ kind, r->ticket, &r->report, &e, NULL });
	conf_report_fini(&r->report);
}

uint64_t
reload_ask(struct reload *r, enum store_kind kind)
{
	if (r->load == NULL) {
		begin_reload(r, kind);
		return r->ticket;
	}
	r->next = r->again && r->next == STORE_ALL ? STORE_ALL : kind;
	r->again = true;
	return r->ticket + 1;
}

/* --- life ------------------------------------------------------------------ */

struct reload *
reload_new(struct loop *l, struct store *s, const struct reload_ops *ops,
    void *arg, struct err *e)
{
	struct reload *r = err_alloc(1, sizeof(*r), e);

	if (r == NULL)
		return NULL;
	r->loop = l;
	r->store = s;
	r->ops = ops;
	r->arg = arg;
	r->pid = r->pidfd = -1;
	r->out.fd = -1;
	r->step = (struct loop_timer){ .handler = on_step, .arg = r };
	r->late = (struct loop_timer){ .handler = on_late, .arg = r };
	return r;
}

void
reload_free(struct reload *r)
{
	if (r == NULL)
		return;
	if (r->pid != -1)
		child_over(r);
	loop_timer_cancel(r->loop, &r->step);
	store_load_free(r->load);
	conf_report_fini(&r->report);
	free(r);
}
