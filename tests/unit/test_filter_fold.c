/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of common/filter_fold.  Programs as libseccomp writes them, at
 * random, run in an interpreter before and after: every number that may make
 * a difference, with arguments that may make one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "common/filter_fold.h"

enum {
	NATIVE = 0x1234, /* an architecture */
	LOAD = BPF_LD | BPF_W | BPF_ABS,
	AND = BPF_ALU | BPF_AND | BPF_K,
	GO = BPF_JMP | BPF_JA,
	EQUAL = BPF_JMP | BPF_JEQ | BPF_K,
	LEAST = BPF_JMP | BPF_JGE | BPF_K,
	ABOVE = BPF_JMP | BPF_JGT | BPF_K,
	ANY_OF = BPF_JMP | BPF_JSET | BPF_K,
	RETURN = BPF_RET | BPF_K,
	NUMBERS = 600, /* looked at */
	LOW = offsetof(struct seccomp_data, args), /* of argument 0 */
	HIGH = LOW + 4
};

static const uint32_t verdicts[] = { SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | 38,
	SECCOMP_RET_ERRNO | 1, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_KILL_PROCESS,
	SECCOMP_RET_LOG, SECCOMP_RET_TRAP };

enum { VERDICTS = sizeof(verdicts) / sizeof(verdicts[0]) };

struct program {
	struct sock_filter code[BPF_MAXINSNS];
	struct sock_fprog prog;
};

static void
put(struct program *p, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	assert_true(p->prog.len < BPF_MAXINSNS);
	p->code[p->prog.len++] =
	    (struct sock_filter){ .code = code, .jt = jt, .jf = jf, .k = k };
	p->prog.filter = p->code;
}

static void
begin(struct program *p)
{
	p->prog = (struct sock_fprog){ .filter = p->code };
	put(p, LOAD, 0, 0, offsetof(struct seccomp_data, arch));
	put(p, EQUAL, 0, 1, NATIVE); /* true: go on, as libseccomp has it */
	put(p, GO, 0, 0, 1);
	put(p, RETURN, 0, 0, SECCOMP_RET_KILL_PROCESS);
	put(p, LOAD, 0, 0, offsetof(struct seccomp_data, nr));
}

static bool
jumps(uint16_t code, uint32_t a, uint32_t k)
{
	return code == EQUAL    ? a == k
	       : code == LEAST  ? a >= k
	       : code == ANY_OF ? (a & k) != 0
				: a > k;
}

static uint32_t
run(const struct sock_fprog *prog, const struct seccomp_data *d)
{
	const struct sock_filter *i;
	uint32_t a = 0xdeadbeef;

	for (size_t pc = 0; pc < prog->len; pc++) {
		i = &prog->filter[pc];
		if (i->code == RETURN)
			return i->k;
		if (i->code == LOAD)
			memcpy(&a, (const char *)d + i->k, 4);
		else if (i->code == AND)
			a &= i->k;
		else if (i->code == GO)
			pc += i->k;
		else
			pc += jumps(i->code, a, i->k) ? i->jt : i->jf;
	}
	fail_msg("the program has no end");
	return 0;
}

static int32_t
rank(uint32_t verdict)
{
	return (int32_t)(verdict & SECCOMP_RET_ACTION_FULL);
}

static uint32_t
run_both(const struct sock_fprog *prog, const struct sock_fprog *refine,
    const struct seccomp_data *d)
{
	uint32_t a = run(prog, d),
		 b = refine->len > 0 ? run(refine, d) : SECCOMP_RET_ALLOW;

	return rank(a) <= rank(b) ? a : b;
}

