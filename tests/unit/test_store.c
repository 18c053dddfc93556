/* SPDX-License-Identifier: MIT */
/* test_store: a reload of thousands of files, in steps that nobody waits for. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/digest.h"
#include "executor/confine/filtercache.h"
#include "executor/policy/store.h"

enum {
	POLICIES = 1000, /* the most */
	TOKENS = 9999, /* and one more is added */
	STEP_US = 500,
	MOST_MS = 5 * 10 /* 5 of a machine of its own; of a checker's more */
};

static char top[64];
static struct store store;
static struct conf_report report;

static void
write_file(const char *name, const char *text)
{
	char path[160];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", top, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static void
write_policy(unsigned i, const char *more)
{
	char name[64], text[256];

	(void)snprintf(name, sizeof(name), "policies.d/p%u.json", i);
	(void)snprintf(text, sizeof(text),
	    "{\"user\":%u,\"group\":%u,\"directory\":\"%s/work\"%s}",
	    (unsigned)geteuid(), (unsigned)getegid(), top, more);
	write_file(name, text);
}

static void
write_token(unsigned i)
{
	char name[64], text[256];

	(void)snprintf(name, sizeof(name), "tokens.d/t%u.json", i);
	(void)snprintf(text, sizeof(text),
	    "{\"verifier\":\"%064x\",\"policy\":\"p%u\",\"login_uid\":%u,\"created\":\"2026-01-01T00:00:00Z\"}",
	    i, i % POLICIES, 1900000000 + i);
	write_file(name, text);
}

static void
make_dir(const char *name)
{
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/%s", top, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static int
setup(void **state)
{
	char path[96];
	struct err e;

	(void)state;
	(void)strcpy(top, "/tmp/test_store.XXXXXX");
	assert_non_null(mkdtemp(top));
	make_dir("work");
	make_dir("policies.d");
	make_dir("tokens.d");
	make_dir("tools.d");
	write_file("c.json",
	    "{\"cgroup\":\"off\",\"frontend\":{\"path\":\"/bin/sh\",\"user\":65534}}");
	for (unsigned i = 0; i < POLICIES; i++)
		write_policy(i, "");
	for (unsigned i = 0; i < TOKENS; i++)
		write_token(i);
	conf_report_init(&report);
	(void)snprintf(path, sizeof(path), "%s/c.json", top);
	if (store_load(&store, path, &report, &e) != 0)
		fail_msg("%s: %s", e.what, buf_cstr(&report.text));
	return 0;
}

static int
teardown(void **state)
{
	char command[96];

	(void)state;
	store_fini(&store);
	conf_report_fini(&report);
	(void)snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

static double
cpu_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* All steps and the swap; ms that the longest of them took, of our time. */
static double
reload(enum store_kind kind, int want)
{
	double begin = cpu_ms(), longest = 0, took;
	struct store_load *l;
	struct err e = { 0 };
	bool over = false;
	unsigned steps = 0;

	conf_report_fini(&report);
	conf_report_init(&report);
	l = store_load_begin(&store, kind, &report, &e);
	assert_non_null(l);
	while (!over) {
		over = store_load_step(l, STEP_US);
		took = cpu_ms() - begin;
		begin += took;
		longest = took > longest ? took : longest;
		steps++;
	}
	assert_int_equal(store_load_end(l, &e), want);
	took = cpu_ms() - begin;
	begin += took;
	longest = took > longest ? took : longest;
	for (over = false; !over; begin += took) {
		over = store_load_tidy(l, STEP_US);
		took = cpu_ms() - begin;
		longest = took > longest ? took : longest;
	}
	print_message("# %u steps, the longest %.2f ms, the swap %.2f ms\n",
	    steps, longest, took);
	return longest;
}

static void
test_steps(void **state)
{
	size_t filters = filtercache_count();

	(void)state;
	assert_int_equal(filters, 1); /* of all policies */
	assert_true(reload(STORE_ALL, 0) < MOST_MS);
	assert_int_equal(store.tokens.count, TOKENS);
	assert_int_equal(store.policies.count, POLICIES);
	assert_int_equal(filtercache_count(), 1);
	assert_true(reload(STORE_TOKENS, 0) < MOST_MS);
	assert_int_equal(store.tokens.count, TOKENS);
	for (size_t i = 0; i < TOKENS; i++)
		assert_ptr_equal(store.tokens.t[i]->policy,
		    policy_find(&store.policies,
			bytes_of(store.tokens.t[i]->policy->name)));
}

/* Compiled ahead, as a child does: the bytes make the same filters. */
static void
test_handed_over(void **state)
{
	uint8_t want[DIGEST_BYTES];
	struct store_load *l;
	struct err e = { 0 };
	struct buf text;

	(void)state;
	write_policy(0, ",\"syscalls\":{\"deny\":[\"mincore\"]}");
	(void)reload(STORE_ALL, 0);
	assert_int_equal(filtercache_count(), 2);
	memcpy(want,
	    policy_find(&store.policies, BYTES_LIT("p0"))->filter.digest,
	    sizeof(want));
	buf_init(&text, 1 << 20);
	filtercache_write(1, &text);
	write_policy(0, "");
	(void)reload(STORE_ALL, 0);
	assert_int_equal(filtercache_count(), 1); /* nobody has it any more */
	/* cut: what is whole is taken, and the rest waits */
	text.len -= 3;
	assert_int_equal(filtercache_read(&text, &e), 0);
	assert_int_equal(filtercache_count(), 1);
	assert_true(text.len > 0);
	text.len += 3;
	assert_int_equal(filtercache_read(&text, &e), 0);
	assert_int_equal(text.len, 0);
	assert_int_equal(filtercache_count(), 2);
	write_policy(0, ",\"syscalls\":{\"deny\":[\"mincore\"]}");
	(void)reload(STORE_ALL, 0);
	assert_memory_equal(
	    policy_find(&store.policies, BYTES_LIT("p0"))->filter.digest, want,
	    sizeof(want));
	buf_fini(&text);
	l = store_load_begin(&store, STORE_ALL, &report, &e);
	store_load_free(l); /* given up at once */
}

/* A finding: the old stays, and tokens are those of their files. */
static void
test_bad(void **state)
{
	(void)state;
	write_policy(1, ",\"nonsense\":1");
	write_token(TOKENS);
	assert_true(reload(STORE_ALL, ERR_BAD) < MOST_MS);
	assert_non_null(strstr(buf_cstr(&report.text), "nonsense"));
	assert_int_equal(store.policies.count, POLICIES);
	assert_int_equal(store.tokens.count, TOKENS + 1);
	write_policy(1, "");
	(void)reload(STORE_ALL, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_handed_over),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
