/* SPDX-License-Identifier: MIT */
/*
 * simulate: histories of the executor's core, each of one seed.
 *
 *	simulate [SEED [COUNT]]
 *
 * Clients ask, cancel, leave and give credit; an administrator revokes, kills
 * and rotates; syncs fail, the disk fills, guards and the launcher die, and
 * the executor itself, with what was not synced.  After each life the log is
 * read, and at the end of a history all must be answered and closed.  TRACE=1
 * tells what happens.  Status 1: an invariant is broken; it is named, with
 * the seed.
 */
#include "tests/simulate/sim.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "executor/audit/log_budget.h"
#include "executor/audit/resume.h"
#include "executor/policy/token.h"
#include "executor/service/launcher.h"
#include "executor/service/recover.h"

enum {
	LIVES = 4, /* at most, the last of them in peace */
	CRASHED = 9, /* status of a life that was ended */
	BROKEN = 3, /* of one that broke an invariant */
	IDS = 512, /* runs of a history */
	LINES = 8192, /* of its log */
	RETRY_MS = 1000, /* as executor/main.c */
	SYNC_MS = 1000
};

#define BARE                                                                   \
	",\"syscalls\":{\"profile\":\"none\"},\"network\":\"host\""            \
	",\"disable\":[\"mounts\",\"pids\",\"ipc\",\"network\",\"user\""       \
	",\"landlock\",\"seccomp\"]"

struct history *H;
bool sim_on;

static bool tracing;
static const char *const policy_text[TOKENS] = {
	",\"limits\":{\"runs\":2,\"timeout_ms\":900,\"kill_grace_ms\":200"
	",\"output_bytes\":2048,\"runs_per_minute\":40}",
	",\"limits\":{\"runs\":3,\"timeout_ms\":2500,\"kill_grace_ms\":50"
	",\"runs_per_minute\":0}",
	",\"limits\":{\"runs\":4,\"timeout_ms\":1500,\"runs_per_minute\":0}"
	",\"structured\":false,\"jobs\":{\"at_once\":2,\"max_seconds\":5"
	",\"keep_seconds\":10,\"keep\":2,\"wait_ms\":300}",
};
static const unsigned policy_runs[TOKENS] = { 2, 3, 6 };
static const unsigned policy_minute[TOKENS] = { 40, 0, 0 };
static struct token token[TOKENS];

static struct {
	struct loop *loop;
	struct audit *audit;
	struct recordings *recordings;
	struct ledger *ledger;
	struct jobs *jobs;
	struct log_budget *budget;
	struct loop_timer retry, sync;
	struct token_table tokens;
} core;

/* --- chance, and what is said ----------------------------------------------- */

uint64_t
sim_random(void)
{
	uint64_t z = (H->random += 0x9e3779b97f4a7c15); /* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t
sim_below(uint64_t n)
{
	return sim_random() % n;
}

bool
sim_chance(unsigned percent)
{
	return sim_below(100) < percent;
}

uint64_t
sim_now_ms(void)
{
	return H->mono_ns / 1000000;
}

void
sim_trace(const char *fmt, ...)
{
	va_list ap;

	if (!tracing)
		return;
	(void)printf("%10.3f ", (double)H->mono_ns / 1e9);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)printf("\n");
}

void
sim_violate(const char *fmt, ...)
{
	va_list ap;

	(void)printf("FAIL seed %llu: ", (unsigned long long)H->seed);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)printf("\n");
	(void)fflush(stdout);
	_exit(BROKEN);
}

/* --- the log ---------------------------------------------------------------- */

static const char *
find(const char *line, const char *end, const char *word)
{
	const char *p = memmem(line, (size_t)(end - line), word, strlen(word));

	return p == NULL ? NULL : p + strlen(word);
}

static void
copy_word(const char *from, char *out, size_t size)
{
	size_t n = from == NULL ? 0 : strcspn(from, "\"");

	if (n >= size)
		n = size - 1;
	if (n > 0)
		memcpy(out, from, n);
	out[n] = '\0';
}

/* Each file of the log: the live one and those that were rotated away. */
static void
each_file(bool (*fn)(const char *path, void *arg), void *arg)
{
	DIR *d = opendir(H->directory);
	struct dirent *f;
	char path[400];

	while (d != NULL && (f = readdir(d)) != NULL) {
		(void)snprintf(
		    path, sizeof(path), "%s/%s", H->directory, f->d_name);
		if (strstr(f->d_name, ".jsonl") != NULL &&
		    strncmp(f->d_name, "audit", 5) == 0 && !fn(path, arg))
			break;
	}
	(void)closedir(d);
}

static char *
read_file(const char *path, size_t *len, ino_t *inode)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st = { 0 };
	char *text;

	if (fd == -1 || fstat(fd, &st) == -1)
		sim_violate("the simulation: %s cannot be read", path);
	text = malloc((size_t)st.st_size + 1);
	if (text == NULL || read(fd, text, (size_t)st.st_size) != st.st_size)
		sim_violate("the simulation: %s cannot be read", path);
	(void)close(fd);
	*len = (size_t)st.st_size;
	*inode = st.st_ino;
	text[*len] = '\0';
	return text;
}