static void
compare_at(const struct sock_fprog *prog, const struct sock_fprog *refine,
    const struct sock_fprog *folded, struct seccomp_data *d)
{
	uint32_t is, should;

	static const uint32_t lows[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8,
		UINT32_MAX };

	for (size_t i = 0; i < sizeof(lows) / sizeof(lows[0]); i++)
		for (uint32_t high = 0; high < 2; high++) {
			uint32_t low = lows[i];

			d->args[0] = (uint64_t)high << 32 | low;
			is = run(folded, d);
			should = run_both(prog, refine, d);
			if (is != should)
				fail_msg("number %#x, %u and %u: %#x, not %#x",
				    (unsigned)d->nr, high, low, is, should);
		}
}

/* Returns its length. */
static size_t
check_same(const struct sock_fprog *prog, const struct sock_fprog *refine)
{
	static const uint32_t far[] = { 0x3fffffff, 0x40000000, 0x40000001,
		0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff };
	struct seccomp_data d = { .arch = NATIVE };
	struct buf text = { 0 };
	struct sock_fprog folded;

	buf_init(&text, BPF_MAXINSNS * sizeof(struct sock_filter));
	assert_true(filter_fold(prog, refine, &text));
	folded = (struct sock_fprog){
		.len = (unsigned short)(text.len / sizeof(struct sock_filter)),
		.filter = (struct sock_filter *)(void *)text.p
	};
	for (int nr = 0; nr < NUMBERS; nr++) {
		d.nr = nr;
		compare_at(prog, refine, &folded, &d);
	}
	for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
		d.nr = (int)far[i];
		compare_at(prog, refine, &folded, &d);
	}
	d.arch = NATIVE + 1;
	compare_at(prog, refine, &folded, &d);
	buf_fini(&text);
	return folded.len;
}

static unsigned
pick(unsigned below)
{
	return (unsigned)random() % below;
}

/* If the bit is set; a mask of more decides in one of its two ways alone. */
static void
put_bit(struct program *p, uint32_t bit, uint32_t verdict)
{
	uint32_t mask = pick(4) == 0 ? bit | 1 : bit;
	bool all = pick(2) == 0;

	put(p, LOAD, 0, 0, pick(8) == 0 ? HIGH : LOW);
	put(p, AND, 0, 0, mask);
	put(p, EQUAL, all ? 0 : 1, all ? 1 : 0, all ? mask : 0);
	put(p, RETURN, 0, 0, verdict);
}

/* Values downwards that end alike. */
static void
put_row(struct program *p, uint32_t from, unsigned count, uint32_t verdict)
{
	for (; count > 0 && from > 0; count--, from--) {
		put(p, EQUAL, 0, 1, from);
		put(p, RETURN, 0, 0, pick(9) == 0 ? verdicts[2] : verdict);
	}
}

/* What an argument decides: a half that nobody looks at, a mask, values. */
static void
put_argument(struct program *p, uint32_t fallback)
{
	unsigned i, values = 1 + pick(5);

	put(p, LOAD, 0, 0, HIGH);
	if (pick(2) == 0)
		put(p, AND, 0, 0, 0);
	put(p, EQUAL, 1, 0, 0);
	put(p, RETURN, 0, 0, verdicts[pick(VERDICTS)]);
	for (i = pick(4); i > 0; i--)
		put_bit(p, 1U << pick(4), verdicts[pick(2)]);
	put(p, LOAD, 0, 0, LOW);
	if (pick(2) == 0)
		put(p, AND, 0, 0, pick(2) == 0 ? 0 : 7);
	if (pick(3) == 0)
		put_row(p, 2 + pick(6), 1 + pick(4), verdicts[pick(2)]);
	for (i = 0; i < values; i++) {
		put(p, pick(2) == 0 ? EQUAL : ABOVE, 0, 1, pick(8));
		put(p, RETURN, 0, 0, verdicts[pick(VERDICTS)]);
	}
	put(p, RETURN, 0, 0, fallback);
}

