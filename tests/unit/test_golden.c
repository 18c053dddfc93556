/* SPDX-License-Identifier: MIT */
/*
 * Unit test of executor/profiles: the filter of each profile as text, against
 * what was reviewed and committed in tests/golden.  A change of a table shows
 * there, line by line.  From the top of the tree:
 *
 *   build/release/test_golden --update
 *
 * The text is libseccomp's pseudo code without the search tree, which moves
 * with every change: one line an action, with its system call and conditions.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "executor/confine/profiles.h"

/* libseccomp's names; each is made on any machine. */
static const char *const arches[] = { "x86_64", "aarch64", "riscv64" };

enum {
	MAX_LINES = 4096,
	MAX_LINE = 400,
	MAX_DEPTH = 16,
	INDENT = 2 /* of the pseudo code */
};

/* A filter as sorted lines. */
struct text {
	char line[MAX_LINES][MAX_LINE];
	size_t count;
};

/* Where the reader of pseudo code stands. */
struct reader {
	int program; /* 1: what is allowed; 2: what of that is refused */
	char call[64]; /* "  41 socket" */
	size_t depth; /* of its own condition */
	char condition[MAX_DEPTH][MAX_LINE / MAX_DEPTH * 4];
};

static bool update;

static void put(struct text *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
put(struct text *t, const char *fmt, ...)
{
	va_list ap;

	assert_true(t->count < MAX_LINES);
	va_start(ap, fmt);
	(void)vsnprintf(t->line[t->count++], MAX_LINE, fmt, ap);
	va_end(ap);
}

/* The header of a call: "# filter for syscall "socket" (41) [...". */
static bool
take_call(struct reader *r, const char *p, size_t depth)
{
	char name[40];
	int nr;

	if (sscanf(p, "# filter for syscall \"%39[^\"]\" (%d)", name, &nr) != 2)
		return false;
	(void)snprintf(r->call, sizeof(r->call), "%4d %s", nr, name);
	r->depth = depth + 1; /* the condition on its number */
	return true;
}

static void
take_action(struct text *t, struct reader *r, const char *p, size_t depth)
{
	char all[MAX_LINE] = "";
	size_t i, n = 0;

	if (depth == 0)
		(void)snprintf(r->call, sizeof(r->call), "   - other machine");
	else if (depth == 1)
		(void)snprintf(r->call, sizeof(r->call), "   - other call");
	else
		for (i = r->depth; i < depth && n < sizeof(all); i++)
			n += (size_t)snprintf(
			    all + n, sizeof(all) - n, " %s", r->condition[i]);
	put(t, "%d %s%s: %.*s", r->program, r->call, all,
	    (int)strcspn(p + 7, ";"), p + 7);
}

static void
take_line(struct text *t, struct reader *r, char *line)
{
	size_t depth = strspn(line, " ") / INDENT;
	char *p = line + strspn(line, " ");

	p[strcspn(p, "\n")] = '\0';
	if (strstr(p, "filter code start") != NULL)
		r->program++;
	else if (take_call(r, p, depth))
		return;
	else if (strncmp(p, "action ", 7) == 0)
		take_action(t, r, p, depth);
	else if (depth < MAX_DEPTH && *p != '#')
		(void)snprintf(
		    r->condition[depth], sizeof(r->condition[0]), "%s", p);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
describe(const struct profile_choice *c, const char *arch, struct text *t)
{
	struct reader r = { 0 };
	struct err e = { 0 };
	char line[MAX_LINE];
	FILE *f = tmpfile();

	assert_non_null(f);
	if (profile_describe(c, arch, fileno(f), &e) != 0)
		fail_msg("%s", e.what);
	rewind(f);
	t->count = 0;
	while (fgets(line, sizeof(line), f) != NULL)
		take_line(t, &r, line);
	(void)fclose(f);
	assert_true(t->count > 100); /* it was understood at all */
	qsort(t->line, t->count, sizeof(t->line[0]), compare);
}

static void
write_golden(const char *path, const struct text *t)
{
	FILE *f = fopen(path, "w");
	size_t i;

	if (f == NULL)
		fail_msg("%s: %s", path, strerror(errno));
	for (i = 0; i < t->count; i++)
		(void)fprintf(f, "%s\n", t->line[i]);
	assert_int_equal(fclose(f), 0);
}

/* Lines of calls that this libseccomp does not know are passed over. */
static bool
known(const char *line)
{
	char name[40];

	return sscanf(line, "%*d %*s %39[a-z0-9_]", name) != 1 ||
	       strstr(line, " - ") != NULL || profile_knows(name);
}

static bool
read_golden(const char *path, struct text *t)
{
	FILE *f = fopen(path, "r");
	char line[MAX_LINE];

	t->count = 0;
	if (f == NULL)
		return false;
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (known(line))
			put(t, "%s", line);
	}
	(void)fclose(f);
	qsort(t->line, t->count, sizeof(t->line[0]), compare);
	return true;
}

/* Both are sorted: say each line that only one of them has. */
static unsigned
differ(const char *path, const struct text *is, const struct text *was)
{
	unsigned found = 0;
	size_t i = 0, j = 0;

	while (i < is->count || j < was->count) {
		int d = i == is->count    ? 1
			: j == was->count ? -1
					  : strcmp(is->line[i], was->line[j]);

		if (d != 0)
			print_error("%s: %s%s\n", path, d < 0 ? "+ " : "- ",
			    d < 0 ? is->line[i] : was->line[j]);
		found += d != 0;
		i += d <= 0;
		j += d >= 0;
	}
	return found;
}

static void
check_one(const struct profile_choice *c, const char *variant, const char *arch)
{
	static struct text is, was;
	char path[160];

	(void)snprintf(path, sizeof(path), "tests/golden/%s%s.%s.pfc",
	    c->profile->name, variant, arch);
	describe(c, arch, &is);
	if (update) {
		write_golden(path, &is);
	} else if (!read_golden(path, &was)) {
		fail_msg("%s: not there; look at what --update writes", path);
	} else if (differ(path, &is, &was) != 0) {
		fail_msg(
		    "%s: not as it was reviewed; if that is meant, run test_golden --update and look at the difference",
		    path);
	}
}

static void
check(const struct profile_choice *c, const char *variant)
{
	for (size_t i = 0; i < sizeof(arches) / sizeof(arches[0]); i++)
		check_one(c, variant, arches[i]);
}

static void
check_all(const struct profile_choice *with, const char *variant)
{
	struct profile_choice c = *with;
	size_t i;

	for (i = 0; (c.profile = profile_at(i)) != NULL; i++)
		check(&c, variant);
	assert_true(i > 0);
}

/* As a policy has it that names nothing but the profile. */
static void
test_profiles(void **state)
{
	struct profile_choice c = { 0 };

	(void)state;
	check_all(&c, "");
}

/* "network": "host", and UNIX sockets. */
static void
test_with_sockets(void **state)
{
	struct profile_choice c = { .internet = true, .sockets = true };

	(void)state;
	check_all(&c, "-with-sockets");
}

static void
test_with_programs(void **state)
{
	struct profile_choice c = { .noexec = true };

	(void)state;
	c.profile = profile_at(1);
	assert_string_equal(c.profile->name, "default");
	check(&c, "-with-programs");
}

/* The comparison itself: what is missing and what is too much both show. */
static void
test_differences(void **state)
{
	static struct text a, b;
	struct profile_choice c = { .profile = profile_at(0) };

	(void)state;
	describe(&c, NULL, &a);
	describe(&c, NULL, &b);
	assert_int_equal(differ("expected", &a, &b), 0);
	(void)strcpy(b.line[b.count - 1], "9 added");
	assert_int_equal(differ("expected", &a, &b), 2);
	a.count--;
	assert_int_equal(differ("expected", &a, &b), 1);
}

/*
 * Each run pays for each instruction, and twice for a second program: a change
 * that makes more of them is one of speed too.  210 is a tenth above the longest.
 */
static void
test_length(void **state)
{
	struct profile_choice c = { .internet = true,
		.own_sockets = true,
		.watch_exec = true,
		.watch_rights = true,
		.watch_pid = true };
	struct filter f;
	struct err e;

	(void)state;
	for (size_t i = 0; (c.profile = profile_at(i)) != NULL; i++) {
		assert_int_equal(profile_compile(&c, FILTER_TELL, &f, &e), 0);
		if (f.prog.len > 210 || f.refine.len != 0)
			fail_msg("%s: %d and %d instructions", c.profile->name,
			    f.prog.len, f.refine.len);
		filter_fini(&f);
	}
}

/* What was asked last does not answer for another one. */
static void
test_choices_in_turn(void **state)
{
	const struct profile *usual = profile_find(BYTES_LIT("default"));
	const struct profile_choice plain = { .profile = usual };
	const struct profile_choice denied = { .profile = usual,
		.deny = { "unlink" } };
	const struct profile_choice watched = { .profile = usual,
		.watch_exec = true };
	const struct profile_choice other = { .profile = profile_find(
						  BYTES_LIT("build")) };
	(void)state;

	assert_non_null(usual);
	assert_non_null(other.profile);
	for (int i = 0; i < 2; i++) {
		assert_true(profile_allows(&plain, "unlink"));
		assert_true(profile_allows(&plain, "unlink"));
		assert_false(profile_allows(&denied, "unlink"));
		assert_true(profile_watched(&watched) != 0);
		assert_int_equal(profile_watched(&plain), 0);
		assert_false(profile_allows(&plain, "ptrace"));
		assert_true(profile_allows(&other, "ptrace"));
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_with_sockets),
		cmocka_unit_test(test_with_programs),
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_choices_in_turn),
	};

	update = argc > 1 && strcmp(argv[1], "--update") == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