struct search {
	char word[64];
	bool found;
};

static bool
search_synced(const char *path, void *arg)
{
	struct search *s = arg;
	size_t len;
	ino_t inode;
	char *text = read_file(path, &len, &inode);
	off_t synced = world_synced(inode);

	if ((size_t)synced < len)
		len = (size_t)synced;
	s->found = find(text, text + len, s->word) != NULL;
	free(text);
	return !s->found;
}

bool
sim_on_disk(unsigned call)
{
	struct search s = { .found = false };

	(void)snprintf(
	    s.word, sizeof(s.word), "\"process.command_line\":\": c%u ;", call);
	each_file(search_synced, &s);
	return s.found;
}

struct ids {
	char id[IDS][JOB_ID];
	unsigned results[IDS], count;
	uint64_t sequence[LINES];
	unsigned lines;
};

static unsigned *
results_of(struct ids *all, const char *id, bool add)
{
	for (unsigned i = 0; i < all->count; i++)
		if (strcmp(all->id[i], id) == 0)
			return &all->results[i];
	if (!add || all->count == IDS)
		return NULL;
	(void)snprintf(all->id[all->count], JOB_ID, "%s", id);
	all->results[all->count] = 0;
	return &all->results[all->count++];
}

static void
take_line(struct ids *all, const char *line, const char *end, bool intents)
{
	const char *number = find(line, end, "\"event.sequence\":");
	char action[24], id[JOB_ID];
	unsigned *n;

	copy_word(
	    find(line, end, "\"event.action\":\""), action, sizeof(action));
	copy_word(find(line, end, "\"run.id\":\""), id, sizeof(id));
	if (intents && all->lines < LINES && number != NULL)
		all->sequence[all->lines++] = strtoull(number, NULL, 10);
	if (intents && strcmp(action, "run-intent") == 0)
		(void)results_of(all, id, true);
	if (intents || strcmp(action, "run-result") != 0)
		return;
	n = results_of(all, id, false);
	if (n == NULL)
		sim_violate("run %s has a result and no intent", id);
	if (++*n > 1)
		sim_violate("run %s has two results", id);
}

static bool
take_lines(const char *path, struct ids *all, bool intents)
{
	size_t len;
	ino_t inode;
	char *text = read_file(path, &len, &inode), *p = text, *nl;

	for (; (nl = strchr(p, '\n')) != NULL; p = nl + 1)
		if (nl > p && nl[-1] == '}')
			take_line(all, p, nl, intents);
	free(text);
	return true;
}

static bool
take_intents(const char *path, void *arg)
{
	return take_lines(path, arg, true);
}

static bool
take_results(const char *path, void *arg)
{
	return take_lines(path, arg, false);
}

static int
compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* No number twice or left out; one result for each intent, `closed`: exactly. */
static void
check_log(bool closed)
{
	static struct ids all;

	memset(&all, 0, sizeof(all));
	each_file(take_intents, &all);
	each_file(take_results, &all);
	qsort(all.sequence, all.lines, sizeof(all.sequence[0]), compare);
	for (unsigned i = 0; i < all.lines; i++)
		if (all.sequence[i] != i + 1)
			sim_violate("record %u of the log has the number %llu",
			    i + 1, (unsigned long long)all.sequence[i]);
	for (unsigned i = 0; closed && i < all.count; i++)
		if (all.results[i] != 1)
			sim_violate("run %s has no result", all.id[i]);
	H->records += all.lines;
}

/* --- what comes back -------------------------------------------------------- */