/* A comparison for each number in turn; in between one that cuts all off. */
static void
put_numbers(struct program *p, unsigned step, unsigned arguments,
    const uint32_t *from, size_t count, uint32_t fallback)
{
	struct program part;
	unsigned nr, jump;

	for (nr = pick(step) + 1;
	     nr < NUMBERS - 50 && p->prog.len < BPF_MAXINSNS - 200;
	     nr += 1 + pick(step)) {
		part.prog.len = 0;
		if (pick(arguments) == 0)
			put_argument(&part, fallback);
		else
			put(&part, RETURN, 0, 0, from[pick((unsigned)count)]);
		jump = part.prog.len;
		put(p, pick(40) == 0 ? LEAST : EQUAL, 0, (uint8_t)jump,
		    p->code[p->prog.len - 1].code == LEAST ? NUMBERS - 40 : nr);
		for (unsigned i = 0; i < jump; i++)
			put(p, part.code[i].code, part.code[i].jt,
			    part.code[i].jf, part.code[i].k);
	}
	put(p, RETURN, 0, 0, fallback);
}

static void
test_one_program(void **state)
{
	static struct program p;
	const struct sock_fprog none = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < 300; i++) {
		srandom((unsigned)i);
		begin(&p);
		put_numbers(&p, 1 + (unsigned)i % 30, 2 + pick(30), verdicts,
		    1 + i % VERDICTS, verdicts[pick(VERDICTS)]);
		assert_true(check_same(&p.prog, &none) <= p.prog.len + 64U);
	}
}

/* The refining one says "allow" but of a few numbers, the other of those. */
static void
test_both_programs(void **state)
{
	static const uint32_t allow[] = { SECCOMP_RET_ALLOW };
	static struct program p, q;
	size_t i;

	(void)state;
	for (i = 0; i < 100; i++) {
		srandom((unsigned)i);
		begin(&p);
		put_numbers(&p, 20, ~0U, verdicts, VERDICTS, SECCOMP_RET_ALLOW);
		begin(&q);
		for (unsigned nr = 1; nr < 500; nr += 1 + pick(90)) {
			struct program part = { .prog = { .len = 0 } };
			struct seccomp_data d = { .nr = (int)nr,
				.arch = NATIVE };

			if (run(&p.prog, &d) != SECCOMP_RET_ALLOW)
				continue;
			put_argument(&part, SECCOMP_RET_ALLOW);
			put(&q, EQUAL, 0, (uint8_t)part.prog.len, nr);
			for (unsigned k = 0; k < part.prog.len; k++)
				put(&q, part.code[k].code, part.code[k].jt,
				    part.code[k].jf, part.code[k].k);
		}
		put(&q, RETURN, 0, 0, allow[0]);
		(void)check_same(&p.prog, &q.prog);
	}
}

/* Of two verdicts the stricter one, whichever program has it. */
static void
test_stricter(void **state)
{
	static struct program p, q;
	size_t a, b;

	(void)state;
	begin(&p);
	begin(&q);
	for (a = 0; a < VERDICTS; a++)
		for (b = 0; b < VERDICTS; b++) {
			put(&p, EQUAL, 0, 1, (uint32_t)(10 * a + b));
			put(&p, RETURN, 0, 0, verdicts[a]);
			put(&q, EQUAL, 0, 1, (uint32_t)(10 * a + b));
			put(&q, RETURN, 0, 0, verdicts[b]);
		}
	put(&p, RETURN, 0, 0, SECCOMP_RET_ERRNO | 38);
	put(&q, RETURN, 0, 0, SECCOMP_RET_ALLOW);
	(void)check_same(&p.prog, &q.prog);
	(void)check_same(&q.prog, &p.prog);
}

