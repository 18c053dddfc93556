/* SPDX-License-Identifier: MIT */
/*
 * test_nth_redact: a secret that is looked for with too little memory.
 *
 * Of what looks for it one allocation after the other finds no memory: the secret
 * is in no record, and not in what people are shown, whichever it was.  What
 * could not be read in each of its spellings is taken out as a whole.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "executor/audit/redact.h"
#include "tests/unit/fixture_nth.h"

#define SECRET "s3cr3t"

enum { MOST = 1000 /* allocations for one text */ };

/* Each is found by one reading alone. */
static const struct {
	struct bytes text;
	bool list;
} texts[] = {
	{ BYTES_LIT("run password=" SECRET), false },
	{ BYTES_LIT("run pass'wo'rd=" SECRET " on"), false },
	{ BYTES_LIT("sh -c \"sh -c \\\"pass''word=" SECRET "\\\"\""), false },
	{ BYTES_LIT("get ?p%61ssword%3D" SECRET), false },
	{ BYTES_LIT("get '?p%61ss'\"word%3D\"" SECRET), false },
	{ BYTES_LIT("sh\0-c\0pass'wo'rd=" SECRET "\0"), true },
	{ BYTES_LIT("get\0--password\0" SECRET "\0"), true },
	{ BYTES_LIT("get\0?p%61ssword%3D" SECRET "\0"), true },
};

static struct redact *
rules(void)
{
	struct err e = { 0 };
	struct redact *r = redact_new(&e);

	assert_non_null(r);
	assert_int_equal(
	    redact_add_key(r, "key", BYTES_LIT("password"), &e), 0);
	assert_int_equal(
	    redact_add_key(r, "key", BYTES_LIT("--password"), &e), 0);
	assert_int_equal(redact_ready(r, &e), 0);
	return r;
}

static void
tell(struct redact *r, struct bytes text, bool list, bool show, struct buf *b)
{
	if (show)
		redact_show(r, b, text, 4096);
	else if (list)
		redact_put_words(r, b, "c", text, false);
	else
		redact_put(r, b, "c", text, false);
}

/* With the nth allocation failing; was there one? */
static bool
try(unsigned n, size_t which, bool show, struct buf *b)
{
	struct redact *r = rules(); /* what it keeps, it has not made yet */

	buf_reset(b);
	buf_put_u8(b, '{');
	nth.kind = MEMORY;
	nth.error = ENOMEM;
	nth.left = n;
	nth.name = NULL;
	nth.armed = true;
	tell(r, texts[which].text, texts[which].list, show, b);
	nth.armed = false;
	redact_free(r);
	if (strstr(buf_cstr(b), SECRET) != NULL)
		fail_msg("text %zu, %s, allocation %u: %s", which,
		    nth.name != NULL ? nth.name : "without a failure", n,
		    buf_cstr(b));
	return nth.name != NULL;
}

static void
each(bool show)
{
	struct buf b;
	unsigned n, failed = 0, whole = 0;

	buf_init(&b, 1 << 20);
	buf_expect(&b, 1 << 16); /* not when it is filled */
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (show && texts[i].list)
			continue;
		assert_false(try(0, i, show, &b));
		/* the control: no more than the secret is gone */
		assert_non_null(strstr(buf_cstr(&b), "[redacted:key]"));
		assert_non_null(memmem(b.p, b.len, texts[i].text.p, 2));
		for (n = 1; n < MOST && try(n, i, show, &b); n++) {
			failed++;
			whole += memmem(b.p, b.len, texts[i].text.p, 2) == NULL;
		}
		assert_true(n < MOST);
	}
	buf_fini(&b);
	assert_true(failed > 10 && whole > 10);
}

static void
test_recorded(void **state)
{
	(void)state;
	each(false);
}

static void
test_shown(void **state)
{
	(void)state;
	each(true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded),
		cmocka_unit_test(test_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