static struct call *
see(uint64_t call)
{
	struct call *c = call < H->calls ? &H->call[call] : NULL;

	if (c == NULL || c->life != H->life)
		sim_violate("call %llu is told of, and nobody asked it",
		    (unsigned long long)call);
	if (c->answers > 0)
		sim_violate("call %llu is told of after its answer",
		    (unsigned long long)call);
	return c;
}

static void
on_started(void *arg, uint64_t call, const char *id)
{
	struct call *c = see(call);
	(void)arg;

	if (c->started)
		sim_violate("call %llu starts twice", (unsigned long long)call);
	c->started = true;
	(void)snprintf(c->id, sizeof(c->id), "%s", id);
}

static void
on_output(void *arg, uint64_t call, uint8_t stream, uint64_t skipped,
    struct bytes data)
{
	struct call *c = see(call);
	(void)arg;
	(void)stream;
	(void)skipped;

	if (!c->started)
		sim_violate("call %llu has output before its start",
		    (unsigned long long)call);
	c->sent += data.len;
	if (c->sent > c->window)
		sim_violate("call %llu: %llu bytes for a credit of %llu",
		    (unsigned long long)call, (unsigned long long)c->sent,
		    (unsigned long long)c->window);
}

static void
on_done(void *arg, const struct job_result *r)
{
	struct call *c = see(r->call);
	(void)arg;

	sim_trace("call %llu is answered: %s %s", (unsigned long long)r->call,
	    proto_state_name(r->state), r->message);
	c->answers++;
	c->detached = r->state == PROTO_RUNNING;
	H->jobs += c->detached;
	c->over = true;
	c->over_ms = sim_now_ms();
}

/* --- who acts --------------------------------------------------------------- */

/* Runs of a token that got a minute's worth, and what has come back since. */
static void
check_minute(unsigned t)
{
	uint64_t now = sim_now_ms(), n = 0;

	if (policy_minute[t] == 0)
		return;
	for (unsigned i = H->calls; i-- > 0;) {
		const struct call *c = &H->call[i];

		if (c->token != t || c->life != H->life || c->goes == 0)
			continue;
		n++;
		if (n > policy_minute[t] + 2 +
			    policy_minute[t] * (now - c->asked_ms) / 60000)
			sim_violate("token %u: %llu runs in %llu ms", t,
			    (unsigned long long)n,
			    (unsigned long long)(now - c->asked_ms));
	}
}

static void
ask(void)
{
	unsigned n = H->calls, t = (unsigned)sim_below(TOKENS);
	struct call *c = &H->call[n];
	struct msg_call m = { .call = n,
		.peer = BYTES_LIT("127.0.0.1"),
		.tool = BYTES_LIT("exec_cmd") };
	struct msg_arg a = { .call = n, .name = BYTES_LIT("command") };
	struct request r;
	struct err e;
	char text[64];

	if (n == CALLS || H->revoked[t])
		return;
	*c = (struct call){ .asked = true,
		.token = t,
		.life = H->life,
		.asked_ms = sim_now_ms(),
		.window = sim_chance(50) ? 1 << 20 : sim_below(4000) };
	H->calls++;
	m.window = (uint32_t)c->window;
	(void)snprintf(text, sizeof(text), ": c%u ;", n);
	a.kind = PROTO_STRING;
	a.value = bytes_of(text);
	request_init(&r);
	if (request_begin(&r, &m, &e) != 0 || request_add(&r, &a, &e) != 0)
		sim_violate("the simulation: %s", e.what);
	sim_trace("call %u of token %u, window %llu", n, t,
	    (unsigned long long)c->window);
	jobs_submit(core.jobs, &r, &token[t]);
	request_fini(&r);
}

static struct call *
any_open(void)
{
	unsigned i = H->calls > 0 ? (unsigned)sim_below(H->calls) : 0;
	struct call *c = &H->call[i];

	return H->calls > 0 && c->life == H->life && !c->over && !c->silent
		   ? c
		   : NULL;
}

static void
give_credit(struct call *c)
{
	uint32_t n = 1 + (uint32_t)sim_below(30000);

	c->window += n;
	if (!jobs_credit(core.jobs, (uint64_t)(c - H->call), n))
		sim_violate("credit is refused");
}

static void
cancel(void)
{
	struct call *c = any_open();

	if (c == NULL)
		return;
	sim_trace("cancel call %u", (unsigned)(c - H->call));
	jobs_cancel(
	    core.jobs, (uint64_t)(c - H->call), "cancelled", BYTES_LIT("why"));
}