/* What is behind a jump of an argument's code is a part of it. */
static void
test_jump(void **state)
{
	static struct program p;
	const struct sock_fprog none = { 0 };

	(void)state;
	begin(&p);
	put(&p, EQUAL, 0, 7, 5);
	put(&p, LOAD, 0, 0, LOW);
	put(&p, EQUAL, 0, 5, 1);
	put(&p, GO, 0, 0, 1);
	put(&p, RETURN, 0, 0, SECCOMP_RET_TRAP);
	put(&p, LOAD, 0, 0, HIGH);
	put(&p, EQUAL, 0, 1, 0);
	put(&p, RETURN, 0, 0, SECCOMP_RET_ERRNO | 1);
	put(&p, RETURN, 0, 0, SECCOMP_RET_ALLOW);
	(void)check_same(&p.prog, &none);
}

/* What a row of numbers costs: no more than its two ends. */
static void
test_ranges(void **state)
{
	static struct program p;
	const struct sock_fprog none = { 0 };
	uint32_t nr;

	(void)state;
	begin(&p);
	for (nr = 0; nr < 400; nr++) {
		put(&p, EQUAL, 0, 1, nr);
		put(&p, RETURN, 0, 0,
		    nr == 200 ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW);
	}
	put(&p, RETURN, 0, 0, SECCOMP_RET_ERRNO | 38);
	/* three loads and comparisons of the start, two, and four verdicts */
	assert_in_range(check_same(&p.prog, &none), 5, 10);
}

/* As clone's flags and socket's families: bits, and values in a row. */
static void
test_arguments(void **state)
{
	static struct program p;
	const struct sock_fprog none = { 0 };
	uint32_t i;

	(void)state;
	begin(&p);
	put(&p, EQUAL, 0, 33, 5);
	for (i = 0; i < 4; i++) {
		put(&p, LOAD, 0, 0, LOW);
		put(&p, AND, 0, 0, 1U << i);
		put(&p, EQUAL, 0, 1, 1U << i);
		put(&p, RETURN, 0, 0, SECCOMP_RET_USER_NOTIF);
	}
	put(&p, LOAD, 0, 0, LOW);
	for (i = 0; i < 7; i++) {
		put(&p, EQUAL, 0, 1, 7 - i);
		put(&p, RETURN, 0, 0, SECCOMP_RET_TRAP);
	}
	put(&p, RETURN, 0, 0, SECCOMP_RET_ERRNO | 1);
	put(&p, RETURN, 0, 0, SECCOMP_RET_USER_NOTIF);
	put(&p, RETURN, 0, 0, SECCOMP_RET_ALLOW);
	/* four of the start, one, two of the bits, three of the row, five ends */
	assert_in_range(check_same(&p.prog, &none), 10, 16);
}

/* Behind 0 there is no further value. */
static void
test_row_to_zero(void **state)
{
	static const uint32_t values[] = { 1, 0, UINT32_MAX };
	static struct program p;
	const struct sock_fprog none = { 0 };
	size_t i;

	(void)state;
	begin(&p);
	put(&p, EQUAL, 0, 8, 5);
	put(&p, LOAD, 0, 0, LOW);
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		put(&p, EQUAL, 0, 1, values[i]);
		put(&p, RETURN, 0, 0, SECCOMP_RET_TRAP);
	}
	put(&p, RETURN, 0, 0, SECCOMP_RET_ALLOW);
	put(&p, RETURN, 0, 0, SECCOMP_RET_ERRNO | 1);
	(void)check_same(&p.prog, &none);
}

/* It must not guess: each of these stays as it is. */
static void
test_left_alone(void **state)
{
	static struct program p, q;
	struct buf out = { 0 };
	const struct sock_fprog none = { 0 };

	(void)state;
	buf_init(&out, BPF_MAXINSNS * sizeof(struct sock_filter));
	begin(&p); /* both look at the arguments of one call */
	put(&p, EQUAL, 0, 7, 5);
	put(&p, LOAD, 0, 0, LOW);
	put(&p, EQUAL, 0, 1, 1);
	put(&p, RETURN, 0, 0, SECCOMP_RET_ERRNO | 1);
	put(&p, EQUAL, 0, 1, 2);
	put(&p, RETURN, 0, 0, SECCOMP_RET_USER_NOTIF);
	put(&p, GO, 0, 0, 0);
	put(&p, GO, 0, 0, 0);
	put(&p, RETURN, 0, 0, SECCOMP_RET_ALLOW);
	assert_true(filter_fold(&p.prog, &none, &out));
	buf_reset(&out);
	assert_false(filter_fold(&p.prog, &p.prog, &out));
	assert_int_equal(out.len, 0);

	begin(&q); /* another architecture */
	put(&q, RETURN, 0, 0, SECCOMP_RET_ALLOW);
	assert_true(filter_fold(&p.prog, &q.prog, &out));
	buf_reset(&out);
	q.code[1].k++;
	assert_false(filter_fold(&p.prog, &q.prog, &out));

	begin(&q); /* a bit of the number is looked at */
	put(&q, BPF_JMP | BPF_JSET | BPF_K, 0, 0, 1);
	put(&q, RETURN, 0, 0, SECCOMP_RET_ALLOW);
	assert_false(filter_fold(&q.prog, &none, &out));

	begin(&q); /* the number after an argument */
	put(&q, LOAD, 0, 0, LOW);
	put(&q, LOAD, 0, 0, offsetof(struct seccomp_data, nr));
	put(&q, EQUAL, 0, 0, 1);
	put(&q, RETURN, 0, 0, SECCOMP_RET_ALLOW);
	assert_false(filter_fold(&q.prog, &none, &out));

	begin(&q); /* the same, behind a jump */
	put(&q, LOAD, 0, 0, LOW);
	put(&q, GO, 0, 0, 1);
	put(&q, RETURN, 0, 0, SECCOMP_RET_ALLOW);
	put(&q, LOAD, 0, 0, offsetof(struct seccomp_data, nr));
	put(&q, EQUAL, 0, 0, 1);
	put(&q, RETURN, 0, 0, SECCOMP_RET_ALLOW);
	assert_false(filter_fold(&q.prog, &none, &out));

	begin(&q); /* no end */
	put(&q, EQUAL, 0, 7, 1);
	put(&q, RETURN, 0, 0, SECCOMP_RET_ALLOW);
	assert_false(filter_fold(&q.prog, &none, &out));
	assert_false(filter_fold(&none, &none, &out));
	assert_int_equal(out.len, 0);
	buf_fini(&out);
}

/* One that begins in another way than has_start knows, in each of its parts. */
static void
test_other_starts(void **state)
{
	static const struct {
		size_t at;
		struct sock_filter is;
	} rows[] = {
		{ 0, { LOAD, 0, 0, offsetof(struct seccomp_data, nr) } },
		{ 0, { GO, 0, 0, 0 } },
		{ 1, { EQUAL, 1, 2, NATIVE } },
		{ 1, { EQUAL, 0, 2, NATIVE } }, /* the foreign go on as well */
		{ 1, { EQUAL, 0, 200, NATIVE } },
		{ 1, { ABOVE, 0, 1, NATIVE } },
	};
	static struct program p;
	struct buf out = { 0 };
	const struct sock_fprog none = { 0 };

	(void)state;
	buf_init(&out, BPF_MAXINSNS * sizeof(struct sock_filter));
	for (size_t i = 0; i <= sizeof(rows) / sizeof(rows[0]); i++) {
		begin(&p);
		put(&p, RETURN, 0, 0, SECCOMP_RET_ALLOW);
		if (i > 0)
			p.code[rows[i - 1].at] = rows[i - 1].is;
		if (filter_fold(&p.prog, &none, &out) != (i == 0))
			fail_msg("row %zu", i);
		buf_reset(&out);
	}
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_program),
		cmocka_unit_test(test_both_programs),
		cmocka_unit_test(test_stricter),
		cmocka_unit_test(test_jump),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_row_to_zero),
		cmocka_unit_test(test_left_alone),
		cmocka_unit_test(test_other_starts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