static void
leave(void)
{
	struct call *c = any_open();

	if (c == NULL)
		return;
	sim_trace("the client of call %u leaves", (unsigned)(c - H->call));
	jobs_leave(core.jobs, (uint64_t)(c - H->call), "gone", BYTES_LIT(""));
}

/* The table without it: its runs end, and none of it begins. */
static void
put_tokens(void)
{
	struct err e;

	token_table_unindex(&core.tokens);
	core.tokens.count = 0;
	for (unsigned i = 0; i < TOKENS; i++)
		if (!H->revoked[i] && token_table_add(&core.tokens,
					  token_ref(&token[i]), &e) != 0)
			sim_violate("the simulation: %s", e.what);
	jobs_cancel_revoked(core.jobs, &core.tokens);
}

static void
revoke_token(void)
{
	unsigned t = (unsigned)sim_below(TOKENS);

	if (H->revoked[t])
		return;
	sim_trace("token %u is revoked", t);
	H->revoked[t] = true;
	put_tokens();
	if (!world_is_told(t))
		sim_violate("a command of token %u was not told to end", t);
}

static void
kill_run(void)
{
	struct call *c = any_open();
	struct err e;
	char id[JOB_ID];

	if (c == NULL || c->id[0] == '\0')
		return;
	memcpy(id, c->id, sizeof(id));
	(void)!jobs_kill(core.jobs, id, "ended by the administrator", &e);
}

static void
crash(void)
{
	sim_trace("the executor is killed");
	(void)fflush(stdout);
	_exit(CRASHED);
}

static void
trouble(void)
{
	switch (sim_below(6)) {
	case 0:
		H->sync_fails = !H->sync_fails;
		sim_trace("syncs %s", H->sync_fails ? "fail" : "succeed");
		break;
	case 1:
		H->disk_full = !H->disk_full;
		sim_trace("the disk is %s", H->disk_full ? "full" : "not full");
		break;
	case 2:
		world_launcher_dies();
		break;
	case 3:
		world_break_guard();
		break;
	case 4:
		H->wall_us += sim_below(3) * 1000000 * 3600;
		break;
	default:
		if (sim_chance(15))
			crash();
		break;
	}
}

static void
act_once(void)
{
	struct call *c;

	switch (sim_below(12)) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
		ask();
		break;
	case 5:
	case 6:
		c = any_open();
		if (c != NULL)
			give_credit(c);
		break;
	case 7:
		cancel();
		break;
	case 8:
		leave();
		break;
	case 9:
		if (sim_chance(20))
			revoke_token();
		else if (sim_chance(40))
			audit_rotate(core.audit);
		else
			kill_run();
		break;
	default:
		if (sim_chance(40))
			trouble();
		break;
	}
}

/* Peace: no more trouble, and clients that take what there is. */
bool
sim_calm_down(void)
{
	bool gave = false;

	H->quiet = true;
	H->sync_fails = H->disk_full = false;
	for (unsigned i = 0; i < H->calls; i++) {
		struct call *c = &H->call[i];

		if (c->life != H->life || c->over || c->silent)
			continue;
		if (c->window - c->sent < 1 << 16) {
			give_credit(c);
			gave = true;
		}
		if (sim_now_ms() > c->asked_ms + PATIENCE_MS)
			sim_violate("call %u waits for ever", i);
	}
	return gave;
}

static void
check_now(void)
{
	for (unsigned t = 0; t < TOKENS; t++) {
		check_minute(t);
		if (world_alive(t) > policy_runs[t])
			sim_violate("token %u has %u commands at once", t,
			    world_alive(t));
	}
	if (world_alive(TOKENS) > 2 * MOST_RUNS)
		sim_violate("%u commands at once", world_alive(TOKENS));
	if (jobs_count(core.jobs) > MOST_RUNS)
		sim_violate("%zu runs at once", jobs_count(core.jobs));
}

void
sim_act(void)
{
	for (uint64_t n = sim_below(3); n > 0 && H->actions > 0; n--) {
		H->actions--;
		act_once();
	}
	check_now();
	if (H->actions == 0)
		(void)sim_calm_down();
}

static void
trace_run(void *arg, const struct job_view *v)
{
	(void)arg;
	sim_trace("left: %s %.*s", v->state, (int)v->command.len,
	    (const char *)v->command.p);
}

/* Nothing is left that could wake the executor: is all done? */
void
sim_idle(void)
{
	jobs_each(core.jobs, trace_run, NULL);
	for (unsigned i = 0; i < H->calls; i++) {
		const struct call *c = &H->call[i];

		if (c->life == H->life && !c->over && !c->silent)
			sim_violate(
			    "call %u is not answered, and nobody wakes the executor",
			    i);
	}
	if (!jobs_quiet(core.jobs))
		sim_violate("%zu runs are left, and places that nobody has",
		    jobs_count(core.jobs));
	if (world_busy())
		sim_violate("a guard is left behind");
	if (audit_pending(core.audit) || audit_unsynced(core.audit))
		sim_violate("records wait, and nobody writes them");
	H->closing = true;
	loop_stop(core.loop);
}

/* --- a life ----------------------------------------------------------------- */

static void
on_time(void *arg)
{
	(void)arg; /* on_idle does it */
}

static void
on_sync(void *arg)
{
	(void)arg;
	audit_sync(core.audit);
}

/* As executor/main.c has it. */
static int
on_idle(void *arg)
{
	int rc = jobs_flush(core.jobs);
	(void)arg;

	if (rc != 0 && rc != ERR_AGAIN && core.retry.at_ms == 0)
		loop_timer_set(core.loop, &core.retry, RETRY_MS);
	if (audit_unsynced(core.audit) && core.sync.at_ms == 0)
		loop_timer_set(core.loop, &core.sync, SYNC_MS);
	return jobs_busy(core.jobs) ? 0 : -1;
}

static void
must(bool ok, const struct err *e)
{
	if (!ok)
		sim_violate("the simulation: %s", e->what);
}

static void
open_core(void)
{
	static const struct job_ops ops = {
		.started = on_started, .output = on_output, .done = on_done
	};
	static const struct recordings_limits room = { .bytes = 1 << 26 };
	struct launcher_deps d = { .path = "launcher" };
	char kept[96];
	struct audit_setup s = { .path = H->log,
		.rotate_bytes = sim_chance(50) ? 0 : 20000 };
	struct err e = { 0 };

	core.loop = loop_new(&e);
	must(core.loop != NULL, &e);
	core.audit = audit_new(&s, &e);
	must(core.audit != NULL, &e);
	core.recordings = recordings_new(core.audit, &e);
	must(core.recordings != NULL, &e);
	recover_runs(core.audit, core.recordings, NULL, NULL);
	core.budget = log_budget_new(core.loop, core.audit, &e);
	must(core.budget != NULL, &e);
	log_budget_adjust(core.budget, sim_chance(50) ? 1 << 19 : 300);
	audit_use_log_budget(core.audit, core.budget);
	(void)snprintf(kept, sizeof(kept), "%s/kept", H->directory);
	recordings_adjust(core.recordings, &room);
	must(recordings_open(core.recordings, kept, &e) == 0, &e);
	core.jobs = jobs_new(
	    core.loop, core.audit, core.recordings, MOST_RUNS, &ops, NULL, &e);
	must(core.jobs != NULL, &e);
	core.ledger = ledger_new(core.loop, core.recordings, &e);
	must(core.ledger != NULL, &e);
	jobs_use_ledger(core.jobs, core.ledger);
	d.loop = core.loop;
	d.audit = core.audit;
	d.jobs = core.jobs;
	while (launcher_start(&d, &e) != 0)
		;
	core.retry.handler = on_time;
	core.sync.handler = on_sync;
	loop_on_idle(core.loop, on_idle, NULL);
}

/* In a process of its own. */
_Noreturn static void
live(bool last)
{
	struct err e = { 0 };

	memset(&core, 0, sizeof(core));
	H->actions = last ? 0 : 20 + (unsigned)sim_below(140);
	H->quiet = last;
	H->closing = H->sync_fails = H->disk_full = false;
	memset(H->revoked, 0, sizeof(H->revoked));
	world_begin();
	sim_on = true;
	open_core();
	put_tokens();
	must(loop_run(core.loop, &e) == 0, &e);
	launcher_stop();
	jobs_free(core.jobs);
	ledger_free(core.ledger);
	recordings_free(core.recordings);
	audit_use_log_budget(core.audit, NULL);
	log_budget_free(core.budget);
	audit_close(core.audit);
	(void)fflush(stdout);
	_exit(0);
}

/* A crash of the machine: of what was not synced any part is lost. */
static bool
lose_tail(const char *path, void *arg)
{
	struct stat st;
	off_t synced;
	(void)arg;

	if (stat(path, &st) == -1)
		return true;
	synced = world_synced(st.st_ino);
	if (st.st_size > synced)
		(void)!truncate(path,
		    synced +
			(off_t)sim_below((uint64_t)(st.st_size - synced) + 1));
	if (stat(path, &st) == 0)
		world_set_synced(st.st_ino, st.st_size);
	return true;
}

static bool
remove_file(const char *path, void *arg)
{
	(void)arg;
	return unlink(path) == 0;
}

static int
run_life(bool last)
{
	pid_t pid;
	int status = 0;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		live(last);
	while (waitpid(pid, &status, 0) != pid)
		;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	(void)printf("FAIL seed %llu: the executor ended by signal %d\n",
	    (unsigned long long)H->seed, WTERMSIG(status));
	return BROKEN;
}

/* Checks of the parent end a process, too. */
static int
in_child(void (*check)(bool), bool arg)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		check(arg);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) != pid)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : BROKEN;
}

static int
run_history(uint64_t seed)
{
	unsigned long records = H->records, steps = H->steps, jobs = H->jobs;
	unsigned lives = 1 + (unsigned)(seed % (LIVES - 1));
	char log[96], directory[64];
	int rc = 0;

	memcpy(log, H->log, sizeof(log));
	memcpy(directory, H->directory, sizeof(directory));
	memset(H, 0, sizeof(*H));
	memcpy(H->log, log, sizeof(log));
	memcpy(H->directory, directory, sizeof(directory));
	H->records = records;
	H->steps = steps;
	H->jobs = jobs;
	H->seed = H->random = seed;
	H->mono_ns = 1000000000000;
	H->wall_us = 1790000000000000;
	for (unsigned i = 0; i <= lives && rc == 0; i++) {
		H->life = i + 1;
		rc = run_life(i == lives);
		if (rc == CRASHED) {
			if (sim_chance(60))
				each_file(lose_tail, NULL);
			rc = 0;
		}
		if (rc == 0)
			rc = in_child(check_log, i == lives);
		H->mono_ns += 5000000000;
	}
	each_file(remove_file, NULL);
	return rc;
}

/* --- the program ------------------------------------------------------------ */

static void
make_tokens(void)
{
	static struct cidr none;
	struct conf_report r;
	struct err e = { 0 };
	char text[1024], name[8];

	conf_report_init(&r);
	for (unsigned i = 0; i < TOKENS; i++) {
		struct token *t = &token[i];

		(void)snprintf(name, sizeof(name), "p%u", i);
		(void)snprintf(text, sizeof(text),
		    "{\"user\":%u,\"group\":%u,\"directory\":\"/tmp\"" BARE
		    "%s}",
		    (unsigned)geteuid(), (unsigned)getegid(), policy_text[i]);
		if (policy_parse(name, name, bytes_of(text), NULL, &t->policy,
			&r, &e) != 0) {
			(void)fprintf(
			    stderr, "simulate: %s\n", buf_cstr(&r.text));
			exit(2);
		}
		(void)snprintf(t->name, sizeof(t->name), "t%u", i);
		t->refs = 1;
		t->directory = t->comment = "";
		t->sources = &none;
		memset(t->verifier, (int)i + 1, sizeof(t->verifier));
	}
	conf_report_fini(&r);
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

int
main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	uint64_t i, failed = 0;

	tracing = getenv("TRACE") != NULL;
	log_set_level(tracing ? LOG_LEVEL_DEBUG : (enum log_level)0);
	H = mmap(NULL, sizeof(*H), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (H == MAP_FAILED)
		return 2;
	(void)snprintf(H->directory, sizeof(H->directory), "%s/simulate.XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (mkdtemp(H->directory) == NULL)
		return 2;
	(void)snprintf(H->log, sizeof(H->log), "%s/audit.jsonl", H->directory);
	make_tokens();
	for (i = 0; i < count && failed == 0; i++)
		failed += run_history(seed + i) != 0;
	(void)nftw(H->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	(void)printf(
	    "# %llu histories from seed %llu: %lu waits, %lu jobs, %lu records read\n",
	    (unsigned long long)i, (unsigned long long)seed, H->steps, H->jobs,
	    H->records);
	return failed > 0;
}
